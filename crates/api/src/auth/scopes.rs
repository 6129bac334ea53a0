//! What the scope of a credential lets through: which calls may be made with it.
//!
//! This is the one place where that is decided, for tokens and for sessions of the console, on every call. A vendor is not let in anywhere
//! else, so a handler need not ask.
//!
//! Invariant: a call that stands in none of these lists takes the scope `full`.

use axum::extract::MatchedPath;
use http::Method;
use http::request::Parts;
use postrider_core::environment::CredentialScope;

use crate::error::{ApiError, Code};
use crate::{frontegg, native};

/// What `events` may `POST`: each reports events, and tells nothing but what became of that.
const REPORTS: &[&str] = &[
    native::events::accept::PATH,
    "/api/v1/events/batch",
    "/event/resources/triggers/v1",
    "/event/resources/triggers/v2",
    "/event/resources/triggers/v3",
];

/// What `read` may `GET`: nothing of it changes anything, and what it shows of secrets goes by the caller's permissions, which are then
/// those of somebody who only looks.
const LOOKS: &[&str] = &[
    "/api/v1/categories",
    "/api/v1/deliveries",
    "/api/v1/deliveries/stream",
    "/api/v1/deliveries/{deliveryId}",
    "/api/v1/deliveries/{deliveryId}/attempts",
    "/api/v1/environments/{environmentId}",
    "/api/v1/environments/{environmentId}/credentials",
    "/api/v1/event-types",
    "/api/v1/event-types/export",
    "/api/v1/event-types/{eventTypeId}",
    "/api/v1/event-types/{eventTypeId}/schemas",
    "/api/v1/events",
    "/api/v1/events/stream",
    "/api/v1/events/{eventId}",
    "/api/v1/events/{eventId}/deliveries",
    "/api/v1/jobs",
    "/api/v1/jobs/{jobId}",
    "/api/v1/portal-sessions",
    "/api/v1/portal-settings",
    "/api/v1/presets",
    "/api/v1/retention",
    "/api/v1/source-addresses",
    "/api/v1/statistics",
    "/api/v1/statistics/summary",
    "/api/v1/statistics/webhooks",
    "/api/v1/trusted-issuer",
    "/api/v1/webhooks",
    "/api/v1/webhooks/{webhookId}",
    "/event/resources/configurations/v1",
    "/event/resources/configurations/v1/categories",
    "/event/resources/triggers/v2/statuses/{eventId}",
    "/event/resources/triggers/v3/{eventId}/statuses",
    "/integrations/resources/configurations/v1/emails",
    "/integrations/resources/configurations/v1/slack",
    "/integrations/resources/configurations/v2/sms",
    "/metadata",
    "/webhook",
    "/webhook/logs",
];

/// What `read` may `POST`: each says what a change would lead to, or what a filter makes of an event. None of them changes or sends
/// anything, or signs with a secret, as tests and previews of webhooks do.
const TRIES: &[&str] = &["/api/v1/filters/test", "/api/v1/jobs/preview"];

/// What `read` may `POST` with [`DRY_RUN`] alone.
const DRY_RUNS: &[&str] = &["/api/v1/event-types/import"];

/// The query of a call that only says what it would do, in the one way of writing it that cannot be misread.
const DRY_RUN: &str = "dryRun=true";

/// Refuses a call that a credential of that scope does not open.
pub(crate) fn check(scope: CredentialScope, parts: &Parts) -> Result<(), ApiError> {
    let (is_open, refusal) = match scope {
        CredentialScope::Full => return Ok(()),
        CredentialScope::Events => (
            parts.method == Method::POST && REPORTS.contains(&route(parts)),
            "the credential has the scope `events`: it reports events and does nothing else; use one of another scope",
        ),
        CredentialScope::Read => (
            only_looks(parts),
            "the credential has the scope `read`: it looks, and changes, sends and signs nothing; use one of the scope `full`",
        ),
    };
    if is_open { Ok(()) } else { Err(ApiError::new(Code::InsufficientScope, refusal)) }
}

fn only_looks(parts: &Parts) -> bool {
    let route = route(parts);
    match parts.method {
        Method::GET | Method::HEAD => LOOKS.contains(&route),
        Method::POST => TRIES.contains(&route) || (DRY_RUNS.contains(&route) && parts.uri.query() == Some(DRY_RUN)),
        _ => false,
    }
}

/// The route of a call as the OpenAPI document names it. The intake of events goes past the router, which would name it: its path has
/// nothing in it that varies.
fn route(parts: &Parts) -> &str {
    let route = parts.extensions.get::<MatchedPath>().map_or_else(|| parts.uri.path(), MatchedPath::as_str);
    let route = route.strip_prefix(frontegg::PREFIX).unwrap_or(route);
    route.strip_suffix('/').unwrap_or(route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_name_calls_that_there_are_each_once() {
        let document = serde_json::to_value(crate::openapi()).expect("a document");
        for (method, list) in [("post", REPORTS), ("get", LOOKS), ("post", TRIES), ("post", DRY_RUNS)] {
            for (place, path) in list.iter().enumerate() {
                assert!(document["paths"][path][method].is_object(), "there is no {method} {path}");
                assert!(!list[..place].contains(path), "{path} is listed twice");
            }
        }
    }
}
