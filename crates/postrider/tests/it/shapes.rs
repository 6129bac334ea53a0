//! Endpoints that are choosy are served as their owners expect.

use postrider_testkit::receiver::{Behaviour, Demand, Receiver, Reply};
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped};

/// Waits until an event's delivery to a webhook has ended.
async fn ended(server: &Server, token: &str, event: &Value, webhook: &Value) -> Value {
    let (event, webhook) = (event["eventId"].as_str().unwrap(), webhook["id"].as_str().unwrap());
    let path = format!("/api/v1/deliveries?eventId={event}&webhookId={webhook}");
    let look = async {
        loop {
            let page = server.get(token, &path).await;
            let delivery = page["items"][0].clone();
            if delivery["endedAt"].is_string() {
                return delivery;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.expect("it ends in time")
}

#[tokio::test]
async fn choosy_endpoints_get_what_they_know() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let receiver = Receiver::start().await;
    let members = vec!["tenantId".to_owned(), "name".to_owned()];
    let header = Some(("x-api-key".to_owned(), "key-of-acme".to_owned()));
    let demand =
        |header, status| Behaviour::Demand(Demand { header, members: members.clone(), reply: Reply::new(status, "") });
    // One demands a header and a flat body, one answers 204, one answers 400 to members that it does not know.
    receiver.on("/flat", demand(header, 200));
    receiver.on("/quiet", demand(None, 204));
    receiver.on("/strict", demand(None, 200));
    let payload = json!({ "template": r#"{"tenantId": "{{ tenant.tenantId }}", "name": "{{ tenant.name }}"}"# });
    let webhook = |path: &str| {
        json!({
            "displayName": path,
            "url": receiver.url(path),
            "eventKeys": ["frontegg.tenant.created"],
            "payload": payload,
            "retryPolicy": { "delaysInSeconds": [] },
        })
    };
    let event = json!({
        "eventKey": "frontegg.tenant.created",
        "tenantId": "t-1",
        "payload": { "tenant": { "tenantId": "t-1", "name": "Acme \"Rockets\" \\ Söhne" } },
    });
    for path in ["/flat", "/quiet", "/strict"] {
        let mut form = webhook(path);
        if path == "/flat" {
            let value = "key-of-{{ tenant.name | lower | truncate(4, '') }}";
            form["headers"] = json!([{ "name": "X-Api-Key", "value": value, "isSensitive": true }]);
        }
        let made = server.post(&token, "/api/v1/webhooks", &form).await;
        let accepted = server.post(&token, "/api/v1/events", &event).await;
        let delivery = ended(&server, &token, &accepted, &made).await;
        assert_eq!(delivery["state"], "delivered", "{path}: {delivery}");
        let request = receiver.received().pop().unwrap();
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body, json!({ "tenantId": "t-1", "name": "Acme \"Rockets\" \\ Söhne" }), "{path}");
        let off = format!("/api/v1/webhooks/{}", made["id"].as_str().unwrap());
        server.patch(&token, &off, &json!({ "isActive": false })).await;
    }
    // Without the template the strict one refuses, and says why.
    let mut plain = webhook("/strict");
    plain.as_object_mut().unwrap().remove("payload");
    let made = server.post(&token, "/api/v1/webhooks", &plain).await;
    let accepted = server.post(&token, "/api/v1/events", &event).await;
    let refused = ended(&server, &token, &accepted, &made).await;
    assert_eq!(refused["state"], "failed");
    assert_eq!(
        (&refused["reason"], &refused["lastAttempt"]["statusCode"]),
        (&json!("attempts_exhausted"), &json!(400))
    );
}
