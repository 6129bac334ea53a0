//! Events: taking them in, reading them, watching them arrive.

use std::borrow::Cow;
use std::fmt;

use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue};
use postrider_core::body::{EventContext, Payload, PayloadError, compose};
use postrider_core::event::{ApplicationId, EventKey, NameError, TenantId, UserId};
use postrider_core::limits::IDEMPOTENCY_KEY_CHARS;
use postrider_core::{EnvironmentId, Timestamp};
use postrider_engine::{AcceptError, IncomingEvent};
use postrider_store::{AcceptOutcome, Idempotency, Receipt};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::secrets;
use crate::body::Read;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

pub(crate) mod accept;
pub(crate) mod batch;
pub(crate) mod read;
pub(crate) mod stream;

/// Says that an answer repeats an earlier one under the same idempotency key.
pub(crate) const REPLAYED: &str = "idempotency-replayed";

/// A string of a request, borrowed from its body unless it is written with escapes.
#[derive(Debug)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;
        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }

            fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Borrowing)
    }
}

/// An event as a producer reports it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewEvent)]
pub(crate) struct NewEvent<'a> {
    /// What happened: `frontegg.user.created`, or any key of one's own.
    #[serde(borrow)]
    #[schema(value_type = String)]
    event_key: Text<'a>,
    /// The tenant it concerns; without one, or with the environment's own id, it reaches the environment's webhooks alone.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    tenant_id: Option<Text<'a>>,
    /// The user it concerns.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    user_id: Option<Text<'a>>,
    /// The application it concerns.
    #[serde(borrow)]
    #[schema(value_type = Option<String>)]
    application_id: Option<Text<'a>>,
    /// A JSON object: the members of the delivered body beside `eventKey` and `eventContext`, byte for byte.
    #[serde(borrow)]
    #[schema(value_type = Object)]
    payload: &'a RawValue,
    /// When it happened, RFC 3339.
    #[serde(borrow)]
    #[schema(value_type = Option<String>, format = DateTime)]
    occurred_at: Option<Text<'a>>,
}

impl NewEvent<'_> {
    /// The event with its body put together, ready for the engine.
    fn composed(self, environment_id: EnvironmentId) -> Result<IncomingEvent, ApiError> {
        self.composed_for(environment_id, None)
    }

    /// The same, of that tenant where the event names none.
    pub(crate) fn composed_for(
        self,
        environment_id: EnvironmentId,
        tenant: Option<&TenantId>,
    ) -> Result<IncomingEvent, ApiError> {
        let key = named("/eventKey", EventKey::parse(self.event_key.as_str()))?;
        // As Frontegg's API has it: the environment's own id in the tenant's place means the environment.
        let is_tenant = |id: &TenantId| id.as_str().parse() != Ok(environment_id);
        let tenant_id = optional("/tenantId", self.tenant_id.as_ref(), TenantId::parse)?.filter(is_tenant);
        let tenant_id = tenant_id.or_else(|| tenant.cloned());
        let user_id = optional("/userId", self.user_id.as_ref(), UserId::parse)?;
        let application_id = optional("/applicationId", self.application_id.as_ref(), ApplicationId::parse)?;
        let occurred_at = self.occurred_at.map(|text| Timestamp::parse(text.as_str())).transpose();
        let occurred_at = occurred_at.map_err(|error| ApiError::value("/occurredAt", error))?;
        let payload = Payload::parse(self.payload.get()).map_err(|error| of_payload("/payload", &error))?;
        let context = EventContext {
            vendor_id: environment_id,
            tenant_id: tenant_id.as_ref().map(TenantId::as_str),
            user_id: user_id.as_ref().map(UserId::as_str),
            application_id: application_id.as_ref().map(ApplicationId::as_str),
        };
        let body = compose(key.as_str(), &context, &payload);
        Ok(IncomingEvent { key, tenant_id, user_id, application_id, occurred_at, body })
    }
}

fn named<T>(at: &str, name: Result<T, NameError>) -> Result<T, ApiError> {
    name.map_err(|error| ApiError::value(at, error))
}

fn optional<T>(
    at: &str,
    text: Option<&Text<'_>>,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, ApiError> {
    text.map(|text| named(at, parse(text.as_str()))).transpose()
}

