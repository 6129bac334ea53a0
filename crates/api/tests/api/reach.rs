//! For each route of the OpenAPI document, the ids of another environment and of another tenant are 404.
//!
//! Generated from the document: a new route with an id that is unknown here makes the test fail until it is covered.

use std::collections::HashMap;

use http::Method;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Call, Environment, answers, text};
use crate::browser::{link, portal};
use crate::document::operations;

const TENANT: &str = "tenant-1";
const OTHER_TENANT: &str = "tenant-2";
const ALL: &[&str] = &["*"];

struct Fixture {
    app: App,
    receiver: Receiver,
    own: Environment,
    other: Environment,
    event: String,
    delivery: String,
    attempt: String,
}

impl Fixture {
    async fn new() -> Self {
        let app = App::start().await;
        let receiver = Receiver::start().await;
        receiver.on("/", answers(200, "{}"));
        let own = app.environment("own").await;
        let other = app.environment("other").await;
        app.trust_issuer(&own, "always").await;
        app.trust_issuer(&other, "always").await;
        let webhook = app.webhook(&own, Some(TENANT), &receiver.url("/")).await;
        let event = app.event(&own, Some(TENANT)).await;
        let delivery = text(&app.deliveries_attempted(&own, &event).await[0]["id"]);
        let path = format!("/webhook/logs?id={}", text(&webhook["id"]));
        let logs = app.get(&path).token(&own.token).tenant(TENANT).expect(200).await;
        let attempt = text(&logs["rows"][0]["id"]);
        Self { app, receiver, own, other, event, delivery, attempt }
    }

    /// Ids by the names that they have in paths, those that a call may delete made anew.
    async fn ids(&self, round: usize, route: &str) -> HashMap<&'static str, String> {
        let token = &self.own.token;
        let webhook = self.app.webhook(&self.own, Some(TENANT), &self.receiver.url("/")).await;
        let event_type = json!({ "key": format!("key.{round}"), "displayName": "Key", "category": "Kept" });
        let event_type = self.app.post("/api/v1/event-types").token(token).json(&event_type).expect(201).await;
        let category = json!({ "name": format!("Category {round}") });
        let category = self.app.post("/api/v1/categories").token(token).json(&category).expect(201).await;
        HashMap::from([
            ("environmentId", self.own.id.clone()),
            // Only so many can be had at a time, of these and of jobs.
            ("credentialId", if route.contains("{credentialId}") { self.credential().await } else { String::new() }),
            ("webhookId", text(&webhook["id"])),
            ("eventTypeId", text(&event_type["id"])),
            ("categoryId", text(&category["id"])),
            ("deliveryId", self.delivery.clone()),
            ("logId", self.attempt.clone()),
            ("eventId", self.event.clone()),
            ("jobId", if route.contains("{jobId}") { self.job(round).await } else { String::new() }),
            ("portalSessionId", text(&link(&self.app, &self.own, TENANT, ALL).await["id"])),
        ])
    }

    async fn credential(&self) -> String {
        let path = format!("/api/v1/environments/{}/credentials", self.own.id);
        let new = json!({ "name": "gone" });
        text(&self.app.operate(Method::POST, &path).json(&new).expect(201).await["id"])
    }

    /// A job of a user of the tenant.
    async fn job(&self, round: usize) -> String {
        let webhook = self.app.webhook(&self.own, Some(TENANT), &self.receiver.url("/")).await;
        let job = json!({ "kind": "resend", "filter": { "webhookId": webhook["id"] } });
        let user = self.app.user(&self.own, TENANT, ALL);
        // Only so many may run at a time, and those of earlier rounds may have been paused.
        let earlier = self.app.get("/api/v1/jobs").token(&user).expect(200).await;
        for job in earlier["items"].as_array().expect("jobs") {
            self.app.post(&format!("/api/v1/jobs/{}/cancel", text(&job["id"]))).token(&user).send().await;
        }
        let call = self.app.post("/api/v1/jobs").token(&user).header("idempotency-key", &round.to_string());
        text(&call.json(&job).expect(202).await["id"])
    }

    fn call(&self, method: &Method, path: &str, token: &str) -> Call {
        self.app.call(method.clone(), path).token(token).json(&body_of(method, path))
    }
}

