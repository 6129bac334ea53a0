//! Every limit on what a caller sends holds, at its edge.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use postrider_core::limits::{
    BATCH_BYTES, BATCH_EVENTS, DEAR_WAITING, EVENT_BYTES, IDEMPOTENCY_KEY_CHARS, JSON_DEPTH, MEMORY_BUDGET, NAME_CHARS,
    OPEN_REQUEST_READ_TIMEOUT, OPEN_REQUESTS_BUDGET, REQUEST_BYTES, REQUEST_READ_TIMEOUT, REQUESTS_BUDGET,
    SUBSCRIPTIONS, TEMPLATE_BYTES_COMPILED_AT_ONCE, TESTS_PER_TENANT,
};
use postrider_testkit::receiver::{Behaviour, Receiver};
use serde_json::json;

use crate::app::{App, answers, eventually};

/// An event of exactly that many bytes.
fn event_of(bytes: usize) -> String {
    let empty = r#"{"eventKey":"a","payload":{"filler":""}}"#;
    format!(r#"{{"eventKey":"a","payload":{{"filler":"{}"}}}}"#, "x".repeat(bytes - empty.len()))
}

/// A body in pieces of so many bytes, whose length nobody announces.
fn drip(text: String, piece: usize) -> Body {
    let pieces: Vec<_> = text.into_bytes().chunks(piece).map(Bytes::copy_from_slice).collect();
    Body::from_stream(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)))
}

#[tokio::test]
async fn a_compressed_body_is_refused_by_its_name() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for path in ["/api/v1/events", "/api/v1/events/batch", "/api/v1/webhooks"] {
        let call = |encoding| app.post(path).token(&own.token).header("content-encoding", encoding).raw("\u{1f}");
        assert_eq!(call("gzip").code(415).await, "encoding_unsupported");
        assert_eq!(call("Identity").code(400).await, "invalid_json");
    }
}

#[tokio::test]
async fn an_event_has_256_kib_announced_or_not() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let post = || app.post("/api/v1/events").token(&own.token);
    post().raw(event_of(EVENT_BYTES)).expect(202).await;
    post().raw(drip(event_of(EVENT_BYTES), 10_000)).expect(202).await;
    assert_eq!(post().raw(event_of(EVENT_BYTES + 1)).code(413).await, "body_too_large");
    assert_eq!(post().raw(drip(event_of(EVENT_BYTES + 1), 10_000)).code(413).await, "body_too_large");
    let announced = post().header("content-length", &(EVENT_BYTES + 1).to_string()).raw("{}");
    assert_eq!(announced.code(413).await, "body_too_large");
}

#[tokio::test]
async fn a_batch_has_a_thousand_events_of_256_kib_in_8_mib() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let post = |body: String| app.post("/api/v1/events/batch").token(&own.token).raw(body);
    let batch = |events: usize| vec![r#"{"eventKey":"a","payload":{}}"#; events];

    let all = post(format!("[{}]", batch(BATCH_EVENTS).join(","))).expect(202).await;
    assert_eq!(all["events"].as_array().expect("events").len(), BATCH_EVENTS);
    let lines = post(batch(BATCH_EVENTS).join("\n")).expect(202).await;
    assert_eq!(lines["events"].as_array().expect("events").len(), BATCH_EVENTS);
    for too_many in [format!("[{}]", batch(BATCH_EVENTS + 1).join(",")), batch(BATCH_EVENTS + 1).join("\n")] {
        assert_eq!(post(too_many).code(422).await, "invalid_value");
    }
    for none in ["[]", " ", "\n\n"] {
        assert_eq!(post(none.to_owned()).code(422).await, "invalid_value");
    }
    assert_eq!(post(" ".repeat(BATCH_BYTES + 1)).code(413).await, "body_too_large");

    let large = format!("[{},{}]", event_of(EVENT_BYTES), event_of(EVENT_BYTES + 1));
    let refused = post(large).expect(413).await;
    assert_eq!(refused["errors"][0]["at"], "/1");
}

#[tokio::test]
async fn a_batch_may_come_in_very_small_pieces() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let batch = format!("[{},{}]", event_of(200_000), event_of(200_000));
    app.post("/api/v1/events/batch").token(&own.token).raw(drip(batch, 8)).expect(202).await;
}

#[tokio::test]
async fn other_bodies_have_64_kib() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let form = json!({ "name": "Category" }).to_string();
    let padded = |bytes: usize| format!("{form}{}", " ".repeat(bytes - form.len()));
    let post = |body: String| app.post("/api/v1/categories").token(&own.token).raw(body);
    assert_eq!(post(padded(REQUEST_BYTES + 1)).code(413).await, "body_too_large");
    post(padded(REQUEST_BYTES)).expect(201).await;
    let login = app.post("/auth/vendor").raw(" ".repeat(REQUEST_BYTES + 1)).expect(413).await;
    assert_eq!(login["statusCode"], 413);
}

