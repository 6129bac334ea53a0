//! What the scope of a credential opens: on every route of the OpenAPI document, by token and by session, and what is told of it.

use http::Method;
use serde_json::{Value, json};

use crate::app::{App, Environment, text};
use crate::browser::{Browser, portal};
use crate::document::operations;
use crate::reach::is_for_anybody;

const WEBHOOKS: &str = "/api/v1/webhooks";
const TENANT: &str = "tenant-1";
/// An id that nothing has.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";
/// What `events` opens.
const REPORTS: &[&str] = &[
    "POST /api/v1/events",
    "POST /api/v1/events/batch",
    "POST /event/resources/triggers/v1",
    "POST /event/resources/triggers/v2",
    "POST /event/resources/triggers/v3",
];
/// What `read` opens beside safe calls: it only says what would be.
const TRIES: &[&str] = &["POST /api/v1/filters/test", "POST /api/v1/jobs/preview"];
/// Safe calls that `read` does not open, as no vendor's token does.
const OF_OTHERS: &[&str] = &["GET /api/v1/environments"];

/// The environment with another credential of its, of that scope, logged in.
async fn scoped(app: &App, environment: &Environment, scope: &str) -> Environment {
    let path = format!("/api/v1/environments/{}/credentials", environment.id);
    let new = json!({ "name": scope, "scope": scope });
    let made = app.post(&path).token(&environment.token).json(&new).expect(201).await;
    assert_eq!(made["scope"], scope);
    let secret = text(&made["secret"]);
    let token = app.log_in(&environment.id, &secret).await;
    Environment { id: environment.id.clone(), secret, token }
}

/// A route's path with ids in it, in each form that it is served in.
fn forms(route: &str, environment: &Environment) -> Vec<String> {
    let mut path = route.replace("{environmentId}", &environment.id);
    while let Some((start, rest)) = path.split_once('{') {
        let (_, end) = rest.split_once('}').expect("a closed brace");
        path = format!("{start}{NOTHING}{end}");
    }
    if path.starts_with("/api/v1/") {
        return vec![path];
    }
    vec![path.clone(), format!("{path}/"), format!("/frontegg{path}"), format!("/frontegg{path}/")]
}

#[tokio::test]
async fn every_route_takes_the_scope_full_unless_it_is_listed() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let read = scoped(&app, &own, "read").await;
    let events = scoped(&app, &own, "events").await;
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let mut seen = 0;
    for (method, route) in operations(&document) {
        if is_for_anybody(&route) {
            continue;
        }
        seen += 1;
        let what = format!("{method} {route}");
        let looks = method == Method::GET && !OF_OTHERS.contains(&&*what);
        let reads = looks || TRIES.contains(&&*what);
        for path in forms(&route, &own) {
            for (credential, is_open) in [(&read, reads), (&events, REPORTS.contains(&&*what))] {
                let call = app.call(method.clone(), &path).token(&credential.token).tenant(TENANT);
                let answer = call.json(&json!({})).send().await;
                let status = answer.status.as_u16();
                if is_open {
                    assert!(status != 401 && status != 403 && status < 500, "{method} {path}: {status}");
                    continue;
                }
                assert_eq!(status, 403, "{method} {path}");
                let challenge = answer.header("www-authenticate");
                assert_eq!(challenge, Some("Bearer error=\"insufficient_scope\""), "{method} {path}");
                let body = answer.json();
                if path.starts_with("/api/v1/") {
                    assert_eq!(body["code"], "insufficient_scope", "{method} {path}");
                } else {
                    assert_eq!(body["statusCode"], 403, "{method} {path}");
                    assert!(body["errors"][0].as_str().expect("a text").contains("scope `"), "{method} {path}");
                }
            }
        }
    }
    assert!(seen > 60, "the document lost its paths");
    // Nothing of all that was done.
    assert_eq!(app.get(WEBHOOKS).token(&own.token).expect(200).await["items"], json!([]));
    assert_eq!(app.get("/api/v1/portal-settings").token(&own.token).expect(200).await["webhooks"], "always");
}

