//! `PATCH /api/v1/webhooks/{webhookId}`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_store::WebhookPatch;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::webhooks::ordering::OrderingForm;
use crate::native::webhooks::rate_limit::RateLimitForm;
use crate::native::webhooks::signing::SignatureName;
use crate::native::webhooks::{RetryPolicyForm, Webhook, sending, within_reach};
use crate::native::wire::{Given, given_object, present, present_object};
use crate::rules;
use crate::state::ApiState;

/// What is to be different about a webhook. What is left out stays; `null` clears what can be cleared, and is refused elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = WebhookPatch)]
pub(crate) struct Form {
    /// Its name for people.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    display_name: Option<String>,
    /// What it is for.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    description: Option<String>,
    /// Where events are sent.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, required = false)]
    url: Option<String>,
    /// What requests are signed with; `null`: they are not. Replaces the secret at once; to have both sign for a while, rotate it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Given<String>,
    /// What it subscribes to. At most 500.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false)]
    event_keys: Option<Vec<String>>,
    /// Which of those it gets, a condition over the event; `null`: all.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    filter: Given<String>,
    /// Whether it gets events. Enabling forgets the failures so far; disabling discards what waits.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    is_active: Option<bool>,
    /// When failed attempts are repeated.
    #[serde(default, deserialize_with = "present_object")]
    #[schema(value_type = RetryPolicyForm, required = false)]
    retry_policy: Option<RetryPolicyForm>,
    /// Seconds that an attempt may take: 1 to 30.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = u32, required = false)]
    deadline_seconds: Option<u32>,
    /// Days over which deliveries must have failed before the webhook is disabled; `null`: never.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    disable_after_days: Given<u16>,
    /// What deliveries are strictly ordered by; `null`: nothing. That holds for events accepted from then on.
    #[serde(default, deserialize_with = "given_object")]
    #[schema(value_type = Option<OrderingForm>)]
    ordering: Given<OrderingForm>,
    /// How many attempts may start in how much time; `null`: as many as the endpoint takes well.
    #[serde(default, deserialize_with = "given_object")]
    #[schema(value_type = Option<RateLimitForm>)]
    rate_limit: Given<RateLimitForm>,
    /// Which signatures `webhook-signature` carries. `x-webhook-secret` is sent where there is a secret.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = SignatureName, required = false)]
    signature: Option<SignatureName>,
}

/// Change a webhook
#[utoipa::path(patch, path = "/api/v1/webhooks/{webhookId}", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Form, responses(
    (status = 200, description = "The webhook as it is now.", body = Webhook),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn update_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    Json(form): Json<Form>,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let before = within_reach(&state, &member, id)?;
    let keys = |keys| rules::event_keys(&state, member.environment_id, &before.scope, "/eventKeys", keys);
    let patch = WebhookPatch {
        display_name: form.display_name.map(|text| rules::optional_name("/displayName", text)).transpose()?,
        description: form.description.map(|text| rules::description("/description", text)).transpose()?,
        url: form.url.map(|text| rules::url(&state, "/url", &text)).transpose()?,
        secret: match form.secret {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(text) => Some(rules::secret(&member, "/secret", &text)?),
        },
        signing: form.signature.map(|signature| signature.change(&state)).into_iter().collect(),
        event_keys: form.event_keys.map(keys).transpose()?,
        filter: match form.filter {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(text) => Some(Some(rules::filter("/filter", &text)?)),
        },
        active: form.is_active,
        sending: sending(
            &before.sending,
            form.retry_policy,
            form.deadline_seconds,
            form.disable_after_days,
            form.ordering,
            form.rate_limit,
        )?,
    };
    let webhook = state.store().update_webhook(member.environment_id, Some(&before.scope), id, patch).await?;
    let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(Answer(Webhook::new(&state, &member, &webhook)))
}