#[tokio::test]
async fn payloads_nest_a_hundred_deep() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
        format!(r#"{{"eventKey":"a","payload":{{"a":{open}{close}}}}}"#)
    };
    let post = |body: String| app.post("/api/v1/events").token(&own.token).raw(body);
    post(nested(JSON_DEPTH)).expect(202).await;
    assert_eq!(post(nested(JSON_DEPTH + 1)).code(422).await, "invalid_value");
    // Far deeper than any stack: refused, not crashed.
    assert_eq!(post(nested(100_000)).code(422).await, "invalid_value");
    let deep = app.post("/api/v1/categories").token(&own.token).raw("[".repeat(60_000));
    assert!(deep.send().await.status.is_client_error());
}

#[tokio::test]
async fn names_subscriptions_and_keys_have_their_lengths() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = |name: String, keys: Vec<String>| {
        let form = json!({ "displayName": name, "url": "https://example.com", "eventKeys": keys });
        app.post("/api/v1/webhooks").token(&own.token).json(&form)
    };
    let keys = |count: usize| (0..count).map(|number| format!("key.{number}")).collect::<Vec<_>>();
    webhook("ü".repeat(NAME_CHARS), keys(SUBSCRIPTIONS)).expect(201).await;
    assert_eq!(webhook("ü".repeat(NAME_CHARS + 1), keys(1)).code(422).await, "invalid_value");
    assert_eq!(webhook(String::new(), keys(SUBSCRIPTIONS + 1)).code(422).await, "invalid_value");

    let event = json!({ "eventKey": "a", "payload": {} });
    let keyed = |key: String| app.post("/api/v1/events").token(&own.token).header("idempotency-key", &key).json(&event);
    keyed("k".repeat(IDEMPOTENCY_KEY_CHARS)).expect(202).await;
    assert_eq!(keyed("k".repeat(IDEMPOTENCY_KEY_CHARS + 1)).code(400).await, "invalid_parameter");
    assert_eq!(keyed(String::new()).code(400).await, "invalid_parameter");
}

#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let app = App::start().await;
    let own = app.environment("own").await;
    // From here on no time passes but by waiting for the body.
    tokio::time::pause();
    let with_token = app.post("/api/v1/webhooks").token(&own.token);
    for (call, patience) in [(app.post("/auth/vendor"), OPEN_REQUEST_READ_TIMEOUT), (with_token, REQUEST_READ_TIMEOUT)]
    {
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let started = tokio::time::Instant::now();
        let answer = call.raw(never).send_within(patience * 2).await;
        assert_eq!(answer.status, 408);
        assert!((patience..patience * 2).contains(&started.elapsed()));
    }
}

/// Of a large body all but its end.
fn endless() -> Body {
    let piece = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; REQUEST_BYTES]))]);
    Body::from_stream(piece.chain(stream::pending()))
}

/// Bodies of that size that are more than there is memory for.
fn more_than(budget: usize) -> std::ops::Range<usize> {
    0..budget / REQUEST_BYTES + 8
}

