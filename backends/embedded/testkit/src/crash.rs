//! Kill -9 and a full disk.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use opledger_embedded::engine::{Engine, EngineError};

use crate::Subject;
use crate::child::{again, lines_until};
use crate::entries::{all, key, put, value};
use crate::random::Random;

/// Writes and syncs batches from `FIRST` on, telling each that is durable, until killed.
pub fn child<T: Subject>() {
    let Ok(dir) = std::env::var("CASE_DIR") else { return };
    let dir = PathBuf::from(dir);
    let mut batch: u64 = std::env::var("CASE_FIRST").unwrap().parse().unwrap();
    let engine = T::Engine::open(&dir, &dir.join("../aside")).unwrap();
    loop {
        engine.apply(put((0..5).map(|i| (key(batch * 5 + i), value(batch * 5 + i, 0))))).unwrap();
        if batch.is_multiple_of(3) {
            engine.sync().unwrap();
            println!("ack {batch}");
        }
        batch += 1;
    }
}

pub fn what_was_acknowledged_survives_kill_9_and_batches_stay_whole<T: Subject>() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("store");
    std::fs::create_dir(&dir).unwrap();
    let mut next = 0_u64;
    let mut random = Random(9);
    for round in 0..10 {
        let acks = 5 + random.below(60);
        let mut child =
            again("crash::child", &[("CASE_DIR", dir.to_str().unwrap()), ("CASE_FIRST", &next.to_string())]);
        let mut last = None;
        let mut seen = 0;
        lines_until(&mut child, |line| {
            if let Some((_, ack)) = line.split_once("ack ") {
                last = Some(ack.parse::<u64>().unwrap());
                seen += 1;
            }
            seen == acks
        });
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        child.kill().unwrap(); // SIGKILL
        child.wait().unwrap();
        let last = last.expect("the child acknowledged nothing");
        let engine = T::Engine::open(&dir, &root.path().join("aside")).unwrap();
        assert!(engine.found().is_empty(), "{:?}", engine.found());
        let mut batch = 0;
        loop {
            let there = (0..5).filter(|i| {
                let found = engine.get(&key(batch * 5 + i)).unwrap();
                if let Some(found) = &found {
                    assert_eq!(*found, value(batch * 5 + i, 0));
                }
                found.is_some()
            });
            match there.count() {
                5 => batch += 1,
                0 => break,
                some => panic!("round {round}: batch {batch} has {some} of 5 entries"),
            }
        }
        assert!(batch > last, "round {round}: batch {last} was acknowledged, the store ends at {batch}");
        assert_eq!(all::<T>(&engine, false).unwrap().len() as u64, batch * 5, "a whole prefix and nothing else");
        next = batch;
        engine.close().unwrap();
    }
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

pub fn a_full_disk_is_told_as_such_and_the_store_opens_again_once_there_is_room<T: Subject>() {
    for round in 0..4 {
        full_disk::<T>(round);
    }
}

fn full_disk<T: Subject>(round: u64) {
    let root = tempfile::tempdir().unwrap();
    let place = root.path().join("small");
    std::fs::create_dir(&place).unwrap();
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&place).status();
    assert!(status.is_ok_and(|status| status.success()), "this test mounts a small tmpfs: run it as root, on Linux");
    let _mounted = Mounted(place.clone());
    let ballast = place.join("ballast");
    std::fs::write(&ballast, vec![1; 8 * 1024 * 1024 + 70_000 * round as usize]).unwrap();
    let dir = place.join("store");
    std::fs::create_dir(&dir).unwrap();
    let aside = place.join("aside");

    // On a thread, so that a hang is a failure.
    let (send, receive) = mpsc::channel();
    let writer = dir.clone();
    std::thread::spawn(move || {
        let engine = T::Engine::open(&writer, &writer.join("../aside")).unwrap();
        let mut synced = 0;
        let mut n = 0;
        let error = loop {
            let wrote = engine.apply(put((0..10).map(|i| (key(n * 10 + i), value(n * 10 + i, 0)))));
            let wrote = wrote.and_then(|()| if (n + round).is_multiple_of(4) { engine.sync() } else { Ok(()) });
            match wrote {
                Ok(()) if (n + round).is_multiple_of(4) => synced = n + 1,
                Ok(()) => {}
                Err(error) => break error,
            }
            n += 1;
            assert!(n < 10_000, "the disk never filled");
        };
        let again = engine.apply(put([(b"later".to_vec(), Vec::new())])).is_err();
        let _ = engine.get(&key(1));
        let closed = engine.close().is_err();
        send.send((synced, error, again, closed)).unwrap();
    });
    let (synced, error, again, closed) =
        receive.recv_timeout(Duration::from_secs(30)).expect("a full disk hangs the engine");
    assert!(matches!(&error, EngineError::Io(error) if error.kind() == ErrorKind::StorageFull), "{error:?}");
    assert!(again && closed, "the handle in doubt goes on");

    std::fs::remove_file(&ballast).unwrap();
    let engine = T::Engine::open(&dir, &aside).unwrap();
    for n in 0..synced * 10 {
        assert_eq!(engine.get(&key(n)).unwrap(), Some(value(n, 0)), "entry {n} of {} synced", synced * 10);
    }
    engine.apply(put([(b"later".to_vec(), b"room".to_vec())])).unwrap();
    engine.sync().unwrap();
    engine.close().unwrap();
    let engine = T::Engine::open(&dir, &aside).unwrap();
    assert_eq!(engine.get(b"later").unwrap(), Some(b"room".to_vec()));
    engine.close().unwrap();
}
