//! For how long events, deliveries and attempts are kept.

use std::time::Duration;

use crate::limits::{RETENTION_DAYS, RETENTION_DAYS_LEAST, RETENTION_DAYS_MOST};

/// A number of whole days, [`RETENTION_DAYS_LEAST`] to [`RETENTION_DAYS_MOST`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Retention {
    days: u16,
}

impl Retention {
    /// So many days; none where they are fewer or more than can be.
    pub fn from_days(days: u64) -> Option<Self> {
        let days = u16::try_from(days).ok()?;
        (RETENTION_DAYS_LEAST..=RETENTION_DAYS_MOST).contains(&days).then_some(Self { days })
    }

    /// The days, 24 hours each.
    pub const fn days(self) -> u16 {
        self.days
    }

    /// The same as a span of time.
    pub fn duration(self) -> Duration {
        Duration::from_hours(u64::from(self.days) * 24)
    }
}

impl Default for Retention {
    /// What is kept unless configured otherwise: [`RETENTION_DAYS`].
    fn default() -> Self {
        Self { days: RETENTION_DAYS }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_within_their_limits() {
        let days = |days| Retention::from_days(days).map(Retention::days);
        assert_eq!([0, 1, 3_650, 3_651, 65_537].map(days), [None, Some(1), Some(3_650), None, None]);
        assert_eq!(Retention::default().days(), RETENTION_DAYS);
        assert_eq!(Retention::from_days(2).map(Retention::duration), Some(Duration::from_hours(48)));
    }
}
