//! What is so at each of many tries, in a row or not: told at the first of them, and once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_mins(1);

/// What was told of something that lasts, or comes and goes.
#[derive(Default)]
pub(super) struct Telling(Mutex<Told>);

#[derive(Default)]
struct Told {
    at: Option<Instant>,
    /// Whether it has not ended since.
    is_so: bool,
}

impl Telling {
    /// It is so, still or anew; whether to tell of it.
    pub(super) fn is_due(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.at.is_none_or(|at| at.elapsed() >= EVERY);
        if is_due {
            *told = Told { at: Some(Instant::now()), is_so: true };
        }
        is_due
    }

    /// It is so no more; whether it was told that it was.
    pub(super) fn ends(&self) -> bool {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner).is_so)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_or_comes_and_goes_is_told_once_a_minute() {
        let telling = Telling::default();
        assert!(!telling.ends());
        assert_eq!([telling.is_due(), telling.is_due()], [true, false]);
        assert_eq!([telling.ends(), telling.ends()], [true, false]);
        assert!(!telling.is_due() && !telling.ends(), "it has come back within the minute");
        telling.0.lock().unwrap().at = Instant::now().checked_sub(EVERY);
        assert_eq!([telling.is_due(), telling.is_due()], [true, false]);
        assert!(telling.ends());
    }
}
