//! What the embedded engine has of its own: files, locks, SQL. The rules of the records are in the conformance suite.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use postrider_core::attempt::{Attempt, AttemptResult, BodyEnd, KeptHeaders, OurFault, Outcome, Timings};
use postrider_core::delivery::{DeliveryState, next};
use postrider_core::environment::{IssuerKey, TrustedIssuer};
use postrider_core::event::{Event, EventKey, Room};
use postrider_core::limits::RESPONSE_BODY_KEPT;
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{AttemptId, Clock, DeliveryId, Entropy, EventId};
use postrider_testkit::{ManualClock, SeededEntropy};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use super::*;
use crate::{
    Actor, Commit, CreateEnvironment, CreateWebhook, NewDelivery, NewEnvironment, NewEvent, NewWebhook, Settled,
};

mod commits;
mod damage;
mod expiry;
mod following;
mod jobs;
mod lost;
mod migrations;
mod request_settings;
mod segments;
mod statements;

/// Passes on what was settled, and how the storage fares.
struct Told {
    settled: Mutex<Sender<Settled>>,
    storage: Arc<Mutex<Vec<bool>>>,
}

impl Told {
    fn to(settled: Sender<Settled>) -> Self {
        Self { settled: Mutex::new(settled), storage: Arc::default() }
    }
}

impl CommitObserver for Told {
    fn storage_works(&self, works: bool) {
        self.storage.lock().unwrap().push(works);
    }

    fn committed(&self, commit: Commit) {
        let sender = self.settled.lock().unwrap();
        for settled in commit.settled {
            // A test that does not look has dropped the other end.
            let _ = sender.send(settled);
        }
    }
}

fn options(directory: &Path, master_key: Option<MasterKey>) -> StoreOptions {
    StoreOptions {
        data_dir: directory.to_owned(),
        clock: Arc::new(ManualClock::default()),
        entropy: Arc::new(SeededEntropy::new(7)),
        master_key,
    }
}

fn open(directory: &Path) -> Result<Sqlite, OpenError> {
    Sqlite::open(options(directory, None))
}

fn started(directory: &Path) -> (Sqlite, Receiver<Settled>) {
    let (engine, receiver, _) = watched(directory);
    (engine, receiver)
}

/// Also what was told of the storage.
fn watched(directory: &Path) -> (Sqlite, Receiver<Settled>, Arc<Mutex<Vec<bool>>>) {
    let engine = open(directory).unwrap();
    let (sender, receiver) = channel();
    let told = Told::to(sender);
    let storage = Arc::clone(&told.storage);
    engine.start(Arc::new(told));
    (engine, receiver, storage)
}

fn key(byte: u8) -> MasterKey {
    MasterKey::parse(&base64::engine::general_purpose::STANDARD.encode([byte; 32])).unwrap()
}

async fn webhook(engine: &Sqlite, secret: &str) -> Arc<Webhook> {
    let new = NewEnvironment { id: None, name: "Production".into(), made_by: Actor::Control };
    let CreateEnvironment::Created(environment) = engine.create_environment(new).await.unwrap() else {
        panic!("a new id is not taken")
    };
    let new = NewWebhook {
        environment_id: environment.id,
        scope: Scope::Environment,
        display_name: "Orders".into(),
        description: String::new(),
        url: EndpointUrl::parse("https://example.com/hooks").unwrap(),
        secret: Secret::from_vendor(secret).unwrap(),
        signing: Signing::default(),
        event_keys: vec!["*".into()],
        filter: None,
        status: WebhookStatus::Active,
        sending: Sending::default(),
        shape: Shape::default(),
        access: Access::default(),
    };
    match engine.create_webhook(new).await.unwrap() {
        CreateWebhook::Created(webhook) => webhook,
        other => panic!("{other:?}"),
    }
}

struct Source {
    clock: ManualClock,
    entropy: SeededEntropy,
    webhook: Arc<Webhook>,
}

