//! Statistics: series, summary, and those of a list of webhooks.

use std::time::Duration;

use postrider_core::limits::WEBHOOK_FAILING_AFTER;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, answers, text};

const STATISTICS: &str = "/api/v1/statistics";
const ALL: &[&str] = &["*"];

fn points(series: &Value) -> &Vec<Value> {
    series["points"].as_array().expect("points")
}

#[tokio::test]
async fn what_happened_shows_in_every_series_it_belongs_to() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/works", answers(200, "{}"));
    receiver.on("/fails", answers(503, "{}"));
    let own = app.environment("own").await;
    let works = text(&app.webhook(&own, None, &receiver.url("/works")).await["id"]);
    let fails = text(&app.webhook(&own, None, &receiver.url("/fails")).await["id"]);
    let event = app.event(&own, Some("tenant-1")).await;
    app.deliveries_attempted(&own, &event).await;
    let get = |query: String| app.get(&format!("{STATISTICS}{query}")).token(&own.token).expect(200);

    let all = get(String::new()).await;
    assert_eq!((all["resolution"].as_str(), points(&all).len()), (Some("hour"), 24));
    assert_eq!(points(&all)[23]["deliveries"], 2, "{all}");
    let total = &all["total"];
    assert_eq!((&total["events"], &total["deliveries"], &total["delivered"]), (&json!(1), &json!(2), &json!(1)));
    assert_eq!(total["answers"], json!({ "2xx": 1, "3xx": 0, "4xx": 0, "5xx": 1, "other": 0, "none": 0 }));
    assert_eq!((&total["attempts"], &total["failedAttempts"]), (&json!(2), &json!(1)));
    assert!(total["attemptMs"]["p99"].as_f64().expect("a duration") > 0.0);
    assert!(total["deliveryMs"]["p50"].is_number());
    assert_eq!(points(&all)[0]["attemptMs"], Value::Null);
    assert_eq!(all["incomplete"], json!([]));

    assert_eq!(points(&get("?resolution=minute".to_owned()).await).len(), 1_440);
    let days = get("?resolution=day&from=2020-01-01T00:00:00Z".to_owned()).await;
    assert_eq!(days["total"]["deliveries"], 2);
    // What was before anything that is kept, and what has not come, are ranges of which nothing is left.
    for query in
        ["?from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z", "?from=9998-01-01T00:00:00Z&to=9999-12-31T23:59:59Z"]
    {
        let nothing = get(query.to_owned()).await;
        assert_eq!((points(&nothing).len(), &nothing["from"]), (0, &nothing["to"]), "{query}");
    }
    for (query, deliveries, failed_attempts) in [
        (format!("?webhookId={works}"), 1, 0),
        (format!("?webhookId={fails}"), 1, 1),
        ("?tenantId=tenant-1".to_owned(), 2, 1),
        ("?tenantId=tenant-2".to_owned(), 0, 0),
        (
            format!(
                "?eventKey={}",
                text(&app.get("/api/v1/events").token(&own.token).expect(200).await["items"][0]["eventKey"])
            ),
            2,
            1,
        ),
    ] {
        let total = get(query.clone()).await["total"].clone();
        assert_eq!(
            (&total["deliveries"], &total["failedAttempts"]),
            (&json!(deliveries), &json!(failed_attempts)),
            "{query}"
        );
    }

    let minutes = get("?resolution=minute&tenantId=tenant-1&from=2020-01-01T00:00:00Z".to_owned()).await;
    assert_eq!((points(&minutes).len(), &minutes["total"]["deliveries"]), (181, &json!(2)), "three hours are kept");
    let minutes = get("?resolution=minute&eventKey=order.paid".to_owned()).await;
    assert_eq!((points(&minutes).len(), &minutes["total"]["deliveries"]), (1_440, &json!(2)));

    let summary = get("/summary?hours=2".to_owned()).await;
    assert_eq!((&summary["waiting"], &summary["successRate"]), (&json!(1), &json!(1.0)), "{summary}");
    assert_eq!(summary["webhooks"]["total"], 2);
    assert_eq!(summary["topFailing"][0]["webhookId"], fails);
    assert_eq!(
        (&summary["topFailing"][0]["failedAttempts"], &summary["topFailing"][0]["waiting"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(summary["topFailing"].as_array().expect("a list").len(), 1);

    let list = get(format!("/webhooks?webhookIds={fails},{works},018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f")).await;
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.iter().map(|item| text(&item["webhookId"])).collect::<Vec<_>>(), [fails, works]);
    assert_eq!((&items[0]["waiting"], &items[0]["successRate"]), (&json!(1), &Value::Null));
    assert_eq!((&items[1]["hours"][23]["delivered"], &items[1]["successRate"]), (&json!(1), &json!(1.0)));
    assert_eq!(items[1]["hours"].as_array().expect("hours").len(), 24);
}

#[tokio::test]
async fn what_is_off_or_does_not_answer_needs_attention() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/gone", answers(410, "{}"));
    let own = app.environment("own").await;
    let gone = text(&app.webhook(&own, None, &receiver.url("/gone")).await["id"]);
    let event = app.event(&own, None).await;
    app.deliveries_attempted(&own, &event).await;
    let summary = app.get("/api/v1/statistics/summary").token(&own.token).expect(200).await;
    assert_eq!(summary["attentionCount"], 1, "{summary}");
    let attention = &summary["attention"][0];
    assert_eq!((&attention["kind"], &attention["reason"]), (&json!("webhook_disabled"), &json!("gone")));
    assert_eq!(attention["webhookId"], gone);
    assert_eq!((&summary["webhooks"]["disabled"], &summary["successRate"]), (&json!(1), &json!(0.0)));
}

