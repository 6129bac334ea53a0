//! The Frontegg API as its clients use it.

use std::time::Duration;

use http::Method;
use insta::assert_json_snapshot;
use postrider_core::Timestamp;
use postrider_core::limits::BREAKER_PAUSE;
use postrider_core::signature::{Secret, verify_jwt};
use postrider_testkit::receiver::{Behaviour, Receiver, Reply};
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, eventually, redacted, text};

const TENANT: &str = "tenant-1";
const WEBHOOK: &str = "/webhook";

fn form(url: &str) -> Value {
    json!({
        "displayName": "Orders", "description": "All of them", "url": url, "secret": "a secret to sign with",
        "eventKeys": ["frontegg.user.created", "Users.*"], "isActive": true,
    })
}

async fn create(app: &App, environment: &Environment, tenant: &str, form: &Value) -> Value {
    app.post("/webhook/custom").token(&environment.token).tenant(tenant).json(form).expect(201).await
}

#[tokio::test]
async fn a_webhook_is_made_listed_changed_and_deleted() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let created = create(&app, &own, TENANT, &form("https://example.com/hooks")).await;
    assert_json_snapshot!("webhook", redacted(&created));
    let listed = app.get(WEBHOOK).token(&own.token).tenant(TENANT).expect(200).await;
    assert_eq!(listed, json!([created]), "a bare array");

    let one = format!("/webhook/{}", text(&created["_id"]));
    let patch = |body: &Value| app.patch(&one).token(&own.token).tenant(TENANT).json(body);
    // The whole record comes back, with members that no webhook has, and with one changed.
    let mut echo = created.clone();
    for (name, value) in [
        ("_id", json!("x")),
        ("vendorId", json!(7)),
        ("tenantId", json!("another")),
        ("createdAt", json!(null)),
        ("invocations", json!("many")),
        ("__v", json!({})),
        ("displayName", json!("Renamed")),
    ] {
        echo[name] = value;
    }
    let changed = patch(&echo).expect(200).await;
    let mut wanted = created.clone();
    wanted["displayName"] = json!("Renamed");
    wanted["updatedAt"] = changed["updatedAt"].clone();
    assert_eq!(changed, wanted);

    let disabled = patch(&json!({ "isActive": false })).expect(200).await;
    assert_eq!((&disabled["isActive"], &disabled["url"]), (&json!(false), &created["url"]));
    for none in [json!(null), json!("")] {
        patch(&json!({ "secret": "again a secret" })).expect(200).await;
        assert_eq!(patch(&json!({ "secret": none })).expect(200).await["secret"], Value::Null);
    }
    assert_eq!(patch(&json!({})).expect(200).await["displayName"], "Renamed");

    let delete = || app.delete(&one).token(&own.token).tenant(TENANT);
    assert_eq!(delete().expect(200).await, json!({}));
    let gone = delete().send().await;
    assert_eq!(gone.json(), json!({ "errors": ["there is no such webhook"], "statusCode": 404 }));
    assert_eq!(gone.header("frontegg-trace-id").map(str::len), Some(36));
}

#[tokio::test]
async fn every_path_is_served_in_four_forms() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for prefix in ["", "/frontegg"] {
        for path in [
            "/webhook",
            "/event/resources/configurations/v1",
            "/event/resources/configurations/v1/categories",
            "/integrations/resources/configurations/v1/slack",
            "/integrations/resources/configurations/v1/emails",
            "/integrations/resources/configurations/v2/sms",
            "/metadata",
        ] {
            for end in ["", "/", "?a=b", "/?a=b"] {
                app.get(&format!("{prefix}{path}{end}")).token(&own.token).tenant(TENANT).expect(200).await;
            }
        }
    }
    for (path, status) in [("/webhook/nothing/here", 404), ("/frontegg/nothing", 404), ("/webhook/test", 405)] {
        let answer = app.get(path).token(&own.token).send().await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json()["statusCode"], status);
        assert!(answer.headers.contains_key("frontegg-trace-id"));
    }
}

