//! Sends a test: a request like a delivery's, recorded nowhere. The same for both APIs.

use bytes::Bytes;
use postrider_core::EnvironmentId;
use postrider_core::attempt::FailureKind;
use postrider_core::limits::ATTEMPT_DEADLINE;
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope};
use postrider_core::{EventId, catalogue};
use postrider_egress::{Answer, SendError};
use postrider_engine::TestRequest;

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// The event that a test sends unless told otherwise: receivers know it best.
const SAMPLE: &str = "frontegg.user.created";

/// The body of a test that names no payload: a complete event of that key, or of a user.
pub(crate) fn body(environment_id: EnvironmentId, event_key: Option<&str>) -> Option<Bytes> {
    catalogue::find(event_key.unwrap_or(SAMPLE)).map(|event_type| event_type.sample_body(environment_id))
}

/// Sends a test. A URL that the guard refuses, by its name's addresses, is the caller's error; what else happens is the result.
pub(crate) async fn send(
    state: &ApiState,
    environment_id: EnvironmentId,
    scope: Scope,
    url: EndpointUrl,
    secret: Option<Secret>,
    signing: Signing,
    body: Bytes,
) -> Result<(EventId, Sent), ApiError> {
    let request = TestRequest { environment_id, scope, url, secret, signing, body, deadline: ATTEMPT_DEADLINE };
    let report = state.engine().test(request).await;
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
