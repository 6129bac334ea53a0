//! Portals of tenants, opened by links: who gets in, what is theirs, and when it ends.

use std::time::Duration;

use http::Method;
use postrider_api::ApiOptions;
use postrider_core::limits::{PORTAL_COOKIES, PORTAL_LINK_LIFETIME, PORTAL_TOKEN_LIFETIME};
use serde_json::{Value, json};

use crate::app::{App, text};
use crate::browser::{Browser, code_of, link, open, portal};
use crate::document::operations;

const ALL: &[&str] = &["fe.connectivity.*"];
const WEBHOOKS: &str = "/api/v1/webhooks";
const SESSION: &str = "/api/v1/portal-session";

#[tokio::test]
async fn a_link_opens_a_portal_once_so_a_stolen_one_is_worthless() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let link_of = link(&app, &own, "tenant-1", ALL).await;
    let url = text(&link_of["url"]);
    let id = text(&link_of["id"]);
    assert!(url.starts_with(&format!("http://127.0.0.1:8400/portal/{}?session={id}#code=", own.id)), "{url}");
    let body = json!({ "code": code_of(&link_of) });
    // Both come at the same moment: one is the thief.
    let browser = Browser::default();
    let exchange = || browser.call(&app, Method::POST, SESSION).json(&body);
    let (one, two) = tokio::join!(exchange().send(), exchange().send());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(exchange().code(401).await, "link_invalid");
    let opened = if one.status == 200 { one } else { two };
    let cookie = opened.header("set-cookie").expect("a cookie");
    assert!(cookie.starts_with(&format!("postrider-portal-{}=", id.replace('-', ""))), "{cookie}");
    assert!(cookie.ends_with("; Path=/; HttpOnly; Secure; SameSite=None; Partitioned; Max-Age=3600"), "{cookie}");
    // The code is not the cookie, and the cookie is no code.
    let mut thief = Browser::default();
    thief.cookies.insert(format!("postrider-portal-{}", id.replace('-', "")), code_of(&link_of));
    let call = thief.call(&app, Method::GET, SESSION).header("postrider-session", &id);
    assert_eq!(call.code(401).await, "session_ended");
    let value = cookie.split(['=', ';']).nth(1).expect("a value");
    let call = browser.call(&app, Method::POST, SESSION).json(&json!({ "code": value }));
    assert_eq!(call.code(401).await, "link_invalid");

    let late = link(&app, &own, "tenant-1", ALL).await;
    app.clock.advance(PORTAL_LINK_LIFETIME);
    let call = browser.call(&app, Method::POST, SESSION).json(&json!({ "code": code_of(&late) }));
    assert_eq!(call.code(401).await, "link_invalid");
    for made_up in ["", "x", &"A".repeat(64), &"A".repeat(10_000)] {
        let call = browser.call(&app, Method::POST, SESSION).json(&json!({ "code": made_up }));
        assert_eq!(call.code(401).await, "link_invalid");
    }
}

#[tokio::test]
async fn a_portal_sees_its_tenant_alone_and_two_in_one_browser_stay_apart() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    app.webhook(&own, None, "https://environment.example").await;
    app.webhook(&own, Some("tenant-1"), "https://one.example").await;
    let foreign = app.webhook(&own, Some("tenant-2"), "https://two.example").await;
    let one = portal(&app, &own, "tenant-1", ALL).await;
    // The second frame of the same page, and the vendor's own console, in the same browser.
    let two = open(&app, one.browser.clone(), &link(&app, &own, "tenant-2", ALL).await).await;
    let mut browser = two.browser.clone();
    browser.sign_in(&app, &own).await;
    let urls = async |session: &str| {
        let page = browser.call(&app, Method::GET, WEBHOOKS).header("postrider-session", session).expect(200).await;
        page["items"].as_array().expect("items").iter().map(|webhook| text(&webhook["url"])).collect::<Vec<_>>()
    };
    assert_eq!(urls(&one.id).await, ["https://one.example"]);
    assert_eq!(urls(&two.id).await, ["https://two.example"]);
    let path = format!("{WEBHOOKS}/{}", text(&foreign["id"]));
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        assert_eq!(one.call(&app, method, &path).json(&json!({})).code(404).await, "not_found");
    }
    let theirs = json!({ "tenantId": "tenant-2", "url": "https://x.example", "eventKeys": ["*"] });
    assert_eq!(one.call(&app, Method::POST, WEBHOOKS).json(&theirs).code(403).await, "scope_foreign");
    // The other's session takes the other's cookie.
    let swapped = one.browser.call(&app, Method::GET, WEBHOOKS).header("postrider-session", &two.id);
    assert_eq!(swapped.code(401).await, "session_ended");
    // Without naming its session a portal's page is nobody, and with it never the console.
    assert_eq!(one.browser.call(&app, Method::GET, WEBHOOKS).code(401).await, "token_missing");
    let call = browser.call(&app, Method::GET, "/api/v1/events").header("postrider-session", &one.id);
    assert_eq!(call.code(403).await, "forbidden");
    // A cookie alone does nothing for other people's pages.
    let call = one.browser.cookies_on(app.post(WEBHOOKS)).header("postrider-session", &one.id).json(&theirs);
    assert_eq!(call.code(403).await, "csrf_refused");
}

