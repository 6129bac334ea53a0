//! Bulk resends and replays, and the stream that shows them.

use std::collections::HashSet;
use std::time::Duration;

use postrider_core::Clock as _;
use postrider_core::event::TenantId;
use postrider_core::job::{Include, Replay, Work};
use postrider_core::limits::{JOBS_OF_TENANTS, JOBS_PER_TENANT};
use postrider_store::NewJob;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, eventually, text};
use crate::stream::Stream;

const JOBS: &str = "/api/v1/jobs";
const ALL: &[&str] = &["*"];

async fn completed(app: &App, own: &Environment, id: &str) -> Value {
    eventually(async || {
        app.clock.advance(Duration::from_millis(100));
        let job = app.get(&format!("{JOBS}/{id}")).token(&own.token).expect(200).await;
        (job["state"] == "completed").then_some(job)
    })
    .await
}

async fn start(app: &App, token: &str, key: &str, job: &Value) -> Value {
    app.post(JOBS).token(token).header("idempotency-key", key).json(job).expect(202).await
}

#[tokio::test]
async fn what_failed_is_resent_and_what_was_before_is_replayed() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/old", answers(200, "{}"));
    receiver.on("/new", answers(200, "{}"));
    let own = app.environment("own").await;
    let old = text(&app.webhook(&own, None, &receiver.url("/old")).await["id"]);
    let mut events = Vec::new();
    for _ in 0..3 {
        events.push(app.event(&own, None).await);
        app.clock.advance(Duration::from_millis(10));
    }
    let resend = json!({ "kind": "resend", "filter": { "state": ["delivered"], "webhookId": old } });
    let often = json!({ "kind": "resend", "filter": { "state": vec!["delivered"; 1_000], "webhookId": old } });
    let preview = app.post("/api/v1/jobs/preview").token(&own.token).json(&often).expect(200).await;
    assert_eq!(preview["deliveries"], 3, "each state is looked for once");
    let preview = app.post("/api/v1/jobs/preview").token(&own.token).json(&resend).expect(200).await;
    assert_eq!(preview, json!({ "deliveries": 3, "skipped": 0, "complete": true }));
    let job = start(&app, &own.token, "a", &resend).await;
    assert_eq!(
        (&job["kind"], &job["total"], &job["request"]["filter"]),
        (&json!("resend"), &json!(3), &resend["filter"])
    );
    let again = app.post(JOBS).token(&own.token).header("idempotency-key", "a").json(&resend).send().await;
    assert_eq!((again.header("idempotency-replayed"), &again.json()["id"]), (Some("true"), &job["id"]));
    let other = json!({ "kind": "resend", "filter": {} });
    let reused = app.post(JOBS).token(&own.token).header("idempotency-key", "a").json(&other).code(422).await;
    assert_eq!(reused, "idempotency_key_reused");
    let job = completed(&app, &own, &text(&job["id"])).await;
    assert_eq!((&job["done"], &job["skipped"], &job["failed"]), (&json!(3), &json!(0), &json!(0)));

    let new = text(&app.webhook(&own, None, &receiver.url("/new")).await["id"]);
    let replay = json!({ "kind": "replay", "webhookIds": [new], "from": "2020-01-01T00:00:00Z", "ratePerSecond": 500 });
    let preview = app.post("/api/v1/jobs/preview").token(&own.token).json(&replay).expect(200).await;
    assert_eq!(preview["deliveries"], 3);
    let job = completed(&app, &own, &text(&start(&app, &own.token, "b", &replay).await["id"])).await;
    assert_eq!((&job["done"], &job["ratePerSecond"]), (&json!(3), &json!(500)));
    let list = app.get(&format!("/api/v1/deliveries?webhookId={new}")).token(&own.token).expect(200).await;
    let made = list["items"].as_array().expect("items");
    assert!(made.iter().all(|delivery| delivery["origin"] == "replay"));
    let mut sent: Vec<_> = made.iter().map(|delivery| text(&delivery["eventId"])).collect();
    sent.reverse();
    assert_eq!(sent, events);
    let undelivered =
        json!({ "kind": "replay", "webhookIds": [new, old], "from": "2020-01-01T00:00:00Z", "include": "undelivered" });
    eventually(async || {
        let preview = app.post("/api/v1/jobs/preview").token(&own.token).json(&undelivered).expect(200).await;
        (preview["deliveries"] == 0).then_some(())
    })
    .await;
    let jobs = app.get(JOBS).token(&own.token).expect(200).await;
    assert_eq!(jobs["items"].as_array().expect("jobs").len(), 2);
}

