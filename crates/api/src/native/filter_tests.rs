//! `POST /api/v1/filters/test`: what a filter would say of an event, one that was accepted or one that is made up.

use axum::Json as Answer;
use axum::extract::{Request, State};
use postrider_core::EventId;
use postrider_core::event::{ApplicationId, TenantId, UserId};
use postrider_core::limits::EVENT_BYTES;
use postrider_core::permission::Permission;
use postrider_engine::IncomingEvent;
use postrider_shape::filter::{Facts, Filter, Subject};
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
    let read = body::read(&state, &head.headers, body, EVENT_BYTES).await?;
    let form: Form<'_> = body::parse(read.text()?)?;
    let source = rules::filter("/filter", &form.filter)?;
    let filter = Filter::of(&source).map_err(|error| ApiError::value("/filter", error))?;
    match (form.event_id, form.event) {
        (Some(id), None) => of_accepted(&state, &member, filter, id).await,
        (None, Some(event)) => of_draft(&state, &member, filter, event),
        _ => Err(ApiError::value("/event", "give either `event` or `eventId`")),
    }
}

async fn of_accepted(
    state: &ApiState,
    member: &Member,
    filter: &Filter,
    id: EventId,
) -> Result<Answer<FilterVerdict>, ApiError> {
    let event = state.store().event(member.environment_id, id).await?;
    let event = event.filter(|event| member.sees_event(state, event)).ok_or_else(|| ApiError::not_found("event"))?;
    let facts = Facts {
        id: event.id,
        key: &event.key,
        environment_id: event.environment_id,
        tenant_id: event.tenant_id.as_ref().map(TenantId::as_str),
        user_id: event.user_id.as_ref().map(UserId::as_str),
        application_id: event.application_id.as_ref().map(ApplicationId::as_str),
        occurred_at: event.occurred_at,
        accepted_at: event.accepted_at,
    };
    decided(filter, &facts, &event.body)
}

fn of_draft(
    state: &ApiState,
    member: &Member,
    filter: &Filter,
    event: NewEvent<'_>,
) -> Result<Answer<FilterVerdict>, ApiError> {
    let event = event.composed_for(member.environment_id, member.tenant.as_ref()).map_err(|error| {
        error.with_places(|at| if at.is_empty() { "/event".to_owned() } else { format!("/event{at}") })
    })?;
    if member.tenant.is_some() && event.tenant_id != member.tenant {
        return Err(ApiError::new(Code::ScopeForeign, "the token is another tenant's"));
    }
    let IncomingEvent { key, tenant_id, user_id, application_id, occurred_at, body } = event;
    let now = state.now();
    let facts = Facts {
        id: EventId::new(now, &**state.entropy()),
        key: &key,
        environment_id: member.environment_id,
        tenant_id: tenant_id.as_ref().map(TenantId::as_str),
        user_id: user_id.as_ref().map(UserId::as_str),
        application_id: application_id.as_ref().map(ApplicationId::as_str),
        occurred_at,
        accepted_at: now,
    };
    decided(filter, &facts, &body)
}

fn decided(filter: &Filter, facts: &Facts<'_>, body: &[u8]) -> Result<Answer<FilterVerdict>, ApiError> {
    let subject = Subject::new(facts, body)
        .map_err(|error| ApiError::caused(Code::Internal, "a composed body is not JSON", error))?;
    Ok(Answer(match filter.decide(&subject).verdict {
        Ok(matches) => FilterVerdict { matches, error: None },
        Err(error) => FilterVerdict { matches: false, error: Some(error) },
    }))
}
