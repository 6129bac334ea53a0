//! The pages of the web application and its files: which paths they answer, and with which headers.

use postrider_api::{ApiOptions, WebFile};
use serde_json::json;

use crate::app::{Answer, App};
use crate::browser::Browser;

const HTML: &str = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
const PAGE: &[u8] =
    br#"<!doctype html><head><base href="/" /><script nonce="__CSP_NONCE__" src="./assets/a-1.js"></script>"#;

fn file(path: &'static str, plain: &'static [u8]) -> WebFile {
    WebFile { path, plain, brotli: None, gzip: None, tag: "0123" }
}

async fn app() -> App {
    App::with_options(ApiOptions {
        web: vec![
            file("index.html", PAGE),
            file("portal.html", b"<!doctype html><title>Portal</title>"),
            file("favicon.svg", b"<svg/>"),
            WebFile { brotli: Some(b"short"), ..file("assets/a-1.js", b"let a = 1;") },
        ],
        ..ApiOptions::default()
    })
    .await
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

#[tokio::test]
async fn deep_links_are_pages_and_paths_of_apis_never_are() {
    let app = app().await;
    for path in
        ["/", "/webhooks", "/webhooks/018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f?tab=body", "/sign-in", "/events", "/nothing"]
    {
        let answer = app.get(path).header("accept", HTML).send().await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(body(&answer).contains("assets/a-1.js"), "{path}");
    }
    for path in ["/portal", "/portal/", "/portal/018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f", "/portal/x/webhooks"] {
        assert!(body(&app.get(path).header("accept", HTML).send().await).contains("Portal"), "{path}");
    }
    for path in [
        "/api",
        "/api/",
        "/api/v1/nothing",
        "/api/v1/portal",
        "/frontegg/nothing",
        "/webhook/nothing/at/all",
        "/event/nothing",
        "/auth/nothing",
        "/integrations",
        "/vendors",
        "/configs",
        "/assets/gone-2.js",
        "/healthz/more",
    ] {
        let answer = app.get(path).header("accept", HTML).send().await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.header("content-type").is_some_and(|value| value.ends_with("json")), "{path}");
    }
    // What a program asks for is no page, and nothing is posted to one.
    assert_eq!(app.get("/nothing").code(404).await, "route_not_found");
    assert_eq!(app.post("/webhooks").header("accept", HTML).code(404).await, "route_not_found");
    // The APIs come first.
    assert_eq!(app.get("/webhook").header("accept", HTML).send().await.status, 401);
    assert_eq!(app.operate(http::Method::GET, "/").header("accept", HTML).send().await.status, 404);
}

#[tokio::test]
async fn the_consoles_page_lets_in_the_logos_of_those_environments_that_are_signed_in_to() {
    let app = app().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    for (environment, host) in [(&own, "own"), (&other, "other")] {
        let theme = json!({ "logoUrl": format!("https://{host}.example/logo.svg") });
        let settings = json!({ "webhooks": "always", "theme": theme });
        app.put("/api/v1/portal-settings").token(&environment.token).json(&settings).expect(200).await;
    }
    let mut browser = Browser::default();
    let policy = async |browser: &Browser| {
        let page = browser.call(&app, http::Method::GET, "/portal-settings").header("accept", HTML).send().await;
        page.header("content-security-policy").expect("a policy").to_owned()
    };
    assert!(policy(&browser).await.contains("img-src 'self' data:;"));
    browser.sign_in(&app, &own).await;
    assert!(policy(&browser).await.contains("img-src 'self' data: https://own.example;"));
}

#[tokio::test]
async fn a_page_has_a_new_nonce_each_time_that_its_policy_names() {
    let app = app().await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        let answer = app.get("/").send().await;
        let policy = answer.header("content-security-policy").expect("a policy").to_owned();
        let page = body(&answer);
        let nonce = page.split("nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce").to_owned();
        assert!(nonce.len() >= 22 && !seen.contains(&nonce), "{nonce}");
        assert!(policy.contains(&format!("script-src 'self' 'nonce-{nonce}';")), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        seen.push(nonce);
    }
}

#[tokio::test]
async fn the_portal_is_framed_by_the_origins_of_its_environment_and_the_console_by_nobody() {
    let app = app().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let settings = json!({
        "webhooks": "always",
        "allowedOrigins": ["https://App.example.com/", "https://app.example.com", "https://*.example.org"],
        "theme": { "logoUrl": "https://cdn.example.com/logo.svg" },
    });
    let put = app.put("/api/v1/portal-settings").token(&own.token).json(&settings).expect(200).await;
    assert_eq!(put["allowedOrigins"], json!(["https://app.example.com", "https://*.example.org"]));
    let policy = async |path: &str| {
        let answer = app.get(path).header("accept", HTML).send().await;
        let policy = answer.header("content-security-policy").expect("a policy").to_owned();
        let (_, ancestors) = policy.split_once("frame-ancestors ").expect("ancestors");
        (ancestors.to_owned(), policy.contains("img-src 'self' data: https://cdn.example.com;"))
    };
    let listed = ("'self' https://app.example.com https://*.example.org".to_owned(), true);
    assert_eq!(policy(&format!("/portal/{}", own.id)).await, listed);
    assert_eq!(policy(&format!("/portal/{}/webhooks", own.id)).await, listed);
    assert_eq!(policy(&format!("/portal/{}", other.id)).await, ("'self'".to_owned(), false));
    assert_eq!(policy("/portal").await, ("'self'".to_owned(), false));
    assert_eq!(policy(&format!("/webhooks/portal/{}", own.id)).await, ("'none'".to_owned(), false));
}

