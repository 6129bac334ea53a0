//! How a webhook's requests are signed, besides with its secret: the schemes, and what keeps signing for a while after it was replaced.
//!
//! A secret that is rotated goes on signing beside the new one until its overlap ends, so that receivers can change to the new one at any
//! moment between. `webhook-signature` carries both signatures. `x-webhook-secret` can hold one alone, so it changes at a moment of its own.
//!
//! Invariant: what is replaced without an overlap signs nothing any more; there are never more than two secrets, and two keys.

use super::{PrivateKey, Secret};
use crate::attempt::names;
use crate::time::Timestamp;

/// Which signatures `webhook-signature` carries. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// `v1`: HMAC-SHA256 with the webhook's secret.
    #[default]
    Hmac,
    /// `v1a`: Ed25519 with the webhook's key.
    Ed25519,
    /// Both of them.
    Both,
}

names!(Scheme { Hmac => "hmac", Ed25519 => "ed25519", Both => "both" });

impl Scheme {
    /// Whether there are `v1` signatures.
    pub const fn has_hmac(self) -> bool {
        matches!(self, Self::Hmac | Self::Both)
    }

    /// Whether there are `v1a` signatures.
    pub const fn has_ed25519(self) -> bool {
        matches!(self, Self::Ed25519 | Self::Both)
    }
}

/// How requests are signed besides with the webhook's secret.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signing {
    /// Which signatures there are.
    pub scheme: Scheme,
    /// The secret before the present one, while it still counts.
    pub previous: Option<PreviousSecret>,
    /// The key of `v1a` signatures; it is kept when the scheme changes.
    pub key: Option<PrivateKey>,
    /// The key before the present one, while it still counts.
    pub previous_key: Option<PreviousKey>,
}

/// A secret that was rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousSecret {
    /// It.
    pub secret: Secret,
    /// Until when it signs, too.
    pub until: Timestamp,
    /// Until when `x-webhook-secret` is signed with it; at most `until`.
    pub in_header_until: Timestamp,
}

/// A key that was rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousKey {
    /// It.
    pub key: PrivateKey,
    /// Until when it signs, too.
    pub until: Timestamp,
}

/// What is to be different about how requests are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SigningChange {
    /// Other signatures; the key is for a webhook that has none yet.
    Scheme(Scheme, PrivateKey),
    /// Another secret, beside which the present one signs for a while. One that was rotated before it is dropped.
    RotateSecret {
        /// The new one.
        secret: Secret,
        /// Until when the present one signs, too.
        until: Timestamp,
        /// Until when `x-webhook-secret` is signed with it; at most `until`.
        in_header_until: Timestamp,
    },
    /// The secret before the present one signs no longer.
    EndOverlap,
    /// Another key, beside which the present one signs for a while. One that was rotated before it is dropped.
    RotateKey {
        /// The new one.
        key: PrivateKey,
        /// Until when the present one signs, too.
        until: Timestamp,
    },
}

impl Signing {
    /// The previous secret, where it signs at that moment.
    pub fn previous_at(&self, now: Timestamp) -> Option<&PreviousSecret> {
        self.previous.as_ref().filter(|previous| now < previous.until)
    }

    /// The previous key, where it signs at that moment.
    pub fn previous_key_at(&self, now: Timestamp) -> Option<&PreviousKey> {
        self.previous_key.as_ref().filter(|previous| now < previous.until)
    }

    /// Whether it holds something that signs no longer.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.previous.is_some() && self.previous_at(now).is_none()
            || self.previous_key.is_some() && self.previous_key_at(now).is_none()
    }

    /// Forgets what signs no longer.
    pub fn forget_ended(&mut self, now: Timestamp) {
        self.previous.take_if(|previous| previous.until <= now);
        self.previous_key.take_if(|previous| previous.until <= now);
    }

    /// Makes a change, of the webhook's secret, too.
    pub fn change(&mut self, secret: &mut Option<Secret>, change: &SigningChange, now: Timestamp) {
        match change {
            SigningChange::Scheme(scheme, key) => {
                self.scheme = *scheme;
                if scheme.has_ed25519() {
                    self.key.get_or_insert_with(|| key.clone());
                }
            }
            SigningChange::RotateSecret { secret: new, until, in_header_until } => {
                let (until, in_header_until) = (*until, (*in_header_until).min(*until));
                self.previous =
                    secret.replace(new.clone()).map(|secret| PreviousSecret { secret, until, in_header_until });
            }
            SigningChange::EndOverlap => self.previous = None,
            SigningChange::RotateKey { key, until } => {
                let before = self.key.replace(key.clone());
                self.previous_key = before.map(|key| PreviousKey { key, until: *until });
            }
        }
        self.forget_ended(now);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

    fn secret(text: &str) -> Secret {
        Secret::from_vendor(text).expect("valid").expect("not empty")
    }

    #[test]
    fn a_rotated_secret_counts_until_its_overlap_ends_or_it_is_rotated_again() {
        let (mut signing, mut current) = (Signing::default(), Some(secret("first")));
        let until = NOW + Duration::from_hours(1);
        let rotate = |to: &str| SigningChange::RotateSecret { secret: secret(to), until, in_header_until: until };
        signing.change(&mut current, &rotate("second"), NOW);
        assert_eq!(current, Some(secret("second")));
        assert_eq!(signing.previous_at(NOW).map(|p| &p.secret), Some(&secret("first")));
        assert_eq!(signing.previous_at(until), None);
        signing.change(&mut current, &rotate("third"), NOW);
        assert_eq!(signing.previous_at(NOW).map(|p| &p.secret), Some(&secret("second")), "two at most");
        signing.change(&mut current, &SigningChange::EndOverlap, NOW);
        assert_eq!((signing.previous, current), (None, Some(secret("third"))));
    }

    #[test]
    fn without_an_overlap_nothing_of_the_old_secret_is_kept() {
        let (mut signing, mut current) = (Signing::default(), Some(secret("leaked")));
        let change = SigningChange::RotateSecret { secret: secret("new"), until: NOW, in_header_until: NOW };
        signing.change(&mut current, &change, NOW);
        assert_eq!((signing.previous, current), (None, Some(secret("new"))));
        let (mut signing, mut none) = (Signing::default(), None);
        let until = NOW + Duration::from_hours(1);
        let change = SigningChange::RotateSecret { secret: secret("new"), until, in_header_until: until };
        signing.change(&mut none, &change, NOW);
        assert_eq!((signing.previous, none), (None, Some(secret("new"))));
    }

    #[test]
    fn a_key_is_made_once_and_kept() {
        let key = |byte| PrivateKey::from_bytes([byte; 32]);
        let mut signing = Signing::default();
        for scheme in [Scheme::Both, Scheme::Hmac, Scheme::Ed25519] {
            signing.change(&mut None, &SigningChange::Scheme(scheme, key(1)), NOW);
            assert_eq!((signing.scheme, &signing.key), (scheme, &Some(key(1))));
        }
        let until = NOW + Duration::from_secs(1);
        signing.change(&mut None, &SigningChange::RotateKey { key: key(2), until }, NOW);
        assert_eq!(signing.previous_key_at(NOW).map(|p| &p.key), Some(&key(1)));
        signing.forget_ended(until);
        assert_eq!((signing.key, signing.previous_key), (Some(key(2)), None));
    }
}
