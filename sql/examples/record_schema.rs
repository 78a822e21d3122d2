//! Prints the whole install script, to be kept as what a release installs: upgrades from it are tested.
//! `cargo run -p opledger-sql --example record_schema > cli/tests/postgres/schemas/1.2.3.sql`

fn main() {
    print!("{}", opledger_sql::install_script());
}
