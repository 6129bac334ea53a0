//! `GET /api/v1/events/stream`: accepted events as they come, for a person who develops a receiver.
//!
//! Each is told as the request that a delivery would be, signed with a secret that the stream makes up and tells first. Nothing is
//! stored or repeated: who reads too slowly is told how many events were missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use postrider_core::event::{Event, EventKey, TenantId};
use postrider_core::signature::Secret;
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use utoipa::{IntoParams, ToSchema};

use crate::auth::caller::Vendor;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::attempts::HeaderLine;
use crate::native::events::read::{event_key, tenant};
use crate::state::ApiState;

/// How often a silent stream shows that it lives, so that nothing between closes it.
const HEARTBEAT: Duration = Duration::from_secs(15);

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
    /// How many are not told, before filters.
    events: u64,
}

struct Listening {
    state: ApiState,
    events: Receiver<Arc<Event>>,
    secret: Secret,
    event_key: Option<EventKey>,
    tenant: Option<TenantId>,
    _place: OwnedSemaphorePermit,
}

/// Watch events
///
/// Server-sent events. First `stream` with `{"secret"}`; then for each accepted event `event` with `{"headers", "body"}`, the
/// request that a delivery would be, signed with that secret; `missed` with `{"events": <count>}` where events came faster than
/// they were read. Nothing is repeated: this is for development, webhooks are for delivery.
#[utoipa::path(get, path = "/api/v1/events/stream", tag = "events", params(StreamQuery), responses(
    (status = 200, description = "The stream.", content_type = "text/event-stream", body = String),
    (status = 503, description = "There are as many streams as there can be.", body = Problem)))]
pub(crate) async fn stream_events(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<StreamQuery>,
) -> Result<Response, ApiError> {
    let place = Arc::clone(state.streams()).try_acquire_owned();
    let place = place.map_err(|_| ApiError::new(Code::Overloaded, "there are as many streams as there can be"))?;
    let secret = Secret::generate(&**state.entropy());
    let opening = message("stream", &Opening { secret: secret.expose().to_owned() });
    let listening = Listening {
        events: state.engine().watch(vendor.environment_id),
        secret,
        event_key: event_key(query.event_key.as_deref())?,
        tenant: tenant(query.tenant_id.as_deref())?,
        state,
        _place: place,
    };
    let messages = stream::unfold((Some(opening), listening), |(first, mut listening)| async move {
        let message = match first {
            Some(opening) => opening,
            None => listening.next().await?,
        };
        Some((Ok::<_, Infallible>(message), (None, listening)))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

impl Listening {
    /// The next message; none when the server stops.
    async fn next(&mut self) -> Option<Message> {
        loop {
            match self.events.recv().await {
                Ok(event) if self.wants(&event) => return Some(self.told(&event)),
                Ok(_) => {}
                Err(RecvError::Lagged(events)) => return Some(message("missed", &Missed { events })),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    fn wants(&self, event: &Event) -> bool {
        self.event_key.as_ref().is_none_or(|key| *key == event.key)
            && self.tenant.as_ref().is_none_or(|tenant| Some(tenant) == event.tenant_id.as_ref())
    }

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

fn message(name: &str, data: &impl Serialize) -> Message {
    let data = serde_json::to_string(data).expect("strings and numbers can be written as JSON");
    Message::default().event(name).data(data)
}