/// A body that the call takes.
fn body_of(method: &Method, path: &str) -> Value {
    let named = path.contains("/environments/") || path.contains("/categories/");
    match *method {
        Method::POST | Method::PATCH if named => json!({ "name": "Name" }),
        Method::PATCH if path.starts_with("/api/v1/jobs/") => json!({ "ratePerSecond": 1 }),
        _ => json!({}),
    }
}

/// Calls of the Frontegg API that are about the environment, whatever the scope.
fn has_no_scope(path: &str) -> bool {
    path.starts_with("/event/")
}

/// What is published to whoever knows the id.
fn is_public(path: &str) -> bool {
    path.ends_with("/public-keys")
}

/// Event types are the same for all tenants of an environment.
fn is_shared_by_tenants(method: &Method, path: &str) -> bool {
    method == Method::GET && path.starts_with("/api/v1/event-types/")
}

fn filled(path: &str, ids: &HashMap<&'static str, String>) -> String {
    let mut filled = path.to_owned();
    // Event definitions are Frontegg's word for event types.
    if filled.starts_with("/event/resources/configurations/") {
        filled = filled.replace("{eventId}", &ids["eventTypeId"]);
    }
    for (name, id) in ids {
        filled = filled.replace(&format!("{{{name}}}"), id);
    }
    assert!(!filled.contains('{'), "{path} has an id that this test does not know");
    filled
}

#[tokio::test]
async fn ids_out_of_reach_are_404_on_every_route() {
    let fixture = Fixture::new().await;
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let has_ids = |path: &str| path.contains('{') && !is_public(path);
    let with_ids: Vec<_> = operations(&document).into_iter().filter(|(_, path)| has_ids(path)).collect();
    assert!(with_ids.len() > 20, "the document lost its paths");
    for (round, (method, path)) in with_ids.iter().enumerate() {
        let ids = fixture.ids(round, path).await;
        let is_native = path.starts_with("/api/v1/");
        let path = filled(path, &ids);
        let what = format!("{method} {path}");
        let (own, other) = (&fixture.own, &fixture.other);

        // Another environment's vendor, in each scope.
        let mut strangers = vec![fixture.call(method, &path, &other.token)];
        if !is_native {
            strangers = vec![
                fixture.call(method, &path, &other.token).tenant(TENANT),
                fixture.call(method, &path, &other.token).tenant(&other.id),
            ];
        }
        // The same environment's vendor, in another scope.
        if !is_native && !has_no_scope(&path) {
            strangers.push(fixture.call(method, &path, &own.token).tenant(OTHER_TENANT));
            strangers.push(fixture.call(method, &path, &own.token).tenant(&own.id));
        }
        for stranger in strangers {
            let answer = stranger.send().await;
            assert_eq!(answer.status, 404, "{what}: {}", String::from_utf8_lossy(&answer.body));
        }

        // Users of another tenant, and of the same tenant in another environment. What is the vendor's alone is 403 for every user.
        let user = fixture.app.user(own, TENANT, ALL);
        let mut strangers = vec![fixture.app.user(other, TENANT, ALL)];
        if is_native {
            strangers.push(portal(&fixture.app, other, TENANT, ALL).await.token);
        }
        if !is_shared_by_tenants(method, &path) {
            strangers.push(fixture.app.user(own, OTHER_TENANT, ALL));
            if is_native {
                strangers.push(portal(&fixture.app, own, OTHER_TENANT, ALL).await.token);
            }
        }
        for token in strangers {
            let status = fixture.call(method, &path, &token).send().await.status;
            let is_vendors = status == 403 && {
                let answer = fixture.call(method, &path, &user).send().await;
                answer.status == 403
            };
            assert!(status == 404 || is_vendors, "{what}: {status}");
        }

        // The rightful caller comes last, and does not get 404: else nothing of this was a test.
        let rightful = fixture.call(method, &path, &own.token);
        let rightful = if is_native { rightful } else { rightful.tenant(TENANT) };
        let answer = rightful.send().await;
        assert_ne!(answer.status, 404, "{what}");
        assert_ne!(answer.status, 500, "{what}");
    }
}

