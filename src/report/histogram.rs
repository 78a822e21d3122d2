//! Durations, counted in buckets of 7 significant bits: enough for the p95 of section "Reports", exactly.

/// Counts of durations by their bucket.
///
/// Dense up to the last bucket that counts something: adding two up is one pass over numbers side by side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram(Vec<u64>);

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
    // A number that no duration has, as in a damaged record, stands for the longest.
    let value = u64::from(bucket - (shift << 6)).checked_shl(shift).filter(|_| shift <= 24).unwrap_or(u64::MAX);
    i32::try_from(value).unwrap_or(i32::MAX)
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, duration_ms: i32) {
        self.add_times(duration_ms, 1);
    }

    /// Counts one duration so many times.
    pub fn add_times(&mut self, duration_ms: i32, times: u64) {
        self.extend([(bucket(duration_ms), times)]);
    }

    /// Takes one duration back that was counted before.
    pub fn remove(&mut self, duration_ms: i32) {
        if let Some(count) = self.0.get_mut(usize::from(bucket(duration_ms))) {
            *count = count.saturating_sub(1);
        }
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        self.0.iter_mut().zip(&other.0).for_each(|(ours, theirs)| *ours += theirs);
    }

    /// Adds stored counts, by bucket number.
    pub fn extend(&mut self, buckets: impl IntoIterator<Item = (u16, u64)>) {
        for (bucket, count) in buckets.into_iter().filter(|(_, count)| *count > 0) {
            let bucket = usize::from(bucket);
            if self.0.len() <= bucket {
                self.0.resize(bucket + 1, 0);
            }
            if let Some(ours) = self.0.get_mut(bucket) {
                *ours = ours.saturating_add(count);
            }
        }
    }

    /// The 95th percentile by nearest rank, rounded down to 7 significant bits.
    #[must_use]
    pub fn p95(&self) -> Option<i32> {
        let total: u64 = self.0.iter().sum();
        let rank = (u128::from(total) * 95).div_ceil(100);
        let mut seen = 0;
        self.buckets().find_map(|(bucket, count)| {
            seen += u128::from(count);
            (seen >= rank && rank > 0).then(|| lowest(bucket))
        })
    }

    /// The counts by bucket number, for storing.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        (0..=u16::MAX).zip(&self.0).filter(|(_, count)| **count > 0).map(|(bucket, count)| (bucket, *count))
    }

    /// A histogram from stored counts.
    #[must_use]
    pub fn from_buckets(buckets: impl IntoIterator<Item = (u16, u64)>) -> Self {
        let mut counts = Self::default();
        counts.extend(buckets);
        counts
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
