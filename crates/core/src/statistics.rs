//! What is counted of events, deliveries and attempts, and how counts add up.
//!
//! Counts are sums, and durations lie in histograms with fixed buckets, so that those of an hour are exactly those of its minutes
//! together, and a percentile over a month costs no more than one over a minute. What is counted when is the store's.

mod histogram;

pub use self::histogram::Histogram;

use std::time::Duration;

use crate::attempt::{Attempt, AttemptResult};
use crate::delivery::DeliveryState;
use crate::limits::{STATISTICS_DAYS, STATISTICS_HOURS, STATISTICS_MINUTES, STATISTICS_TENANT_MINUTES};
use crate::time::Timestamp;

/// How long the spans are that counts are kept for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Resolution {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Minute, Self::Hour, Self::Day];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The resolution of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resolution| resolution.name() == name)
    }

    /// The length of a span.
    pub const fn span(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    /// The beginning of the span that a moment lies in.
    pub fn floor(self, at: Timestamp) -> Timestamp {
        let span = self.micros();
        Timestamp::from_micros(at.as_micros().div_euclid(span) * span)
    }

    /// The beginning of the next span, or the moment itself where a span begins with it.
    pub fn ceil(self, at: Timestamp) -> Timestamp {
        let floor = self.floor(at);
        if floor == at { at } else { floor + self.span() }
    }

    fn micros(self) -> i64 {
        i64::try_from(self.span().as_micros()).expect("a day has some billions of microseconds")
    }
}

/// What counts can be about. Stores write the numbers of these, which stay as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// A whole environment.
    Environment = 0,
    /// A webhook.
    Webhook = 1,
    /// A tenant.
    Tenant = 2,
    /// An event type.
    EventType = 3,
}

impl Dimension {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Environment, Self::Webhook, Self::Tenant, Self::EventType];

    /// How long its spans of that length are kept.
    pub const fn kept(self, resolution: Resolution) -> Duration {
        match (resolution, self) {
            (Resolution::Minute, Self::Tenant) => STATISTICS_TENANT_MINUTES,
            (Resolution::Minute, _) => STATISTICS_MINUTES,
            (Resolution::Hour, _) => STATISTICS_HOURS,
            (Resolution::Day, _) => STATISTICS_DAYS,
        }
    }

    /// When the oldest of its spans of that length begins that is kept at a moment. Hours are kept by whole days, which they become.
    pub fn kept_since(self, resolution: Resolution, now: Timestamp) -> Timestamp {
        let whole = match resolution {
            Resolution::Minute => Resolution::Minute,
            Resolution::Hour | Resolution::Day => Resolution::Day,
        };
        whole.floor(now - self.kept(resolution))
    }
}

/// What an attempt came to, as statistics tell attempts apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerClass {
    /// 2XX.
    Success,
    /// 3XX.
    Redirection,
    /// 4XX.
    ClientError,
    /// 5XX.
    ServerError,
    /// Another status code.
    Other,
    /// There was no answer.
    None,
}

impl AnswerClass {
    /// All of them, as [`Counts::answers`] has them.
    pub const ALL: [Self; 6] =
        [Self::Success, Self::Redirection, Self::ClientError, Self::ServerError, Self::Other, Self::None];

    /// The class of an attempt's result.
    pub const fn of(result: &AttemptResult) -> Self {
        match result {
            AttemptResult::Answered { status: 200..=299, .. } => Self::Success,
            AttemptResult::Answered { status: 300..=399, .. } => Self::Redirection,
            AttemptResult::Answered { status: 400..=499, .. } => Self::ClientError,
            AttemptResult::Answered { status: 500..=599, .. } => Self::ServerError,
            AttemptResult::Answered { .. } => Self::Other,
            AttemptResult::Failed { .. } => Self::None,
        }
    }
}

/// What happened in a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events accepted.
    pub events: u64,
    /// Deliveries made, those that were discarded at birth included.
    pub deliveries: u64,
    /// Deliveries that ended as delivered.
    pub delivered: u64,
    /// Deliveries that ended as failed.
    pub failed: u64,
    /// Deliveries that ended as discarded.
    pub discarded: u64,
    /// Attempts, by [`AnswerClass`].
    pub answers: [u64; AnswerClass::ALL.len()],
    /// How long attempts took.
    pub attempt_times: Histogram,
    /// How long deliveries took from their making to the moment when they were delivered.
    pub delivery_times: Histogram,
}

impl Counts {
    /// All attempts.
    pub fn attempts(&self) -> u64 {
        self.answers.iter().sum()
    }

    /// Attempts that did not deliver.
    pub fn failed_attempts(&self) -> u64 {
        self.attempts() - self.answers[AnswerClass::Success as usize]
    }

    /// Counts an attempt.
    pub fn attempted(&mut self, attempt: &Attempt) {
        self.answers[AnswerClass::of(&attempt.result) as usize] += 1;
        self.attempt_times.record(attempt.timings.total);
    }

    /// Counts the end of a delivery that was made at that moment; nothing where it has not ended.
    pub fn ended(&mut self, state: &DeliveryState, made_at: Timestamp) {
        match state {
            DeliveryState::Behind | DeliveryState::Pending { .. } | DeliveryState::Retrying { .. } => {}
            DeliveryState::Delivered { at } => {
                self.delivered += 1;
                self.delivery_times.record(at.since(made_at));
            }
            DeliveryState::Failed { .. } => self.failed += 1,
            DeliveryState::Discarded { .. } => self.discarded += 1,
        }
    }

    /// Adds what others have counted.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.numbers_mut().zip(other.numbers()) {
            *mine += theirs;
        }
        self.attempt_times.add(&other.attempt_times);
        self.delivery_times.add(&other.delivery_times);
    }

    fn numbers(&self) -> impl Iterator<Item = u64> {
        let Self { events, deliveries, delivered, failed, discarded, answers, .. } = self;
        [*events, *deliveries, *delivered, *failed, *discarded].into_iter().chain(*answers)
    }

    fn numbers_mut(&mut self) -> impl Iterator<Item = &mut u64> {
        let Self { events, deliveries, delivered, failed, discarded, answers, .. } = self;
        [events, deliveries, delivered, failed, discarded].into_iter().chain(answers)
    }

    /// Appends the compact form: numbers of seven bits a byte, histograms without their empty buckets.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        for number in self.numbers() {
            put_number(bytes, number);
        }
        self.attempt_times.encode(bytes);
        self.delivery_times.encode(bytes);
    }

    /// Reads the numbers of the compact form, and leaves the histograms empty; none where it is none.
    pub fn decode_numbers(mut bytes: &[u8]) -> Option<Self> {
        Self::take_numbers(&mut bytes)
    }

    fn take_numbers(bytes: &mut &[u8]) -> Option<Self> {
        let mut counts = Self::default();
        for number in counts.numbers_mut() {
            *number = take_number(bytes)?;
        }
        Some(counts)
    }

    /// Reads the compact form off the front; none where it is none.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mut counts = Self::take_numbers(bytes)?;
        counts.attempt_times = Histogram::decode(bytes)?;
        counts.delivery_times = Histogram::decode(bytes)?;
        Some(counts)
    }
}

/// Appends a number, seven bits a byte, the lowest first.
pub fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push((number & 0x7f) as u8);
}

/// Reads a number off the front; none where there is none.
pub fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests;