#[tokio::test]
async fn who_needs_no_token_takes_nothing_from_who_has_one_nor_from_other_addresses() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let login = json!({ "clientId": own.id, "secret": own.secret });
    let webhook = json!({ "url": "https://example.com", "eventKeys": ["a"] });
    let held: Vec<_> = more_than(OPEN_REQUESTS_BUDGET)
        .map(|_| tokio::spawn(app.post("/auth/vendor").from("203.0.113.7").raw(endless()).send()))
        .collect();
    // A call of the same kind, after those.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    app.post("/auth/vendor").from("203.0.113.8").json(&login).expect(200).await;
    app.post("/api/v1/webhooks").token(&own.token).json(&webhook).expect(201).await;
    held.iter().for_each(tokio::task::JoinHandle::abort);

    // From an address that many share nothing is counted, and there is an end to what is held all the same.
    let mut held: Vec<_> = more_than(OPEN_REQUESTS_BUDGET)
        .map(|_| tokio::spawn(app.post("/auth/vendor").from("10.0.0.1").raw(endless()).send()))
        .collect();
    let place = eventually(async || held.iter().position(tokio::task::JoinHandle::is_finished)).await;
    assert_eq!(held.swap_remove(place).await.expect("no panic").status, 503);
    app.post("/api/v1/webhooks").token(&own.token).json(&webhook).expect(201).await;
    held.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn what_a_tenants_users_never_end_keeps_out_nobody_else() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let (one, two) = (app.user(&own, "tenant-1", &["*"]), app.user(&own, "tenant-2", &["*"]));
    let webhook = json!({ "url": "https://example.com", "eventKeys": ["a"] });
    let trigger = json!({ "eventKey": "order.paid", "data": { "title": "t", "description": "d" } });
    let v3 = "/event/resources/triggers/v3";
    let held: Vec<_> = more_than(REQUESTS_BUDGET.max(MEMORY_BUDGET))
        .flat_map(|_| [app.post("/api/v1/webhooks"), app.post(v3).tenant("tenant-1")])
        .map(|call| tokio::spawn(call.token(&one).raw(endless()).send()))
        .collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    for token in [&two, &own.token] {
        app.post("/api/v1/webhooks").token(token).json(&webhook).expect(201).await;
        app.post(v3).tenant("tenant-2").token(token).json(&trigger).expect(202).await;
    }
    app.post("/api/v1/events").token(&own.token).raw(event_of(EVENT_BYTES)).expect(202).await;
    // They wait for one another, but for those that found too many waiting.
    let (over, held): (Vec<_>, Vec<_>) = held.into_iter().partition(tokio::task::JoinHandle::is_finished);
    assert!(!over.is_empty(), "the line has an end");
    for call in over {
        assert_eq!(call.await.expect("no panic").status, 429);
    }
    held.iter().for_each(tokio::task::JoinHandle::abort);
    eventually(async || {
        let answer = app.post("/api/v1/webhooks").token(&one).json(&webhook).send().await;
        (answer.status == 201).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_dear_is_done_for_a_tenant_one_at_a_time_and_keeps_out_nobody_else() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let (one, two) = (app.user(&own, "tenant-1", &["*"]), app.user(&own, "tenant-2", &["*"]));
    // Too large to be compiled where the call is: all others ask for their turns meanwhile.
    let template = format!("{{}}{}", " ".repeat(TEMPLATE_BYTES_COMPILED_AT_ONCE));
    let draft = json!({ "url": "https://example.com", "settings": { "payload": { "template": template } } });
    let preview = |token: &str| app.post("/api/v1/webhooks/preview").token(token).json(&draft).send();
    let over = 8;
    let asked = join_all((0..1 + DEAR_WAITING + over).map(|_| preview(&one)));
    let (asked, others) = tokio::join!(asked, preview(&two));
    assert_eq!(others.status, 200);
    let count = |status| asked.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(429)), (1 + DEAR_WAITING, over));
    let refused = asked.iter().find(|answer| answer.status == 429).expect("counted above");
    assert_eq!(refused.json()["code"], "too_many_at_once");
    assert_eq!(preview(&one).await.status, 200, "the line has gone");
}

#[tokio::test]
async fn bodies_on_their_way_in_share_one_budget_and_give_it_back() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let mut reading = Vec::new();
    let refused = loop {
        // All of a large event arrives but its end.
        let piece = stream::iter([Ok::<_, Infallible>(Bytes::from(vec![b' '; EVENT_BYTES]))]);
        let arrived = arrived.clone();
        let never = stream::once(async move {
            arrived.send(()).expect("the test waits for it");
            std::future::pending().await
        });
        let body = Body::from_stream(piece.chain(never));
        let mut call = tokio::spawn(app.post("/api/v1/events").token(&own.token).raw(body).send());
        tokio::select! {
            arrival = arrivals.recv() => arrival.expect("a sender is kept"),
            answer = &mut call => break answer.expect("no panic"),
        }
        reading.push(call);
        assert!(reading.len() * EVENT_BYTES < MEMORY_BUDGET, "there is an end to what is held");
    };
    assert!(reading.len() > 1);
    assert_eq!(refused.status, 503);
    assert_eq!((refused.json()["code"].as_str(), refused.header("retry-after")), (Some("overloaded"), Some("1")));
    let large = || app.post("/api/v1/events").token(&own.token).raw(event_of(EVENT_BYTES)).send();
    assert_eq!(large().await.status, 503);
    // The usual event is small, and has room beside them.
    app.post("/api/v1/events").token(&own.token).raw(event_of(600)).expect(202).await;
    for call in reading {
        call.abort();
    }
    eventually(async || Some(large().await).filter(|answer| answer.status == 202)).await;
}

#[tokio::test]
async fn tests_of_a_tenant_that_hang_take_no_turn_from_others() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hangs", Behaviour::Hang);
    receiver.on("/", answers(200, "{}"));
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let test = |token: &str, path: &str| {
        let draft = json!({ "url": receiver.url(path), "payload": {} });
        app.post("/api/v1/webhook-tests").token(token).json(&draft)
    };
    let (one, two) = (app.user(&own, "tenant-1", &["*"]), app.user(&own, "tenant-2", &["*"]));
    let mut hanging: Vec<_> = (0..TESTS_PER_TENANT).map(|_| tokio::spawn(test(&one, "/hangs").send())).collect();
    receiver.wait_for(TESTS_PER_TENANT, Duration::from_secs(20)).await;
    let refused = test(&one, "/").send().await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (429, Some("1")));
    assert_eq!(refused.json()["code"], "too_many_at_once");
    test(&two, "/").expect(200).await;
    test(&own.token, "/").expect(200).await;
    // Whoever gives up waiting gives the turn back.
    hanging.pop().expect("one").abort();
    eventually(async || (test(&one, "/").send().await.status == 200).then_some(())).await;
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
}