#[tokio::test]
async fn one_event_is_replayed_by_its_id_by_whoever_may_know_of_it() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let mut events = Vec::new();
    // Two of them at the same moment.
    for tenant in ["tenant-1", "tenant-1", "tenant-2"] {
        let event = json!({ "eventKey": "order.paid", "tenantId": tenant, "payload": {} });
        events.push(text(&app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await["eventId"]));
    }
    let webhook = text(&app.webhook(&own, Some("tenant-1"), &receiver.url("/hook")).await["id"]);
    let replay = |event: &str| json!({ "kind": "replay", "webhookIds": [webhook], "eventId": event });
    let preview = async |token: &str, event: &str| {
        app.post("/api/v1/jobs/preview").token(token).json(&replay(event)).expect(200).await
    };
    assert_eq!(preview(&own.token, &events[1]).await["deliveries"], 1);
    assert_eq!(preview(&own.token, &events[2]).await["deliveries"], 0, "the webhook is another tenant's");
    let mut since = replay(&events[1]);
    since["from"] = "2120-01-01T00:00:00Z".into();
    let call = app.post(JOBS).token(&own.token).header("idempotency-key", "k").json(&since);
    assert_eq!(call.code(422).await, "invalid_value", "a range that is given counts as well");

    let user = app.user(&own, "tenant-1", ALL);
    let theirs = app.post("/api/v1/jobs/preview").token(&user).json(&replay(&events[2]));
    assert_eq!(theirs.code(404).await, "not_found", "an event of another tenant");
    let job = start(&app, &user, "a", &replay(&events[1])).await;
    assert_eq!((&job["total"], &job["request"]["eventId"]), (&json!(1), &json!(events[1])));
    let again = app.post(JOBS).token(&user).header("idempotency-key", "a").json(&replay(&events[1])).send().await;
    assert_eq!((again.header("idempotency-replayed"), &again.json()["id"]), (Some("true"), &job["id"]));
    let other = app.post(JOBS).token(&user).header("idempotency-key", "a").json(&replay(&events[0]));
    assert_eq!(other.code(422).await, "idempotency_key_reused");
    let job = completed(&app, &own, &text(&job["id"])).await;
    assert_eq!((&job["done"], &job["skipped"]), (&json!(1), &json!(0)));
    let made = app.get(&format!("/api/v1/deliveries?webhookId={webhook}")).token(&own.token).expect(200).await;
    let made: Vec<_> = made["items"].as_array().expect("items").iter().map(|made| text(&made["eventId"])).collect();
    assert_eq!(made, [events[1].as_str()]);
}

