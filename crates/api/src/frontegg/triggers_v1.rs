//! Triggering events, the first version: what clients call that are older than the other two.

use axum::Json as Answer;
use axum::extract::{Request, State};
use http::StatusCode;
use postrider_core::body::Payload;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::body;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::frontegg::scope::Scoped;
use crate::frontegg::triggers_v3::{self, Triggered};
use crate::native::events::of_payload;
use crate::state::ApiState;

/// An event to be triggered. Other members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggTriggerV1)]
struct Form<'a> {
    event_key: Option<String>,
    /// An object, whose members are sent.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    metadata: Option<&'a RawValue>,
    /// Names of channels. Only `webhook` is one here.
    channels: Option<Vec<String>>,
}

/// Trigger an event
#[utoipa::path(post, path = "/event/resources/triggers/v1", operation_id = "frontegg_trigger_v1", tag = "frontegg",
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
    let metadata = form.metadata.ok_or_else(|| ApiError::new(Code::InvalidRequest, "metadata must be an object"))?;
    // An event that nobody would get is a mistake that should not go unnoticed.
    if !form.channels.is_some_and(|channels| channels.iter().any(|channel| channel == "webhook")) {
        let detail = "channels must name webhook; there are no other channels here";
        return Err(ApiError::new(Code::InvalidRequest, detail));
    }
    let metadata = Payload::parse(metadata.get()).map_err(|error| of_payload("metadata", &error))?;
    let event_id = triggers_v3::accept(&state, &scoped, form.event_key.as_deref(), &metadata).await;
    let event_id = event_id.map_err(|error| error.with_places(|at| triggers_v3::place(at, |_| "metadata")))?;
    Ok((StatusCode::ACCEPTED, Answer(Triggered::new(event_id))))
}
