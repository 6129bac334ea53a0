//! How many attempts a webhook may start in how much time.
//!
//! Owns the limit and the exact bookkeeping of it. When a delivery that has to wait is sent is the engine's to see to.
//!
//! # The promise
//!
//! With `limit` attempts per period and a burst of `b`, in any stretch of time of length `w`, wherever it begins, fewer than
//! `b + w × limit / period` attempts start, or just one. So with the burst of one that is meant where none is given, no stretch as long
//! as the period has more than `limit`, and attempts are spaced evenly; with a burst of `b` it has at most `limit + b - 1`.
//!
//! The bookkeeping is one number (the generic cell rate algorithm): the moment at which everything that was started would be paid off,
//! if each attempt cost `period / limit` of time. An attempt may start when no more than `b - 1` of them are owed. The number is kept in
//! units of a microsecond divided by `limit`, so that nothing is rounded.

use serde::{Deserialize, Serialize};

use crate::limits::RATE_LIMIT;
use crate::time::Timestamp;

/// How many attempts may start in how much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Parts", into = "Parts")]
pub struct RateLimit {
    limit: u32,
    per: Period,
    burst: u32,
}

/// What a limit is counted over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Period {
    /// One second.
    Second,
    /// One minute.
    Minute,
}

/// Numbers that are no rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateLimitError {
    /// The limit.
    #[error("a rate limit is 1 to {RATE_LIMIT}")]
    Limit,
    /// The burst.
    #[error("a burst is 1 up to the limit")]
    Burst,
}

#[derive(Serialize, Deserialize)]
struct Parts {
    limit: u32,
    per: Period,
    burst: u32,
}

impl TryFrom<Parts> for RateLimit {
    type Error = RateLimitError;

    fn try_from(Parts { limit, per, burst }: Parts) -> Result<Self, RateLimitError> {
        Self::new(limit, per, burst)
    }
}

impl From<RateLimit> for Parts {
    fn from(RateLimit { limit, per, burst }: RateLimit) -> Self {
        Self { limit, per, burst }
    }
}

impl RateLimit {
    /// The limit of these numbers.
    pub fn new(limit: u32, per: Period, burst: u32) -> Result<Self, RateLimitError> {
        if !(1..=RATE_LIMIT).contains(&limit) {
            return Err(RateLimitError::Limit);
        }
        if !(1..=limit).contains(&burst) {
            return Err(RateLimitError::Burst);
        }
        Ok(Self { limit, per, burst })
    }

    /// Attempts in a period.
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// The period.
    pub const fn per(self) -> Period {
        self.per
    }

    /// Attempts that may start at once after a while without any.
    pub const fn burst(self) -> u32 {
        self.burst
    }

    /// What an attempt costs, in units of a microsecond divided by the limit: the period in microseconds.
    const fn cost(self) -> i128 {
        match self.per {
            Period::Second => 1_000_000,
            Period::Minute => 60_000_000,
        }
    }

    /// Attempts that can start within the next `seconds`, at most.
    pub fn within(self, seconds: u32) -> usize {
        let in_time = u64::from(self.limit) * u64::from(seconds) * 1_000_000 / u64::try_from(self.cost()).unwrap_or(1);
        usize::try_from(u64::from(self.burst) + in_time).unwrap_or(usize::MAX)
    }
}

/// What a webhook with a limit has started of late.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    limit: RateLimit,
    /// When everything is paid off, in units of a microsecond divided by the limit.
    paid_off: i128,
    /// The last start.
    last: Option<Timestamp>,
}

impl Pace {
    /// Of a webhook that has started nothing.
    pub const fn fresh(limit: RateLimit) -> Self {
        Self { limit, paid_off: i128::MIN, last: None }
    }

    /// Of a webhook of which it is not known what it has started up to `now`: as much as it could have, just now. What another process
    /// started before it crashed may have been recorded by nobody, so the worst is the only thing to be sure of; and it costs no more than
    /// the time of one attempt.
    pub fn unknown(limit: RateLimit, now: Timestamp) -> Self {
        let mut pace = Self { limit, paid_off: 0, last: Some(now) };
        pace.paid_off = pace.most(now);
        pace
    }