/// Every call that a tenant's user may make at all, given the permissions and visibility. A new one is added here by whoever means it to be
/// for tenants.
const FOR_TENANTS: &[&str] = &[
    "GET /api/v1/categories",
    "GET /api/v1/deliveries",
    "GET /api/v1/deliveries/stream",
    "GET /api/v1/deliveries/{deliveryId}",
    "GET /api/v1/deliveries/{deliveryId}/attempts",
    "POST /api/v1/deliveries/{deliveryId}/resend",
    "POST /api/v1/deliveries/{deliveryId}/skip",
    "GET /api/v1/event-types",
    "GET /api/v1/event-types/export",
    "GET /api/v1/event-types/{eventTypeId}",
    "POST /api/v1/filters/test",
    "GET /api/v1/jobs",
    "POST /api/v1/jobs",
    "POST /api/v1/jobs/preview",
    "GET /api/v1/jobs/{jobId}",
    "PATCH /api/v1/jobs/{jobId}",
    "POST /api/v1/jobs/{jobId}/cancel",
    "POST /api/v1/jobs/{jobId}/pause",
    "POST /api/v1/jobs/{jobId}/resume",
    "GET /api/v1/presets",
    "GET /api/v1/source-addresses",
    "GET /api/v1/statistics",
    "GET /api/v1/statistics/webhooks",
    "POST /api/v1/webhook-tests",
    "GET /api/v1/webhooks",
    "POST /api/v1/webhooks",
    "POST /api/v1/webhooks/preview",
    "DELETE /api/v1/webhooks/{webhookId}",
    "GET /api/v1/webhooks/{webhookId}",
    "PATCH /api/v1/webhooks/{webhookId}",
    "POST /api/v1/webhooks/{webhookId}/key/rotate",
    "POST /api/v1/webhooks/{webhookId}/preview",
    "DELETE /api/v1/webhooks/{webhookId}/secret/previous",
    "POST /api/v1/webhooks/{webhookId}/secret/rotate",
    "POST /api/v1/webhooks/{webhookId}/test",
];

