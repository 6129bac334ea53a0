//! How webhooks are sent: order, rate, signatures, and what people do to deliveries that wait.

use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, eventually, text};

const WEBHOOKS: &str = "/api/v1/webhooks";

async fn webhook(app: &App, own: &Environment, receiver: &Receiver, settings: &Value) -> Value {
    let mut form =
        json!({ "url": receiver.url("/hook"), "eventKeys": ["*"], "retryPolicy": { "delaysInSeconds": [5] } });
    form.as_object_mut().expect("an object").extend(settings.as_object().expect("an object").clone());
    app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await
}

async fn order(app: &App, own: &Environment, id: u32) -> String {
    let event = json!({ "eventKey": "order.paid", "payload": { "order": { "id": id } } });
    text(&app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await["eventId"])
}

async fn delivery(app: &App, own: &Environment, event: &str) -> Value {
    let page = app.get(&format!("/api/v1/events/{event}/deliveries")).token(&own.token).expect(200).await;
    page["items"].as_array().expect("items").last().expect("a delivery").clone()
}

#[tokio::test]
async fn settings_of_sending_are_kept_as_they_were_given_or_refused_where_they_are_wrong() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let own = app.environment("own").await;
    let plain = webhook(&app, &own, &receiver, &json!({})).await;
    assert_eq!((&plain["ordering"], &plain["rateLimit"]), (&json!({ "by": "none" }), &Value::Null));
    let path = format!("{WEBHOOKS}/{}", text(&plain["id"]));
    let change = |form: Value| app.patch(&path).token(&own.token).json(&form);
    for ordering in [
        json!({ "by": "tenant" }),
        json!({ "by": "user" }),
        json!({ "by": "member", "pointer": "/order/id" }),
        json!({ "by": "none" }),
    ] {
        assert_eq!(change(json!({ "ordering": ordering })).expect(200).await["ordering"], ordering);
    }
    let limit = json!({ "limit": 10, "per": "minute" });
    let kept = json!({ "limit": 10, "per": "minute", "burst": 1 });
    assert_eq!(
        change(json!({ "rateLimit": limit, "ordering": { "by": "user" } })).expect(200).await["rateLimit"],
        kept
    );
    // The Frontegg API knows nothing of them, and loses none.
    let record = app.get("/webhook").token(&own.token).tenant(&own.id).expect(200).await[0].clone();
    let echo = app.patch(&format!("/webhook/{}", text(&plain["id"]))).token(&own.token).tenant(&own.id);
    echo.json(&record).expect(200).await;
    let after = app.get(&path).token(&own.token).expect(200).await;
    assert_eq!((&after["rateLimit"], &after["ordering"]), (&kept, &json!({ "by": "user" })));
    let off = change(json!({ "rateLimit": null, "ordering": null })).expect(200).await;
    assert_eq!((&off["rateLimit"], &off["ordering"]), (&Value::Null, &json!({ "by": "none" })));

    for (form, status, at) in [
        (json!({ "ordering": { "by": "member" } }), 422, "/ordering/pointer"),
        (json!({ "ordering": { "by": "member", "pointer": "order.id" } }), 422, "/ordering/pointer"),
        (json!({ "ordering": { "by": "tenant", "pointer": "/a" } }), 422, "/ordering/pointer"),
        (json!({ "rateLimit": { "limit": 0, "per": "second" } }), 422, "/rateLimit/limit"),
        (json!({ "rateLimit": { "limit": 100_001, "per": "second" } }), 422, "/rateLimit/limit"),
        (json!({ "rateLimit": { "limit": 5, "per": "second", "burst": 6 } }), 422, "/rateLimit/burst"),
        (json!({ "rateLimit": { "limit": 5, "per": "hour" } }), 400, ""),
        (json!({ "rateLimit": [5, "second", 1] }), 400, ""),
        (json!({ "ordering": "tenant" }), 400, ""),
        (json!({ "signature": "rsa" }), 400, ""),
    ] {
        let problem = change(form.clone()).expect(status).await;
        if !at.is_empty() {
            assert_eq!(problem["errors"][0]["at"], at, "{form}");
        }
    }
}

