//! Previews: the exact request that a webhook would send for an event, without sending it.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::event::{ApplicationId, Event, EventKey, TenantId, UserId};
use postrider_core::permission::Permission;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope, Webhook};
use postrider_core::{EventId, WebhookId};
use postrider_engine::{Draft, Preview as Previewed, PreviewError, RenderError, RenderedPart};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body::{Json, OptionalJson};
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::webhooks::shape::{
    AuthenticationForm, CertificateForm, HeaderForm, MethodForm, PayloadForm, ShapeForm, one_key, render_error,
};
use crate::native::webhooks::{settings, within_reach};
use crate::native::wire::{Given, Time};
use crate::state::ApiState;
use crate::{rules, sample};

/// Method, custom payload, headers and authentication of a webhook that is not saved yet.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RequestSettings)]
pub(crate) struct Settings {
    /// The method: `POST` where it is left out.
    method: Option<MethodForm>,
    /// What is sent instead of the event's body.
    #[serde(default)]
    #[schema(value_type = Option<PayloadForm>)]
    payload: Given<PayloadForm>,
    /// Headers besides those that every request has.
    headers: Option<Vec<HeaderForm>>,
    /// How requests authenticate to the receiver.
    #[serde(default)]
    #[schema(value_type = Option<AuthenticationForm>)]
    authentication: Given<AuthenticationForm>,
    /// The certificate that is shown to a receiver that asks for one.
    #[serde(default)]
    #[schema(value_type = Option<CertificateForm>)]
    client_certificate: Given<CertificateForm>,
}

/// Which templates stand in the request's own `settings`; those of others are the webhook's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct GivenTemplates {
    payload: bool,
    headers: bool,
}

impl GivenTemplates {
    /// What cannot be rendered, at its place in the request, if it has one there.
    pub(crate) fn error(self, access: &Access, error: &RenderError) -> ApiError {
        let is_given = match error.part {
            RenderedPart::Payload => self.payload,
            RenderedPart::Header(_) => self.headers,
        };
        if is_given { render_error("/settings", access, error) } else { ApiError::template("", &error.error) }
    }
}

impl Settings {
    /// The templates in them.
    pub(crate) fn templates(&self) -> GivenTemplates {
        GivenTemplates { payload: matches!(self.payload, Given::Value(_)), headers: self.headers.is_some() }
    }

    /// What they say, over what there is.
    pub(crate) async fn draft(
        self,
        state: &ApiState,
        at: &str,
        shape: &Shape,
        access: &Access,
    ) -> Result<Draft, ApiError> {
        let form = ShapeForm {
            method: self.method,
            payload: self.payload,
            headers: self.headers,
            authentication: self.authentication,
            client_certificate: self.client_certificate,
        };
        let (given_shape, given_access) = form.checked(state, at, (shape, access)).await?;
        Ok(Draft {
            shape: given_shape.unwrap_or_else(|| shape.clone()),
            access: Arc::new(given_access.unwrap_or_else(|| access.clone())),
        })
    }
}

/// The event that a preview is made with: one of three, or the sample of the webhook's event type.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PreviewForm {
    /// An event that was accepted.
    event_id: Option<String>,
    /// An event that never happened.
    event: Option<InlineEvent>,
    /// The event type whose sample is taken.
    event_key: Option<String>,
    /// Settings that differ from the webhook's own, as they are being edited.
    settings: Option<Settings>,
}

/// A webhook that is not saved yet, and the event that its preview is made with.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct DraftPreviewForm {
    /// Where requests would be sent.
    url: String,
    /// What they would be signed with.
    secret: Option<String>,
    /// Method, custom payload, headers and authentication.
    settings: Option<Settings>,
    /// An event that was accepted.
    event_id: Option<String>,
    /// An event that never happened.
    event: Option<InlineEvent>,
    /// The event type whose sample is taken: `frontegg.user.created` where nothing else is given.
    event_key: Option<String>,
}

/// An event, as it is posted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct InlineEvent {
    /// What happened.
    event_key: String,
    /// The tenant it concerns.
    tenant_id: Option<String>,
    /// The user it concerns.
    user_id: Option<String>,
    /// The application it concerns.
    application_id: Option<String>,
    /// The members of the body beside its envelope.
    #[schema(value_type = Object)]
    payload: Box<RawValue>,
    /// When it happened.
    occurred_at: Option<Time>,
}

