//! Calls by browsers from pages of other origins (CORS): a vendor's application with Frontegg's own client in it.
//!
//! Owns which origins may call and what their browsers are told. Does not own who the caller is: that is the token's alone, as a cookie
//! never counts here.
//!
//! Architecture invariant: this concerns the paths of Frontegg's API and no others. The pages of this server are of its own origin, and
//! what a session's cookie opens is never opened to another one.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tower::Service;

use crate::edge::{Edge, Surface};

/// The methods of Frontegg's API.
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE");
/// What a page may read besides the body.
const EXPOSED: HeaderValue = HeaderValue::from_static("frontegg-trace-id");
/// Seconds for which a browser need not ask again.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The API as a service, as pages of the listed origins may call it too. Cheap to clone; what no such page calls pays for nothing.
#[derive(Clone)]
pub struct Api {
    edge: Edge,
    origins: Arc<[HeaderValue]>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").field("origins", &self.origins).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn around(edge: Edge, origins: &[String]) -> Self {
        let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
        Self { edge, origins }
    }

    /// The origin of the page that calls, where it may.
    fn origin(&self, request: &Request) -> Option<HeaderValue> {
        let origin = request.headers().get(header::ORIGIN)?;
        let may = Surface::of(request.uri().path()) == Surface::Frontegg && self.origins.contains(origin);
        may.then(|| origin.clone())
    }
}

impl Service<Request> for Api {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.edge.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let Some(origin) = self.origin(&request) else { return self.edge.call(request) };
        if let Some(answer) = preflight(&request, &origin) {
            return Box::pin(async { Ok(answer) });
        }
        request.headers_mut().remove(header::COOKIE);
        let answer = self.edge.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            let headers = answer.headers_mut();
            allow(headers, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
            Ok(answer)
        })
    }
}

/// The answer to a browser that asks before it calls.
fn preflight(request: &Request, origin: &HeaderValue) -> Option<Response> {
    if request.method() != Method::OPTIONS || !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    let headers = answer.headers_mut();
    allow(headers, origin.clone());
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    // Clients send headers of their own, which change with their versions and mean nothing here.
    if let Some(asked) = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    Some(answer)
}

fn allow(headers: &mut HeaderMap, origin: HeaderValue) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    // Frontegg's clients ask their browser to send cookies, which then insists on this.
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.append(header::VARY, HeaderValue::from_static("origin"));
}
