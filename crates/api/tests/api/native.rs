//! The native API.

use http::Method;
use insta::assert_json_snapshot;
use postrider_core::limits::{READINESS_KEPT, TROUBLED_STEP};
use postrider_egress::{EgressOptions, OwnAddresses};
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, answers, redacted, text};
use crate::document::operations;

const EVENTS: &str = "/api/v1/events";
const BATCH: &str = "/api/v1/events/batch";
const WEBHOOKS: &str = "/api/v1/webhooks";
/// An id that nothing has.
const NOTHING: &str = "00000000-0000-7000-8000-000000000000";

#[tokio::test]
async fn an_event_is_delivered_byte_for_byte_and_everything_about_it_can_be_read() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, r#"{"thanks":true}"#));
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, Some("tenant-1"), &receiver.url("/hook")).await;
    let body = r#"{"eventKey":"order.paid","tenantId":"tenant-1","userId":"u\u0031","payload":{"n": 1.50e0, "s": "\u0041"},
        "occurredAt":"2026-01-30T13:00:00+01:00"}"#;
    let accepted = app.post(EVENTS).token(&own.token).raw(body).expect(202).await;
    let event = text(&accepted["eventId"]);
    assert_eq!(accepted, json!({ "eventId": event, "deliveries": 1 }));

    let delivery = app.deliveries_attempted(&own, &event).await.remove(0);
    let sent = String::from_utf8(receiver.received()[0].body.to_vec()).expect("UTF-8");
    assert!(sent.ends_with(r#","n":1.50e0,"s":"\u0041"}"#), "{sent}");
    assert_eq!(receiver.received()[0].headers["webhook-id"], event.as_str());

    let whole = app.get(&format!("{EVENTS}/{event}")).token(&own.token).send().await;
    assert!(String::from_utf8_lossy(&whole.body).contains(&sent), "the body is told byte for byte");
    let id = text(&delivery["id"]);
    let get = |path: &str| app.get(path).token(&own.token).expect(200);
    let mut attempts = get(&format!("/api/v1/deliveries/{id}/attempts")).await;
    attempts["items"][0]["headers"] = json!("[headers]");
    let one = get(&format!("/api/v1/deliveries/{id}")).await;
    assert!(one.get("body").is_some());
    assert_json_snapshot!(
        "story of an event",
        redacted(&json!({
            "webhook": get(&format!("{WEBHOOKS}/{}", text(&webhook["id"]))).await,
            "events": get(EVENTS).await,
            "deliveries": get("/api/v1/deliveries").await,
            "attempts": attempts,
        }))
    );
}

#[tokio::test]
async fn an_idempotency_key_makes_a_call_repeatable_and_not_another() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    let event = |total: u32| json!({ "eventKey": "order.paid", "payload": { "total": total } });
    let post = |token: &str, event: &Value| app.post(EVENTS).token(token).header("idempotency-key", "k").json(event);
    let first = post(&own.token, &event(1)).send().await;
    let again = post(&own.token, &event(1)).send().await;
    assert_eq!((first.json(), first.header("idempotency-replayed")), (again.json(), None));
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(post(&own.token, &event(2)).code(422).await, "idempotency_key_reused");
    assert_ne!(post(&other.token, &event(1)).expect(202).await, first.json());
    let events = app.get(EVENTS).token(&own.token).expect(200).await;
    assert_eq!(events["items"].as_array().expect("items").len(), 1);
}

