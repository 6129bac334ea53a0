//! When streams end: with the right of whoever opened them.

use std::time::Duration;

use http::Method;
use postrider_core::limits::{CONSOLE_SESSION_IDLE, STREAM_CHECKED, STREAMS_PER_SESSION};
use serde_json::json;

use crate::app::{App, Call, Environment, text};
use crate::browser::{Browser, portal};
use crate::stream::Stream;

const READ: &[&str] = &["fe.connectivity.read.webhooks", "fe.connectivity.read.webhookLogs"];
const DELIVERIES: &str = "/api/v1/deliveries/stream";

/// Opens a stream of deliveries that has begun.
async fn opened(call: Call) -> Stream {
    let mut stream = Stream::of(call).await;
    assert_eq!(stream.next().await.0, "open");
    stream
}

/// A tenant's webhook, and the path of the stream of its deliveries.
async fn of_webhook(app: &App, own: &Environment, tenant: &str) -> (String, String) {
    let id = text(&app.webhook(own, Some(tenant), "http://127.0.0.1:9/").await["id"]);
    let path = format!("{DELIVERIES}?webhookId={id}");
    (id, path)
}

#[tokio::test]
async fn a_sign_out_ends_the_streams_of_its_session_and_nothing_is_told_after_it() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.webhook(&own, None, "http://127.0.0.1:9/").await;
    let (mut browser, mut other) = (Browser::default(), Browser::default());
    browser.sign_in(&app, &own).await;
    other.sign_in(&app, &own).await;
    let mut deliveries = opened(browser.call(&app, Method::GET, DELIVERIES)).await;
    let mut events = Stream::of(browser.call(&app, Method::GET, "/api/v1/events/stream")).await;
    assert_eq!(events.next().await.0, "stream");
    let mut stays = opened(other.call(&app, Method::GET, DELIVERIES)).await;
    browser.call(&app, Method::DELETE, "/api/v1/session").expect(204).await;
    app.event(&own, None).await;
    assert_eq!(deliveries.reason_of_end().await, "session_ended");
    assert_eq!(events.reason_of_end().await, "session_ended");
    assert_eq!(stays.next().await.0, "delivery", "another session of the same credential goes on");
}

#[tokio::test]
async fn what_waits_to_be_read_is_not_told_after_the_right_has_ended() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let mut unread = Stream::of(browser.call(&app, Method::GET, DELIVERIES)).await;
    browser.call(&app, Method::DELETE, "/api/v1/session").expect(204).await;
    tokio::time::pause();
    tokio::time::advance(STREAM_CHECKED).await;
    tokio::time::resume();
    assert_eq!(unread.reason_of_end().await, "session_ended", "not even `open` comes before it");
}

#[tokio::test]
async fn a_stream_is_no_use_of_its_session_and_ends_with_its_idle_time() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let mut stream = opened(browser.call(&app, Method::GET, DELIVERIES)).await;
    app.clock.advance(CONSOLE_SESSION_IDLE / 2);
    // Long enough for the caller to be looked at.
    app.webhook(&own, None, "http://127.0.0.1:9/").await;
    app.event(&own, None).await;
    assert_eq!(stream.next().await.0, "delivery");
    app.clock.advance(CONSOLE_SESSION_IDLE / 2);
    while let Some((name, data)) = stream.next_if_any().await {
        if name == "ended" {
            assert_eq!(data["reason"], "session_ended");
            return;
        }
    }
    panic!("it ended without saying why");
}

#[tokio::test]
async fn a_revoked_credential_and_a_token_whose_time_is_over_end_streams() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let revoked = app.environment("revoked").await;
    let mut by_token = opened(app.get(DELIVERIES).token(&revoked.token)).await;
    let mut of_events = Stream::of(app.get("/api/v1/events/stream").token(&revoked.token)).await;
    assert_eq!(of_events.next().await.0, "stream");
    let mut browser = Browser::default();
    browser.sign_in(&app, &revoked).await;
    let mut by_cookie = opened(browser.call(&app, Method::GET, DELIVERIES)).await;
    let mut other = opened(app.get(DELIVERIES).token(&own.token)).await;
    let path = format!("/api/v1/environments/{}/credentials", revoked.id);
    let credentials = app.operate(Method::GET, &path).expect(200).await;
    let id = text(&credentials["items"][0]["id"]);
    app.operate(Method::DELETE, &format!("{path}/{id}")).send().await;
    assert_eq!(by_token.reason_of_end().await, "token_revoked");
    assert_eq!(of_events.reason_of_end().await, "token_revoked");
    assert_eq!(by_cookie.reason_of_end().await, "session_ended");
    app.clock.advance(Duration::from_hours(24));
    assert_eq!(other.reason_of_end().await, "token_expired");
}

#[tokio::test]
async fn a_users_token_ends_its_streams_with_its_time_its_permission_or_its_portal() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let (_, path) = of_webhook(&app, &own, "t").await;
    let open = async |permissions: &[&str]| opened(app.get(&path).token(&app.user(&own, "t", permissions))).await;

    let (mut may, mut may_not) = (open(READ).await, open(&[]).await);
    app.show(&own, "byPermissions").await;
    assert_eq!(may_not.reason_of_end().await, "forbidden");
    app.show(&own, "hidden").await;
    assert_eq!(may.reason_of_end().await, "portal_hidden");

    app.show(&own, "always").await;
    let mut expires = open(READ).await;
    // An issuer's clock may be a minute from ours.
    app.clock.advance(Duration::from_mins(61));
    assert_eq!(expires.reason_of_end().await, "token_expired");

    let mut untrusted = open(READ).await;
    app.put("/api/v1/trusted-issuer")
        .token(&app.log_in(&own.id, &own.secret).await)
        .json(
            &json!({ "issuer": "https://other.example", "audience": own.id, "secret": "another secret that the issuer shares" }),
        )
        .expect(200)
        .await;
    assert_eq!(untrusted.reason_of_end().await, "token_invalid");
}

#[tokio::test]
async fn a_portal_that_is_closed_or_whose_webhook_is_deleted_is_told_no_more() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.show(&own, "always").await;
    let (webhook, path) = of_webhook(&app, &own, "t").await;
    let one = portal(&app, &own, "t", READ).await;
    let two = portal(&app, &own, "t", READ).await;
    let mut by_cookie = opened(one.get(&app, &path)).await;
    let mut by_token = opened(app.get(&path).token(&one.token)).await;
    let mut other = opened(two.get(&app, &path)).await;
    app.delete(&format!("/api/v1/portal-sessions/{}", one.id)).token(&own.token).expect(204).await;
    assert_eq!(by_cookie.reason_of_end().await, "session_ended");
    assert_eq!(by_token.reason_of_end().await, "session_ended");
    app.delete(&format!("/api/v1/webhooks/{webhook}")).token(&own.token).send().await;
    assert_eq!(other.reason_of_end().await, "not_found");
}

#[tokio::test]
async fn a_session_has_few_streams_and_an_ended_one_gives_its_place_back() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut browser = Browser::default();
    browser.sign_in(&app, &own).await;
    let get = || browser.call(&app, Method::GET, DELIVERIES);
    let mut streams = Vec::new();
    for _ in 0..STREAMS_PER_SESSION {
        streams.push(opened(get()).await);
    }
    assert_eq!(get().code(429).await, "too_many_at_once");
    drop(streams.pop());
    opened(get()).await;
}
