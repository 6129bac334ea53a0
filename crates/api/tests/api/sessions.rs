//! The console's session: who gets in by a cookie, whose pages may use it, and when it ends.

use std::time::{Duration, Instant};

use http::Method;
use postrider_api::{ApiOptions, TrustedProxies};
use postrider_core::limits::{CONSOLE_SESSION_IDLE, SIGN_IN_FAILURES, SIGN_IN_PAUSE, SIGN_IN_REGAINED};
use serde_json::json;

use crate::app::{App, text};
use crate::browser::Browser;

const WEBHOOKS: &str = "/api/v1/webhooks";

async fn https() -> App {
    let public_url = Some("https://hooks.example.com".to_owned());
    App::with_options(ApiOptions { public_url, ..ApiOptions::default() }).await
}

#[tokio::test]
async fn a_sign_in_sets_a_cookie_that_no_page_reads_and_that_opens_the_environment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    let lines = browser.sign_in(&app, &own).await;
    assert_eq!(lines.len(), 1);
    assert!(lines[0].ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=604800"), "{lines:?}");
    let page = browser.call(&app, Method::GET, WEBHOOKS).send().await;
    assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, Some("no-store")));
    let form = json!({ "url": "https://example.com", "eventKeys": ["*"] });
    browser.call(&app, Method::POST, WEBHOOKS).json(&form).expect(201).await;
    let session = browser.call(&app, Method::GET, "/api/v1/session").expect(200).await;
    assert_eq!(session["environments"][0]["id"], json!(own.id));
    assert_eq!(session["environments"][0]["credentialName"], "test");

    let signed_out = browser.call(&app, Method::DELETE, "/api/v1/session").send().await;
    assert_eq!(signed_out.status, 204);
    let stolen = browser.clone();
    browser.keep(&signed_out);
    assert!(browser.cookies.is_empty());
    assert_eq!(stolen.call(&app, Method::GET, WEBHOOKS).code(401).await, "session_ended");
    assert_eq!(browser.call(&app, Method::GET, "/api/v1/session").code(401).await, "token_missing");
    browser.call(&app, Method::DELETE, "/api/v1/session").expect(204).await;

    for (id, secret) in [(own.id.as_str(), "wrong"), ("018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f", "x"), ("", "")] {
        let wrong = json!({ "clientId": id, "secret": secret });
        let call = browser.call(&app, Method::POST, "/api/v1/session").json(&wrong);
        assert_eq!(call.code(401).await, "credentials_invalid");
    }
}

#[tokio::test]
async fn behind_https_the_cookie_is_secure_and_bound_to_the_host() {
    let app = https().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    let lines = browser.sign_in(&app, &own).await;
    assert!(lines[0].starts_with("__Host-postrider=") && lines[0].ends_with("; Secure"), "{lines:?}");
    browser.call(&app, Method::GET, WEBHOOKS).expect(200).await;
    // What another host of the same domain may have set does not count.
    let value = browser.cookies.remove("__Host-postrider").expect("set");
    browser.cookies.insert("postrider".to_owned(), value);
    assert_eq!(browser.call(&app, Method::GET, WEBHOOKS).code(401).await, "token_missing");

    // Without a public URL the page's own address tells.
    let app = App::start().await;
    let own = app.environment("own").await;
    let credentials = json!({ "clientId": own.id, "secret": own.secret });
    let call = Browser::default().call(&app, Method::POST, "/api/v1/session").json(&credentials);
    let answer = call.header("origin", "https://hooks.internal").header("host", "hooks.internal").send().await;
    assert!(answer.header("set-cookie").expect("set").ends_with("; Secure"));
}

#[tokio::test]
async fn no_answer_of_an_api_is_kept_and_https_stays_https() {
    for app in [App::start().await, https().await] {
        let own = app.environment("own").await;
        let is_https = app.get("/healthz").send().await.header("strict-transport-security").is_some();
        let login = json!({ "clientId": own.id, "secret": own.secret });
        let event = json!({ "eventKey": "a", "payload": {} });
        for answer in [
            app.post("/auth/vendor").json(&login).send().await,
            app.get(WEBHOOKS).token(&own.token).send().await,
            app.get(WEBHOOKS).send().await,
            app.post("/api/v1/events").token(&own.token).json(&event).send().await,
            app.get("/webhook").token(&own.token).tenant(&own.id).send().await,
            app.get("/frontegg/webhook").token(&own.token).tenant(&own.id).send().await,
        ] {
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            let told = is_https.then_some("max-age=31536000");
            assert_eq!(answer.header("strict-transport-security"), told);
        }
    }
    assert!(https().await.get("/").send().await.header("strict-transport-security").is_some());
}

