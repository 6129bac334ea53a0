//! Vendor tokens: the JWT that an environment's credential is exchanged for.
//!
//! Owns their form and how they are checked. The signature of each request's token is not computed anew: a bounded memory holds the
//! hashes of those that were right. Expiry and revocation are looked at every time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use postrider_core::environment::Credential;
use postrider_core::{CredentialId, EnvironmentId, Timestamp};
use postrider_store::{Actor, Directory};
use serde::{Deserialize, Serialize};

use crate::auth::secrets;
use crate::error::{ApiError, Code};

/// How long a token is valid.
pub(crate) const LIFETIME: Duration = Duration::from_hours(24);
/// Tokens whose signature is known to be right: those in use, at some 100 bytes each.
const REMEMBERED: usize = 4_096;
/// The `type` of a vendor's token, as Frontegg has it.
const TYPE: &str = "vendor";

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    sub: CredentialId,
    r#type: String,
    vendor_id: EnvironmentId,
    iat: i64,
    exp: i64,
}

/// What a token says, once its signature was right.
#[derive(Debug, Clone, Copy)]
struct Verified {
    credential_id: CredentialId,
    expires_at_seconds: i64,
}

/// The refusal of a call whose credential was revoked.
pub(crate) fn revoked() -> ApiError {
    ApiError::new(Code::TokenRevoked, "the credential that this call was made with was revoked")
}

/// The refusal of a call with an operator's token that does not count.
pub(crate) fn no_operator() -> ApiError {
    ApiError::new(Code::TokenInvalid, "there is no such operator's token, or it was revoked")
}

/// The refusal of a call whose caller may no longer act, as what let him in was revoked after that.
pub(crate) fn no_longer(actor: Actor) -> ApiError {
    match actor {
        Actor::Token(_) => no_operator(),
        Actor::Control | Actor::Credential(_) => revoked(),
    }
}

/// Makes and checks vendor tokens.
pub(crate) struct VendorTokens {
    signing: EncodingKey,
    checking: DecodingKey,
    validation: Validation,
    right: RwLock<HashMap<[u8; 32], Verified>>,
}

impl VendorTokens {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The library asks the system for the time; expiry is checked below, on every request.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        Self {
            signing: EncodingKey::from_secret(key),
            checking: DecodingKey::from_secret(key),
            validation,
            right: RwLock::default(),
        }
    }

    /// A token for that credential, valid from now on for [`LIFETIME`].
    pub(crate) fn issue(&self, credential: &Credential, now: Timestamp) -> Result<String, ApiError> {
        let claims = Claims {
            sub: credential.id,
            r#type: TYPE.to_owned(),
            vendor_id: credential.environment_id,
            iat: now.as_seconds(),
            exp: (now + LIFETIME).as_seconds(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
            .map_err(|error| ApiError::caused(Code::Internal, "a token could not be signed", error))
    }

    /// The credential that a token was made with; none where it is not one of these tokens at all.
    pub(crate) fn check(
        &self,
        token: &str,
        directory: &Directory,
        now: Timestamp,
    ) -> Result<Option<Arc<Credential>>, ApiError> {
        let Some(verified) = self.verified(token) else { return Ok(None) };
        if now.as_seconds() >= verified.expires_at_seconds {
            return Err(ApiError::new(Code::TokenExpired, "the token has expired; get a new one from /auth/vendor"));
        }
        match directory.credential(verified.credential_id) {
            Some(credential) if credential.revoked_at.is_none() => Ok(Some(credential)),
            _ => Err(revoked()),
        }
    }

    fn verified(&self, token: &str) -> Option<Verified> {
        let hash = secrets::sha256(token);
        if let Some(verified) = self.right.read().unwrap_or_else(PoisonError::into_inner).get(&hash) {
            return Some(*verified);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &self.checking, &self.validation).ok()?.claims;
        if claims.r#type != TYPE {
            return None;
        }
        let verified = Verified { credential_id: claims.sub, expires_at_seconds: claims.exp };
        let mut right = self.right.write().unwrap_or_else(PoisonError::into_inner);
        if right.len() >= REMEMBERED {
            right.clear();
        }
        right.insert(hash, verified);
        Some(verified)
    }
}
