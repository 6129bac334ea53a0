//! The identity provider whose tokens name a tenant's users.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::environment::{IssuerKey, TrustedIssuer as Stored};
use postrider_core::limits::URL_CHARS;
use postrider_store::PutTrustedIssuer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::auth::{issuer, tokens};
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::rules;
use crate::state::ApiState;

/// Bytes of a shared secret at least: as long as what HS256 makes of it (RFC 7518, 3.2). One token is enough to try shorter ones at leisure.
const SECRET_BYTES: usize = 32;
/// Bytes of a key at most, PEM or shared secret.
const KEY_BYTES: usize = 16 * 1024;

/// Whose tokens are believed, and how they are read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewTrustedIssuer {
    /// The `iss` claim.
    issuer: String,
    /// The `aud` claim.
    audience: String,
    /// Where the issuer serves its keys: by https, or on the server's own machine. One of `jwksUrl`, `publicKey` and `secret` is given.
    jwks_url: Option<String>,
    /// The issuer's public key, PEM: RSA, elliptic curve (P-256, P-384) or Ed25519.
    public_key: Option<String>,
    /// A secret shared with the issuer, for HS256: 32 bytes at least.
    secret: Option<String>,
    /// The claim that names the tenant.
    #[serde(default = "tenant_claim")]
    #[schema(default = "tenantId")]
    tenant_claim: String,
    /// The claim that lists permissions.
    #[serde(default = "permissions_claim")]
    #[schema(default = "permissions")]
    permissions_claim: String,
}

fn tenant_claim() -> String {
    "tenantId".to_owned()
}

fn permissions_claim() -> String {
    "permissions".to_owned()
}

/// The issuer that is trusted. A shared secret is not shown.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TrustedIssuer {
    /// The `iss` claim.
    issuer: String,
    /// The `aud` claim.
    audience: String,
    /// What tokens are checked with.
    key_kind: KeyKind,
    /// Where the issuer serves its keys, for `jwksUrl`.
    jwks_url: Option<String>,
    /// The public key, for `publicKey`.
    public_key: Option<String>,
    /// The claim that names the tenant.
    tenant_claim: String,
    /// The claim that lists permissions.
    permissions_claim: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum KeyKind {
    /// Keys at a URL.
    JwksUrl,
    /// One public key.
    PublicKey,
    /// A shared secret.
    Secret,
}

impl From<&Stored> for TrustedIssuer {
    fn from(trusted: &Stored) -> Self {
        let (key_kind, jwks_url, public_key) = match &trusted.key {
            IssuerKey::JwksUrl(url) => (KeyKind::JwksUrl, Some(url.clone()), None),
            IssuerKey::PublicKey(pem) => (KeyKind::PublicKey, None, Some(pem.clone())),
            IssuerKey::Secret(_) => (KeyKind::Secret, None, None),
        };
        Self {
            issuer: trusted.issuer.clone(),
            audience: trusted.audience.clone(),
            key_kind,
            jwks_url,
            public_key,
            tenant_claim: trusted.tenant_claim.clone(),
            permissions_claim: trusted.permissions_claim.clone(),
        }
    }
}

/// Get the trusted issuer
#[utoipa::path(get, path = "/api/v1/trusted-issuer", tag = "portal", responses(
    (status = 200, description = "The issuer.", body = TrustedIssuer),
    (status = 404, description = "No issuer is trusted.", body = Problem)))]
pub(crate) async fn get_trusted_issuer(
    State(state): State<ApiState>,
    vendor: Vendor,
) -> Result<Answer<TrustedIssuer>, ApiError> {
    let environment = state.directory().environment(vendor.environment_id);
    let trusted = environment.as_ref().and_then(|environment| environment.trusted_issuer.as_ref());
    trusted.map(|trusted| Answer(trusted.into())).ok_or_else(|| ApiError::not_found("trusted issuer"))
}

/// Set the trusted issuer
///
/// Issuer and audience together select the environment, so they are unique on a server. The kind of key fixes the algorithms.
#[utoipa::path(put, path = "/api/v1/trusted-issuer", tag = "portal", request_body = NewTrustedIssuer, responses(
    (status = 200, description = "The issuer as it is now.", body = TrustedIssuer),
    (status = 409, description = "Another environment trusts that issuer with that audience.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn put_trusted_issuer(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(new): Json<NewTrustedIssuer>,
) -> Result<Answer<TrustedIssuer>, ApiError> {
    let trusted = checked(&state, new)?;
    let answer = TrustedIssuer::from(&trusted);
    match state.store().put_trusted_issuer(vendor.environment_id, Some(trusted), vendor.actor()).await? {
        PutTrustedIssuer::Put => Ok(Answer(answer)),
        PutTrustedIssuer::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutTrustedIssuer::Taken => Err(ApiError::new(
            Code::Conflict,
            "another environment of this server trusts that issuer with that audience; use another audience",
        )),
        PutTrustedIssuer::CallerRevoked => Err(tokens::revoked()),
    }
}

/// Trust no issuer
///
/// Tokens of tenants' users are refused from now on.
#[utoipa::path(delete, path = "/api/v1/trusted-issuer", tag = "portal", responses(
    (status = 204, description = "No issuer is trusted now.")))]
pub(crate) async fn delete_trusted_issuer(
    State(state): State<ApiState>,
    vendor: Vendor,
) -> Result<StatusCode, ApiError> {
    match state.store().put_trusted_issuer(vendor.environment_id, None, vendor.actor()).await? {
        PutTrustedIssuer::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutTrustedIssuer::CallerRevoked => Err(tokens::revoked()),
        PutTrustedIssuer::Put | PutTrustedIssuer::Taken => Ok(StatusCode::NO_CONTENT),
    }
}

fn checked(state: &ApiState, new: NewTrustedIssuer) -> Result<Stored, ApiError> {
    let key = match (new.jwks_url, new.public_key, new.secret) {
        (Some(url), None, None) => {
            IssuerKey::JwksUrl(rules::url_of_secrets(state, "/jwksUrl", &url)?.as_str().to_owned())
        }
        (None, Some(pem), None) => {
            if pem.len() > KEY_BYTES || issuer::public_key(&pem).is_none() {
                return Err(ApiError::value("/publicKey", "is not a public key in PEM form (BEGIN PUBLIC KEY)"));
            }
            IssuerKey::PublicKey(pem)
        }
        (None, None, Some(secret)) => {
            if !(SECRET_BYTES..=KEY_BYTES).contains(&secret.len()) {
                return Err(ApiError::value("/secret", format!("has {SECRET_BYTES} to {KEY_BYTES} bytes")));
            }
            IssuerKey::Secret(secret)
        }
        _ => {
            return Err(ApiError::new(
                Code::InvalidValue,
                "give one of `jwksUrl`, `publicKey` and `secret`, and only one",
            ));
        }
    };
    if new.issuer.chars().count() > URL_CHARS {
        return Err(ApiError::value("/issuer", format!("has at most {URL_CHARS} characters")));
    }
    if new.issuer.is_empty() {
        return Err(ApiError::value("/issuer", "must not be empty"));
    }
    Ok(Stored {
        issuer: new.issuer,
        audience: rules::name("/audience", new.audience)?,
        key,
        tenant_claim: rules::name("/tenantClaim", new.tenant_claim)?,
        permissions_claim: rules::name("/permissionsClaim", new.permissions_claim)?,
    })
}
