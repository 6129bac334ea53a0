//! Postrider's HTTP surface: the native API at `/api/v1`, the API of Frontegg's webhooks at its own paths, health, the pages of the web
//! application, and the control surface for operators on the server's own machine.
//!
//! # Path of a call
//!
//! [`edge`] (whose shape errors have, panics) → the router → the caller ([`auth::caller`]: token, revocation, visibility,
//! permissions) → path and query ([`extract`]) → body ([`body`]: limits while reading, JSON) → the handler: values checked
//! ([`rules`]), store or engine asked, the answer written. What no call answers is a page's, or nothing ([`web`]). A native call that
//! takes no query is refused with one before all that.
//!
//! A file is an endpoint or one small subject: its request, its documentation, its handler. To add one: write the file, name its
//! handlers in `native::routes` or `frontegg::routes`; the OpenAPI document and the tests that go by it follow.
//!
//! Architecture invariants: JSON on the wire and status codes live here alone; a caller is checked before its body is read; an
//! id that is out of the caller's reach is answered like one that does not exist; nothing here opens a socket or reads a clock.

#![expect(unused_qualifications, reason = "what utoipa's macros make names types in full")]

mod auth;
mod body;
mod control;
mod cors;
mod edge;
mod error;
mod extract;
mod failure;
mod frontegg;
mod lines;
mod native;
mod quota;
mod rules;
mod sample;
mod state;
mod streams;
mod turns;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;

use crate::extract::{WithoutParams, refuse_params};

pub use auth::proxies::TrustedProxies;
pub use auth::secrets::{
    CHOSEN_SECRET_CHARS, CHOSEN_SECRET_CHARS_MOST, generate_operator_token, generate_secret, hash_chosen, sha256,
};
pub use auth::sign_in::Peer;
pub use cors::Api;
pub use error::{ApiError, Code};
pub use state::{ApiOptions, ApiState, RenderMetrics};
pub use web::WebFile;

/// The API as callers reach it over TCP.
pub fn router(state: ApiState) -> Api {
    let (frontegg, _) = frontegg::routes();
    let router = native_router().merge(frontegg).route("/metrics", get(native::health::metrics));
    let origins = state.options().cors_origins.clone();
    Api::around(finished(router.fallback(web::serve), state.clone()).with_intake(state), &origins)
}

/// The API as operators reach it over the control socket: the native API with their rights, and operators' tokens.
pub fn control_router(state: ApiState) -> Api {
    let nothing = || async { ApiError::of_status(http::StatusCode::NOT_FOUND) };
    Api::around(finished(control::routes(native_router()).fallback(nothing), state), &[])
}

/// The OpenAPI document of [`router`].
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = native::openapi::frame();
    let mut native = OpenApiRouter::into_openapi(native::routes());
    native::openapi::make_exact(&mut native);
    document.merge(native);
    document.merge(frontegg::routes().1);
    document
}

fn native_router() -> Router<ApiState> {
    let (router, document) = native::routes().split_for_parts();
    let without_params = WithoutParams::of(&document.paths);
    router
        .route_layer(from_fn_with_state(without_params, refuse_params))
        .route("/api/v1/openapi.json", get(native::openapi::document))
        .route("/healthz", get(native::health::healthz))
        .route("/readyz", get(native::health::readyz))
}

fn finished(router: Router<ApiState>, state: ApiState) -> edge::Edge {
    let (entropy, transport) = (Arc::clone(state.entropy()), state.transport());
    let router =
        router.method_not_allowed_fallback(|| async { ApiError::of_status(http::StatusCode::METHOD_NOT_ALLOWED) });
    edge::Edge::around(router.with_state(state), entropy, transport)
}
