//! Events that never happened: what tests and previews are made with. The same for both APIs.

use bytes::Bytes;
use postrider_core::attempt::FailureKind;
use postrider_core::body::{EventContext, Payload, compose};
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::limits::{ATTEMPT_DEADLINE, TESTS_OF_VENDOR, TESTS_PER_TENANT};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope};
use postrider_core::{EnvironmentId, EventId, catalogue};
use postrider_egress::{Answer, SendError};
use postrider_engine::{Draft, RenderError, TestError, TestRequest};

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// The event that a test sends unless told otherwise: receivers know it best.
pub(crate) const SAMPLE: &str = "frontegg.user.created";

/// The body of a test that names no payload: a complete event of that key, or of a user.
pub(crate) fn body(environment_id: EnvironmentId, event_key: Option<&str>) -> Option<Bytes> {
    catalogue::find(event_key.unwrap_or(SAMPLE)).map(|event_type| event_type.sample_body(environment_id))
}

/// The key that a caller names, where it may know of it.
pub(crate) fn named_key<'k>(
    state: &ApiState,
    member: &Member,
    key: Option<&'k str>,
) -> Result<Option<&'k str>, ApiError> {
    // What is no key has no sample, and is told so.
    let is_known = |key: &str| EventKey::parse(key).map_or(true, |key| member.knows(state, &key));
    match key {
        Some(key) if !is_known(key) => Err(ApiError::not_found("event type")),
        key => Ok(key),
    }
}

/// The body of an event of that key as a webhook of that tenant, or of the environment, could get it: the sample of the environment's event
/// type, or of the built-in one. None where there is neither, or where tenants do not get such events.
pub(crate) fn body_of_type(
    state: &ApiState,
    environment_id: EnvironmentId,
    tenant: Option<&str>,
    key: &str,
) -> Option<Bytes> {
    if tenant.is_some() && EventKey::parse(key).is_ok_and(|key| !state.directory().is_for_tenants(environment_id, &key))
    {
        return None;
    }
    let event_types = state.directory().event_types(environment_id);
    let sample = event_types.iter().find(|known| known.key.as_str() == key).and_then(|known| known.sample.as_deref());
    match sample.map(Payload::parse) {
        Some(Ok(payload)) => {
            let context =
                EventContext { vendor_id: environment_id, tenant_id: tenant, user_id: None, application_id: None };
            Some(compose(key, &context, &payload))
        }
        _ => body(environment_id, Some(key)),
    }
}

/// An event that is happening now, and that nobody records.
pub(crate) fn event(
    state: &ApiState,
    environment_id: EnvironmentId,
    tenant_id: Option<TenantId>,
    key: &str,
    body: Bytes,
) -> Event {
    let now = state.now();
    let key = EventKey::parse(key).or_else(|_| EventKey::parse(SAMPLE)).expect("the sample's key is a key");
    Event {
        id: EventId::new(now, &**state.entropy()),
        environment_id,
        key,
        tenant_id,
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: now,
        body,
        room: Room::uncounted(),
    }
}

/// Sends a test. A URL that the guard refuses, by its name's addresses, is the caller's error, and so is a template that cannot be
/// rendered, as `refused` says it; what else happens is the result.
pub(crate) async fn send(
    state: &ApiState,
    member: &Member,
    scope: Scope,
    url: EndpointUrl,
    signed: (Option<Secret>, Signing),
    (event, draft): (Event, Draft),
    refused: impl FnOnce(&RenderError) -> ApiError,
) -> Result<(EventId, Sent), ApiError> {
    let most = if member.tenant.is_some() { TESTS_PER_TENANT } else { TESTS_OF_VENDOR };
    let _under_way = state.tests().begin(vec![(member.whose(), most)]).map_err(|_| {
        let detail = format!("{most} tests are under way already; try again when one of them has ended");
        ApiError::new(Code::TooManyAtOnce, detail)
    })?;
    let (secret, signing) = signed;
    let request = TestRequest { scope, url, secret, signing, event, deadline: ATTEMPT_DEADLINE, draft };
    let report = state.engine().test(request).await.map_err(|error| match error {
        TestError::Unrenderable(error) => refused(&error),
        TestError::Busy => ApiError::new(Code::TooManyAtOnce, "others test too many endpoints; try again in a moment"),
    })?;
    if let Err(SendError::Endpoint { kind: FailureKind::AddressRefused, message }) = &report.exchange.result {
        return Err(ApiError::at(Code::UrlRefused, "/url", message));
    }
    let sent = Sent { result: report.exchange.result, timings: report.exchange.timings };
    Ok((report.event_id, sent))
}

/// What came of a test.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) result: Result<Answer, SendError>,
    pub(crate) timings: postrider_core::attempt::Timings,
}
