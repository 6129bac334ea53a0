//! Filters of webhooks: what they keep out, what is told of it, and the tester.

use postrider_core::limits::{BATCH_EVENTS, FILTER_NOTES};
use postrider_core::source::Source;
use postrider_store::WebhookPatch;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, text};

const EVENTS: &str = "/api/v1/events";
const WEBHOOKS: &str = "/api/v1/webhooks";
const TEST: &str = "/api/v1/filters/test";
const TENANT: &str = "tenant-1";
/// Goes deeper than a filter that is written now.
const NESTED: &str = "[1].exists(a, [1].exists(b, [1].exists(c, [1].exists(d, [1].exists(e, e == a)))))";

async fn filtered(app: &App, own: &Environment, url: &str, filter: &str) -> String {
    let form = json!({ "tenantId": TENANT, "url": url, "eventKeys": ["*"], "filter": filter });
    let webhook = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    assert_eq!(webhook["filter"], filter);
    text(&webhook["id"])
}

fn event(total: impl Into<Value>) -> Value {
    let total = total.into();
    json!({ "eventKey": "order.paid", "tenantId": TENANT, "payload": { "order": { "total": total } } })
}

#[tokio::test]
async fn a_filter_keeps_events_from_its_own_webhook_alone_and_what_it_could_not_tell_is_shown() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/", answers(200, "{}"));
    let own = app.environment("own").await;
    let url = receiver.url("/");
    let plain = text(&app.webhook(&own, Some(TENANT), &url).await["id"]);
    let large = filtered(&app, &own, &url, "payload.order.total > 100").await;
    let small = filtered(&app, &own, &url, "!(payload.order.total > 100)").await;
    let absent = filtered(&app, &own, &url, "!(user.age > 3)").await;
    let (_, other) = (&absent, filtered(&app, &own, &url, "event.key == 'order.made'").await);

    let accepted = app.post(EVENTS).token(&own.token).json(&event(12.5)).expect(202).await;
    assert_eq!(accepted["deliveries"], 2);
    let id = text(&accepted["eventId"]);
    let reached = app.deliveries_attempted(&own, &id).await;
    let mut reached: Vec<_> = reached.iter().map(|delivery| text(&delivery["webhookId"])).collect();
    let mut expected = [plain, small.clone()];
    reached.sort();
    expected.sort();
    assert_eq!(reached, expected);
    let shown = app.get(&format!("{EVENTS}/{id}")).token(&own.token).expect(200).await;
    assert_eq!(shown["filteredCount"], 3);
    assert_eq!(shown["filtered"][0], json!({ "webhookId": absent, "error": "the event has no user.age" }));
    let silent: Vec<_> = shown["filtered"].as_array().expect("a list")[1..].iter().collect();
    assert!(silent.iter().all(|filtered| filtered["error"].is_null()), "{silent:?}");
    let mut kept_out: Vec<_> = silent.iter().map(|filtered| text(&filtered["webhookId"])).collect();
    let mut expected = [large.clone(), other];
    kept_out.sort();
    expected.sort();
    assert_eq!(kept_out, expected);

    // Whoever runs the webhook sees it there, too, until the filter is another one.
    let health = |id: &str| app.get(&format!("{WEBHOOKS}/{id}")).token(&own.token);
    let undecided = health(&absent).expect(200).await["health"]["undecided"].clone();
    assert_eq!((&undecided["count"], &undecided["lastReason"]), (&json!(1), &json!("the event has no user.age")));
    assert!(health(&large).expect(200).await["health"]["undecided"].is_null());
    let other = json!({ "filter": "has(user.age)" });
    let patched = app.patch(&format!("{WEBHOOKS}/{absent}")).token(&own.token).json(&other).expect(200).await;
    assert!(patched["health"]["undecided"].is_null(), "{patched}");

    // A resend is asked for by a person, and not filtered again.
    let path = format!("{WEBHOOKS}/{small}");
    app.patch(&path).token(&own.token).json(&json!({ "filter": "false" })).expect(200).await;
    let deliveries = app.get(&format!("{EVENTS}/{id}/deliveries")).token(&own.token).expect(200).await;
    let of_small = deliveries["items"].as_array().expect("items").iter().find(|d| d["webhookId"] == *small);
    let delivery = text(&of_small.expect("it was delivered")["id"]);
    app.post(&format!("/api/v1/deliveries/{delivery}/resend")).token(&own.token).expect(202).await;
    let accepted = app.post(EVENTS).token(&own.token).json(&event(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 1, "the changed filter counts at once");

    // A replay sends what the webhook would get now.
    for (filter, deliveries) in [("false", 0), ("payload.order.total > 10", 1), ("event.key == 'order.paid'", 2)] {
        app.patch(&path).token(&own.token).json(&json!({ "filter": filter })).expect(200).await;
        let replay = json!({ "kind": "replay", "webhookIds": [small], "from": "2020-01-01T00:00:00Z" });
        let preview = app.post("/api/v1/jobs/preview").token(&own.token).json(&replay).expect(200).await;
        assert_eq!(preview["deliveries"], deliveries, "{filter}");
    }

    // Frontegg's clients know nothing of filters, and take none away.
    let echo = app.get("/webhook").token(&own.token).tenant(TENANT).expect(200).await;
    let record = echo.as_array().expect("records").iter().find(|r| r["_id"] == *large).expect("it is listed").clone();
    app.patch(&format!("/webhook/{large}")).token(&own.token).tenant(TENANT).json(&record).expect(200).await;
    let kept = app.get(&format!("{WEBHOOKS}/{large}")).token(&own.token).expect(200).await;
    assert_eq!(kept["filter"], "payload.order.total > 100");
    let lifted = app.patch(&format!("{WEBHOOKS}/{large}")).token(&own.token).json(&json!({ "filter": null }));
    assert_eq!(lifted.expect(200).await["filter"], Value::Null);
}

