//! `POST /api/v1/events`: one event. The hot path: what happens here happens for every event there is.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use postrider_core::limits::EVENT_BYTES;

use crate::auth::caller::Vendor;
use crate::body;
use crate::error::{ApiError, Code, Problem};
use crate::extract::no_params;
use crate::native::events::{Accepted, Form, NewEvent, accepted, idempotency_key, take_in};
use crate::state::ApiState;

/// Where it is.
pub(crate) const PATH: &str = "/api/v1/events";

/// What the router answers, without the router.
pub(crate) async fn answered(state: ApiState, request: Request) -> Response {
    let (mut head, body) = request.into_parts();
    if let Err(error) = no_params(&head.uri) {
        return error.into_response();
    }
    let answer = match Vendor::from_request_parts(&mut head, &state).await {
        Ok(vendor) => accept_event(State(state), vendor, Request::from_parts(head, body)).await,
        Err(error) => Err(error),
    };
    answer.into_response()
}

/// Send an event
///
/// Answered after the event and its deliveries are committed and synced: what was answered with 202 is delivered, whatever happens
/// to the server. At most 256 KiB. With the header `Idempotency-Key` the call can be repeated for 24 hours without sending the
/// event twice.
#[utoipa::path(post, path = "/api/v1/events", tag = "events", request_body = NewEvent,
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters, unique to this event.")),
    responses(
    (status = 202, description = "The event is durable.", body = Accepted),
    (status = 400, description = "The body cannot be read.", body = Problem),
    (status = 413, description = "The body is larger than 256 KiB.", body = Problem),
    (status = 422, description = "A value is outside what it can be, the schema of the event's type does not allow it, or the \
        idempotency key was used with another body.", body = Problem),
    (status = 503, description = "There is no room at the moment; see the header Retry-After.", body = Problem)))]
pub(crate) async fn accept_event(
    State(state): State<ApiState>,
    vendor: Vendor,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let read = body::read_events(&state, &head, body, EVENT_BYTES).await?;
    let event: NewEvent<'_> = body::parse(read.text()?)?;
    let event = event.composed(vendor.environment_id)?;
    let key = idempotency_key(&head.headers)?;
    // Of the request nothing is held while its commit is awaited: its bytes, and the buffer that they were read into.
    drop(head);
    let (receipt, freshness) = take_in(&state, vendor.environment_id, key, read, vec![event], Form::One).await?;
    let &[(event_id, deliveries)] = receipt.as_slice() else {
        return Err(ApiError::new(Code::Internal, "a receipt for one event has another number of them"));
    };
    Ok(accepted(freshness, &Accepted { event_id: event_id.as_uuid(), deliveries }))
}
