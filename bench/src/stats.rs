//! Percentiles and medians, exact ones: samples are few enough to be kept and sorted.

use std::time::Duration;

/// The smallest sample that at least `percent` of the `sorted` samples (nanoseconds) do not exceed.
pub(crate) fn percentile(sorted: &[u64], percent: u32) -> Duration {
    let rank = (sorted.len() * percent as usize).div_ceil(100).max(1);
    Duration::from_nanos(sorted.get(rank - 1).or(sorted.last()).copied().unwrap_or_default())
}

/// The middle value, or the mean of the middle two; `None` of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_nearest_ranks() {
        let samples: Vec<u64> = (1..=1000).collect();
        for (percent, expected) in [(50, 500), (99, 990), (100, 1000), (0, 1)] {
            assert_eq!(percentile(&samples, percent), Duration::from_nanos(expected), "{percent} %");
        }
        assert_eq!(percentile(&[7, 9], 50), Duration::from_nanos(7));
        assert_eq!(percentile(&[7, 9, 10], 50), Duration::from_nanos(9));
        assert_eq!(percentile(&[7], 99), Duration::from_nanos(7));
    }

    #[test]
    fn medians_ignore_order_and_outliers() {
        assert_eq!(median([900.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
        assert_eq!(median([]), None);
    }
}
