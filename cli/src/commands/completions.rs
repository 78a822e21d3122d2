//! `opledger completions`: the completion script of a shell.

use clap::CommandFactory;

use crate::args::{self, Cli};
use crate::exit::{self, Failure};
use crate::output;

pub(crate) fn run(args: &args::Completions) -> Result<u8, Failure> {
    // Into memory first: the generator panics where it can't write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "opledger", &mut script);
    output::print_text(&String::from_utf8_lossy(&script))?;
    Ok(exit::OK)
}