#[tokio::test]
async fn a_person_can_skip_or_resend_the_head_of_an_ordered_webhook() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(400, "{}"));
    let own = app.environment("own").await;
    webhook(&app, &own, &receiver, &json!({ "ordering": { "by": "member", "pointer": "/order/id" } })).await;
    let (first, second, third) = (order(&app, &own, 1).await, order(&app, &own, 1).await, order(&app, &own, 1).await);
    app.deliveries_attempted(&own, &first).await;
    let behind = delivery(&app, &own, &second).await;
    assert_eq!((&behind["state"], &behind["waitingFor"]), (&json!("pending"), &json!("turn")));
    assert_eq!(behind["nextAttemptAt"], Value::Null);
    let path = |delivery: &Value, what: &str| format!("/api/v1/deliveries/{}/{what}", text(&delivery["id"]));
    assert_eq!(app.post(&path(&behind, "resend")).token(&own.token).code(409).await, "delivery_waits");

    // Resending the head sends it now, with those behind it where they were.
    let head = delivery(&app, &own, &first).await;
    let again = app.post(&path(&head, "resend")).token(&own.token).expect(202).await;
    let old = app.get(path(&head, "").trim_end_matches('/')).token(&own.token).expect(200).await;
    assert_eq!((&old["state"], &old["reason"]), (&json!("discarded"), &json!("resent")));
    receiver.wait_for(2, std::time::Duration::from_secs(20)).await;
    assert_eq!(delivery(&app, &own, &second).await["waitingFor"], "turn");

    receiver.on("/hook", answers(200, "{}"));
    let skipped = eventually(async || {
        let answer = app.post(&path(&again, "skip")).token(&own.token).send().await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    assert_eq!((&skipped["state"], &skipped["reason"]), (&json!("discarded"), &json!("skipped")));
    for event in [&second, &third] {
        let ended = app.deliveries_attempted(&own, event).await.remove(0);
        assert_eq!(ended["state"], "delivered");
    }
    assert_eq!(app.post(&path(&skipped, "skip")).token(&own.token).code(409).await, "delivery_ended");
    let reader = app.user(&own, "tenant-1", &["fe.connectivity.read.*"]);
    app.trust_issuer(&own, "byPermissions").await;
    assert_eq!(app.post(&path(&skipped, "skip")).token(&reader).code(403).await, "forbidden");
}

#[tokio::test]
async fn a_secret_is_rotated_with_an_overlap_that_can_be_ended() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let own = app.environment("own").await;
    let made = webhook(&app, &own, &receiver, &json!({ "secret": "the first secret" })).await;
    assert_eq!((&made["previousSecret"], &made["signature"]), (&Value::Null, &json!("hmac")));
    let path = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let rotate = |form: Value| app.post(&format!("{path}/secret/rotate")).token(&own.token).json(&form);

    let rotated = app.post(&format!("{path}/secret/rotate")).token(&own.token).expect(200).await;
    assert!(text(&rotated["secret"]).starts_with("whsec_"));
    let a_day_later = "2026-02-01T12:00:00.000Z";
    let previous = json!({ "secret": "the first secret", "validUntil": a_day_later, "headerSwitchesAt": a_day_later });
    assert_eq!(rotated["previousSecret"], previous);
    let again =
        rotate(json!({ "secret": "the second secret", "headerSwitch": "now", "overlapSeconds": 60 })).expect(200).await;
    assert_eq!(again["previousSecret"]["secret"], rotated["secret"], "two at most");
    assert_eq!(again["previousSecret"]["headerSwitchesAt"], Value::Null);
    // Whole records that are sent back end no overlap; another secret does.
    let echo = json!({ "secret": "the second secret", "displayName": "Renamed" });
    let echoed = app.patch(&path).token(&own.token).json(&echo).expect(200).await;
    assert_eq!(echoed["previousSecret"]["secret"], rotated["secret"]);
    let frontegg = app.patch(&format!("/webhook/{}", text(&made["id"]))).token(&own.token).tenant(&own.id);
    frontegg.json(&json!({ "secret": "the third secret" })).expect(200).await;
    assert_eq!(app.get(&path).token(&own.token).expect(200).await["previousSecret"], Value::Null);

    let at = "2026-01-31T12:30:00.000Z";
    let rotated = rotate(json!({ "headerSwitch": at, "overlapSeconds": 3_600 })).expect(200).await;
    assert_eq!(rotated["previousSecret"]["headerSwitchesAt"], at);
    let ended = app.delete(&format!("{path}/secret/previous")).token(&own.token).expect(200).await;
    assert_eq!((&ended["previousSecret"], &ended["secret"]), (&Value::Null, &rotated["secret"]));
    let at_once = rotate(json!({ "overlapSeconds": 0 })).expect(200).await;
    assert_eq!(at_once["previousSecret"], Value::Null);

    for (form, at) in [
        (json!({ "secret": "" }), "/secret"),
        (json!({ "secret": at_once["secret"] }), "/secret"),
        (json!({ "overlapSeconds": 30 * 24 * 3_600 + 1 }), "/overlapSeconds"),
        (json!({ "headerSwitch": "tomorrow" }), "/headerSwitch"),
        (json!({ "headerSwitch": "2027-01-01T00:00:00Z" }), "/headerSwitch"),
    ] {
        assert_eq!(rotate(form.clone()).expect(422).await["errors"][0]["at"], at, "{form}");
    }
    assert_eq!(rotate(json!({ "overlap": 1 })).code(400).await, "invalid_request");
    app.trust_issuer(&own, "byPermissions").await;
    let tenants = webhook(&app, &own, &receiver, &json!({ "tenantId": "tenant-1" })).await;
    let path = format!("{WEBHOOKS}/{}", text(&tenants["id"]));
    let reader = app.user(&own, "tenant-1", &["fe.connectivity.read.*"]);
    assert_eq!(app.post(&format!("{path}/secret/rotate")).token(&reader).code(403).await, "forbidden");
    let seen = app.get(&path).token(&reader).expect(200).await;
    assert!(seen.get("secret").is_none() && seen.get("previousSecret").is_none());
}

