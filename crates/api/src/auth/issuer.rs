//! Tokens of a tenant's users, made by the identity provider that an environment trusts.
//!
//! Issuer and audience of a token select the environment, and with it the key; the kind of key fixes the algorithms, whatever the
//! token's header asks for. Owns the checks of such a token and what is read from it. Does not own what a tenant's user may do.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use postrider_core::environment::{IssuerKey, TrustedIssuer};
use postrider_core::event::{TenantId, UserId};
use postrider_core::permission::PermissionSet;
use postrider_core::{EnvironmentId, Timestamp};
use serde_json::{Map, Value};

use crate::auth::secrets;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// How far the issuer's clock may be from ours.
const LEEWAY: Duration = Duration::from_mins(1);
/// Audiences of one token that are looked up.
const AUDIENCES: usize = 16;

/// Whom a token names.
#[derive(Debug, Clone)]
pub(crate) struct TenantUser {
    pub(crate) environment_id: EnvironmentId,
    pub(crate) tenant_id: TenantId,
    /// The user, where the token's subject can be one's id.
    pub(crate) user_id: Option<UserId>,
    /// When the token ends.
    pub(crate) expires_at: Timestamp,
    /// What the token's permissions allow, before visibility is looked at.
    pub(crate) permissions: PermissionSet,
}

/// Checks a token of a tenant's user.
pub(crate) async fn check(state: &ApiState, token: &str) -> Result<TenantUser, ApiError> {
    let not_ours = || ApiError::new(Code::TokenInvalid, "the token is not valid here");
    // `none` and other algorithms that nobody should use have no name in the library, and end here.
    let head = jsonwebtoken::decode_header(token).map_err(|_| not_ours())?;
    let claimed: Map<String, Value> = jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| not_ours())?;
    let issuer = claimed.get("iss").and_then(Value::as_str).ok_or_else(not_ours)?;
    let (environment_id, trusted) = audiences(&claimed)
        .into_iter()
        .find_map(|audience| state.directory().trusted_issuer(issuer, audience))
        .ok_or_else(|| ApiError::new(Code::TokenInvalid, "no environment trusts this token's issuer and audience"))?;

    let (hash, right) = (secrets::sha256(token), state.right_signatures());
    let is_right = match &trusted.key {
        IssuerKey::JwksUrl(url) => {
            let keys =
                state.jwks().find(url, head.kid.as_deref(), head.alg, state.engine().egress(), state.clock()).await?;
            keys.iter().any(|key| right.is_right(hash, key.hash, || is_signed_with(&key.key, head.alg, token)))
        }
        IssuerKey::PublicKey(pem) => right.is_right(hash, secrets::sha256(pem), || {
            public_key(pem).is_some_and(|key| is_signed_with(&key, head.alg, token))
        }),
        // As quick to check as to look for.
        IssuerKey::Secret(secret) => {
            head.alg == Algorithm::HS256
                && is_signed_with(&DecodingKey::from_secret(secret.as_bytes()), head.alg, token)
        }
    };
    if !is_right {
        return Err(ApiError::new(Code::TokenInvalid, "the token's signature is not that of its issuer"));
    }
    let expires_at = check_times(&claimed, state.now().as_seconds())?;
    user_of(&claimed, environment_id, &trusted, expires_at)
}

/// A public key from PEM: RSA, elliptic curve or Ed25519. A private key is refused: it does not belong here.
pub(crate) fn public_key(pem: &str) -> Option<DecodingKey> {
    if pem.contains("PRIVATE KEY") {
        return None;
    }
    let pem = pem.as_bytes();
    DecodingKey::from_rsa_pem(pem)
        .or_else(|_| DecodingKey::from_ec_pem(pem))
        .or_else(|_| DecodingKey::from_ed_pem(pem))
        .ok()
}

fn audiences(claims: &Map<String, Value>) -> Vec<&str> {
    match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).take(AUDIENCES).collect(),
        _ => Vec::new(),
    }
}

/// Whether that key signed the token with that algorithm.
fn is_signed_with(key: &DecodingKey, algorithm: Algorithm, token: &str) -> bool {
    if !key.family().algorithms().contains(&algorithm) {
        return false;
    }
    let mut validation = Validation::new(algorithm);
    // The library asks the system for the time, and issuer and audience have selected the key already.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    match jsonwebtoken::decode::<Map<String, Value>>(token, key, &validation) {
        Ok(_) => true,
        Err(error) => {
            if *error.kind() != ErrorKind::InvalidSignature {
                tracing::debug!(error.message = %error, "a key does not check a token");
            }
            false
        }
    }
}

fn check_times(claims: &Map<String, Value>, now: i64) -> Result<Timestamp, ApiError> {
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond 64 bits of seconds is as good as their end")]
    let seconds = |name: &str| claims.get(name).and_then(Value::as_f64).map(|seconds| seconds as i64);
    let leeway = i64::try_from(LEEWAY.as_secs()).expect("a minute fits");
    let expires_at = match seconds("exp") {
        None => return Err(ApiError::new(Code::TokenInvalid, "the token has no `exp`, so it would never expire")),
        Some(exp) if now >= exp.saturating_add(leeway) => {
            return Err(ApiError::new(Code::TokenExpired, "the token has expired"));
        }
        Some(exp) => exp,
    };
    if seconds("nbf").is_some_and(|nbf| now < nbf.saturating_sub(leeway)) {
        return Err(ApiError::new(Code::TokenInvalid, "the token is not valid yet"));
    }
    Ok(Timestamp::from_micros(expires_at.saturating_mul(1_000_000)))
}

fn user_of(
    claims: &Map<String, Value>,
    environment_id: EnvironmentId,
    trusted: &TrustedIssuer,
    expires_at: Timestamp,
) -> Result<TenantUser, ApiError> {
    let tenant = claims.get(&trusted.tenant_claim).and_then(Value::as_str).ok_or_else(|| {
        ApiError::new(Code::TokenInvalid, format!("the token has no claim `{}` with a tenant", trusted.tenant_claim))
    })?;
    let tenant_id = TenantId::parse(tenant).map_err(|error| {
        ApiError::new(Code::TokenInvalid, format!("the token's claim `{}` {error}", trusted.tenant_claim))
    })?;
    if tenant_id.as_str().parse() == Ok(environment_id) {
        // In the Frontegg API that id selects the environment's webhooks, so this would be a tenant that nobody else ever sees.
        let detail =
            format!("the token's claim `{}` is the environment's own id, which is no tenant", trusted.tenant_claim);
        return Err(ApiError::new(Code::TokenInvalid, detail));
    }
    let names = claims.get(&trusted.permissions_claim).and_then(Value::as_array).into_iter().flatten();
    let permissions = PermissionSet::from_names(names.filter_map(Value::as_str));
    let user_id = claims.get("sub").and_then(Value::as_str).and_then(|text| UserId::parse(text).ok());
    Ok(TenantUser { environment_id, tenant_id, user_id, expires_at, permissions })
}
