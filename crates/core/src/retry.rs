//! When a failed attempt is repeated.
//!
//! Owns presets, own lists, jitter and `Retry-After`. Which failures are repeated at all is [`crate::delivery::next`]'s.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::limits::{RETRY_DELAY, RETRY_DELAYS};
use crate::time::Timestamp;

/// How far a delay strays from the policy's, both ways: many deliveries that failed together do not come back together.
const JITTER: f64 = 0.2;

const STANDARD: [Duration; 8] = [
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
    Duration::from_hours(14),
];

/// Failed deliveries in a row after which the preset `frontegg` disables the webhook.
pub const FRONTEGG_FAILURES_IN_A_ROW: u32 = 5;

/// A webhook's retry policy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RetryPolicy {
    /// After 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h and 14 h.
    #[default]
    Standard,
    /// No retries; the webhook is disabled after five failed deliveries in a row, as Frontegg does it.
    Frontegg,
    /// The delays before each retry; none: no retries.
    Delays(RetryDelays),
}

/// A list of delays that keeps the limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
pub struct RetryDelays(Vec<Duration>);

/// Why a list of delays is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RetryDelaysError {
    /// Too many entries.
    #[error("at most {RETRY_DELAYS} retries can be asked for")]
    TooMany,
    /// A delay beyond the limit.
    #[error("a retry's delay is 1 to {} seconds", RETRY_DELAY.as_secs())]
    OutOfRange,
}

impl TryFrom<Vec<u32>> for RetryDelays {
    type Error = RetryDelaysError;

    fn try_from(seconds: Vec<u32>) -> Result<Self, RetryDelaysError> {
        if seconds.len() > RETRY_DELAYS {
            return Err(RetryDelaysError::TooMany);
        }
        if seconds.iter().any(|s| *s == 0 || u64::from(*s) > RETRY_DELAY.as_secs()) {
            return Err(RetryDelaysError::OutOfRange);
        }
        Ok(Self(seconds.into_iter().map(|s| Duration::from_secs(s.into())).collect()))
    }
}

impl From<RetryDelays> for Vec<u32> {
    fn from(delays: RetryDelays) -> Self {
        delays.0.iter().map(|d| u32::try_from(d.as_secs()).unwrap_or(u32::MAX)).collect()
    }
}

impl RetryPolicy {
    /// The delays before each retry, without jitter.
    pub fn delays(&self) -> &[Duration] {
        match self {
            Self::Standard => &STANDARD,
            Self::Frontegg => &[],
            Self::Delays(delays) => &delays.0,
        }
    }

    /// How long all retries take, without jitter.
    pub fn span(&self) -> Duration {
        self.delays().iter().sum()
    }

    /// The delay before the next attempt after `attempts` have been made; none when there is no further one. `jitter` is from 0 up
    /// to 1. What the endpoint asked for never shortens the delay, is itself only lengthened by jitter, and counts up to a day.
    pub fn delay_after(&self, attempts: u32, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
        let index = usize::try_from(attempts).ok()?.checked_sub(1)?;
        let planned = self.delays().get(index)?.mul_f64(1.0 - JITTER + 2.0 * JITTER * jitter);
        let asked =
            retry_after.map_or(Duration::ZERO, |d| d.min(RETRY_DELAY).mul_f64(1.0 + JITTER * jitter).min(RETRY_DELAY));
        Some(planned.max(asked))
    }
}

/// Reads a `Retry-After` header: whole seconds or an HTTP date. A moment that has passed is zero; what cannot be read is none.
pub fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than fit are still a wish to wait long.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)).min(RETRY_DELAY));
    }
    let at = httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some(at.saturating_sub(Duration::from_micros(u64::try_from(now.as_micros()).unwrap_or(0))).min(RETRY_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_has_eight_retries_within_a_fifth_of_the_plan() {
        let policy = RetryPolicy::Standard;
        let plan = [5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400];
        for (attempts, seconds) in (1..).zip(plan) {
            let plan = Duration::from_secs(seconds);
            assert_eq!(policy.delay_after(attempts, None, 0.5), Some(plan));
            assert_eq!(policy.delay_after(attempts, None, 0.0), Some(plan.mul_f64(0.8)));
            assert!(policy.delay_after(attempts, None, 0.999_999).expect("a delay") <= plan.mul_f64(1.2));
        }
        assert_eq!(policy.delay_after(9, None, 0.5), None);
        assert_eq!(RetryPolicy::Frontegg.delay_after(1, None, 0.5), None);
    }

    #[test]
    fn retry_after_never_shortens_and_is_capped_at_a_day() {
        let policy = RetryPolicy::Standard;
        let asked =
            |seconds, jitter| policy.delay_after(1, Some(Duration::from_secs(seconds)), jitter).expect("a delay");
        assert_eq!(asked(1, 0.5), Duration::from_secs(5));
        assert_eq!(asked(60, 0.0), Duration::from_mins(1));
        assert_eq!(asked(60, 0.5), Duration::from_secs(66));
        assert_eq!(asked(10_000_000, 0.9), RETRY_DELAY);
    }

    #[test]
    fn retry_after_is_read_as_seconds_or_date() {
        let now = Timestamp::parse("2026-01-01T00:00:00Z").expect("valid");
        assert_eq!(parse_retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(parse_retry_after(" 0 ", now), Some(Duration::ZERO));
        assert_eq!(parse_retry_after("99999999999999999999999", now), Some(RETRY_DELAY));
        assert_eq!(parse_retry_after("Thu, 01 Jan 2026 00:01:00 GMT", now), Some(Duration::from_mins(1)));
        assert_eq!(parse_retry_after("Wed, 31 Dec 2025 00:00:00 GMT", now), Some(Duration::ZERO));
        for bad in ["", "-1", "1.5", "soon"] {
            assert_eq!(parse_retry_after(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn lists_keep_their_limits() {
        assert_eq!(RetryDelays::try_from(vec![0]), Err(RetryDelaysError::OutOfRange));
        assert_eq!(RetryDelays::try_from(vec![86_401]), Err(RetryDelaysError::OutOfRange));
        assert_eq!(RetryDelays::try_from(vec![1; RETRY_DELAYS + 1]), Err(RetryDelaysError::TooMany));
        assert!(RetryDelays::try_from(vec![1, 86_400]).is_ok());
    }
}
