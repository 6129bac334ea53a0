//! What is so at each of many tries in a row: told at the first of them, and once a minute.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_mins(1);

/// When something that lasts was told of.
#[derive(Default)]
pub(super) struct Telling(Mutex<Option<Instant>>);

impl Telling {
    /// It is so, still or anew; whether to tell of it.
    pub(super) fn is_due(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|at| at.elapsed() >= EVERY);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }

    /// It is so no more; whether it was told of.
    pub(super) fn ends(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lasts_is_told_once_a_minute_and_anew_when_it_comes_back() {
        let telling = Telling::default();
        assert!(!telling.ends());
        assert_eq!([telling.is_due(), telling.is_due()], [true, false]);
        *telling.0.lock().unwrap() = Instant::now().checked_sub(EVERY);
        assert_eq!([telling.is_due(), telling.is_due()], [true, false]);
        assert!(telling.ends());
        assert!(telling.is_due());
    }
}