#[tokio::test]
async fn a_portals_session_reaches_no_call_of_the_vendors() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    let portal = portal(&app, &own, "tenant-1", ALL).await;
    let user = app.user(&own, "tenant-1", ALL);
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let mut refused = 0;
    for (method, path) in operations(&document) {
        // Those tell a session of a link from a token of the identity provider, and are tested by themselves, or are for anybody.
        let others = ["/api/v1/session", SESSION, "/auth/", "/vendors/", "/configs/"];
        if others.iter().any(|start| path.starts_with(start)) {
            continue;
        }
        let path = path.replace("{environmentId}", &own.id).replace(['{', '}'], "");
        let of_user = app.call(method.clone(), &path).token(&user).json(&json!({})).send().await;
        let by_token = app.call(method.clone(), &path).token(&portal.token).json(&json!({})).send().await;
        if path.starts_with("/api/v1/") {
            assert_eq!(by_token.status, of_user.status, "{method} {path}: both are users of the tenant");
            let by_cookie = portal.call(&app, method.clone(), &path).json(&json!({})).send().await;
            assert_eq!(by_cookie.status, of_user.status, "{method} {path}");
        } else {
            // Like the cookie that it stands in for.
            assert_eq!(by_token.status, 401, "{method} {path}");
        }
        refused += usize::from(of_user.status == 403);
    }
    assert!(refused > 15, "{refused}");
    for (method, path) in [
        (Method::GET, "/api/v1/events"),
        (Method::POST, "/api/v1/event-types"),
        (Method::GET, "/api/v1/portal-settings"),
        (Method::PUT, "/api/v1/portal-settings"),
        (Method::POST, "/api/v1/portal-links"),
        (Method::GET, "/api/v1/portal-sessions"),
        (Method::DELETE, "/api/v1/portal-sessions"),
        (Method::DELETE, "/api/v1/portal-sessions/018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f"),
        (Method::GET, "/api/v1/trusted-issuer"),
        (Method::PUT, "/api/v1/trusted-issuer"),
        (Method::GET, "/api/v1/environments"),
        (Method::POST, "/api/v1/environments"),
    ] {
        for call in [portal.call(&app, method.clone(), path), app.call(method.clone(), path).token(&portal.token)] {
            assert_eq!(call.json(&json!({})).code(403).await, "forbidden", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_portal_shows_nothing_in_the_page_of_another_environment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    app.trust_issuer(&own, "always").await;
    app.show(&other, "always").await;
    let portal = portal(&app, &own, "t", ALL).await;
    let user = app.user(&own, "t", ALL);
    let unopened = link(&app, &own, "t", ALL).await;
    let open_on = |page: &str| {
        let call = Browser::default().call(&app, Method::POST, SESSION).json(&json!({ "code": code_of(&unopened) }));
        call.header("postrider-environment", page)
    };
    for path in [WEBHOOKS, SESSION] {
        let calls = || [portal.get(&app, path), app.get(path).token(&portal.token), app.get(path).token(&user)];
        for elsewhere in [other.id.as_str(), "nobody", ""] {
            for call in calls() {
                assert_eq!(call.header("postrider-environment", elsewhere).code(403).await, "scope_foreign", "{path}");
            }
        }
        for call in calls() {
            call.header("postrider-environment", &own.id).expect(200).await;
        }
    }
    assert_eq!(open_on(&other.id).code(403).await, "scope_foreign");
    open_on(&own.id).expect(200).await;
}

#[tokio::test]
async fn no_portal_reports_events_whatever_its_link_names() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let portal = portal(&app, &own, "t", &["*"]).await;
    let permissions = portal.session["permissions"].as_array().expect("names");
    assert!(permissions.len() == 6 && !permissions.contains(&json!("fe.connectivity.write.triggerEvent")));
    let form = json!({ "tenantId": "t", "permissions": ["fe.connectivity.write.triggerEvent"] });
    let problem = app.post("/api/v1/portal-links").token(&own.token).json(&form).expect(422).await;
    assert_eq!(problem["errors"][0]["at"], "/permissions/0");
}

#[tokio::test]
async fn hidden_ends_what_open_portals_may_do_and_permissions_hold_under_always() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let form = json!({ "tenantId": "t", "permissions": ALL });
    let make = || app.post("/api/v1/portal-links").token(&own.token).json(&form);
    assert_eq!(make().code(403).await, "portal_hidden");
    app.show(&own, "always").await;
    let reader = portal(&app, &own, "t", &["fe.connectivity.read.webhooks"]).await;
    let unopened = make().expect(201).await;
    assert_eq!(reader.session["permissions"], json!(["fe.connectivity.read.webhooks"]));
    let new = json!({ "url": "https://x.example", "eventKeys": ["*"] });
    for visibility in ["always", "byPermissions"] {
        app.show(&own, visibility).await;
        reader.get(&app, WEBHOOKS).expect(200).await;
        assert_eq!(reader.call(&app, Method::POST, WEBHOOKS).json(&new).code(403).await, "forbidden");
        assert_eq!(reader.get(&app, "/api/v1/event-types").code(403).await, "forbidden");
    }
    app.show(&own, "hidden").await;
    for path in [WEBHOOKS, SESSION] {
        assert_eq!(reader.get(&app, path).code(403).await, "portal_hidden");
        assert_eq!(app.get(path).token(&reader.token).code(403).await, "portal_hidden");
    }
    let renew = app.post("/api/v1/portal-session/token").token(&reader.token);
    assert_eq!(renew.code(403).await, "portal_hidden");
    let open_it = || Browser::default().call(&app, Method::POST, SESSION).json(&json!({ "code": code_of(&unopened) }));
    assert_eq!(open_it().code(403).await, "portal_hidden");
    app.show(&own, "byPermissions").await;
    open_it().expect(200).await;
    reader.get(&app, WEBHOOKS).expect(200).await;
}