#[tokio::test]
async fn what_is_malformed_or_mistyped_is_400_and_says_why() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let with = |name: &str, value: Value| {
        let mut form = form("https://example.com");
        form[name] = value;
        form
    };
    let post = |body: String| app.post("/webhook/custom").token(&own.token).tenant(TENANT).raw(body);
    let mut answers = Vec::new();
    for body in [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        json!({}).to_string(),
        json!({ "url": "https://example.com" }).to_string(),
        with("url", json!("example.com")).to_string(),
        with("url", json!("ftp://example.com")).to_string(),
        with("url", json!("http://10.0.0.1/")).to_string(),
        with("url", json!(7)).to_string(),
        with("eventKeys", json!("a")).to_string(),
        with("eventKeys", json!(["a*b"])).to_string(),
        with("eventKeys", json!([""])).to_string(),
        with("eventKeys", json!(["00000000-0000-7000-8000-000000000000"])).to_string(),
        with("isActive", json!("yes")).to_string(),
        with("secret", json!("x".repeat(101))).to_string(),
        with("displayName", json!("x".repeat(256))).to_string(),
    ] {
        answers.push(post(body).expect(400).await);
    }
    assert_json_snapshot!("refusals", answers);
    // The least that is enough.
    let least = post(json!({ "url": "https://example.com", "eventKeys": ["a"] }).to_string()).expect(201).await;
    assert_eq!((&least["displayName"], &least["isActive"], &least["secret"]), (&json!(""), &json!(true), &Value::Null));
}

#[tokio::test]
async fn secrets_are_longer_from_tenants_users_and_kept_ones_may_be_echoed() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &[]);
    let with = |secret: &str| {
        let mut form = form("https://example.com");
        form["secret"] = json!(secret);
        form
    };
    let created = create(&app, &own, TENANT, &with("x")).await;
    let as_user = |form: Value| app.post("/webhook/custom").token(&user).json(&form);
    as_user(with("seven77")).expect(400).await;
    as_user(with("eight888")).expect(201).await;
    as_user(with(" üüüüüü ")).expect(201).await;
    assert_eq!(as_user(with("")).expect(201).await["secret"], Value::Null);

    let one = format!("/webhook/{}", text(&created["_id"]));
    let mut echo = created.clone();
    echo["displayName"] = json!("Renamed");
    app.patch(&one).token(&user).json(&echo).expect(200).await;
    echo["secret"] = json!("y");
    app.patch(&one).token(&user).json(&echo).expect(400).await;
}