#[tokio::test]
async fn a_batch_is_taken_in_whole_or_not_at_all() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let (good, bad) = (r#"{"eventKey":"a","payload":{}}"#, r#"{"eventKey":"","payload":{}}"#);
    let unknown = r#"{"eventKey":"a","payload":{},"tenant":"t"}"#;
    let post = |body: String| app.post(BATCH).token(&own.token).raw(body);
    for (body, status, at) in [
        (format!("[{good},{bad}]"), 422, "/1/eventKey"),
        (format!("{good}\n\n{bad}\n"), 422, "/1/eventKey"),
        (format!("[{good},{good},{unknown}]"), 400, "/2/tenant"),
        (format!("{good}\r\n{good}\n{{"), 400, "/2"),
        (format!("[{good},7]"), 400, "/1"),
    ] {
        let refused = post(body.clone()).expect(status).await;
        assert_eq!(refused["errors"][0]["at"], at, "{body}: {refused}");
    }
    assert_eq!(app.get(EVENTS).token(&own.token).expect(200).await["items"], json!([]));
    let both = post(format!(" {good}\n{good} ")).expect(202).await;
    let ids: Vec<_> = both["events"].as_array().expect("events").iter().map(|event| text(&event["eventId"])).collect();
    let listed = app.get(EVENTS).token(&own.token).expect(200).await;
    let mut listed: Vec<_> = listed["items"].as_array().expect("items").iter().map(|e| text(&e["id"])).collect();
    let mut ids = ids;
    listed.sort();
    ids.sort();
    assert_eq!(ids, listed);
}

