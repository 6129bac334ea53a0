//! Triggering events, the third version, and what became of one.

use axum::Json as Answer;
use axum::extract::{Request, State};
use http::StatusCode;
use postrider_core::EventId;
use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::delivery::DeliveryState;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::limits::EVENT_BYTES;
use postrider_core::permission::Permission;
use postrider_engine::IncomingEvent;
use postrider_store::{AcceptOutcome, DeliveryRow};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::body::{self, Read};
use crate::error::{ApiError, Code, FronteggErrors};
use crate::extract::Ids;
use crate::frontegg::scope::Scoped;
use crate::native::events::of_payload;
use crate::state::ApiState;

/// An event to be triggered. Other members, such as `channelConfiguration`, are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTriggerV3)]
struct Form<'a> {
    event_key: Option<String>,
    /// An object with `title`, `description` and anything else.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    data: Option<&'a RawValue>,
}

/// An event that was triggered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTriggered)]
pub(crate) struct Triggered {
    event_id: Uuid,
}

impl Triggered {
    pub(super) fn new(event_id: EventId) -> Self {
        Self { event_id: event_id.as_uuid() }
    }
}

/// Trigger an event
#[utoipa::path(post, path = "/event/resources/triggers/v3", operation_id = "frontegg_trigger_v3", tag = "frontegg",
    request_body = Form, responses(
    (status = 202, description = "The event is durable.", body = Triggered),
    (status = 400, description = "A member is missing or wrong.", body = FronteggErrors)))]
pub(crate) async fn trigger(
    State(state): State<ApiState>,
    scoped: Scoped,
    request: Request,
) -> Result<(StatusCode, Answer<Triggered>), ApiError> {
    let read = read(&state, &scoped, request).await?;
    let form: Form<'_> = body::parse(read.text()?)?;
    let data = form.data.ok_or_else(|| ApiError::new(Code::InvalidRequest, "data must be an object"))?;
    let data = checked("data", data)?;
    let event_id = accept(&state, &scoped, form.event_key.as_deref(), &data).await;
    let event_id = event_id.map_err(|error| error.with_places(|at| place(at, |_| "data")))?;
    Ok((StatusCode::ACCEPTED, Answer(Triggered::new(event_id))))
}

/// The body of a request that triggers an event.
pub(super) async fn read(state: &ApiState, scoped: &Scoped, request: Request) -> Result<Read, ApiError> {
    scoped.require(Permission::WriteTriggerEvent)?;
    let (head, body) = request.into_parts();
    body::read_events(state, &head, body, EVENT_BYTES).await
}

/// The properties of an event, with the two that every one has.
pub(super) fn checked<'a>(at: &str, raw: &'a RawValue) -> Result<Payload<'a>, ApiError> {
    let payload = Payload::parse(raw.get()).map_err(|error| of_payload(at, &error))?;
    for name in ["title", "description"] {
        if !payload.get(name).is_some_and(|value| value.starts_with('"')) {
            return Err(ApiError::new(Code::InvalidRequest, format!("{at}.{name} must be a string")));
        }
    }
    Ok(payload)
}

/// A place of a native request as the dotted path that it has in a request of this API. `holder`: what that request calls the object which
/// the member of the payload came from; without a member, what it calls the payload as a whole.
pub(super) fn place(at: &str, holder: impl Fn(Option<&str>) -> &'static str) -> String {
    if at.is_empty() {
        return holder(None).to_owned();
    }
    let name = |step: &str| step.replace("~1", "/").replace("~0", "~");
    let steps: Vec<String> = at.trim_start_matches('/').split('/').map(name).collect();
    match steps.split_first() {
        Some((first, members)) if first == "payload" => {
            let mut path = vec![holder(members.first().map(String::as_str))];
            path.extend(members.iter().map(String::as_str));
            path.join(".")
        }
        _ => steps.join("."),
    }
}

