//! Tables for people: as wide as the terminal, statuses in colour.

use std::io::{self, IsTerminal};

use comfy_table::{Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::{Rows, Value, colours_wanted, harmless, harmless_lines};

/// Narrower than this a table can't be read.
const NARROWEST: u16 = 40;
/// The lines that are not rows: the header and the three around it and below.
const FRAME: usize = 4;
/// The blanks beside a cell's content.
const PADDING: u16 = 2;

pub(super) fn render(rows: &Rows) -> String {
    let mut table = Table::new();
    // A file or a pipe has no width: nothing is wrapped there.
    match width() {
        Some(width) => table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(NARROWEST)),
        None => table.set_content_arrangement(ContentArrangement::Disabled),
    };
    if io::stdout().is_terminal() && colours_wanted() {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    // A column that says nothing would only make the others narrower.
    let filled = |index: usize| rows.rows.iter().any(|row| row.get(index).is_some_and(|value| *value != Value::Null));
    let mut shown: Vec<usize> =
        (0..rows.columns.len()).filter(|index| rows.rows.is_empty() || filled(*index)).collect();
    if width().is_some_and(|width| natural_width(rows, &shown) > usize::from(width)) {
        // Broken over several lines a key is of no use; JSON and CSV always have it.
        shown.retain(|index| rows.columns.get(*index) != Some(&"script_execution_hk"));
    }
    table.set_header(shown.iter().filter_map(|index| rows.columns.get(*index)).map(|name| label(name)));
    for row in &rows.rows {
        table.add_row(shown.iter().filter_map(|index| row.get(*index)).map(cell));
    }
    for (column, index) in table.column_iter_mut().zip(&shown) {
        let widest = rows.rows.iter().filter_map(|row| row.get(*index)).map(unbroken).max().unwrap_or(0);
        if widest > 0 {
            column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(widest + PADDING)));
        }
    }
    table.load_style(presets::ASCII_FULL_CONDENSED);
    let mut text = table.to_string();
    // Rows of several lines need something between them.
    if text.lines().count() > rows.rows.len() + FRAME {
        text = table.load_style(presets::ASCII_FULL).to_string();
    }
    text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

fn width() -> Option<u16> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| size.ws_col).filter(|width| *width > 0);
    let named = || std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    Some(size.or_else(named).unwrap_or(80))
}

/// How wide the table is when nothing is wrapped.
fn natural_width(rows: &Rows, shown: &[usize]) -> usize {
    let widest = |index: &usize| {
        let cells = rows.rows.iter().filter_map(|row| row.get(*index)).map(|value| cell(value).content());
        let longest = |text: String| text.lines().map(|line| line.chars().count()).max().unwrap_or(0);
        let heading = rows.columns.get(*index).map_or(0, |name| label(name).len());
        cells.map(longest).max().unwrap_or(0).max(heading) + usize::from(PADDING) + 1
    };
    shown.iter().map(widest).sum::<usize>() + 1
}

/// A table's headings are for people: shorter than the field names of JSON and CSV.
fn label(column: &'static str) -> &'static str {
    match column {
        "script_execution_hk" => "key",
        "script_name" => "name",
        "script_type" => "type",
        "execution_status" => "status",
        "execution_timestamp" => "started",
        "execution_duration_ms" => "ms",
        "db_session_user" => "user",
        "affected_objects" => "objects",
        "error_message" => "error",
        "metric_name" | "health_metric" => "metric",
        "metric_value" | "current_value" => "value",
        "metric_unit" => "unit",
        "metric_category" | "health_category" => "category",
        "trend_direction" => "trend",
        "performance_rating" => "rating",
        "current_status" => "status",
        other => other,
    }
}

/// How wide a value must be, not to be broken where it would be hard to read.
fn unbroken(value: &Value) -> u16 {
    match value {
        Value::Time(_) => 20,
        Value::Key(_) => 8,
        Value::Name(word) | Value::Word(word) => u16::try_from(word.len()).unwrap_or(0),
        Value::Number(digits) => u16::try_from(digits.len().min(12)).unwrap_or(0),
        _ => 0,
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::new(""),
        Value::Text(text) | Value::Json(text) => Cell::new(harmless(text)),
        Value::Lines(text) => Cell::new(harmless_lines(text.trim_end())),
        Value::Key(key) => Cell::new(key),
        Value::Name(name) => Cell::new(name),
        Value::Word(word) => match colour(word) {
            Some(colour) => Cell::new(word).fg(colour),
            None => Cell::new(word),
        },
        Value::Number(number) => Cell::new(number).set_alignment(CellAlignment::Right),
        Value::Bool(yes) => Cell::new(if *yes { "yes" } else { "no" }),
        Value::Time(time) => Cell::new(time.to_seconds_text()),
        Value::ExactTime(time) => Cell::new(time),
        Value::List(list) => {
            let shown: Vec<_> = list.iter().map(|entry| harmless(entry.as_deref().unwrap_or("NULL"))).collect();
            Cell::new(shown.join(", "))
        }
    }
}

fn colour(word: &str) -> Option<Color> {
    match word {
        "EXCELLENT" | "GOOD" | "COMPLETED" | "OK" => Some(Color::Green),
        "WARNING" => Some(Color::Yellow),
        "POOR" | "FAILED" => Some(Color::Red),
        "RUNNING" => Some(Color::Cyan),
        "NO_DATA" => Some(Color::DarkGrey),
        _ => None,
    }
}