#[tokio::test]
async fn what_is_repeated_or_refused_is_not_counted_as_undecided() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = filtered(&app, &own, "https://example.com", "user.age > 3").await;
    let count = async || {
        let shown = app.get(&format!("{WEBHOOKS}/{webhook}")).token(&own.token).expect(200).await;
        shown["health"]["undecided"]["count"].clone()
    };
    let post = |total: u32| app.post(EVENTS).token(&own.token).header("idempotency-key", "k").json(&event(total));
    for _ in 0..3 {
        post(1).expect(202).await;
    }
    assert_eq!(post(2).code(422).await, "idempotency_key_reused");
    assert_eq!(count().await, 1);
    let batch = json!([event(1), event(2), event(3)]);
    app.post("/api/v1/events/batch").token(&own.token).json(&batch).expect(202).await;
    assert_eq!(count().await, 4);
}

/// Each event of a batch has its share of the steps: no more where others take none, and no less where others take all.
#[tokio::test]
async fn filters_take_no_more_over_an_event_of_a_large_batch_than_its_share() {
    let app = App::start().await;
    let own = app.environment("own").await;
    // Each takes more than half of what an event of the largest batch has, so that the third finds nothing left.
    let filter = "payload.a.all(x, payload.a.all(y, y == 1))";
    for path in ["one", "two", "three"] {
        filtered(&app, &own, &format!("https://example.com/{path}"), filter).await;
    }
    let costly = json!({ "eventKey": "order.paid", "tenantId": TENANT, "payload": { "a": vec![1; 350] } });
    let alone = app.post(EVENTS).token(&own.token).json(&costly).expect(202).await;
    assert_eq!(alone["deliveries"], 3);
    let mut batch = vec![json!({ "eventKey": "order.paid", "payload": {} }); BATCH_EVENTS - 1];
    batch.push(costly);
    let accepted = app.post("/api/v1/events/batch").token(&own.token).json(&json!(batch)).expect(202).await;
    let last = &accepted["events"][BATCH_EVENTS - 1];
    assert_eq!(last["deliveries"], 2);
    let shown = app.get(&format!("{EVENTS}/{}", text(&last["eventId"]))).token(&own.token).expect(200).await;
    assert_eq!(shown["filteredCount"], 1, "it is said of the event");
    assert!(text(&shown["filtered"][0]["error"]).contains("so large a batch"), "{shown}");
}

