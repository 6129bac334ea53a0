//! Operators' tokens. Made on the server's own machine alone: a token cannot make another.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::OperatorTokenId;
use postrider_core::environment::OperatorToken as Stored;
use postrider_store::Found;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::auth::secrets;
use crate::body::Json;
use crate::error::ApiError;
use crate::extract::Ids;
use crate::native::wire::{Page, Time};
use crate::rules;
use crate::state::ApiState;

/// An operator's token. The token itself is shown once, in the answer that made it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OperatorToken {
    id: Uuid,
    name: String,
    created_at: Time,
    revoked_at: Option<Time>,
}

impl From<&Stored> for OperatorToken {
    fn from(token: &Stored) -> Self {
        Self {
            id: token.id.as_uuid(),
            name: token.name.clone(),
            created_at: token.created_at.into(),
            revoked_at: token.revoked_at.map(Into::into),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct NewToken {
    name: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedToken {
    #[serde(flatten)]
    operator_token: OperatorToken,
    token: String,
}

/// `GET /api/v1/operator-tokens`
pub(crate) async fn list(State(state): State<ApiState>) -> Answer<Page<OperatorToken>> {
    let tokens = state.directory().operator_tokens();
    Answer(Page { items: tokens.iter().map(|token| (&**token).into()).collect(), next_cursor: None })
}

/// `POST /api/v1/operator-tokens`
pub(crate) async fn create(
    State(state): State<ApiState>,
    Json(new): Json<NewToken>,
) -> Result<(StatusCode, Answer<CreatedToken>), ApiError> {
    let name = rules::name("/name", new.name)?;
    let token = secrets::generate_operator_token(&**state.entropy());
    let stored = state.store().create_operator_token(name, secrets::sha256(&token)).await?;
    tracing::info!(
        operator_token.id = %stored.id,
        operator_token.name = stored.name.as_str(),
        "an operator's token was made"
    );
    Ok((StatusCode::CREATED, Answer(CreatedToken { operator_token: (&*stored).into(), token })))
}

/// `DELETE /api/v1/operator-tokens/{tokenId}`
pub(crate) async fn revoke(
    State(state): State<ApiState>,
    Ids(id): Ids<OperatorTokenId>,
) -> Result<StatusCode, ApiError> {
    match state.store().revoke_operator_token(id).await? {
        Found::Yes => {
            tracing::info!(operator_token.id = %id, "an operator's token was revoked");
            Ok(StatusCode::NO_CONTENT)
        }
        Found::No => Err(ApiError::not_found("operator's token")),
    }
}
