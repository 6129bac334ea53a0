//! `POST /auth/vendor`: client id and secret for a token.

use axum::Json as Answer;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::sign_in::{self, CalledFrom};
use crate::auth::tokens;
use crate::body::OpenJson;
use crate::error::{ApiError, FronteggErrors};
use crate::state::ApiState;

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Login {
    /// The environment's id.
    client_id: String,
    /// One of its secrets.
    secret: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Token {
    /// A JWT for `Authorization: Bearer`.
    token: String,
    /// Seconds for which it is valid.
    expires_in: u64,
}

/// Get a token
///
/// Exchanges the credentials of an environment for a token that opens what the scope of the credential says: everything in it, reporting
/// events, or looking.
#[utoipa::path(post, path = "/auth/vendor", tag = "auth", security(()),
    request_body = Login,
    responses(
        (status = 200, description = "A token.", body = Token),
        (status = 400, description = "The body cannot be read.", body = FronteggErrors),
        (status = 401, description = "Client id or secret are wrong.", body = FronteggErrors),
        (status = 429, description = "Too many wrong secrets were given.", body = FronteggErrors)))]
pub(crate) async fn log_in(
    State(state): State<ApiState>,
    from: CalledFrom,
    OpenJson(login): OpenJson<Login>,
) -> Result<Answer<Token>, ApiError> {
    let credential = sign_in::credential(&state, from, &login.client_id, &login.secret).await?;
    let now = state.now();
    state.store().touch_credential(credential.id, now);
    let token = state.vendor_tokens().issue(&credential, now)?;
    Ok(Answer(Token { token, expires_in: tokens::LIFETIME.as_secs() }))
}

/// Get a token, at an older path
///
/// The same call where the first versions of Frontegg's clients make it.
#[utoipa::path(post, path = "/vendors/auth/token", tag = "auth", security(()),
    request_body = Login,
    responses(
        (status = 200, description = "A token.", body = Token),
        (status = 400, description = "The body cannot be read.", body = FronteggErrors),
        (status = 401, description = "Client id or secret are wrong.", body = FronteggErrors),
        (status = 429, description = "Too many wrong secrets were given.", body = FronteggErrors)))]
pub(crate) async fn log_in_at_older_path(
    state: State<ApiState>,
    from: CalledFrom,
    login: OpenJson<Login>,
) -> Result<Answer<Token>, ApiError> {
    log_in(state, from, login).await
}
