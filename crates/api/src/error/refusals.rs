//! Refusals that come by the thousand, while the storage fails or there is no room: one of a kind is told a minute, with how many there were
//! besides. The log may lie on the disk that is full.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Code;

/// How often one of a kind is told.
const EVERY: Duration = Duration::from_mins(1);

/// Kinds that are remembered. There are few of them as it is: this bounds them even if the words of one should name something.
const KINDS: usize = 64;

/// What was told of them, by what was said to the caller.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(Code, String), Told>>);

#[derive(Debug, Default)]
struct Told {
    at: Option<Instant>,
    untold: u64,
}

/// Whether a refusal is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// It is, with how many of its kind were not since the last one.
    Due { untold: u64 },
    /// It is counted.
    Counted,
}

impl Refusals {
    /// Notes a refusal with that code and those words. One with another code is always told.
    pub(super) fn note(&self, code: Code, detail: &str, now: Instant) -> Telling {
        if !matches!(code, Code::Unavailable | Code::Overloaded) {
            return Telling::Due { untold: 0 };
        }
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.len() >= KINDS {
            kinds.clear();
        }
        let told = kinds.entry((code, detail.to_owned())).or_default();
        if told.at.is_some_and(|at| now.saturating_duration_since(at) < EVERY) {
            told.untold += 1;
            return Telling::Counted;
        }
        told.at = Some(now);
        Telling::Due { untold: std::mem::take(&mut told.untold) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_a_bounded_number_of_kinds_is_remembered() {
        let refusals = Refusals::default();
        let now = Instant::now();
        for name in 0..3 * KINDS {
            assert_eq!(refusals.note(Code::Unavailable, &name.to_string(), now), Telling::Due { untold: 0 });
            assert!(refusals.0.lock().unwrap().len() <= KINDS);
        }
    }

    #[test]
    fn one_of_a_kind_is_told_a_minute_with_how_many_there_were() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let first = Telling::Due { untold: 0 };
        assert_eq!(refusals.note(Code::Unavailable, "full", start), first);
        for second in 0..59 {
            let now = start + Duration::from_secs(second);
            assert_eq!(refusals.note(Code::Unavailable, "full", now), Telling::Counted);
        }
        assert_eq!(refusals.note(Code::Overloaded, "full", start), first, "it is of another kind");
        assert_eq!(refusals.note(Code::Unavailable, "moved", start), first, "so is this");
        assert_eq!(refusals.note(Code::Unavailable, "full", start + EVERY), Telling::Due { untold: 59 });
        assert_eq!(refusals.note(Code::Unavailable, "full", start + 2 * EVERY), first);
        for _ in 0..2 {
            assert_eq!(refusals.note(Code::IssuerUnreachable, "down", start), first);
        }
    }
}
