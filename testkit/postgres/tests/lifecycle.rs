//! A server goes with whoever asked for it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use opledger_testkit_postgres::Server;

#[test]
fn a_dropped_server_leaves_nothing() {
    let server = Server::start().unwrap();
    let folder = server.socket_folder().to_owned();
    let database = server.create_database().unwrap();
    let mut client = database.connect().unwrap();
    assert_eq!(client.query_one("SELECT 40 + 2", &[]).unwrap().get::<_, i32>(0), 42);
    let dsn = database.dsn("postgres");
    drop(server);
    assert!(!folder.exists());
    assert!(postgres::Client::connect(&dsn, postgres::NoTls).is_err());
}

#[test]
fn a_test_that_panics_leaves_nothing() {
    let mut folder = None;
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let server = Server::start().unwrap();
        folder = Some(server.socket_folder().to_owned());
        panic!("as a failing assertion does");
    }));
    assert!(panicked.is_err());
    assert!(!folder.unwrap().exists());
}
