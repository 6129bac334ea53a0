//! Events and deliveries, found and watched by command.

use std::io::BufRead as _;
use std::process::Stdio;

use postrider_testkit::receiver::{Behaviour, Receiver, Reply};
use serde_json::{Value, json};

use crate::support::{
    CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped, first_line, json_of, lines_of, postrider, run, stderr_of,
};

/// The events of the tests: which key, of whom, with what.
const EVENTS: [(&str, &str, &str); 4] = [
    ("user.created", "acme", "ada lovelace"),
    ("user.deleted", "acme", "bob"),
    ("user.created", "globex", "cy"),
    ("odd", "acme", "di"),
];

/// Reports those, to a webhook that refuses everything and takes all but the last; returns their ids and the webhook's.
async fn reported(server: &Server, token: &str, receiver: &Receiver) -> (Vec<String>, String) {
    receiver.on("/hook", Behaviour::Answer(Reply::new(410, String::new())));
    let webhook = json!({
        "displayName": "test", "url": receiver.url("/hook"), "secret": "a-long-secret", "eventKeys": ["user.*"],
    });
    let webhook = server.post(token, "/api/v1/webhooks", &webhook).await["id"].as_str().unwrap().to_owned();
    let mut ids = Vec::new();
    for (key, tenant, name) in EVENTS {
        let event = json!({ "eventKey": key, "tenantId": tenant, "payload": { "name": name, "exact": 1.0 } });
        let event = server.post(token, "/api/v1/events", &event).await;
        ids.push(event["eventId"].as_str().unwrap().to_owned());
        // The first disables the webhook; the others are discarded from then on.
        if key.starts_with("user.") {
            until_ended(server, token, &ids[ids.len() - 1]).await;
        }
    }
    (ids, webhook)
}

