//! `GET /api/v1/webhooks/{webhookId}`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;

use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::webhooks::{Webhook, within_reach};
use crate::state::ApiState;

/// Get a webhook
#[utoipa::path(get, path = "/api/v1/webhooks/{webhookId}", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), responses(
    (status = 200, description = "The webhook.", body = Webhook),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::ReadWebhooks)?;
    let webhook = within_reach(&state, &member, id)?;
    Ok(Answer(Webhook::new(&state, &member, &webhook)))
}