/// Hands a triggered event to the engine. Errors about its payload have the places of the native API; see [`place`].
pub(super) async fn accept(
    state: &ApiState,
    scoped: &Scoped,
    event_key: Option<&str>,
    payload: &Payload<'_>,
) -> Result<EventId, ApiError> {
    let key = event_key.ok_or_else(|| ApiError::new(Code::InvalidRequest, "eventKey must be a string"))?;
    let key = EventKey::parse(key).map_err(|error| ApiError::value("eventKey", error))?;
    // What tenants do not see they do not report either: the environment's webhooks would take it for the vendor's word.
    if !scoped.member.knows(state, &key) {
        let detail = format!("`{key}` is not open to tenants, so no user of a tenant can trigger it");
        return Err(ApiError::value("eventKey", detail));
    }
    let tenant_id = scoped.scope.tenant().cloned();
    let context = EventContext {
        vendor_id: scoped.environment_id(),
        tenant_id: tenant_id.as_ref().map(TenantId::as_str),
        user_id: None,
        application_id: None,
    };
    let body = compose(key.as_str(), &context, payload);
    let event = IncomingEvent { key, tenant_id, user_id: None, application_id: None, occurred_at: None, body };
    let outcome = state.engine().accept(scoped.environment_id(), vec![event], None).await;
    match outcome? {
        AcceptOutcome::Accepted(receipt) | AcceptOutcome::Repeated(receipt) if receipt.len() == 1 => Ok(receipt[0].0),
        _ => Err(ApiError::new(Code::Internal, "a receipt for one event has another form")),
    }
}

/// What became of an event.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggStatuses)]
pub(crate) struct Statuses {
    event_key: String,
    event_id: Uuid,
    channels: Channels,
}

/// What became of it in each channel. There is one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggChannels)]
struct Channels {
    webhook: Channel,
}

/// What became of it in a channel.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggChannel)]
struct Channel {
    /// `PENDING`, `SUCCEEDED` or `FAILED`.
    status: &'static str,
    /// Why it failed, for the first webhook that it failed for.
    #[schema(value_type = Object)]
    error_metadata: Map<String, Value>,
}

/// Get the status of an event
#[utoipa::path(get, path = "/event/resources/triggers/v3/{eventId}/statuses", operation_id = "frontegg_statuses_v3",
    tag = "frontegg", params(("eventId" = Uuid, Path, description = "The event.")), responses(
    (status = 200, description = "What became of it.", body = Statuses),
    (status = 404, description = "There is none of that id within reach.", body = FronteggErrors)))]
pub(crate) async fn statuses(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<EventId>,
) -> Result<Answer<Statuses>, ApiError> {
    // Tenants' users look at what they may report. A vendor that may look at all looks at any event.
    if member.tenant.is_some() {
        member.require(Permission::WriteTriggerEvent)?;
    }
    let event = state.store().event(member.environment_id, id).await?;
    let event = event.filter(|event| member.sees_event(&state, event)).ok_or_else(|| ApiError::not_found("event"))?;
    let mut deliveries = state.store().newest_deliveries_of_event(member.environment_id, id).await?;
    if member.tenant.is_some() {
        // How the environment's own webhooks fare is not the tenant's to know.
        let sees = |row: &DeliveryRow| {
            state.directory().webhook(row.delivery.webhook_id).is_some_and(|webhook| member.sees(&webhook))
        };
        deliveries.retain(sees);
    }
    let channels = Channels { webhook: channel(&deliveries) };
    Ok(Answer(Statuses { event_key: event.key.as_str().to_owned(), event_id: id.as_uuid(), channels }))
}

/// Succeeded: every delivery did, or there is none. Failed: none is left to try, and one failed or was discarded.
fn channel(deliveries: &[DeliveryRow]) -> Channel {
    let none = Map::new;
    if deliveries.iter().any(|row| !row.delivery.state.is_final()) {
        return Channel { status: "PENDING", error_metadata: none() };
    }
    let failed = deliveries.iter().find_map(|row| match row.delivery.state {
        DeliveryState::Failed { reason, .. } => Some((row, reason.name())),
        DeliveryState::Discarded { reason, .. } => Some((row, reason.name())),
        _ => None,
    });
    let Some((row, reason)) = failed else {
        return Channel { status: "SUCCEEDED", error_metadata: none() };
    };
    let mut error_metadata = none();
    error_metadata.insert("webhookId".to_owned(), row.delivery.webhook_id.to_string().into());
    error_metadata.insert("reason".to_owned(), reason.into());
    if let Some(status) = row.last_attempt.and_then(|last| last.status) {
        error_metadata.insert("statusCode".to_owned(), status.into());
    }
    Channel { status: "FAILED", error_metadata }
}