async fn until_ended(server: &Server, token: &str, event: &str) {
    let deadline = std::time::Instant::now() + PATIENCE;
    while server.get(token, &format!("/api/v1/deliveries?eventId={event}")).await["items"][0]["endedAt"].is_null() {
        assert!(std::time::Instant::now() < deadline, "the delivery does not end");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn events_and_deliveries_are_found_by_every_filter() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let (ids, webhook) = reported(&server, &token, &receiver).await;
    let call = async |arguments: &[&str]| {
        let mut command = postrider(folder.path());
        run(command.arg("--json").args(arguments).args(["--data-dir", "data"])).await
    };
    let found = async |arguments: &[&str], name: &str| {
        let rows = lines_of(&call(arguments).await);
        rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let of = |numbers: &[usize]| numbers.iter().rev().map(|number| ids[*number].clone()).collect::<Vec<_>>();
    let of_events: [(&[&str], &[usize]); 13] = [
        (&[], &[0, 1, 2, 3]),
        (&["--limit", "2"], &[2, 3]),
        (&["--all"], &[0, 1, 2, 3]),
        (&["--event-key", "user.created"], &[0, 2]),
        (&["--tenant", "acme"], &[0, 1, 3]),
        (&["--matched", "false"], &[3]),
        (&["--webhook", &webhook], &[0, 1, 2]),
        (&["--state", "discarded"], &[1, 2]),
        (&["--status", "4xx"], &[0]),
        (&["--id", &ids[1]], &[1]),
        (&["--text", "ADA LOVE"], &[0]),
        (&["--from", "2020-01-01T00:00:00Z"], &[0, 1, 2, 3]),
        (&["--to", "2020-01-01T00:00:00Z"], &[]),
    ];
    for (filter, expected) in of_events {
        assert_eq!(found(&[&["events", "list"][..], filter].concat(), "id").await, of(expected), "{filter:?}");
    }
    let of_deliveries: [(&[&str], &[usize]); 5] = [
        (&["--event", &ids[2]], &[2]),
        (&["--state", "failed,discarded"], &[0, 1, 2]),
        (&["--status", "410"], &[0]),
        (&["--tenant", "globex"], &[2]),
        (&["--limit", "1"], &[2]),
    ];
    for (filter, expected) in of_deliveries {
        let arguments = [&["deliveries", "list"][..], filter].concat();
        assert_eq!(found(&arguments, "eventId").await, of(expected), "{filter:?}");
    }
    let newest = found(&["deliveries", "list", "--limit", "1"], "id").await;
    assert_eq!(found(&["deliveries", "list", "--id", &newest[0]], "id").await, newest);
    let resent = call(&["deliveries", "resend", "--state", "failed"]).await;
    let job = json_of(&resent);
    assert_eq!((&job["state"], &job["done"], &job["failed"]), (&json!("completed"), &json!(0), &json!(1)), "{job}");
    assert_eq!(resent.status.code(), Some(1), "what could not be sent, as the webhook is disabled, was not done");
    assert_eq!(stderr_of(&resent).trim(), json!({ "job": job["id"] }).to_string(), "which job it is");
    let unfiltered = call(&["deliveries", "resend"]).await;
    assert_eq!(unfiltered.status.code(), Some(2), "nobody means all by nothing");
    assert!(stderr_of(&unfiltered).contains("--all"), "{}", stderr_of(&unfiltered));
    let all = json_of(&call(&["deliveries", "resend", "--all", "--preview"]).await);
    assert_eq!(all["deliveries"], 3, "{all}");
    let mut command = postrider(folder.path());
    let told = run(command.args(["deliveries", "resend", "--state", "failed", "--data-dir", "data"])).await;
    let said = String::from_utf8(told.stdout.clone()).unwrap();
    assert!(said.contains("1 could not be sent: its webhook is disabled or deleted"), "{said}");
    assert!(stderr_of(&told).contains("1 delivery is to be made") && stderr_of(&told).contains("job "));
    let refused = call(&["events", "list", "--state", "lost"]).await;
    assert!(!refused.status.success() && stderr_of(&refused).contains("state"), "{}", stderr_of(&refused));
    assert_eq!(call(&["events", "list", "--all", "--limit", "1"]).await.status.code(), Some(2), "one or the other");

    let shown = json_of(&call(&["events", "show", &ids[0]]).await);
    assert_eq!((&shown["event"]["id"], &shown["deliveries"][0]["state"]), (&json!(ids[0]), &json!("failed")));
    let mut command = postrider(folder.path());
    let told = run(command.args(["events", "show", &ids[0], "--data-dir", "data"])).await;
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(r#""exact":1.0}"#), "the body is as it was sent: {told}");
    assert!(told.contains("user.created") && told.contains(&webhook) && told.contains("410"), "{told}");
    let mut command = postrider(folder.path());
    let told = run(command.args(["events", "list", "--tenant", "globex", "--data-dir", "data"])).await;
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.starts_with("event ") && told.contains(&ids[2]) && told.lines().count() == 2, "{told}");
    let vast = json_of(&call(&["trigger", "vast", "--payload", r#"{"n":1e400}"#]).await);
    let shown = call(&["events", "show", vast["eventId"].as_str().unwrap()]).await;
    assert!(String::from_utf8_lossy(&shown.stdout).contains(r#""n":1e400}"#), "{}", stderr_of(&shown));
    let missing = call(&["events", "show", &newest[0]]).await;
    assert!(!missing.status.success() && stderr_of(&missing).contains("event"), "{}", stderr_of(&missing));
}

#[tokio::test]
async fn one_event_is_replayed_by_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let mut ids = Vec::new();
    for number in 0..3 {
        let event = json!({ "eventKey": "a.b", "payload": { "number": number } });
        ids.push(server.post(&token, "/api/v1/events", &event).await["eventId"].as_str().unwrap().to_owned());
    }
    let webhook = server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
    let mut command = postrider(folder.path());
    command.args(["--json", "replay", "--event", &ids[1], "--webhook", &webhook, "--data-dir", "data"]);
    let job = json_of(&run(&mut command).await);
    assert_eq!((&job["state"], &job["done"], &job["total"]), (&json!("completed"), &json!(1), &json!(1)), "{job}");
    let requests = receiver.wait_for(1, PATIENCE).await;
    assert_eq!(requests[0].headers["webhook-id"], ids[1].as_str());
    let mut command = postrider(folder.path());
    let neither = run(command.args(["replay", "--webhook", &webhook, "--data-dir", "data"])).await;
    assert_eq!(neither.status.code(), Some(2), "a range or an event");
}

#[tokio::test]
async fn a_tail_tells_the_deliveries_that_its_filters_take_through_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
    let mut command = postrider(folder.path());
    command.args(["--json", "deliveries", "tail", "--tenant", "acme", "--event-key", "a.b", "--state", "delivered"]);
    command.args(["--data-dir", "data"]);
    let mut tail = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (line, mut said) = first_line(tail.stderr.take().unwrap()).await;
    assert!(line.starts_with("Watching"), "{line}");
    let report = async |server: &Server, token: &str| {
        let mut wanted = String::new();
        for (key, tenant) in [("a.b", "globex"), ("a.c", "acme"), ("a.b", "acme")] {
            let event = json!({ "eventKey": key, "tenantId": tenant, "payload": {} });
            server.post(token, "/api/v1/events", &event).await["eventId"].as_str().unwrap().clone_into(&mut wanted);
        }
        wanted
    };
    let wanted = report(&server, &token).await;
    let (line, stdout) = first_line(tail.stdout.take().unwrap()).await;
    let delivery: Value = serde_json::from_str(&line).unwrap();
    assert_eq!((&delivery["eventId"], &delivery["state"]), (&json!(wanted), &json!("delivered")), "{line}");

    assert!(server.stop().await.success());
    server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let again = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        while said.read_line(&mut line).unwrap() > 0 && !line.contains("Connected again") {
            line.clear();
        }
        (line, said)
    });
    let (line, _said) = tokio::time::timeout(PATIENCE, again).await.expect("it connects again").unwrap();
    assert!(line.contains("Connected again"), "{line}");
    let wanted = report(&server, &token).await;
    let told = tokio::task::spawn_blocking(move || {
        // What was told already may be told once more.
        let mut lines = stdout.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
        lines.find(|delivery| delivery["eventId"] == *wanted)
    });
    let delivery = tokio::time::timeout(PATIENCE, told).await.expect("a line in time").unwrap().unwrap();
    assert_eq!((&delivery["tenantId"], &delivery["state"]), (&json!("acme"), &json!("delivered")), "{delivery}");
    tail.kill().unwrap();
    tail.wait().unwrap();
}

#[tokio::test]
async fn a_tail_refuses_what_no_delivery_can_be() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, words) in [(["--state", "lost"], "discarded"), (["--status", "6xx"], "2xx to 5xx")] {
        let mut command = postrider(folder.path());
        let refused = run(command.args(["deliveries", "tail"]).args(arguments)).await;
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr_of(&refused).contains(words), "{}", stderr_of(&refused));
    }
}
