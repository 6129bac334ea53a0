//! `PATCH /webhook/{_id}`
//!
//! Clients echo whole records back, with one member changed. So a value that is what it was is not judged again: a webhook whose
//! secret is shorter than a tenant's user may choose, or whose URL would be refused today, can still be renamed.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_core::webhook::Webhook as Stored;
use postrider_store::WebhookPatch;

use crate::body::Json;
use crate::error::{ApiError, FronteggErrors};
use crate::extract::Ids;
use crate::frontegg::scope::Scoped;
use crate::frontegg::webhook::{Form, Record, in_scope};
use crate::native::webhooks::shape::ShapeForm;
use crate::native::webhooks::update::keeps_event_type;
use crate::native::webhooks::{hidden, settings};
use crate::native::wire::Given;
use crate::rules;
use crate::state::ApiState;

/// Change a webhook
///
/// Any part of it, or the whole record with other members, which are ignored.
#[utoipa::path(patch, path = "/webhook/{webhookId}", operation_id = "frontegg_update_webhook", tag = "frontegg",
    params(("webhookId" = Uuid, Path, description = "Its `_id`.")), request_body = Form, responses(
    (status = 200, description = "The webhook as it is now.", body = Record),
    (status = 400, description = "A member is wrong.", body = FronteggErrors),
    (status = 404, description = "There is none of that id in the scope.", body = FronteggErrors)))]
pub(crate) async fn update(
    State(state): State<ApiState>,
    scoped: Scoped,
    Ids(id): Ids<WebhookId>,
    Json(form): Json<Form>,
) -> Result<Answer<Record>, ApiError> {
    scoped.require(Permission::WriteWebhook)?;
    let _turn = state.turns().of(id).await;
    let before = in_scope(&state, &scoped, id)?;
    let patch = patch(&state, &scoped, &before, form)?;
    let webhook = state.store().update_webhook(scoped.environment_id(), Some(&scoped.scope), id, patch).await?;
    let webhook = webhook.ok_or_else(|| ApiError::not_found("webhook"))?;
    Ok(Answer(Record::new(&scoped, &webhook)))
}

fn patch(state: &ApiState, scoped: &Scoped, before: &Stored, form: Form) -> Result<WebhookPatch, ApiError> {
    let mut patch = WebhookPatch {
        display_name: form.display_name.map(|text| rules::optional_name("displayName", text)).transpose()?,
        description: form.description.map(|text| rules::description("description", text)).transpose()?,
        ..WebhookPatch::default()
    };
    if let Some(url) = form.url.filter(|url| url != before.url.as_str()) {
        let url = rules::url(state, "url", &url)?;
        // This API knows nothing of hidden values either, and must not lead them away.
        hidden::check(before, Some(&url), &ShapeForm::default())?;
        patch.url = Some(url);
    }
    if let Some(keys) = form.event_keys.filter(|keys| *keys != before.event_keys) {
        let (environment_id, standing) = (scoped.environment_id(), &before.event_keys);
        let keys = rules::event_keys(state, environment_id, &before.scope, "eventKeys", keys, standing)?;
        // This API knows nothing of payloads, and must not break one that there is.
        keeps_event_type(before, &settings(before).0, &keys, "eventKeys")?;
        patch.event_keys = Some(keys);
    }
    let secret = match form.secret {
        Given::Absent => None,
        Given::Null => Some(String::new()),
        Given::Value(text) => Some(text),
    };
    let kept = before.secret.as_ref().map_or("", |secret| secret.expose());
    if let Some(text) = secret.filter(|text| text != kept) {
        patch.secret = Some(rules::secret(&scoped.member, "secret", &text)?);
    }
    patch.active = form.is_active.filter(|active| *active != before.status.is_active());
    Ok(patch)
}