impl Source {
    fn new(webhook: Arc<Webhook>) -> Self {
        Self { clock: ManualClock::default(), entropy: SeededEntropy::new(99), webhook }
    }

    fn event(&self, bytes: usize) -> (EventId, DeliveryId, AcceptBatch) {
        let now = self.clock.advance(Duration::from_millis(1));
        let entropy: &dyn Entropy = &self.entropy;
        let id = EventId::new(now, entropy);
        let event = self.event_of(id, bytes);
        let delivery = DeliveryId::new(now, entropy);
        let deliveries = vec![NewDelivery { id: delivery, webhook: self.webhook.clone(), order_key: None }];
        let event = NewEvent { event: Arc::new(event), deliveries, notes: None };
        (id, delivery, AcceptBatch { events: vec![event], idempotency: None })
    }

    fn event_of(&self, id: EventId, bytes: usize) -> Event {
        Event {
            id,
            environment_id: self.webhook.environment_id,
            key: EventKey::parse("order.made").unwrap(),
            tenant_id: None,
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: self.clock.now(),
            body: Bytes::from(vec![b'x'; bytes]),
            room: Room::uncounted(),
        }
    }

    fn settlement(&self, event: EventId, delivery: DeliveryId) -> Settlement {
        let now = self.clock.now();
        let attempt = Attempt {
            id: AttemptId::new(now, &self.entropy),
            delivery_id: delivery,
            number: 1,
            started_at: now,
            result: AttemptResult::Answered {
                status: 200,
                headers: KeptHeaders::default(),
                body: Bytes::from(vec![b'y'; RESPONSE_BODY_KEPT]),
                body_end: BodyEnd::Complete,
            },
            url: self.webhook.url.as_str().to_owned(),
            settings: Some(self.webhook.settings),
            remote_address: None,
            timings: Timings::default(),
        };
        let outcome = Outcome::Answered { status: 200, retry_after: None };
        Settlement {
            delivery,
            environment_id: self.webhook.environment_id,
            webhook_id: self.webhook.id,
            event: Arc::new(self.event_of(event, 0)),
            order_key: None,
            attempt: Some(attempt),
            step: next(0, None, &outcome, &RetryPolicy::Standard, now, 0.0),
            problem: None,
        }
    }
}

#[tokio::test]
async fn what_was_accepted_is_in_the_files_as_they_lie() {
    let (directory, copy) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let mut accepted = Vec::new();
    for _ in 0..20 {
        let (event, delivery, batch) = source.event(600);
        engine.accept(batch).await.unwrap();
        accepted.push((event, delivery));
    }
    // As a kill leaves them: nothing has been closed or copied back.
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
    }
    drop(engine);
    let engine = open(copy.path()).unwrap();
    let environment = source.webhook.environment_id;
    for (event, delivery) in accepted {
        assert!(engine.event(environment, event).await.unwrap().is_some());
        assert!(!engine.delivery(environment, delivery).await.unwrap().unwrap().delivery.state.is_final());
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_survived() {
    let directory = TempDir::new().unwrap();
    let (engine, told, storage) = watched(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let environment = source.webhook.environment_id;
    let used = engine
        .change(|tx| Ok(tx.connection.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))?))
        .await
        .unwrap();
    let set_most = |most: i64| {
        engine.change(move |tx| {
            tx.connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(()))?;
            Ok(())
        })
    };
    set_most(used + 60).await.unwrap();
    let mut accepted = Vec::new();
    let refused = loop {
        let (event, delivery, batch) = source.event(10_000);
        match engine.accept(batch).await {
            Ok(_) => accepted.push((event, delivery)),
            Err(error) => break (event, error),
        }
        assert!(accepted.len() < 1_000, "the disk fills up");
    };
    assert_eq!(refused.1, StoreError::Unavailable);
    assert!(!accepted.is_empty());
    // What an attempt came to is kept until it can be written. Two handed over, then one more producer: by its answer both were tried.
    let settled = [accepted[0], accepted[1]];
    for (event, delivery) in settled {
        engine.record(source.settlement(event, delivery));
    }
    let (_, _, batch) = source.event(200_000);
    assert_eq!(engine.accept(batch).await.err(), Some(StoreError::Unavailable));
    assert!(told.try_recv().is_err(), "nothing could be written");
    set_most(1_000_000).await.unwrap();
    for (_, delivery) in settled {
        let settled = told.recv_timeout(Duration::from_secs(30)).expect("it is written when there is room");
        assert_eq!(settled.delivery, delivery);
        assert!(matches!(settled.state, DeliveryState::Delivered { .. }), "{settled:?}");
    }
    let (_, _, batch) = source.event(10_000);
    engine.accept(batch).await.unwrap();
    assert!(engine.event(environment, refused.0).await.unwrap().is_none(), "what was refused is not there");
    let told = storage.lock().unwrap().clone();
    assert!(!told[0] && told[told.len() - 1] && told.windows(2).all(|pair| pair[0] != pair[1]), "{told:?}");
    drop(engine);
    let engine = open(directory.path()).unwrap();
    for (event, _) in &accepted {
        assert!(engine.event(environment, *event).await.unwrap().is_some());
    }
    for (_, delivery) in settled {
        let attempts = engine.attempts(environment, delivery).await.unwrap();
        assert_eq!(attempts.len(), 1, "recorded once, however often it was tried");
    }
}

