//! A proxy in front of the server's socket that loses a connection exactly at a COMMIT.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Which COMMIT is not answered: the one of the session in which this was said before.
#[derive(Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) after: &'static str,
    /// Whether the server gets to see it.
    pub(crate) arrives: bool,
}

/// The port of a proxy whose threads end with the process.
pub(crate) fn start(folder: PathBuf, lost: Lost) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = UnixStream::connect(folder.join(".s.PGSQL.5432")).unwrap();
            let (to_client, from_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let is_lost = Arc::new(AtomicBool::new(false));
            let swallows = Arc::clone(&is_lost);
            thread::spawn(move || answers(from_server, to_client, &swallows));
            thread::spawn(move || questions(client, server, lost, &is_lost));
        }
    });
    port
}

fn questions(mut client: TcpStream, mut server: UnixStream, lost: Lost, is_lost: &AtomicBool) {
    let mut buffer = [0; 65_536];
    let mut is_the_session = false;
    while let Ok(read @ 1..) = client.read(&mut buffer) {
        let said = &buffer[..read];
        let says = |text: &str| said.windows(text.len()).any(|part| part == text.as_bytes());
        is_the_session |= says(lost.after);
        if is_the_session && says("COMMIT\0") {
            is_lost.store(true, Ordering::SeqCst);
            if !lost.arrives {
                break;
            }
        }
        if server.write_all(said).is_err() {
            break;
        }
    }
    close(&client, &server);
}

fn answers(mut server: UnixStream, mut client: TcpStream, is_lost: &AtomicBool) {
    let mut buffer = [0; 65_536];
    while let Ok(read @ 1..) = server.read(&mut buffer) {
        if is_lost.load(Ordering::SeqCst) || client.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    close(&client, &server);
}

fn close(client: &TcpStream, server: &UnixStream) {
    // One that is closed already is as it should be.
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}