#[tokio::test]
async fn a_credential_that_reports_events_does_so_by_both_apis_and_both_headers() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let events = scoped(&app, &own, "events").await;
    let event = json!({ "eventKey": "order.paid", "payload": {} });
    app.post("/api/v1/events").token(&events.token).json(&event).expect(202).await;
    app.post("/api/v1/events/batch").token(&events.token).json(&json!([event])).expect(202).await;
    let data = json!({ "title": "t", "description": "d" });
    let trigger = json!({ "eventKey": "order.paid", "data": data });
    let v3 = "/event/resources/triggers/v3";
    let made = app.post(v3).token(&events.token).tenant(TENANT).json(&trigger).expect(202).await;
    let v1 = "/event/resources/triggers/v1";
    let trigger = json!({ "eventKey": "order.paid", "metadata": {}, "channels": ["webhook"] });
    app.post(v1).token(&events.token).tenant(TENANT).json(&trigger).expect(202).await;
    let trigger = json!({ "eventKey": "order.paid", "properties": data, "channels": { "webhook": true } });
    for path in ["/event/resources/triggers/v2", "/frontegg/event/resources/triggers/v2/"] {
        app.post(path).header("x-access-token", &events.token).tenant(TENANT).json(&trigger).expect(202).await;
    }
    // What became of it is for who may look.
    let statuses = format!("{v3}/{}/statuses", text(&made["eventId"]));
    assert_eq!(app.get(&statuses).token(&events.token).send().await.status, 403);
    let read = scoped(&app, &own, "read").await;
    app.get(&statuses).token(&read.token).expect(200).await;
    app.call(Method::HEAD, WEBHOOKS).token(&read.token).expect(200).await;
    assert_eq!(app.call(Method::HEAD, WEBHOOKS).token(&events.token).send().await.status, 403);
}

#[tokio::test]
async fn whoever_only_looks_may_ask_what_would_be() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let read = scoped(&app, &own, "read").await;
    let webhook = app.webhook(&own, None, "https://example.com").await;
    let post = |path: &str, token: &str, body: &Value| app.post(path).token(token).json(body);
    let filter = json!({ "filter": "true", "event": { "eventKey": "order.paid", "payload": {} } });
    let job = json!({ "kind": "resend", "filter": { "webhookId": webhook["id"] } });
    let (test, preview) = ("/api/v1/filters/test", "/api/v1/jobs/preview");
    assert_eq!(post(test, &read.token, &filter).expect(200).await["matches"], true);
    assert_eq!(post(preview, &read.token, &job).expect(200).await["deliveries"], 0);
    let import = "/api/v1/event-types/import";
    let document = app.get("/api/v1/event-types/export").token(&own.token).expect(200).await;
    let dry = post(&format!("{import}?dryRun=true"), &read.token, &document).expect(200).await;
    assert_eq!(dry["dryRun"], true);
    for query in ["", "?", "?dryRun=false", "?dryRun=false&dryRun=true", "?dryRun=true&dryRun=false"] {
        let refused = post(&format!("{import}{query}"), &read.token, &document);
        assert_eq!(refused.code(403).await, "insufficient_scope", "{query}");
    }
    // What is made with a secret is none of it, and a tenant's user needs the permission.
    let signed = format!("{WEBHOOKS}/{}/preview", text(&webhook["id"]));
    let refused = post(&signed, &read.token, &json!({})).expect(403).await;
    assert_eq!(refused["code"], "insufficient_scope");
    app.trust_issuer(&own, "byPermissions").await;
    let reader = app.user(&own, TENANT, &["fe.connectivity.read.*"]);
    assert_eq!(post(test, &reader, &filter).code(403).await, "forbidden");
    assert_eq!(post(preview, &reader, &job).code(403).await, "forbidden");
}