#[tokio::test]
async fn what_cannot_be_read_is_400_and_what_cannot_be_meant_422() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let event = |body: &str| app.post(EVENTS).token(&own.token).raw(body.to_owned());
    let webhook = |more: Value| {
        let mut form = json!({ "url": "https://example.com", "eventKeys": ["a"] });
        form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        app.post(WEBHOOKS).token(&own.token).json(&form)
    };
    let mut refusals = Vec::new();
    for call in [
        event(""),
        event("{"),
        event("nothing"),
        event(r#"["order.paid", null, null, null, {}, null]"#),
        event(r#"{"eventKey":"a","payload":{}} {}"#),
        app.post(EVENTS).token(&own.token).raw(b"{\"eventKey\":\"a\",\n\"payload\":{\"\xff\":1}}".to_vec()),
        event(r#"{"payload":{}}"#),
        event(r#"{"eventKey":7,"payload":{}}"#),
        event(r#"{"eventKey":"a"}"#),
        event(r#"{"eventKey":"a","payload":[]}"#),
        event(r#"{"eventKey":"a","payload":{},"tenant":"t"}"#),
        event(r#"{"eventKey":"a","payload":{"eventContext":1}}"#),
        event(r#"{"eventKey":"a","payload":{"a":"\ud800"}}"#),
        event(r#"{"eventKey":" a","payload":{}}"#),
        event(r#"{"eventKey":"a","payload":{},"tenantId":""}"#),
        event(r#"{"eventKey":"a","payload":{},"occurredAt":"yesterday"}"#),
        event(r#"{"eventKey":"a","payload":{},"occurredAt":"9999-12-31T23:59:59Z"}"#),
        webhook(json!({ "name": "x" })),
        webhook(json!({ "url": "example.com" })),
        webhook(json!({ "url": "http://192.168.0.1/" })),
        webhook(json!({ "eventKeys": ["a", "*b"] })),
        webhook(json!({ "secret": "x".repeat(101) })),
        webhook(json!({ "deadlineSeconds": 31 })),
        webhook(json!({ "disableAfterDays": 0 })),
        webhook(json!({ "retryPolicy": {} })),
        webhook(json!({ "retryPolicy": { "preset": "frontegg", "delaysInSeconds": [] } })),
        webhook(json!({ "retryPolicy": { "delaysInSeconds": [0] } })),
        webhook(json!({ "retryPolicy": { "preset": "none" } })),
        webhook(json!({ "retryPolicy": ["standard", null] })),
        app.put("/api/v1/portal-settings").token(&own.token).json(&json!({ "webhooks": null })),
        webhook(json!({ "eventKeys": ["a", 7] })),
        app.get(&format!("{EVENTS}?limit=0")).token(&own.token),
        app.get(&format!("{EVENTS}?limit=x")).token(&own.token),
        app.get(&format!("{EVENTS}?since=x")).token(&own.token),
        app.get(&format!("{EVENTS}?from=x")).token(&own.token),
        app.get(&format!("{EVENTS}?cursor=x")).token(&own.token),
        app.get("/api/v1/deliveries?state=lost").token(&own.token),
        app.get(&format!("{EVENTS}/x")).token(&own.token),
        app.get("/api/v1/nothing").token(&own.token),
        app.put(EVENTS).token(&own.token),
    ] {
        let answer = call.send().await;
        assert!(answer.status.is_client_error());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        let mut problem = answer.json();
        assert_eq!(problem["status"], answer.status.as_u16());
        assert_eq!(answer.header("request-id"), problem["requestId"].as_str());
        for same in ["requestId", "status", "title", "type"] {
            problem.as_object_mut().expect("an object").remove(same);
        }
        refusals.push(json!([answer.status.as_u16(), problem]));
    }
    assert_json_snapshot!("refusals", refusals);
    assert_eq!(app.put(EVENTS).token(&own.token).send().await.header("allow"), Some("POST,GET,HEAD"));
}

#[tokio::test]
async fn a_parameter_that_a_call_does_not_know_is_refused_by_every_call() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let document = serde_json::to_value(postrider_api::openapi()).expect("a document");
    let native = operations(&document).into_iter().filter(|(_, route)| route.starts_with("/api/v1/"));
    for (method, route) in native {
        let parts = route.split('/').map(|part| if part.starts_with('{') { NOTHING } else { part });
        let path = format!("{}?unheardOf=true", parts.collect::<Vec<_>>().join("/"));
        // Calls of pages say that they are such.
        let call = app.call(method.clone(), &path).token(&own.token).header("x-postrider-csrf", "1");
        let answer = call.json(&json!({})).send().await;
        assert_eq!(answer.status, 400, "{method} {path}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["code"], "invalid_parameter", "{method} {path}");
    }
}

#[tokio::test]
async fn a_call_with_a_parameter_that_it_does_not_take_does_nothing() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, "https://example.com/").await;
    let one = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    let refusal = app.delete(&format!("{one}?dryRun=true")).token(&own.token).expect(400).await;
    assert_eq!(refusal["errors"], json!([{ "at": "dryRun", "detail": "this call takes no parameters" }]));
    assert_eq!(app.call(Method::HEAD, &format!("{one}?a=b")).token(&own.token).send().await.status, 400);
    // A question mark alone is no parameter.
    app.get(&format!("{one}?")).token(&own.token).expect(200).await;

    let event = json!({ "eventKey": "order.paid", "payload": {} });
    let post = |path: &str| app.post(path).token(&own.token).json(&event);
    assert_eq!(post(&format!("{EVENTS}?tenantId=acme")).code(400).await, "invalid_parameter");
    let operator = app.operate(Method::POST, &format!("{EVENTS}?tenantId=acme")).json(&event);
    assert_eq!(operator.code(400).await, "invalid_parameter");
    assert_eq!(app.get(EVENTS).token(&own.token).expect(200).await["items"], json!([]));
    post(&format!("{EVENTS}?")).expect(202).await;

    // What is none of the native API's calls goes on.
    assert_eq!(app.put(&format!("{EVENTS}?a=b")).token(&own.token).code(405).await, "method_not_allowed");
    for path in ["/healthz?a=b", "/api/v1/openapi.json?a=b"] {
        assert_eq!(app.get(path).send().await.status, 200, "{path}");
    }
    app.get("/webhook?a=b").token(&own.token).tenant(&own.id).expect(200).await;
}

#[tokio::test]
async fn what_is_wrong_within_a_member_is_told_where_it_is() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, "https://example.com/").await;
    let one = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    for (change, at) in [
        (json!({ "retryPolicy": { "preset": "standard", "retries": 3 } }), "/retryPolicy/retries"),
        (json!({ "retryPolicy": { "delaysInSeconds": [1, "2"] } }), "/retryPolicy/delaysInSeconds/1"),
        (json!({ "rateLimit": { "limit": 1, "per": "second", "size": 2 } }), "/rateLimit/size"),
        (json!({ "rateLimit": { "limit": 1 } }), "/rateLimit/per"),
        (json!({ "ordering": { "by": "tenant", "key": "x" } }), "/ordering/key"),
    ] {
        let mut new = json!({ "url": "https://example.com", "eventKeys": ["*"] });
        new.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        for call in [app.post(WEBHOOKS).json(&new), app.patch(&one).json(&change)] {
            let refusal = call.token(&own.token).expect(400).await;
            assert_eq!((&refusal["code"], &refusal["errors"][0]["at"]), (&json!("invalid_request"), &json!(at)));
        }
    }
    let settings = json!({ "webhooks": "always", "theme": { "colour": "#336699" } });
    let refusal = app.put("/api/v1/portal-settings").token(&own.token).json(&settings).expect(400).await;
    assert_eq!(refusal["errors"][0]["at"], "/theme/colour");
}

#[tokio::test]
async fn null_clears_what_can_be_cleared_and_is_refused_elsewhere() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, "https://example.com/").await;
    let one = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    for member in ["secret", "disableAfterDays"] {
        let cleared = app.patch(&one).token(&own.token).json(&json!({ member: null })).expect(200).await;
        assert_eq!(cleared[member], Value::Null);
    }
    for member in [
        "displayName",
        "description",
        "url",
        "eventKeys",
        "isActive",
        "retryPolicy",
        "deadlineSeconds",
        "signature",
        "method",
        "headers",
    ] {
        let problem = app.patch(&one).token(&own.token).json(&json!({ member: null })).expect(400).await;
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["at"]),
            (&json!("invalid_request"), &json!(format!("/{member}")))
        );
    }

    let form = json!({ "key": "order.paid", "displayName": "Paid", "schema": {}, "sample": {} });
    let made = app.post("/api/v1/event-types").token(&own.token).json(&form).expect(201).await;
    let one = format!("/api/v1/event-types/{}", text(&made["id"]));
    for member in ["schema", "sample"] {
        let cleared = app.patch(&one).token(&own.token).json(&json!({ member: null })).expect(200).await;
        assert_eq!(cleared[member], Value::Null);
    }
    for member in ["displayName", "description", "categoryId", "category", "schemaMode", "isVisibleToTenants"] {
        let problem = app.patch(&one).token(&own.token).json(&json!({ member: null })).expect(400).await;
        assert_eq!(
            (&problem["code"], &problem["errors"][0]["at"]),
            (&json!("invalid_request"), &json!(format!("/{member}")))
        );
    }
}

#[tokio::test]
async fn a_secret_is_given_or_null_and_never_empty() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let form = |secret: Value| json!({ "url": "https://example.com", "eventKeys": ["a"], "secret": secret });
    let refused = app.post(WEBHOOKS).token(&own.token).json(&form(json!(""))).expect(422).await;
    assert_eq!(refused["errors"][0]["at"], "/secret");
    assert!(text(&refused["detail"]).contains("send null"), "{refused}");
    let made = app.post(WEBHOOKS).token(&own.token).json(&form(json!("a secret"))).expect(201).await;
    let one = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let patch = |secret: Value| app.patch(&one).token(&own.token).json(&json!({ "secret": secret }));
    let refused = patch(json!("")).expect(422).await;
    assert_eq!(refused["errors"][0]["at"], "/secret");
    assert_eq!(app.get(&one).token(&own.token).expect(200).await["secret"], "a secret");
    assert_eq!(patch(Value::Null).expect(200).await["isSigned"], false);
    // In the other API the empty text is how none is said.
    let frontegg = app.patch(&format!("/webhook/{}", text(&made["id"]))).token(&own.token).tenant(&own.id);
    frontegg.json(&json!({ "secret": "" })).expect(200).await;
}

#[tokio::test]
async fn a_range_that_ends_before_it_begins_is_refused_by_every_list() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for path in [EVENTS, "/api/v1/deliveries", "/api/v1/statistics"] {
        let range = |from: &str, to: &str| app.get(&format!("{path}?from={from}&to={to}")).token(&own.token);
        let refused = range("2026-01-31T11:00:00Z", "2026-01-31T10:00:00Z").expect(400).await;
        assert_eq!((&refused["code"], &refused["errors"][0]["at"]), (&json!("invalid_parameter"), &json!("from")));
        range("2026-01-31T10:00:00Z", "2026-01-31T11:00:00Z").expect(200).await;
    }
}

#[tokio::test]
async fn deliveries_to_a_webhook_that_was_deleted_are_told_to_the_vendor() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    let webhook = text(&app.webhook(&own, None, &receiver.url("/hook")).await["id"]);
    app.event(&own, None).await;
    app.delete(&format!("{WEBHOOKS}/{webhook}")).token(&own.token).expect(204).await;
    for (webhook, found) in [(&*webhook, 1), (NOTHING, 0)] {
        let path = format!("/api/v1/deliveries?webhookId={webhook}");
        let page = app.get(&path).token(&own.token).expect(200).await;
        assert_eq!(page["items"].as_array().map(Vec::len), Some(found));
    }
}

#[tokio::test]
async fn a_webhook_is_made_changed_and_deleted() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let form = json!({
        "tenantId": "tenant-1", "displayName": "Orders", "description": "d", "url": "https://example.com", "secret": null,
        "eventKeys": ["a", "b.*", "a"], "isActive": false, "retryPolicy": { "delaysInSeconds": [1, 60] },
        "deadlineSeconds": 30, "disableAfterDays": null,
    });
    let made = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    assert_json_snapshot!("webhook", redacted(&made));
    let generated = json!({ "url": "https://example.com", "eventKeys": ["a"] });
    let generated = app.post(WEBHOOKS).token(&own.token).json(&generated).expect(201).await;
    assert!(text(&generated["secret"]).starts_with("whsec_"));

    let one = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let patch = |body: Value| app.patch(&one).token(&own.token).json(&body).expect(200);
    assert_eq!(patch(json!({})).await, made);
    let changed =
        patch(json!({ "retryPolicy": { "preset": "frontegg" }, "disableAfterDays": 9, "isActive": true })).await;
    assert_eq!(changed["retryPolicy"], json!({ "preset": "frontegg" }));
    assert_eq!((&changed["disableAfterDays"], &changed["deadlineSeconds"]), (&json!(9), &json!(30)));
    assert_eq!((&changed["isActive"], &changed["disabledReason"]), (&json!(true), &Value::Null));
    assert_eq!(patch(json!({ "isActive": false })).await["disabledReason"], "by_user");
    assert_eq!(patch(json!({ "secret": "s" })).await["isSigned"], true);
    app.patch(&one).token(&own.token).json(&json!({ "tenantId": "tenant-2" })).expect(400).await;

    app.delete(&one).token(&own.token).expect(204).await;
    assert_eq!(app.get(&one).token(&own.token).code(404).await, "not_found");
}