#[tokio::test]
async fn headers_select_the_scope_and_a_scope_is_exact() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let other = app.environment("other").await;
    app.trust_issuer(&own, "always").await;
    let user = app.user(&own, TENANT, &[]);
    let named = |name: &str| {
        let mut form = form("https://example.com");
        form["displayName"] = json!(name);
        form
    };
    create(&app, &own, TENANT, &named("tenant's")).await;
    create(&app, &own, &own.id, &named("environment's")).await;
    create(&app, &own, "tenant-2", &named("other tenant's")).await;

    let (id, upper, others) = (own.id.as_str(), own.id.to_uppercase(), other.id.as_str());
    let own_token = own.token.as_str();
    for (token, tenant, environment, wanted) in [
        (own_token, None, None, Err((403, "Tenant ID is not specified"))),
        (own_token, Some(""), None, Err((403, "Tenant ID is not specified"))),
        (own_token, Some(TENANT), None, Ok("tenant's")),
        (own_token, Some(id), None, Ok("environment's")),
        (own_token, Some(upper.as_str()), None, Ok("environment's")),
        (own_token, None, Some(id), Ok("environment's")),
        (own_token, Some(TENANT), Some(id), Ok("tenant's")),
        (own_token, Some(id), Some(id), Ok("environment's")),
        (own_token, None, Some(others), Err((403, "frontegg-environment-id is not the environment of the token"))),
        (
            own_token,
            Some(TENANT),
            Some(others),
            Err((403, "frontegg-environment-id is not the environment of the token")),
        ),
        (own_token, Some(" x"), None, Ok("")),
        (user.as_str(), None, None, Ok("tenant's")),
        (user.as_str(), Some(TENANT), None, Ok("tenant's")),
        (user.as_str(), Some(TENANT), Some(id), Ok("tenant's")),
        (user.as_str(), None, Some(id), Ok("tenant's")),
        (user.as_str(), Some("tenant-2"), None, Err((403, "frontegg-tenant-id is not the tenant of the token"))),
        (user.as_str(), Some(id), None, Err((403, "frontegg-tenant-id is not the tenant of the token"))),
        (user.as_str(), None, Some(others), Err((403, "frontegg-environment-id is not the environment of the token"))),
    ] {
        let mut call = app.get(WEBHOOK).token(token);
        if let Some(tenant) = tenant {
            call = call.tenant(tenant.trim());
        }
        if let Some(environment) = environment {
            call = call.header("frontegg-environment-id", environment);
        }
        let what = format!("{tenant:?} {environment:?}");
        match wanted {
            Ok("") => assert_eq!(call.expect(200).await, json!([]), "{what}"),
            Ok(name) => {
                let listed = call.expect(200).await;
                let found: Vec<_> = listed.as_array().expect("array").iter().map(|w| text(&w["displayName"])).collect();
                assert_eq!(found, [name], "{what}");
            }
            Err((status, why)) => {
                assert_eq!(call.expect(status).await, json!({ "errors": [why], "statusCode": status }), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn the_log_shows_each_attempt_and_a_retry_appears_in_it() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver
        .script("/hook", [answers(500, "no"), Behaviour::Raw("this is not HTTP\r\n\r\n".into()), answers(200, "{}")]);
    let own = app.environment("own").await;
    let webhook = create(&app, &own, TENANT, &{
        let mut form = form(&receiver.url("/hook"));
        form["eventKeys"] = json!(["*"]);
        form
    })
    .await;
    let id = text(&webhook["_id"]);
    // No automatic retries among those by hand.
    let native = format!("/api/v1/webhooks/{id}");
    let frontegg = json!({ "retryPolicy": { "preset": "frontegg" } });
    app.patch(&native).token(&own.token).json(&frontegg).expect(200).await;
    app.event(&own, Some(TENANT)).await;
    let logs =
        |query: &str| app.get(&format!("/webhook/logs/?id={id}{query}")).token(&own.token).tenant(TENANT).expect(200);
    let first = logs("&offset=0&limit=10").await;
    let mut shown = redacted(&first);
    // It takes in how long the attempt really took.
    shown["rows"][0]["createdAt"] = json!("[time]");
    assert_json_snapshot!("log", shown);
    let sent = receiver.received()[0].body.clone();
    assert_eq!(first["rows"][0]["body"].as_str().expect("a string").as_bytes(), sent);

    for count in 2..=3 {
        let newest = text(&logs("&limit=1").await["rows"][0]["id"]);
        let path = format!("/webhook/logs/{newest}/retries");
        let retry = app.post(&path).token(&own.token).tenant(TENANT).header("content-type", "application/json");
        assert_eq!(retry.expect(200).await, json!({ "statusCode": 202 }));
        // An endpoint that failed is given a pause.
        app.clock.advance(BREAKER_PAUSE);
        app.engine.wake();
        eventually(async || (logs("").await["count"] == count).then_some(())).await;
    }
    let rows = logs("&limit=2").await;
    assert_eq!(rows["count"], 3);
    let row = |index: usize, name: &str| rows["rows"][index][name].clone();
    assert_eq!(
        (row(0, "statusCode"), row(0, "triggerType"), row(0, "errorMessage")),
        (json!("200"), json!("RETRY"), Value::Null)
    );
    assert_eq!((row(1, "statusCode"), row(1, "triggerType")), (json!("0"), json!("RETRY")));
    assert!(row(1, "errorMessage").is_string());
    assert_eq!(logs("&offset=2").await["rows"][0]["triggerType"], "EVENT");
    // What would be cut is refused.
    assert_eq!(logs("&limit=0").await, json!({ "count": 3, "rows": [] }));
    assert_eq!(logs("&limit=250").await["rows"].as_array().map(Vec::len), Some(3));
    assert_eq!(logs("&offset=100000").await, json!({ "count": 3, "rows": [] }));
    for (query, why) in [("&limit=251", "limit: is at most 250"), ("&offset=100001", "offset: is at most 100000")] {
        let path = format!("/webhook/logs/?id={id}{query}");
        let refused = app.get(&path).token(&own.token).tenant(TENANT).expect(400).await;
        assert_eq!(refused, json!({ "errors": [why], "statusCode": 400 }));
    }

    // A disabled webhook is sent nothing, and an unknown log is none.
    let one = format!("/webhook/{id}");
    app.patch(&one).token(&own.token).tenant(TENANT).json(&json!({ "isActive": false })).expect(200).await;
    let path = format!("/webhook/logs/{}/retries", text(&rows["rows"][0]["id"]));
    app.post(&path).token(&own.token).tenant(TENANT).expect(409).await;
    let unknown = format!("/webhook/logs/{id}/retries");
    app.post(&unknown).token(&own.token).tenant(TENANT).expect(404).await;
    for (query, status) in [("", 400), ("?id=x", 404), ("?id=00000000-0000-7000-8000-000000000000", 404)] {
        app.get(&format!("/webhook/logs{query}")).token(&own.token).tenant(TENANT).expect(status).await;
    }
}

#[tokio::test]
async fn the_log_is_ordered_by_the_times_that_it_shows() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let slow = Behaviour::DripBody(Reply::new(200, "x".repeat(20)), Duration::from_millis(50));
    receiver.script("/hook", [answers(200, "{}"), slow, answers(200, "{}")]);
    let own = app.environment("own").await;
    let mut form = form(&receiver.url("/hook"));
    form["eventKeys"] = json!(["*"]);
    let id = text(&create(&app, &own, TENANT, &form).await["_id"]);
    let post = || {
        let event = json!({ "eventKey": "order.paid", "tenantId": TENANT, "payload": {} });
        app.post("/api/v1/events").token(&own.token).json(&event).expect(202)
    };
    let path = format!("/webhook/logs?id={id}");
    let rows = async |count: usize| {
        eventually(async || {
            let log = app.get(&path).token(&own.token).tenant(TENANT).expect(200).await;
            (log["count"] == count).then(|| log["rows"].clone())
        })
        .await
    };
    // Only to an endpoint that has answered several attempts are made at a time.
    post().await;
    rows(1).await;
    post().await;
    eventually(async || (receiver.received().len() == 2).then_some(())).await;
    app.clock.advance(Duration::from_millis(10));
    post().await;
    let rows = rows(3).await;
    // The second one took a second.
    let at = |index: usize| Timestamp::parse(&text(&rows[index]["createdAt"])).expect("a time");
    assert!(at(0) > at(1), "{rows}");
}

#[tokio::test]
async fn a_test_tells_the_endpoints_answer_in_the_uis_terms() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    let own = app.environment("own").await;
    let test = |body: Value| app.post("/webhook/test").token(&own.token).tenant(TENANT).json(&body);
    for (status, body, wanted) in [
        (200, r#"{"a":1.50}"#, json!({ "statusCode": 200, "endpointStatusCode": 200, "body": { "a": 1.50 } })),
        (201, "made", json!({ "statusCode": 201, "endpointStatusCode": 201, "body": "made" })),
        (204, "", json!({ "statusCode": 200, "endpointStatusCode": 204, "body": "" })),
        (202, "[]", json!({ "statusCode": 200, "endpointStatusCode": 202, "body": [] })),
        (302, "", json!({ "statusCode": 302, "endpointStatusCode": 302, "body": "" })),
        (404, "null", json!({ "statusCode": 404, "endpointStatusCode": 404, "body": null })),
    ] {
        receiver.on("/hook", answers(status, body));
        assert_eq!(test(json!({ "url": receiver.url("/hook") })).expect(200).await, wanted);
    }
    let sample: Value = serde_json::from_slice(&receiver.received()[0].body).expect("JSON");
    assert_eq!(sample["eventKey"], "frontegg.user.created");
    assert!(receiver.received()[0].headers.contains_key("webhook-id"));
    assert!(!receiver.received()[0].headers.contains_key("x-webhook-secret"));

    receiver.on("/hook", answers(200, "{}"));
    let payload = r#"{ "a" :  [1.0,  1e400] }"#;
    let body = format!(r#"{{"url":"{}","secret":"x","payload":{payload},"extra":1}}"#, receiver.url("/hook"));
    app.post("/webhook/test").token(&own.token).tenant(TENANT).raw(body).expect(200).await;
    let requests = receiver.received();
    let last = requests.last().expect("a request");
    assert_eq!(last.body, payload, "exactly that JSON");
    let secret = Secret::from_vendor("x").expect("a secret").expect("some");
    let jwt = last.headers["x-webhook-secret"].to_str().expect("ASCII");
    verify_jwt(jwt, &secret, postrider_core::Clock::now(&*app.clock)).expect("signed");

    receiver.on("/hook", Behaviour::Close);
    let failed = test(json!({ "url": receiver.url("/hook") })).expect(200).await;
    assert_eq!(failed["statusCode"], 0);
    assert!(failed["body"]["message"].is_string());

    let refused = test(json!({ "url": "http://169.254.169.254/latest" })).expect(400).await;
    assert!(text(&refused["errors"][0]).contains("POSTRIDER_EGRESS_ALLOW"), "{refused}");
    test(json!({})).expect(400).await;
}

#[tokio::test]
async fn event_definitions_are_listed_made_and_deleted() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let path = "/event/resources/configurations/v1";
    let get = |query: &str| app.get(&format!("{path}{query}")).token(&own.token).expect(200);
    let all = get("").await;
    assert_eq!(all, get("?channels=webhook").await);
    for other in ["email", "slack", "sms"] {
        assert_eq!(get(&format!("?channels={other}")).await, json!([]));
    }
    assert_json_snapshot!("event definition", redacted(&all[0]));
    let categories = get("/categories").await;
    assert_json_snapshot!(
        "category",
        redacted(&json!([{ "first": categories[0]["events"][0], "of": {
        "id": categories[0]["id"], "name": categories[0]["name"], "vendorId": categories[0]["vendorId"] } }]))
    );
    let in_categories: usize =
        categories.as_array().expect("array").iter().map(|c| c["events"].as_array().expect("array").len()).sum();
    assert_eq!(in_categories, all.as_array().expect("array").len());

    let post = |body: Value| app.post(path).token(&own.token).json(&body);
    let new = json!({ "key": "order.paid", "displayName": "Order paid", "description": "", "category": "Orders" });
    let created = post(new.clone()).expect(201).await;
    assert_eq!(created["category"]["name"], "Orders");
    post(new).expect(409).await;
    let into = json!({ "key": "order.sent", "displayName": "Order sent", "categoryId": created["categoryId"] });
    assert_eq!(post(into).expect(201).await["categoryId"], created["categoryId"]);
    for key in [json!(null), json!(7)] {
        let refused = post(json!({ "key": key, "displayName": "x" })).expect(400).await;
        assert_eq!(refused, json!({ "errors": ["key must be a string"], "statusCode": 400 }));
    }
    let one = format!("{path}/{}", text(&created["id"]));
    assert_eq!(app.delete(&one).token(&own.token).expect(200).await, created);
    app.delete(&one).token(&own.token).expect(404).await;
}

#[tokio::test]
async fn triggered_events_are_delivered_and_their_status_is_told() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "{}"));
    let own = app.environment("own").await;
    let post = |path: &str, tenant: &str, body: Value| app.post(path).token(&own.token).tenant(tenant).json(&body);
    let status = async |path: String| {
        let channel = app.get(&path).token(&own.token).expect(200).await["channels"]["webhook"].clone();
        text(&channel["status"])
    };
    let [v1, v2, v3] = [1, 2, 3].map(|version| format!("/event/resources/triggers/v{version}"));
    let (v1, v2, v3) = (v1.as_str(), v2.as_str(), v3.as_str());
    let data = json!({ "title": "T", "description": "D", "total": 1.5 });

    // Nobody listens: it succeeded.
    let alone = post(v3, TENANT, json!({ "eventKey": "order.paid", "data": data })).expect(202).await;
    assert_eq!(status(format!("{v3}/{}/statuses", text(&alone["eventId"]))).await, "SUCCEEDED");

    let mut hook = form(&receiver.url("/hook"));
    hook["eventKeys"] = json!(["order.*"]);
    let webhook = create(&app, &own, TENANT, &hook).await;
    let sent = post(v3, TENANT, json!({ "eventKey": "order.paid", "data": data, "channelConfiguration": {} }))
        .expect(202)
        .await;
    let id = text(&sent["eventId"]);
    app.deliveries_attempted(&own, &id).await;
    let body: Value = serde_json::from_slice(&receiver.received()[0].body).expect("JSON");
    assert_json_snapshot!("delivered body", redacted(&body));
    let statuses = app.get(&format!("{v3}/{id}/statuses")).token(&own.token).expect(200).await;
    let succeeded = json!({ "webhook": { "status": "SUCCEEDED", "errorMetadata": {} } });
    assert_eq!(statuses, json!({ "eventKey": "order.paid", "eventId": id, "channels": succeeded }));

    // The environment's own events reach no tenant.
    let of_environment = post(v3, &own.id, json!({ "eventKey": "order.paid", "data": data })).expect(202).await;
    assert_eq!(status(format!("{v2}/statuses/{}", text(&of_environment["eventId"]))).await, "SUCCEEDED");
    assert_eq!(receiver.received().len(), 1);

    let body = json!({ "eventKey": "order.sent", "properties": data, "channels": { "webhook": { "total": 2, "more": true } } });
    let sent = post(v2, TENANT, body.clone()).expect(202).await;
    assert_json_snapshot!("triggered by v2", redacted(&sent));
    app.deliveries_attempted(&own, &text(&sent["eventId"])).await;
    let delivered: Value = serde_json::from_slice(&receiver.received()[1].body).expect("JSON");
    assert_eq!((&delivered["total"], &delivered["more"], &delivered["title"]), (&json!(2), &json!(true), &json!("T")));

    // PHP's older library writes a channel without members of its own as a list; the first version has no title.
    for (path, body) in [
        (v2, json!({ "eventKey": "order.sent", "properties": data, "channels": { "webhook": [] } })),
        (v1, json!({ "eventKey": "order.sent", "metadata": data, "channels": ["email", "webhook"] })),
    ] {
        let sent = post(path, TENANT, body).expect(202).await;
        app.deliveries_attempted(&own, &text(&sent["eventId"])).await;
        let last = receiver.received().pop().expect("it was received");
        let delivered: Value = serde_json::from_slice(&last.body).expect("JSON");
        assert_eq!((&delivered["total"], &delivered["title"]), (&json!(1.5), &json!("T")));
    }

    // An endpoint that fails leaves it pending; a disabled webhook ends it.
    receiver.on("/hook", answers(500, "{}"));
    let sent = post(v3, TENANT, json!({ "eventKey": "order.lost", "data": data })).expect(202).await;
    let path = format!("{v3}/{}/statuses", text(&sent["eventId"]));
    app.deliveries_attempted(&own, &text(&sent["eventId"])).await;
    assert_eq!(status(path.clone()).await, "PENDING");
    let one = format!("/webhook/{}", text(&webhook["_id"]));
    app.patch(&one).token(&own.token).tenant(TENANT).json(&json!({ "isActive": false })).expect(200).await;
    let sent = post(v3, TENANT, json!({ "eventKey": "order.lost", "data": data })).expect(202).await;
    assert_eq!(status(format!("{v3}/{}/statuses", text(&sent["eventId"]))).await, "FAILED");

    for (path, body) in [
        (v3, json!({})),
        (v3, json!({ "eventKey": "a" })),
        (v3, json!({ "data": data })),
        (v3, json!({ "eventKey": "a", "data": { "title": "T" } })),
        (v3, json!({ "eventKey": "a", "data": { "title": 1, "description": "D" } })),
        (v3, json!({ "eventKey": "", "data": data })),
        (v3, json!({ "eventKey": "a", "data": [] })),
        (v3, json!({ "eventKey": "a", "data": { "title": "T", "description": "D", "eventKey": "x" } })),
        (v2, json!({ "eventKey": "a", "properties": data })),
        (v2, json!({ "eventKey": "a", "properties": data, "channels": { "email": true } })),
        (v2, json!({ "eventKey": "a", "properties": data, "channels": { "webhook": false } })),
        (v2, json!({ "eventKey": "a", "properties": data, "channels": { "webhook": [1] } })),
        (v1, json!({ "eventKey": "a", "metadata": data })),
        (v1, json!({ "eventKey": "a", "metadata": data, "channels": ["email"] })),
        (v1, json!({ "eventKey": "a", "metadata": data, "channels": "webhook" })),
        (v1, json!({ "eventKey": "a", "channels": ["webhook"] })),
        (v1, json!({ "metadata": data, "channels": ["webhook"] })),
        (v1, json!({ "eventKey": "a", "metadata": [], "channels": ["webhook"] })),
        (v1, json!({ "eventKey": "a", "metadata": { "eventKey": "x" }, "channels": ["webhook"] })),
        (v2, json!({ "eventKey": "a", "properties": data, "channels": { "webhook": { "eventContext": 1 } } })),
    ] {
        let refused = post(path, TENANT, body.clone()).send().await;
        assert_eq!(refused.status, 400, "{body}: {}", refused.json());
    }
    let without = app.post(v3).token(&own.token).json(&json!({ "eventKey": "a", "data": data }));
    assert_eq!(without.expect(403).await["errors"], json!(["Tenant ID is not specified"]));
}

