//! How well a webhook's endpoint answers, and how much it is trusted with in return: its share of the slots, and the breaker.
//!
//! The share is one until the first good answer, grows with each further one while it is used up, halves with each bad one and never
//! falls below one. It grows only while it is used up, so that an endpoint that never needed many slots cannot take many when it
//! stops answering. After some bad outcomes in a row the breaker opens: the lane pauses, longer each time, and then sends one
//! probe at a time. An endpoint that has never answered is given fewer chances: thousands of those may come at once.
//!
//! Faults of our own say nothing of the endpoint and change none of this. After some of them in a row a lane merely holds its breath,
//! longer each time, and then tries one by one, so that a proxy that is down is not asked a thousand times a second for nothing. What
//! could not be rendered was never sent and changes nothing at all.
//!
//! Apart from all that, and only to be told, it counts the attempts in a row that failed. An endpoint that answers 404 to all it gets
//! is well, and no reason to send less; somebody should know of it all the same.

use std::time::Duration;

use postrider_core::Timestamp;
use postrider_core::attempt::Outcome;
use postrider_core::limits::BREAKER_PAUSE;
use postrider_core::retry::RetryPolicy;

/// Slots of a lane that has answered for the first time, or again after a pause.
const FIRST_SHARE: usize = 4;
/// Bad outcomes in a row that open the breaker.
const BREAKER_OPENS_AFTER: u32 = 5;
/// The same for an endpoint that has never answered.
const BREAKER_OPENS_FIRST_AFTER: u32 = 2;
/// Bad outcomes in a row after which a lane no longer counts as one that answers.
const FAILING_AFTER: u32 = 2;
/// The first pause; each further one is twice as long, up to [`BREAKER_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How much of a pause jitter takes off at most: endpoints that died together are not probed together.
const PAUSE_JITTER: f64 = 0.25;
/// Faults of our own in a row after which a lane holds its breath.
const FAULTS_HOLD_AFTER: u32 = 3;
/// For how long at first; each further time twice as long, up to [`BREAKER_PAUSE`].
const FAULT_HOLD: Duration = Duration::from_secs(1);
/// How often a lane's faults are told in the log.
const FAULTS_TOLD_EVERY: Duration = Duration::from_mins(1);
/// How long a lane with attempts in flight may be silent until it counts as one that does not answer: well beyond what a healthy
/// endpoint takes, well below any deadline.
const SILENT_AFTER: Duration = Duration::from_secs(2);

/// What an attempt says of the endpoint's health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// It takes what it gets.
    Well,
    /// It answers, and does not take what it got: well enough to be sent to, and a failure to be told of.
    Refused,
    /// It does not answer, or says that it is overloaded or broken.
    Unwell,
    /// The same, where the webhook itself is switched off after a few failures: there the breaker would only keep these from happening.
    UnwellUntilOff,
    /// The fault was ours.
    Ours,
    /// Nothing: there was nothing to send, or another endpoint answered, which the webhook has no more.
    Nothing,
}

impl Signal {
    pub(crate) fn of(outcome: &Outcome, retry: &RetryPolicy) -> Self {
        match outcome {
            Outcome::Ours(_) => Self::Ours,
            Outcome::MovedFrom | Outcome::Unrenderable => Self::Nothing,
            outcome if outcome.is_unwell() && *retry == RetryPolicy::Frontegg => Self::UnwellUntilOff,
            outcome if outcome.is_unwell() => Self::Unwell,
            outcome if outcome.is_success() => Self::Well,
            _ => Self::Refused,
        }
    }
}

/// Lanes of a class share a limit of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// Has answered, and still does.
    Well,
    /// Has not answered yet, fails, or keeps silent.
    Troubled,
}

impl Class {
    pub(super) const BOTH: [Self; 2] = [Self::Well, Self::Troubled];

