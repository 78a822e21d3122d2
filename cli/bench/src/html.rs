//! The report as a page of its own: plots as SVG, all figures as a table, nothing loaded from anywhere, no script.

mod plot;

use std::fmt::Write;

use crate::report::{Line, Report};
use crate::system::Machine;
use crate::workload::Workload;

const STYLE: &str = include_str!("html/style.css");

/// The page.
#[must_use]
pub fn page(report: &Report, machine: &Machine) -> String {
    let lines = report.lines();
    let mut body = String::new();
    for workload in Workload::ALL {
        let of: Vec<&Line> = lines.iter().filter(|line| line.workload == workload.name()).collect();
        if let Some(first) = of.first() {
            let better = if workload.unit().is_time() { "less" } else { "more" };
            let writers = if first.writers > 1 { format!(", {} writers", first.writers) } else { String::new() };
            let about = format!(
                "{} operations{writers}; {}, {better} is better. The dot is the median of {}, the line goes from the \
                 smallest to the largest.",
                thousands(&first.operations.to_string()),
                first.unit,
                first.repetitions
            );
            let title = escaped(workload.title());
            let plot = plot::plot(&title, &of);
            let _ = write!(
                body,
                "<section>\n<h2>{title} <code>{}</code></h2>\n<p>{}</p>\n{plot}\n</section>\n",
                workload.name(),
                escaped(&about)
            );
        }
    }
    let stopped = if report.stopped || report.failure.is_some() {
        "<p class=\"wrong\">The bench ended before its end; what was finished is shown.</p>\n"
    } else {
        ""
    };
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n\
         <meta name=\"color-scheme\" content=\"light dark\"/>\n<title>opledger bench</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>opledger bench</h1>\n\
         <p>{}</p>\n{LEGEND}\n{stopped}{body}{}</main>\n</body>\n</html>\n",
        escaped(&about(report, machine)),
        table(&lines)
    )
}

const LEGEND: &str = "<p class=\"legend\"><span class=\"ours\">opledger on an engine</span> \
    <span class=\"plain\">the same engine with a plain layout</span> \
    <span class=\"other\">SQLite, an append-only file</span></p>";

fn about(report: &Report, machine: &Machine) -> String {
    let load = |load: Option<f64>| load.map_or_else(|| "unknown".to_owned(), |load| format!("{load:.2}"));
    let processor = machine.processor.as_deref().unwrap_or("processor unknown");
    format!(
        "{}, {} cores, {}. Load average {} before, {} after. opledger {}. Each round ran in a process of its own, in \
         turns, and was recounted.",
        processor,
        machine.cores,
        machine.system,
        load(report.load_before),
        load(report.load_after),
        env!("CARGO_PKG_VERSION"),
    )
}

fn table(lines: &[Line]) -> String {
    let mut rows = String::new();
    for line in lines {
        let cells = [
            number(Some(line.median)),
            number(Some(line.min)),
            number(Some(line.max)),
            line.unit.to_owned(),
            number(line.bytes_per_operation),
            line.peak_memory_bytes.map_or_else(String::new, |bytes| (bytes / 1_000_000).to_string()),
            ratio(line.speed_to_plain),
            ratio(line.speed_to_sqlite),
            ratio(line.bytes_to_plain),
        ];
        let cells: String = cells.iter().map(|cell| format!("<td>{}</td>", escaped(cell))).collect();
        let class = if line.recount == "ok" { "" } else { " class=\"wrong\"" };
        let _ = writeln!(
            rows,
            "<tr{class}><th scope=\"row\">{}</th><th scope=\"row\">{}</th>{cells}<td>{}</td></tr>",
            line.workload,
            escaped(&line.subject),
            escaped(&line.recount)
        );
    }
    format!(
        "<section>\n<h2>All figures</h2>\n<p>Speeds and bytes are set against the same engine with a plain layout, and \
         against SQLite (behind a group commit where there are several writers): a speed of 2 is twice as fast.</p>\n\
         <div class=\"wide\"><table>\n<thead><tr><th>workload</th><th>subject</th><th>median</th><th>min</th>\
         <th>max</th><th>unit</th><th>bytes an operation</th><th>peak memory, MB</th><th>speed to plain</th>\
         <th>speed to SQLite</th><th>bytes to plain</th><th>recount</th></tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table></div>\n</section>\n"
    )
}

/// A figure with three digits at least, and its thousands apart.
fn number(figure: Option<f64>) -> String {
    let Some(figure) = figure else { return String::new() };
    let decimals = if figure >= 100.0 { 0 } else { 1 + usize::from(figure < 10.0) };
    let text = format!("{figure:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    thousands(whole) + rest
}

fn thousands(digits: &str) -> String {
    let mut apart = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"))
}

/// Which of the three kinds of subject it is, for its colour.
fn kind(subject: &str) -> &'static str {
    match subject {
        "sqlite" | "sqlite-grouped" | "append-file" => "other",
        subject if subject.starts_with("plain-") => "plain",
        _ => "ours",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        for (figure, text) in
            [(1_234_567.8, "1,234,568"), (999.4, "999"), (12.34, "12.3"), (1.234, "1.23"), (0.0, "0.00")]
        {
            assert_eq!(number(Some(figure)), text);
        }
        assert_eq!(number(None), "");
    }

    #[test]
    fn texts_are_escaped() {
        assert_eq!(escaped("<a & \"b\">"), "&lt;a &amp; &quot;b&quot;&gt;");
    }
}
