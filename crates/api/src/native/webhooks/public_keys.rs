//! `GET /api/v1/webhooks/{webhookId}/public-keys`
//!
//! Without a token: a receiver has none, and what is told here is made to be told. Only who knows the webhook's id can ask, and learns
//! nothing else of it. The form is a JSON Web Key Set, which libraries read, with the key as Standard Webhooks writes it beside.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use postrider_core::signature::PublicKey;
use postrider_core::{Timestamp, WebhookId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::wire::Time;
use crate::state::ApiState;

/// How long receivers may keep the keys: much less than an overlap, so that nobody misses a new one.
const CACHED: &str = "public, max-age=300";

/// The keys that a webhook's `v1a` signatures are checked with, as a JSON Web Key Set.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PublicKeys {
    /// The present one first.
    keys: Vec<Jwk>,
}

/// A public key, as a JSON Web Key.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PublicKey)]
pub(crate) struct Jwk {
    /// `OKP`.
    kty: &'static str,
    /// `Ed25519`.
    crv: &'static str,
    /// `EdDSA`.
    alg: &'static str,
    /// `sig`.
    r#use: &'static str,
    /// Its name: of two keys, no two have the same.
    kid: String,
    /// The key's 32 bytes in base64url.
    x: String,
    /// The same as Standard Webhooks writes it: `whpk_` and base64.
    public_key: String,
    /// Until when it signs, where another one has replaced it.
    valid_until: Option<Time>,
}

impl Jwk {
    fn new(key: &PublicKey, valid_until: Option<Timestamp>) -> Self {
        let x = URL_SAFE_NO_PAD.encode(key.as_bytes());
        Self {
            kty: "OKP",
            crv: "Ed25519",
            alg: "EdDSA",
            r#use: "sig",
            kid: x[..11].to_owned(),
            x,
            public_key: key.to_string(),
            valid_until: valid_until.map(Into::into),
        }
    }
}

/// Get a webhook's public keys
///
/// For receivers that check `v1a` signatures. No token is needed.
#[utoipa::path(get, path = "/api/v1/webhooks/{webhookId}/public-keys", tag = "webhooks", security(()),
    params(("webhookId" = Uuid, Path, description = "The webhook.")), responses(
    (status = 200, description = "The keys, as a JSON Web Key Set.", body = PublicKeys),
    (status = 404, description = "There is no webhook of that id, or it has no key.", body = Problem)))]
pub(crate) async fn list_public_keys(
    State(state): State<ApiState>,
    Ids(id): Ids<WebhookId>,
) -> Result<Response, ApiError> {
    let not_found = || ApiError::not_found("webhook with a key");
    let webhook = state.directory().webhook(id).ok_or_else(not_found)?;
    let present = webhook.signing.key.as_ref().ok_or_else(not_found)?;
    let mut keys = vec![Jwk::new(&present.public_key(), None)];
    if let Some(previous) = webhook.signing.previous_key_at(state.now()) {
        keys.push(Jwk::new(&previous.key.public_key(), Some(previous.until)));
    }
    Ok(([(header::CACHE_CONTROL, CACHED)], Answer(PublicKeys { keys })).into_response())
}
