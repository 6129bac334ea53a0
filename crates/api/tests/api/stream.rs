//! Watching events arrive.

use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt as _;
use postrider_core::Clock as _;
use postrider_core::limits::{STREAMS_PER_CREDENTIAL, STREAMS_PER_TENANT};
use postrider_core::signature::{Secret, verify_jwt, verify_standard};
use serde_json::{Value, json};

use crate::app::{App, Call, text};

/// A stream that is being read.
pub(crate) struct Stream(Body, String);

impl Stream {
    pub(crate) async fn of(call: Call) -> Self {
        Self(call.stream().await, String::new())
    }

    async fn open(app: &App, token: &str, query: &str) -> Self {
        Self::of(app.get(&format!("/api/v1/events/stream{query}")).token(token)).await
    }

    /// The next message, its name and its data; none at the end of the stream.
    pub(crate) async fn next_if_any(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.1.find("\n\n") {
                let rest = self.1.split_off(end + 2);
                let message = std::mem::replace(&mut self.1, rest);
                let line = |name: &str| message.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                let found = (line("event:").map(ToOwned::to_owned), line("data:").map(ToOwned::to_owned));
                if let (Some(name), Some(data)) = found {
                    return Some((name, serde_json::from_str(&data).expect("JSON")));
                }
                continue;
            }
            let frame = tokio::time::timeout(Duration::from_secs(20), self.0.frame()).await.expect("a frame in time");
            let bytes = frame?.expect("no error").into_data().expect("data");
            self.1.push_str(std::str::from_utf8(&bytes).expect("UTF-8"));
        }
    }

    pub(crate) async fn next(&mut self) -> (String, Value) {
        self.next_if_any().await.expect("the stream goes on")
    }

    /// The reason of the end, which must come next, and be the end.
    pub(crate) async fn reason_of_end(&mut self) -> String {
        let (name, data) = self.next().await;
        assert_eq!(name, "ended", "{data}");
        assert_eq!(self.next_if_any().await, None);
        text(&data["reason"])
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
    for _ in 0..STREAMS_PER_CREDENTIAL {
        open.push(Stream::open(&app, &own.token, "").await);
    }
    let refused = app.get("/api/v1/events/stream").token(&own.token).send().await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["code"], "too_many_at_once");
    open.pop();
    Stream::open(&app, &own.token, "").await;
    // Neither the vendor's streams nor another tenant's keep a tenant's user out.
    app.trust_issuer(&own, "always").await;
    let webhook = |of: &'static str| {
        let (app, own) = (&app, &own);
        async move { text(&app.webhook(own, Some(of), "https://example.com").await["id"]) }
    };
    let (one, two) = (webhook("tenant-1").await, webhook("tenant-2").await);
    let of = |tenant: &str, webhook: &str| {
        let path = format!("/api/v1/deliveries/stream?webhookId={webhook}");
        app.get(&path).token(&app.user(&own, tenant, &[]))
    };
    for _ in 0..STREAMS_PER_TENANT {
        open.push(Stream::of(of("tenant-1", &one)).await);
    }
    assert_eq!(of("tenant-1", &one).code(429).await, "too_many_at_once");
    Stream::of(of("tenant-2", &two)).await;
}
