//! Figures of the SQL API: `cargo run --release -p opledger-sql --example figures [pairs] [reports] [disk]`.
//!
//! pairs: track + complete by a bound tenant's login, beside the same rows written by a superuser's plain SQL in two
//! transactions; both prepared, by pgbench, in turns. reports: 1 million operations, 50 thousand in the last day.
//! disk: 1 million operations, tracked one by one.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

use opledger_testkit_postgres::{Database, Server};

/// How often each figure is taken; the median counts.
const ROUNDS: usize = 5;
const SECONDS: &str = "6";

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|given| given == name);
    let server = Server::builder()
        .setting("fsync", "on")
        .setting("synchronous_commit", "on")
        .setting("full_page_writes", "on")
        .setting("shared_buffers", "1GB")
        .setting("max_wal_size", "4GB")
        .start()?;
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    if wants("pairs") {
        pairs(&server)?;
    }
    if wants("reports") {
        reports(&server)?;
    }
    if wants("disk") {
        disk(&server)?;
    }
    println!("load average: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    Ok(())
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/figures").join(name)
}

fn installed(server: &Server) -> Result<Database<'_>, Box<dyn Error>> {
    let database = server.create_database()?;
    let mut client = database.connect()?;
    client.batch_execute(&opledger_sql::install_script())?;
    client.batch_execute(
        "DO $$ BEGIN CREATE ROLE acme LOGIN IN ROLE script_tracking_writer; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
         SELECT script_tracking.bind_login('acme', sha256('acme'))",
    )?;
    Ok(database)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn pgbench(
    database: &Database<'_>,
    user: &str,
    options: &str,
    arguments: &[&str],
    script: &str,
) -> Result<f64, Box<dyn Error>> {
    let mut command = database.server().program("pgbench");
    command.args(["-n", "-M", "prepared", "-U", user]).args(arguments).arg("-f").arg(file(script)).arg(database.name());
    let output = command.env("PGOPTIONS", options).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into())
}

fn pairs(server: &Server) -> Result<(), Box<dyn Error>> {
    for commit in ["on", "off"] {
        for clients in ["1", "8"] {
            let options = format!("-c synchronous_commit={commit}");
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            // Each in tables of its own, made anew: the two must not pay for each other's rows.
            let (api, plain) = (installed(server)?, installed(server)?);
            for _ in 0..ROUNDS {
                let arguments = ["-c", clients, "-j", "2", "-T", SECONDS];
                ours.push(pgbench(&api, "acme", &options, &arguments, "api.sql")?);
                theirs.push(pgbench(&plain, "postgres", &options, &arguments, "plain.sql")?);
            }
            let (ours, theirs) = (median(ours), median(theirs));
            println!(
                "pairs, {clients} clients, synchronous_commit {commit}: API {ours:.0}/s, plain SQL {theirs:.0}/s, {:.2}x",
                ours / theirs
            );
            api.drop_now()?;
            plain.drop_now()?;
        }
    }
    Ok(())
}

fn reports(server: &Server) -> Result<(), Box<dyn Error>> {
    let database = installed(server)?;
    let mut client = database.connect()?;
    client.batch_execute(&std::fs::read_to_string(file("fill.sql"))?)?;
    let mut acme = database.connect_as("acme")?;
    // As a writer does once in ten thousand starts; then come as many again.
    acme.simple_query("SELECT script_tracking.fold_operation_count()")?;
    client.batch_execute("VACUUM ANALYZE")?;
    pgbench(&database, "acme", "-c synchronous_commit=off", &["-c", "2", "-j", "2", "-t", "5000"], "api.sql")?;
    for query in [
        "SELECT * FROM script_tracking.get_enterprise_dashboard()",
        "SELECT * FROM script_tracking.get_system_health()",
        "SELECT * FROM script_tracking.get_performance_metrics()",
        "SELECT * FROM script_tracking.get_recent_errors()",
        "SELECT * FROM script_tracking.get_execution_history(1)",
        "SELECT * FROM script_tracking.running_operations",
    ] {
        let mut times = Vec::new();
        for _ in 0..2 * ROUNDS {
            let began = Instant::now();
            acme.simple_query(query)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        println!("{query}: {:.1} ms", median(times));
    }
    // What acme's dashboard spends on the total, by a session that is acme and may call what is inside.
    client.batch_execute("GRANT script_tracking_owner TO acme")?;
    acme.batch_execute("SET ROLE script_tracking_owner")?;
    let mut times = Vec::new();
    for _ in 0..2 * ROUNDS {
        let began = Instant::now();
        acme.simple_query("SELECT script_tracking.count_operations()")?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    println!("of these, the exact total: {:.1} ms", median(times));
    client.batch_execute("REVOKE script_tracking_owner FROM acme")?;
    Ok(database.drop_now()?)
}

fn disk(server: &Server) -> Result<(), Box<dyn Error>> {
    let database = installed(server)?;
    let began = Instant::now();
    pgbench(&database, "acme", "-c synchronous_commit=off", &["-c", "8", "-j", "2", "-t", "125000"], "api.sql")?;
    println!("1,000,000 operations tracked in {:.0} s", began.elapsed().as_secs_f64());
    let mut client = database.connect()?;
    let query = "SELECT relname, pg_relation_size(oid) / 1000000 FROM pg_class WHERE relname LIKE 'script_execution_%' ORDER BY 1";
    for row in client.query(query, &[])? {
        println!("{}: {} MB", row.get::<_, String>(0), row.get::<_, i64>(1));
    }
    let total: i64 = client.query_one("SELECT script_tracking.storage_size() / 1000000", &[])?.get(0);
    println!("disk, with indexes: {total} MB");
    Ok(database.drop_now()?)
}
