//! Durations, counted in buckets of 7 significant bits: enough for the p95 of section "Reports", exactly.

/// Counts of durations by their bucket.
///
/// A list where they are few, as in most minutes: that takes a tenth of the memory. Else dense up to the last bucket that
/// counts something: adding two up is one pass over numbers side by side.
#[derive(Debug, Clone, Default)]
pub struct Histogram {
    /// In the order of their buckets; empty once there are many.
    few: Vec<(u16, u64)>,
    many: Vec<u64>,
}

/// The longest list.
const FEW: usize = 64;

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

fn add(many: &mut Vec<u64>, bucket: u16, count: u64) {
    let bucket = usize::from(bucket);
    if many.len() <= bucket {
        many.resize(bucket + 1, 0);
    }
    many.get_mut(bucket).into_iter().for_each(|ours| *ours = ours.saturating_add(count));
}

impl PartialEq for Histogram {
    /// Whether they count the same, however it is kept.
    fn eq(&self, other: &Self) -> bool {
        self.buckets().eq(other.buckets())
    }
}

impl Eq for Histogram {}

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
        let bucket = bucket(duration_ms);
        if let Ok(at) = self.listed(bucket) {
            self.few.get_mut(at).into_iter().for_each(|(_, count)| *count = count.saturating_sub(1));
            self.few.retain(|(_, count)| *count > 0);
        } else if let Some(count) = self.many.get_mut(usize::from(bucket)) {
            *count = count.saturating_sub(1);
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: &Self) {
        self.extend(other.few.iter().copied());
        if !other.many.is_empty() {
            let ours = self.many();
            if ours.len() < other.many.len() {
                ours.resize(other.many.len(), 0);
            }
            ours.iter_mut().zip(&other.many).for_each(|(ours, theirs)| *ours += theirs);
        }
    }

    /// Adds stored counts, by bucket number.
    pub fn extend(&mut self, buckets: impl IntoIterator<Item = (u16, u64)>) {
        for (bucket, count) in buckets.into_iter().filter(|(_, count)| *count > 0) {
            match self.listed(bucket) {
                Ok(at) => self.few.get_mut(at).into_iter().for_each(|(_, ours)| *ours = ours.saturating_add(count)),
                Err(at) if self.many.is_empty() && self.few.len() < FEW => self.few.insert(at, (bucket, count)),
                Err(_) => add(self.many(), bucket, count),
            }
        }
    }

    fn listed(&self, bucket: u16) -> Result<usize, usize> {
        self.few.binary_search_by_key(&bucket, |(bucket, _)| *bucket)
    }

    /// The counts side by side, from now on.
    fn many(&mut self) -> &mut Vec<u64> {
        for (bucket, count) in std::mem::take(&mut self.few) {
            add(&mut self.many, bucket, count);
        }
        &mut self.many
    }

    /// The 95th percentile by nearest rank, rounded down to 7 significant bits.
    #[must_use]
    pub fn p95(&self) -> Option<i32> {
        let total: u64 = self.buckets().map(|(_, count)| count).sum();
        let rank = (u128::from(total) * 95).div_ceil(100);
        let mut seen = 0;
        self.buckets().find_map(|(bucket, count)| {
            seen += u128::from(count);
            (seen >= rank && rank > 0).then(|| lowest(bucket))
        })
    }

    /// The counts by bucket number, for storing.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        let many = (0..=u16::MAX).zip(self.many.iter().copied()).filter(|(_, count)| *count > 0);
        self.few.iter().copied().chain(many)
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
    fn few_or_many_it_counts_the_same() {
        // Dense from the start, the counters of a month's minutes took 75 MB while they were written.
        let values: Vec<i32> = (0..300).map(|n| n * 37 % 2000).collect();
        for count in [0, 1, 63, 64, 65, 300] {
            let (mut one_by_one, mut dense) = (Histogram::default(), Histogram::default());
            dense.many();
            for value in &values[..count] {
                one_by_one.add(*value);
                let bucket = bucket(*value);
                add(&mut dense.many, bucket, 1);
            }
            assert_eq!(one_by_one, dense);
            assert_eq!(Histogram::from_buckets(dense.buckets()), dense);
            assert_eq!(one_by_one.p95(), dense.p95());
            for other in [0, 10, 64, 300] {
                let other = &values[300 - other..];
                let more = other.iter().fold(Histogram::default(), |mut more, value| {
                    more.add(*value);
                    more
                });
                let mut both = [one_by_one.clone(), dense.clone(), more.clone()];
                both[0].merge(&more);
                both[1].merge(&more);
                both[2].merge(&dense);
                assert_eq!(both[0], both[1]);
                assert_eq!(both[1], both[2]);
                other.iter().for_each(|value| both[0].remove(*value));
                assert_eq!(both[0], dense);
            }
        }
        assert_ne!(Histogram::from_buckets([(1, 1)]), Histogram::from_buckets([(1, 2)]));
        assert!(Histogram::from_buckets((0..63).map(|n| (n, 1))).many.is_empty());
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
