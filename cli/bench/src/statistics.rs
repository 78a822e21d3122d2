//! Medians and spread of repetitions.

use serde::{Deserialize, Serialize};

/// The middle one; the mean of the two in the middle where their number is even; none of none.
#[must_use]
pub fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted.get(middle.checked_sub(1)?)?;
    Some(lower + (upper - lower) / 2.0)
}

/// The figures of all repetitions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The middle one.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// How many there are.
    pub repetitions: usize,
}

impl Summary {
    /// The summary of some figures; none of none.
    #[must_use]
    pub fn of(figures: &[f64]) -> Option<Self> {
        Some(Self {
            median: median(figures)?,
            min: figures.iter().copied().reduce(f64::min)?,
            max: figures.iter().copied().reduce(f64::max)?,
            repetitions: figures.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_odd_even_and_none() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }

    #[test]
    fn a_summary_has_the_spread() {
        let summary = Summary::of(&[3.0, 1.0, 2.0]).unwrap();
        assert_eq!(summary, Summary { median: 2.0, min: 1.0, max: 3.0, repetitions: 3 });
        assert_eq!(Summary::of(&[]), None);
    }
}