#[tokio::test]
async fn a_page_without_cookies_has_a_token_for_a_while() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let portal = portal(&app, &own, "t", ALL).await;
    let get = |token: &str| app.get(WEBHOOKS).token(token);
    get(&portal.token).expect(200).await;
    app.clock.advance(PORTAL_TOKEN_LIFETIME.saturating_sub(Duration::from_secs(1)));
    let renewed = app.post("/api/v1/portal-session/token").token(&portal.token).expect(200).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(get(&portal.token).code(401).await, "token_expired");
    let token = text(&renewed["token"]);
    get(&token).expect(200).await;
    let (head, tail) = token.split_at(token.len() / 2);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    for made_up in [
        "prpt_".to_owned(),
        head.to_owned(),
        format!("{head}{other}{}", &tail[1..]),
        format!("prpt_{}", "A".repeat(75)),
    ] {
        assert_eq!(get(&made_up).code(401).await, "token_invalid", "{made_up}");
    }
    // A link's id names no session before it is opened, and a token dies with its session.
    app.delete(SESSION).token(&token).expect(204).await;
    assert_eq!(get(&token).code(401).await, "session_ended");
    assert_eq!(portal.get(&app, WEBHOOKS).code(401).await, "session_ended");
    // No token outlives its session.
    let short = json!({ "tenantId": "t", "permissions": ALL, "expiresInSeconds": 60 });
    let short = app.post("/api/v1/portal-links").token(&own.token).json(&short).expect(201).await;
    let short = open(&app, Browser::default(), &short).await;
    app.clock.advance(Duration::from_mins(1));
    assert_eq!(get(&short.token).code(401).await, "token_expired");
    assert_eq!(short.get(&app, WEBHOOKS).code(401).await, "session_ended");
}