#[tokio::test]
async fn jobs_that_cannot_be_are_refused() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let webhook = text(&app.webhook(&own, None, "https://example.com").await["id"]);
    let unknown = "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
    for (job, status, code) in [
        (json!({ "kind": "other" }), 400, "invalid_request"),
        (json!({ "kind": "resend" }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": { "state": ["lost"] } }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": { "statusCode": "abc" } }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": { "text": "a" } }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": { "webhookId": unknown } }), 404, "not_found"),
        (json!({ "kind": "resend", "filter": {}, "webhookIds": [webhook] }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": {}, "ratePerSecond": 5_001 }), 422, "invalid_value"),
        (json!({ "kind": "resend", "filter": {}, "eventId": unknown }), 422, "invalid_value"),
        (json!({ "kind": "replay", "webhookIds": [webhook], "eventId": unknown }), 404, "not_found"),
        (json!({ "kind": "replay", "from": "2020-01-01T00:00:00Z" }), 422, "invalid_value"),
        (json!({ "kind": "replay", "webhookIds": [webhook] }), 422, "invalid_value"),
        (json!({ "kind": "replay", "webhookIds": [unknown], "from": "2020-01-01T00:00:00Z" }), 404, "not_found"),
        (
            json!({ "kind": "replay", "webhookIds": vec![webhook.clone(); 51], "from": "2020-01-01T00:00:00Z" }),
            422,
            "invalid_value",
        ),
        (json!({ "kind": "replay", "webhookIds": [webhook], "from": "2120-01-01T00:00:00Z" }), 422, "invalid_value"),
        (
            json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "filter": {} }),
            422,
            "invalid_value",
        ),
    ] {
        let call = app.post(JOBS).token(&own.token).header("idempotency-key", "k").json(&job);
        assert_eq!(call.code(status).await, code, "{job}");
    }
    let job = json!({ "kind": "resend", "filter": { "webhookId": webhook } });
    assert_eq!(app.post(JOBS).token(&own.token).json(&job).code(400).await, "invalid_parameter");
    let off = json!({ "isActive": false });
    app.patch(&format!("/api/v1/webhooks/{webhook}")).token(&own.token).json(&off).expect(200).await;
    let call = app.post(JOBS).token(&own.token).header("idempotency-key", "k").json(&job);
    assert_eq!(call.code(409).await, "webhook_inactive");
}

#[tokio::test]
async fn a_job_is_paused_resumed_and_cancelled_and_a_tenants_is_its_own() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    let mine = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    let theirs = text(&app.webhook(&own, Some("tenant-2"), "https://example.com").await["id"]);
    // It has something to do for longer than the test's clock goes.
    for _ in 0..3 {
        let event = json!({ "eventKey": "order.paid", "tenantId": "tenant-2", "payload": {} });
        app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
    }
    let replay =
        json!({ "kind": "replay", "webhookIds": [theirs], "from": "2020-01-01T00:00:00Z", "ratePerSecond": 1 });
    let id = text(&start(&app, &own.token, "k", &replay).await["id"]);
    let control = |action: &str| app.post(&format!("{JOBS}/{id}/{action}")).token(&own.token);
    assert_eq!(control("pause").expect(200).await["pausedBecause"], "by_user");
    assert_eq!(control("resume").expect(200).await["state"], "running");
    let cancelled = control("cancel").expect(200).await;
    assert!(cancelled["state"] == "cancelled" && cancelled["endedAt"].is_string());
    assert_eq!(control("resume").code(409).await, "job_ended");

    let user = app.user(&own, "tenant-1", ALL);
    let job = |webhook: &str| json!({ "kind": "resend", "filter": { "webhookId": webhook } });
    let post = |token: &str, job: &Value| app.post(JOBS).token(token).header("idempotency-key", "k").json(job);
    assert_eq!(post(&user, &job(&theirs)).code(404).await, "not_found");
    assert_eq!(post(&user, &json!({ "kind": "resend", "filter": {} })).code(422).await, "invalid_value");
    let own_job = post(&user, &job(&mine)).expect(202).await;
    assert_eq!(own_job["tenantId"], "tenant-1");
    let listed = app.get(JOBS).token(&user).expect(200).await;
    assert_eq!(listed["items"].as_array().expect("jobs").len(), 1);
    assert_eq!(app.get(&format!("{JOBS}/{id}")).token(&user).code(404).await, "not_found");
    let reader = app.user(&own, "tenant-1", &["fe.connectivity.read.*"]);
    assert_eq!(post(&reader, &job(&mine)).code(403).await, "forbidden");
    let refused = app.get(&format!("/api/v1/deliveries/stream?webhookId={theirs}")).token(&user).code(404).await;
    assert_eq!(refused, "not_found");
}

