//! SIGKILL under load, again and again on the same data: nothing accepted is lost, and no more is repeated than was in flight.
//!
//! A kill falls at a random point: after a random number of acceptances and some random turns of the runtime, and sometimes while the
//! server starts. The seed is printed; `POSTRIDER_TEST_SEED` repeats its choices, not the scheduling of the machine.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use postrider_core::limits::IN_FLIGHT_PER_WEBHOOK;
use postrider_testkit::SeededEntropy;
use postrider_testkit::receiver::Receiver;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::{CLIENT_ID, Caller, PATIENCE, SECRET, Server, bootstrapped, postrider};

/// How often the server is killed under load.
const KILLS: usize = 24;
/// Producers at the same time.
const PRODUCERS: usize = 12;
/// Events that are accepted before a kill, at most.
const EVENTS_BETWEEN: usize = 150;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_lose_nothing_and_repeat_no_more_than_was_in_flight() {
    let seed = seed();
    eprintln!("POSTRIDER_TEST_SEED={seed}");
    let dice = SeededEntropy::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let receiver = Receiver::start().await;
    // Which events were answered with 2XX. Others may or may not arrive: nobody was promised anything.
    let accepted = Arc::new(Mutex::new(BTreeSet::<String>::new()));
    let mut kills = Vec::new();

    for round in 0..KILLS {
        let mut server = Server::start_with(folder.path(), bootstrapped).await;
        let token = server.log_in(CLIENT_ID, SECRET).await;
        if round == 0 {
            server.subscribe(&token, &receiver.url("/hook"), "a-long-secret").await;
        }
        let load = Load::start(&server.caller(), &token, &accepted);
        load.wait_for(1 + dice.below(EVENTS_BETWEEN)).await;
        some_turns(&dice).await;
        server.signal(Signal::KILL);
        server.wait().await;
        load.stop().await;
        kills.push(end_of_life(&receiver).await);

        if dice.below(4) == 0 {
            // Killed while it opens the store and pages in what waits.
            let mut starting = postrider(folder.path());
            starting.args(["serve", "--listen", "127.0.0.1:0", "--data-dir", "data"]);
            let mut child = bootstrapped(&mut starting).stdout(std::process::Stdio::null()).spawn().unwrap();
            some_turns(&dice).await;
            child.kill().unwrap();
            child.wait().unwrap();
            kills.push(end_of_life(&receiver).await);
        }
    }

    let mut server = Server::start_with(folder.path(), bootstrapped).await;
    let accepted = std::mem::take(&mut *accepted.lock().unwrap());
    wait_until_received(&receiver, &accepted, seed).await;
    // A stop waits for what is in flight: from then on everything has its final state.
    assert!(server.stop().await.success(), "{}", server.logs());
    let server = Server::start_with(folder.path(), bootstrapped).await;
    let token = server.log_in(CLIENT_ID, SECRET).await;
    for state in ["pending", "retrying", "failed", "discarded"] {
        let rows: Value = server.get(&token, &format!("/api/v1/deliveries?state={state}")).await;
        assert_eq!(rows["items"].as_array().unwrap().len(), 0, "{state}, seed {seed}: {rows}");
    }
    let repeats = assert_repeats_were_in_flight(&receiver, &kills, seed);
    eprintln!("{} events accepted, {repeats} repeats after {} kills", accepted.len(), kills.len());
}

/// The moment after which nothing of a killed server arrives any more: what it had written is read, and its connections are closed.
async fn end_of_life(receiver: &Receiver) -> Instant {
    receiver.wait_for_open_connections(0, PATIENCE).await;
    Instant::now()
}

/// Each event arrives once in each life of the server at most; again only after a kill, and then no more of them than can have been
/// in flight when it fell: a slot is free only when its result is durable, and so few producers do not fill more than a webhook's
/// share. How many were repeated.
fn assert_repeats_were_in_flight(receiver: &Receiver, kills: &[Instant], seed: u64) -> usize {
    let mut lives_of: HashMap<String, Vec<usize>> = HashMap::new();
    for request in receiver.received() {
        let life = kills.iter().filter(|kill| **kill < request.at).count();
        let id = request.headers["webhook-id"].to_str().unwrap().to_owned();
        lives_of.entry(id).or_default().push(life);
    }
    let mut repeated_after = HashMap::<usize, usize>::new();
    for (id, lives) in &lives_of {
        for pair in lives.windows(2) {
            assert!(pair[0] < pair[1], "{id} was sent twice with no kill between, seed {seed}");
            *repeated_after.entry(pair[0]).or_default() += 1;
        }
    }
    for (life, repeats) in &repeated_after {
        assert!(*repeats <= IN_FLIGHT_PER_WEBHOOK, "{repeats} repeats after the end of life {life}, seed {seed}");
    }
    repeated_after.values().sum()
}

async fn wait_until_received(receiver: &Receiver, accepted: &BTreeSet<String>, seed: u64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let requests = receiver.received();
        let mut missing = accepted.clone();
        for request in &requests {
            missing.remove(request.headers["webhook-id"].to_str().unwrap());
        }
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "lost, seed {seed}: {missing:?}");
        // Only one more request can change it.
        receiver.wait_for(requests.len() + 1, PATIENCE).await;
    }
}

/// A random moment from now: none to some ten thousand turns of the runtime.
async fn some_turns(dice: &SeededEntropy) {
    for _ in 0..dice.below(20_000) {
        tokio::task::yield_now().await;
    }
}

fn seed() -> u64 {
    let given = std::env::var("POSTRIDER_TEST_SEED").ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| {
        let mut bytes = [0; 8];
        #[expect(clippy::disallowed_methods, reason = "a run differs from the one before, and prints its seed")]
        aws_lc_rs::rand::fill(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    })
}

/// Producers that send until they are stopped or the server is gone.
struct Load {
    producers: JoinSet<()>,
    stop: Arc<AtomicBool>,
    progress: watch::Receiver<usize>,
}

impl Load {
    fn start(caller: &Caller, token: &str, accepted: &Arc<Mutex<BTreeSet<String>>>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let (stop, (count, progress)) = (Arc::new(AtomicBool::new(false)), watch::channel(0));
        let count = Arc::new(count);
        let mut producers = JoinSet::new();
        for _ in 0..PRODUCERS {
            let (caller, token, accepted) = (caller.clone(), token.to_owned(), Arc::clone(accepted));
            let (stop, count) = (Arc::clone(&stop), Arc::clone(&count));
            producers.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
                    let event = json!({"eventKey": "a.b", "payload": {"number": number}});
                    let Some(receipt) = caller.try_post(&token, "/api/v1/events", &event).await else { return };
                    accepted.lock().unwrap().insert(receipt["eventId"].as_str().unwrap().to_owned());
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Self { producers, stop, progress }
    }

    async fn wait_for(&self, count: usize) {
        let mut progress = self.progress.clone();
        let reached = tokio::time::timeout(PATIENCE, progress.wait_for(|accepted| *accepted >= count)).await;
        reached.expect("the server accepts events in time").expect("producers do not give up before the kill");
    }

    async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        while let Some(ended) = self.producers.join_next().await {
            ended.unwrap();
        }
    }
}