#[tokio::test]
async fn changes_that_meet_are_all_made() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, "https://example.com").await;
    let one = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    let patch = |body: Value| app.patch(&one).token(&own.token).json(&body).expect(200);
    let header = json!({ "headers": [{ "name": "x-key", "value": "new", "isSensitive": true }] });
    tokio::join!(
        patch(json!({ "rateLimit": { "limit": 5, "per": "second" } })),
        patch(json!({ "deadlineSeconds": 5 })),
        patch(header),
        patch(json!({ "authentication": { "type": "bearer", "token": "t" } })),
    );
    let now = app.get(&one).token(&own.token).expect(200).await;
    assert_eq!((&now["rateLimit"]["limit"], &now["deadlineSeconds"]), (&json!(5), &json!(5)));
    assert_eq!((&now["headers"][0]["name"], &now["authentication"]["type"]), (&json!("x-key"), &json!("bearer")));

    patch(json!({ "eventKeys": ["a"] })).await;
    // Each is right by itself; both would be a custom payload of two event types.
    let (many, payload) = (json!({ "eventKeys": ["a", "b"] }), json!({ "payload": { "template": "{}" } }));
    let call = |body: &Value| app.patch(&one).token(&own.token).json(body).send();
    let (many, payload) = tokio::join!(call(&many), call(&payload));
    let statuses = [many.status.as_u16(), payload.status.as_u16()];
    assert!(statuses.contains(&200) && statuses.contains(&422), "{statuses:?}");
}

