//! Quotas: how much of a kind is under way at a time, for each that it is counted with.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what is under way.
#[derive(Debug)]
pub(crate) struct Quota<K: Eq + Hash>(Mutex<HashMap<K, usize>>);

/// Something is under way, until this is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay<K: Eq + Hash> {
    quota: Arc<Quota<K>>,
    counted_with: Vec<K>,
}

impl<K: Eq + Hash + Clone> Quota<K> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::default()))
    }

    /// Begins something that is counted with each of these, where none of them has come to its limit; else says which has.
    pub(crate) fn begin(self: &Arc<Self>, limits: Vec<(K, usize)>) -> Result<UnderWay<K>, (K, usize)> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |(key, most): &(K, usize)| counts.get(key).is_some_and(|count| count >= most);
        if let Some(full) = limits.iter().find(|limit| is_full(limit)) {
            return Err(full.clone());
        }
        let counted_with: Vec<_> = limits.into_iter().map(|(key, _)| key).collect();
        for key in &counted_with {
            *counts.entry(key.clone()).or_default() += 1;
        }
        drop(counts);
        Ok(UnderWay { quota: self.clone(), counted_with })
    }

    #[cfg(test)]
    pub(crate) fn is_unused(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl<K: Eq + Hash> Drop for UnderWay<K> {
    fn drop(&mut self) {
        let mut counts = self.quota.0.lock().unwrap_or_else(PoisonError::into_inner);
        for key in &self.counted_with {
            if let Some(count) = counts.get_mut(key) {
                *count -= 1;
                if *count == 0 {
                    counts.remove(key);
                }
            }
        }
    }
}