    pub(super) const fn other(self) -> Self {
        match self {
            Self::Well => Self::Troubled,
            Self::Troubled => Self::Well,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Timestamp,
    length: Duration,
}

impl Pause {
    fn begun(length: Duration, now: Timestamp, jitter: f64) -> Self {
        Self { until: now + length.mul_f64(1.0 - PAUSE_JITTER * jitter), length }
    }

    /// A clock that was set back makes no pause longer than it is.
    fn within_its_length(self, now: Timestamp) -> Self {
        Self { until: self.until.min(now + self.length), ..self }
    }
}

#[derive(Debug)]
pub(super) struct Health {
    share: usize,
    most: usize,
    has_answered: bool,
    unwell_in_a_row: u32,
    failures_in_a_row: u32,
    /// When the first of them ended; without any it means nothing.
    failing_since: Timestamp,
    pause: Option<Pause>,
    faults_in_a_row: u32,
    hold: Option<Pause>,
    /// When its faults were last told.
    told_at: Option<Timestamp>,
    /// The last answer, or the launch that found nothing in flight.
    silent_since: Timestamp,
}

impl Health {
    /// Of an endpoint of which nothing is known; `most` is the largest share.
    pub(super) fn unknown(most: usize) -> Self {
        Self {
            share: 1,
            most,
            has_answered: false,
            unwell_in_a_row: 0,
            failures_in_a_row: 0,
            failing_since: Timestamp::from_micros(0),
            pause: None,
            faults_in_a_row: 0,
            hold: None,
            told_at: None,
            silent_since: Timestamp::from_micros(0),
        }
    }

    pub(super) const fn share(&self) -> usize {
        self.share
    }

    /// Attempts that failed since one did not, whatever was answered.
    pub(super) const fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// When the first of them ended.
    pub(super) fn failing_since(&self) -> Option<Timestamp> {
        (self.failures_in_a_row > 0).then_some(self.failing_since)
    }

    /// What failed before a person switched the webhook on again is not held against it.
    pub(super) const fn forget_failures(&mut self) {
        self.failures_in_a_row = 0;
    }

    pub(super) const fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// Until when nothing is sent; the moment may have passed, then a probe is due.
    pub(super) fn paused_until(&self) -> Option<Timestamp> {
        self.pause.map(|pause| pause.until)
    }

    /// Until when nothing is sent because of faults of our own; the moment may have passed, then one at a time is.
    pub(super) fn held_until(&self) -> Option<Timestamp> {
        self.hold.map(|hold| hold.until)
    }

    /// Until when nothing is sent for whatever reason; the moment may have passed, then one at a time is.
    pub(super) fn quiet_until(&self) -> Option<Timestamp> {
        self.paused_until().max(self.held_until())
    }

    /// A person changed the webhook, perhaps what was wrong with it: the next probe is due at once. Should it fail, the pause goes on
    /// growing from where it was.
    pub(super) fn probe_now(&mut self, now: Timestamp) {
        for pause in [&mut self.pause, &mut self.hold].into_iter().flatten() {
            pause.until = pause.until.min(now);
        }
    }

    /// The clock was set back.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        for pause in [&mut self.pause, &mut self.hold].into_iter().flatten() {
            *pause = pause.within_its_length(now);
        }
        self.silent_since = self.silent_since.min(now);
        self.failing_since = self.failing_since.min(now);
        self.told_at = self.told_at.filter(|at| *at <= now);
    }

    /// Whether a fault of our own is to be told now: not each of them, as they come by the thousand.
    pub(super) fn tells_fault(&mut self, now: Timestamp) -> bool {
        let tells = self.told_at.is_none_or(|at| now < at || now.since(at) >= FAULTS_TOLD_EVERY);
        if tells {
            self.told_at = Some(now);
        }
        tells
    }

    /// How many more may be launched now.
    pub(super) fn room(&self, in_flight: usize, now: Timestamp) -> usize {
        match self.quiet_until() {
            None => self.share.saturating_sub(in_flight),
            // What was in flight when the breaker opened counts as the probe.
            Some(until) => usize::from(now >= until && in_flight == 0),
        }
    }

    pub(super) fn class(&self, in_flight: usize, now: Timestamp) -> Class {
        let silent = in_flight > 0 && now.since(self.silent_since) > SILENT_AFTER;
        if self.has_answered && self.unwell_in_a_row < FAILING_AFTER && self.pause.is_none() && !silent {
            Class::Well
        } else {
            Class::Troubled
        }
    }

    /// One more is about to be in flight.
    pub(super) fn launched(&mut self, in_flight: usize, now: Timestamp) {
        if in_flight == 0 {
            self.silent_since = now;
        }
    }

