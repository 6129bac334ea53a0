//! What an attempt tells of its request.

use postrider_core::limits::SETTINGS_REVISIONS;
use postrider_testkit::receiver::Receiver;
use serde_json::{Value, json};

use crate::app::{App, Environment, answers, text};
use crate::tenants::TENANT;

const WEBHOOKS: &str = "/api/v1/webhooks";

struct Sent {
    app: App,
    own: Environment,
    receiver: Receiver,
    webhook: String,
    attempts: String,
}

/// A webhook of a tenant's, and an event that was delivered to it.
async fn sent() -> Sent {
    let app = App::start().await;
    let receiver = Receiver::start().await;
    receiver.on("/hook", answers(200, "thanks"));
    let own = app.environment("own").await;
    let form = json!({
        "tenantId": TENANT,
        "url": receiver.url("/hook"),
        "eventKeys": ["*"],
        "deadlineSeconds": 7,
        "headers": [
            { "name": "X-Tenant", "value": "is {{ event.tenantId }}" },
            { "name": "X-Key", "value": "h1dden", "isSensitive": true },
        ],
        "authentication": { "type": "bearer", "token": "t0ken" },
    });
    let made = app.post(WEBHOOKS).token(&own.token).json(&form).expect(201).await;
    let event = app.event(&own, Some(TENANT)).await;
    let delivery = app.deliveries_attempted(&own, &event).await.remove(0);
    let attempts = format!("/api/v1/deliveries/{}/attempts", text(&delivery["id"]));
    Sent { app, own, receiver, webhook: format!("{WEBHOOKS}/{}", text(&made["id"])), attempts }
}

impl Sent {
    /// The only attempt, as that caller sees it.
    async fn attempt(&self, token: &str) -> Value {
        let attempts = self.app.get(&self.attempts).token(token).expect(200).await;
        assert_eq!(attempts["items"].as_array().map(Vec::len), Some(1), "{attempts}");
        attempts["items"][0].clone()
    }

    async fn change(&self, change: &Value) {
        self.app.patch(&self.webhook).token(&self.own.token).json(change).expect(200).await;
    }
}

#[tokio::test]
async fn an_attempt_shows_what_it_sent_and_nothing_that_is_hidden() {
    let sent = sent().await;
    sent.app.trust_issuer(&sent.own, "always").await;
    let user = sent.app.user(&sent.own, TENANT, &["fe.connectivity.*"]);
    let received = sent.receiver.received().remove(0);
    for token in [&sent.own.token, &user] {
        let attempt = sent.attempt(token).await;
        let request = &attempt["request"];
        let header = |name: &str| {
            let headers = request["headers"].as_array().expect("headers");
            headers.iter().find(|header| header["name"] == name).unwrap_or_else(|| panic!("{name}: {request}")).clone()
        };
        assert_eq!(header("x-tenant")["value"], format!("is {TENANT}"));
        assert_eq!(header("x-tenant")["value"], received.headers["x-tenant"].to_str().expect("ASCII"));
        assert_eq!(header("webhook-id")["value"], received.headers["webhook-id"].to_str().expect("ASCII"));
        for hidden in ["x-key", "authorization"] {
            assert_eq!(header(hidden), json!({ "name": hidden, "value": null, "withheld": "hidden" }));
        }
        let signatures = json!({ "name": "webhook-signature", "value": "v1,…", "withheld": "signature" });
        assert_eq!(header("webhook-signature"), signatures);
        assert_eq!(header("x-webhook-secret")["value"], Value::Null);
        assert_eq!((&request["method"], &request["authentication"]), (&json!("POST"), &json!("bearer")));
        assert_eq!((&request["deadlineSeconds"], &request["settingsRevision"]), (&json!(7), &json!(1)));
        assert_eq!((&request["clientCertificate"], &request["changedSince"]), (&json!(false), &json!(false)));
        let all = attempt.to_string();
        assert!(!all.contains("h1dden") && !all.contains("t0ken"), "{all}");
    }
}

#[tokio::test]
async fn who_may_not_see_webhooks_learns_no_header_of_its_own_from_an_attempt() {
    let sent = sent().await;
    sent.app.trust_issuer(&sent.own, "byPermissions").await;
    let logs = "fe.connectivity.read.webhookLogs";
    let both = sent.app.user(&sent.own, TENANT, &[logs, "fe.connectivity.read.webhooks"]);
    let alone = sent.app.user(&sent.own, TENANT, &[logs]);
    assert_eq!(sent.app.get(&sent.webhook).token(&alone).code(403).await, "forbidden");
    let (whole, attempt) = (sent.attempt(&both).await, sent.attempt(&alone).await);
    let told = format!("is {TENANT}");
    assert!(whole["request"].to_string().contains(&told), "{whole}");
    assert!(!attempt["request"].to_string().contains(&told), "{attempt}");
    let headers = |attempt: &Value| attempt["request"]["headers"].as_array().expect("headers").clone();
    for (whole, header) in headers(&whole).into_iter().zip(headers(&attempt)) {
        let hidden = json!({ "name": whole["name"], "value": null, "withheld": "hidden" });
        let is_own = [json!("x-tenant"), json!("x-key")].contains(&whole["name"]);
        assert_eq!(header, if is_own { hidden } else { whole });
    }
    assert_eq!((&attempt["url"], &attempt["body"]), (&whole["url"], &whole["body"]));
}

#[tokio::test]
async fn a_later_change_leaves_a_past_request_as_it_was() {
    let sent = sent().await;
    let before = sent.attempt(&sent.own.token).await;
    sent.change(&json!({ "displayName": "Renamed" })).await;
    assert_eq!(sent.attempt(&sent.own.token).await, before, "a name is in no request");
    sent.change(&json!({ "headers": [], "deadlineSeconds": 20 })).await;
    let after = sent.attempt(&sent.own.token).await;
    assert_eq!(after["request"]["changedSince"], true);
    assert_eq!(after["request"]["headers"], before["request"]["headers"]);
    assert_eq!(after["request"]["deadlineSeconds"], 7);
    sent.app.delete(&sent.webhook).token(&sent.own.token).expect(204).await;
    assert_eq!(sent.attempt(&sent.own.token).await, after, "the vendor's log stays");
}

#[tokio::test]
async fn a_request_that_is_not_kept_is_told_as_none() {
    let sent = sent().await;
    let before = sent.attempt(&sent.own.token).await;
    for change in 0..SETTINGS_REVISIONS {
        sent.change(&json!({ "deadlineSeconds": 8 + change % 2 })).await;
    }
    let after = sent.attempt(&sent.own.token).await;
    assert_eq!((&after["request"], &after["url"]), (&Value::Null, &before["url"]));
}