#[tokio::test]
async fn a_start_that_is_repeated_is_answered_when_the_webhook_is_gone() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let webhook = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    let user = app.user(&own, "tenant-1", ALL);
    let job = json!({ "kind": "resend", "filter": { "webhookId": webhook } });
    let id = text(&start(&app, &user, "k", &job).await["id"]);
    app.delete(&format!("/api/v1/webhooks/{webhook}")).token(&own.token).expect(204).await;
    let post =
        |token: &str, key: &str, job: &Value| app.post(JOBS).token(token).header("idempotency-key", key).json(job);
    let again = post(&user, "k", &job).send().await;
    assert_eq!(again.status, 202);
    assert_eq!((again.header("idempotency-replayed"), &again.json()["id"]), (Some("true"), &json!(id)));
    let other = json!({ "kind": "resend", "filter": { "webhookId": webhook, "state": ["failed"] } });
    assert_eq!(post(&user, "k", &other).code(422).await, "idempotency_key_reused");
    assert_eq!(post(&user, "new", &job).code(404).await, "not_found");
    assert_eq!(post(&app.user(&own, "tenant-2", ALL), "k", &job).code(404).await, "not_found");
}

#[tokio::test]
async fn who_finds_all_tenants_places_taken_is_told_so() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let webhook = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    for _ in 0..3 {
        let event = json!({ "eventKey": "order.paid", "tenantId": "tenant-1", "payload": {} });
        app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
    }
    // They have something to do for longer than the test's clock goes.
    let to = app.clock.now() + Duration::from_millis(1);
    let work = Work::Replay(Replay {
        webhooks: vec![webhook.parse().expect("an id")],
        from: to - Duration::from_hours(1),
        to,
        event: None,
        event_key: None,
        tenant: None,
        include: Include::All,
    });
    for number in 0..JOBS_OF_TENANTS {
        let new = NewJob {
            environment_id: own.id.parse().expect("an id"),
            tenant_id: Some(TenantId::parse(&format!("other-{}", number / JOBS_PER_TENANT)).expect("a tenant")),
            idempotency_key: number.to_string(),
            request_hash: [0; 32],
            work: work.clone(),
            rate: 1,
            total: None,
        };
        app.engine.store().start_job(new).await.expect("it is written");
    }
    let job = json!({ "kind": "resend", "filter": { "webhookId": webhook } });
    let call = app.post(JOBS).token(&app.user(&own, "tenant-1", ALL)).header("idempotency-key", "k").json(&job);
    let refused = call.send().await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (429, &json!("too_many_at_once")));
    assert!(text(&refused.json()["detail"]).contains("together"), "{}", refused.json());
    start(&app, &own.token, "vendor's", &job).await;
}

#[tokio::test]
async fn a_jobs_rate_is_changed_within_what_its_owner_may() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let webhook = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    for _ in 0..3 {
        let event = json!({ "eventKey": "order.paid", "tenantId": "tenant-1", "payload": {} });
        app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
    }
    let user = app.user(&own, "tenant-1", ALL);
    let replay =
        json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "ratePerSecond": 1 });
    let job = start(&app, &user, "k", &replay).await;
    assert_eq!(job["request"]["tenantId"], "tenant-1", "a tenant's replay takes its own events alone");
    let path = format!("{JOBS}/{}", text(&job["id"]));
    let rate = |token: &str, rate: i64| app.patch(&path).token(token).json(&json!({ "ratePerSecond": rate }));
    assert_eq!(rate(&user, 500).expect(200).await["ratePerSecond"], 500);
    assert_eq!(rate(&user, 501).code(422).await, "invalid_value");
    assert_eq!(rate(&own.token, 5_000).expect(200).await["ratePerSecond"], 5_000);
    assert_eq!(rate(&own.token, 0).code(422).await, "invalid_value");
    assert_eq!(rate(&own.token, -1).code(400).await, "invalid_request");
    assert_eq!(rate(&app.user(&own, "tenant-2", ALL), 5).code(404).await, "not_found");
    completed(&app, &own, &text(&job["id"])).await;
    assert_eq!(rate(&own.token, 5).code(409).await, "job_ended");

    let fast =
        json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "ratePerSecond": 501 });
    let call = app.post(JOBS).token(&user).header("idempotency-key", "f").json(&fast);
    assert_eq!(call.code(422).await, "invalid_value");
    let foreign =
        json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "tenantId": "tenant-2" });
    let call = app.post("/api/v1/jobs/preview").token(&user).json(&foreign);
    assert_eq!(call.code(403).await, "scope_foreign");
}