/// A request as it would be sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Preview {
    /// The method.
    method: MethodForm,
    /// The URL.
    url: String,
    /// The headers, besides those of HTTP itself. Signatures are those of this moment.
    headers: Vec<PreviewHeader>,
    /// The body, as text; `null` where there is none.
    body: Option<String>,
}

/// A header of a preview.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PreviewHeader {
    /// Its name.
    name: String,
    /// Its value; `null` where it is hidden.
    value: Option<String>,
    /// Whether it is.
    is_sensitive: bool,
}

/// Preview a webhook's request
///
/// Shows what would be sent for an event that was accepted (`eventId`), for one that never happened (`event`), or for a sample
/// (`eventKey`, or nothing). Nothing is sent, and no token is fetched.
#[utoipa::path(post, path = "/api/v1/webhooks/{webhookId}/preview", tag = "webhooks",
    params(("webhookId" = Uuid, Path, description = "The webhook.")), request_body = Option<PreviewForm>, responses(
    (status = 200, description = "The request.", body = Preview),
    (status = 400, description = "The body cannot be read.", body = Problem),
    (status = 404, description = "There is no webhook, or no event, of that id within reach.", body = Problem),
    (status = 422, description = "The payload or a header cannot be rendered, or a value is outside what it can be.", body = Problem),
    (status = 503, description = "The machine is too busy to try the templates; again in a moment.", body = Problem)))]
pub(crate) async fn preview_webhook(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<WebhookId>,
    OptionalJson(form): OptionalJson<PreviewForm>,
) -> Result<Answer<Preview>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let webhook = within_reach(&state, &member, id)?;
    let (shape, access) = settings(&webhook);
    let settings = form.settings.unwrap_or_default();
    let templates = settings.templates();
    let _turn = state.dear_turn(&member).await?;
    let draft = settings.draft(&state, "/settings", &shape, &access).await?;
    let chosen = Chosen { event_id: form.event_id, event: form.event, event_key: form.event_key };
    let event = chosen.event(&state, &member, &webhook.scope, default_key(&webhook)).await?;
    preview(&state, &webhook.url, (webhook.secret.clone(), webhook.signing.clone()), &draft, templates, &event).await
}

/// Preview the request of a webhook that is not saved yet
///
/// As the preview of a webhook, before there is one.
#[utoipa::path(post, path = "/api/v1/webhooks/preview", tag = "webhooks", request_body = DraftPreviewForm, responses(
    (status = 200, description = "The request.", body = Preview),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 404, description = "There is no event of that id within reach.", body = Problem),
    (status = 422, description = "The payload or a header cannot be rendered, or a value is outside what it can be.", body = Problem),
    (status = 503, description = "The machine is too busy to try the templates; again in a moment.", body = Problem)))]
pub(crate) async fn preview_draft(
    State(state): State<ApiState>,
    member: Member,
    Json(form): Json<DraftPreviewForm>,
) -> Result<Answer<Preview>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let url = rules::url(&state, "/url", &form.url)?;
    let secret = form.secret.map(|text| rules::secret(&member, "/secret", &text)).transpose()?.flatten();
    let settings = form.settings.unwrap_or_default();
    let templates = settings.templates();
    let _turn = state.dear_turn(&member).await?;
    let draft = settings.draft(&state, "/settings", &Shape::default(), &Access::default()).await?;
    let chosen = Chosen { event_id: form.event_id, event: form.event, event_key: form.event_key };
    let event = chosen.event(&state, &member, &Scope::of(member.tenant.clone()), sample::SAMPLE).await?;
    preview(&state, &url, (secret, Signing::default()), &draft, templates, &event).await
}

/// The event type whose sample shows a webhook best.
pub(crate) fn default_key(webhook: &Webhook) -> &str {
    one_key(&webhook.event_keys).unwrap_or(sample::SAMPLE)
}

/// The event that a preview or a test is made with, as a request names it.
pub(crate) struct Chosen {
    pub(crate) event_id: Option<String>,
    pub(crate) event: Option<InlineEvent>,
    pub(crate) event_key: Option<String>,
}