#[tokio::test]
async fn filters_that_cannot_be_meant_are_refused_with_the_reason() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for (filter, reason) in [
        ("", "is empty"),
        ("user.age >", "cannot be read at line 1"),
        ("usr.age > 3", "`usr` is not known"),
        ("user.age + 1", "is a condition"),
        ("user.email.matches('(?=a)')", "the pattern"),
        (NESTED, "has at most 4 of all, exists, exists_one, filter and map within one another"),
    ] {
        let form = json!({ "url": "https://example.com", "eventKeys": ["*"], "filter": filter });
        let saved = app.post(WEBHOOKS).token(&own.token).json(&form).expect(422).await;
        let tested = app.post(TEST).token(&own.token).json(&json!({ "filter": filter, "event": event(1) }));
        for refused in [saved, tested.expect(422).await] {
            assert_eq!(refused["errors"][0]["at"], "/filter");
            assert!(text(&refused["errors"][0]["detail"]).contains(reason), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_filter_that_could_be_written_once_is_kept() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = filtered(&app, &own, "https://example.com", "true").await;
    let stored = WebhookPatch { filter: Some(Some(Source::new(NESTED))), ..WebhookPatch::default() };
    let (environment, id) = (own.id.parse().expect("an id"), webhook.parse().expect("an id"));
    app.engine.store().update_webhook(environment, None, id, stored).await.expect("it is written");
    let path = format!("{WEBHOOKS}/{webhook}");
    let same = json!({ "filter": NESTED, "displayName": "Renamed" });
    let changed = app.patch(&path).token(&own.token).json(&same).expect(200).await;
    assert_eq!((&changed["filter"], &changed["displayName"]), (&json!(NESTED), &json!("Renamed")));
    let accepted = app.post(EVENTS).token(&own.token).json(&event(1)).expect(202).await;
    assert_eq!(accepted["deliveries"], 1, "it is decided as before");
    let other = json!({ "filter": format!("{NESTED} && true") });
    app.patch(&path).token(&own.token).json(&other).expect(422).await;
}

#[tokio::test]
async fn a_filter_can_be_tried_on_events_within_reach() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    app.trust_issuer(&own, "byPermissions").await;
    let accepted = app.post(EVENTS).token(&own.token).json(&event(12.5)).expect(202).await;
    let foreign = json!({ "eventKey": "order.paid", "tenantId": "tenant-2", "payload": {} });
    let foreign = app.post(EVENTS).token(&own.token).json(&foreign).expect(202).await;
    let test = |token: &str, filter: &str, more: Value| {
        let mut form = json!({ "filter": filter });
        form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        app.post(TEST).token(token).json(&form)
    };
    let of = |accepted: &Value| json!({ "eventId": accepted["eventId"] });
    let draft = || json!({ "event": event("much") });
    let user = app.user(&own, TENANT, &["fe.connectivity.write.webhook"]);
    for token in [&own.token, &user] {
        let filter = "payload.order.total > 10 && tenant.id == 'tenant-1'";
        assert_eq!(test(token, filter, of(&accepted)).expect(200).await, json!({ "matches": true }));
        let undecided = test(token, "payload.order.total > 10", draft()).expect(200).await;
        assert_eq!(undecided, json!({ "matches": false, "error": "> cannot be applied to a text and a number" }));
        test(token, "true", json!({})).expect(422).await;
        test(token, "true", json!({ "event": event(1), "eventId": accepted["eventId"] })).expect(422).await;
    }
    // Who names no tenant means its own.
    let own_tenant = json!({ "event": { "eventKey": "a", "payload": {} } });
    assert_eq!(test(&user, "tenant.id == 'tenant-1'", own_tenant.clone()).expect(200).await["matches"], true);
    assert_eq!(test(&own.token, "has(tenant.id)", own_tenant).expect(200).await["matches"], false);
    let wrong = json!({ "event": { "eventKey": "a", "payload": { "eventKey": 1 } } });
    assert_eq!(test(&own.token, "true", wrong).expect(400).await["errors"][0]["at"], "/event/payload");

    assert_eq!(test(&other.token, "true", of(&accepted)).code(404).await, "not_found");
    assert_eq!(test(&user, "true", of(&foreign)).code(404).await, "not_found");
    let of_another = json!({ "event": { "eventKey": "a", "tenantId": "tenant-2", "payload": {} } });
    assert_eq!(test(&user, "true", of_another).code(403).await, "scope_foreign");
    let reader = app.user(&own, TENANT, &["fe.connectivity.read.*"]);
    assert_eq!(test(&reader, "true", draft()).code(403).await, "forbidden");
}

#[tokio::test]
async fn many_filters_are_counted_and_some_are_named() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for _ in 0..=FILTER_NOTES {
        filtered(&app, &own, "https://example.com", "false").await;
    }
    let undecided = filtered(&app, &own, "https://example.com", "user.age > 3").await;
    let accepted = app.post(EVENTS).token(&own.token).json(&event(1)).expect(202).await;
    let path = format!("{EVENTS}/{}", text(&accepted["eventId"]));
    let shown = app.get(&path).token(&own.token).expect(200).await;
    let named = shown["filtered"].as_array().expect("a list");
    assert_eq!((named.len(), &shown["filteredCount"]), (FILTER_NOTES, &json!(FILTER_NOTES + 2)));
    assert_eq!(named[0]["webhookId"], undecided, "those that could not tell come first");
}

