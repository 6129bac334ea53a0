//! Signatures that everybody can check and one alone can make: `v1a` of the Standard Webhooks specification, Ed25519.
//!
//! What is signed is the same as for `v1`: `{id}.{seconds}.{body}`. A public key is written `whpk_` and base64 of its 32 bytes.
//!
//! Invariant: a private key never shows in `Debug` output, and leaves this server nowhere but sealed into its database.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_BASE64, Text, VerifyError, check_time};
use crate::id::EventId;
use crate::time::{Entropy, Timestamp};

/// Names the scheme in `webhook-signature`: Ed25519, in base64.
pub(super) const ASYMMETRIC_SCHEME: &str = "v1a,";
/// What a public key starts with.
const PUBLIC_PREFIX: &str = "whpk_";

/// A private key: the 32 bytes that the rest follows from.
#[derive(Clone, PartialEq, Eq)]
pub struct PrivateKey([u8; 32]);

impl PrivateKey {
    /// A new random key.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 32];
        entropy.fill(&mut seed);
        Self(seed)
    }

    /// The key of these bytes, as stored.
    pub const fn from_bytes(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// Its bytes, for storing.
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// What its signatures are checked with.
    pub fn public_key(&self) -> PublicKey {
        AsymmetricKey::new(self).public_key()
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// What makes `v1a` signatures.
#[derive(Debug)]
pub struct AsymmetricKey(Ed25519KeyPair);

impl AsymmetricKey {
    /// The key pair that follows from the private key.
    pub fn new(key: &PrivateKey) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&key.0).expect("any 32 bytes are a private key"))
    }

    /// What the signatures are checked with.
    pub fn public_key(&self) -> PublicKey {
        let key = self.0.public_key().as_ref();
        PublicKey(key.try_into().expect("a public key of Ed25519 has 32 bytes"))
    }

    /// The signature for the body of an event, in an attempt made `at` that moment, as `webhook-signature` carries it.
    pub fn standard(&self, id: EventId, at: Timestamp, body: &[u8]) -> String {
        use std::fmt::Write as _;

        let mut name = uuid::Uuid::encode_buffer();
        let mut seconds = Text::<20>::default();
        write!(seconds, "{}", at.as_seconds()).expect("a 64-bit number has at most 20 characters");
        self.standard_of(id.as_uuid().hyphenated().encode_lower(&mut name).as_bytes(), seconds.as_bytes(), body)
    }

    pub(super) fn standard_of(&self, id: &[u8], seconds: &[u8], body: &[u8]) -> String {
        let mut text = ASYMMETRIC_SCHEME.to_owned();
        STANDARD.encode_string(self.0.sign(&signed_content(id, seconds, body)), &mut text);
        text
    }
}

/// What the signatures of a webhook are checked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A text that is no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a public key is `whpk_` and 32 bytes in base64")]
pub struct PublicKeyError;

impl PublicKey {
    /// Reads `whpk_` and base64.
    pub fn parse(text: &str) -> Result<Self, PublicKeyError> {
        let encoded = text.strip_prefix(PUBLIC_PREFIX).ok_or(PublicKeyError)?;
        let bytes = KEY_BASE64.decode(encoded).map_err(|_| PublicKeyError)?;
        bytes.try_into().map(Self).map_err(|_| PublicKeyError)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_PREFIX}{}", STANDARD.encode(self.0))
    }
}

/// Checks a request as [`super::verify_standard`] does, by its `v1a` signatures and the webhook's public key.
pub fn verify_asymmetric(
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    key: &PublicKey,
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    check_time(timestamp, now, tolerance)?;
    let content = signed_content(id.as_bytes(), timestamp.as_bytes(), body);
    let key = UnparsedPublicKey::new(&ED25519, key.0);
    let mut candidates = signatures.split(' ').filter_map(|one| one.strip_prefix(ASYMMETRIC_SCHEME)).peekable();
    candidates.peek().ok_or(VerifyError::NoAsymmetricSignature)?;
    let right = candidates
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .any(|signature| key.verify(&content, &signature).is_ok());
    if right { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn signed_content(id: &[u8], seconds: &[u8], body: &[u8]) -> Vec<u8> {
    [id, b".", seconds, b".", body].concat()
}
