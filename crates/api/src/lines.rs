//! Lines: what is dear is done a few at a time for each that asks, in the order in which they ask, so that nobody's calls take what
//! everybody shares.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postrider_core::limits::LINE_PATIENCE;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, Code};

/// A line for each that asks.
#[derive(Debug)]
pub(crate) struct Lines<K: Eq + Hash> {
    /// How many are served of a line at a time.
    at_once: usize,
    /// How many wait in it at most.
    waiting: usize,
    by_caller: Mutex<HashMap<K, Arc<Semaphore>>>,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn<K: Eq + Hash> {
    // Dropped before the place in the line.
    _permit: OwnedSemaphorePermit,
    _place: Place<K>,
}

/// A place in a line, which is there as long as somebody has one.
#[derive(Debug)]
struct Place<K: Eq + Hash> {
    lines: Arc<Lines<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Lines<K> {
    pub(crate) fn new(at_once: usize, waiting: usize) -> Arc<Self> {
        Arc::new(Self { at_once, waiting, by_caller: Mutex::default() })
    }

    /// Waits for a turn, where the line is not too long. Dropping the future leaves the line.
    pub(crate) async fn turn(self: &Arc<Self>, key: &K) -> Result<Turn<K>, ApiError> {
        let too_many =
            || ApiError::new(Code::TooManyAtOnce, "too many such calls of yours are under way; try again shortly");
        let line = {
            let mut lines = self.lock();
            let line = lines.entry(key.clone()).or_insert_with(|| Arc::new(Semaphore::new(self.at_once)));
            // Whoever waits or has a turn holds it, and so does the map.
            if Arc::strong_count(line) > self.at_once + self.waiting {
                return Err(too_many());
            }
            Arc::clone(line)
        };
        let place = Place { lines: Arc::clone(self), key: key.clone() };
        let permit = tokio::time::timeout(LINE_PATIENCE, line.acquire_owned()).await.map_err(|_| too_many())?;
        Ok(Turn { _permit: permit.expect("a line is never closed"), _place: place })
    }
}

impl<K: Eq + Hash> Lines<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Arc<Semaphore>>> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut lines = self.lines.lock();
        // Whoever waits or has a turn holds the line as well.
        if lines.get(&self.key).is_some_and(|line| Arc::strong_count(line) == 1) {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn each_has_its_own_line_and_nobody_waits_for_ever() {
        let lines = Lines::new(2, 1);
        let first = lines.turn(&"a").await.expect("nobody is there");
        let _second = lines.turn(&"a").await.expect("two are served");
        let waits = tokio::spawn({
            let lines = Arc::clone(&lines);
            async move { lines.turn(&"a").await.map(drop) }
        });
        tokio::task::yield_now().await;
        drop(lines.turn(&"b").await.expect("another line"));
        assert!(!waits.is_finished());
        drop(first);
        waits.await.expect("no panic").expect("its turn has come");

        let _third = lines.turn(&"a").await.expect("the one that waited is gone");
        let began = tokio::time::Instant::now();
        let mut waits = Box::pin(lines.turn(&"a"));
        assert!(tokio::time::timeout(LINE_PATIENCE / 2, &mut waits).await.is_err(), "both turns are taken");
        let refused = lines.turn(&"a").await.map(drop).expect_err("and one waits");
        assert_eq!((refused.code(), began.elapsed()), (Code::TooManyAtOnce, LINE_PATIENCE / 2));
        assert_eq!(waits.await.map(drop).expect_err("not for ever").code(), Code::TooManyAtOnce);
        assert_eq!(began.elapsed(), LINE_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_is_there_as_long_as_somebody_is_in_it() {
        let lines = Lines::new(1, 1);
        let turn = lines.turn(&1).await.expect("nobody is there");
        let waiting = Box::pin(lines.turn(&1));
        assert!(tokio::time::timeout(LINE_PATIENCE / 2, waiting).await.is_err());
        assert_eq!(lines.lock().len(), 1, "the one that left was not alone");
        drop(turn);
        assert!(lines.lock().is_empty());
    }
}
