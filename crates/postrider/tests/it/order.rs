//! Strict order through SIGKILL: an ordered webhook's events arrive in the order of their acceptance, whenever the server dies.

use std::collections::HashMap;

use postrider_testkit::SeededEntropy;
use postrider_testkit::receiver::{Behaviour, Receiver, Reply};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{CLIENT_ID, PATIENCE, SECRET, Server, bootstrapped};

/// How often the server is killed.
const KILLS: usize = 6;
/// Events of a round, over all keys.
const EVENTS: usize = 40;
/// Keys that events are ordered by.
const KEYS: usize = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_change_nothing_about_the_order_of_a_key() {
    let dice = SeededEntropy::new(11);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    receiver.on("/hook", Behaviour::Answer(Reply::new(200, "{}".to_owned())));
    let mut number = 0;
    for round in 0..=KILLS {
        let mut server = Server::start_with(folder.path(), bootstrapped).await;
        let token = server.log_in(CLIENT_ID, SECRET).await;
        if round == 0 {
            let ordering = json!({ "by": "member", "pointer": "/about/key" });
            let webhook = json!({ "url": receiver.url("/hook"), "eventKeys": ["*"], "ordering": ordering });
            server.post(&token, "/api/v1/webhooks", &webhook).await;
        }
        let before = receiver.received().len();
        for _ in 0..EVENTS / 8 {
            let events: Vec<Value> = (0..8)
                .map(|_| {
                    number += 1;
                    let about = json!({ "key": format!("key {}", dice.below(KEYS)), "number": number });
                    json!({ "eventKey": "it.happened", "payload": { "about": about } })
                })
                .collect();
            server.post(&token, "/api/v1/events/batch", &json!(events)).await;
        }
        if round == KILLS {
            wait_for_all(&receiver, number).await;
            continue;
        }
        receiver.wait_for(before + dice.below(EVENTS), PATIENCE).await;
        server.signal(Signal::KILL);
        server.wait().await;
        receiver.wait_for_open_connections(0, PATIENCE).await;
    }
    let mut last: HashMap<String, u64> = HashMap::new();
    for request in receiver.received() {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let (key, number) = (body["about"]["key"].to_string(), body["about"]["number"].as_u64().unwrap());
        let last = last.entry(key.clone()).or_default();
        // What was under way when a kill fell comes once more, before anything later of its key.
        assert!(number >= *last, "{key}: {number} after {last}");
        *last = number;
    }
}

async fn wait_for_all(receiver: &Receiver, count: usize) {
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let requests = receiver.received();
        let ids: std::collections::BTreeSet<_> =
            requests.iter().map(|request| request.headers["webhook-id"].to_str().unwrap().to_owned()).collect();
        if ids.len() == count {
            return;
        }
        assert!(std::time::Instant::now() < deadline, "{} of {count} arrived", ids.len());
        receiver.wait_for(requests.len() + 1, PATIENCE).await;
    }
}
