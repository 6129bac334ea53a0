//! Time and randomness as values that are passed in.
//!
//! Owns the unit (integer microseconds since 1970, UTC) and the two traits by which the outside world is asked. Does not own any
//! implementation: the binary has the system's, the test kit has manual ones.

use std::fmt;
use std::time::Duration;

use jiff::fmt::temporal::Pieces;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: microseconds since 1970-01-01T00:00:00Z. On the wire RFC 3339 with milliseconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// Why a text is no moment.
#[derive(Debug, thiserror::Error)]
pub enum ParseTimestampError {
    /// It is not RFC 3339.
    #[error("`{0}` is not a time; write it as RFC 3339, for example 2026-01-31T12:00:00.000Z")]
    NotATime(String),
    /// It lies after the last second that can be told.
    #[error("`{0}` is too late; the latest time is 9999-12-30T22:00:00Z")]
    TooLate(String),
}

impl Timestamp {
    /// The moment that many microseconds after 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole milliseconds since 1970, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Reads RFC 3339 with any offset and any number of fractional digits (digits past the microsecond are cut off).
    pub fn parse(text: &str) -> Result<Self, ParseTimestampError> {
        let parsed = text.parse::<jiff::Timestamp>();
        parsed.map(|t| Self(t.as_microsecond())).map_err(|_| {
            let is_beyond = Pieces::parse(text).is_ok_and(|pieces| {
                pieces.date().year() == 9999 && pieces.time().is_some() && pieces.offset().is_some()
            });
            let why = if is_beyond { ParseTimestampError::TooLate } else { ParseTimestampError::NotATime };
            why(text.to_owned())
        })
    }

    /// The same for an end of a range. What lies after the last second that can be told is that one: many write 9999-12-31T23:59:59Z for
    /// a range that has no end.
    pub fn parse_bound(text: &str) -> Result<Self, ParseTimestampError> {
        match Self::parse(text) {
            Err(ParseTimestampError::TooLate(_)) => Ok(Self(jiff::Timestamp::MAX.as_second() * 1_000_000)),
            parsed => parsed,
        }
    }

    /// How long after `earlier` this is; zero where it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, later: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(later.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, earlier: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(earlier.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Where the time comes from. Cheap: it is asked several times for each delivery.
pub trait Clock: Send + Sync + 'static {
    /// The moment it is now. May step backwards when the system's clock is set.
    fn now(&self) -> Timestamp;
}

/// Where randomness comes from: ids, jitter, secrets.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes; the system's source is cryptographically secure.
    fn fill(&self, bytes: &mut [u8]);

    /// A random number from 0 up to, and not including, 1.
    fn unit(&self) -> f64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        let mantissa = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        f64::from(mantissa) / (f64::from(u32::MAX) + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_milliseconds_and_z_and_reads_back() {
        let t = Timestamp::from_micros(1_767_225_600_123_456);
        assert_eq!(t.to_string(), "2026-01-01T00:00:00.123Z");
        assert_eq!(Timestamp::parse("2026-01-01T01:00:00.123456+01:00").expect("valid"), t);
        assert!(Timestamp::parse("yesterday").is_err());
    }

    #[test]
    fn a_range_can_end_after_all_time() {
        let last = "9999-12-30T22:00:00.000Z";
        for text in ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999999-12:00", "9999-12-30T22:00:01Z", last] {
            assert_eq!(Timestamp::parse_bound(text).expect(text).to_string(), last, "{text}");
        }
        let plain = "2026-01-01T00:00:00.000Z";
        assert_eq!(Timestamp::parse_bound(plain).expect("valid").to_string(), plain);
        for text in ["9999-12-31", "9999-12-31T23:59:59", "9999-13-31T23:59:59Z", "10000-01-01T00:00:00Z", "tomorrow"] {
            assert!(Timestamp::parse_bound(text).is_err(), "{text}");
        }
        let too_late = Timestamp::parse("9999-12-31T23:59:59Z").expect_err("it is too late").to_string();
        assert_eq!(too_late, "`9999-12-31T23:59:59Z` is too late; the latest time is 9999-12-30T22:00:00Z");
        assert!(Timestamp::parse("9999-12-30T22:00:00Z").is_ok());
        let no_time = Timestamp::parse("9999-12-31").expect_err("it is no time").to_string();
        assert!(no_time.contains("is not a time"), "{no_time}");
    }

    #[test]
    fn negative_moments_round_down() {
        assert_eq!(Timestamp::from_micros(-1).as_seconds(), -1);
        assert_eq!(Timestamp::from_micros(-1).as_millis(), -1);
    }
}
