//! Who gets in: credentials, vendor tokens, operators' tokens.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::json;

use crate::app::{App, text};

const WEBHOOKS: &str = "/api/v1/webhooks";

#[tokio::test]
async fn credentials_are_exchanged_for_a_token_that_both_headers_carry() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let login = json!({ "clientId": own.id, "secret": own.secret, "more": "ignored" });
    for path in [
        "/auth/vendor",
        "/auth/vendor/",
        "/frontegg/auth/vendor",
        "/frontegg/auth/vendor/",
        "/vendors/auth/token",
        "/vendors/auth/token/",
        "/frontegg/vendors/auth/token",
    ] {
        let answer = app.post(path).json(&login).expect(200).await;
        assert_eq!(answer["expiresIn"], 86_400);
        let token = text(&answer["token"]);
        let claims = token.split('.').nth(1).expect("three parts");
        let claims: serde_json::Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON");
        assert_eq!(claims["type"], "vendor");
        assert_eq!(claims["vendorId"], json!(own.id));
        assert_eq!(claims["exp"], json!(app.seconds() + 86_400));
        app.get(WEBHOOKS).token(&token).expect(200).await;
        app.get(WEBHOOKS).header("authorization", &format!("bearer {token}")).expect(200).await;
        app.get("/webhook").header("x-access-token", &token).tenant("acme").expect(200).await;
    }
}

#[tokio::test]
async fn wrong_credentials_are_401_whatever_is_wrong_about_them() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    for (id, secret) in [
        (own.id.as_str(), other.secret.as_str()),
        (own.id.as_str(), ""),
        (own.id.as_str(), &own.secret[1..]),
        (other.id.as_str(), own.secret.as_str()),
        ("", own.secret.as_str()),
        ("00000000-0000-7000-8000-000000000000", own.secret.as_str()),
    ] {
        let login = json!({ "clientId": id, "secret": secret });
        let answer = app.post("/auth/vendor").json(&login).expect(401).await;
        assert_eq!(answer, json!({ "errors": ["client id or secret are wrong"], "statusCode": 401 }));
    }
    for malformed in ["", "{", "[]", r#"{"clientId":1,"secret":"s"}"#, r#"{"clientId":"c"}"#] {
        app.post("/auth/vendor").raw(malformed.to_owned()).expect(400).await;
    }
}

#[tokio::test]
async fn a_chosen_secret_opens_the_environment_and_its_neighbour_does_not() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let chosen = "correct horse battery staple";
    let short = json!({ "name": "short", "secret": "fifteen letters" });
    assert_eq!(app.operate(Method::POST, &path).json(&short).code(422).await, "invalid_value");
    let made = app.operate(Method::POST, &path).json(&json!({ "name": "chosen", "secret": chosen })).expect(201).await;
    assert_eq!(made["kind"], "chosen");
    // Once by Argon2id, once by memory.
    for _ in 0..2 {
        let token = app.log_in(&own.id, chosen).await;
        app.get(WEBHOOKS).token(&token).expect(200).await;
        let wrong = json!({ "clientId": own.id, "secret": "correct horse battery stable" });
        app.post("/auth/vendor").json(&wrong).expect(401).await;
    }
    let listed = app.get(&path).token(&own.token).expect(200).await;
    assert!(!listed.to_string().contains("correct horse") && !listed.to_string().contains("argon2"));
}

#[tokio::test]
async fn a_revoked_credential_opens_nothing_any_more_and_its_tokens_neither() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let second = app.operate(Method::POST, &path).json(&json!({ "name": "second" })).expect(201).await;
    let second_token = app.log_in(&own.id, &text(&second["secret"])).await;
    app.get(WEBHOOKS).token(&second_token).expect(200).await;

    let one = format!("{path}/{}", text(&second["id"]));
    app.operate(Method::DELETE, &one).expect(204).await;
    assert_eq!(app.get(WEBHOOKS).token(&second_token).code(401).await, "token_revoked");
    let login = json!({ "clientId": own.id, "secret": second["secret"] });
    app.post("/auth/vendor").json(&login).expect(401).await;
    app.get(WEBHOOKS).token(&own.token).expect(200).await;
}

