//! Histories: what ran, with everything that two computations could see in two ways.

use std::net::IpAddr;
use std::time::Duration;

use opledger::{Hash, Tenant, Timestamp, hash_key};

use crate::dice::Dice;

const MINUTE: u64 = 60_000_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Names; the long ones are cut in business keys, one of them in the middle of what is not one byte.
const NAMES: [&str; 7] =
    ["backup", "naïve ☕ 日本語 🦀", " padded ", "two\nlines\t\u{1}", "O'Neil \"x\" \\ {}", "e\u{301}", "%s $1"];
/// Types whose order differs by bytes and by any language.
const TYPES: [&str; 9] = ["MANUAL", "DDL_AUTO", "BACKUP", "zeta", "Zeta", "äther", "a b", "🦀", "\u{ffff}"];
/// Durations at each edge of a rating and of a rounding, and the longest there is.
const DURATIONS: [i32; 20] =
    [0, 1, 9, 10, 11, 99, 100, 101, 127, 128, 129, 255, 257, 499, 500, 999, 1000, 1023, 65_537, i32::MAX];
const OBJECTS: [Option<&str>; 7] =
    [Some("crm.orders"), Some(""), Some("NULL"), Some("{a,\"b\"}"), Some("日本 \\"), None, None];
/// Metadata as it is written by hand: neither sorted nor in PostgreSQL's numbers.
const METADATA: [&str; 9] = [
    r#"{"n":1e5}"#,
    r#"{"n":1.50,"m":-0,"k":-0.0e-3}"#,
    r#"{ "bb":1, "a":2, "ab":[ ], "é":{"x":null,"x":true} }"#,
    r#"{}"#,
    r#"{"t":"\u00e9\ud83e\udd80\/\u0007\"\\\n"}"#,
    r#"{"big":123456789012345678901234567890.0123456789,"small":1E-30}"#,
    r#"{"a":[1,[2,{"b":[]}],"[]"]}"#,
    r#"{"":"empty key"," ":0}"#,
    r#"{"n":0.1,"p":1E+2,"q":100e-2}"#,
];
const TEXTS: [Option<&str>; 6] =
    [None, Some(""), Some("it broke"), Some("null"), Some("ERROR: \u{7f}\u{1f}\u{2028} 🦀"), Some("a\r\nb")];
const ADDRESSES: [Option<&str>; 6] =
    [None, Some("10.0.0.1"), Some("2001:db8::1"), Some("::ffff:1.2.3.4"), Some("::1.2.3.4"), Some("::1")];

/// An operation, from its start to what is known last.
pub(crate) struct Run {
    pub(crate) tenant: Tenant,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) started: Timestamp,
    pub(crate) objects: Option<Vec<Option<String>>>,
    pub(crate) sql_command: Option<String>,
    pub(crate) metadata: Option<String>,
    /// Who ran it and from where, which only a direct row can say.
    pub(crate) user: Option<String>,
    pub(crate) address: Option<IpAddr>,
    /// Metadata in place of the first, while it ran.
    pub(crate) annotations: Vec<String>,
    pub(crate) end: Option<End>,
    pub(crate) by: By,
}

/// How an operation ended.
pub(crate) struct End {
    pub(crate) ok: bool,
    pub(crate) duration: Option<i32>,
    pub(crate) message: Option<String>,
}

/// How SQL writes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// `record_operation`.
    Record,
    /// `record_operations`.
    Arrays,
    /// Rows of their own, hashed by the schema's functions.
    Rows,
}

/// Operations, and the instants of the reports on them.
pub(crate) struct History {
    pub(crate) runs: Vec<Run>,
    pub(crate) instants: Vec<Timestamp>,
}

/// The tenants there are.
pub(crate) fn tenants() -> [Hash; 2] {
    [hash_key("acme"), hash_key("globex")]
}

