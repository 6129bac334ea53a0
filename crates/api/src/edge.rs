//! What surrounds every call: the shape of errors, request ids, panics, and what nobody between may do with an answer.
//!
//! Owns the decision which API a path belongs to. Does not own any path's meaning. One service around the whole router, so that a
//! call that succeeds pays for little but a boxed future.

use std::any::Any;
use std::borrow::Cow;
use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt as _;
use futures_util::future::Either;
use http::{HeaderName, HeaderValue, Method, header};
use postrider_core::Entropy;
use tower::Service;

use crate::auth::cookies::Transport;
use crate::error::{ApiError, Code, Refusals};
use crate::native::events::accept;
use crate::state::ApiState;

/// The header by which Frontegg's callers name a request to its support.
const TRACE_ID: HeaderName = HeaderName::from_static("frontegg-trace-id");
/// Whoever came by https once comes by nothing else for a year. Of this host alone: others of the domain are somebody else's to speak for.
const HTTPS_ALONE: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Whose shape an answer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Native,
    Frontegg,
}

impl Surface {
    pub(crate) fn of(path: &str) -> Self {
        let head = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        match head {
            "frontegg" | "auth" | "vendors" | "webhook" | "event" | "integrations" | "metadata" | "configs" => {
                Self::Frontegg
            }
            _ => Self::Native,
        }
    }
}

/// A fault that nobody foresaw.
#[derive(Debug, thiserror::Error)]
#[error("panic: {0}")]
struct Panicked(String);

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        Self(text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "of another kind".to_owned()))
    }
}

/// The router with its surroundings.
#[derive(Clone)]
pub(crate) struct Edge {
    router: Router,
    /// What the intake of events is called with, where that goes past the router.
    intake: Option<ApiState>,
    entropy: Arc<dyn Entropy>,
    transport: Transport,
    refusals: Arc<Refusals>,
}

impl Edge {
    pub(crate) fn around(router: Router, entropy: Arc<dyn Entropy>, transport: Transport) -> Self {
        Self { router, intake: None, entropy, transport, refusals: Arc::default() }
    }

    /// Calls the intake of single events without the router: it is most of what a busy server is asked, and each of a router's layers
    /// clones a boxed service and boxes a future. The router has it as well, with what answers other methods there.
    #[must_use]
    pub(crate) fn with_intake(self, state: ApiState) -> Self {
        Self { intake: Some(state), ..self }
    }
}

/// Whether an answer can hold secrets or what is somebody's, whoever asked: every answer of an API.
fn is_of_api(surface: Surface, path: &str) -> bool {
    surface == Surface::Frontegg || path.starts_with("/api/")
}

fn is_intake(request: &Request) -> bool {
    request.method() == Method::POST && request.uri().path() == accept::PATH
}

impl Service<Request> for Edge {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        <Router as Service<Request>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let surface = Surface::of(request.uri().path());
        let is_kept_nowhere =
            is_of_api(surface, request.uri().path()) || request.headers().contains_key(header::COOKIE);
        let (entropy, refusals) = (Arc::clone(&self.entropy), Arc::clone(&self.refusals));
        let transport = self.transport;
        let method = request.method().clone();
        // A path of its own: the URI's would hold the buffer that the request was read into for as long as the call takes.
        let (path, answer) = match self.intake.clone().filter(|_| is_intake(&request)) {
            Some(state) => (Cow::Borrowed(accept::PATH), Either::Left(accept::answered(state, request).map(Ok))),
            None => (Cow::Owned(request.uri().path().to_owned()), Either::Right(self.router.call(request))),
        };
        let answer = AssertUnwindSafe(answer).catch_unwind();
        // Mapped, not awaited: a block that awaits what it has captured has room for it twice.
        Box::pin(answer.map(move |answer| {
            let response = match answer {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(never)) => match never {},
                Err(payload) => Err(ApiError::caused(Code::Internal, "a panic", Panicked::new(&*payload))),
            };
            let mut response = match response {
                Ok(response) if response.status().as_u16() < 400 && surface == Surface::Native => response,
                response => shaped(response, surface, (&method, &path), &*entropy, &refusals),
            };
            let headers = response.headers_mut();
            // What is stored is shown as what it is, and never run.
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            if transport == Transport::Https {
                headers.insert(header::STRICT_TRANSPORT_SECURITY, HTTPS_ALONE);
            }
            if is_kept_nowhere && !headers.contains_key(header::CACHE_CONTROL) {
                headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            Ok(response)
        }))
    }
}

/// `asked`: method and path.
fn shaped(
    response: Result<Response, ApiError>,
    surface: Surface,
    asked: (&Method, &str),
    entropy: &dyn Entropy,
    refusals: &Refusals,
) -> Response {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let request_id = uuid::Builder::from_random_bytes(bytes).into_uuid().to_string();
    let mut response = response.unwrap_or_else(axum::response::IntoResponse::into_response);
    if response.status().as_u16() >= 400 {
        let error = response.extensions_mut().remove::<ApiError>();
        let error = error.unwrap_or_else(|| ApiError::of_status(response.status()));
        let allow = response.headers_mut().remove(http::header::ALLOW);
        response = match surface {
            Surface::Native => error.clone().into_problem(&request_id),
            Surface::Frontegg => error.clone().into_frontegg(),
        };
        error.log(&request_id, asked, response.status(), refusals);
        if let Some(allow) = allow {
            response.headers_mut().insert(http::header::ALLOW, allow);
        }
    }
    if surface == Surface::Frontegg
        && let Ok(value) = HeaderValue::from_str(&request_id)
    {
        response.headers_mut().insert(TRACE_ID, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use axum::routing::get;
    use tower::ServiceExt as _;

    use super::*;

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    async fn panics() -> &'static str {
        panic!("of a secret kind")
    }

    async fn asked(path: &str) -> (u16, String) {
        let router = Router::new().route(path, get(panics));
        let request = Request::get(path).body(axum::body::Body::empty()).expect("a request");
        let response =
            Edge::around(router, Arc::new(Zeros), Transport::Unknown).oneshot(request).await.expect("never fails");
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), 10_000).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn a_panic_is_an_error_in_shape_that_says_nothing_of_its_cause() {
        for (path, member) in [("/api/v1/boom", "\"code\":\"internal\""), ("/webhook", "\"statusCode\":500")] {
            let (status, body) = asked(path).await;
            assert_eq!(status, 500);
            assert!(body.contains(member) && !body.contains("secret kind"), "{body}");
        }
    }

    #[test]
    fn a_path_belongs_to_one_api() {
        for path in [
            "/webhook",
            "/webhook/x",
            "/frontegg/nothing",
            "/auth/vendor/",
            "/vendors/auth/token",
            "/metadata",
            "/configs/routes",
            "//webhook",
        ] {
            assert_eq!(Surface::of(path), Surface::Frontegg, "{path}");
        }
        for path in ["/", "/api/v1/events", "/webhooks", "/healthz", ""] {
            assert_eq!(Surface::of(path), Surface::Native, "{path}");
        }
    }
}
