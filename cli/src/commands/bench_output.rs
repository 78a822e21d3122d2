//! How a bench is told: a table for people, JSON and CSV with every field.

use opledger_bench::report::{Line, Report};

use crate::args::Format;
use crate::exit::{self, Failure};
use crate::output::{self, Rows, Value};

pub(crate) fn print(format: Format, report: &Report) -> Result<(), Failure> {
    let lines = report.lines();
    match format {
        Format::Table => {
            let load = |load: Option<f64>| load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2}"));
            let (before, after) = (load(report.load_before), load(report.load_after));
            let cores = opledger_bench::system::Machine::here().cores;
            output::print(format, &table(&lines))?;
            exit::note(format_args!("{cores} cores; load {before} before, {after} after"));
            Ok(())
        }
        Format::Json | Format::Csv => output::print(format, &all(&lines)),
    }
}

fn table(lines: &[Line]) -> Rows {
    let mut rows = Rows::new([
        "workload", "subject", "median", "min", "max", "unit", "B/op", "peak MB", "x plain", "x SQLite", "B/plain",
        "recount",
    ]);
    for line in lines {
        rows.push([
            line.workload.into(),
            line.subject.clone().into(),
            figure(line.median),
            figure(line.min),
            figure(line.max),
            line.unit.into(),
            line.bytes_per_operation.map_or(Value::Null, figure),
            line.peak_memory_bytes.map(|bytes| bytes / 1_000_000).into(),
            line.speed_to_plain.map_or(Value::Null, ratio),
            line.speed_to_sqlite.map_or(Value::Null, ratio),
            line.bytes_to_plain.map_or(Value::Null, ratio),
            line.recount.clone().into(),
        ]);
    }
    rows
}

fn all(lines: &[Line]) -> Rows {
    let mut rows = Rows::new([
        "workload",
        "subject",
        "operations",
        "writers",
        "median",
        "min",
        "max",
        "unit",
        "repetitions",
        "bytes_per_operation",
        "peak_memory_bytes",
        "speed_to_plain",
        "speed_to_sqlite",
        "bytes_to_plain",
        "recount",
    ]);
    for line in lines {
        rows.push([
            line.workload.into(),
            line.subject.clone().into(),
            line.operations.into(),
            count(line.writers),
            figure(line.median),
            figure(line.min),
            figure(line.max),
            line.unit.into(),
            count(line.repetitions),
            line.bytes_per_operation.map_or(Value::Null, figure),
            line.peak_memory_bytes.into(),
            line.speed_to_plain.map_or(Value::Null, ratio),
            line.speed_to_sqlite.map_or(Value::Null, ratio),
            line.bytes_to_plain.map_or(Value::Null, ratio),
            line.recount.clone().into(),
        ]);
    }
    rows
}

fn count(number: usize) -> Value {
    Value::Number(number.to_string())
}

/// Three digits at least.
fn figure(figure: f64) -> Value {
    Value::Number(match figure {
        figure if figure >= 100.0 => format!("{figure:.0}"),
        figure if figure >= 10.0 => format!("{figure:.1}"),
        figure => format!("{figure:.2}"),
    })
}

fn ratio(ratio: f64) -> Value {
    Value::Number(format!("{ratio:.2}"))
}
