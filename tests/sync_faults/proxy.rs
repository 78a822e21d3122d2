//! A proxy before a unix socket, which cuts connections at any byte.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use opledger_engine_testkit::random::Random;

/// The name that PostgreSQL's clients look for.
const SOCKET: &str = ".s.PGSQL.5432";

pub(crate) struct Proxy {
    dir: tempfile::TempDir,
    shared: Arc<Shared>,
}

struct Shared {
    server: PathBuf,
    random: Mutex<Random>,
    bad: AtomicBool,
    connections: AtomicUsize,
    cuts: AtomicUsize,
}

impl Proxy {
    pub(crate) fn new(server: &Path, seed: u64) -> Self {
        let dir = tempfile::Builder::new().prefix("opledger-proxy-").tempdir_in("/tmp").unwrap();
        let listener = UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let shared = Arc::new(Shared {
            server: server.join(SOCKET),
            random: Mutex::new(Random(seed)),
            bad: AtomicBool::new(true),
            connections: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
        });
        let serving = Arc::clone(&shared);
        // It ends with the process.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serving.serve(client);
            }
        });
        Self { dir, shared }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }

    /// Cuts no connection any more; gives how many it cut.
    pub(crate) fn heal(&self) -> usize {
        self.shared.bad.store(false, Ordering::SeqCst);
        self.shared.cuts.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Passes bytes on in both directions; five of six connections end after some bytes. The first ones all do, after so few
    /// that no agent gets by without a cut, however fast the machine is.
    fn serve(self: &Arc<Self>, client: UnixStream) {
        let Ok(server) = UnixStream::connect(&self.server) else { return };
        let left = {
            let mut random = self.random.lock().unwrap();
            match self.connections.fetch_add(1, Ordering::SeqCst) {
                0..8 => 1 + random.below(1500),
                _ if self.bad.load(Ordering::SeqCst) && random.below(6) > 0 => 1 + random.below(20_000),
                _ => u64::MAX,
            }
        };
        let left = Arc::new(AtomicU64::new(left));
        for (from, to) in [(client.try_clone(), server.try_clone()), (server.try_clone(), client.try_clone())] {
            let (Ok(from), Ok(to)) = (from, to) else { return };
            let (shared, left) = (Arc::clone(self), Arc::clone(&left));
            std::thread::spawn(move || shared.pass_on(from, to, &left));
        }
    }

    fn pass_on(&self, mut from: UnixStream, mut to: UnixStream, left: &AtomicU64) {
        let mut bytes = [0; 4096];
        while let Ok(read) = from.read(&mut bytes) {
            let before = left.load(Ordering::SeqCst);
            let passing = usize::try_from(before).unwrap_or(usize::MAX).min(read);
            if before != u64::MAX {
                left.fetch_sub(u64::try_from(passing).unwrap(), Ordering::SeqCst);
            }
            if read == 0 || to.write_all(&bytes[..passing]).is_err() {
                break;
            }
            if passing < read {
                self.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
        // Both ways: a connection that is cut is gone.
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    }
}
