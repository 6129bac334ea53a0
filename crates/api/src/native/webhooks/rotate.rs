//! `POST /api/v1/webhooks/{webhookId}/secret/rotate`, and the end of what it begins.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::limits::OVERLAP;
use postrider_core::permission::Permission;
use postrider_core::signature::{PrivateKey, Secret, SigningChange};
use postrider_core::{Timestamp, WebhookId};
use postrider_store::WebhookPatch;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body::{Ignored, OptionalJson};
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::webhooks::{Webhook, within_reach};
use crate::rules;
use crate::state::ApiState;

/// How long the old secret signs beside the new one unless told otherwise: a day to bring the new one to every receiver.
const OVERLAP_UNLESS_TOLD: u32 = 24 * 60 * 60;

/// A rotation of a webhook's secret.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretRotation {
    /// The new secret. Left out: one is generated.
    secret: Option<String>,
    /// Seconds for which the old secret signs beside the new one: up to 30 days, a day where it is left out; 0: it is replaced at once.
    overlap_seconds: Option<u32>,
    /// When `x-webhook-secret`, which can be signed with one secret alone, changes to the new one: `now`, `end` (of the overlap, where it is left
    /// out), or a moment before that, RFC 3339.
    header_switch: Option<String>,
}

/// A rotation of a webhook's key.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct KeyRotation {
    /// Seconds for which the old key signs beside the new one: up to 30 days, a day where it is left out; 0: it is replaced at once.
    overlap_seconds: Option<u32>,
}

/// Rotate a webhook's secret
///
/// For a while both secrets sign: `webhook-signature` carries a signature with each, the new one's first. A rotation within the overlap of the one
/// before ends that overlap: there are two secrets at most.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhookId}/secret/rotate", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Option<SecretRotation>, responses(
    (status = 200, description = "The webhook as it is now.", body = Webhook),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn rotate_secret(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    OptionalJson(form): OptionalJson<SecretRotation>,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let before = within_reach(&state, &member, id)?;
    let secret = match form.secret {
        None => Secret::generate(&**state.entropy()),
        Some(text) => rules::given_secret(&member, "/secret", &text, "leave it out to have one generated")?,
    };
    if before.secret.as_ref() == Some(&secret) {
        return Err(ApiError::value("/secret", "is the secret that the webhook has"));
    }
    let now = state.now();
    let until = until(form.overlap_seconds, now)?;
    let in_header_until = match form.header_switch.as_deref() {
        None | Some("end") => until,
        Some("now") => now,
        Some(text) => match Timestamp::parse(text) {
            Ok(at) if at <= until => at,
            Ok(_) => return Err(ApiError::value("/headerSwitch", format!("is after the end of the overlap, {until}"))),
            Err(error) => {
                return Err(ApiError::value("/headerSwitch", format!("is `now`, `end` or a moment: {error}")));
            }
        },
    };
    change(&state, &member, id, SigningChange::RotateSecret { secret, until, in_header_until }).await
}

/// End the overlap of secrets
///
/// From now on the present secret alone signs. Where there is no other, nothing changes.
#[utoipa::path(delete, path = "/api/v1/webhooks/{webhookId}/secret/previous", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), responses(
    (status = 200, description = "The webhook as it is now.", body = Webhook),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn end_secret_overlap(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    _: Ignored,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    change(&state, &member, id, SigningChange::EndOverlap).await
}

/// Rotate a webhook's key
///
/// Makes another key for `v1a` signatures. For a while both keys sign, and both are published.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhookId}/key/rotate", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Option<KeyRotation>, responses(
    (status = 200, description = "The webhook as it is now.", body = Webhook),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn rotate_key(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    OptionalJson(form): OptionalJson<KeyRotation>,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let key = PrivateKey::generate(&**state.entropy());
    let until = until(form.overlap_seconds, state.now())?;
    change(&state, &member, id, SigningChange::RotateKey { key, until }).await
}

fn until(seconds: Option<u32>, now: Timestamp) -> Result<Timestamp, ApiError> {
    let overlap = Duration::from_secs(seconds.unwrap_or(OVERLAP_UNLESS_TOLD).into());
    if overlap > OVERLAP {
        return Err(ApiError::value("/overlapSeconds", format!("is at most {}", OVERLAP.as_secs())));
    }
    Ok(now + overlap)
}

async fn change(
    state: &ApiState,
    member: &Member,
    id: WebhookId,
    change: SigningChange,
) -> Result<Answer<Webhook>, ApiError> {
    let _turn = state.turns().of(id).await;
    let before = within_reach(state, member, id)?;
    let patch = WebhookPatch { signing: vec![change], ..WebhookPatch::default() };
    let webhook = state.store().update_webhook(member.environment_id, Some(&before.scope), id, patch).await?;
    let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(Answer(Webhook::new(state, member, &webhook)))
}