#[tokio::test]
async fn of_two_tenants_in_one_request_neither_is_meant() {
    let app = App::start().await;
    let own = app.environment("own").await;
    let list = |second| app.get(WEBHOOK).token(&own.token).tenant(TENANT).also("frontegg-tenant-id", second);
    list(TENANT).expect(200).await;
    let refused = list("tenant-2").expect(400).await;
    assert_eq!(refused["errors"], json!(["frontegg-tenant-id: is given twice, with different values"]));
}

#[tokio::test]
async fn webhooks_of_one_client_are_visible_to_another() {
    let app = App::start().await;
    let own = app.environment("own").await;
    // The Frontegg API reads the environment's own id as no tenant.
    let hidden = json!({ "tenantId": own.id, "url": "https://example.com", "eventKeys": ["a"] });
    assert_eq!(app.post("/api/v1/webhooks").token(&own.token).json(&hidden).code(422).await, "invalid_value");
    let native = app.webhook(&own, Some(TENANT), "https://example.com").await;
    let listed = app.get(WEBHOOK).token(&own.token).tenant(TENANT).expect(200).await;
    assert_eq!(listed[0]["_id"], native["id"]);
    let one = format!("/api/v1/webhooks/{}", text(&listed[0]["_id"]));
    app.call(Method::GET, &one).token(&own.token).expect(200).await;
}