#[tokio::test]
async fn what_a_job_has_made_is_listed_and_told() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let webhook = text(&app.webhook(&own, Some("tenant-1"), &receiver.url("/hook")).await["id"]);
    for _ in 0..2 {
        app.event(&own, Some("tenant-1")).await;
        app.clock.advance(Duration::from_millis(10));
    }
    let replay = |rate: u32| json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "ratePerSecond": rate });
    let vendors = text(&start(&app, &own.token, "v", &replay(5)).await["id"]);
    completed(&app, &own, &vendors).await;
    let user = app.user(&own, "tenant-1", ALL);
    let slow = text(&start(&app, &user, "t", &replay(1)).await["id"]);
    let path = |job: &str| format!("/api/v1/deliveries/stream?webhookId={webhook}&jobId={job}");
    let mut stream = Stream::of(app.get(&path(&slow)).token(&user)).await;
    assert_eq!(stream.next().await.0, "open");
    // One that comes later is none of the job's.
    app.clock.advance(Duration::from_millis(10));
    app.event(&own, Some("tenant-1")).await;
    completed(&app, &own, &slow).await;
    let list = async |token: &str, job: &str| {
        let path = format!("/api/v1/deliveries?webhookId={webhook}&jobId={job}");
        let page = app.get(&path).token(token).expect(200).await;
        page["items"].as_array().expect("items").iter().map(|delivery| text(&delivery["id"])).collect::<Vec<_>>()
    };
    let (of_vendor, of_tenant) = (list(&own.token, &vendors).await, list(&user, &slow).await);
    assert_eq!((of_vendor.len(), of_tenant.len()), (2, 2));
    assert!(of_vendor.iter().all(|id| !of_tenant.contains(id)));
    assert_eq!(list(&own.token, &slow).await, of_tenant);
    let mut told = HashSet::new();
    while told.len() < 2 {
        match stream.next().await {
            (name, data) if name == "delivery" => {
                let id = text(&data["id"]);
                assert!(of_tenant.contains(&id), "{data} was not made by the job");
                told.insert(id);
            }
            (name, data) => assert_eq!(name, "job", "{data}"),
        }
    }
    // Another's job is not there.
    for path in [path(&vendors), format!("/api/v1/deliveries?webhookId={webhook}&jobId={vendors}")] {
        assert_eq!(app.get(&path).token(&user).code(404).await, "not_found");
    }
    let nonsense = app.get("/api/v1/deliveries?jobId=x").token(&own.token).code(400).await;
    assert_eq!(nonsense, "invalid_parameter");
}

