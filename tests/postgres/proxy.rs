//! A TCP proxy in front of a server's socket, which cuts connections where it is told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

/// Where to cut: after so many more bytes of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// On the way to the server: it sees a part of what was asked, or nothing.
    Question(i64),
    /// On the way back: the server has done what was asked, and nobody is told.
    Answer(i64),
}

const NEVER: i64 = i64::MAX;

pub(crate) struct Proxy {
    pub(crate) port: u16,
    question: Arc<AtomicI64>,
    answer: Arc<AtomicI64>,
}

impl Proxy {
    /// Forwards to the server whose socket is in `folder`; its threads end with the process.
    pub(crate) fn start(folder: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (question, answer) = (Arc::new(AtomicI64::new(NEVER)), Arc::new(AtomicI64::new(NEVER)));
        let (up, down) = (Arc::clone(&question), Arc::clone(&answer));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Without a server the client is told at once.
                let Ok(server) = UnixStream::connect(folder.join(".s.PGSQL.5432")) else { continue };
                forward(&client, &server, &up, &down);
            }
        });
        Self { port, question, answer }
    }

    /// Cuts the connection that next passes so many bytes; once.
    pub(crate) fn cut(&self, cut: Cut) {
        match cut {
            Cut::Question(bytes) => self.question.store(bytes, Ordering::SeqCst),
            Cut::Answer(bytes) => self.answer.store(bytes, Ordering::SeqCst),
        }
    }

    /// Whether the last cut was made.
    pub(crate) fn has_cut(&self) -> bool {
        [&self.question, &self.answer].iter().all(|left| left.load(Ordering::SeqCst) == NEVER)
    }
}

fn forward(client: &TcpStream, server: &UnixStream, up: &Arc<AtomicI64>, down: &Arc<AtomicI64>) {
    let ends = || (client.try_clone().expect("a stream"), server.try_clone().expect("a stream"));
    let (left, (mut from, mut to)) = (Arc::clone(up), ends());
    let (client_end, server_end) = ends();
    thread::spawn(move || {
        pass(&mut from, &mut to, &left);
        close(&client_end, &server_end);
    });
    let (left, (mut to, mut from)) = (Arc::clone(down), ends());
    let (client_end, server_end) = ends();
    thread::spawn(move || {
        pass(&mut from, &mut to, &left);
        close(&client_end, &server_end);
    });
}

fn close(client: &TcpStream, server: &UnixStream) {
    // One that is closed already is as it should be.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

/// Passes bytes on until an end closes, or there are none left to pass.
fn pass(from: &mut impl Read, to: &mut impl Write, left: &AtomicI64) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let length = i64::try_from(read).unwrap_or(NEVER);
        let before = left.load(Ordering::SeqCst);
        if before != NEVER {
            if before < length {
                let _ = to.write_all(&buffer[..usize::try_from(before).unwrap_or_default()]);
                left.store(NEVER, Ordering::SeqCst);
                return;
            }
            left.fetch_sub(length, Ordering::SeqCst);
        }
        if to.write_all(&buffer[..read]).is_err() {
            return;
        }
    }
}
