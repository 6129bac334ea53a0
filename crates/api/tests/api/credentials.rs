//! A vendor's rights over its own environment: its credentials and its name.

use std::convert::Infallible;

use axum::body::Body;
use futures_util::stream;
use http::Method;
use serde_json::{Value, json};

use crate::app::{App, text};
use crate::browser::Browser;

const WEBHOOKS: &str = "/api/v1/webhooks";

#[tokio::test]
async fn a_vendor_makes_and_revokes_credentials_of_its_own_environment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let made = app.post(&path).token(&own.token).json(&json!({ "name": "billing" })).expect(201).await;
    let second = app.log_in(&own.id, &text(&made["secret"])).await;
    app.get(WEBHOOKS).token(&second).expect(200).await;
    let listed = app.get(&path).token(&second).expect(200).await;
    assert_eq!(listed["items"].as_array().expect("items").len(), 2);

    // Not the one in use, so the last one is never revoked either.
    let first = format!("{path}/{}", text(&listed["items"][0]["id"]));
    let billing = format!("{path}/{}", text(&made["id"]));
    assert_eq!(app.delete(&first).token(&own.token).code(409).await, "credential_in_use");
    app.delete(&billing).token(&own.token).expect(204).await;
    assert_eq!(app.get(WEBHOOKS).token(&second).code(401).await, "token_revoked");
    assert_eq!(app.delete(&first).token(&own.token).code(409).await, "credential_in_use");

    // Another's environment is not there.
    let foreign = format!("/api/v1/environments/{}/credentials", other.id);
    let credentials = app.get(&foreign).token(&other.token).expect(200).await;
    let theirs = format!("{foreign}/{}", text(&credentials["items"][0]["id"]));
    assert_eq!(app.post(&foreign).token(&own.token).json(&json!({ "name": "x" })).code(404).await, "not_found");
    assert_eq!(app.delete(&theirs).token(&own.token).code(404).await, "not_found");
    let mixed = format!("{path}/{}", text(&credentials["items"][0]["id"]));
    assert_eq!(app.delete(&mixed).token(&own.token).code(404).await, "not_found");
    app.get(WEBHOOKS).token(&other.token).expect(200).await;
}

#[tokio::test]
async fn a_credential_that_is_revoked_while_the_body_arrives_makes_no_other() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let listed = app.get(&path).token(&own.token).expect(200).await;
    let revoke = app.operate(Method::DELETE, &format!("{path}/{}", text(&listed["items"][0]["id"])));
    // The body is asked for when the caller has been let in.
    let body = stream::once(async move {
        revoke.expect(204).await;
        Ok::<_, Infallible>(json!({ "name": "later" }).to_string())
    });
    let create = app.post(&path).token(&own.token).header("content-type", "application/json");
    assert_eq!(create.raw(Body::from_stream(body)).code(401).await, "token_revoked");
    let listed = app.operate(Method::GET, &path).expect(200).await;
    assert_eq!(listed["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn a_credential_that_is_revoked_while_the_body_arrives_leaves_nothing_that_outlives_it() {
    let issuer =
        json!({ "issuer": "https://id.example", "audience": "a", "secret": "a secret that the issuer shares with us" });
    let link = json!({ "tenantId": "t", "permissions": ["fe.connectivity.*"] });
    for (method, path, body) in [
        (Method::PUT, "/api/v1/trusted-issuer", issuer),
        (Method::PUT, "/api/v1/portal-settings", json!({ "webhooks": "byPermissions" })),
        (Method::PUT, "/api/v1/retention", json!({ "days": 1 })),
        (Method::POST, "/api/v1/portal-links", link),
    ] {
        let app = App::start().await;
        let own = app.environment("own").await;
        app.show(&own, "always").await;
        let credentials = format!("/api/v1/environments/{}/credentials", own.id);
        let made = app.operate(Method::POST, &credentials).json(&json!({ "name": "gone" })).expect(201).await;
        let gone = app.log_in(&own.id, &text(&made["secret"])).await;
        let revoke = app.operate(Method::DELETE, &format!("{credentials}/{}", text(&made["id"])));
        // The body is asked for when the caller has been let in.
        let late = stream::once(async move {
            revoke.expect(204).await;
            Ok::<_, Infallible>(body.to_string())
        });
        let call = app.call(method, path).token(&gone).header("content-type", "application/json");
        assert_eq!(call.raw(Body::from_stream(late)).code(401).await, "token_revoked", "{path}");
        let get = |path: &str| app.get(path).token(&own.token);
        assert_eq!(get("/api/v1/trusted-issuer").code(404).await, "not_found");
        assert_eq!(get("/api/v1/portal-settings").expect(200).await["webhooks"], "always");
        assert_eq!(get("/api/v1/retention").expect(200).await["days"], Value::Null);
        assert_eq!(get("/api/v1/portal-sessions").expect(200).await["items"], json!([]));
    }
}

#[tokio::test]
async fn an_operators_token_that_is_revoked_while_the_body_arrives_leaves_nothing_behind() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let tokens = "/api/v1/operator-tokens";
    let environment = format!("/api/v1/environments/{}", own.id);
    let credentials = format!("{environment}/credentials");
    for (method, path) in [
        (Method::POST, credentials.as_str()),
        (Method::POST, "/api/v1/environments"),
        (Method::PATCH, environment.as_str()),
    ] {
        let made = app.operate(Method::POST, tokens).json(&json!({ "name": "lost" })).expect(201).await;
        let revoke = app.operate(Method::DELETE, &format!("{tokens}/{}", text(&made["id"])));
        // The body is asked for when the caller has been let in.
        let late = stream::once(async move {
            revoke.expect(204).await;
            Ok::<_, Infallible>(json!({ "name": "later" }).to_string())
        });
        let call = app.call(method, path).token(&text(&made["token"])).header("content-type", "application/json");
        assert_eq!(call.raw(Body::from_stream(late)).code(401).await, "token_invalid", "{path}");
    }
    let listed = async |path: &str| app.operate(Method::GET, path).expect(200).await["items"].clone();
    assert_eq!(listed(&credentials).await.as_array().map(Vec::len), Some(1));
    let environments = listed("/api/v1/environments").await;
    assert_eq!(environments.as_array().map(Vec::len), Some(1));
    assert_eq!(environments[0]["name"], "own");
}

