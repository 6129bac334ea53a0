//! Durations in buckets of a fixed logarithmic scale: eight to each doubling, so that what is read off is right to 7 %.

use std::time::Duration;

use super::{put_number, take_number};

/// Bits of a bucket's number below the exponent: eight buckets to each doubling.
const FINE_BITS: u32 = 3;
/// The last bucket: durations from some 49 days on, in microseconds.
const LAST: u16 = bucket_of(1 << 42);

/// How many durations fell into each bucket. Those of several spans add up to those of all together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Number and count of the buckets that are not empty, ascending.
    buckets: Vec<(u16, u64)>,
}

#[expect(clippy::cast_possible_truncation, reason = "there are some hundred buckets")]
const fn bucket_of(micros: u64) -> u16 {
    let exponent = micros.checked_ilog2();
    let bucket = match exponent {
        Some(exponent) if exponent > FINE_BITS => {
            let shift = exponent - FINE_BITS;
            ((shift as u64) << FINE_BITS) + (micros >> shift)
        }
        // The smallest have a bucket for each microsecond.
        _ => micros,
    };
    bucket as u16
}

/// The shortest duration of a bucket, and the shortest of the next, in microseconds.
const fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = bucket as u64;
    let fine = 1 << FINE_BITS;
    if bucket < 2 * fine {
        return (bucket, bucket + 1);
    }
    let shift = (bucket >> FINE_BITS) - 1;
    let mantissa = fine + (bucket & (fine - 1));
    (mantissa << shift, (mantissa + 1) << shift)
}

impl Histogram {
    /// Counts a duration.
    pub fn record(&mut self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.add_to(if micros >> 42 == 0 { bucket_of(micros) } else { LAST }, 1);
    }

    fn add_to(&mut self, bucket: u16, count: u64) {
        match self.buckets.binary_search_by_key(&bucket, |(other, _)| *other) {
            Ok(at) => self.buckets[at].1 += count,
            Err(at) => self.buckets.insert(at, (bucket, count)),
        }
    }

    /// Adds what another has counted.
    pub fn add(&mut self, other: &Self) {
        for &(bucket, count) in &other.buckets {
            self.add_to(bucket, count);
        }
    }

    /// How many durations it has.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    /// The duration that so many of 1,000 do not exceed, to the middle of its bucket; none of an empty histogram.
    pub fn quantile(&self, per_mille: u32) -> Option<Duration> {
        let count = self.count();
        let rank = (u128::from(count) * u128::from(per_mille)).div_ceil(1_000).max(1);
        let mut before = 0;
        for &(bucket, count) in &self.buckets {
            before += u128::from(count);
            if before >= rank {
                let (low, high) = bounds(bucket);
                return Some(Duration::from_micros(u64::midpoint(low, high)));
            }
        }
        None
    }

    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        put_number(bytes, self.buckets.len() as u64);
        let mut last = 0;
        for &(bucket, count) in &self.buckets {
            put_number(bytes, u64::from(bucket - last));
            put_number(bytes, count);
            last = bucket;
        }
    }

    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let length = take_number(bytes)?;
        let mut buckets = Vec::new();
        let mut last = 0_u64;
        for index in 0..length {
            let step = take_number(bytes)?;
            if index > 0 && step == 0 {
                return None;
            }
            last = last.checked_add(step).filter(|bucket| *bucket <= u64::from(LAST))?;
            buckets.push((u16::try_from(last).ok()?, take_number(bytes)?));
        }
        Some(Self { buckets })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_one_another_without_gaps_and_are_narrow() {
        for bucket in 0..LAST {
            let (low, high) = bounds(bucket);
            assert_eq!(bounds(bucket + 1).0, high, "{bucket}");
            assert_eq!((bucket_of(low), bucket_of(high - 1)), (bucket, bucket));
            assert!(low < 16 || (high - low) * 8 <= low, "{bucket}");
        }
    }
}