#[tokio::test]
async fn event_keys_come_back_as_they_were_sent() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let keys = json!(["b.c", "a.*", "b.c"]);
    let form = json!({ "url": "https://example.com", "eventKeys": keys });
    let made = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    assert_eq!(made["eventKeys"], keys);
    let event = json!({ "eventKey": "b.c", "payload": {} });
    let accepted = app.post(EVENTS).token(&own.token).json(&event).expect(202).await;
    assert_eq!(accepted["deliveries"], 1, "one that is there twice means what it means once");
}

#[tokio::test]
async fn the_environments_own_id_is_no_tenant() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.webhook(&own, None, "https://example.com").await;
    let event = json!({ "eventKey": "order.paid", "tenantId": own.id, "payload": {} });
    let accepted = app.post(EVENTS).token(&own.token).json(&event).expect(202).await;
    let read = app.get(&format!("{EVENTS}/{}", text(&accepted["eventId"]))).token(&own.token).expect(200).await;
    assert_eq!((&read["tenantId"], &read["body"]["eventContext"]["tenantId"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn pages_hold_every_webhook_once() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let mut made = Vec::new();
    for number in 0..7 {
        let tenant = (number % 2 == 0).then_some("tenant-1");
        made.push(text(&app.webhook(&own, tenant, "https://example.com").await["id"]));
    }
    made.sort();
    made.reverse();
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("{WEBHOOKS}?limit=3{cursor}")).token(&own.token).expect(200).await;
        let items = page["items"].as_array().expect("items");
        seen.extend(items.iter().map(|webhook| text(&webhook["id"])));
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen, made);
    let count = async |query: &str| {
        let page = app.get(&format!("{WEBHOOKS}?{query}")).token(&own.token).expect(200).await;
        page["items"].as_array().expect("items").len()
    };
    assert_eq!(
        (count("tenantId=tenant-1").await, count("scope=environment").await, count("tenantId=x").await),
        (4, 3, 0)
    );
}

