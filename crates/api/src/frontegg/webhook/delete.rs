//! `DELETE /webhook/{_id}`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_store::Found;
use serde_json::{Map, Value};

use crate::error::{ApiError, FronteggErrors};
use crate::extract::Ids;
use crate::frontegg::scope::Scoped;
use crate::frontegg::webhook::in_scope;
use crate::state::ApiState;

/// Delete a webhook
#[utoipa::path(delete, path = "/webhook/{webhookId}", operation_id = "frontegg_delete_webhook", tag = "frontegg",
    params(("webhookId" = Uuid, Path, description = "Its `_id`.")), responses(
    (status = 200, description = "It is deleted: an empty object.", body = Object),
    (status = 404, description = "There is none of that id in the scope.", body = FronteggErrors)))]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    scoped: Scoped,
    Ids(id): Ids<WebhookId>,
) -> Result<Answer<Map<String, Value>>, ApiError> {
    scoped.require(Permission::DeleteWebhook)?;
    in_scope(&state, &scoped, id)?;
    match state.store().delete_webhook(scoped.environment_id(), id).await? {
        Found::Yes => Ok(Answer(Map::new())),
        Found::No => Err(ApiError::not_found("webhook")),
    }
}
