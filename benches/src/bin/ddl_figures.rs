//! What recording a DDL command costs: bare PostgreSQL, our event triggers, the least that writes as many rows, and pgaudit where
//! its package is installed, command by command in turns: `cargo run --release -p opledger-benches --bin ddl_figures [-- TURNS]`.
//!
//! The least is what a user would write in an afternoon: three triggers that write a hub and two versions, with no tenant, no
//! hash, no redacted text, no rights to look at, no nesting, and nothing that keeps a failure from the command.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that can't go on has nothing better to do than to say where"
)]

use std::time::{Duration, Instant};

use opledger_benches::system;
use opledger_testkit_postgres::{Builder, Database, Server};
use postgres::Client;

const TURNS: usize = 15;
const TURN: usize = 20;
/// One round, which leaves nothing behind.
const COMMANDS: [(&str, &str); 12] = [
    ("CREATE TABLE", "CREATE TABLE bench.t (id integer, name varchar(20) DEFAULT 'none')"),
    ("ALTER TABLE ADD COLUMN", "ALTER TABLE bench.t ADD COLUMN at timestamptz"),
    ("CREATE INDEX", "CREATE INDEX i ON bench.t (id)"),
    ("CREATE VIEW", "CREATE VIEW bench.v AS SELECT id, name FROM bench.t"),
    ("COMMENT", "COMMENT ON TABLE bench.t IS 'one of many'"),
    ("GRANT", "GRANT SELECT ON bench.t TO PUBLIC"),
    (
        "CREATE FUNCTION",
        "CREATE FUNCTION bench.f(x integer) RETURNS integer LANGUAGE plpgsql AS $$ BEGIN RETURN x + 1; END $$",
    ),
    ("ALTER TABLE (rewrite)", "ALTER TABLE bench.t ALTER COLUMN id TYPE bigint USING id + 1, ADD COLUMN more text"),
    ("DROP FUNCTION", "DROP FUNCTION bench.f(integer)"),
    ("DROP VIEW", "DROP VIEW bench.v"),
    ("DROP INDEX", "DROP INDEX bench.i"),
    ("DROP TABLE", "DROP TABLE bench.t"),
];
/// CREATE VIEW stands in the way of the rewrite, as it does for everyone.
const BEFORE: [(usize, &str); 2] =
    [(7, "DROP VIEW bench.v"), (9, "CREATE VIEW bench.v AS SELECT id, name FROM bench.t")];

const LEAST: &str = "CREATE SCHEMA least;
    CREATE TABLE least.h (hk bytea PRIMARY KEY, bk text, load_date timestamptz);
    CREATE TABLE least.s (hk bytea, load_date timestamptz, load_end_date timestamptz, name text, type text, status text,
        started timestamptz, duration_ms integer, login text, objects text[], command text, PRIMARY KEY (hk, load_date));
    CREATE FUNCTION least.begin() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM set_config('least.began', clock_timestamp()::text, true), set_config('least.dropped', '{}', true); END $$;
    CREATE FUNCTION least.drop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM set_config('least.dropped', ARRAY(SELECT object_identity FROM pg_event_trigger_dropped_objects())::text, true); END $$;
    CREATE FUNCTION least.end() RETURNS event_trigger LANGUAGE plpgsql AS $$
        DECLARE v_began timestamptz := current_setting('least.began'); v_ended timestamptz := clock_timestamp();
            v_bk text := TG_TAG || v_began || random(); v_hk bytea := sha256(convert_to(v_bk, 'UTF8'));
            v_objects text[] := ARRAY(SELECT object_identity FROM pg_event_trigger_ddl_commands())
                || current_setting('least.dropped')::text[];
        BEGIN
            INSERT INTO least.h VALUES (v_hk, v_bk, v_ended);
            INSERT INTO least.s VALUES
                (v_hk, v_began, v_ended, TG_TAG, 'DDL', 'RUNNING', v_began, NULL, session_user, v_objects, current_query()),
                (v_hk, v_ended, NULL, TG_TAG, 'DDL', 'COMPLETED', v_began,
                    extract(epoch FROM v_ended - v_began) * 1000, session_user, v_objects, current_query());
        END $$;
    CREATE EVENT TRIGGER least_begin ON ddl_command_start EXECUTE FUNCTION least.begin();
    CREATE EVENT TRIGGER least_drop ON sql_drop EXECUTE FUNCTION least.drop();
    CREATE EVENT TRIGGER least_end ON ddl_command_end EXECUTE FUNCTION least.end();";