    /// One of `in_flight` has ended. `jitter` is from 0 up to 1.
    pub(super) fn ended(&mut self, signal: Signal, in_flight: usize, now: Timestamp, jitter: f64) {
        if signal == Signal::Nothing {
            return;
        }
        self.silent_since = now;
        if signal != Signal::Ours {
            self.faults_in_a_row = 0;
            self.hold = None;
            self.count(signal, now);
        }
        match signal {
            Signal::Nothing => {}
            Signal::Ours => {
                self.faults_in_a_row = self.faults_in_a_row.saturating_add(1);
                let length = match self.hold {
                    // What was sent before says nothing new.
                    Some(hold) if now < hold.until => return,
                    Some(hold) => (hold.length * 2).min(BREAKER_PAUSE),
                    None if self.faults_in_a_row >= FAULTS_HOLD_AFTER => FAULT_HOLD,
                    None => return,
                };
                self.hold = Some(Pause::begun(length, now, jitter));
            }
            Signal::Well | Signal::Refused => {
                self.unwell_in_a_row = 0;
                let is_back = self.pause.take().is_some();
                if !std::mem::replace(&mut self.has_answered, true) || is_back {
                    self.share = FIRST_SHARE.min(self.most);
                } else if in_flight >= self.share {
                    self.share = (self.share + 1).min(self.most);
                }
            }
            Signal::Unwell | Signal::UnwellUntilOff => {
                self.unwell_in_a_row = self.unwell_in_a_row.saturating_add(1);
                self.share = (self.share / 2).max(1);
                if signal == Signal::UnwellUntilOff {
                    return;
                }
                let opens_after = if self.has_answered { BREAKER_OPENS_AFTER } else { BREAKER_OPENS_FIRST_AFTER };
                let length = match self.pause {
                    // Answers to what was sent before the pause add nothing to it.
                    Some(pause) if now < pause.until => return,
                    Some(pause) => (pause.length * 2).min(BREAKER_PAUSE),
                    None if self.unwell_in_a_row >= opens_after => FIRST_PAUSE,
                    None => return,
                };
                self.pause = Some(Pause::begun(length, now, jitter));
            }
        }
    }