#[tokio::test]
async fn portal_settings_take_nothing_that_they_could_not_keep_to() {
    let app = app().await;
    let own = app.environment("own").await;
    let put = |settings: serde_json::Value| app.put("/api/v1/portal-settings").token(&own.token).json(&settings);
    let many: Vec<_> = (0..51).map(|n| format!("https://{n}.example.com")).collect();
    for (settings, at) in [
        (json!({ "webhooks": "always", "allowedOrigins": ["http://app.example.com"] }), "/allowedOrigins/0"),
        (json!({ "webhooks": "always", "allowedOrigins": ["https://a;b"] }), "/allowedOrigins/0"),
        (json!({ "webhooks": "always", "allowedOrigins": ["https://a.example", "*"] }), "/allowedOrigins/1"),
        (json!({ "webhooks": "always", "allowedOrigins": many }), "/allowedOrigins"),
        (json!({ "webhooks": "always", "theme": { "accent": "red" } }), "/theme/accent"),
        (json!({ "webhooks": "always", "theme": { "logoUrl": "data:image/svg+xml,x" } }), "/theme/logoUrl"),
        (json!({ "webhooks": "always", "theme": { "radius": 99 } }), "/theme/radius"),
        (json!({ "webhooks": "always", "theme": { "fontFamily": "x;y" } }), "/theme/fontFamily"),
    ] {
        let problem = put(settings).expect(422).await;
        assert_eq!((&problem["code"], &problem["errors"][0]["at"]), (&json!("invalid_value"), &json!(at)));
    }
    for unreadable in [
        json!({}),
        json!({ "webhooks": "always", "theme": { "mode": "blue" } }),
        json!({ "webhooks": "always", "theme": { "colour": "#123456" } }),
        json!({ "webhooks": "always", "allowedOrigins": "https://a.example" }),
    ] {
        assert_eq!(put(unreadable).code(400).await, "invalid_request");
    }
    let whole = json!({
        "webhooks": "byPermissions",
        "allowedOrigins": ["https://app.example.com"],
        "theme": {
            "accent": "#3366ff", "logoUrl": "https://cdn.example.com/logo.svg", "mode": "dark", "radius": 8,
            "fontFamily": "Inter",
        },
    });
    assert_eq!(put(whole.clone()).expect(200).await, whole);
    assert_eq!(app.get("/api/v1/portal-settings").token(&own.token).expect(200).await, whole);
    let defaults = json!({ "accent": null, "logoUrl": null, "mode": "auto", "radius": null, "fontFamily": null });
    let put = put(json!({ "webhooks": "always" })).expect(200).await;
    assert_eq!(put, json!({ "webhooks": "always", "allowedOrigins": [], "theme": defaults }));
}

#[tokio::test]
async fn files_are_served_with_their_kind_and_the_embedding_script_to_everybody() {
    let app = app().await;
    let script = app.get("/assets/a-1.js").header("accept-encoding", "br").send().await;
    assert_eq!((body(&script), script.header("content-encoding")), ("short".to_owned(), Some("br")));
    assert_eq!(script.header("content-type"), Some("text/javascript; charset=utf-8"));
    assert_eq!(script.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(script.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(script.header("access-control-allow-origin"), None);
    let known = script.header("etag").expect("a tag").to_owned();
    let again = app.get("/assets/a-1.js").header("accept-encoding", "br").header("if-none-match", &known).send().await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
    let head = app.call(http::Method::HEAD, "/assets/a-1.js").send().await;
    assert_eq!((head.status.as_u16(), head.body.len(), head.header("content-length")), (200, 0, Some("10")));
    assert_eq!(app.get("/favicon.svg").send().await.header("cache-control"), Some("no-cache"));
    // A page has its policy, under its own name as under any.
    let named = app.get("/index.html").header("accept", HTML).send().await;
    assert!(named.header("content-security-policy").is_some());
    assert_eq!(app.get("/index.html").code(404).await, "route_not_found");

    let embed = app.get("/portal/embed.js").send().await;
    assert!(body(&embed).contains("customElements.define('postrider-portal'"));
    assert_eq!(embed.header("access-control-allow-origin"), Some("*"));
    assert_eq!(embed.header("cross-origin-resource-policy"), Some("cross-origin"));
}

#[tokio::test]
async fn without_its_web_application_the_program_says_so() {
    let app = App::start().await;
    for path in ["/", "/portal"] {
        let answer = app.get(path).send().await;
        assert_eq!(answer.status, 200);
        assert!(body(&answer).contains("built without its web application"), "{path}");
        assert!(answer.header("content-security-policy").is_some());
    }
}