#[tokio::test]
async fn who_is_paused_counts_as_failing_however_few_have_failed() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/down", answers(503, "{}"));
    let own = app.environment("own").await;
    let id = text(&app.webhook(&own, None, &receiver.url("/down")).await["id"]);
    // An endpoint that never answered is paused sooner than failures make a webhook failing.
    for _ in 1..WEBHOOK_FAILING_AFTER {
        let event = app.event(&own, None).await;
        app.deliveries_attempted(&own, &event).await;
    }
    let summary = app.get("/api/v1/statistics/summary").token(&own.token).expect(200).await;
    assert_eq!(summary["attention"][0]["kind"], "webhook_paused", "{summary}");
    assert_eq!((&summary["webhooks"]["paused"], &summary["webhooks"]["failing"]), (&json!(1), &json!(1)), "{summary}");
    let health = app.get(&format!("/api/v1/webhooks/{id}")).token(&own.token).expect(200).await["health"].clone();
    assert_eq!(
        (&health["isFailing"], &health["consecutiveFailures"]),
        (&json!(true), &json!(WEBHOOK_FAILING_AFTER - 1))
    );
}

#[tokio::test]
async fn an_endpoint_that_takes_nothing_is_failing_since_its_first_answer() {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/missing", answers(404, "{}"));
    let own = app.environment("own").await;
    let id = text(&app.webhook(&own, None, &receiver.url("/missing")).await["id"]);
    let webhook = format!("/api/v1/webhooks/{id}");
    let summary = async || app.get("/api/v1/statistics/summary").token(&own.token).expect(200).await;
    let health = async || app.get(&webhook).token(&own.token).expect(200).await["health"].clone();
    for _ in 1..WEBHOOK_FAILING_AFTER {
        app.event(&own, None).await;
    }
    let few = summary().await;
    assert_eq!((&few["webhooks"]["failing"], &few["attentionCount"]), (&json!(0), &json!(0)), "{few}");
    assert_eq!(few["topFailing"][0]["failuresInARow"], WEBHOOK_FAILING_AFTER - 1);
    let since = few["topFailing"][0]["failingSince"].clone();
    assert!(since.is_string(), "{few}");
    assert_eq!(health().await["isFailing"], false);

    // Less than until the first retry.
    app.clock.advance(Duration::from_secs(1));
    app.event(&own, None).await;
    let many = summary().await;
    assert_eq!((&many["webhooks"]["failing"], &many["webhooks"]["paused"]), (&json!(1), &json!(0)), "{many}");
    let attention = &many["attention"][0];
    assert_eq!((&attention["kind"], &attention["webhookId"]), (&json!("webhook_failing"), &json!(id)));
    assert_eq!((&attention["since"], &attention["failuresInARow"]), (&since, &json!(WEBHOOK_FAILING_AFTER)));
    assert_eq!(many["topFailing"][0]["failingSince"], since);
    let told = health().await;
    assert_eq!((&told["isFailing"], &told["failingSince"]), (&json!(true), &since));
    assert_eq!(told["consecutiveFailures"], WEBHOOK_FAILING_AFTER);

    receiver.on("/missing", answers(200, "{}"));
    app.event(&own, None).await;
    let over = summary().await;
    assert_eq!((&over["webhooks"]["failing"], &over["attentionCount"]), (&json!(0), &json!(0)), "{over}");
    assert_eq!(over["topFailing"][0]["failingSince"], Value::Null);
    let told = health().await;
    assert_eq!((&told["isFailing"], &told["failingSince"]), (&json!(false), &Value::Null));
}

