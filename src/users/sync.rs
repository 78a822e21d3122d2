//! Carrying users from one store to another: an agent's to the server, and the other way round.

use std::collections::HashMap;

use super::documents::{is_done, put, read_all};
use super::rows;
use crate::error::{ErrorKind, Result};
use crate::hash::Hash;
use crate::model::{Document, Kind, Tenant};
use crate::store::{Damage, Record, Scan, Store, Unit};
use crate::tracker::Tracker;

/// Users read, and written in one step, at a time.
const PAGE: usize = 100;
/// Versions of one user's credential read at a time: nearly all have one.
const VERSIONS: usize = 8;

/// What was carried over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserSync {
    /// Tenants that were new there.
    pub tenants: u64,
    /// Users that were new there.
    pub users: u64,
    /// Versions of credentials that were new there.
    pub credentials: u64,
    /// Users that are there already, and whose credential that store does not show to who carries: left as they are.
    pub withheld: u64,
    /// What differs on the two sides and was left as it is.
    pub conflicts: Vec<UserConflict>,
    /// Records that could not be read.
    pub damaged: Vec<Damage>,
}

/// A user or credential that is another on each side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserConflict {
    /// Which kind of document.
    pub kind: Kind,
    /// The user.
    pub user_hk: Hash,
    /// The user's tenant.
    pub tenant: Tenant,
    /// The hash_diff of the version that was to be carried over.
    pub ours: Hash,
    /// The hash_diff of the version that is there.
    pub theirs: Option<Hash>,
    /// What differs, and what can be done.
    pub reason: &'static str,
}

const TWICE: &str = "this e-mail was registered on both sides: each keeps its user and password";
const SAME_MOMENT: &str = "two passwords of the same moment: each side keeps its own until one is changed";
const MEANWHILE: &str = "it changed while it was carried over: carry users over again";

/// Carries tenants, users and credentials that `from` sees and `to` lacks. Sessions and attempts to log in stay where they
/// are.
///
/// Nothing is overwritten. A user's newest password, by load date, counts: versions that are newer than the open one
/// there are appended as they are; a side that is behind gets the others by a call in the other direction. A user who was
/// registered on each side by itself is a conflict, and no password of that user is carried over: or who can
/// register an e-mail on an agent could take over a user of the server. Doing it again changes nothing.
///
/// # Errors
/// Gives either store's error, such as 42501 where `to` may not write for a tenant; what was carried over before stays.
pub async fn sync_users<A: Store, B: Store>(from: &Tracker<A>, to: &Tracker<B>) -> Result<UserSync> {
    let mut run = Run { from, to, done: UserSync::default() };
    for kind in [Kind::Tenant, Kind::User] {
        run.carry(kind).await.map_err(|error| error.during("sync_users"))?;
    }
    Ok(run.done)
}

struct Run<'a, A, B> {
    from: &'a Tracker<A>,
    to: &'a Tracker<B>,
    done: UserSync,
}

/// A version on its way.
struct Way {
    kind: Kind,
    document: Document,
    unit: Unit,
}

