//! `POST /api/v1/events/batch`: up to a thousand events, all or nothing.

use axum::extract::{Request, State};
use axum::response::Response;
use postrider_core::limits::{BATCH_BYTES, BATCH_EVENTS, EVENT_BYTES};
use postrider_engine::IncomingEvent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::body;
use crate::error::{ApiError, Code, Problem};
use crate::native::events::{Accepted, Elements, Form, NewEvent, accepted, element, idempotency_key, take_in};
use crate::state::ApiState;

/// Events that are accepted, in the order of the request.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AcceptedBatch {
    /// One for each.
    events: Vec<Accepted>,
}

/// Send many events
///
/// A JSON array, or one event a line (NDJSON): 1 to 1,000 events, at most 8 MiB in all and 256 KiB each, which come to 20,000
/// deliveries at most. All are accepted, or none: an error names the first that is wrong by its place, counted from 0.
#[utoipa::path(post, path = "/api/v1/events/batch", tag = "events",
    request_body(content((Vec<NewEvent> = "application/json"), (String = "application/x-ndjson"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters, unique to this batch.")),
    responses(
    (status = 202, description = "All events are durable.", body = AcceptedBatch),
    (status = 400, description = "The body, or an event of it, cannot be read.", body = Problem),
    (status = 413, description = "The body is larger than 8 MiB, or an event of it than 256 KiB.", body = Problem),
    (status = 422, description = "A value is outside what it can be, there are too many events, or none, or they have \
        too many deliveries, the schema of an event's type does not allow it, or the idempotency key was used with another body.", body = Problem),
    (status = 503, description = "There is no room at the moment; see the header Retry-After.", body = Problem)))]
pub(crate) async fn accept_events(
    State(state): State<ApiState>,
    vendor: Vendor,
    request: Request,
) -> Result<Response, ApiError> {
    let (head, body) = request.into_parts();
    let read = body::read_events(&state, &head, body, BATCH_BYTES).await?;
    let texts = elements(read.text()?)?;
    let compose = |(index, text): (usize, &&str)| -> Result<IncomingEvent, ApiError> {
        if text.len() > EVENT_BYTES {
            let detail = format!("the event is larger than {EVENT_BYTES} bytes");
            return Err(ApiError::new(Code::BodyTooLarge, detail).of_element(index));
        }
        element(text, index)?.composed(vendor.environment_id).map_err(|error| error.of_element(index))
    };
    let events = texts.iter().enumerate().map(compose).collect::<Result<Vec<_>, _>>()?;
    let key = idempotency_key(&head.headers)?;
    let (receipt, freshness) = take_in(&state, vendor.environment_id, key, read, events, Form::Batch).await?;
    let events = receipt
        .into_iter()
        .map(|(event_id, deliveries)| Accepted { event_id: event_id.as_uuid(), deliveries })
        .collect();
    Ok(accepted(freshness, &AcceptedBatch { events }))
}

/// The events of a batch as texts. What begins like an array is one; anything else is a line for each event.
fn elements(text: &str) -> Result<Vec<&str>, ApiError> {
    let (texts, count) = if text.trim_start().starts_with('[') {
        let elements: Elements<'_> = serde_json::from_str(text).map_err(|error| body::of_json(&error))?;
        (elements.kept.into_iter().map(serde_json::value::RawValue::get).collect::<Vec<_>>(), elements.count)
    } else {
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let kept: Vec<_> = lines.by_ref().take(BATCH_EVENTS).collect();
        let count = kept.len() + lines.count();
        (kept, count)
    };
    match count {
        1..=BATCH_EVENTS => Ok(texts),
        0 => Err(ApiError::value("", "a batch has at least one event")),
        _ => Err(ApiError::value("", format!("a batch has at most {BATCH_EVENTS} events, and this one {count}"))),
    }
}
