//! `opledger install` and `upgrade`: the schema, from the files that this binary holds.

use pollster::block_on;

use super::schema;
use crate::args::{Global, database};
use crate::exit::{self, Failure};
use crate::output::{self, Rows};

pub(crate) fn install(global: &Global, args: &database::Install) -> Result<u8, Failure> {
    block_on(bring_up_to_date(global, &args.target, false))
}

pub(crate) fn upgrade(global: &Global, args: &database::Upgrade) -> Result<u8, Failure> {
    block_on(bring_up_to_date(global, &args.target, true))
}

/// One script for both: each file says itself what is left to do.
async fn bring_up_to_date(global: &Global, target: &database::Target, must_be_there: bool) -> Result<u8, Failure> {
    let (session, config) = schema::connect(target).await?;
    let before = schema::version(&session).await?;
    let changed = match before {
        Some(version) => {
            schema::refuse_newer(version, &config)?;
            schema::other_files(&session).await?.len()
        }
        None if must_be_there => {
            let place = config.location();
            let message = format!("Opledger is not installed in {place}: run `opledger install --database URL`");
            return Err(Failure::NoStore(message));
        }
        None => opledger_sql::install_files().len(),
    };
    let warnings = schema::run(&session, opledger_sql::install_script()).await?;
    let result = match before {
        None => "INSTALLED",
        Some(_) if changed == 0 => "UNCHANGED",
        Some(_) => "UPGRADED",
    };
    let mut rows = Rows::new(["result", "previous_version", "schema_version", "changed_files", "warnings", "database"]);
    rows.push([
        result.into(),
        before.map(u64::from).into(),
        schema::version(&session).await?.map(u64::from).into(),
        u64::try_from(changed).unwrap_or(u64::MAX).into(),
        warnings.into(),
        config.location().into(),
    ]);
    output::print(global.format, &rows)?;
    Ok(exit::OK)
}
