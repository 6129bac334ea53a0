//! `POST /api/v1/webhooks`

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::event::TenantId;
use postrider_core::limits::WEBHOOKS_PER_TENANT;
use postrider_core::permission::Permission;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{DisableReason, Scope, Sending, WebhookStatus};
use postrider_store::{CreateWebhook, NewWebhook};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::native::webhooks::ordering::OrderingForm;
use crate::native::webhooks::rate_limit::RateLimitForm;
use crate::native::webhooks::shape::{
    AuthenticationForm, CertificateForm, HeaderForm, MethodForm, PayloadForm, ShapeForm, check_event_type,
    check_with_sample,
};
use crate::native::webhooks::signing::SignatureName;
use crate::native::webhooks::{RetryPolicyForm, Webhook, sending};
use crate::native::wire::{Given, given_object, object};
use crate::rules;
use crate::state::ApiState;

/// A webhook to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewWebhook)]
pub(crate) struct Form {
    /// The tenant whose events it gets. Left out: the environment's webhook, which gets the events of every tenant. A tenant's
    /// user can leave it out, and gets a webhook of its own tenant.
    tenant_id: Option<String>,
    /// Its name for people.
    #[serde(default)]
    display_name: String,
    /// What it is for.
    #[serde(default)]
    description: String,
    /// Where events are sent.
    url: String,
    /// What requests are signed with. Left out: one is generated. `null`: requests are not signed.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    secret: Given<String>,
    /// What it subscribes to: keys, `prefix.*`, `*`, `Category.*`, ids of event types and categories. At most 500.
    event_keys: Vec<String>,
    /// Which of those it gets: a condition in the Common Expression Language over `event`, `user`, `tenant`, `context` and `payload`,
    /// such as `user.email.endsWith("@example.com")`. At most 2,000 characters.
    filter: Option<String>,
    /// Whether it gets events from the start.
    #[serde(default = "active")]
    #[schema(default = true)]
    is_active: bool,
    /// When failed attempts are repeated; the preset `standard` where it is left out.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<RetryPolicyForm>)]
    retry_policy: Option<RetryPolicyForm>,
    /// Seconds that an attempt may take: 1 to 30, 15 where it is left out.
    deadline_seconds: Option<u32>,
    /// Days over which deliveries must have failed before the webhook is disabled, 5 where it is left out; `null`: never.
    #[serde(default)]
    #[schema(value_type = Option<u16>)]
    disable_after_days: Given<u16>,
    /// What deliveries are strictly ordered by; `null`: nothing.
    #[serde(default, deserialize_with = "given_object")]
    #[schema(value_type = Option<OrderingForm>)]
    ordering: Given<OrderingForm>,
    /// How many attempts may start in how much time; `null`: as many as the endpoint takes well.
    #[serde(default, deserialize_with = "given_object")]
    #[schema(value_type = Option<RateLimitForm>)]
    rate_limit: Given<RateLimitForm>,
    /// Which signatures `webhook-signature` carries; `hmac` where it is left out. `x-webhook-secret` is sent where there is a secret.
    signature: Option<SignatureName>,
    /// The method of its requests: `POST` where it is left out. A `GET` carries no body.
    method: Option<MethodForm>,
    /// What is sent instead of the event's body; `null`: the event's body. Such a webhook subscribes to exactly one event type, by its key,
    /// and keeps it.
    #[serde(default)]
    #[schema(value_type = Option<PayloadForm>)]
    payload: Given<PayloadForm>,
    /// Headers besides those that every request has. At most 30.
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

fn active() -> bool {
    true
}

/// Create a webhook
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = Form, responses(
    (status = 201, description = "The webhook.", body = Webhook),
    (status = 400, description = "The body cannot be read, or this server does not send to that URL.", body = Problem),
    (status = 409, description = "The environment, or the tenant, has as many as it can have.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem),
    (status = 503, description = "The machine is too busy to try the templates; again in a moment.", body = Problem)))]