#[tokio::test]
async fn a_tenants_stream_tells_of_all_its_webhooks_and_of_nobody_elses() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let webhook = async |tenant: Option<&str>| text(&app.webhook(&own, tenant, &receiver.url("/hook")).await["id"]);
    webhook(None).await;
    let tenants = ["tenant-1", "tenant-2"];
    let mut streams = Vec::new();
    for tenant in tenants {
        let user = app.user(&own, tenant, ALL);
        let mut stream = Stream::of(app.get("/api/v1/deliveries/stream").token(&user)).await;
        assert_eq!(stream.next().await.0, "open");
        // Those that come later are told of, too.
        let webhooks = [webhook(Some(tenant)).await, webhook(Some(tenant)).await];
        streams.push((tenant, user, stream, webhooks));
    }
    for tenant in tenants {
        let event = json!({ "eventKey": "order.paid", "tenantId": tenant, "payload": {} });
        let accepted = app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
        assert_eq!(accepted["deliveries"], 3, "the vendor's webhook gets it, too");
        app.clock.advance(Duration::from_millis(50));
    }
    let resend = json!({ "kind": "resend", "filter": {} });
    start(&app, &own.token, "vendor's", &resend).await;
    let mut jobs = Vec::new();
    for (_, user, _, webhooks) in &streams {
        let resend = json!({ "kind": "resend", "filter": { "webhookId": webhooks[0] } });
        jobs.push(text(&start(&app, user, "tenant's", &resend).await["id"]));
    }
    for ((tenant, _, mut stream, webhooks), job) in streams.into_iter().zip(jobs) {
        let (mut told, mut is_job_told) = (HashSet::new(), false);
        while told.len() < webhooks.len() || !is_job_told {
            match stream.next().await {
                (name, data) if name == "delivery" => {
                    let of = text(&data["webhookId"]);
                    assert!(webhooks.contains(&of), "{tenant} is told {data}");
                    told.insert(of);
                }
                (name, data) => {
                    assert_eq!((name.as_str(), &data["id"]), ("job", &json!(job)), "{tenant} is told {data}");
                    is_job_told = true;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tenants_search_tells_nothing_of_others() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let mine = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    app.webhook(&own, Some("tenant-2"), "https://example.com").await;
    let send = async |tenant: &str| {
        let event = json!({ "eventKey": "order.paid", "tenantId": tenant, "payload": {} });
        app.post("/api/v1/events").token(&own.token).json(&event).expect(202).await;
        app.clock.advance(Duration::from_millis(10));
    };
    send("tenant-1").await;
    send("tenant-2").await;
    let user = app.user(&own, "tenant-1", ALL);
    let list = async |more: &str| {
        let path = format!("/api/v1/deliveries?webhookId={mine}{more}");
        app.get(&path).token(&user).expect(200).await
    };
    let count = |page: &Value| page["items"].as_array().expect("items").len();
    assert_eq!(count(&list("").await), 1);
    assert_eq!(count(&list("&tenantId=tenant-1&eventKey=order.paid").await), 1);
    let foreign = list("&tenantId=tenant-2").await;
    assert_eq!((count(&foreign), &foreign["nextCursor"], &foreign["searchedUntil"]), (0, &Value::Null, &Value::Null));
}

#[tokio::test]
async fn deliveries_jobs_and_numbers_are_told_as_they_change() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    let webhook = text(&app.webhook(&own, None, &receiver.url("/hook")).await["id"]);
    app.webhook(&own, None, &receiver.url("/hook")).await;
    let path = format!("/api/v1/deliveries/stream?webhookId={webhook}&statistics=true");
    let mut stream = Stream::of(app.get(&path).token(&own.token)).await;
    assert_eq!(stream.next().await.0, "open");
    let event = app.event(&own, None).await;
    let mut states = Vec::new();
    let mut numbers = Value::Null;
    while states.last() != Some(&json!("delivered")) || numbers["delivered"] != 2 {
        match stream.next().await {
            (name, delivery) if name == "delivery" => {
                assert_eq!((&delivery["eventId"], &delivery["webhookId"]), (&json!(event), &json!(webhook)));
                states.push(delivery["state"].clone());
            }
            (name, told) if name == "statistics" => numbers = told,
            (name, _) => panic!("{name}"),
        }
    }
    assert_eq!((&numbers["events"], &numbers["deliveries"]), (&json!(1), &json!(2)));
    app.clock.advance(Duration::from_millis(50));
    let job = json!({ "kind": "resend", "filter": { "webhookId": webhook } });
    start(&app, &own.token, "k", &job).await;
    loop {
        let (name, told) = stream.next().await;
        if name == "job" && told["state"] == "completed" {
            assert_eq!(told["done"], 1);
            break;
        }
        app.clock.advance(Duration::from_millis(50));
    }
}