impl Chosen {
    /// That event; where nothing is named, the sample of the event type `default`.
    pub(crate) async fn event(
        self,
        state: &ApiState,
        member: &Member,
        scope: &Scope,
        default: &str,
    ) -> Result<Event, ApiError> {
        let (environment_id, tenant) = (member.environment_id, scope.tenant());
        match (self.event_id, self.event, self.event_key) {
            (Some(id), None, None) => {
                let id: EventId = id.parse().map_err(|_| ApiError::not_found("event"))?;
                let event = state.store().event(environment_id, id).await?;
                // A tenant's webhook gets that tenant's events alone, and shows no others.
                let reaches = |event: &Event| {
                    member.sees_event(state, event) && (tenant.is_none() || event.tenant_id.as_ref() == tenant)
                };
                event.filter(reaches).ok_or_else(|| ApiError::not_found("event"))
            }
            (None, Some(event), None) => event.event(state, member, scope),
            (None, None, key) => {
                let key = sample::named_key(state, member, key.as_deref())?.unwrap_or(default);
                let body = sample::body_of_type(state, environment_id, tenant.map(TenantId::as_str), key);
                let body = body.or_else(|| sample::body(environment_id, None).filter(|_| key == default));
                let body =
                    body.ok_or_else(|| ApiError::value("/eventKey", "has no sample; give an `event` instead"))?;
                Ok(sample::event(state, environment_id, tenant.cloned(), key, body))
            }
            _ => Err(ApiError::value("", "`eventId`, `event` and `eventKey` exclude each other")),
        }
    }
}

impl InlineEvent {
    fn event(self, state: &ApiState, member: &Member, scope: &Scope) -> Result<Event, ApiError> {
        let key = EventKey::parse(&self.event_key).map_err(|error| ApiError::value("/event/eventKey", error))?;
        let tenant = self.tenant_id.map(|id| TenantId::parse(&id)).transpose();
        let tenant = tenant.map_err(|error| ApiError::value("/event/tenantId", error))?.or(scope.tenant().cloned());
        let user = self.user_id.map(|id| UserId::parse(&id)).transpose();
        let user = user.map_err(|error| ApiError::value("/event/userId", error))?;
        let application = self.application_id.map(|id| ApplicationId::parse(&id)).transpose();
        let application = application.map_err(|error| ApiError::value("/event/applicationId", error))?;
        let payload = Payload::parse(self.payload.get()).map_err(|error| ApiError::value("/event/payload", error))?;
        let context = EventContext {
            vendor_id: member.environment_id,
            tenant_id: tenant.as_ref().map(TenantId::as_str),
            user_id: user.as_ref().map(UserId::as_str),
            application_id: application.as_ref().map(ApplicationId::as_str),
        };
        let body = compose(key.as_str(), &context, &payload);
        let event = sample::event(state, member.environment_id, tenant, key.as_str(), body);
        let occurred_at = self.occurred_at.map(|time| time.0);
        Ok(Event { user_id: user, application_id: application, occurred_at, ..event })
    }
}

async fn preview(
    state: &ApiState,
    url: &EndpointUrl,
    (secret, signing): (Option<Secret>, Signing),
    draft: &Draft,
    templates: GivenTemplates,
    event: &Event,
) -> Result<Answer<Preview>, ApiError> {
    let Previewed { content, headers, authenticates } =
        state.engine().preview(draft, event).await.map_err(|error| match error {
            PreviewError::Unrenderable(error) => templates.error(&draft.access, &error),
            PreviewError::NotNow(why) => ApiError::new(Code::Unavailable, why),
        })?;
    let mut all = state.engine().headers_with(event, &content.body, secret, signing);
    match &content.content_type {
        Some(content_type) => drop(all.insert(http::header::CONTENT_TYPE, content_type.clone())),
        None => drop(all.remove(http::header::CONTENT_TYPE)),
    }
    for header in headers {
        all.insert(header.name, header.value);
    }
    let shown = |(name, value): (&http::HeaderName, &http::HeaderValue)| PreviewHeader {
        name: name.as_str().to_owned(),
        value: (!value.is_sensitive()).then(|| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        is_sensitive: value.is_sensitive(),
    };
    let mut headers: Vec<_> = all.iter().map(shown).collect();
    if authenticates {
        headers.push(PreviewHeader { name: "authorization".to_owned(), value: None, is_sensitive: true });
    }
    let body = content.method.has_body().then(|| String::from_utf8_lossy(&content.body).into_owned());
    Ok(Answer(Preview { method: content.method.into(), url: url.as_str().to_owned(), headers, body }))
}