#[tokio::test]
async fn that_the_storage_works_again_is_found_out_though_nobody_writes() {
    let directory = TempDir::new().unwrap();
    let (engine, _told, storage) = watched(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    engine.change(|tx| Ok(tx.connection.busy_timeout(Duration::ZERO)?)).await.unwrap();
    let until_told = async |told: &[bool]| {
        for _ in 0..3_000 {
            if *storage.lock().unwrap() == told {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("told {:?}", storage.lock().unwrap());
    };
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (_, _, batch) = source.event(600);
    assert_eq!(engine.accept(batch).await.err(), Some(StoreError::Unavailable), "the database is locked");
    until_told(&[false]).await;
    other.execute_batch("COMMIT").unwrap();
    until_told(&[false, true]).await;
}

#[tokio::test]
async fn settlements_are_written_though_producers_go_on_sending_what_does_not_fit() {
    let directory = TempDir::new().unwrap();
    let (engine, told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let (event, delivery, batch) = source.event(600);
    engine.accept(batch).await.unwrap();
    let leave_pages = |pages: i64| {
        engine.change(move |tx| {
            let used: i64 = tx.connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
            let most = format!("PRAGMA max_page_count = {}", used + pages);
            Ok(tx.connection.query_row(&most, [], |_| Ok(()))?)
        })
    };
    leave_pages(20).await.unwrap();
    engine.record(source.settlement(event, delivery));
    let mut refused = 0;
    let settled = loop {
        assert_eq!(engine.accept(source.event(200_000).2).await.err(), Some(StoreError::Unavailable));
        refused += 1;
        if let Ok(settled) = told.try_recv() {
            break settled;
        }
        assert!(refused < 50, "while this many were refused the settlement was not written");
    };
    assert_eq!(settled.delivery, delivery);
}

#[tokio::test]
async fn a_store_that_cannot_be_written_closes() {
    for settles in [false, true] {
        let directory = TempDir::new().unwrap();
        let (engine, _told) = started(directory.path());
        let source = Source::new(webhook(&engine, "a secret").await);
        let (event, delivery, batch) = source.event(600);
        engine.accept(batch).await.unwrap();
        engine.change(|tx| Ok(tx.connection.busy_timeout(Duration::ZERO)?)).await.unwrap();
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        if settles {
            engine.record(source.settlement(event, delivery));
        }
        assert_eq!(engine.accept(source.event(600).2).await.err(), Some(StoreError::Unavailable));
        let (sender, closed) = channel();
        thread::spawn(move || {
            drop(engine);
            sender.send(()).unwrap();
        });
        closed.recv_timeout(Duration::from_secs(30)).expect("it ends, with what it has or without");
    }
}

#[tokio::test]
async fn a_delivery_whose_settlement_is_refused_is_put_off_and_tried_again() {
    let directory = TempDir::new().unwrap();
    let (engine, told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let environment = source.webhook.environment_id;
    let (event, delivery, batch) = source.event(600);
    engine.accept(batch).await.unwrap();
    let mut impossible = source.settlement(event, delivery);
    let attempt = impossible.attempt.as_mut().unwrap();
    attempt.result = AttemptResult::Answered {
        status: 42,
        headers: KeptHeaders::default(),
        body: Bytes::new(),
        body_end: BodyEnd::Complete,
    };
    engine.record(impossible);
    let put_off = told.recv_timeout(Duration::from_secs(30)).expect("whoever holds it is told");
    let row = engine.delivery(environment, delivery).await.unwrap().unwrap();
    assert_eq!((row.delivery.state, row.delivery.attempts), (put_off.state, 0));
    assert_eq!(put_off.state.fault().map(|fault| fault.kind), Some(OurFault::Store));
    let due_at = put_off.state.due_at().expect("it waits");
    let page = engine.page_lane(source.webhook.id, due_at, None, 10).await.unwrap();
    assert_eq!(page.waiting.len(), 1);
    engine.record(source.settlement(event, delivery));
    let settled = told.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(matches!(settled.state, DeliveryState::Delivered { .. }), "{settled:?}");
}

#[tokio::test]
async fn a_batch_without_events_is_written_all_the_same() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let version = || other.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
    let mut last = version();
    for _ in 0..3 {
        engine.accept(AcceptBatch::default()).await.unwrap();
        assert_ne!(version(), last, "nothing was written");
        last = version();
    }
}

#[tokio::test]
async fn one_summary_of_webhooks_is_read_at_a_time_and_lists_do_not_wait_for_it() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let environment = webhook(&engine, "a secret").await.environment_id;
    let now = ManualClock::default().now();
    let other = Arc::clone(&engine.summaries).try_acquire_owned().unwrap();
    let mut summary = Box::pin(engine.failing_webhooks(environment, now, now, 10));
    let mut is_read = || {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        summary.as_mut().poll(&mut context).is_ready()
    };
    assert!(!is_read());
    assert!(engine.waiting(environment).await.unwrap().is_empty());
    assert!(!is_read(), "it waits for the other");
    drop(other);
    assert!(summary.await.unwrap().is_empty());
    assert_eq!(engine.summaries.available_permits(), 1);
}

#[tokio::test]
async fn a_writer_that_ends_by_a_defect_is_told() {
    struct Defect;
    impl CommitObserver for Defect {
        fn committed(&self, _: Commit) {
            panic!("as planned");
        }
    }
    let directory = TempDir::new().unwrap();
    let engine = open(directory.path()).unwrap();
    engine.start(Arc::new(Defect));
    let new = NewEnvironment { id: None, name: "Production".into(), made_by: Actor::Control };
    let CreateEnvironment::Created(environment) = engine.create_environment(new).await.unwrap() else {
        panic!("a new id is not taken")
    };
    let new = NewWebhook {
        environment_id: environment.id,
        scope: Scope::Environment,
        display_name: "Orders".into(),
        description: String::new(),
        url: EndpointUrl::parse("https://example.com/hooks").unwrap(),
        secret: None,
        signing: Signing::default(),
        event_keys: vec!["*".into()],
        filter: None,
        status: WebhookStatus::Active,
        sending: Sending::default(),
        shape: Shape::default(),
        access: Access::default(),
    };
    // The first commit that an observer is told of.
    assert!(matches!(engine.create_webhook(new).await, Err(StoreError::Closed)));
    tokio::time::timeout(Duration::from_secs(30), engine.ended()).await.expect("it is told");
    assert_eq!(engine.accept(AcceptBatch::default()).await, Err(StoreError::Closed));
}

#[tokio::test]
async fn secrets_are_in_no_file_in_clear() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let secret = "a very remarkable secret";
    let webhook = webhook(&engine, secret).await;
    let issuer = TrustedIssuer {
        issuer: "https://issuer.example".into(),
        audience: "postrider".into(),
        key: IssuerKey::Secret("another remarkable secret".into()),
        tenant_claim: "tenantId".into(),
        permissions_claim: "permissions".into(),
    };
    engine.put_trusted_issuer(webhook.environment_id, Some(issuer), Actor::Control).await.unwrap();
    let token_key = engine.directory.token_key();
    let mut seen_name = false;
    for entry in fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let has = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!has(b"remarkable"), "{}", path.display());
        assert!(!has(&token_key), "{}", path.display());
        seen_name |= has(b"https://example.com/hooks");
    }
    assert!(seen_name, "the search finds what is stored in clear");
    drop(engine);
    let engine = open(directory.path()).unwrap();
    assert_eq!(engine.directory.webhook(webhook.id).unwrap().secret.as_ref().map(Secret::expose), Some(secret));
    assert_eq!(engine.directory.token_key(), token_key, "the same ever after");
}

