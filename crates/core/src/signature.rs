//! Secrets of webhooks, and the two signatures that every signed request carries.
//!
//! `x-webhook-secret` is a short-lived JWT made with the secret; it proves who sent, and says nothing of the body.
//! `webhook-signature` follows the Standard Webhooks specification and covers id, time and body. Its asymmetric form is in `ed25519`,
//! what a webhook is signed with when in `signing`. Owns making and checking both.
//! Does not own the headers' names, nor when a request is signed.
//!
//! Invariants: a secret is used as it was typed, never trimmed or normalised, and never shows in `Debug` output; what
//! [`SigningKey`] makes, [`verify_jwt`] and [`verify_standard`] accept with the same secret.

mod ed25519;
mod signing;

use std::fmt::{self, Write as _};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, PAD_INDIFFERENT, STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::id::EventId;
use crate::limits::{SECRET_CHARS, SECRET_CHARS_FROM_TENANT};
use crate::time::{Entropy, Timestamp};

pub use self::ed25519::{AsymmetricKey, PrivateKey, PublicKey, PublicKeyError, verify_asymmetric};
pub use self::signing::{PreviousKey, PreviousSecret, Scheme, Signing, SigningChange};

/// What a secret starts with whose remainder is base64 of the key, after the Standard Webhooks specification.
const STANDARD_PREFIX: &str = "whsec_";
/// Names the scheme in `webhook-signature`: HMAC-SHA256, in base64.
const STANDARD_SCHEME: &str = "v1,";
/// `{"alg":"HS256","typ":"JWT"}` in base64url.
const JWT_HEADER: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9";
/// Seconds from a token's `iat` to its `exp`. Receivers know it: some refuse other spans.
const JWT_LIFETIME: i64 = 300;

/// Reads keys after `whsec_` as the libraries of receivers do: with or without padding, and whatever the unused last bits are.
const KEY_BASE64: GeneralPurpose =
    GeneralPurpose::new(&alphabet::STANDARD, PAD_INDIFFERENT.with_decode_allow_trailing_bits(true));

/// A webhook's secret, as typed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// Why a text cannot be a webhook's secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// Too few characters.
    #[error("a secret has at least {least} characters")]
    TooShort {
        /// The fewest that are taken.
        least: usize,
    },
    /// Too many characters.
    #[error("a secret has at most {SECRET_CHARS} characters")]
    TooLong,
}

impl Secret {
    /// The secret that a vendor gave: up to [`SECRET_CHARS`] characters; the empty text means that there is none.
    pub fn from_vendor(text: &str) -> Result<Option<Self>, SecretError> {
        Self::of_at_least(1, text)
    }

    /// The secret that a tenant's user gave: [`SECRET_CHARS_FROM_TENANT`] to [`SECRET_CHARS`] characters; the empty text means
    /// that there is none.
    pub fn from_tenant(text: &str) -> Result<Option<Self>, SecretError> {
        Self::of_at_least(SECRET_CHARS_FROM_TENANT, text)
    }

    fn of_at_least(least: usize, text: &str) -> Result<Option<Self>, SecretError> {
        // One more than the most is enough to know that there are too many.
        match text.chars().take(SECRET_CHARS + 1).count() {
            0 => Ok(None),
            count if count < least => Err(SecretError::TooShort { least }),
            count if count > SECRET_CHARS => Err(SecretError::TooLong),
            _ => Ok(Some(Self(text.to_owned()))),
        }
    }