#[tokio::test]
async fn pages_of_other_origins_make_no_calls_with_the_cookie() {
    let app = https().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let form = json!({ "url": "https://example.com", "eventKeys": ["*"] });
    let bare = |method, path| browser.cookies_on(app.call(method, path)).json(&form);
    let marked = |method, path| bare(method, path).header("x-postrider-csrf", "1");
    let refused = [
        bare(Method::POST, WEBHOOKS),
        bare(Method::POST, WEBHOOKS).header("x-postrider-csrf", "0"),
        bare(Method::POST, WEBHOOKS).header("origin", "https://hooks.example.com"),
        bare(Method::PUT, "/api/v1/portal-settings"),
        bare(Method::DELETE, "/api/v1/session"),
        bare(Method::POST, "/api/v1/session"),
        bare(Method::POST, "/api/v1/portal-session"),
        marked(Method::POST, WEBHOOKS).header("sec-fetch-site", "cross-site"),
        marked(Method::POST, WEBHOOKS).header("sec-fetch-site", "same-site"),
        marked(Method::POST, WEBHOOKS).header("origin", "https://evil.example"),
        marked(Method::POST, WEBHOOKS).header("origin", "https://hooks.example.com.evil.example"),
        marked(Method::POST, WEBHOOKS).header("origin", "http://hooks.example.com"),
        marked(Method::POST, WEBHOOKS).header("origin", "null"),
        marked(Method::POST, WEBHOOKS).header("origin", ""),
        marked(Method::GET, WEBHOOKS).header("sec-fetch-site", "cross-site"),
        marked(Method::GET, "/api/v1/session").header("sec-fetch-site", "same-site"),
    ];
    for call in refused {
        assert_eq!(call.code(403).await, "csrf_refused");
    }
    assert_eq!(app.get(WEBHOOKS).token(&own.token).expect(200).await["items"], json!([]), "nothing was made");
    for call in [
        marked(Method::POST, WEBHOOKS).header("origin", "https://hooks.example.com"),
        marked(Method::POST, WEBHOOKS).header("origin", "http://127.0.0.1:8400").header("host", "127.0.0.1:8400"),
        marked(Method::POST, WEBHOOKS).header("sec-fetch-site", "same-origin"),
    ] {
        call.expect(201).await;
    }
    bare(Method::GET, WEBHOOKS).header("sec-fetch-site", "none").expect(200).await;
    // A token is no cookie: nobody sends it along unasked.
    app.post(WEBHOOKS).token(&own.token).json(&form).header("sec-fetch-site", "cross-site").expect(201).await;
    // Nobody who asks first is told that he may.
    let preflight = app.call(Method::OPTIONS, WEBHOOKS).header("origin", "https://evil.example").send().await;
    assert!(
        preflight.headers.keys().all(|name| !name.as_str().starts_with("access-control")),
        "{:?}",
        preflight.headers
    );
}

#[tokio::test]
async fn one_session_holds_several_environments_and_a_call_names_one() {
    let app = App::start().await;
    let (one, two, three) =
        (app.environment("one").await, app.environment("two").await, app.environment("three").await);
    app.webhook(&two, None, "https://two.example").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &one).await;
    let before = browser.clone();
    browser.sign_in(&app, &two).await;
    assert_eq!(before.call(&app, Method::GET, WEBHOOKS).code(401).await, "session_ended", "the old secret is no more");

    let webhooks =
        |environment: &str| browser.call(&app, Method::GET, WEBHOOKS).header("postrider-environment", environment);
    assert_eq!(webhooks(&one.id).expect(200).await["items"], json!([]));
    assert_eq!(webhooks(&two.id).expect(200).await["items"][0]["url"], "https://two.example");
    assert_eq!(webhooks(&three.id).code(403).await, "scope_foreign");
    assert_eq!(webhooks("x").code(400).await, "invalid_parameter");
    assert_eq!(browser.call(&app, Method::GET, WEBHOOKS).code(400).await, "invalid_parameter");
    let own = format!("/api/v1/environments/{}", two.id);
    let get = |path: &str| browser.call(&app, Method::GET, path).header("postrider-environment", &two.id);
    assert_eq!(get(&own).expect(200).await["name"], "two");
    assert_eq!(get(&format!("/api/v1/environments/{}", one.id)).code(404).await, "not_found");
    assert_eq!(get("/api/v1/environments").code(403).await, "forbidden", "that is the operator's");

    let leave = format!("/api/v1/session?environmentId={}", one.id);
    browser.call(&app, Method::DELETE, &leave).expect(204).await;
    let session = browser.call(&app, Method::GET, "/api/v1/session").expect(200).await;
    assert_eq!(session["environments"].as_array().expect("environments").len(), 1);
    assert_eq!(webhooks(&one.id).code(403).await, "scope_foreign");
}