#[tokio::test]
async fn no_two_credentials_of_an_environment_have_the_same_secret() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let chosen = "correct horse battery staple";
    let form = |secret: &str, scope: &str| json!({ "name": "chosen", "secret": secret, "scope": scope });
    let create = |form: Value| app.post(&path).token(&own.token).json(&form);
    // Of two at once, too, one is made.
    let (one, two) = tokio::join!(create(form(chosen, "full")).send(), create(form(chosen, "read")).send());
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
    let made = if one.status == 201 { one.json() } else { two.json() };
    let refused = create(form(chosen, "events")).expect(409).await;
    assert_eq!((&refused["code"], &refused["errors"][0]["at"]), (&json!("conflict"), &json!("/secret")));
    // Nor one that was generated.
    assert_eq!(create(form(&own.secret, "read")).code(409).await, "conflict");
    create(form("correct horse battery stable", "read")).expect(201).await;
    let foreign = format!("/api/v1/environments/{}/credentials", other.id);
    app.post(&foreign).token(&other.token).json(&form(chosen, "full")).expect(201).await;
    // What was revoked opens nothing any more.
    app.delete(&format!("{path}/{}", text(&made["id"]))).token(&own.token).expect(204).await;
    create(form(chosen, "read")).expect(201).await;
}

#[tokio::test]
async fn of_two_credentials_that_revoke_each_other_one_stays() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = format!("/api/v1/environments/{}/credentials", own.id);
    let made = app.post(&path).token(&own.token).json(&json!({ "name": "billing" })).expect(201).await;
    let second = app.log_in(&own.id, &text(&made["secret"])).await;
    let listed = app.get(&path).token(&own.token).expect(200).await;
    let ids: Vec<_> = listed["items"].as_array().expect("items").iter().map(|item| text(&item["id"])).collect();
    let billing = text(&made["id"]);
    let first = ids.iter().find(|id| **id != billing).expect("there are two");
    let delete = |id: &str, token: &str| app.delete(&format!("{path}/{id}")).token(token).send();
    let (one, two) = tokio::join!(delete(first, &second), delete(&billing, &own.token));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 401]);
}

#[tokio::test]
async fn the_consoles_page_does_the_same_and_names_the_environment() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let path = format!("/api/v1/environments/{}", own.id);
    let credentials = format!("{path}/credentials");
    let call = |method: Method, path: &str| browser.call(&app, method, path);
    let made = call(Method::POST, &credentials).json(&json!({ "name": "billing" })).expect(201).await;
    let session = call(Method::GET, "/api/v1/session").expect(200).await;
    let in_use = format!("{credentials}/{}", text(&session["environments"][0]["credentialId"]));
    assert_eq!(call(Method::DELETE, &in_use).code(409).await, "credential_in_use");
    call(Method::DELETE, &format!("{credentials}/{}", text(&made["id"]))).expect(204).await;
    let renamed = call(Method::PATCH, &path).json(&json!({ "name": "Production" })).expect(200).await;
    assert_eq!(renamed["name"], "Production");
    let foreign = format!("/api/v1/environments/{}", other.id);
    assert_eq!(call(Method::PATCH, &foreign).json(&json!({ "name": "x" })).code(404).await, "not_found");
    // Environments are the operator's to make, and all of them the operator's to see.
    assert_eq!(call(Method::POST, "/api/v1/environments").json(&json!({ "name": "x" })).code(403).await, "forbidden");
    assert_eq!(call(Method::GET, "/api/v1/environments").code(403).await, "forbidden");
    // The operator may revoke any.
    app.operate(Method::DELETE, &in_use).expect(204).await;
    assert_eq!(call(Method::GET, WEBHOOKS).code(401).await, "session_ended");
}