    /// A new random secret of 32 bytes, in the form of the Standard Webhooks specification.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        let mut text = STANDARD_PREFIX.to_owned();
        STANDARD.encode_string(key, &mut text);
        Self(text)
    }

    /// The secret in clear: for signing, for storing, and for those who may see it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key of `webhook-signature`. A secret that merely begins like `whsec_` (nothing after it, or no base64) is a secret
    /// like any other: its own bytes are the key.
    fn standard_key(&self) -> Option<Vec<u8>> {
        let encoded = self.0.strip_prefix(STANDARD_PREFIX)?;
        KEY_BASE64.decode(encoded).ok().filter(|key| !key.is_empty())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What signs a webhook's requests. Made once for a webhook, as the keys' first hash blocks are computed here.
#[derive(Debug, Clone)]
pub struct SigningKey {
    jwt: hmac::Key,
    standard: hmac::Key,
}

impl SigningKey {
    /// The keys that follow from the secret.
    pub fn new(secret: &Secret) -> Self {
        let jwt = hmac::Key::new(hmac::HMAC_SHA256, secret.0.as_bytes());
        let standard = match secret.standard_key() {
            Some(key) => hmac::Key::new(hmac::HMAC_SHA256, &key),
            None => jwt.clone(),
        };
        Self { jwt, standard }
    }

    /// The value of `x-webhook-secret`: a compact JWT issued at `now`, valid for 300 seconds.
    pub fn jwt(&self, now: Timestamp) -> String {
        let issued = now.as_seconds();
        let mut claims = Text::<64>::default();
        write!(claims, r#"{{"iat":{issued},"exp":{}}}"#, issued.saturating_add(JWT_LIFETIME))
            .expect("two numbers of at most 20 digits and 15 other characters fit in 64");
        let mut token = String::with_capacity(160);
        token.push_str(JWT_HEADER);
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.as_bytes(), &mut token);
        let signature = hmac::sign(&self.jwt, token.as_bytes());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut token);
        token
    }

    /// The value of `webhook-signature` for the body of an event, in an attempt made `at` that moment: its `webhook-id` is the
    /// event's id and its `webhook-timestamp` the moment's whole seconds.
    pub fn standard(&self, id: EventId, at: Timestamp, body: &[u8]) -> String {
        let mut text = String::with_capacity(STANDARD_SCHEME.len() + 44);
        self.standard_into(id, at, body, &mut text);
        text
    }

    /// The same, added to a text.
    pub fn standard_into(&self, id: EventId, at: Timestamp, body: &[u8], text: &mut String) {
        let mut name = uuid::Uuid::encode_buffer();
        let mut seconds = Text::<20>::default();
        write!(seconds, "{}", at.as_seconds()).expect("a 64-bit number has at most 20 characters");
        self.standard_of(id.as_uuid().hyphenated().encode_lower(&mut name).as_bytes(), seconds.as_bytes(), body, text);
    }

    fn standard_of(&self, id: &[u8], seconds: &[u8], body: &[u8], text: &mut String) {
        text.push_str(STANDARD_SCHEME);
        STANDARD.encode_string(self.standard_tag(id, seconds, body), text);
    }

    /// The HMAC over `{id}.{seconds}.{body}`, fed in parts: the body is not copied.
    fn standard_tag(&self, id: &[u8], seconds: &[u8], body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.standard);
        for part in [id, b".", seconds, b".", body] {
            context.update(part);
        }
        context.sign()
    }
}

/// Text of at most `N` bytes on the stack: what is signed besides the body needs no allocation.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Text<N> {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl<const N: usize> fmt::Write for Text<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// The claims of a valid `x-webhook-secret`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JwtClaims {
    /// When it was signed, to the second.
    pub issued_at: Timestamp,
    /// From when on receivers refuse it, to the second.
    pub expires_at: Timestamp,
}

/// Why a receiver would refuse a request, in words for the person who debugs that receiver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The header's value is no JWT at all.
    #[error("not a JWT: it must be three parts of base64url, parted by dots, the first two of which are JSON objects")]
    NotAJwt,
    /// The token was signed in another way.
    #[error("the token's algorithm is {0:?}; only HS256 is accepted")]
    Algorithm(String),
    /// The signature is right, the claims are not.
    #[error("the token lacks the claims `iat` and `exp`, in whole seconds")]
    Claims,
    /// The token was signed with another secret, or changed afterwards.
    #[error("wrong secret: the token was signed with another one, or was changed afterwards")]
    WrongSecret,
    /// The token's time is over.
    #[error("the token expired {seconds} seconds ago")]
    Expired {
        /// How long ago.
        seconds: u64,
    },
    /// `webhook-timestamp` is unreadable.
    #[error("the timestamp is not a number of seconds since 1970")]
    NotATimestamp,
    /// The request was signed too long ago.
    #[error("the request was signed {seconds} seconds ago, which is longer than is tolerated")]
    TooOld {
        /// How long ago.
        seconds: u64,
    },
    /// The request was signed in the future.
    #[error(
        "the request was signed {seconds} seconds in the future, which is further than is tolerated: compare the clocks"
    )]
    TooNew {
        /// How far ahead.
        seconds: u64,
    },
    /// `webhook-signature` holds nothing that can be checked with a secret.
    #[error("no signature of the form `v1,<base64>` is in the header")]
    NoSignature,
    /// `webhook-signature` holds nothing that can be checked with a public key.
    #[error("no signature of the form `v1a,<base64>` is in the header")]
    NoAsymmetricSignature,
    /// There are signatures; none is right.
    #[error(
        "no signature matches: another secret was used, or id, timestamp or body are not byte for byte what was signed"
    )]
    Mismatch,
}