#[tokio::test]
async fn a_resend_is_a_new_delivery_and_none_to_a_disabled_webhook() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, &receiver.url("/hook")).await;
    let event = app.event(&own, None).await;
    let first = app.deliveries_attempted(&own, &event).await.remove(0);
    let resend = format!("/api/v1/deliveries/{}/resend", text(&first["id"]));
    let second = app.post(&resend).token(&own.token).expect(202).await;
    assert_eq!(
        (&second["origin"], &second["resendOf"], &second["eventId"]),
        (&json!("resend"), &first["id"], &first["eventId"])
    );
    app.deliveries_attempted(&own, &event).await;
    assert_eq!(receiver.received().len(), 2);

    let one = format!("{WEBHOOKS}/{}", text(&webhook["id"]));
    assert_eq!(app.get(&one).token(&own.token).expect(200).await["invocations"], 1, "resends do not count");
    app.patch(&one).token(&own.token).json(&json!({ "isActive": false })).expect(200).await;
    assert_eq!(app.post(&resend).token(&own.token).code(409).await, "webhook_inactive");
    let accepted = json!({ "eventKey": "a", "payload": {} });
    app.post(EVENTS).token(&own.token).json(&accepted).expect(202).await;
    let discarded = app.get("/api/v1/deliveries?state=discarded").token(&own.token).expect(200).await;
    assert_eq!(discarded["items"][0]["reason"], "webhook_disabled");
}

#[tokio::test]
async fn a_test_tells_what_came_of_it_saved_or_not() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(418, "tea"));
    let own = app.environment("own").await;
    let webhook = app.webhook(&own, None, &receiver.url("/hook")).await;
    let test = format!("{WEBHOOKS}/{}/test", text(&webhook["id"]));
    let mut tested =
        app.post(&test).token(&own.token).json(&json!({ "eventKey": "frontegg.tenant.created" })).expect(200).await;
    tested["headers"] = json!("[headers]");
    assert_json_snapshot!("test", redacted(&tested));
    assert!(receiver.received()[0].headers.contains_key("webhook-signature"));
    app.post(&test).token(&own.token).expect(200).await;
    let draft = json!({ "url": receiver.url("/hook"), "payload": { "any": "thing" } });
    let drafted = app.post("/api/v1/webhook-tests").token(&own.token).json(&draft).expect(200).await;
    assert_eq!((&drafted["isSuccess"], &drafted["statusCode"]), (&json!(false), &json!(418)));
    assert_eq!(receiver.received()[2].body, r#"{"any":"thing"}"#);
    assert_eq!(
        app.post(&test).token(&own.token).json(&json!({ "eventKey": "order.paid" })).code(422).await,
        "invalid_value"
    );
    assert_eq!(
        app.get("/api/v1/deliveries").token(&own.token).expect(200).await["items"],
        json!([]),
        "recorded nowhere"
    );
}

