//! A replay through SIGKILL: it goes on by itself, and sends nothing that was finished again beyond what was in flight.

use std::collections::HashMap;
use std::time::Instant;

use postrider_core::limits::IN_FLIGHT_PER_WEBHOOK;
use postrider_testkit::SeededEntropy;
use postrider_testkit::receiver::{Behaviour, Receiver, Reply};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped};

/// Events that are there before the webhook.
const EVENTS: usize = 1_500;
/// How often the server is killed while they are replayed.
const KILLS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_goes_on_after_kills_and_repeats_no_more_than_was_in_flight() {
    let dice = SeededEntropy::new(29);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.on("/hook", Behaviour::Answer(Reply::new(200, "{}".to_owned())));
    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    for batch in 0..EVENTS / 100 {
        let event = |number| json!({ "eventKey": "it.happened", "payload": { "number": batch * 100 + number } });
        server.post(&token, "/api/v1/events/batch", &json!((0..100).map(event).collect::<Vec<_>>())).await;
    }
    let webhook = server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
    let replay =
        json!({ "kind": "replay", "webhookIds": [webhook], "from": "2020-01-01T00:00:00Z", "ratePerSecond": 1_000 });
    let job = server.start_job(&token, "once", &replay).await;

    let mut kills = Vec::new();
    for kill in 0..KILLS {
        receiver.wait_for(EVENTS * (kill + 1) / (KILLS + 2) + dice.below(200), PATIENCE).await;
        server.signal(Signal::KILL);
        server.wait().await;
        receiver.wait_for_open_connections(0, PATIENCE).await;
        kills.push(Instant::now());
        server = Server::start_with(folder.path(), bootstrapped).await;
    }
    let token = server.log_in(CLIENT_ID, SECRET).await;
    let job = completed(&server, &token, job["id"].as_str().unwrap()).await;
    assert_eq!((&job["done"], &job["total"]), (&json!(EVENTS), &json!(EVENTS)), "{job}");

    let mut times_of = HashMap::<String, Vec<Instant>>::new();
    for request in receiver.received() {
        let id = request.headers["webhook-id"].to_str().unwrap().to_owned();
        times_of.entry(id).or_default().push(request.at);
    }
    assert_eq!(times_of.len(), EVENTS, "each arrived");
    let mut repeated_after = vec![0; KILLS];
    for (id, times) in &times_of {
        for pair in times.windows(2) {
            let between = kills.iter().position(|kill| pair[0] < *kill && *kill < pair[1]);
            repeated_after[between.unwrap_or_else(|| panic!("{id} was sent twice with no kill between"))] += 1;
        }
    }
    assert!(repeated_after.iter().all(|repeats| *repeats <= IN_FLIGHT_PER_WEBHOOK), "{repeated_after:?}");
}

async fn completed(server: &Server, token: &str, job: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let job = server.get(token, &format!("/api/v1/jobs/{job}")).await;
        if job["state"] == "completed" {
            return job;
        }
        assert!(Instant::now() < deadline, "{job}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