#[tokio::test]
async fn the_vendor_sees_and_ends_sessions() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let one = portal(&app, &own, "t1", ALL).await;
    let two = portal(&app, &own, "t2", ALL).await;
    let unopened = link(&app, &own, "t2", ALL).await;
    let list = async |query: &str| {
        let page = app.get(&format!("/api/v1/portal-sessions{query}")).token(&own.token).expect(200).await;
        page["items"].as_array().expect("items").clone()
    };
    let all = list("").await;
    let ids: Vec<_> = all.iter().map(|session| text(&session["id"])).collect();
    assert_eq!(ids, [text(&unopened["id"]), two.id.clone(), one.id.clone()]);
    assert_eq!((&all[0]["openedAt"], all[1]["openedAt"].is_string()), (&Value::Null, true));
    assert_eq!(list("?tenantId=t1").await.len(), 1);
    let first = app.get("/api/v1/portal-sessions?limit=2").token(&own.token).expect(200).await;
    let next = format!("?limit=2&cursor={}", text(&first["nextCursor"]));
    assert_eq!(list(&next).await.len(), 1);

    let path = format!("/api/v1/portal-sessions/{}", one.id);
    app.delete(&path).token(&own.token).expect(204).await;
    assert_eq!(one.get(&app, WEBHOOKS).code(401).await, "session_ended");
    assert_eq!(app.get(WEBHOOKS).token(&one.token).code(401).await, "session_ended");
    assert_eq!(app.delete(&path).token(&own.token).code(404).await, "not_found");
    assert_eq!(app.delete("/api/v1/portal-sessions").token(&own.token).code(400).await, "invalid_parameter");
    let ended = app.delete("/api/v1/portal-sessions?tenantId=t2").token(&own.token).expect(200).await;
    assert_eq!(ended["ended"], 2);
    assert_eq!(two.get(&app, WEBHOOKS).code(401).await, "session_ended");
    let call = Browser::default().call(&app, Method::POST, SESSION).json(&json!({ "code": code_of(&unopened) }));
    assert_eq!(call.code(401).await, "link_invalid");
    assert!(list("").await.is_empty());

    // Revoking the credential that made links ends what they opened.
    let three = portal(&app, &own, "t3", ALL).await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let credentials = app.operate(Method::GET, &path).expect(200).await;
    app.operate(Method::DELETE, &format!("{path}/{}", text(&credentials["items"][0]["id"]))).expect(204).await;
    assert_eq!(three.get(&app, WEBHOOKS).code(401).await, "session_ended");
}

#[tokio::test]
async fn a_link_takes_nothing_that_it_could_not_keep_to() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let settings = json!({
        "webhooks": "always",
        "allowedOrigins": ["https://app.example.com"],
        "theme": { "logoUrl": "https://cdn.example.com/a.svg", "accent": "#112233", "mode": "dark" },
    });
    app.put("/api/v1/portal-settings").token(&own.token).json(&settings).expect(200).await;
    let with = |name: &str, value: Value| {
        let mut form = json!({ "tenantId": "t", "permissions": ALL });
        form[name] = value;
        app.post("/api/v1/portal-links").token(&own.token).json(&form)
    };
    for (name, value, at) in [
        ("tenantId", json!(""), "/tenantId"),
        ("tenantId", json!(own.id), "/tenantId"),
        ("userId", json!(""), "/userId"),
        ("permissions", json!([]), "/permissions"),
        ("permissions", json!(vec!["*"; 51]), "/permissions"),
        ("permissions", json!(["fe.connectivity.*", "fe.secure.*"]), "/permissions/1"),
        ("expiresInSeconds", json!(59), "/expiresInSeconds"),
        ("expiresInSeconds", json!(86_401), "/expiresInSeconds"),
        ("theme", json!({ "accent": "red" }), "/theme/accent"),
        ("theme", json!({ "logoUrl": "https://elsewhere.example/a.svg" }), "/theme/logoUrl"),
        ("returnUrl", json!("https://evil.example"), "/returnUrl"),
        ("returnUrl", json!("https://app.example.com@evil.example"), "/returnUrl"),
        ("returnUrl", json!("javascript:alert(1)"), "/returnUrl"),
    ] {
        let problem = with(name, value.clone()).expect(422).await;
        assert_eq!(problem["errors"][0]["at"], at, "{name} {value}");
    }
    for (name, value) in
        [("purpose", json!("fun")), ("more", json!(1)), ("permissions", json!("*")), ("theme", json!([]))]
    {
        assert_eq!(with(name, value).code(400).await, "invalid_request");
    }
    let form = json!({
        "tenantId": "t", "userId": "ada", "permissions": ["fe.connectivity.read.*"], "purpose": "support",
        "expiresInSeconds": 600, "returnUrl": "https://app.example.com/settings",
        "theme": { "accent": "#445566", "logoUrl": "https://cdn.example.com/b.svg" },
    });
    let made = app.post("/api/v1/portal-links").token(&own.token).json(&form).expect(201).await;
    let portal = open(&app, Browser::default(), &made).await;
    let session = portal.get(&app, SESSION).expect(200).await;
    assert_eq!(session, portal.session);
    assert_eq!((&session["purpose"], &session["userId"]), (&json!("support"), &json!("ada")));
    assert_eq!(session["theme"]["accent"], "#445566");
    assert_eq!(session["theme"]["mode"], "dark", "what the link leaves out is the environment's");
    assert_eq!(session["returnUrl"], "https://app.example.com/settings");
    // An origin that is taken off the list is no place to go back to any more.
    app.show(&own, "always").await;
    assert_eq!(portal.get(&app, SESSION).expect(200).await["returnUrl"], Value::Null);
}

