//! How many events a second the store takes and settles: `cargo run --release --example accepting -- [producers] [seconds] [directory]`.
//!
//! Each producer accepts one event after another, with one delivery, and hands over a successful attempt for each. So an event is
//! four rows: event, delivery, its update, attempt, in a database with all its indexes. Beside the figures stands the median
//! duration of an `fdatasync` of the same disk, without which they say little.
#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use postrider_core::attempt::{Attempt, AttemptResult, BodyEnd, KeptHeaders, Outcome, Timings};
use postrider_core::delivery::next;
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::limits::RESPONSE_HEADERS_KEPT;
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::Signing;
use postrider_core::webhook::{EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{AttemptId, Clock, DeliveryId, Entropy, EnvironmentId, EventId, Timestamp};
use postrider_store::{
    AcceptBatch, Actor, Commit, CommitObserver, CreateEnvironment, CreateWebhook, NewDelivery, NewEnvironment,
    NewEvent, NewWebhook, Settlement, Store, StoreOptions,
};
use postrider_testkit::SeededEntropy;

const WEBHOOKS: usize = 100;
const TENANTS: usize = 1_000;
const BODY_BYTES: usize = 600;

/// Runs from a fixed moment, so that no system clock is asked.
struct RunningClock(Instant);

impl Clock for RunningClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(1_767_225_600_000_000) + self.0.elapsed()
    }
}

#[derive(Default)]
struct Counts {
    commits: AtomicU64,
    accepted: AtomicU64,
    settled: AtomicU64,
}

impl CommitObserver for Counts {
    fn committed(&self, commit: Commit) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        self.accepted.fetch_add(commit.accepted.len() as u64, Ordering::Relaxed);
        self.settled.fetch_add(commit.settled.len() as u64, Ordering::Relaxed);
    }
}

struct Load {
    store: Store,
    clock: Arc<dyn Clock>,
    entropy: Arc<SeededEntropy>,
    environment: EnvironmentId,
    webhooks: Vec<Arc<Webhook>>,
    tenants: Vec<TenantId>,
    key: EventKey,
    body: Bytes,
}

impl Load {
    async fn one(&self) {
        let now = self.clock.now();
        let webhook = self.webhooks[self.entropy.below(WEBHOOKS)].clone();
        let event = Arc::new(Event {
            id: EventId::new(now, self.entropy.as_ref()),
            environment_id: self.environment,
            key: self.key.clone(),
            tenant_id: Some(self.tenants[self.entropy.below(TENANTS)].clone()),
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: now,
            body: self.body.clone(),
            room: Room::uncounted(),
        });
        let delivery = DeliveryId::new(now, self.entropy.as_ref());
        let settlement = self.settlement(&event, delivery, &webhook);
        let deliveries = vec![NewDelivery { id: delivery, webhook, order_key: None }];
        let batch = AcceptBatch { events: vec![NewEvent { event, deliveries, notes: None }], idempotency: None };
        self.store.accept(batch).await.expect("the disk has room");
        self.store.record(settlement);
    }

    fn settlement(&self, event: &Arc<Event>, delivery: DeliveryId, webhook: &Webhook) -> Settlement {
        let now = self.clock.now();
        let headers: [(&str, &[u8]); 2] = [("content-type", b"text/plain"), ("content-length", b"2")];
        let attempt = Attempt {
            id: AttemptId::new(now, self.entropy.as_ref()),
            delivery_id: delivery,
            number: 1,
            started_at: now,
            result: AttemptResult::Answered {
                status: 200,
                headers: KeptHeaders::of(headers, RESPONSE_HEADERS_KEPT),
                body: Bytes::from_static(b"ok"),
                body_end: BodyEnd::Complete,
            },
            url: webhook.url.as_str().to_owned(),
            settings: Some(webhook.settings),
            remote_address: "127.0.0.1".parse().ok(),
            timings: Timings { total: Duration::from_micros(300), ..Timings::default() },
        };
        let outcome = Outcome::Answered { status: 200, retry_after: None };
        Settlement {
            delivery,
            environment_id: self.environment,
            webhook_id: webhook.id,
            event: event.clone(),
            order_key: None,
            attempt: Some(attempt),
            step: next(0, None, &outcome, &RetryPolicy::Standard, now, 0.5),
            problem: None,
        }
    }
}

fn median_sync(directory: &Path) -> Duration {
    let path = directory.join("sync-probe");
    let mut file = File::create(&path).expect("the directory can be written");
    file.write_all(&vec![0; 1 << 20]).expect("the disk has room");
    file.sync_all().expect("the disk works");
    let mut spans: Vec<_> = (0..200)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(&[1; 8_192]).expect("the disk has room");
            file.sync_data().expect("the disk works");
            begun.elapsed()
        })
        .collect();
    fs::remove_file(&path).expect("the file is ours");
    spans.sort_unstable();
    spans[spans.len() / 2]
}

