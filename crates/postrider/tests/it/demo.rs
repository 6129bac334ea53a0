//! `serve --demo`: the whole path by itself.

use postrider_testkit::receiver::Receiver;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, reqwest_client};

#[tokio::test]
async fn the_demo_shows_verified_events_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    // No POSTRIDER_EGRESS_ALLOW: the demo opens the way to its own receiver alone.
    let mut server = Server::start_with(folder.path(), |command| command.arg("--demo")).await;
    let line = server.wait_for_line("received ").await;
    assert!(line.contains("both signatures right"), "{line}");
    server.signal(Signal::KILL);
    server.wait().await;

    let mut server = Server::start_with(folder.path(), |command| command.arg("--demo")).await;
    server.wait_for_line("both signatures right").await;
    assert_eq!(webhooks(folder.path()).await.len(), 1, "the webhook of the killed server is taken over");
    assert!(server.stop().await.success(), "{}", server.logs());

    let _server = Server::start(folder.path()).await;
    assert_eq!(webhooks(folder.path()).await.len(), 0, "a stopped demo takes its webhook away");
}

#[tokio::test]
async fn the_demo_sends_no_samples_where_other_webhooks_would_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
    assert!(server.stop().await.success(), "{}", server.logs());

    let mut server = Server::start_with(folder.path(), |command| bootstrapped(command).arg("--demo")).await;
    let line = server.wait_for_line("No sample event is sent").await;
    assert!(line.contains("1 other active webhook of this environment"), "{line}");
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let event = server.post(&token, "/api/v1/events", &json!({ "eventKey": "a.b", "payload": {} })).await;
    let line = server.wait_for_line("received ").await;
    assert!(line.contains("a.b") && line.contains("both signatures right"), "{line}");
    let requests = receiver.wait_for(1, PATIENCE).await;
    assert_eq!(requests[0].headers["webhook-id"], event["eventId"].as_str().unwrap(), "a sample would have come first");
}

/// The webhooks of the first environment, asked for over the control socket.
async fn webhooks(folder: &std::path::Path) -> Vec<Value> {
    // Chooses the provider of cryptography, without which no client can be made.
    drop(reqwest_client());
    let http = reqwest::Client::builder().unix_socket(folder.join("data/control.sock")).build().unwrap();
    let answer = http.get("http://control.socket/api/v1/webhooks").send().await.unwrap();
    let page: Value = answer.error_for_status().unwrap().json().await.unwrap();
    page["items"].as_array().unwrap().clone()
}