#[test]
fn a_second_server_is_refused_and_told_who_has_the_directory() {
    let directory = TempDir::new().unwrap();
    let first = open(directory.path()).unwrap();
    let second = open(directory.path()).err().unwrap();
    assert!(matches!(second, OpenError::InUse { pid: Some(pid), .. } if pid == std::process::id()), "{second:?}");
    assert!(second.to_string().contains(&directory.path().display().to_string()), "{second}");
    drop(first);
    open(directory.path()).unwrap();
}

#[test]
fn files_are_for_their_owner_alone() {
    let parent = TempDir::new().unwrap();
    let directory = parent.path().join("some/where");
    drop(open(&directory).unwrap());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join(KEY_FILE)), 0o600);
}

#[test]
fn a_wrong_or_missing_master_key_stops_the_start() {
    let directory = TempDir::new().unwrap();
    let opened = |master_key| Sqlite::open(options(directory.path(), master_key)).map(drop);
    opened(Some(key(1))).unwrap();
    assert!(!directory.path().join(KEY_FILE).exists(), "a given key is not written down");
    opened(Some(key(1))).unwrap();
    assert!(matches!(opened(Some(key(2))), Err(OpenError::MasterKeyWrong)));
    assert!(matches!(opened(None), Err(OpenError::MasterKeyMissing { .. })));
    fs::write(directory.path().join(KEY_FILE), "not a key").unwrap();
    assert!(matches!(opened(None), Err(OpenError::MasterKeyUnreadable { .. })));
}