#[tokio::test]
async fn links_need_https_and_lead_where_it_is_configured() {
    let at = async |public_url: &str| {
        let app =
            App::with_options(ApiOptions { public_url: Some(public_url.to_owned()), ..ApiOptions::default() }).await;
        let own = app.environment("own").await;
        app.show(&own, "always").await;
        let form = json!({ "tenantId": "t", "permissions": ALL });
        let call = app.post("/api/v1/portal-links").token(&own.token).json(&form);
        let call = call.header("host", "evil.example").header("x-forwarded-host", "evil.example");
        let answer = call.send().await;
        (answer.status.as_u16(), answer.json())
    };
    for plain in ["http://hooks.example.com", "http://10.0.0.1:8400"] {
        let (status, problem) = at(plain).await;
        assert_eq!((status, &problem["code"]), (409, &json!("public_url_needed")), "{plain}");
    }
    for good in
        ["https://hooks.example.com", "https://example.com/hooks", "http://localhost:8400", "http://127.0.0.1:9"]
    {
        let (status, link) = at(good).await;
        assert_eq!(status, 201, "{good}");
        assert!(text(&link["url"]).starts_with(&format!("{good}/portal/")), "{link}");
    }
}

#[tokio::test]
async fn a_browser_keeps_few_portals_and_the_oldest_goes() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let mut browser = Browser::default();
    let mut first = None;
    for _ in 0..=PORTAL_COOKIES {
        app.clock.advance(Duration::from_millis(1));
        let portal = open(&app, browser, &link(&app, &own, "t", ALL).await).await;
        browser = portal.browser.clone();
        first.get_or_insert(portal.id);
    }
    assert_eq!(browser.cookies.len(), PORTAL_COOKIES);
    let first = first.expect("one").replace('-', "");
    assert!(!browser.cookies.contains_key(&format!("postrider-portal-{first}")));
}

#[tokio::test]
async fn a_user_of_the_vendors_identity_provider_needs_no_link() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    let user = app.user(&own, "t", &["fe.connectivity.read.*"]);
    let session = app.get(SESSION).token(&user).expect(200).await;
    assert_eq!(
        (&session["kind"], &session["id"], &session["tenantId"]),
        (&json!("userToken"), &Value::Null, &json!("t"))
    );
    assert_eq!(session["permissions"].as_array().expect("names").len(), 4);
    assert_eq!(app.post("/api/v1/portal-session/token").token(&user).code(403).await, "forbidden");
    app.delete(SESSION).token(&user).expect(204).await;
    assert_eq!(app.get(SESSION).token(&own.token).code(403).await, "forbidden");
    app.show(&own, "hidden").await;
    assert_eq!(app.get(SESSION).token(&user).code(403).await, "portal_hidden");
}
