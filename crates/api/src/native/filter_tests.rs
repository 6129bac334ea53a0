//! `POST /api/v1/filters/test`: what a filter would say of an event, one that was accepted or one that is made up.

use axum::Json as Answer;
use axum::extract::{Request, State};
use postrider_core::EventId;
use postrider_core::event::{Event, Room};
use postrider_core::limits::EVENT_BYTES;
use postrider_core::permission::Permission;
use postrider_engine::IncomingEvent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::caller::Member;
use crate::body;
use crate::error::{ApiError, Code, Problem};
use crate::native::events::NewEvent;
use crate::rules;
use crate::state::ApiState;

/// A filter and an event.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = FilterTest)]
struct Form<'a> {
    /// The filter.
    filter: String,
    /// An event that was accepted. Give this or `event`.
    #[schema(value_type = Option<Uuid>)]
    event_id: Option<EventId>,
    /// An event as it would be sent.
    #[serde(borrow)]
    event: Option<NewEvent<'a>>,
}

/// What the filter says.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilterVerdict {
    /// Whether a webhook with that filter would get the event.
    matches: bool,
    /// Why the filter cannot tell; then it does not match.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Test a filter
///
/// Says whether a webhook with that filter would get an event. Nothing is sent or stored. A tenant's user can try it with events of
/// its own tenant.
#[utoipa::path(post, path = "/api/v1/filters/test", tag = "webhooks", request_body = Form, responses(
    (status = 200, description = "What the filter says.", body = FilterVerdict),
    (status = 404, description = "There is no event of that id within reach.", body = Problem),
    (status = 422, description = "The filter cannot be meant; `errors` says why.", body = Problem)))]
pub(crate) async fn test_filter(
    State(state): State<ApiState>,
    member: Member,
    request: Request,
) -> Result<Answer<FilterVerdict>, ApiError> {
    member.require_to_try(Permission::WriteWebhook)?;
    let (head, body) = request.into_parts();
    let read = body::read(&state, &head, body, EVENT_BYTES).await?;
    let form: Form<'_> = body::parse(read.text()?)?;
    let filter = rules::filter("/filter", &form.filter)?;
    let event = match (form.event_id, form.event) {
        (Some(id), None) => accepted(&state, &member, id).await?,
        (None, Some(event)) => drafted(&state, &member, event)?,
        _ => return Err(ApiError::value("/event", "give either `event` or `eventId`")),
    };
    drop(read);
    let _turn = state.dear_turn(&member).await?;
    let verdict = state.engine().try_filter(filter, event).await;
    let verdict = verdict.map_err(|error| ApiError::new(Code::Unavailable, error.to_string()))?;
    Ok(Answer(match verdict.ok_or_else(|| ApiError::new(Code::Internal, "a filter that was checked is none"))? {
        Ok(matches) => FilterVerdict { matches, error: None },
        Err(error) => FilterVerdict { matches: false, error: Some(error) },
    }))
}

async fn accepted(state: &ApiState, member: &Member, id: EventId) -> Result<Event, ApiError> {
    let event = state.store().event(member.environment_id, id).await?;
    event.filter(|event| member.sees_event(state, event)).ok_or_else(|| ApiError::not_found("event"))
}

fn drafted(state: &ApiState, member: &Member, event: NewEvent<'_>) -> Result<Event, ApiError> {
    let event = event.composed_for(member.environment_id, member.tenant.as_ref()).map_err(|error| {
        error.with_places(|at| if at.is_empty() { "/event".to_owned() } else { format!("/event{at}") })
    })?;
    if member.tenant.is_some() && event.tenant_id != member.tenant {
        return Err(ApiError::new(Code::ScopeForeign, "the token is another tenant's"));
    }
    let IncomingEvent { key, tenant_id, user_id, application_id, occurred_at, body } = event;
    let now = state.now();
    let id = EventId::new(now, &**state.entropy());
    let (environment_id, room) = (member.environment_id, Room::uncounted());
    Ok(Event { id, environment_id, key, tenant_id, user_id, application_id, occurred_at, accepted_at: now, body, room })
}