#[tokio::test]
async fn whoever_only_looks_is_shown_no_secret() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let read = scoped(&app, &own, "read").await;
    let form = json!({ "url": "https://example.com", "eventKeys": ["*"], "secret": "a secret of the receiver" });
    let made = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    let path = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let rotate = app.post(&format!("{path}/secret/rotate")).token(&own.token).json(&json!({}));
    rotate.expect(200).await;
    for (token, is_shown) in [(&own.token, true), (&read.token, false)] {
        let webhook = app.get(&path).token(token).expect(200).await;
        assert_eq!(webhook.get("secret").is_some(), is_shown);
        assert_eq!(webhook.get("previousSecret").is_some(), is_shown);
        assert_eq!(webhook["isSigned"], true);
        let list = app.get("/webhook").token(token).tenant(&own.id).expect(200).await;
        assert_eq!(list[0]["secret"].is_string(), is_shown, "{list}");
    }
}

#[tokio::test]
async fn a_session_of_the_console_is_as_far_as_its_credential() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let read = scoped(&app, &own, "read").await;
    let events = scoped(&app, &own, "events").await;
    let mut browser = Browser::default();
    let given = json!({ "clientId": events.id, "secret": events.secret });
    let refused = browser.call(&app, Method::POST, "/api/v1/session").json(&given).send().await;
    assert_eq!((refused.status.as_u16(), refused.json()["code"].as_str()), (403, Some("insufficient_scope")));
    assert_eq!(refused.header("set-cookie"), None);
    assert!(text(&refused.json()["detail"]).contains("sign in with one of the scope"), "{}", refused.json());

    browser.sign_in(&app, &read).await;
    browser.sign_in(&app, &other).await;
    let session = browser.call(&app, Method::GET, "/api/v1/session").expect(200).await;
    let scopes: Vec<_> = session["environments"].as_array().expect("two").iter().map(|e| text(&e["scope"])).collect();
    assert_eq!(scopes, ["read", "full"]);
    let call = |method, path, id: &str| browser.call(&app, method, path).header("postrider-environment", id);
    let form = json!({ "url": "https://example.com", "eventKeys": ["*"] });
    call(Method::GET, WEBHOOKS, &own.id).expect(200).await;
    let stream = call(Method::GET, "/api/v1/deliveries/stream", &own.id).send().await;
    assert_eq!(stream.status, 200);
    assert_eq!(call(Method::POST, WEBHOOKS, &own.id).json(&form).code(403).await, "insufficient_scope");
    call(Method::POST, WEBHOOKS, &other.id).json(&form).expect(201).await;
    browser.call(&app, Method::DELETE, "/api/v1/session").expect(204).await;
}

#[tokio::test]
async fn a_credential_says_what_it_opens_who_made_it_and_what_ends_with_it() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    scoped(&app, &own, "events").await;
    portal(&app, &own, TENANT, &["fe.connectivity.*"]).await;
    let new = |scope: &str| app.post(&path).token(&own.token).json(&json!({ "name": "x", "scope": scope }));
    assert_eq!(new("everything").code(400).await, "invalid_request");
    let listed = app.get(&path).token(&own.token).expect(200).await;
    let items = listed["items"].as_array().expect("items");
    let of = |scope: &str| items.iter().find(|item| item["scope"] == scope).expect("one of that scope");
    let (first, second) = (of("full"), of("events"));
    assert_eq!((items.len(), &first["createdBy"], &first["portals"]), (2, &json!(null), &json!(1)));
    assert_eq!(second["createdBy"], json!({ "id": first["id"], "name": "test" }));
    assert_eq!(second["portals"], 0);

    // With the credential go the portals that it opened.
    let another = scoped(&app, &own, "full").await;
    app.delete(&format!("{path}/{}", text(&first["id"]))).token(&another.token).expect(204).await;
    let sessions = app.get("/api/v1/portal-sessions").token(&another.token).expect(200).await;
    assert_eq!(sessions["items"], json!([]));
    let listed = app.get(&path).token(&another.token).expect(200).await;
    assert!(listed["items"].as_array().expect("items").iter().all(|item| item["portals"] == 0), "{listed}");
}