#[test]
fn an_older_database_is_brought_up_to_date() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()).unwrap());
    let next =
        [schema::MIGRATIONS, &["ALTER TABLE environments ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'"]].concat();
    let opened = |migrations: &[&str]| Sqlite::open_with(options(directory.path(), None), migrations).map(drop);
    opened(&next).unwrap();
    opened(&next).unwrap();
    let connection = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    connection.prepare("SELECT colour FROM environments").unwrap();
    drop(connection);
    let refused = opened(schema::MIGRATIONS);
    let (found, known) = (schema::MIGRATIONS.len() + 1, schema::MIGRATIONS.len());
    assert!(
        matches!(refused, Err(OpenError::Newer { found: f, known: k }) if (f as usize, k as usize) == (found, known)),
        "{refused:?}"
    );
}

#[test]
fn a_migration_that_fails_changes_nothing() {
    let directory = TempDir::new().unwrap();
    drop(open(directory.path()).unwrap());
    let broken = [schema::MIGRATIONS, &["CREATE TABLE half (a); CREATE TABLE half (a);"]].concat();
    let opened = Sqlite::open_with(options(directory.path(), None), &broken).map(drop);
    assert!(matches!(opened, Err(OpenError::Database(_))), "{opened:?}");
    open(directory.path()).unwrap();
}

