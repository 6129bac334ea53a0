//! Watching events arrive.

use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use postrider_core::Clock as _;
use postrider_core::signature::{Secret, verify_jwt, verify_standard};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{App, text};

/// A stream that is being read.
struct Stream(Body, String);

impl Stream {
    async fn open(app: &App, token: &str, query: &str) -> Self {
        let request = Request::get(format!("/api/v1/events/stream{query}"));
        let request =
            request.header("authorization", format!("Bearer {token}")).body(Body::empty()).expect("a request");
        let response = app.router.clone().oneshot(request).await.expect("never fails");
        assert_eq!(response.status(), 200);
        Self(response.into_body(), String::new())
    }

    /// The next message: its name and its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let rest = self.1.split_off(end + 2);
                let message = std::mem::replace(&mut self.1, rest);
                let line = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = (line("event:").map(ToOwned::to_owned), line("data:").map(ToOwned::to_owned));
                if let (Some(name), Some(data)) = found {
                    return (name, serde_json::from_str(&data).expect("JSON"));
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.frame()).await.expect("a frame in time");
            let bytes = frame.expect("the stream goes on").expect("no error").into_data().expect("data");
            self.1.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
        }
    }
}

#[tokio::test]
async fn watched_events_are_the_requests_that_deliveries_would_be() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let mut all = Stream::open(&app, &own.token, "").await;
    let mut some = Stream::open(&app, &own.token, "?eventKey=b&tenantId=tenant-1").await;
    let (name, opening) = all.next().await;
    assert_eq!(name, "stream");
    let secret = Secret::from_vendor(&text(&opening["secret"])).expect("a secret").expect("some");
    assert_ne!(some.next().await.1, opening, "each stream has a secret of its own");

    let send = async |token: &str, key: &str, tenant: Option<&str>| {
        let event = json!({ "eventKey": key, "tenantId": tenant, "payload": { "n": 1.5 } });
        text(&app.post("/api/v1/events").token(token).json(&event).expect(202).await["eventId"])
    };
    send(&other.token, "b", Some("tenant-1")).await;
    let first = send(&own.token, "a", Some("tenant-1")).await;
    send(&own.token, "b", None).await;
    let last = send(&own.token, "b", Some("tenant-1")).await;

    let (name, told) = all.next().await;
    assert_eq!(name, "event");
    let header = |told: &Value, name: &str| {
        let lines = told["headers"].as_array().expect("headers").clone();
        let line = lines.into_iter().find(|line| line["name"] == name).unwrap_or_else(|| panic!("no header {name}"));
        text(&line["value"])
    };
    assert_eq!(header(&told, "webhook-id"), first);
    let (body, now) = (text(&told["body"]), app.clock.now());
    verify_jwt(&header(&told, "x-webhook-secret"), &secret, now).expect("a token");
    let (timestamp, signature) = (header(&told, "webhook-timestamp"), header(&told, "webhook-signature"));
    verify_standard(&first, &timestamp, &signature, body.as_bytes(), &secret, now, Duration::ZERO).expect("signed");
    assert_eq!(header(&some.next().await.1, "webhook-id"), last);
}

#[tokio::test]
async fn streams_are_bounded_and_give_their_place_back() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Stream::open(&app, &own.token, "").await);
    }
    assert_eq!(app.get("/api/v1/events/stream").token(&own.token).code(503).await, "overloaded");
    open.pop();
    Stream::open(&app, &own.token, "").await;
}
