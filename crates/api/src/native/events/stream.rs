//! `GET /api/v1/events/stream`: accepted events as they come, for a person who develops a receiver.
//!
//! Each is told as the request that a delivery would be, signed with a secret that the stream makes up and tells first. Nothing is
//! stored or repeated: who reads too slowly is told how many events were missed.

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event as Message;
use postrider_core::event::Event;
use postrider_core::signature::Secret;
use postrider_engine::{EventsWanted, HeldEvents, Watch};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::auth::caller::Vendor;
use crate::error::{ApiError, Problem};
use crate::extract::Params;
use crate::native::attempts::HeaderLine;
use crate::native::events::read::{event_key, tenant};
use crate::state::ApiState;
use crate::streams::{self, Source, Standing, message};

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// Of that key.
    event_key: Option<String>,
    /// Of that tenant.
    tenant_id: Option<String>,
}

/// `event: stream`, first of all: what the requests that follow are signed with.
#[derive(Debug, Serialize, ToSchema)]
struct Opening {
    /// Made up for this stream.
    secret: String,
}

/// `event: event`: an event as the request that a delivery would be.
#[derive(Debug, Serialize, ToSchema)]
struct Request {
    /// In order.
    headers: Vec<HeaderLine>,
    /// The exact text of the body.
    body: String,
}

/// `event: missed`: events came faster than they were read.
#[derive(Debug, Serialize, ToSchema)]
struct Missed {
    /// How many are not told.
    events: u64,
}

struct Listening {
    state: ApiState,
    events: Watch<HeldEvents>,
    secret: Secret,
}

/// Watch events
///
/// Server-sent events. First `stream` with `{"secret"}`; then for each accepted event `event` with `{"headers", "body"}`, the
/// request that a delivery would be, signed with that secret; `missed` with `{"events": <count>}` where events came faster than
/// they were read. Last, where the caller's token, session or credential has ended, `ended` with `{"reason", "status", "detail"}`: what a
/// new call would be answered. Nothing is repeated: this is for development, webhooks are for delivery.
#[utoipa::path(get, path = "/api/v1/events/stream", tag = "events", params(StreamQuery), responses(
    (status = 200, description = "The stream.", content_type = "text/event-stream", body = String),
    (status = 429, description = "The session, credential or environment has as many streams open as it can have.", body = Problem),
    (status = 503, description = "The server has as many streams open as it can have.", body = Problem)))]
pub(crate) async fn stream_events(
    State(state): State<ApiState>,
    vendor: Vendor,
    standing: Standing,
    Params(query): Params<StreamQuery>,
) -> Result<Response, ApiError> {
    let secret = Secret::generate(&**state.entropy());
    let opening = message("stream", &Opening { secret: secret.expose().to_owned() });
    let wanted =
        EventsWanted { event_key: event_key(query.event_key.as_deref())?, tenant: tenant(query.tenant_id.as_deref())? };
    let events = state.engine().watch(vendor.environment_id, wanted);
    let listening = Listening { events, secret, state: state.clone() };
    streams::open(&state, standing, opening, listening).await
}

impl Source for Listening {
    type Caller = Vendor;

    fn admit(&self, _: &Vendor) -> Result<(), ApiError> {
        Ok(())
    }

    async fn news(&mut self) -> bool {
        self.events.news().await
    }

    async fn tell(&mut self, _: &Vendor) -> Vec<Message> {
        let accepted = self.events.take();
        let mut messages: Vec<_> = accepted.events.iter().map(|event| self.told(event)).collect();
        if accepted.missed > 0 {
            messages.push(message("missed", &Missed { events: accepted.missed }));
        }
        messages
    }
}

impl Listening {
    fn told(&self, event: &Event) -> Message {
        let headers = self.state.engine().headers_of(event, &self.secret);
        let headers = headers.iter().map(|(name, value)| HeaderLine {
            name: name.as_str().to_owned(),
            value: String::from_utf8_lossy(value.as_bytes()).into_owned(),
        });
        let body = String::from_utf8_lossy(&event.body).into_owned();
        message("event", &Request { headers: headers.collect(), body }).id(event.id.to_string())
    }
}
