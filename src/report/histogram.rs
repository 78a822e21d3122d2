//! Durations, counted in buckets of 7 significant bits: enough for the p95 of section "Reports", exactly.

use std::collections::BTreeMap;

/// Counts of durations by their bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(BTreeMap<u16, u64>);

/// A duration rounded down to 7 significant bits, as the p95 is.
#[must_use]
pub fn rounded_down(duration_ms: i32) -> i32 {
    lowest(bucket(duration_ms))
}

/// Below 128 each value is its own bucket; above, each power of two has 64.
fn bucket(duration_ms: i32) -> u16 {
    let value = u32::try_from(duration_ms).unwrap_or(0);
    let shift = (32 - value.leading_zeros()).saturating_sub(7);
    // At most 24 * 64 + 127.
    u16::try_from((shift << 6) + (value >> shift)).unwrap_or(u16::MAX)
}

fn lowest(bucket: u16) -> i32 {
    let bucket = u32::from(bucket);
    let shift = (bucket >> 6).saturating_sub(1);
    let value = u64::from(bucket - (shift << 6)) << shift;
    i32::try_from(value).unwrap_or(i32::MAX)
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, duration_ms: i32) {
        *self.0.entry(bucket(duration_ms)).or_default() += 1;
    }

    /// Takes one duration back that was counted before.
    pub fn remove(&mut self, duration_ms: i32) {
        let key = bucket(duration_ms);
        if let Some(count) = self.0.get_mut(&key) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.0.remove(&key);
            }
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.extend(other.buckets());
    }

    /// Adds stored counts, by bucket number.
    pub fn extend(&mut self, buckets: impl IntoIterator<Item = (u16, u64)>) {
        for (key, count) in buckets {
            *self.0.entry(key).or_default() += count;
        }
    }

    /// The 95th percentile by nearest rank, rounded down to 7 significant bits.
    #[must_use]
    pub fn p95(&self) -> Option<i32> {
        let total: u64 = self.0.values().sum();
        let rank = (u128::from(total) * 95).div_ceil(100);
        let mut seen = 0;
        self.0.iter().find_map(|(key, count)| {
            seen += u128::from(*count);
            (seen >= rank && rank > 0).then(|| lowest(*key))
        })
    }

    /// The counts by bucket number, for storing.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.0.iter().map(|(key, count)| (*key, *count))
    }

    /// A histogram from stored counts.
    #[must_use]
    pub fn from_buckets(buckets: impl IntoIterator<Item = (u16, u64)>) -> Self {
        Self(buckets.into_iter().filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_seven_significant_bits() {
        for (value, expected) in [
            (0, 0),
            (1, 1),
            (127, 127),
            (128, 128),
            (129, 128),
            (130, 130),
            (255, 254),
            (256, 256),
            (259, 256),
            (1000, 1000),
            (1023, 1016),
        ] {
            assert_eq!(rounded_down(value), expected, "{value}");
        }
        assert_eq!(rounded_down(i32::MAX), 127 << 24);
        let mut last = 0;
        for value in (0..100_000).chain((0..2_000).map(|n| i32::MAX - 2_000_000 + n * 1000)) {
            let rounded = rounded_down(value);
            assert!(rounded >= last && rounded <= value && rounded_down(rounded) == rounded, "{value}");
            last = rounded;
        }
    }

    #[test]
    fn p95_is_the_nearest_rank() {
        let mut counts = Histogram::default();
        assert_eq!(counts.p95(), None);
        for value in 1..=100 {
            counts.add(value);
        }
        assert_eq!(counts.p95(), Some(95));
        counts.add(100);
        assert_eq!(counts.p95(), Some(96));
    }
}
