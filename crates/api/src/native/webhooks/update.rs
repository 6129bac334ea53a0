//! `PATCH /api/v1/webhooks/{webhookId}`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_core::shape::Shape;
use postrider_core::webhook::Webhook as Stored;
use postrider_store::WebhookPatch;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::webhooks::ordering::OrderingForm;
use crate::native::webhooks::rate_limit::RateLimitForm;
use crate::native::webhooks::shape::{
    AuthenticationForm, CertificateForm, HeaderForm, MethodForm, PayloadForm, ShapeForm, check_event_type,
    check_with_sample,
};
use crate::native::webhooks::signing::SignatureName;
use crate::native::webhooks::{RetryPolicyForm, Webhook, hidden, sending, settings, within_reach};
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
    /// Where events are sent. Where it leads to another server (scheme, host or port) than before, hidden values that are to go there
    /// must be given again in the same request.
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
    /// Whether it gets events. Enabling forgets the failures so far; disabling discards what waits, and an attempt under way is the last of
    /// its delivery.
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
    /// The method of its requests. A `GET` carries no body.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = MethodForm, required = false)]
    method: Option<MethodForm>,
    /// What is sent instead of the event's body; `null`: the event's body. Such a webhook subscribes to exactly one event type, by its key,
    /// and keeps it.
    #[serde(default)]
    #[schema(value_type = Option<PayloadForm>)]
    payload: Given<PayloadForm>,
    /// Headers besides those that every request has. At most 30.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<HeaderForm>, required = false)]
    headers: Option<Vec<HeaderForm>>,
    /// How requests authenticate to the receiver; `null`: not at all.
    #[serde(default)]
    #[schema(value_type = Option<AuthenticationForm>)]
    authentication: Given<AuthenticationForm>,
    /// The certificate that is shown to a receiver that asks for one; `null`: none.
    #[serde(default)]
    #[schema(value_type = Option<CertificateForm>)]
    client_certificate: Given<CertificateForm>,
}

/// Change a webhook
#[utoipa::path(patch, path = "/api/v1/webhooks/{webhookId}", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Form, responses(
    (status = 200, description = "The webhook as it is now.", body = Webhook),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem),
    (status = 503, description = "The machine is too busy to try the templates; again in a moment.", body = Problem)))]
pub(crate) async fn update_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    Json(form): Json<Form>,
) -> Result<Answer<Webhook>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let form_of_shape = ShapeForm {
        method: form.method,
        payload: form.payload,
        headers: form.headers,
        authentication: form.authentication,
        client_certificate: form.client_certificate,
    };
    // Templates are compiled and tried. Before the webhook's turn, which others wait for.
    let dear = if form_of_shape.is_dear() { Some(state.dear_turn(&member).await?) } else { None };
    let _turn = state.turns().of(id).await;
    let before = within_reach(&state, &member, id)?;
    let keys = |keys| {
        let standing = &before.event_keys;
        rules::event_keys(&state, member.environment_id, &before.scope, "/eventKeys", keys, standing)
    };
    let url = form.url.map(|text| rules::url(&state, "/url", &text)).transpose()?;
    hidden::check(&before, url.as_ref(), &form_of_shape)?;
    let (shape_before, access_before) = settings(&before);
    let (shape, access) = form_of_shape.checked(&state, "", (&shape_before, &access_before)).await?;
    let patch = WebhookPatch {
        display_name: form.display_name.map(|text| rules::optional_name("/displayName", text)).transpose()?,
        description: form.description.map(|text| rules::description("/description", text)).transpose()?,
        url,
        secret: match form.secret {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(text) => {
                let instead = "leave it out to keep the one there is, or send null for requests that are not signed";
                Some(Some(rules::given_secret(&member, "/secret", &text, instead)?))
            }
        },
        signing: form.signature.map(|signature| signature.change(&state)).into_iter().collect(),
        event_keys: form.event_keys.map(keys).transpose()?,
        filter: match form.filter {
            Given::Absent => None,
            Given::Null => Some(None),
            Given::Value(text) => match &before.filter {
                // What could be written once is kept by whoever sends it back.
                Some(filter) if filter.as_str() == text => None,
                _ => Some(Some(rules::filter("/filter", &text)?)),
            },
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
        shape,
        access,
    };
    check_settings(&state, &before, &patch).await?;
    drop(dear);
    let webhook = state.store().update_webhook(member.environment_id, Some(&before.scope), id, patch).await?;
    let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(Answer(Webhook::new(&state, &member, &webhook)))
}

/// What holds of the webhook as it will be, where the patch touches it.
async fn check_settings(state: &ApiState, before: &Stored, patch: &WebhookPatch) -> Result<(), ApiError> {
    let (shape_before, access_before) = settings(before);
    let shape = patch.shape.as_ref().unwrap_or(&shape_before);
    let keys = patch.event_keys.as_ref().unwrap_or(&before.event_keys);
    keeps_event_type(before, shape, keys, "/eventKeys")?;
    check_event_type(shape, keys)?;
    if patch.shape.is_none() && patch.access.is_none() {
        return Ok(());
    }
    let access = patch.access.as_ref().unwrap_or(&access_before);
    check_with_sample(state, before.environment_id, before.scope.tenant(), keys, shape, access).await
}

/// A webhook that has a custom payload and will have one keeps the event type that the payload was written for.
pub(crate) fn keeps_event_type(before: &Stored, shape: &Shape, keys: &[String], at: &str) -> Result<(), ApiError> {
    let (shape_before, _) = settings(before);
    if shape_before.payload.is_none() || shape.payload.is_none() || keys == before.event_keys {
        return Ok(());
    }
    let detail = "the event type of a webhook with a custom payload cannot change; make another webhook, or take the payload away";
    Err(ApiError::value(at, detail))
}
