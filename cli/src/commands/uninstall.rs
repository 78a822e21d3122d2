//! `opledger uninstall`: the schema goes, and what was recorded in it.

use std::io::{self, IsTerminal, Write};

use pollster::block_on;

use super::schema;
use crate::args::{Global, database};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};

pub(crate) fn run(global: &Global, args: &database::Uninstall) -> Result<u8, Failure> {
    let (session, config) = block_on(schema::connect(&args.target))?;
    let place = config.location();
    if !args.yes && !confirmed(&place)? {
        exit::note(format_args!("nothing was removed"));
        return Ok(exit::USAGE);
    }
    let warnings = block_on(schema::run(&session, opledger_sql::uninstall_script()))?;
    let mut rows = Rows::new(["result", "warnings", "database"]);
    rows.push(["UNINSTALLED".into(), warnings.into(), place.into()]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}

/// Asks a person; a script must have said so.
fn confirmed(place: &str) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        let message =
            format!("this removes the schema and all operations in {place}: say --yes where nobody can be asked");
        return Err(Failure::Usage(message));
    }
    let mut stderr = io::stderr().lock();
    let place = output::harmless(place);
    write!(stderr, "This removes the schema and all operations in {place}. Type yes to go on: ")?;
    stderr.flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}
