//! `DELETE /api/v1/webhooks/{webhookId}`

use axum::extract::State;
use http::StatusCode;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_store::Found;

use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::webhooks::within_reach;
use crate::state::ApiState;

/// Delete a webhook
///
/// What waits for it is discarded; what was delivered stays on record.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhookId}", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), responses(
    (status = 204, description = "It is deleted."),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn delete_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
) -> Result<StatusCode, ApiError> {
    member.require(Permission::DeleteWebhook)?;
    within_reach(&state, &member, id)?;
    match state.store().delete_webhook(member.environment_id, id).await? {
        Found::Yes => Ok(StatusCode::NO_CONTENT),
        Found::No => Err(ApiError::not_found("webhook")),
    }
}
