//! Whatever is asked, the router answers: never with 500, never too late, errors in the shape of the API that was asked.

use std::cell::Cell;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::Method;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Union;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::app::{Answer, App, Environment};
use crate::document::operations;

/// No answer takes as long.
const PATIENCE: Duration = Duration::from_secs(10);
/// Requests of a run; more with PROPTEST_CASES.
const CASES: u32 = 3_000;

/// What is sent.
#[derive(Debug, Clone)]
struct Shot {
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<Bytes>,
    /// Whether the body breaks off with an error instead of ending.
    breaks: bool,
}

fn methods() -> impl Strategy<Value = Method> {
    let named = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS];
    Union::new_weighted(vec![
        (9, select(named.to_vec()).boxed()),
        (1, Just("PROPFIND".parse().expect("a method")).boxed()),
    ])
}

fn segment(ids: Vec<String>) -> impl Strategy<Value = String> {
    let odd = ["", "%00", "%ff", "%2e%2e", "..", "x", "00000000-0000-7000-8000-000000000000", "%F0%9F%92%A9", "a%2Fb"];
    prop_oneof![4 => select(ids), 2 => select(odd.map(str::to_owned).to_vec()), 1 => "[a-z0-9]{1,40}"]
}

/// A path of the document with its ids filled in, sometimes with something wrong about it.
fn paths(path: String, ids: Vec<String>) -> impl Strategy<Value = String> {
    let queries = [
        "?",
        "?limit=3",
        "?limit=-1",
        "?limit=99999999999999999999",
        "?cursor=x",
        "?id=x&offset=1&limit=0",
        "?a=%ff",
        "?channels=webhook",
        "?tenantId=%00",
        "?from=2026-01-01T00:00:00Z",
        "?state=failed",
        "?matched=perhaps",
        "?entityName=adminBox",
        "?offset=18446744073709551615&limit=18446744073709551615",
    ];
    let of_webhook = ["?id={}&offset=9223372036854775807&limit=0", "?id={}&offset=1", "?webhookId={}", "?eventId={}"];
    let mut queries = queries.map(str::to_owned).to_vec();
    queries.extend(of_webhook.map(|query| query.replace("{}", &ids[0])));
    let prefixes = ["/frontegg", "/", "/api/v1", "/x"];
    let ends = ["/", "//", "/x", "%20"];
    (
        proptest::collection::vec(segment(ids), 2),
        proptest::option::weighted(0.2, select(prefixes.to_vec())),
        proptest::option::weighted(0.2, select(ends.to_vec())),
        proptest::option::weighted(0.3, select(queries)),
    )
        .prop_map(move |(segments, prefix, end, query)| {
            let (prefix, end) = (prefix.unwrap_or_default(), end.unwrap_or_default());
            let query = query.unwrap_or_default();
            let mut segments = segments.into_iter();
            let filled: Vec<_> = path
                .split('/')
                .map(|part| if part.starts_with('{') { segments.next().unwrap_or_default() } else { part.to_owned() })
                .collect();
            format!("{prefix}{}{end}{query}", filled.join("/"))
        })
        .prop_map(|path| if path.starts_with('/') { path } else { format!("/{path}") })
}

fn headers(tokens: Vec<String>, environment: String) -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let token = select(tokens).prop_map(|token| ("authorization", format!("Bearer {token}").into_bytes()));
    let scopes = [environment, "tenant-1".to_owned(), String::new(), "ü".repeat(300), "x\u{80}".to_owned()];
    let scopes = scopes.map(String::into_bytes).to_vec();
    let scope = (select(vec!["frontegg-tenant-id", "frontegg-environment-id"]), select(scopes));
    let odd = select(vec![
        ("content-type", b"application/json".to_vec()),
        ("content-type", b"application/x-ndjson".to_vec()),
        ("content-type", vec![0xff, 0xfe]),
        ("content-length", b"999999999999".to_vec()),
        ("content-length", b"-1".to_vec()),
        ("idempotency-key", b"key".to_vec()),
        ("idempotency-key", vec![0xff]),
        ("authorization", b"Basic eDp5".to_vec()),
        ("authorization", vec![0xe9; 9_000]),
        ("x-access-token", b"eyJhbGciOiJub25lIn0.e30.".to_vec()),
        ("postrider-environment", b"x".to_vec()),
        ("expect", b"100-continue".to_vec()),
    ]);
    (
        proptest::option::weighted(0.85, token),
        proptest::collection::vec(scope, 0..2),
        proptest::option::weighted(0.3, odd),
    )
        .prop_map(|(token, scopes, odd)| token.into_iter().chain(scopes).chain(odd).collect())
}

