//! Tokens of portal sessions, for pages whose cookies the browser blocks.
//!
//! Such a token names a session and a moment, under a key of this server. It is valid for a quarter of an hour and kept in the page's
//! memory alone; it is worth nothing once its session has ended, which is looked at every time.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_core::limits::PORTAL_TOKEN_LIFETIME;
use postrider_core::{PortalSessionId, Timestamp};
use uuid::Uuid;

use crate::error::{ApiError, Code};

/// What such a token begins with.
const PREFIX: &str = "prpt_";
const CLAIMS: usize = 16 + 8;

/// Makes and checks tokens of portal sessions.
pub(crate) struct PortalTokens(hmac::Key);

impl PortalTokens {
    /// Under a key of its own that follows from the one of vendors' tokens.
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let derived = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), b"tokens of portal sessions");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    /// Whether a token can be one of these: it is then looked for among these alone.
    pub(crate) fn is_one(token: &str) -> bool {
        token.starts_with(PREFIX)
    }

    /// A token for that session, and when it ends: a while from now, at most with the session.
    pub(crate) fn issue(&self, id: PortalSessionId, now: Timestamp, until: Timestamp) -> (String, Timestamp) {
        let until = until.min(now + PORTAL_TOKEN_LIFETIME);
        let mut bytes = id.as_bytes().to_vec();
        bytes.extend_from_slice(&until.as_micros().to_be_bytes());
        let mac = hmac::sign(&self.0, &bytes);
        bytes.extend_from_slice(mac.as_ref());
        (format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)), until)
    }

    /// The session that a token names.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Result<PortalSessionId, ApiError> {
        let invalid = || ApiError::new(Code::TokenInvalid, "the token is not valid here");
        let text = token.strip_prefix(PREFIX).filter(|text| text.len() < 128).ok_or_else(invalid)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| invalid())?;
        let (claims, mac) = bytes.split_at_checked(CLAIMS).ok_or_else(invalid)?;
        hmac::verify(&self.0, claims, mac).map_err(|_| invalid())?;
        let (id, until) = claims.split_first_chunk::<16>().ok_or_else(invalid)?;
        let until = i64::from_be_bytes(until.try_into().map_err(|_| invalid())?);
        if now.as_micros() >= until {
            return Err(ApiError::new(Code::TokenExpired, "the token has expired; open the portal again"));
        }
        Ok(PortalSessionId::from_uuid(Uuid::from_bytes(*id)))
    }
}