pub(crate) async fn create_webhook(
    State(state): State<ApiState>,
    member: Member,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<Webhook>), ApiError> {
    member.require(Permission::WriteWebhook)?;
    let tenant = form.tenant_id.map(|id| TenantId::parse(&id)).transpose();
    let tenant = tenant.map_err(|error| ApiError::value("/tenantId", error))?.or_else(|| member.tenant.clone());
    if tenant.as_ref().is_some_and(|tenant| tenant.as_str().parse() == Ok(member.environment_id)) {
        // In the Frontegg API that id selects the environment's webhooks, so nobody there would ever see this one.
        return Err(ApiError::value(
            "/tenantId",
            "is the environment's own id; leave it out for the environment's webhooks",
        ));
    }
    let scope = Scope::of(tenant);
    if !member.reaches(&scope) {
        return Err(ApiError::new(Code::ScopeForeign, "the token is another tenant's"));
    }
    let mut secret = match form.secret {
        Given::Absent => Some(Secret::generate(&**state.entropy())),
        Given::Null => None,
        Given::Value(text) => {
            let instead = "leave it out to have one generated, or send null for requests that are not signed";
            Some(rules::given_secret(&member, "/secret", &text, instead)?)
        }
    };
    let mut signing = Signing::default();
    if let Some(signature) = form.signature {
        signing.change(&mut secret, &signature.change(&state), state.now());
    }
    let event_keys = rules::event_keys(&state, member.environment_id, &scope, "/eventKeys", form.event_keys, &[])?;
    let form_of_shape = ShapeForm {
        method: form.method,
        payload: form.payload,
        headers: form.headers,
        authentication: form.authentication,
        client_certificate: form.client_certificate,
    };
    // Templates are compiled and tried.
    let dear = if form_of_shape.is_dear() { Some(state.dear_turn(&member).await?) } else { None };
    let (shape, access) = form_of_shape.checked(&state, "", (&Shape::default(), &Access::default())).await?;
    let before = Sending::default();
    let new = NewWebhook {
        environment_id: member.environment_id,
        scope,
        display_name: rules::optional_name("/displayName", form.display_name)?,
        description: rules::description("/description", form.description)?,
        url: rules::url(&state, "/url", &form.url)?,
        secret,
        signing,
        event_keys,
        filter: form.filter.map(|text| rules::filter("/filter", &text)).transpose()?,
        status: if form.is_active { WebhookStatus::Active } else { WebhookStatus::Disabled(DisableReason::ByUser) },
        sending: sending(
            &before,
            form.retry_policy,
            form.deadline_seconds,
            form.disable_after_days,
            form.ordering,
            form.rate_limit,
        )?
        .unwrap_or(before),
        shape: shape.unwrap_or_default(),
        access: access.unwrap_or_default(),
    };
    check_event_type(&new.shape, &new.event_keys)?;
    check_with_sample(&state, new.environment_id, new.scope.tenant(), &new.event_keys, &new.shape, &new.access).await?;
    drop(dear);
    let webhook = created(state.store().create_webhook(new).await?)?;
    Ok((StatusCode::CREATED, Answer(Webhook::new(&state, &member, &webhook))))
}

/// The webhook, where one was made.
pub(crate) fn created(outcome: CreateWebhook) -> Result<std::sync::Arc<postrider_core::webhook::Webhook>, ApiError> {
    match outcome {
        CreateWebhook::Created(webhook) => Ok(webhook),
        CreateWebhook::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        CreateWebhook::LimitReached => {
            Err(ApiError::new(Code::LimitReached, "the environment has as many webhooks as it can have"))
        }
        CreateWebhook::TenantLimitReached => {
            let detail = format!("the tenant has as many webhooks as it can have ({WEBHOOKS_PER_TENANT})");
            Err(ApiError::new(Code::LimitReached, detail))
        }
    }
}