/// Bytes that this process holds in memory, as Linux counts them.
fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// Processor time of this process's threads of that name, as Linux counts it in hundredths of a second.
fn processor_time(name: &str) -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let ticks = |stat: String| {
        let (head, tail) = stat.rsplit_once(')')?;
        let mut fields = tail.split_ascii_whitespace().skip(11);
        let sum = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        head.ends_with(name).then_some(sum)
    };
    let all = threads.filter_map(|t| fs::read_to_string(t.path().join("stat")).ok()).filter_map(ticks);
    Duration::from_millis(10 * all.sum::<u64>())
}

async fn load(store: Store, clock: Arc<dyn Clock>, entropy: Arc<SeededEntropy>) -> Load {
    let new = NewEnvironment { id: None, name: "Load".into(), made_by: Actor::Control };
    let CreateEnvironment::Created(environment) = store.create_environment(new).await.expect("the disk has room")
    else {
        unreachable!("a new id is not taken")
    };
    let mut webhooks = Vec::new();
    for number in 0..WEBHOOKS {
        let new = NewWebhook {
            environment_id: environment.id,
            scope: Scope::Environment,
            display_name: format!("Webhook {number}"),
            description: String::new(),
            url: EndpointUrl::parse(&format!("http://127.0.0.1:9000/hooks/{number}")).expect("a URL"),
            secret: None,
            signing: Signing::default(),
            event_keys: vec!["*".into()],
            filter: None,
            status: WebhookStatus::Active,
            sending: Sending::default(),
            shape: Shape::default(),
            access: Access::default(),
        };
        match store.create_webhook(new).await.expect("the disk has room") {
            CreateWebhook::Created(webhook) => webhooks.push(webhook),
            other => unreachable!("{other:?}"),
        }
    }
    let tenants = (0..TENANTS).map(|n| TenantId::parse(&format!("tenant-{n}")).expect("an id")).collect();
    let key = EventKey::parse("frontegg.user.created").expect("a key");
    let body = Bytes::from(vec![b'x'; BODY_BYTES]);
    Load { store, clock, entropy, environment: environment.id, webhooks, tenants, key, body }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| arguments.next().and_then(|a| a.parse().ok()).unwrap_or(default);
    let (producers, seconds) = (number(64), number(10));
    let parent = std::env::args().nth(3).map_or_else(std::env::temp_dir, PathBuf::from);
    let directory = parent.join(format!("postrider-throughput-{}", std::process::id()));

    let clock: Arc<dyn Clock> = Arc::new(RunningClock(Instant::now()));
    let entropy = Arc::new(SeededEntropy::new(1));
    let shared: Arc<dyn Entropy> = entropy.clone();
    let options = StoreOptions { data_dir: directory.clone(), clock: clock.clone(), entropy: shared, master_key: None };
    let store = Store::open(options).expect("the directory can be used");
    let sync = median_sync(&directory);
    let counts = Arc::new(Counts::default());
    store.start(counts.clone());
    let load = Arc::new(load(store.clone(), clock, entropy).await);

    let before = counts.commits.load(Ordering::Relaxed);
    let begun = Instant::now();
    let until = begun + Duration::from_secs(seconds);
    let tasks: Vec<_> = (0..producers)
        .map(|_| {
            let load = load.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let begun = Instant::now();
                    load.one().await;
                    latencies.push(begun.elapsed());
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("producers do not panic"));
    }
    let elapsed = begun.elapsed();
    let writer = processor_time("store-writer");
    store.close().await;

    latencies.sort_unstable();
    let at = |permille: usize| latencies.get(latencies.len() * permille / 1_000).copied().unwrap_or_default();
    let accepted = counts.accepted.load(Ordering::Relaxed);
    let commits = counts.commits.load(Ordering::Relaxed) - before;
    #[expect(clippy::cast_precision_loss, reason = "counts of some millions")]
    let per = |a: u64, b: f64| a as f64 / b;
    println!("producers               {producers}");
    println!("events/s                {:.0}", per(accepted, elapsed.as_secs_f64()));
    println!("settled                 {} of {accepted}", counts.settled.load(Ordering::Relaxed));
    println!("events per commit       {:.1}", per(accepted, per(commits, 1.0)));
    println!(
        "writer's own time       {:.1} µs/event, {:.0} events/s were it never off the processor",
        per(1, 1.0) * writer.as_secs_f64() * 1e6 / per(accepted, 1.0),
        per(accepted, writer.as_secs_f64())
    );
    println!("accept p50 / p99 / p999 {:?} / {:?} / {:?}", at(500), at(990), at(999));
    println!("median fdatasync        {sync:?}");
    println!("peak resident           {} MiB", resident_kib() / 1_024);
    println!("database                {} MiB", size(&directory, "postrider.db") >> 20);
    fs::remove_dir_all(&directory).expect("the directory is ours");
}

fn size(directory: &Path, name: &str) -> u64 {
    fs::metadata(directory.join(name)).map_or(0, |m| m.len())
}
