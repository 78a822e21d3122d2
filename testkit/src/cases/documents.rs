//! Documents: versions by key, judged against the open one.

use std::time::Duration;

use opledger::hash::Metadata;
use opledger::model::{Document, Kind, UnitId};
use opledger::store::{Change, Key, Outcome, Put, Record, Refusal, Scan, Unit};
use opledger::users::user_key;
use opledger::{Clock, Hash, Store, Tenant, Tracker, hash_key};

use crate::{Bench, Factory};

fn document<F: Factory>(bench: &Bench<F>, kind: Kind, key: &str, tenant: Tenant, said: &str) -> Document {
    let body = Metadata::parse(&format!(r#"{{"said": "{said}"}}"#)).unwrap();
    Document::new((kind, Hash::of(key)), tenant, bench.clock.now(), body, "testkit").unwrap()
}

pub(super) fn put(next: &Document, expect_open: Option<&Document>) -> Unit {
    let put = Put { next: next.clone(), expect_open: expect_open.map(|open| open.hash_diff) };
    Unit { id: UnitId::random().unwrap(), change: Change::Put(put) }
}

async fn commit_one<S: Store>(tracker: &Tracker<S>, unit: &Unit) -> Outcome {
    tracker.store().commit(vec![unit.clone()]).await.unwrap()[0]
}

async fn open<S: Store>(tracker: &Tracker<S>, of: &Document) -> Option<Document> {
    let mut found = tracker.store().get(tracker.scope(), &[Key::Document(of.kind, of.key)]).await.unwrap();
    found.pop().unwrap().map(|record| match record {
        Record::Document(document) => *document,
        other => panic!("{other:?}"),
    })
}

async fn all<S: Store>(tracker: &Tracker<S>, kind: Kind, limit: usize) -> Vec<Document> {
    let scan = Scan::Documents { kind, after: None };
    let records = crate::recount::records(tracker.store(), tracker.scope(), scan, limit).await.unwrap();
    let documents = records.into_iter().map(|record| match record {
        Record::Document(document) => *document,
        other => panic!("{other:?}"),
    });
    documents.collect()
}

/// One of a tenant's documents, in the form that a store may insist on where it keeps that kind in tables of its own.
fn of_acme<F: Factory>(bench: &Bench<F>, kind: Kind, said: &str) -> Document {
    let tenant = hash_key("acme");
    let user = user_key(tenant, "bob@example.org");
    let (key, body) = match kind {
        Kind::Tenant => (tenant, format!(r#"{{"tenant_id": "acme", "registered_by": "{said}"}}"#)),
        Kind::User => (user, format!(r#"{{"email": "bo{}@example.org"}}"#, said.replace('a', "b").replace('c', "B"))),
        Kind::Credential => (user, format!(r#"{{"password_hash": "$2a$04${}"}}"#, said.repeat(53))),
        _ => (Hash::of("one"), format!(r#"{{"said": "{said}"}}"#)),
    };
    let body = Metadata::parse(&body).unwrap();
    Document::new((kind, key), Some(tenant), bench.clock.now(), body, "testkit").unwrap()
}

pub(super) async fn versions_are_kept<F: Factory>(bench: &mut Bench<F>) {
    for kind in Kind::ALL {
        let first = of_acme(bench, kind, "a");
        bench.clock.elapse(Duration::from_micros(1));
        let second = of_acme(bench, kind, "c");
        bench.clock.elapse(Duration::from_micros(1));
        let third = of_acme(bench, kind, "a");
        let units = vec![put(&first, None), put(&second, Some(&first)), put(&third, Some(&second))];
        let outcomes = bench.tracker().store().commit(units).await.unwrap();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Done(_))), "{kind}: {outcomes:?}");
        bench.reopen().await;
        let acme = bench.tenant("acme");
        assert_eq!(open(&acme, &first).await.as_ref(), Some(&third), "{kind}");
        assert_eq!(open(bench.tracker(), &first).await, None, "{kind}");
        let kept = if kind.keeps_versions() { vec![first, second, third] } else { vec![third] };
        assert_eq!(all(&acme, kind, 10).await, kept, "{kind}");
    }
}

pub(super) async fn are_judged_by_the_open_version<F: Factory>(bench: &mut Bench<F>) {
    let first = document(bench, Kind::Gap, "one", None, "a");
    bench.clock.elapse(Duration::from_secs(1));
    let second = document(bench, Kind::Gap, "one", None, "b");
    let tracker = bench.tracker();
    assert_eq!(commit_one(tracker, &put(&second, Some(&first))).await, Outcome::Refused(Refusal::Unknown));
    let began = put(&first, None);
    assert!(matches!(commit_one(tracker, &began).await, Outcome::Done(_)));
    assert!(matches!(commit_one(tracker, &began).await, Outcome::Replayed(_)));
    let expected = Outcome::Conflict { ours: second.hash_diff, theirs: Some(first.hash_diff) };
    assert_eq!(commit_one(tracker, &put(&second, None)).await, expected);
    let same_unit = Unit { id: began.id, ..put(&second, None) };
    assert_eq!(commit_one(tracker, &same_unit).await, expected);
    assert_eq!(commit_one(tracker, &put(&second, Some(&second))).await, Outcome::Refused(Refusal::Moved));
    let mut early = second.clone();
    early.load_date = first.load_date;
    assert_eq!(commit_one(tracker, &put(&early, Some(&first))).await, Outcome::Refused(Refusal::NotLater));
    let followed = put(&second, Some(&first));
    assert!(matches!(commit_one(tracker, &followed).await, Outcome::Done(_)));
    bench.reopen().await;
    assert!(matches!(commit_one(bench.tracker(), &followed).await, Outcome::Replayed(_)));
    assert_eq!(all(bench.tracker(), Kind::Gap, 10).await, [first, second]);
}

pub(super) async fn belong_to_their_tenant<F: Factory>(bench: &mut Bench<F>) {
    let (ours, theirs) = (bench.tenant("ours"), bench.tenant("theirs"));
    let first = document(bench, Kind::Conflict, "one", theirs.scope().tenant(), "a");
    bench.clock.elapse(Duration::from_secs(1));
    assert!(matches!(commit_one(&theirs, &put(&first, None)).await, Outcome::Done(_)));
    let stolen = document(bench, Kind::Conflict, "one", ours.scope().tenant(), "b");
    let expected = Outcome::Conflict { ours: stolen.hash_diff, theirs: None };
    assert_eq!(commit_one(&ours, &put(&stolen, None)).await, expected);
    assert_eq!(commit_one(&ours, &put(&stolen, Some(&first))).await, Outcome::Refused(Refusal::Unknown));
    assert_eq!(open(&ours, &first).await, None);
    assert_eq!(all(&ours, Kind::Conflict, 10).await, []);
    assert_eq!(all(bench.tracker(), Kind::Conflict, 10).await, []);
    for sees in [theirs, bench.tracker().for_all()] {
        assert_eq!(open(&sees, &first).await.as_ref(), Some(&first));
        assert_eq!(all(&sees, Kind::Conflict, 10).await, std::slice::from_ref(&first));
    }
}

pub(super) async fn come_in_pages_by_key<F: Factory>(bench: &mut Bench<F>) {
    let mut expected = Vec::new();
    for number in 0..7 {
        let first = document(bench, Kind::Conflict, &format!("number {number}"), None, "a");
        bench.clock.elapse(Duration::from_micros(1));
        let second = document(bench, Kind::Conflict, &format!("number {number}"), None, "b");
        let units = vec![put(&first, None), put(&second, Some(&first))];
        bench.tracker().store().commit(units).await.unwrap();
        expected.extend([first, second]);
    }
    // Kinds stand side by side, and never in each other's pages.
    for kind in [Kind::Peer, Kind::Gap] {
        let other = document(bench, kind, "number 3", None, "another kind");
        assert!(matches!(commit_one(bench.tracker(), &put(&other, None)).await, Outcome::Done(_)));
    }
    expected.sort_by_key(|document| (document.key, document.load_date));
    for limit in [1, 2, 5, 100] {
        assert_eq!(all(bench.tracker(), Kind::Conflict, limit).await, expected, "{limit} at a time");
    }
}
