//! What a tenant's user reaches whose requests the vendor's own server passes on with its token, as Frontegg's middlewares do.

use serde_json::{Value, json};

use crate::app::{App, Environment, text};

const TENANT: &str = "tenant-1";
const DEFINITIONS: &str = "/event/resources/configurations/v1";

/// The headers of each middleware beside token and tenant; what the user may do is added where it names that.
const MIDDLEWARES: [&[(&str, &str)]; 3] = [
    &[("frontegg-user-id", "ada"), ("frontegg-vendor-host", "app.example.com")],
    &[
        ("frontegg-user-id", ""),
        ("frontegg-vendor-host", "app.example.com"),
        ("frontegg-middleware-client", "Node.js@2"),
    ],
    &[("frontegg-middleware-request", "True")],
];

fn form(secret: &str) -> Value {
    json!({ "displayName": "n", "url": "https://example.com", "secret": secret, "eventKeys": ["*"], "isActive": true })
}

fn passed_on(
    app: &App,
    method: http::Method,
    path: &str,
    own: &Environment,
    headers: &[(&'static str, &str)],
) -> crate::app::Call {
    let call = app.call(method, path).header("x-access-token", &own.token);
    headers.iter().fold(call, |call, (name, value)| call.header(name, value))
}

#[tokio::test]
async fn the_native_api_takes_no_token_that_a_middleware_adds() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for path in ["/api/v1/webhooks", "/api/v1/events", "/api/v1/deliveries", "/api/v1/portal-settings"] {
        let answer = app.get(path).header("x-access-token", &own.token).expect(401).await;
        assert_eq!(answer["code"], "token_missing");
        assert!(text(&answer["detail"]).contains("x-access-token counts in Frontegg's API alone"), "{answer}");
        app.get(path).header("x-access-token", "anything").token(&own.token).expect(200).await;
    }
    let credentials = format!("/api/v1/environments/{}/credentials", own.id);
    let call = app.post(&credentials).header("x-access-token", &own.token).json(&json!({ "name": "mine" }));
    assert_eq!(call.code(401).await, "token_missing");
}

#[tokio::test]
async fn a_middlewares_token_comes_before_what_the_browser_sends() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for foreign in ["Bearer eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "Bearer of-a-session", "Basic YTpi"] {
        let call = app.get("/webhook").header("x-access-token", &own.token).tenant(TENANT);
        assert_eq!(call.header("authorization", foreign).expect(200).await, json!([]));
    }
    // An empty one is none.
    app.get("/webhook").header("x-access-token", "").token(&own.token).tenant(TENANT).expect(200).await;
}

#[tokio::test]
async fn whoever_is_passed_on_is_a_user_of_the_tenant() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let definition = json!({ "key": "order.paid", "displayName": "Order paid" });
    let made = app.post(DEFINITIONS).token(&own.token).json(&definition).expect(201).await;
    for headers in MIDDLEWARES {
        let call = |method, path: &str| passed_on(&app, method, path, &own, headers).tenant(TENANT);
        let webhook = call(http::Method::POST, "/webhook/custom").json(&form("a longer secret")).expect(201).await;
        assert_eq!(webhook["tenantId"], TENANT);
        assert_eq!(call(http::Method::GET, "/webhook").expect(200).await, json!([webhook]));
        let short = call(http::Method::POST, "/webhook/custom").json(&form("s")).expect(400).await;
        assert!(text(&short["errors"][0]).contains("secret"), "{short}");
        call(http::Method::DELETE, &format!("/webhook/{}", text(&webhook["_id"]))).expect(200).await;
        call(http::Method::GET, "/metadata?entityName=adminBox").expect(200).await;
        call(http::Method::GET, &format!("{DEFINITIONS}/categories")).expect(200).await;

        // What is the vendor's stays so.
        call(http::Method::POST, DEFINITIONS).json(&json!({ "key": "a.b", "displayName": "x" })).expect(403).await;
        call(http::Method::DELETE, &format!("{DEFINITIONS}/{}", text(&made["id"]))).expect(403).await;
        let trigger = json!({ "eventKey": "order.paid", "data": { "title": "t", "description": "d" } });
        call(http::Method::POST, "/event/resources/triggers/v3").json(&trigger).expect(403).await;

        // No tenant, in each way that middlewares say so, is not the environment; nor is a header that the browser adds.
        for none in [None, Some(""), Some("WITHOUT_TENANT_ID")] {
            let call = passed_on(&app, http::Method::GET, "/webhook", &own, headers);
            let call = none.into_iter().fold(call, crate::app::Call::tenant);
            let refused = call.header("frontegg-environment-id", &own.id).expect(403).await;
            assert_eq!(refused["errors"], json!(["Tenant ID is not specified"]));
        }
        // A vendor's server that names the environment as the tenant means it.
        passed_on(&app, http::Method::GET, "/webhook", &own, headers).tenant(&own.id).expect(200).await;
    }
}