/// Checks the value of `x-webhook-secret` as receivers do. `now` is the receiver's time.
pub fn verify_jwt(token: &str, secret: &Secret, now: Timestamp) -> Result<JwtClaims, VerifyError> {
    #[derive(Deserialize)]
    struct Header {
        alg: String,
    }
    #[derive(Deserialize)]
    struct Claims {
        iat: i64,
        exp: i64,
    }

    // The algorithm is read apart, as the library cannot name one that it does not know, such as "none".
    let header = token.split('.').next().and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let header: Header = header.and_then(|json| serde_json::from_slice(&json).ok()).ok_or(VerifyError::NotAJwt)?;
    if header.alg != "HS256" {
        return Err(VerifyError::Algorithm(header.alg));
    }

    // The library would ask the system for the time; `exp` is checked below.
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let key = jsonwebtoken::DecodingKey::from_secret(secret.0.as_bytes());
    let token =
        jsonwebtoken::decode::<serde_json::Value>(token, &key, &validation).map_err(|error| match error.kind() {
            jsonwebtoken::errors::ErrorKind::InvalidSignature => VerifyError::WrongSecret,
            _ => VerifyError::NotAJwt,
        })?;
    let claims = Claims::deserialize(token.claims).map_err(|_| VerifyError::Claims)?;

    let since_expiry = now.as_seconds().saturating_sub(claims.exp);
    if let Ok(seconds) = u64::try_from(since_expiry) {
        return Err(VerifyError::Expired { seconds });
    }
    let moment = |seconds: i64| Timestamp::from_micros(seconds.saturating_mul(1_000_000));
    Ok(JwtClaims { issued_at: moment(claims.iat), expires_at: moment(claims.exp) })
}

/// Checks a request's `webhook-id`, `webhook-timestamp` and `webhook-signature` against its body, as the Standard Webhooks
/// libraries do: the header may hold several signatures with spaces between, one right one is enough, those of other schemes
/// are passed over. `now` is the receiver's time, `tolerance` how far the timestamp may be from it, either way.
pub fn verify_standard(
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    secret: &Secret,
    now: Timestamp,
    tolerance: Duration,
) -> Result<(), VerifyError> {
    check_time(timestamp, now, tolerance)?;
    let expected = SigningKey::new(secret).standard_tag(id.as_bytes(), timestamp.as_bytes(), body);
    let mut candidates = signatures.split(' ').filter_map(|one| one.strip_prefix(STANDARD_SCHEME)).peekable();
    candidates.peek().ok_or(VerifyError::NoSignature)?;
    let right = candidates
        .filter_map(|encoded| STANDARD.decode(encoded).ok())
        .any(|signature| aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), &signature).is_ok());
    if right { Ok(()) } else { Err(VerifyError::Mismatch) }
}

fn check_time(timestamp: &str, now: Timestamp, tolerance: Duration) -> Result<(), VerifyError> {
    let signed_at: i64 = timestamp.parse().map_err(|_| VerifyError::NotATimestamp)?;
    let seconds = now.as_seconds().abs_diff(signed_at);
    if seconds <= tolerance.as_secs() {
        return Ok(());
    }
    Err(if signed_at < now.as_seconds() { VerifyError::TooOld { seconds } } else { VerifyError::TooNew { seconds } })
}

#[cfg(test)]
mod tests;
