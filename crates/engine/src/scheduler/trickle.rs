//! How fast endpoints are tried that do not answer, beside others that do.
//!
//! Each such launch opens a connection, and those that were launched together run into their deadline together. So while there is
//! somebody whom that would delay, they are launched a few at a time, and their ends come as they began.

use std::time::Duration;

use postrider_core::Timestamp;
use postrider_core::limits::{TROUBLED_LAUNCHES, TROUBLED_STEP};

use super::health::Class;

/// How long after a launch to an endpoint that answers the others are held back: there may be another one at any moment.
const WELL_LATELY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Trickle {
    /// The last launch to an endpoint that answers.
    well_at: Option<Timestamp>,
    /// When the present step began, and what was launched in it to endpoints that do not.
    step: Option<(Timestamp, usize)>,
}

impl Trickle {
    pub(super) fn launched(&mut self, class: Class, now: Timestamp) {
        match (class, &mut self.step) {
            (Class::Well, _) => self.well_at = Some(now),
            (Class::Troubled, Some((began, count))) if is_within(*began, TROUBLED_STEP, now) => *count += 1,
            (Class::Troubled, step) => *step = Some((now, 1)),
        }
    }

    /// Until when no more is launched to endpoints that do not answer; none: it may be now.
    pub(super) fn troubled_rest_until(&self, now: Timestamp) -> Option<Timestamp> {
        let (began, count) = self.step?;
        let is_used_up = count >= TROUBLED_LAUNCHES && is_within(began, TROUBLED_STEP, now);
        let has_others = self.well_at.is_some_and(|at| is_within(at, WELL_LATELY, now));
        (is_used_up && has_others).then_some(began + TROUBLED_STEP)
    }
}

/// Whether a span that began then is not over. A clock that was set back ends it.
fn is_within(began: Timestamp, span: Duration, now: Timestamp) -> bool {
    began <= now && now < began + span
}
