//! Tests of webhooks, saved or not: a request like a delivery's, recorded nowhere.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use bytes::Bytes;
use postrider_core::WebhookId;
use postrider_core::event::Event;
use postrider_core::permission::Permission;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope};
use postrider_egress::SendError;
use postrider_engine::{Draft, RenderError};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::body::{Json, OptionalJson};
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::attempts::{ExchangeResult, HeaderLine, Timings};
use crate::native::previews::{Chosen, GivenTemplates, InlineEvent, Settings};
use crate::native::webhooks::shape::one_key;
use crate::native::webhooks::{settings, within_reach};
use crate::state::ApiState;
use crate::{rules, sample};

/// What is sent in a test of a webhook.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TestForm {
    /// The event type whose sample is sent; where it is left out, the webhook's own, if it has a custom payload, else
    /// `frontegg.user.created`.
    event_key: Option<String>,
    /// Taken as the event's body, instead of a sample.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// An event that was accepted: it is sent once more, under its own `webhook-id`.
    event_id: Option<String>,
    /// An event that never happened.
    event: Option<InlineEvent>,
    /// Settings that differ from the webhook's own, as they are being edited.
    settings: Option<Settings>,
    /// Whether the webhook's own headers, its authentication and its client certificate are sent.
    #[serde(default)]
    with_headers: bool,
}

/// A webhook that is not saved yet, and what is sent in a test of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DraftForm {
    /// Where the test is sent.
    url: String,
    /// What it is signed with; it is not signed where this is left out.
    secret: Option<String>,
    /// The event type whose sample is sent; `frontegg.user.created` where it is left out.
    event_key: Option<String>,
    /// Taken as the event's body, instead of a sample.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
    /// An event that was accepted: it is sent once more, under its own `webhook-id`.
    event_id: Option<String>,
    /// An event that never happened.
    event: Option<InlineEvent>,
    /// Method, custom payload, headers and authentication that the webhook would have.
    settings: Option<Settings>,
}

/// What came of a test.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TestResult {
    /// The event that was sent: what the header `webhook-id` carries.
    event_id: Uuid,
    /// Whether the endpoint answered with 2XX.
    is_success: bool,
    #[serde(flatten)]
    result: ExchangeResult,
    /// Where the time went.
    timings: Timings,
}

/// Test a webhook
///
/// Sends one request as a delivery would be sent, with the webhook's method and payload, signed as the webhook's are, disabled webhooks
/// included; with its headers and authentication where `withHeaders` asks for them. The event and the `settings` are named as for the
/// preview, which shows what a test sends. It is recorded nowhere and changes nothing.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhookId}/test", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Option<TestForm>, responses(
    (status = 200, description = "What came of it, be it success or failure.", body = TestResult),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 404, description = "There is no webhook, no event, or no event type of that name within reach.", body = Problem),
    (status = 422, description = "The payload or a header cannot be rendered, or there is no sample.", body = Problem),
    (status = 429, description = "As many tests are under way as can be.", body = Problem)))]
pub(crate) async fn test_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    OptionalJson(form): OptionalJson<TestForm>,
) -> Result<Answer<TestResult>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let webhook = within_reach(&state, &member, id)?;
    let (shape, access) = settings(&webhook);
    let own = shape.payload.as_ref().and_then(|_| one_key(&webhook.event_keys)).unwrap_or(sample::SAMPLE);
    let settings = form.settings.unwrap_or_default();
    let templates = settings.templates();
    let Draft { shape, access } = settings.draft(&state, "/settings", &shape, &access).await?;
    let chosen = Chosen { event_id: form.event_id, event: form.event, event_key: form.event_key };
    let event = event_of(&state, &member, &webhook.scope, chosen, own, form.payload).await?;
    let (scope, url) = (webhook.scope.clone(), webhook.url.clone());
    let signed = (webhook.secret.clone(), webhook.signing.clone());
    let access = if form.with_headers { access } else { Arc::default() };
    send(&state, &member, scope, url, signed, (event, Draft { shape, access }), templates).await
}

/// Test a draft
///
/// As the test of a webhook, before there is one.
#[utoipa::path(post, path = "/api/v1/webhook-tests", tag = "webhooks", request_body = DraftForm, responses(
    (status = 200, description = "What came of it, be it success or failure.", body = TestResult),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 404, description = "There is no event type of that key within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem),
    (status = 429, description = "As many tests are under way as can be.", body = Problem)))]
pub(crate) async fn test_draft(
    State(state): State<ApiState>,
    member: Member,
    Json(form): Json<DraftForm>,
) -> Result<Answer<TestResult>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let url = rules::url(&state, "/url", &form.url)?;
    let secret = form.secret.map(|text| rules::secret(&member, "/secret", &text)).transpose()?.flatten();
    let scope = Scope::of(member.tenant.clone());
    let settings = form.settings.unwrap_or_default();
    let templates = settings.templates();
    let draft = settings.draft(&state, "/settings", &Shape::default(), &Access::default()).await?;
    let chosen = Chosen { event_id: form.event_id, event: form.event, event_key: form.event_key };
    let event = event_of(&state, &member, &scope, chosen, sample::SAMPLE, form.payload).await?;
    send(&state, &member, scope, url, (secret, Signing::default()), (event, draft), templates).await
}

/// The event that a test is made with: one that is named as for a preview, or one whose body is given as it is.
async fn event_of(
    state: &ApiState,
    member: &Member,
    scope: &Scope,
    chosen: Chosen,
    own: &str,
    payload: Option<Box<RawValue>>,
) -> Result<Event, ApiError> {
    let Some(payload) = payload else { return chosen.event(state, member, scope, own).await };
    if chosen.event_id.is_some() || chosen.event.is_some() || chosen.event_key.is_some() {
        return Err(ApiError::value("", "`eventId`, `event`, `eventKey` and `payload` exclude each other"));
    }
    let body = Bytes::from(String::from(Box::<str>::from(payload)));
    Ok(sample::event(state, member.environment_id, scope.tenant().cloned(), own, body))
}

async fn send(
    state: &ApiState,
    member: &Member,
    scope: Scope,
    url: EndpointUrl,
    signed: (Option<Secret>, Signing),
    (event, draft): (Event, Draft),
    templates: GivenTemplates,
) -> Result<Answer<TestResult>, ApiError> {
    let access = Arc::clone(&draft.access);
    let refused = |error: &RenderError| templates.error(&access, error);
    let (event_id, sent) = sample::send(state, member, scope, url, signed, (event, draft), refused).await?;
    let timings = sent.timings.into();
    let result = match sent.result {
        Ok(answer) => ExchangeResult {
            status_code: Some(answer.status),
            headers: answer
                .headers
                .iter()
                .map(|(name, value)| HeaderLine {
                    name: name.as_str().to_owned(),
                    value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
                })
                .collect(),
            body: Some(String::from_utf8_lossy(&answer.body).into_owned()),
            body_end: Some(answer.body_end.name()),
            failure: None,
            error_message: None,
        },
        Err(error) => {
            let failure = match &error {
                SendError::Endpoint { kind, .. } => kind.name(),
                SendError::Ours { fault, .. } => fault.name(),
            };
            ExchangeResult {
                status_code: None,
                headers: Vec::new(),
                body: None,
                body_end: None,
                failure: Some(failure),
                error_message: Some(error.to_string()),
            }
        }
    };
    let is_success = result.status_code.is_some_and(|status| (200..300).contains(&status));
    Ok(Answer(TestResult { event_id: event_id.as_uuid(), is_success, result, timings }))
}
