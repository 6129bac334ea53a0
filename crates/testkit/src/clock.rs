//! Time and randomness under a test's control.
//!
//! Invariants: [`ManualClock`] moves only when it is told to; [`SeededEntropy`] gives the same bytes for the same seed and order of
//! calls, and never the same twice within a run, so ids made from both are distinct and repeatable.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use postrider_core::{Clock, Entropy, Timestamp};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `now`.
    pub const fn at(now: Timestamp) -> Self {
        Self(AtomicI64::new(now.as_micros()))
    }

    /// Moves forward and returns the new moment.
    pub fn advance(&self, by: Duration) -> Timestamp {
        let by = i64::try_from(by.as_micros()).expect("a test's span fits in 64 bits");
        Timestamp::from_micros(self.0.fetch_add(by, Ordering::SeqCst) + by)
    }

    /// Moves to a moment, also backwards, as a system's clock can be set.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_micros(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    /// Stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        Self::at(Timestamp::from_micros(1_767_225_600_000_000))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// Repeatable randomness: SplitMix64 over a counter. Good enough for ids and jitter, worthless as a secret.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The sequence of that seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::SeqCst).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, and not including, `end`.
    pub fn below(&self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a length fits in 64 bits");
        usize::try_from(self.next() % end).expect("smaller than a length")
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let draw = |seed| {
            let entropy = SeededEntropy::new(seed);
            let (mut a, mut b) = ([0; 11], [0; 11]);
            entropy.fill(&mut a);
            entropy.fill(&mut b);
            assert_ne!(a, b);
            (a, b)
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn the_clock_moves_only_when_told() {
        let clock = ManualClock::default();
        let start = clock.now();
        assert_eq!(clock.now(), start);
        assert_eq!(clock.advance(Duration::from_secs(3)), start + Duration::from_secs(3));
        clock.set(start);
        assert_eq!(clock.now(), start);
    }
}