pub(crate) fn history(seed: u64) -> History {
    let mut dice = Dice(seed);
    let base: Timestamp = "2024-03-15T12:34:56.789012Z".parse().unwrap();
    let around = |dice: &mut Dice| around(dice, base);
    let instants = vec![
        base,
        around(&mut dice),
        dice.pick(&[base.before(days(40_000)), base.after(days(90_000)), base.after(days(1))]),
    ];
    let count = dice.pick(&[0, 1, 3, 20, 60]);
    // One mood a history: from all well to all broken, so that every rating is met.
    let bad = dice.pick(&[0, 1, 5, 10, 20, 100]);
    let long = dice.below(DURATIONS.len() as u64);
    let mut runs: Vec<Run> = Vec::new();
    for _ in 0..count {
        let tie = dice.once_in(4).then(|| runs.last().map(|run| run.started)).flatten();
        let started = tie.unwrap_or_else(|| around(&mut dice));
        runs.push(run(&mut dice, started, bad, long));
    }
    History { runs, instants }
}

/// A time near an edge of a window that ends at `base`: on it, a microsecond beside it, or anywhere.
fn around(dice: &mut Dice, base: Timestamp) -> Timestamp {
    let back = dice.pick(&[0, HOUR, 2 * HOUR, DAY, DAY, 2 * DAY, 2 * DAY, 3 * DAY, 7 * DAY, 400 * DAY, 20_000 * DAY]);
    let edge = base.before(Duration::from_micros(back));
    match dice.below(6) {
        0 => edge,
        1 => edge.before(Duration::from_micros(1)),
        2 => edge.after(Duration::from_micros(1)),
        3 => base.after(Duration::from_micros(dice.below(40_000 * DAY))),
        _ => base.before(Duration::from_micros(dice.below(2 * DAY))),
    }
}

fn days(count: u64) -> Duration {
    Duration::from_micros(count * DAY)
}

fn run(dice: &mut Dice, started: Timestamp, bad: u64, long: u64) -> Run {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let by = dice.pick(&[By::Record, By::Arrays, By::Rows, By::Rows]);
    let rows = by == By::Rows;
    let given = |dice: &mut Dice| dice.once_in(2);
    let end = |dice: &mut Dice| End {
        ok: dice.below(100) >= bad,
        duration: if rows && dice.once_in(6) { None } else { Some(duration(dice, long)) },
        message: text(dice.pick(&TEXTS)),
    };
    Run {
        tenant: dice.pick(&[None, Some(tenants()[0]), Some(tenants()[1])]),
        name: match dice.below(10) {
            0 => "x".repeat(255),
            1 => format!("{}{}", "y".repeat(199), "é☕".repeat(28)),
            _ => dice.pick(&NAMES).to_owned(),
        },
        kind: dice.pick(&TYPES).to_owned(),
        started,
        objects: (by != By::Arrays && given(dice)).then(|| dice.some(&OBJECTS, 4).into_iter().map(text).collect()),
        sql_command: if by == By::Arrays { None } else { text(dice.pick(&TEXTS)) },
        metadata: given(dice).then(|| dice.pick(&METADATA).to_owned()),
        user: if rows {
            text(dice.pick(&[None, Some("alice"), Some("Zoë 🦀")]))
        } else {
            Some("trusted".to_owned())
        },
        address: if rows { dice.pick(&ADDRESSES).map(|address| address.parse().unwrap()) } else { None },
        annotations: if rows { dice.some(&METADATA, 2).into_iter().map(str::to_owned).collect() } else { Vec::new() },
        end: (!rows || dice.once_in(2)).then(|| end(dice)),
        by,
    }
}

fn duration(dice: &mut Dice, long: u64) -> i32 {
    let most = usize::try_from(long).unwrap();
    match dice.below(3) {
        0 => i32::try_from(dice.below(u64::try_from(DURATIONS[most]).unwrap() + 1)).unwrap(),
        _ => dice.pick(&DURATIONS[..=most]),
    }
}
