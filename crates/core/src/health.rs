//! When a webhook is switched off because its deliveries fail.
//!
//! Owns the rule. Counting happens in the store, in the transaction that records a delivery's end; our own faults never come here.

use std::time::Duration;

use crate::retry::{FRONTEGG_FAILURES_IN_A_ROW, RetryPolicy};
use crate::time::Timestamp;
use crate::webhook::{DisableReason, Sending};

/// Failed deliveries that a slow endpoint's webhook must have at least before it is disabled for failing for days.
pub const FAILURES_AT_LEAST: u32 = 5;

/// Failed deliveries with no success between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailureStreak {
    /// How many.
    pub count: u32,
    /// When the first of them ended.
    pub first_at: Timestamp,
    /// When the last of them ended.
    pub last_at: Timestamp,
}

impl FailureStreak {
    /// The streak after one more delivery has failed at `now`.
    pub fn extended(streak: Option<Self>, now: Timestamp) -> Self {
        match streak {
            None => Self { count: 1, first_at: now, last_at: now },
            Some(s) => Self { count: s.count.saturating_add(1), first_at: s.first_at, last_at: now.max(s.last_at) },
        }
    }

    /// Whether a webhook with this streak is to be disabled, and why.
    pub fn verdict(&self, sending: &Sending) -> Option<DisableReason> {
        if sending.retry == RetryPolicy::Frontegg && self.count >= FRONTEGG_FAILURES_IN_A_ROW {
            return Some(DisableReason::FailuresInARow);
        }
        let days = sending.disable_after_days?;
        let apart = Duration::from_hours(24 * u64::from(days));
        (self.count >= FAILURES_AT_LEAST && self.last_at.since(self.first_at) >= apart)
            .then_some(DisableReason::FailingForDays)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streak(count: u32, over: Duration) -> FailureStreak {
        let first_at = Timestamp::from_micros(0);
        FailureStreak { count, first_at, last_at: first_at + over }
    }

    #[test]
    fn five_failures_over_five_days_disable() {
        let sending = Sending::default();
        let days = |n: u64| Duration::from_hours(24 * n);
        assert_eq!(streak(5, days(5)).verdict(&sending), Some(DisableReason::FailingForDays));
        assert_eq!(streak(4, days(50)).verdict(&sending), None);
        assert_eq!(streak(500, days(5).saturating_sub(Duration::from_secs(1))).verdict(&sending), None);
        let never = Sending { disable_after_days: None, ..Sending::default() };
        assert_eq!(streak(500, days(500)).verdict(&never), None);
    }

    #[test]
    fn preset_frontegg_disables_after_five_in_a_row() {
        let sending = Sending { retry: RetryPolicy::Frontegg, ..Sending::default() };
        assert_eq!(streak(4, Duration::ZERO).verdict(&sending), None);
        assert_eq!(streak(5, Duration::ZERO).verdict(&sending), Some(DisableReason::FailuresInARow));
    }

    #[test]
    fn a_clock_that_steps_back_does_not_shorten_a_streak() {
        let s = FailureStreak::extended(Some(streak(1, Duration::from_secs(9))), Timestamp::from_micros(0));
        assert_eq!((s.count, s.last_at), (2, Timestamp::from_micros(9_000_000)));
    }
}