#[tokio::test]
async fn statistics_that_cannot_be_told_are_refused() {
    let app = App::start().await;
    let own = app.environment("own").await;
    for query in [
        "?resolution=second",
        "?tenantId=t&eventKey=k",
        "?from=yesterday",
        "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
        "?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
        "?from=9998-01-01T00:00:00Z",
        "?from=2020-01-01T00:00:00Z&resolution=minute",
        "?webhookId=7",
        "/summary?hours=0",
        "/summary?hours=169",
        "/webhooks",
        "/webhooks?webhookIds=",
        "/webhooks?webhookIds=7",
    ] {
        let code = app.get(&format!("{STATISTICS}{query}")).token(&own.token).code(400).await;
        assert_eq!(code, "invalid_parameter", "{query}");
    }
    let stranger = "?webhookId=018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f";
    assert_eq!(app.get(&format!("{STATISTICS}{stranger}")).token(&own.token).code(404).await, "not_found");
    let many = vec!["018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f"; 251].join(",");
    let path = format!("{STATISTICS}/webhooks?webhookIds={many}");
    assert_eq!(app.get(&path).token(&own.token).code(400).await, "invalid_parameter");
}

#[tokio::test]
async fn a_tenants_user_sees_statistics_of_its_own_webhooks() {
    let app = App::start().await;
    let own = app.environment("own").await;
    app.trust_issuer(&own, "byPermissions").await;
    let mine = text(&app.webhook(&own, Some("tenant-1"), "https://example.com").await["id"]);
    let theirs = text(&app.webhook(&own, Some("tenant-2"), "https://example.com").await["id"]);
    let user = app.user(&own, "tenant-1", ALL);
    let get = |query: &str| app.get(&format!("{STATISTICS}{query}")).token(&user);
    get(&format!("?webhookId={mine}")).expect(200).await;
    assert_eq!(get(&format!("?webhookId={theirs}")).code(404).await, "not_found");
    assert_eq!(get("").code(400).await, "invalid_parameter");
    assert_eq!(get("?tenantId=tenant-1").code(400).await, "invalid_parameter");
    assert_eq!(get("/summary").code(403).await, "forbidden");
    let list = get(&format!("/webhooks?webhookIds={mine},{theirs}")).expect(200).await;
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
    let stranger = app.user(&own, "tenant-1", &["fe.connectivity.write.*"]);
    let refused = app.get(&format!("{STATISTICS}?webhookId={mine}")).token(&stranger).code(403).await;
    assert_eq!(refused, "forbidden");
}
