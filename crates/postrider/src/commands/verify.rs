//! `postrider verify`: checks a token or a signature as a receiver does, and says in plain words what is wrong.
//!
//! Owns the hints about the mistakes that receivers make most. The checks themselves are the domain's.

use std::io::Read as _;
use std::time::Duration;

use postrider_core::Clock as _;
use postrider_core::Timestamp;
use postrider_core::signature::{PublicKey, Secret, VerifyError, verify_asymmetric, verify_jwt, verify_standard};
use serde::Serialize;

use crate::cli::{Verify, VerifyJwt, VerifyWebhook};
use crate::failure::{FAILED, Failure};
use crate::output::{BAD, Form, GOOD, styled};
use crate::system::SystemClock;

/// What came of a check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Whether a receiver would accept it.
    valid: bool,
    /// What was found, in a sentence.
    message: String,
    /// What to try, where there is an idea.
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

pub(crate) fn run(what: Verify, form: Form) -> Result<(), Failure> {
    let report = match what {
        Verify::Jwt(given) => jwt(&given)?,
        Verify::Webhook(given) => webhook(&given)?,
    };
    form.print(&report, || {
        let verdict = if report.valid { styled(GOOD, "valid") } else { styled(BAD, "not valid") };
        let hint = report.hint.as_ref().map(|hint| format!("\n{hint}")).unwrap_or_default();
        format!("{verdict}: {}{hint}", report.message)
    })?;
    if report.valid { Ok(()) } else { Err(Failure::Told(FAILED)) }
}

fn secret(text: &str) -> Result<Secret, Failure> {
    match Secret::from_vendor(text) {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(Failure::said("the secret is empty; requests of a webhook without a secret are not signed")),
        Err(error) => Err(Failure::said(error)),
    }
}

fn jwt(given: &VerifyJwt) -> Result<Report, Failure> {
    let now = given.at.unwrap_or_else(|| SystemClock.now());
    let secret = secret(&given.secret)?;
    let token = given.token.trim();
    Ok(match verify_jwt(token, &secret, now) {
        Ok(claims) => Report {
            valid: true,
            message: format!(
                "the token was signed with this secret at {} and is good until {}",
                claims.issued_at, claims.expires_at
            ),
            hint: None,
        },
        Err(error) => {
            let hint = match &error {
                VerifyError::WrongSecret => trimmed(&given.secret)
                    .filter(|secret| verify_jwt(token, secret, now).is_ok())
                    .map(|_| "The secret is right without the white space around it.".to_owned()),
                VerifyError::Expired { .. } => Some(
                    "The secret is right. Each attempt carries a fresh token that is good for five minutes: check it on arrival, \
                     compare the clocks, or judge an old one with --at."
                        .to_owned(),
                ),
                VerifyError::NotAJwt if token.starts_with("v1,") => {
                    Some("This is the value of `webhook-signature`; check it with `postrider verify webhook`.".to_owned())
                }
                _ => None,
            };
            Report { valid: false, message: error.to_string(), hint }
        }
    })
}

fn webhook(given: &VerifyWebhook) -> Result<Report, Failure> {
    let now = given.at.unwrap_or_else(|| SystemClock.now());
    let body = body(given)?;
    let request = Request {
        id: given.id.trim(),
        timestamp: given.timestamp.trim(),
        signatures: given.signature.trim(),
        now,
        tolerance: Duration::from_secs(given.tolerance.into()),
    };
    let (key, with) = match (&given.secret, given.public_key) {
        (Some(text), _) => (Key::Secret(secret(text)?), "with this secret"),
        (None, Some(key)) => (Key::Public(key), "with the key that belongs to this one"),
        (None, None) => return Err(Failure::said("give the secret with --secret or the public key with --public-key")),
    };
    Ok(match request.check(&body, &key) {
        Ok(()) => {
            Report { valid: true, message: format!("id, timestamp and body are what was signed {with}"), hint: None }
        }
        Err(error) => {
            let hint = match &error {
                VerifyError::Mismatch => request.near_miss(&body, &key, given.secret.as_deref()),
                VerifyError::TooOld { .. } | VerifyError::TooNew { .. } => {
                    Some("Judge an old request with --at, or widen --tolerance.".to_owned())
                }
                VerifyError::NoSignature if given.signature.split('.').count() == 3 => {
                    Some("This is the value of `x-webhook-secret`; check it with `postrider verify jwt`.".to_owned())
                }
                VerifyError::NoSignature if given.signature.contains("v1a,") => {
                    Some("It is signed with a key: check it with --public-key instead of --secret.".to_owned())
                }
                VerifyError::NoAsymmetricSignature if given.signature.contains("v1,") => {
                    Some("It is signed with a secret: check it with --secret instead of --public-key.".to_owned())
                }
                _ => None,
            };
            Report { valid: false, message: error.to_string(), hint }
        }
    })
}

/// What signatures are checked with.
enum Key {
    Secret(Secret),
    Public(PublicKey),
}

/// A signed request without its body.
struct Request<'a> {
    id: &'a str,
    timestamp: &'a str,
    signatures: &'a str,
    now: Timestamp,
    tolerance: Duration,
}

impl Request<'_> {
    fn check(&self, body: &[u8], key: &Key) -> Result<(), VerifyError> {
        let Self { id, timestamp, signatures, now, tolerance } = *self;
        match key {
            Key::Secret(secret) => verify_standard(id, timestamp, signatures, body, secret, now, tolerance),
            Key::Public(key) => verify_asymmetric(id, timestamp, signatures, body, key, now, tolerance),
        }
    }

    /// Which small difference would make the signature right.
    fn near_miss(&self, body: &[u8], key: &Key, typed: Option<&str>) -> Option<String> {
        let without_newline = body.strip_suffix(b"\n").map(|body| body.strip_suffix(b"\r").unwrap_or(body));
        if without_newline.is_some_and(|body| self.check(body, key).is_ok()) {
            return Some("It is right without the newline at the end of the body, which was not sent.".to_owned());
        }
        if typed.and_then(trimmed).is_some_and(|secret| self.check(body, &Key::Secret(secret)).is_ok()) {
            return Some("The secret is right without the white space around it.".to_owned());
        }
        // Compact JSON is what is sent; a framework that parses and prints it again signs something else.
        let compact = serde_json::from_slice::<serde_json::Value>(body).ok().map(|value| value.to_string());
        if compact.is_some_and(|body| self.check(body.as_bytes(), key).is_ok()) {
            return Some(
                "It is right for the same JSON without white space: check the bytes as they came, before anything parses them."
                    .to_owned(),
            );
        }
        None
    }
}

fn trimmed(typed: &str) -> Option<Secret> {
    let trimmed = typed.trim();
    if trimmed == typed { None } else { Secret::from_vendor(trimmed).ok().flatten() }
}

fn body(given: &VerifyWebhook) -> Result<Vec<u8>, Failure> {
    match (&given.body, &given.body_file) {
        (Some(body), _) => Ok(body.clone().into_bytes()),
        (None, Some(path)) if path.as_os_str() == "-" => {
            let mut body = Vec::new();
            std::io::stdin().lock().read_to_end(&mut body)?;
            Ok(body)
        }
        (None, Some(path)) => {
            std::fs::read(path).map_err(|error| Failure::said(format!("{} cannot be read: {error}", path.display())))
        }
        (None, None) => Err(Failure::said("give the body with --body or --body-file")),
    }
}
