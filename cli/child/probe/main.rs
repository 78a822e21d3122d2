//! Runs its arguments as a child, for the tests; the report goes to the file `$PROBE_REPORT`.

use std::process::ExitCode;

use opledger_child::{Command, Ended};

fn main() -> std::io::Result<ExitCode> {
    let prepared = opledger_child::prepare()?;
    if let Some(ready) = std::env::var_os("PROBE_PREPARED") {
        // Gives the test time to signal us before the child is there.
        std::fs::write(ready, "")?;
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let command = Command {
        argv: std::env::args_os().skip(1).collect(),
        env: vec![("OPLEDGER_OPERATION".into(), "cafe".into())],
    };
    let report = opledger_child::run(prepared, &command)?;
    if let Some(path) = std::env::var_os("PROBE_REPORT") {
        let ended = match &report.ended {
            Ended::Exited(code) => format!("exited {code}"),
            Ended::Signaled(signal) => format!("signaled {signal}"),
            Ended::NotFound => "not found".to_owned(),
            Ended::NotExecutable(_) => "not executable".to_owned(),
        };
        let figures = format!(
            "{ended}\n{} {} {} {}\n",
            report.wall.as_millis(),
            report.user_cpu.as_millis(),
            report.system_cpu.as_millis(),
            report.peak_memory_bytes
        );
        std::fs::write(path, [figures.as_bytes(), &report.stderr_tail].concat())?;
    }
    Ok(ExitCode::from(u8::try_from(report.ended.exit_code()).unwrap_or(1)))
}