#[tokio::test]
async fn tokens_that_are_not_ours_are_401() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let stranger = App::start().await;
    let strange = stranger.environment("own").await;
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let mut parts = own.token.split('.');
    let (_, claims, signature) = (parts.next(), parts.next().expect("claims"), parts.next().expect("signature"));
    let none = encode(r#"{"alg":"none","typ":"JWT"}"#);
    let hs512 = encode(r#"{"alg":"HS512","typ":"JWT"}"#);
    let forged =
        encode(&format!(r#"{{"type":"vendor","vendorId":"{}","sub":"{}","iat":0,"exp":9e9}}"#, own.id, own.id));
    let hs256 = encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    for token in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        format!("{none}.{claims}."),
        format!("{none}.{claims}.{signature}"),
        format!("{hs512}.{claims}.{signature}"),
        format!("{hs256}.{forged}.{signature}"),
        strange.token,
        format!("{}x", own.token),
        "prop_nothing".to_owned(),
        "ü".repeat(10),
    ] {
        assert_eq!(app.get(WEBHOOKS).token(&token).code(401).await, "token_invalid", "{token}");
    }
    let missing = app.get(WEBHOOKS).send().await;
    assert_eq!((missing.status.as_u16(), missing.header("www-authenticate")), (401, Some("Bearer")));
    for value in ["", "Bearer", "Bearer ", "Basic eDp5"] {
        assert_eq!(app.get(WEBHOOKS).header("authorization", value).code(401).await, "token_missing", "{value}");
    }
}

#[tokio::test]
async fn a_token_ends_with_its_time_although_its_signature_is_remembered() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.clock.advance(Duration::from_secs(86_399));
    app.get(WEBHOOKS).token(&own.token).expect(200).await;
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(app.get(WEBHOOKS).token(&own.token).code(401).await, "token_expired");
}

#[tokio::test]
async fn an_operators_token_makes_environments_and_nothing_else() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let made = app.operate(Method::POST, "/api/v1/operator-tokens").json(&json!({ "name": "ops" })).expect(201).await;
    let token = text(&made["token"]);
    assert!(token.starts_with("prop_"));

    let new = app.post("/api/v1/environments").token(&token).json(&json!({ "name": "new" })).expect(201).await;
    let path = format!("/api/v1/environments/{}", text(&new["id"]));
    app.patch(&path).token(&token).json(&json!({ "name": "newer" })).expect(200).await;
    let credentials = format!("{path}/credentials");
    app.post(&credentials).token(&token).json(&json!({ "name": "first" })).expect(201).await;
    app.get(&credentials).token(&token).expect(200).await;
    assert_eq!(app.get(WEBHOOKS).token(&token).code(403).await, "forbidden");
    assert_eq!(app.get("/webhook").token(&token).tenant(&own.id).send().await.status, 403);
    // Making tokens is for the control socket.
    assert_eq!(
        app.post("/api/v1/operator-tokens").token(&token).json(&json!({ "name": "x" })).code(404).await,
        "route_not_found"
    );

    // A vendor has none of these rights over other environments.
    assert_eq!(app.get("/api/v1/environments").token(&own.token).code(403).await, "forbidden");
    assert_eq!(app.post(&credentials).token(&own.token).json(&json!({ "name": "x" })).code(404).await, "not_found");
    assert_eq!(app.patch(&path).token(&own.token).json(&json!({ "name": "x" })).code(404).await, "not_found");

    let one = format!("/api/v1/operator-tokens/{}", text(&made["id"]));
    app.operate(Method::DELETE, &one).expect(204).await;
    assert_eq!(app.get("/api/v1/environments").token(&token).code(401).await, "token_invalid");
}
