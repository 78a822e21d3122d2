//! One plot: a dot for each subject at its median, a line over its spread, on a logarithmic scale, for ratios are what is
//! compared, and a file that is appended to is a hundred times as fast as what can be read by key.

use std::fmt::Write;

use super::{escaped, kind, number};
use crate::report::Line;

/// In the units of the picture, which is scaled to the page.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 125.0;
const RIGHT: f64 = 590.0;
const ROW: f64 = 26.0;
const AXIS: f64 = 26.0;

struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// From a power of ten below all figures to one above them.
    fn of(lines: &[&Line]) -> Self {
        let least = lines.iter().map(|line| line.min).fold(f64::INFINITY, f64::min).max(1e-3);
        let most = lines.iter().map(|line| line.max).fold(least, f64::max);
        let low = least.log10().floor();
        Self { low, high: most.log10().ceil().max(low + 1.0) }
    }

    fn at(&self, figure: f64) -> f64 {
        let share = (figure.max(1e-3).log10() - self.low) / (self.high - self.low);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    /// Powers of ten, and where there are few of them 2 and 5 times each.
    fn marks(&self) -> Vec<f64> {
        let between: &[f64] = if self.high - self.low > 2.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let mut marks = Vec::new();
        let mut power = self.low;
        while power <= self.high {
            marks.extend(between.iter().map(|times| times * 10_f64.powf(power)));
            power += 1.0;
        }
        marks.retain(|mark| *mark <= 10_f64.powf(self.high) * 1.001);
        marks
    }
}

/// The plot of a workload's lines.
pub(super) fn plot(title: &str, lines: &[&Line]) -> String {
    let scale = Scale::of(lines);
    let bottom = lines.iter().fold(0.0, |bottom, _| bottom + ROW);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\" aria-label=\"{title}\">\n", bottom + AXIS);
    for mark in scale.marks() {
        let x = scale.at(mark);
        let label =
            if mark >= 1.0 { number(Some(mark)).replace(".00", "").replace(".0", "") } else { format!("{mark}") };
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom}\"/>\
             <text class=\"soft\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
            bottom + AXIS * 0.7
        );
    }
    let mut top = 0.0;
    for line in lines {
        let (middle, text) = (top + ROW / 2.0, top + ROW / 2.0 + 4.5);
        let (from, to, at) = (scale.at(line.min), scale.at(line.max), scale.at(line.median));
        let beside = beside(line);
        let _ = writeln!(
            svg,
            "<g class=\"{}\"><text x=\"0\" y=\"{text:.1}\">{}</text>\
             <line class=\"spread\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\
             <circle cx=\"{at:.1}\" cy=\"{middle:.1}\" r=\"4.5\"/>\
             <text x=\"{:.1}\" y=\"{text:.1}\" text-anchor=\"end\">{}</text>\
             <text class=\"soft\" x=\"{:.1}\" y=\"{text:.1}\">{beside}</text></g>",
            kind(&line.subject),
            escaped(&line.subject),
            RIGHT + 72.0,
            number(Some(line.median)),
            RIGHT + 82.0,
        );
        top += ROW;
    }
    svg + "</svg>"
}

/// How it stands to the plain layout, in a few characters.
fn beside(line: &Line) -> String {
    line.speed_to_plain.map_or_else(String::new, |speed| format!("{speed:.2} × plain"))
}