impl<A: Store, B: Store> Run<'_, A, B> {
    async fn carry(&mut self, kind: Kind) -> Result<()> {
        let mut next = Some(Scan::Documents { kind, after: None });
        while let Some(scan) = next {
            let page = self.from.store().scan(self.from.scope(), &scan, PAGE).await?;
            self.done.damaged.extend(page.damaged);
            let documents: Vec<Document> = page
                .records
                .into_iter()
                .filter_map(|record| match record {
                    Record::Document(document) => Some(*document),
                    _ => None,
                })
                .collect();
            let ways = match kind {
                Kind::Tenant => self.tenants(documents).await?,
                _ => self.users(documents).await?,
            };
            self.commit(ways).await?;
            next = page.next;
        }
        Ok(())
    }

    /// One that is there is the same tenant, whoever registered it.
    async fn tenants(&self, documents: Vec<Document>) -> Result<Vec<Way>> {
        let there = self.there(Kind::Tenant, &documents).await?;
        let new = documents.into_iter().filter(|document| !there.contains_key(&document.key));
        new.map(|document| way(document, None)).collect()
    }

    async fn users(&mut self, documents: Vec<Document>) -> Result<Vec<Way>> {
        let there = self.there(Kind::User, &documents).await?;
        let keys: Vec<Hash> = documents.iter().map(|document| document.key).collect();
        let own = read_all(self.from.store(), self.from.scope(), Kind::Credential, &keys).await?;
        let (mut ways, mut known) = (Vec::new(), Vec::new());
        for (user, own) in documents.into_iter().zip(own) {
            let key = user.key;
            match there.get(&key) {
                Some(same) if (same.load_date, same.hash_diff) == (user.load_date, user.hash_diff) => known.extend(own),
                Some(other) => self.conflict(&user, Some(other.hash_diff), TWICE),
                None => {
                    ways.push(way(user, None)?);
                    if let Some(own) = own {
                        self.credentials(key, &own, None, &mut ways).await?;
                    }
                }
            }
        }
        match self.there(Kind::Credential, &known).await {
            Ok(stored) => {
                for own in known {
                    self.credentials(own.key, &own, stored.get(&own.key), &mut ways).await?;
                }
            }
            Err(error) if error.kind() == ErrorKind::Permission => {
                self.done.withheld += u64::try_from(known.len()).unwrap_or(u64::MAX);
            }
            Err(error) => return Err(error),
        }
        Ok(ways)
    }

    /// The versions of a credential that are newer than the open one there.
    async fn credentials(
        &mut self,
        user: Hash,
        own: &Document,
        stored: Option<&Document>,
        ways: &mut Vec<Way>,
    ) -> Result<()> {
        if let Some(stored) = stored.filter(|stored| stored.load_date >= own.load_date) {
            if stored.load_date == own.load_date && stored.hash_diff != own.hash_diff {
                self.conflict(own, Some(stored.hash_diff), SAME_MOMENT);
            }
            return Ok(());
        }
        let mut open = stored.cloned();
        let since = stored.map_or(crate::Timestamp::MIN, |stored| stored.load_date);
        let mut next = Some(Scan::Documents { kind: Kind::Credential, after: Some((user, since)) });
        while let Some(scan) = next {
            let page = self.from.store().scan(self.from.scope(), &scan, VERSIONS).await?;
            next = page.next;
            for record in page.records {
                let Record::Document(version) = record else { continue };
                if version.key != user {
                    return Ok(());
                }
                let document = *version;
                if let Err(error) = rows::cost(&document) {
                    let record = format!("{} {}", document.kind, document.key);
                    self.done.damaged.push(Damage::new(record, error.message()));
                    return Ok(());
                }
                ways.push(way(document.clone(), open.as_ref())?);
                open = Some(document);
            }
        }
        Ok(())
    }

    async fn there(&self, kind: Kind, documents: &[Document]) -> Result<HashMap<Hash, Document>> {
        if documents.is_empty() {
            return Ok(HashMap::new());
        }
        let keys: Vec<Hash> = documents.iter().map(|document| document.key).collect();
        let found = read_all(self.to.store(), self.to.scope(), kind, &keys).await?;
        Ok(found.into_iter().flatten().map(|document| (document.key, document)).collect())
    }

    async fn commit(&mut self, ways: Vec<Way>) -> Result<()> {
        if ways.is_empty() {
            return Ok(());
        }
        let units = ways.iter().map(|way| way.unit.clone()).collect();
        let outcomes = self.to.store().commit(units).await?;
        for (way, outcome) in ways.into_iter().zip(&outcomes) {
            if !is_done(Some(outcome)) {
                self.conflict(&way.document, None, MEANWHILE);
                continue;
            }
            let count = match way.kind {
                Kind::Tenant => &mut self.done.tenants,
                Kind::User => &mut self.done.users,
                _ => &mut self.done.credentials,
            };
            *count += 1;
            if way.kind == Kind::Credential
                && let (Some(tenant), Ok(cost)) = (way.document.tenant, rows::cost(&way.document))
            {
                self.to.users().costliest.raise(tenant, cost);
            }
        }
        Ok(())
    }

    fn conflict(&mut self, own: &Document, theirs: Option<Hash>, reason: &'static str) {
        let Document { kind, key, tenant, hash_diff, .. } = *own;
        self.done.conflicts.push(UserConflict { kind, user_hk: key, tenant, ours: hash_diff, theirs, reason });
    }
}

fn way(document: Document, open: Option<&Document>) -> Result<Way> {
    let unit = put(document.clone(), open)?;
    Ok(Way { kind: document.kind, document, unit })
}