/// Calls that need nobody's leave, or whose callers are told apart by their own tests.
pub(crate) fn is_for_anybody(path: &str) -> bool {
    is_public(path)
        || ["/auth/", "/vendors/", "/configs/", "/api/v1/session", "/api/v1/portal-session"].iter().any(|start| {
            path.strip_prefix(start)
                .is_some_and(|rest| start.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
        })
}

#[tokio::test]
async fn what_is_not_for_tenants_is_refused_to_them_on_every_route() {
    let fixture = Fixture::new().await;
    let (app, own) = (&fixture.app, &fixture.own);
    let portal = portal(app, own, TENANT, ALL).await;
    let user = app.user(own, TENANT, ALL);
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let native = operations(&document).into_iter().filter(|(_, path)| path.starts_with("/api/v1/"));
    let mut open = Vec::new();
    for (round, (method, route)) in native.enumerate() {
        if is_for_anybody(&route) {
            continue;
        }
        let ids = fixture.ids(round, &route).await;
        let path = filled(&route, &ids);
        let callers = [
            ("a user's token", app.call(method.clone(), &path).token(&user)),
            ("the portal's token", app.call(method.clone(), &path).token(&portal.token)),
            ("the portal's cookie", portal.call(app, method.clone(), &path)),
        ];
        let mut refused = 0;
        for (caller, call) in callers {
            let status = call.json(&body_of(&method, &path)).send().await.status.as_u16();
            assert!(status != 401 && status < 500, "{method} {path} with {caller}: {status}");
            refused += usize::from(status == 403);
        }
        if route.contains("{jobId}") {
            let end = format!("/api/v1/jobs/{}/cancel", ids["jobId"]);
            app.post(&end).token(&own.token).send().await;
        }
        // What is deleted first is gone for the others; what is the vendor's is so for all of them.
        assert!(refused == 0 || refused == 3, "{method} {path}: refused {refused} of 3");
        if refused == 0 {
            open.push(format!("{method} {route}"));
        }
    }
    let mut meant: Vec<_> = FOR_TENANTS.iter().map(ToString::to_string).collect();
    open.sort();
    meant.sort();
    assert_eq!(open, meant);
}

#[tokio::test]
async fn what_a_query_or_a_body_names_of_another_tenant_is_out_of_reach_too() {
    let fixture = Fixture::new().await;
    let (app, own) = (&fixture.app, &fixture.own);
    let mine = app.webhook(own, Some(OTHER_TENANT), &fixture.receiver.url("/")).await;
    let mine = text(&mine["id"]);
    // What is not the caller's: another tenant's, and the environment's own.
    let theirs = app.webhook(own, Some(TENANT), &fixture.receiver.url("/")).await;
    let environments = app.webhook(own, None, &fixture.receiver.url("/")).await;
    let portal = portal(app, own, OTHER_TENANT, ALL).await;
    let user = app.user(own, OTHER_TENANT, ALL);
    let event = &fixture.event;
    let mut calls: Vec<(Method, String, Value)> = Vec::new();
    let mut get = |path: String| calls.push((Method::GET, path, Value::Null));
    get(format!("/api/v1/webhooks?tenantId={TENANT}"));
    get("/api/v1/webhooks?scope=environment".to_owned());
    for webhook in [text(&theirs["id"]), text(&environments["id"])] {
        get(format!("/api/v1/deliveries?webhookId={webhook}"));
        get(format!("/api/v1/deliveries/stream?webhookId={webhook}"));
        get(format!("/api/v1/statistics?webhookId={webhook}"));
    }
    get(format!("/api/v1/deliveries?webhookId={mine}&tenantId={TENANT}"));
    let mut post = |path: &str, body: Value| calls.push((Method::POST, path.to_owned(), body));
    let url = fixture.receiver.url("/");
    post("/api/v1/webhooks", json!({ "tenantId": TENANT, "url": url, "eventKeys": ["*"] }));
    post("/api/v1/webhooks/preview", json!({ "url": url, "eventId": event }));
    post(&format!("/api/v1/webhooks/{mine}/preview"), json!({ "eventId": event }));
    post("/api/v1/filters/test", json!({ "filter": "true", "eventId": event }));
    for webhook in [&theirs["id"], &environments["id"]] {
        for path in ["/api/v1/jobs", "/api/v1/jobs/preview"] {
            post(path, json!({ "kind": "resend", "filter": { "webhookId": webhook } }));
            let both = [webhook, &json!(mine)];
            post(path, json!({ "kind": "replay", "webhookIds": both, "from": "2020-01-01T00:00:00Z" }));
        }
    }
    for (method, path, body) in calls {
        for call in [
            app.call(method.clone(), &path).token(&user),
            app.call(method.clone(), &path).token(&portal.token),
            portal.call(app, method.clone(), &path),
        ] {
            let call = if body.is_null() { call } else { call.json(&body) };
            let answer = call.header("idempotency-key", "reach").send().await;
            let is_nothing = answer.status == 200
                && !path.contains("stream")
                && answer.json()["items"].as_array().is_some_and(Vec::is_empty);
            let is_refused = matches!(answer.status.as_u16(), 403 | 404) || is_nothing;
            assert!(is_refused, "{method} {path} {body}: {}", answer.status);
        }
    }
    for path in ["/api/v1/webhooks", "/api/v1/jobs"] {
        let page = app.get(path).token(&user).expect(200).await;
        let ids: Vec<_> = page["items"].as_array().expect("items").iter().map(|item| text(&item["id"])).collect();
        let own_alone = if path.ends_with("webhooks") { vec![mine.clone()] } else { Vec::new() };
        assert_eq!(ids, own_alone, "{path}");
    }
}
