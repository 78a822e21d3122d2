//! `opledger start`: an operation begins; its end comes with `complete`.

use opledger::intent::Intent;
use opledger_child::Masker;

use super::change::{self, Beginning};
use crate::args::{self, Global};
use crate::exit::{self, Failure};
use crate::output;
use crate::sink::Sink;
use crate::store;

pub(crate) fn run(global: &Global, args: args::Start) -> Result<u8, Failure> {
    let beginning = Beginning {
        name: Masker::default().text(&args.name),
        script_type: args.script_type,
        objects: Vec::new(),
        sql_command: None,
        metadata: None,
    };
    let intent = Intent::Start(change::start(global.tenant, beginning)?);
    intent.judge(None)?;
    Sink::at(&store::url(global)?, global.tenant).put(&intent)?;
    output::print_text(&format!("{}\n", intent.operation()))?;
    Ok(exit::OK)
}