fn main() {
    let turns = std::env::args().nth(1).map_or(TURNS, |turns| turns.parse().unwrap());
    // A server each: files of one slow down the files of another in the same folder.
    let servers: Vec<Server> =
        [server(), server(), server()].into_iter().map(|server| server.start().unwrap()).collect();
    let databases: Vec<Database<'_>> = servers.iter().map(|server| server.create_database().unwrap()).collect();
    databases[1].connect().unwrap().batch_execute(&opledger_sql::install_script()).unwrap();
    let mut names = vec!["bare", "opledger", "least"];
    let mut clients: Vec<Client> = databases.iter().map(client).collect();
    clients[2].batch_execute(LEAST).unwrap();
    let audited = has_pgaudit(&mut clients[0]).then(audited_server);
    let audited_database = audited.as_ref().map(|server| server.create_database().unwrap());
    if let Some(database) = &audited_database {
        database.connect().unwrap().batch_execute("CREATE EXTENSION pgaudit").unwrap();
        names.push("pgaudit");
        clients.push(client(database));
    }

    println!("{}", version(&mut clients[0]));
    println!(
        "{} rounds, one client, unix socket, fsync off; load {} at the start",
        turns * TURN,
        system::load().unwrap_or_default()
    );
    if audited.is_none() {
        println!("pgaudit is not installed (Debian's package is postgresql-<version>-pgaudit), so it has no column");
    }
    let taken = measure(&mut clients, turns);
    table(&names, &taken);
    let stored = "SELECT count(*) FROM script_tracking.script_execution_s WHERE execution_status = 'COMPLETED'";
    let stored: i64 = clients[1].query_one(stored, &[]).unwrap().get(0);
    let expected = 1 + (COMMANDS.len() + BEFORE.len()) * (turns + 1) * TURN;
    assert_eq!(usize::try_from(stored).unwrap(), expected, "each command is one operation");
    println!("\n{stored} operations recorded, all there were; load {} at the end", system::load().unwrap_or_default());
}

/// Nothing but the client's own commands runs.
fn server() -> Builder {
    Server::builder().setting("autovacuum", "off").setting("checkpoint_timeout", "1h")
}

fn audited_server() -> Server {
    server().setting("shared_preload_libraries", "pgaudit").setting("pgaudit.log", "ddl").start().unwrap()
}

fn has_pgaudit(client: &mut Client) -> bool {
    !client.query("SELECT FROM pg_available_extensions WHERE name = 'pgaudit'", &[]).unwrap().is_empty()
}

fn version(client: &mut Client) -> String {
    format!("PostgreSQL {}", client.query_one("SHOW server_version", &[]).unwrap().get::<_, String>(0))
}

fn client(database: &Database<'_>) -> Client {
    let mut client = database.connect().unwrap();
    client.batch_execute("CREATE SCHEMA bench").unwrap();
    client
}

/// By client and command, the time of each round. Clients take turns, [`TURN`] rounds each, as a migration runs: command by
/// command, each would find the caches full of the others.
fn measure(clients: &mut [Client], turns: usize) -> Vec<Vec<Vec<Duration>>> {
    let mut taken = vec![vec![Vec::with_capacity(turns * TURN); COMMANDS.len()]; clients.len()];
    for turn in 0..=turns {
        for place in 0..clients.len() {
            let who = (turn + place) % clients.len();
            for _ in 0..TURN {
                for (command, (_, sql)) in COMMANDS.iter().enumerate() {
                    if let Some((_, before)) = BEFORE.iter().find(|(at, _)| *at == command) {
                        clients[who].batch_execute(before).unwrap();
                    }
                    let began = Instant::now();
                    clients[who].batch_execute(sql).unwrap();
                    // The first turn warms up.
                    if turn > 0 {
                        taken[who][command].push(began.elapsed());
                    }
                }
            }
        }
    }
    taken
}

fn table(names: &[&str], taken: &[Vec<Vec<Duration>>]) {
    print!("\n{:<24} {:>9}", "median, in µs", names[0]);
    for name in &names[1..] {
        print!(" {name:>9} {:>7} {:>6}", "more", "ratio");
    }
    println!();
    let mut more = vec![Vec::new(); names.len()];
    for (command, (name, _)) in COMMANDS.iter().enumerate() {
        let medians: Vec<f64> = taken.iter().map(|by_command| median(by_command[command].clone())).collect();
        row(name, &medians);
        for (more, median) in more.iter_mut().zip(&medians) {
            more.push(median - medians[0]);
        }
    }
    print!("{:<24} {:>9}", "the middle command", "");
    for mut more in more.into_iter().skip(1) {
        more.sort_by(f64::total_cmp);
        print!(" {:>9} {:>7.0} {:>6}", "", more[more.len() / 2], "");
    }
    println!();
}

fn row(name: &str, medians: &[f64]) {
    print!("{name:<24} {:>9.0}", medians[0]);
    for median in &medians[1..] {
        print!(" {median:>9.0} {:>7.0} {:>6.2}", median - medians[0], median / medians[0]);
    }
    println!();
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default().as_secs_f64() * 1e6
}
