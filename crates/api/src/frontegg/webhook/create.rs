//! `POST /webhook/custom`

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::permission::Permission;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::Signing;
use postrider_core::webhook::{DisableReason, Sending, WebhookStatus};
use postrider_store::NewWebhook;

use crate::body::Json;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::frontegg::scope::Scoped;
use crate::frontegg::webhook::{Form, Record};
use crate::native::webhooks::create::created;
use crate::native::wire::Given;
use crate::rules;
use crate::state::ApiState;

/// Create a webhook
#[utoipa::path(post, path = "/webhook/custom", operation_id = "frontegg_create_webhook", tag = "frontegg",
    request_body = Form, responses(
    (status = 201, description = "The webhook.", body = Record),
    (status = 400, description = "A member is missing or wrong.", body = FronteggErrors),
    (status = 409, description = "The environment, or the tenant, has as many as it can have.", body = FronteggErrors)))]
pub(crate) async fn create(
    State(state): State<ApiState>,
    scoped: Scoped,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<Record>), ApiError> {
    scoped.require(Permission::WriteWebhook)?;
    let environment_id = scoped.environment_id();
    let missing = |name: &str, kind: &str| ApiError::new(Code::InvalidRequest, format!("{name} must be {kind}"));
    let url = form.url.ok_or_else(|| missing("url", "a string"))?;
    let event_keys = form.event_keys.ok_or_else(|| missing("eventKeys", "an array of strings"))?;
    let new = NewWebhook {
        environment_id,
        scope: scoped.scope.clone(),
        display_name: rules::optional_name("displayName", form.display_name.unwrap_or_default())?,
        description: rules::description("description", form.description.unwrap_or_default())?,
        url: rules::url(&state, "url", &url)?,
        secret: match form.secret {
            Given::Value(text) => rules::secret(&scoped.member, "secret", &text)?,
            Given::Absent | Given::Null => None,
        },
        signing: Signing::default(),
        event_keys: rules::event_keys(&state, environment_id, &scoped.scope, "eventKeys", event_keys, &[])?,
        filter: None,
        status: match form.is_active {
            Some(false) => WebhookStatus::Disabled(DisableReason::ByUser),
            Some(true) | None => WebhookStatus::Active,
        },
        sending: Sending::default(),
        shape: Shape::default(),
        access: Access::default(),
    };
    let webhook = created(state.store().create_webhook(new).await?)?;
    Ok((StatusCode::CREATED, Answer(Record::new(&scoped, &webhook))))
}