#[tokio::test]
async fn a_url_of_this_network_is_refused_and_the_setting_named() {
    let own_addresses = OwnAddresses::listed_by(|| Ok(vec![[8, 8, 8, 8].into()]));
    let app = App::with_egress(EgressOptions { own_addresses, ..EgressOptions::default() }).await;
    let own = app.environment("own").await;
    for url in [
        "http://127.0.0.1:9/",
        "http://localhost/",
        "http://[::1]/",
        "http://169.254.169.254/",
        "http://0x7f.1/",
        "http://8.8.8.8:8400/",
    ] {
        let form = json!({ "url": url, "eventKeys": ["a"] });
        let refused = app.post(WEBHOOKS).token(&own.token).json(&form).expect(400).await;
        assert_eq!(refused["code"], "url_refused");
        assert!(text(&refused["detail"]).contains("POSTRIDER_EGRESS_ALLOW"), "{url}: {refused}");
        let tested = app.post("/api/v1/webhook-tests").token(&own.token).json(&json!({ "url": url }));
        assert_eq!(tested.code(400).await, "url_refused");
    }
}

#[tokio::test]
async fn event_types_and_categories_are_managed() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let types = "/api/v1/event-types";
    let builtin = app.get(types).token(&own.token).expect(200).await;
    assert_eq!(builtin["items"].as_array().expect("items").len(), postrider_core::catalogue::builtin().len());
    let form = json!({
        "key": "order.paid", "displayName": "Paid", "category": "Orders", "schema": { "type": "object" }, "sample": { "total": 1 },
    });
    let made = app.post(types).token(&own.token).json(&form).expect(201).await;
    assert_json_snapshot!("event type", redacted(&made));
    assert_eq!(app.post(types).token(&own.token).json(&form).code(409).await, "conflict");
    let one = format!("{types}/{}", text(&made["id"]));
    let changed =
        app.patch(&one).token(&own.token).json(&json!({ "schema": null, "displayName": "Was paid" })).expect(200).await;
    assert_eq!((&changed["schema"], &changed["sample"]), (&Value::Null, &made["sample"]));
    assert_eq!(app.get(&one).token(&own.token).expect(200).await, changed);

    let category = format!("/api/v1/categories/{}", text(&made["categoryId"]));
    let rename = |name: &str| app.patch(&category).token(&own.token).json(&json!({ "name": name }));
    assert_eq!(rename("Sales").expect(200).await["name"], "Sales");
    app.post("/api/v1/categories").token(&own.token).json(&json!({ "name": "Taken" })).expect(201).await;
    assert_eq!(rename("Taken").code(409).await, "conflict");
    assert_eq!(app.delete(&category).token(&own.token).code(409).await, "conflict");
    app.delete(&one).token(&own.token).expect(204).await;
    app.delete(&category).token(&own.token).expect(204).await;
}

#[tokio::test]
async fn health_readiness_metrics_and_the_document_need_no_token() {
    let app = App::start().await;
    for path in ["/healthz", "/readyz", "/metrics", "/api/v1/openapi.json"] {
        assert_eq!(app.get(path).send().await.status, 200, "{path}");
        assert_eq!(app.call(Method::HEAD, path).send().await.status, 200, "{path}");
    }
    app.engine.shutdown().await;
    app.engine.store().close().await;
    // What was found holds for a while, so that nobody makes the store write as often as he asks.
    tokio::time::pause();
    assert_eq!(app.get("/readyz").send().await.status, 200);
    tokio::time::advance(READINESS_KEPT).await;
    tokio::time::resume();
    assert_eq!(app.get("/readyz").code(503).await, "unavailable");
    assert_eq!(app.get("/healthz").send().await.status, 200);
}