    /// The limit.
    pub const fn limit(&self) -> RateLimit {
        self.limit
    }

    fn units(&self, at: Timestamp) -> i128 {
        i128::from(at.as_micros()) * i128::from(self.limit.limit)
    }

    /// What is owed at most, when as much as may be was started at that moment.
    fn most(&self, now: Timestamp) -> i128 {
        self.units(now) + self.limit.cost() * i128::from(self.limit.burst)
    }

    /// How many attempts may start now.
    pub fn room(&self, now: Timestamp) -> usize {
        let left = (self.most(now).saturating_sub(self.paid_off)) / self.limit.cost();
        usize::try_from(left.clamp(0, self.limit.burst.into())).expect("a burst is a number of 32 bits")
    }

    /// When the next attempt may start; none: now.
    pub fn next(&self, now: Timestamp) -> Option<Timestamp> {
        if self.room(now) > 0 {
            return None;
        }
        let owed = self.limit.cost() * i128::from(self.limit.burst - 1);
        let (units, limit) = (self.paid_off - owed, i128::from(self.limit.limit));
        let micros = units.div_euclid(limit) + i128::from(units.rem_euclid(limit) > 0);
        Some(Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX)))
    }

    /// An attempt starts.
    pub fn start(&mut self, now: Timestamp) {
        self.paid_off = self.paid_off.max(self.units(now)) + self.limit.cost();
        self.last = Some(now);
    }

    /// A clock that was set back makes it look as if more was started than may be: then as much was as may be.
    pub fn notice(&mut self, now: Timestamp) {
        self.paid_off = self.paid_off.min(self.most(now));
    }

    /// The limit changes. The new one holds from now on, for what has been started already, too: what is owed stays owed, and the next attempt
    /// keeps the new distance to the last one.
    pub fn change(&mut self, limit: RateLimit, now: Timestamp) {
        if limit == self.limit {
            return;
        }
        let old = std::mem::replace(&mut self.limit, limit);
        let Some(last) = self.last else { return };
        let (from, to) = (i128::from(old.limit), i128::from(limit.limit));
        let same_moment = (self.paid_off * to).div_euclid(from) + 1;
        self.paid_off = same_moment.max(self.units(last) + limit.cost());
        self.notice(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn limit(limit: u32, per: Period, burst: u32) -> RateLimit {
        RateLimit::new(limit, per, burst).expect("within the limits")
    }

    /// Whether a stretch of time of any length has more starts than the promise says, of those after `from`.
    fn keeps(starts: &[Timestamp], limit: RateLimit) -> Result<(), String> {
        for first in 0..starts.len() {
            for last in first + 1..starts.len() {
                // Starts within a stretch that is just longer than from the first to the last of them.
                let count = (last - first + 1) as u128;
                let length = starts[last].since(starts[first]).as_micros();
                let allowed =
                    u128::from(limit.burst()) * limit.cost().unsigned_abs() + length * u128::from(limit.limit());
                if count * limit.cost().unsigned_abs() > allowed {
                    return Err(format!("{count} in {length} microseconds under {limit:?}"));
                }
            }
        }
        Ok(())
    }

    fn limits() -> impl Strategy<Value = RateLimit> {
        let per = prop_oneof![Just(Period::Second), Just(Period::Minute)];
        (1..=200u32, per, 0.0..1.0f64).prop_map(|(number, per, part)| {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a part of some hundred")]
            let burst = 1 + (f64::from(number - 1) * part) as u32;
            limit(number, per, burst)
        })
    }

    proptest! {
        #[test]
        fn no_stretch_of_time_has_more_than_the_promise(
            limit in limits(),
            waits in proptest::collection::vec((0..2_000_000u64, 1..8usize), 1..60),
        ) {
            let (mut pace, mut now, mut starts) = (Pace::fresh(limit), NOW, Vec::new());
            for (wait, wanted) in waits {
                now = now + Duration::from_micros(wait);
                for _ in 0..wanted.min(pace.room(now)) {
                    pace.start(now);
                    starts.push(now);
                }
                // Who waits for the moment that is named finds room then, and not before.
                if let Some(at) = pace.next(now) {
                    prop_assert!(at > now && pace.room(at) == 1 && pace.room(at - Duration::from_micros(1)) == 0);
                    if wanted % 2 == 0 {
                        now = at;
                        pace.start(now);
                        starts.push(now);
                    }
                }
            }
            prop_assert_eq!(keeps(&starts, limit), Ok(()));
            if limit.burst() == 1 {
                let period = Duration::from_micros(u64::try_from(limit.cost()).expect("positive"));
                for (index, first) in starts.iter().enumerate() {
                    let within = starts[index..].iter().filter(|at| at.since(*first) < period).count();
                    prop_assert!(within <= limit.limit() as usize);
                }
            }
        }

        #[test]
        fn a_restart_is_no_way_around_the_limit(
            limit in limits(),
            lives in proptest::collection::vec((0..500_000u64, 1..300usize), 1..5),
        ) {
            let (mut now, mut starts) = (NOW, Vec::new());
            let mut pace = Pace::fresh(limit);
            for (down, wanted) in lives {
                for _ in 0..wanted {
                    now = pace.next(now).unwrap_or(now);
                    pace.start(now);
                    starts.push(now);
                }
                now = now + Duration::from_micros(down);
                pace = Pace::unknown(limit, now);
            }
            prop_assert_eq!(keeps(&starts, limit), Ok(()));
        }

        #[test]
        fn a_new_limit_holds_from_its_change_on(
            before in limits(), after in limits(), wait in 0..2_000_000u64, wanted in 1..200usize,
        ) {
            let (mut pace, mut now, mut starts) = (Pace::fresh(before), NOW, Vec::new());
            while pace.room(now) > 0 {
                pace.start(now);
            }
            starts.push(now);
            now = now + Duration::from_micros(wait);
            pace.change(after, now);
            for _ in 0..wanted {
                now = pace.next(now).unwrap_or(now);
                pace.start(now);
                starts.push(now);
            }
            // The last start under the old limit counts as the first under the new one.
            prop_assert_eq!(keeps(&starts, after), Ok(()));
        }
    }

    #[test]
    fn all_of_the_limit_can_be_used() {
        for limit in [limit(7, Period::Second, 1), limit(3, Period::Minute, 2), limit(RATE_LIMIT, Period::Second, 50)] {
            let (mut pace, mut now) = (Pace::fresh(limit), NOW);
            for _ in 0..limit.limit() * 2 {
                now = pace.next(now).unwrap_or(now);
                pace.start(now);
            }
            let periods = now.since(NOW).as_micros();
            assert!(periods <= 2 * limit.cost().unsigned_abs(), "{periods} for {limit:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody_for_longer_than_an_attempt_costs() {
        let mut pace = Pace::fresh(limit(2, Period::Second, 1));
        pace.start(NOW);
        let earlier = NOW - Duration::from_hours(1);
        pace.notice(earlier);
        assert_eq!(pace.next(earlier), Some(earlier + Duration::from_millis(500)));
    }

    #[test]
    fn limits_keep_their_limits() {
        assert!(RateLimit::new(RATE_LIMIT, Period::Minute, RATE_LIMIT).is_ok());
        assert_eq!(RateLimit::new(0, Period::Second, 1), Err(RateLimitError::Limit));
        assert_eq!(RateLimit::new(RATE_LIMIT + 1, Period::Second, 1), Err(RateLimitError::Limit));
        assert_eq!(RateLimit::new(5, Period::Second, 0), Err(RateLimitError::Burst));
        assert_eq!(RateLimit::new(5, Period::Second, 6), Err(RateLimitError::Burst));
        assert_eq!(limit(1, Period::Minute, 1).within(10), 1);
        assert_eq!(limit(60, Period::Minute, 5).within(10), 15);
    }
}