#[tokio::test]
async fn whoever_is_passed_on_may_do_what_the_server_names() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let trigger = json!({ "eventKey": "order.paid", "data": { "title": "t", "description": "d" } });
    for (visibility, permissions, looks, writes) in [
        ("hidden", "fe.connectivity.read.webhooks", 200, 403),
        ("hidden", "fe.secure.read.users, fe.connectivity.*", 200, 201),
        ("hidden", "*", 200, 201),
        ("hidden", "", 403, 403),
        ("byPermissions", "", 403, 403),
        ("byPermissions", "fe.connectivity.read.*,fe.connectivity.write.webhook", 200, 201),
        ("always", "", 200, 201),
        ("always", "fe.connectivity.write.triggerEvent", 200, 201),
    ] {
        app.show(&own, visibility).await;
        let headers = [("frontegg-user-permissions", permissions)];
        let call = |method, path| passed_on(&app, method, path, &own, &headers).tenant(TENANT);
        call(http::Method::GET, "/webhook").expect(looks).await;
        call(http::Method::POST, "/webhook/custom").json(&form("a longer secret")).expect(writes).await;
        // A browser may have sent the header itself, through a middleware that names no permissions.
        call(http::Method::POST, "/event/resources/triggers/v3").json(&trigger).expect(403).await;
    }
}

#[tokio::test]
async fn a_middleware_lends_no_more_than_its_credential_has() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let credentials = format!("/api/v1/environments/{}/credentials", own.id);
    let read = json!({ "name": "looks", "scope": "read" });
    let read = app.post(&credentials).token(&own.token).json(&read).expect(201).await;
    let token = app.log_in(&own.id, &text(&read["secret"])).await;
    let own = Environment { token, ..own };
    let call = |method, path| passed_on(&app, method, path, &own, &[("frontegg-user-permissions", "*")]).tenant(TENANT);
    call(http::Method::GET, "/webhook").expect(200).await;
    call(http::Method::POST, "/webhook/custom").json(&form("a longer secret")).expect(403).await;
}

#[tokio::test]
async fn a_middleware_learns_that_no_route_is_open_to_everybody() {
    let app = App::start().await;
    for path in ["/configs/routes", "/configs/routes/", "/frontegg/configs/routes"] {
        assert_eq!(app.get(path).expect(200).await, json!({ "vendorClientPublicRoutes": [] }));
    }
    assert_eq!(app.get("/configs/other").expect(404).await["statusCode"], 404);
}

#[tokio::test]
async fn a_vendors_own_client_may_name_its_host() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let headers = [("frontegg-vendor-host", "app.example.com")];
    let trigger = json!({ "eventKey": "order.paid", "data": { "title": "t", "description": "d" } });
    let call = passed_on(&app, http::Method::POST, "/event/resources/triggers/v3", &own, &headers);
    call.tenant(TENANT).json(&trigger).expect(202).await;
}