#[tokio::test]
async fn a_webhooks_keys_are_made_here_kept_and_published() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let own = app.environment("own").await;
    let made = webhook(&app, &own, &receiver, &json!({ "secret": null })).await;
    assert_eq!((&made["publicKey"], &made["isSigned"]), (&Value::Null, &json!(false)));
    let path = format!("{WEBHOOKS}/{}", text(&made["id"]));
    let keys = format!("{path}/public-keys");
    assert_eq!(app.get(&keys).code(404).await, "not_found", "there is no key yet");
    let sign =
        |signature: &str| app.patch(&path).token(&own.token).json(&json!({ "signature": signature })).expect(200);
    let signed = sign("ed25519").await;
    let public = text(&signed["publicKey"]);
    assert!(public.starts_with("whpk_") && signed["isSigned"] == true && signed["secret"] == Value::Null);
    assert_eq!((&sign("hmac").await["publicKey"], &sign("both").await["publicKey"]), (&json!(public), &json!(public)));

    // Nobody needs a token to ask.
    let published = app.get(&keys).send().await;
    assert_eq!(published.header("cache-control"), Some("public, max-age=300"));
    let published = published.json();
    assert_eq!(published["keys"].as_array().expect("keys").len(), 1);
    assert_eq!(
        (&published["keys"][0]["publicKey"], &published["keys"][0]["validUntil"]),
        (&json!(public), &Value::Null)
    );
    let rotated = app.post(&format!("{path}/key/rotate")).token(&own.token).expect(200).await;
    let published = app.get(&keys).expect(200).await;
    let shown: Vec<_> = published["keys"].as_array().expect("keys").iter().map(|key| &key["publicKey"]).collect();
    assert_eq!(shown, [&rotated["publicKey"], &json!(public)]);
    assert_eq!(published["keys"][1]["validUntil"], "2026-02-01T12:00:00.000Z");
    app.clock.advance(std::time::Duration::from_hours(24));
    assert_eq!(app.get(&keys).expect(200).await["keys"].as_array().expect("keys").len(), 1);
    let token = app.log_in(&own.id, &own.secret).await;
    app.delete(&path).token(&token).expect(204).await;
    assert_eq!(app.get(&keys).code(404).await, "not_found");
}
