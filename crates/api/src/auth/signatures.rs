//! Signatures that were found right.
//!
//! A stream looks at its caller for each batch that it tells, and what a public key signed is costly to check. So a bounded memory holds
//! which key signed a token. It says nothing else of the token: that the key is the issuer's, and the token's time, are looked at every time.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Tokens that are remembered: those in use, at 64 bytes each.
const REMEMBERED: usize = 4_096;

/// The SHA-256 of a token, or of a key as its owner wrote it.
pub(crate) type Hash = [u8; 32];

/// Tokens, and the key that signed each.
#[derive(Debug, Default)]
pub(crate) struct RightSignatures(RwLock<HashMap<Hash, Hash>>);

impl RightSignatures {
    /// Whether that key signed that token. `check` finds out; what it found right is not asked for again.
    pub(crate) fn is_right(&self, token: Hash, key: Hash, check: impl FnOnce() -> bool) -> bool {
        if self.0.read().unwrap_or_else(PoisonError::into_inner).get(&token) == Some(&key) {
            return true;
        }
        if !check() {
            return false;
        }
        let mut right = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(token, key);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_remembered_for_its_key_and_only_where_it_was_right() {
        let right = RightSignatures::default();
        let (token, key, other) = ([1; 32], [2; 32], [3; 32]);
        assert!(!right.is_right(token, key, || false));
        assert!(right.is_right(token, key, || true));
        assert!(right.is_right(token, key, || unreachable!("it is known")));
        assert!(!right.is_right(token, other, || false));
        assert!(!right.is_right(other, key, || false));
    }

    #[test]
    fn the_memory_is_bounded() {
        let right = RightSignatures::default();
        for n in 0..=REMEMBERED {
            let mut token = [0; 32];
            token[..8].copy_from_slice(&n.to_le_bytes());
            right.is_right(token, [0; 32], || true);
        }
        assert!(right.0.read().expect("whole").len() <= REMEMBERED);
    }
}
