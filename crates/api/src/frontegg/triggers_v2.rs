//! Triggering events, the second version.

use axum::Json as Answer;
use axum::extract::{Request, State};
use http::StatusCode;
use postrider_core::EventId;
use postrider_core::body::Payload;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::body;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::extract::Ids;
use crate::frontegg::scope::Scoped;
use crate::frontegg::triggers_v3::{self, Statuses};
use crate::native::events::of_payload;
use crate::state::ApiState;

/// An event to be triggered. Other members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTriggerV2)]
struct Form<'a> {
    event_key: Option<String>,
    /// An object with `title`, `description` and anything else.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    properties: Option<&'a RawValue>,
    /// `{"webhook": true}`, or an object instead of `true` whose members are sent as well.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    channels: Option<&'a RawValue>,
}

#[derive(Debug, Deserialize)]
struct Channels<'a> {
    #[serde(borrow)]
    webhook: Option<&'a RawValue>,
}

/// An event that was triggered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTriggeredV2)]
pub(crate) struct Triggered {
    event_id: Uuid,
    event_key: String,
    /// As they were sent.
    #[schema(value_type = Object)]
    properties: Box<RawValue>,
    /// As they were sent.
    #[schema(value_type = Object)]
    channels: Box<RawValue>,
    vendor_id: Uuid,
    tenant_id: Option<String>,
}

/// Trigger an event
#[utoipa::path(post, path = "/event/resources/triggers/v2", operation_id = "frontegg_trigger_v2", tag = "frontegg",
    request_body = Form, responses(
    (status = 202, description = "The event is durable.", body = Triggered),
    (status = 400, description = "A member is missing or wrong.", body = FronteggErrors)))]
pub(crate) async fn trigger(
    State(state): State<ApiState>,
    scoped: Scoped,
    request: Request,
) -> Result<(StatusCode, Answer<Triggered>), ApiError> {
    let read = triggers_v3::read(&state, &scoped, request).await?;
    let form: Form<'_> = body::parse(read.text()?)?;
    let must_be = |name: &str, kind: &str| ApiError::new(Code::InvalidRequest, format!("{name} must be {kind}"));
    let properties = form.properties.ok_or_else(|| must_be("properties", "an object"))?;
    let channels = form.channels.ok_or_else(|| must_be("channels", "an object"))?;
    let webhook = body::parse::<Channels<'_>>(channels.get())?.webhook;
    let (payload, more) = match webhook.map(RawValue::get) {
        Some("true") => (triggers_v3::checked("properties", properties)?, None),
        Some(object) if object.starts_with('{') => {
            let more = Payload::parse(object).map_err(|error| of_payload("channels.webhook", &error))?;
            (triggers_v3::checked("properties", properties)?.followed_by(&more), Some(more))
        }
        // PHP writes an object without members like this.
        Some(list) if list.strip_prefix('[').is_some_and(|rest| rest.trim_start() == "]") => {
            (triggers_v3::checked("properties", properties)?, None)
        }
        // An event that nobody would get is a mistake that should not go unnoticed.
        _ => return Err(must_be("channels.webhook", "true or an object; there are no other channels here")),
    };
    let event_id = triggers_v3::accept(&state, &scoped, form.event_key.as_deref(), &payload).await;
    // What is lacking is lacking in both, and what both have is the channel's.
    let holder = |member: Option<&str>| match (&more, member) {
        (Some(_), None) => "properties and channels.webhook",
        (Some(more), Some(name)) if more.get(name).is_some() => "channels.webhook",
        _ => "properties",
    };
    let event_id = event_id.map_err(|error| error.with_places(|at| triggers_v3::place(at, holder)))?;
    let triggered = Triggered {
        event_id: event_id.as_uuid(),
        event_key: form.event_key.unwrap_or_default(),
        properties: properties.to_owned(),
        channels: channels.to_owned(),
        vendor_id: scoped.environment_id().as_uuid(),
        tenant_id: scoped.scope.tenant().map(|tenant| tenant.as_str().to_owned()),
    };
    Ok((StatusCode::ACCEPTED, Answer(triggered)))
}

/// Get the status of an event
#[utoipa::path(get, path = "/event/resources/triggers/v2/statuses/{eventId}", operation_id = "frontegg_statuses_v2",
    tag = "frontegg", params(("eventId" = Uuid, Path, description = "The event.")), responses(
    (status = 200, description = "What became of it.", body = Statuses),
    (status = 404, description = "There is none of that id within reach.", body = FronteggErrors)))]
pub(crate) async fn statuses(
    state: State<ApiState>,
    member: Member,
    id: Ids<EventId>,
) -> Result<Answer<Statuses>, ApiError> {
    triggers_v3::statuses(state, member, id).await
}