#[test]
fn files_of_other_programs_are_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join(DATABASE_FILE);
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs (a)").unwrap();
    let opened = open(directory.path()).map(drop);
    assert!(matches!(opened, Err(OpenError::Foreign { .. })), "{opened:?}");
    fs::write(&path, "once upon a time there was a text of some length ".repeat(100)).unwrap();
    let opened = open(directory.path()).map(drop);
    assert!(matches!(opened, Err(OpenError::NoDatabase { .. })), "{opened:?}");
    let looked_at = inspect(directory.path(), None, Arc::new(SeededEntropy::new(1)));
    assert!(matches!(looked_at, Err(OpenError::NoDatabase { .. })), "who looks says the same: {looked_at:?}");
}

#[test]
fn impossible_states_are_refused_by_the_table() {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&schema::MIGRATIONS.concat()).unwrap();
    let mut number = 0_u8;
    let mut insert =
        |state: i64, due: Option<i64>, ended: Option<i64>, reason: Option<&str>, attempts: i64, last: bool| {
            number += 1;
            connection.execute(
                "INSERT INTO deliveries (environment, id, event, webhook, state, due_at, ended_at, reason, attempts, \
             last_attempt, origin, created_at) VALUES (1, ?1, 1, 1, ?2, ?3, ?4, ?5, ?6, ?7, 'event', 0)",
                params![[number; 16], state, due, ended, reason, attempts, last.then_some(1)],
            )
        };
    let (some, none) = (Some(1), None);
    // Each state as it can be.
    insert(0, some, none, None, 0, false).unwrap();
    insert(1, some, none, None, 1, true).unwrap();
    insert(2, none, some, None, 1, true).unwrap();
    insert(3, none, some, Some("gone"), 1, true).unwrap();
    insert(4, none, some, Some("webhook_deleted"), 0, false).unwrap();
    insert(4, none, some, Some("webhook_gone"), 2, true).unwrap();
    // And as it cannot.
    for (what, result) in [
        ("another state", insert(5, some, none, None, 0, false)),
        ("pending without a due time", insert(0, none, none, None, 0, false)),
        ("pending after an attempt", insert(0, some, none, None, 1, true)),
        ("pending and ended", insert(0, some, some, None, 0, false)),
        ("retrying without an attempt", insert(1, some, none, None, 0, false)),
        ("retrying with a reason", insert(1, some, none, Some("gone"), 1, true)),
        ("delivered without an attempt", insert(2, none, some, None, 0, false)),
        ("delivered and due", insert(2, some, some, None, 1, true)),
        ("delivered without a time", insert(2, none, none, None, 1, true)),
        ("failed without a reason", insert(3, none, some, None, 1, true)),
        ("failed with a reason of discarding", insert(3, none, some, Some("webhook_gone"), 1, true)),
        ("discarded without a reason", insert(4, none, some, None, 0, false)),
        ("discarded with a reason of failing", insert(4, none, some, Some("gone"), 0, false)),
        ("attempts that cannot be found", insert(2, none, some, None, 1, false)),
    ] {
        let error = result.expect_err(what);
        assert_eq!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::ConstraintViolation), "{what}: {error}");
    }
}

#[tokio::test]
async fn under_load_the_log_does_not_grow_without_bound() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    let log = directory.path().join(format!("{DATABASE_FILE}-wal"));
    let mut written = 0;
    let mut longest = 0;
    for _ in 0..1_500 {
        let (_, _, batch) = source.event(100_000);
        engine.accept(batch).await.unwrap();
        written += 100_000;
        longest = longest.max(fs::metadata(&log).unwrap().len());
    }
    assert!(longest < written / 2, "{longest} bytes of log for {written} bytes of events");
}
