//! What is between an agent and its server.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opledger::store::{
    Answer, Call, DynStore, Key, Outcome, Page, Plan, Purged, Record, Reply, Scan, Scope, Store, StoreInfo, Unit,
};
use opledger::{Error, ErrorKind, Position, Result, Timestamp};
use opledger_engine_testkit::random::Random;

use super::Counts;

/// A server behind a network that loses, doubles and delays calls.
#[derive(Clone)]
pub(crate) struct Network(Arc<Inner>);

struct Inner {
    server: Mutex<Arc<dyn DynStore>>,
    random: Mutex<Random>,
    /// Calls that have not arrived yet.
    late: Mutex<Vec<Vec<Unit>>>,
    bad: AtomicBool,
    counts: Mutex<Counts>,
}

impl Network {
    pub(crate) fn new(server: Arc<dyn DynStore>, seed: u64) -> Self {
        Self(Arc::new(Inner {
            server: Mutex::new(server),
            random: Mutex::new(Random(seed)),
            late: Mutex::default(),
            bad: AtomicBool::new(true),
            counts: Mutex::default(),
        }))
    }

    /// The server itself.
    pub(crate) fn server(&self) -> Arc<dyn DynStore> {
        Arc::clone(&self.0.server.lock().unwrap())
    }

    /// The server after a restart.
    pub(crate) fn replace(&self, server: Arc<dyn DynStore>) {
        *self.0.server.lock().unwrap() = server;
    }

    /// From now on every call arrives, once. What was late arrives first.
    pub(crate) async fn heal(&self) -> Counts {
        self.0.bad.store(false, Ordering::SeqCst);
        let late = std::mem::take(&mut *self.0.late.lock().unwrap());
        for units in late {
            self.server().commit(units).await.unwrap();
        }
        self.0.counts.lock().unwrap().clone()
    }

    fn below(&self, bound: u64) -> u64 {
        self.0.random.lock().unwrap().below(bound)
    }

    fn count(&self, fault: &'static str) {
        *self.0.counts.lock().unwrap().entry(fault).or_default() += 1;
    }

    fn lost(&self, fault: &'static str, kind: ErrorKind) -> Error {
        self.count(fault);
        Error::new(kind, fault)
    }

    fn read(&self) -> Result<()> {
        if self.0.bad.load(Ordering::SeqCst) && self.below(12) == 0 {
            return Err(self.lost("the server could not be read", ErrorKind::Connection));
        }
        Ok(())
    }

    /// Lets a call arrive that was late, perhaps; they come in any order.
    async fn arrive(&self) {
        let late = {
            let mut late = self.0.late.lock().unwrap();
            let count = u64::try_from(late.len()).unwrap();
            (count > 0 && self.below(3) == 0).then(|| late.swap_remove(usize::try_from(self.below(count)).unwrap()))
        };
        if let Some(units) = late {
            self.count("a call came late");
            // Nobody waits for its answer any more.
            let _ = self.server().commit(units).await;
        }
    }

    async fn send(self, units: Vec<Unit>) -> Result<Vec<Outcome>> {
        if !self.0.bad.load(Ordering::SeqCst) {
            return self.server().commit(units).await;
        }
        self.arrive().await;
        match self.below(10) {
            0 => Err(self.lost("a call was lost", ErrorKind::Connection)),
            1 => {
                self.server().commit(units).await?;
                Err(self.lost("an answer was lost", ErrorKind::Connection))
            }
            2 => {
                self.count("a call came twice");
                self.server().commit(units.clone()).await?;
                self.server().commit(units).await
            }
            3 => {
                self.0.late.lock().unwrap().push(units);
                Err(Error::new(ErrorKind::Connection, "no answer in time"))
            }
            4 => Err(self.lost("the server's disk was full", ErrorKind::DiskFull)),
            _ => self.server().commit(units).await,
        }
    }
}

type Committing = Pin<Box<dyn Future<Output = Result<Vec<Outcome>>> + Send>>;

impl Store for Network {
    fn info(&self) -> StoreInfo {
        self.server().info()
    }
    fn commit(&self, units: Vec<Unit>) -> impl Future<Output = Result<Vec<Outcome>>> + Send + use<> {
        let sent: Committing = Box::pin(self.clone().send(units));
        sent
    }
    async fn get(&self, scope: Scope, keys: &[Key]) -> Result<Vec<Option<Record>>> {
        self.read()?;
        self.server().get(scope, keys).await
    }
    async fn scan(&self, scope: Scope, scan: &Scan, limit: usize) -> Result<Page> {
        self.read()?;
        self.server().scan(scope, scan, limit).await
    }
    async fn answer(&self, scope: Scope, plan: &Plan) -> Result<Option<Answer>> {
        self.read()?;
        self.server().answer(scope, plan).await
    }
    async fn purge(&self, scope: Scope, before: Timestamp, limit: usize) -> Result<Purged> {
        self.server().purge(scope, before, limit).await
    }
    async fn wait(&self, after: Position, at_most: Duration) -> Result<Position> {
        self.server().wait(after, at_most).await
    }
    async fn call(&self, scope: Scope, call: &Call) -> Result<Option<Reply>> {
        self.server().call(scope, call).await
    }
    async fn close(&self) -> Result<()> {
        self.server().close().await
    }
}
