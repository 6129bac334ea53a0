//! Things that are kept for whoever asks again, up to so many bytes: who was not asked for longest goes first.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values by their keys, and how much room they take together.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    entries: HashMap<K, Entry<V>>,
    /// Who was asked for when.
    order: BTreeMap<u64, K>,
    turn: u64,
    bytes: usize,
    room: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Kept<K, V> {
    /// For so many bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self { entries: HashMap::new(), order: BTreeMap::new(), turn: 0, bytes: 0, room }
    }

    /// The value of a key, which is the last to go then.
    pub(crate) fn get(&mut self, key: K) -> Option<V> {
        let entry = self.entries.get_mut(&key)?;
        self.order.remove(&entry.turn);
        self.turn += 1;
        entry.turn = self.turn;
        self.order.insert(entry.turn, key);
        Some(entry.value.clone())
    }

    /// Keeps a value that takes so many bytes, and drops others until there is room. One that is larger than all room is kept alone.
    pub(crate) fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(key);
        self.turn += 1;
        self.order.insert(self.turn, key);
        self.entries.insert(key, Entry { value, bytes, turn: self.turn });
        self.bytes += bytes;
        while self.bytes > self.room && self.entries.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.bytes -= entry.bytes;
            }
        }
    }

    /// Drops the value of a key.
    pub(crate) fn remove(&mut self, key: K) {
        if let Some(entry) = self.entries.remove(&key) {
            self.order.remove(&entry.turn);
            self.bytes -= entry.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_not_asked_for_longest_goes_first() {
        let mut kept = Kept::new(30);
        for key in 0..3 {
            kept.put(key, key, 10);
        }
        assert_eq!(kept.get(0), Some(0));
        kept.put(3, 3, 10);
        assert_eq!([0, 1, 2, 3].map(|key| kept.get(key)), [Some(0), None, Some(2), Some(3)]);
        kept.put(4, 4, 25);
        assert_eq!([0, 2, 3, 4].map(|key| kept.get(key)), [None, None, None, Some(4)]);
        kept.put(4, 5, 100);
        assert_eq!((kept.get(4), kept.bytes), (Some(5), 100), "kept alone");
        kept.remove(4);
        assert_eq!((kept.get(4), kept.bytes, kept.order.len()), (None, 0, 0));
    }
}