#[tokio::test]
async fn a_session_ends_with_its_credential_when_idle_and_for_whoever_made_its_cookie_up() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let (name, value) = browser.cookies.first_key_value().expect("a cookie");
    let flipped = if value.ends_with('A') { "B" } else { "A" };
    for made_up in ["", "x", &value[..22], &format!("{}{flipped}", &value[..value.len() - 1]), &value.repeat(9)] {
        let browser = Browser { cookies: [(name.clone(), made_up.to_owned())].into() };
        assert_eq!(browser.call(&app, Method::GET, WEBHOOKS).code(401).await, "session_ended", "{made_up}");
    }
    app.clock.advance(CONSOLE_SESSION_IDLE.saturating_sub(Duration::from_secs(1)));
    browser.call(&app, Method::GET, WEBHOOKS).expect(200).await;
    // The use is noted by the time that another change is answered.
    app.show(&crate::app::Environment { token: app.log_in(&own.id, &own.secret).await, ..own.clone() }, "always").await;
    app.clock.advance(CONSOLE_SESSION_IDLE.saturating_sub(Duration::from_secs(1)));
    browser.call(&app, Method::GET, WEBHOOKS).expect(200).await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let credentials = app.operate(Method::GET, &path).expect(200).await;
    let path = format!("{path}/{}", text(&credentials["items"][0]["id"]));
    let mut idle = Browser::default();
    idle.sign_in(&app, &own).await;
    app.clock.advance(CONSOLE_SESSION_IDLE);
    assert_eq!(idle.call(&app, Method::GET, WEBHOOKS).code(401).await, "session_ended");
    let mut last = Browser::default();
    last.sign_in(&app, &own).await;
    app.operate(Method::DELETE, &path).expect(204).await;
    assert_eq!(last.call(&app, Method::GET, WEBHOOKS).code(401).await, "session_ended");
    assert_eq!(last.call(&app, Method::GET, "/api/v1/session").code(401).await, "session_ended");
}

#[tokio::test]
async fn a_cookie_opens_the_native_api_alone() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    for path in ["/webhook", "/frontegg/webhook", "/metadata?entityName=adminBox", "/event/resources/configurations/v1"]
    {
        let answer = browser.call(&app, Method::GET, path).header("frontegg-tenant-id", "t").send().await;
        assert_eq!(answer.status, 401, "{path}");
    }
}

#[tokio::test]
async fn whoever_guesses_waits_and_keeps_nobody_else_out() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let chosen = "correct horse battery staple";
    app.operate(Method::POST, &path).json(&json!({ "name": "chosen", "secret": chosen })).expect(201).await;
    let other = "another chosen secret";
    app.operate(Method::POST, &path).json(&json!({ "name": "other", "secret": other })).expect(201).await;
    let browser = Browser::default();
    let give_from = |address: &str, secret: &str| {
        let given = json!({ "clientId": own.id, "secret": secret });
        browser.call(&app, Method::POST, "/api/v1/session").from(address).json(&given)
    };
    let give = |secret: &str| give_from("203.0.113.7", secret);
    let log_in = |secret: &str| {
        app.post("/auth/vendor").from("203.0.113.7").json(&json!({ "clientId": own.id, "secret": secret }))
    };
    give(chosen).expect(200).await;
    for n in 0..SIGN_IN_FAILURES {
        if n % 2 == 0 {
            assert_eq!(give(&format!("wrong {n}")).code(401).await, "credentials_invalid");
        } else {
            log_in(&format!("wrong {n}")).expect(401).await;
        }
    }
    let refused = give("wrong").send().await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("6")));
    assert_eq!(refused.json()["code"], "too_many_attempts");
    log_in("wrong").expect(429).await;
    assert_eq!(give(other).code(429).await, "too_many_attempts", "a right secret that nobody has given yet waits too");
    give(chosen).expect(200).await;
    give(&own.secret).expect(200).await;
    // Whoever calls from elsewhere, or through a proxy that everybody calls through, waits for a moment, and is let in.
    let started = Instant::now();
    assert_eq!(give_from("10.0.0.1", "wrong").code(401).await, "credentials_invalid");
    give_from("203.0.113.8", other).expect(200).await;
    assert!(started.elapsed() >= 2 * SIGN_IN_PAUSE);
    app.clock.advance(SIGN_IN_REGAINED);
    assert_eq!(give("wrong").code(401).await, "credentials_invalid");
}

#[tokio::test]
async fn behind_a_proxy_that_is_trusted_the_address_that_it_speaks_for_counts() {
    let trusted_proxies = TrustedProxies::new(vec!["198.51.100.7/32".parse().expect("a network")]);
    let app = App::with_options(ApiOptions { trusted_proxies, ..ApiOptions::default() }).await;
    let own = app.environment("own").await;
    let give = |peer: &str, forwarded: &str| {
        let wrong = json!({ "clientId": own.id, "secret": "wrong" });
        app.post("/auth/vendor").from(peer).header("x-forwarded-for", forwarded).json(&wrong)
    };
    for n in 0..SIGN_IN_FAILURES {
        // What the caller itself writes stands left of what the proxy adds.
        give("198.51.100.7", &format!("192.0.2.{n}, 203.0.113.7")).expect(401).await;
    }
    give("198.51.100.7", "192.0.2.99, 203.0.113.7").expect(429).await;
    give("203.0.113.7", "192.0.2.99").expect(429).await;
    for (peer, forwarded) in [("198.51.100.7", "203.0.113.8"), ("203.0.113.9", "203.0.113.7"), ("198.51.100.7", "")] {
        give(peer, forwarded).expect(401).await;
    }
}