#[tokio::test]
async fn the_filters_of_a_tenant_are_bounded_together() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let url = "https://example.com/hook";
    // Each takes all of its steps over a long list.
    let costly = "payload.list.all(a, payload.list.all(b, a == b || a != b))";
    let mut ids = Vec::new();
    for _ in 0..12 {
        ids.push(filtered(&app, &own, url, costly).await);
    }
    let environments = json!({ "url": url, "eventKeys": ["*"], "filter": "payload.list.exists(a, a == 1)" });
    app.post(WEBHOOKS).token(&own.token).json(&environments).expect(201).await;
    let list: Vec<usize> = (0..2_000).collect();
    let event = json!({ "eventKey": "order.paid", "tenantId": TENANT, "payload": { "list": list } });
    let accepted = app.post(EVENTS).token(&own.token).json(&event).expect(202).await;
    assert_eq!(accepted["deliveries"], 1, "the environment's own is decided nevertheless");
    let shown = app.get(&format!("{EVENTS}/{}", text(&accepted["eventId"]))).token(&own.token).expect(200).await;
    let reasons: Vec<_> = shown["filtered"].as_array().expect("a list").iter().map(|f| text(&f["error"])).collect();
    let skipped = reasons.iter().filter(|reason| reason.contains("the filters of the tenant")).count();
    assert_eq!((reasons.len(), skipped), (12, 2), "{reasons:?}");
}

#[tokio::test]
async fn a_webhook_can_be_ordered_by_an_expression() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/", answers(500, ""));
    let own = app.environment("own").await;
    let ordering = json!({ "by": "expression", "expression": "[payload.order.shop, payload.order.id]" });
    let form = json!({ "url": receiver.url("/"), "eventKeys": ["*"], "ordering": ordering });
    let webhook = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    assert_eq!(webhook["ordering"], ordering);
    for (tenant, id) in [("a", 1), ("a", 1), ("a", 2), ("b", 1)] {
        let payload = json!({ "order": { "shop": "s", "id": id } });
        let event = json!({ "eventKey": "order.paid", "tenantId": tenant, "payload": payload });
        app.post(EVENTS).token(&own.token).json(&event).expect(202).await;
    }
    let deliveries = app.get("/api/v1/deliveries").token(&own.token).expect(200).await;
    let items = deliveries["items"].as_array().expect("items");
    let waiting = items.iter().filter(|delivery| delivery["waitingFor"] == "turn").count();
    assert_eq!((items.len(), waiting), (4, 1), "the second of one order, and no other, waits for its turn");
    for (wrong, at) in [
        (json!({ "by": "expression" }), "/ordering/expression"),
        (json!({ "by": "expression", "expression": "payload." }), "/ordering/expression"),
        (json!({ "by": "tenant", "expression": "payload.a" }), "/ordering/expression"),
        (json!({ "by": "expression", "expression": "payload.a", "pointer": "/a" }), "/ordering/pointer"),
    ] {
        let form = json!({ "url": receiver.url("/"), "eventKeys": ["*"], "ordering": wrong });
        let refused = app.post(WEBHOOKS).token(&own.token).json(&form).expect(422).await;
        assert_eq!(refused["errors"][0]["at"], at, "{refused}");
    }
}