#[tokio::test]
async fn lists_are_searched_by_all_that_is_known_of_a_delivery() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/works", answers(200, "{}"));
    receiver.on("/fails", answers(503, "{}"));
    let own = app.environment("own").await;
    let works = text(&app.webhook(&own, None, &receiver.url("/works")).await["id"]);
    let fails = text(&app.webhook(&own, None, &receiver.url("/fails")).await["id"]);
    let mut events = Vec::new();
    for (key, tenant, name) in [("order.made", "acme", "Ada"), ("order.paid", "globex", "Bob")] {
        let event = json!({ "eventKey": key, "tenantId": tenant, "payload": { "name": name } });
        let event = text(&app.post(EVENTS).token(&own.token).json(&event).expect(202).await["eventId"]);
        app.deliveries_attempted(&own, &event).await;
        events.push(event);
        // Endpoints that do not answer are tried a few in each step of time.
        app.clock.advance(TROUBLED_STEP);
    }
    let find = async |query: &str| {
        let page = app.get(&format!("/api/v1/deliveries?{query}")).token(&own.token).expect(200).await;
        assert_eq!((&page["nextCursor"], &page["searchedUntil"]), (&Value::Null, &Value::Null));
        let items = page["items"].as_array().expect("items").clone();
        items.iter().map(|item| (text(&item["eventId"]), text(&item["webhookId"]))).collect::<Vec<_>>()
    };
    let of = |event: usize, webhook: &str| (events[event].clone(), webhook.to_owned());
    for (query, expected) in [
        ("tenantId=acme&state=delivered", vec![of(0, &works)]),
        ("state=retrying,failed&tenantId=globex", vec![of(1, &fails)]),
        ("statusCode=5xx&eventKey=order.paid", vec![of(1, &fails)]),
        ("statusCode=503&text=ADA", vec![of(0, &fails)]),
        ("statusCode=200&text=bob", vec![of(1, &works)]),
        ("statusCode=none", vec![]),
        ("text=nobody", vec![]),
    ] {
        assert_eq!(find(query).await, expected, "{query}");
    }
    let page = app.get("/api/v1/deliveries?limit=1").token(&own.token).expect(200).await;
    let id = text(&page["items"][0]["id"]);
    assert!(page["searchedUntil"].is_string());
    assert_eq!(find(&format!("id={id}")).await.len(), 1);
    assert_eq!(find(&format!("id={}", &id.replace('-', "")[..30])).await.len(), 1);
    assert_eq!(find(&format!("id={}", &id[..4])).await.len(), 4);
    for query in
        ["id=abc", "id=xyz1", "id=+123", "text=a", "statusCode=6xx", "statusCode=99", "state=failed,", "state=lost"]
    {
        let path = format!("/api/v1/deliveries?{query}");
        assert_eq!(app.get(&path).token(&own.token).code(400).await, "invalid_parameter", "{query}");
    }
    let (of_works, of_fails) =
        (format!("webhookId={works}&statusCode=200"), format!("webhookId={fails}&statusCode=200"));
    for (query, expected) in [
        ("text=ada", 0),
        ("tenantId=globex&text=Bob", 1),
        ("text=name", 2),
        (&*of_works, 2),
        ("state=retrying,failed&tenantId=acme", 0),
        ("statusCode=5xx&eventKey=order.paid", 1),
    ] {
        let page = app.get(&format!("{EVENTS}?{query}")).token(&own.token).expect(200).await;
        let found = page["items"].as_array().expect("items").iter().map(|item| text(&item["id"])).collect::<Vec<_>>();
        assert_eq!(found.len(), if expected == 2 { 2 } else { 1 }, "{query}");
        assert!(expected == 2 || found[0] == events[expected], "{query}");
    }
    // A range may end after all time.
    for path in [EVENTS, "/api/v1/deliveries"] {
        let whole = app.get(&format!("{path}?to=9999-12-31T23:59:59Z&limit=1")).token(&own.token).expect(200).await;
        assert_eq!(whole["items"].as_array().expect("items").len(), 1, "{path}");
    }
    // All of it is meant of one delivery.
    for query in [&*of_fails, "state=discarded"] {
        let page = app.get(&format!("{EVENTS}?{query}")).token(&own.token).expect(200).await;
        assert_eq!(page["items"], json!([]), "{query}");
    }
    assert_eq!(app.get(&format!("{EVENTS}?state=lost")).token(&own.token).code(400).await, "invalid_parameter");
}
