//! `GET /webhook`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::permission::Permission;

use crate::error::{ApiError, FronteggErrors};
use crate::frontegg::scope::Scoped;
use crate::frontegg::webhook::Record;
use crate::state::ApiState;

/// List webhooks
#[utoipa::path(get, path = "/webhook", operation_id = "frontegg_list_webhooks", tag = "frontegg", responses(
    (status = 200, description = "The webhooks of the scope.", body = Vec<Record>),
    (status = 403, description = "The scope is missing, or not the caller's.", body = FronteggErrors)))]
pub(crate) async fn list(State(state): State<ApiState>, scoped: Scoped) -> Result<Answer<Vec<Record>>, ApiError> {
    scoped.require(Permission::ReadWebhooks)?;
    let webhooks = state.directory().webhooks(scoped.environment_id(), Some(&scoped.scope));
    Ok(Answer(webhooks.iter().map(|webhook| Record::new(&scoped, webhook)).collect()))
}