/// JSON that calls take, or nearly.
fn json_bodies() -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "eventKey",
        "payload",
        "tenantId",
        "url",
        "eventKeys",
        "secret",
        "displayName",
        "isActive",
        "name",
        "data",
        "properties",
        "channels",
        "key",
        "retryPolicy",
        "deadlineSeconds",
        "webhooks",
        "issuer",
        "audience",
        "clientId",
        "occurredAt",
        "category",
    ];
    let texts = [
        "",
        "a",
        "https://example.com",
        "http://127.0.0.1:1/",
        "always",
        "2026-01-01T00:00:00Z",
        "\u{0}",
        "ü",
        "frontegg.user.created",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(texts.to_vec()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        Just(json!({ "title": "t", "description": "d" })),
        Just(json!({ "webhook": true })),
    ];
    let tree = leaf.prop_recursive(3, 24, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((select(names.to_vec()), inner), 0..8)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    });
    tree.prop_map(|value| value.to_string().into_bytes())
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let fitting = [
        json!({ "eventKey": "a", "payload": {} }),
        json!([{ "eventKey": "a", "payload": {} }, { "eventKey": "a" }]),
        json!({ "url": "http://127.0.0.1:1/", "eventKeys": ["a"], "displayName": "d", "isActive": true }),
        json!({ "eventKey": "a", "data": { "title": "t", "description": "d" } }),
        json!({ "name": "n" }),
        json!({ "key": "k", "displayName": "d" }),
        json!({ "webhooks": "always" }),
    ];
    let fitting = fitting.map(|value| value.to_string().into_bytes());
    let odd = vec![
        Vec::new(),
        b"null".to_vec(),
        b"\xff\xfe".to_vec(),
        b"{\"eventKey\":\"\xff\"}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        vec![b'['; 70_000],
        b"{\"a\":".repeat(20_000),
        vec![b' '; 65_537],
        vec![b'x'; 300_000],
        b"{\"eventKey\":\"a\",\"eventKey\":\"b\",\"payload\":{}}".to_vec(),
        b"[".iter().chain(b"1,".repeat(30_000).iter()).chain(b"1]").copied().collect(),
        br#"{"eventKey":"\ud800","payload":{}}"#.to_vec(),
        b"1e999999999".to_vec(),
    ];
    let cut = (json_bodies(), any::<Index>()).prop_map(|(mut body, at)| {
        body.truncate(at.index(body.len() + 1));
        body
    });
    prop_oneof![
        4 => select(fitting.to_vec()),
        4 => json_bodies(),
        2 => cut,
        2 => select(odd),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

fn shots(
    known: Vec<(Method, String)>,
    ids: Vec<String>,
    tokens: Vec<String>,
    environment: String,
) -> impl Strategy<Value = Shot> {
    let target = select(known).prop_flat_map(move |(method, path)| {
        (prop_oneof![4 => Just(method), 1 => methods()], paths(path, ids.clone()))
    });
    (target, headers(tokens, environment), bodies(), 1_usize..4, proptest::bool::weighted(0.05)).prop_map(
        |((method, path), headers, body, pieces, breaks)| {
            let size = body.len().div_ceil(pieces).max(1);
            let body = body.chunks(size).map(Bytes::copy_from_slice).collect();
            Shot { method, path, headers, body, breaks }
        },
    )
}

async fn fire(app: &App, shot: Shot) -> Option<Answer> {
    // What cannot be a URI never gets past the HTTP parser.
    shot.path.parse::<http::Uri>().ok()?;
    let mut call = app.call(shot.method, &shot.path);
    for (name, value) in &shot.headers {
        call = call.bytes(name, value)?;
    }
    let end = shot.breaks.then(|| Err(std::io::Error::other("gone")));
    let pieces = shot.body.into_iter().map(Ok).chain(end);
    Some(call.raw(Body::from_stream(stream::iter(pieces))).send_within(PATIENCE).await)
}

fn is_frontegg(path: &str) -> bool {
    let head = path.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default();
    ["frontegg", "auth", "vendors", "webhook", "event", "integrations", "metadata", "configs"].contains(&head)
}

fn check(path: &str, is_head: bool, answer: &Answer) {
    let status = answer.status.as_u16();
    assert_ne!(status, 500, "{}", String::from_utf8_lossy(&answer.body));
    if status < 400 || is_head {
        return;
    }
    let body = answer.json();
    if is_frontegg(path) {
        assert_eq!(body["statusCode"], status);
        assert!(body["errors"][0].as_str().is_some_and(|text| !text.is_empty()));
        assert!(answer.headers.contains_key("frontegg-trace-id"));
    } else {
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(body["status"], status);
        assert!(body["code"].is_string() && body["detail"].is_string() && body["requestId"].is_string(), "{body}");
    }
}

async fn prepared() -> (App, Environment, Vec<String>, Vec<String>) {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    let webhook = app.webhook(&own, Some("tenant-1"), "http://127.0.0.1:1/").await;
    let event = app.event(&own, Some("tenant-1")).await;
    let deliveries = app.deliveries_attempted(&own, &event).await;
    let operator = json!({ "name": "operator" });
    let operator = app.operate(Method::POST, "/api/v1/operator-tokens").json(&operator).expect(201).await;
    let text = |value: &Value| crate::app::text(value);
    let ids = vec![text(&webhook["id"]), event, text(&deliveries[0]["id"]), own.id.clone()];
    let tokens = vec![
        own.token.clone(),
        own.token.clone(),
        own.token.clone(),
        app.user(&own, "tenant-1", &["*"]),
        app.user(&own, "tenant-2", &["fe.connectivity.read.*"]),
        text(&operator["token"]),
        "nonsense".to_owned(),
    ];
    (app, own, ids, tokens)
}

#[test]
fn every_request_is_answered_in_shape() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (app, own, ids, tokens) = runtime.block_on(prepared());
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let mut known = operations(&document);
    let others = ["/", "/healthz", "/readyz", "/metrics", "/nothing", "/api/v1", "/frontegg"];
    known.extend(others.map(|path| (Method::GET, path.to_owned())));
    let (answers, successes) = (Cell::new(0), Cell::new(0));
    let config = Config { cases: CASES.max(Config::default().cases), failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&shots(known, ids, tokens, own.id), |shot| {
        let (path, is_head) = (shot.path.clone(), shot.method == Method::HEAD);
        if let Some(answer) = runtime.block_on(fire(&app, shot)) {
            check(&path, is_head, &answer);
            answers.set(answers.get() + 1);
            successes.set(successes.get() + u32::from(answer.status.is_success()));
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    // Else all of it was turned away at the door.
    assert!(answers.get() > CASES / 2 && successes.get() > CASES / 20, "{} of {}", successes.get(), answers.get());
}