/// Why a payload is refused, at that place.
pub(crate) fn of_payload(at: &str, error: &PayloadError) -> ApiError {
    let code = match error {
        PayloadError::NotJson { .. } => Code::InvalidJson,
        PayloadError::NotAnObject => Code::InvalidRequest,
        PayloadError::Reserved(_) => Code::ReservedName,
        PayloadError::TooDeep => Code::InvalidValue,
    };
    ApiError::at(code, at, error)
}

/// An event that is accepted: it is durable, and so are its deliveries.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Accepted {
    /// The event's id; `webhook-id` on every attempt.
    event_id: Uuid,
    /// Webhooks that it matched.
    deliveries: u32,
}

/// Whether a request is of one event, or of several whose places errors name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    One,
    Batch,
}

/// Hands events to the engine under the request's idempotency key, if it has one. `read`: the request's body, which is not kept.
async fn take_in(
    state: &ApiState,
    environment_id: EnvironmentId,
    key: Option<String>,
    read: Read,
    events: Vec<IncomingEvent>,
    form: Form,
) -> Result<(Receipt, Freshness), ApiError> {
    let idempotency = key.map(|key| Idempotency { environment_id, key, body_hash: secrets::sha256_of(&read.bytes) });
    let outcome = match read.into_room() {
        Some(room) => state.engine().accept_read(environment_id, events, idempotency, room).await,
        None => state.engine().accept(environment_id, events, idempotency).await,
    };
    let outcome = outcome.map_err(|error| {
        let index = match error {
            AcceptError::AgainstSchema { index, .. } if form == Form::Batch => Some(index),
            _ => None,
        };
        let error = ApiError::from(error);
        index.map_or(error.clone(), |index| error.of_element(index))
    })?;
    match outcome {
        AcceptOutcome::Accepted(receipt) => Ok((receipt, Freshness::New)),
        AcceptOutcome::Repeated(receipt) => Ok((receipt, Freshness::Replayed)),
        AcceptOutcome::KeyReused => Err(ApiError::new(
            Code::IdempotencyKeyReused,
            "this idempotency key was used with another body in the last 24 hours; take a new key for a new event",
        )),
    }
}

/// Whether a receipt is of this request, or of an earlier one with the same idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    New,
    Replayed,
}

/// The answer of an intake.
fn accepted(freshness: Freshness, answer: &impl Serialize) -> Response {
    let body = serde_json::to_vec(answer).expect("ids and numbers can be written as JSON");
    let json = [(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    let mut response = (http::StatusCode::ACCEPTED, json, body).into_response();
    if freshness == Freshness::Replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// The idempotency key of a request.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len())).ok_or_else(|| {
        let form = format!("is 1 to {IDEMPOTENCY_KEY_CHARS} visible ASCII characters");
        ApiError::at(Code::InvalidParameter, "Idempotency-Key", form)
    })?;
    Ok(Some(key.to_owned()))
}

/// An element of a batch: raw, so that its own errors can be told with its index.
fn element(raw: &str, index: usize) -> Result<NewEvent<'_>, ApiError> {
    crate::body::parse(raw).map_err(|error: ApiError| error.of_element(index))
}

/// Elements of a JSON array, no more than a batch can have; those beyond are counted and not kept.
#[derive(Debug)]
struct Elements<'a> {
    kept: Vec<&'a RawValue>,
    count: usize,
}

impl<'de: 'a, 'a> Deserialize<'de> for Elements<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keeping;
        impl<'de> Visitor<'de> for Keeping {
            type Value = Elements<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of events")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut elements: A) -> Result<Elements<'de>, A::Error> {
                let mut kept = Vec::new();
                while kept.len() < postrider_core::limits::BATCH_EVENTS {
                    match elements.next_element::<&'de RawValue>()? {
                        Some(element) => kept.push(element),
                        None => return Ok(Elements { count: kept.len(), kept }),
                    }
                }
                let mut count = kept.len();
                while elements.next_element::<serde::de::IgnoredAny>()?.is_some() {
                    count = count.checked_add(1).ok_or_else(|| A::Error::custom("too many elements"))?;
                }
                Ok(Elements { kept, count })
            }
        }
        deserializer.deserialize_seq(Keeping)
    }
}