    /// An attempt that counts has ended.
    fn count(&mut self, signal: Signal, now: Timestamp) {
        if signal == Signal::Well {
            self.failures_in_a_row = 0;
            return;
        }
        if self.failures_in_a_row == 0 {
            self.failing_since = now;
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::attempt::{FailureKind, OurFault};

    use super::*;

    const MOST: usize = 128;

    #[test]
    fn an_answer_that_is_no_success_is_a_failure_of_an_endpoint_that_is_well() {
        let answered = |status| Outcome::Answered { status, retry_after: None };
        for (outcome, signal) in [
            (answered(204), Signal::Well),
            (answered(302), Signal::Refused),
            (answered(404), Signal::Refused),
            (answered(410), Signal::Refused),
            (answered(429), Signal::Unwell),
            (answered(503), Signal::Unwell),
            (Outcome::Failed(FailureKind::Timeout), Signal::Unwell),
            (Outcome::Ours(OurFault::Proxy), Signal::Ours),
            (Outcome::MovedFrom, Signal::Nothing),
            (Outcome::Unrenderable, Signal::Nothing),
        ] {
            assert_eq!(Signal::of(&outcome, &RetryPolicy::Standard), signal, "{outcome:?}");
        }
        assert_eq!(Signal::of(&answered(503), &RetryPolicy::Frontegg), Signal::UnwellUntilOff);
    }

    #[test]
    fn failures_are_counted_from_the_first_to_the_next_success_whatever_was_answered() {
        let start = Timestamp::from_micros(1_000_000_000_000);
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut health = Health::unknown(MOST);
        health.ended(Signal::Well, 1, start, 0.0);
        assert_eq!((health.failures_in_a_row(), health.failing_since()), (0, None));
        for second in 1..=100 {
            health.ended(Signal::Refused, 1, at(second), 0.0);
        }
        assert_eq!((health.failures_in_a_row(), health.failing_since()), (100, Some(at(1))));
        assert_eq!((health.is_paused(), health.share()), (false, FIRST_SHARE), "it answers, and is sent to");
        assert_eq!(health.class(1, at(100)), Class::Well);
        for signal in [Signal::Unwell, Signal::Ours, Signal::Nothing, Signal::UnwellUntilOff] {
            health.ended(signal, 1, at(101), 0.0);
        }
        assert_eq!((health.failures_in_a_row(), health.failing_since()), (102, Some(at(1))), "faults of ours are none");
        health.set_back(start);
        assert_eq!(health.failing_since(), Some(start), "not in the future");
        health.ended(Signal::Well, 1, at(1), 0.0);
        assert_eq!((health.failures_in_a_row(), health.failing_since()), (0, None));
        health.ended(Signal::Unwell, 1, at(2), 0.0);
        assert_eq!((health.failures_in_a_row(), health.failing_since()), (1, Some(at(2))));
    }

    #[test]
    fn pauses_double_to_five_minutes_and_one_good_answer_ends_them() {
        let mut now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        health.ended(Signal::Well, 1, now, 0.0);
        for _ in 0..BREAKER_OPENS_AFTER {
            assert!(health.room(0, now) > 0);
            health.ended(Signal::Unwell, 1, now, 0.0);
        }
        for seconds in [5, 10, 20, 40, 80, 160, 300, 300] {
            let until = health.paused_until().expect("paused");
            assert_eq!(until.since(now), Duration::from_secs(seconds));
            assert_eq!(health.room(0, until - Duration::from_micros(1)), 0);
            assert_eq!((health.room(0, until), health.room(1, until)), (1, 0), "one probe at a time");
            now = until;
            health.ended(Signal::Unwell, 1, now, 0.0);
        }
        health.ended(Signal::Well, 1, now, 0.0);
        assert_eq!((health.is_paused(), health.room(0, now)), (false, FIRST_SHARE));
    }

    #[test]
    fn stragglers_do_not_lengthen_a_pause_and_our_faults_do_not_open_one() {
        let now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        for _ in 0..100 {
            health.ended(Signal::Ours, 1, now, 0.0);
        }
        assert_eq!((health.share(), health.is_paused(), health.failures_in_a_row()), (1, false, 0));
        assert_eq!((health.room(0, now), health.room(0, now + FAULT_HOLD)), (0, 1), "one by one, a second apart");
        for _ in 0..100 {
            health.ended(Signal::Unwell, 1, now, 0.0);
        }
        assert_eq!(health.paused_until(), Some(now + FIRST_PAUSE));
    }

    #[test]
    fn our_faults_hold_a_lane_twice_as_long_each_time_and_are_told_once_a_minute() {
        let mut now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        for _ in 0..FAULTS_HOLD_AFTER {
            health.ended(Signal::Ours, 1, now, 0.0);
        }
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            let until = health.quiet_until().expect("held");
            assert_eq!(until.since(now), Duration::from_secs(seconds));
            now = until;
            health.ended(Signal::Ours, 1, now, 0.0);
        }
        health.ended(Signal::Well, 1, now, 0.0);
        assert_eq!(health.quiet_until(), None, "one that gets through ends it");
        let told: Vec<_> = [0, 30, 59, 60, 119, 120].map(|s| health.tells_fault(now + Duration::from_secs(s))).into();
        assert_eq!(told, [true, false, false, true, false, true]);
    }

    #[test]
    fn what_cannot_be_rendered_changes_nothing() {
        let now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        health.ended(Signal::Well, 1, now, 0.0);
        health.ended(Signal::Unwell, 1, now, 0.0);
        let share = health.share();
        for _ in 0..100 {
            health.ended(Signal::Nothing, 1, now, 0.0);
        }
        assert_eq!((health.quiet_until(), health.share(), health.failures_in_a_row()), (None, share, 1));
    }

    #[test]
    fn a_clock_that_is_set_back_lengthens_no_pause() {
        let now = Timestamp::from_micros(1_000_000_000_000);
        let mut health = Health::unknown(MOST);
        for _ in 0..10 {
            health.ended(Signal::Unwell, 1, now, 0.0);
        }
        let earlier = now - Duration::from_hours(24);
        health.set_back(earlier);
        assert_eq!(health.paused_until(), Some(earlier + FIRST_PAUSE));
        assert!(health.tells_fault(earlier));
    }

    #[test]
    fn an_endpoint_that_was_never_heard_of_has_one_slot_and_two_chances() {
        let now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        assert_eq!(health.room(0, now), 1);
        health.ended(Signal::Unwell, 1, now, 0.0);
        assert!(!health.is_paused());
        health.ended(Signal::Unwell, 1, now, 0.0);
        assert!(health.is_paused());
        health.ended(Signal::Well, 1, now, 0.0);
        assert_eq!(health.room(0, now), FIRST_SHARE);
    }

    #[test]
    fn a_share_grows_only_while_it_is_used_up() {
        let now = Timestamp::from_micros(0);
        let mut health = Health::unknown(MOST);
        for _ in 0..1_000 {
            health.ended(Signal::Well, 1, now, 0.0);
        }
        assert_eq!(health.share(), FIRST_SHARE);
        for _ in 0..1_000 {
            health.ended(Signal::Well, health.share(), now, 0.0);
        }
        assert_eq!(health.share(), MOST);
        for _ in 0..4 {
            health.ended(Signal::Unwell, MOST, now, 0.0);
        }
        assert_eq!(health.share(), MOST / 16);
    }

    #[test]
    fn a_lane_that_has_not_answered_fails_or_is_silent_is_troubled() {
        let now = Timestamp::from_micros(10_000_000);
        let mut health = Health::unknown(MOST);
        assert_eq!(health.class(0, now), Class::Troubled);
        health.ended(Signal::Well, 1, now, 0.0);
        assert_eq!(health.class(3, now), Class::Well);
        assert_eq!(health.class(3, now + Duration::from_secs(3)), Class::Troubled, "silent");
        assert_eq!(health.class(0, now + Duration::from_secs(3)), Class::Well, "idle");
        health.ended(Signal::Unwell, 1, now, 0.0);
        assert_eq!(health.class(0, now), Class::Well, "one failure is nothing");
        health.ended(Signal::Unwell, 1, now, 0.0);
        assert_eq!(health.class(0, now), Class::Troubled);
    }
}
