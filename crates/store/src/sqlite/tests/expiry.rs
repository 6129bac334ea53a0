//! What expires, whatever stands in its way.

use postrider_core::limits::{DELETED_WEBHOOK_KEPT, UPKEEP_BITE};
use postrider_core::shape::RequestMethod;

use super::following::at_a_clock;
use super::segments::{DAY, accept, environment};
use super::*;
use crate::{DeliveryFilter, Found, PageRequest, Upkeep, WebhookPatch};

fn database(directory: &Path) -> Connection {
    Connection::open(directory.join(DATABASE_FILE)).unwrap()
}

fn count(database: &Connection, of: &str) -> i64 {
    database.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)).unwrap()
}

/// What does not let anything happen to a table's rows.
fn broken(event: &str) -> String {
    format!("CREATE TRIGGER broken BEFORE {event} BEGIN SELECT RAISE(ABORT, 'broken'); END")
}

/// Goes on to the end of a round. Returns what that is.
async fn expire(engine: &Sqlite) -> Result<Upkeep, StoreError> {
    for _ in 0..1_000 {
        let outcome = engine.expire_bite(DAY).await;
        if outcome != Ok(Upkeep::More) {
            return outcome;
        }
    }
    panic!("expiring comes to an end")
}

/// Accepts so many events and has each delivered.
async fn deliver(engine: &Sqlite, source: &Source, events: usize) {
    for _ in 0..events {
        let (event, delivery, batch) = source.event(10);
        engine.accept(batch).await.unwrap();
        engine.record(source.settlement(event, delivery));
    }
    // Behind the settlements: by its answer they are written.
    engine.accept(AcceptBatch::default()).await.unwrap();
}

/// An engine, and a webhook of it whose deliveries and attempts are in the indexes that are written behind.
async fn with_indexed_deliveries(directory: &Path, clock: &Arc<ManualClock>, events: usize) -> (Sqlite, Source) {
    let engine = at_a_clock(directory, clock);
    let source = Source::new(webhook(&engine, "a secret").await);
    deliver(&engine, &source, events).await;
    drop(engine);
    database(directory)
        .execute_batch(
            "INSERT INTO deliveries_of_webhooks (webhook, delivery) SELECT webhook, id FROM deliveries; \
             INSERT INTO attempts_of_webhooks (webhook, attempt) SELECT webhook, key FROM attempts; \
             INSERT INTO attempts_of_ids (id, attempt) SELECT id, key FROM attempts; \
             UPDATE marks SET event = (SELECT max(key) FROM events), attempt = (SELECT max(key) FROM attempts)",
        )
        .unwrap();
    (at_a_clock(directory, clock), source)
}

#[tokio::test]
async fn what_is_old_goes_where_segments_cannot_be_thinned() {
    for broken in [
        "CREATE TRIGGER broken BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'broken'); END",
        "UPDATE meta SET value = x'00' WHERE name = 'postings_key'",
    ] {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::default());
        let entropy = SeededEntropy::new(99);
        let engine = at_a_clock(directory.path(), &clock);
        let environments = [environment(&engine, 30).await, environment(&engine, 1).await];
        for _ in 0..10 {
            accept(&engine, (&clock, &entropy), &environments, 250).await;
        }
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        let count = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM segments"), 1, "{broken}");
        other.execute_batch(broken).unwrap();
        clock.advance(2 * DAY);
        while engine.expire_bite(30 * DAY).await.unwrap() == Upkeep::More {}
        assert_eq!(count("SELECT count(*) FROM events"), 2_500, "{broken}: those that the other keeps");
        accept(&engine, (&clock, &entropy), &environments, 1).await;
    }
}

#[tokio::test]
async fn what_is_old_goes_where_tallies_and_indexes_cannot_be_written() {
    for event in [
        "UPDATE ON webhook_tallies",
        "DELETE ON deliveries_of_webhooks",
        "DELETE ON attempts_of_webhooks",
        "DELETE ON attempts_of_ids",
    ] {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::default());
        let (engine, source) = with_indexed_deliveries(directory.path(), &clock, 10).await;
        let (environment, webhook) = (source.webhook.environment_id, source.webhook.id);
        let other = database(directory.path());
        other.execute_batch(&broken(event)).unwrap();
        clock.advance(2 * DAY);
        assert_eq!(expire(&engine).await, Ok(Upkeep::Done), "{event}");
        for table in ["events", "deliveries", "attempts"] {
            assert_eq!(count(&other, table), 0, "{event}: {table}");
        }
        // What an index still names is passed by.
        let filter = DeliveryFilter { webhook: Some(webhook), ..DeliveryFilter::default() };
        let page = engine.deliveries(environment, filter, PageRequest { before: None, limit: 10 }).await.unwrap();
        assert_eq!(page.rows.len(), 0, "{event}");
        let log = engine.log(environment, webhook, 0, 10).await.unwrap();
        assert_eq!(log.rows.len(), 0, "{event}");
        let counted = if event.ends_with("tallies") { 10 } else { 0 };
        assert_eq!(log.count, counted, "{event}: tallies that cannot be written stand still");
    }
}

#[tokio::test]
async fn what_was_stored_and_not_counted_goes_like_all_else() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = at_a_clock(directory.path(), &clock);
    let source = Source::new(webhook(&engine, "a secret").await);
    let other = database(directory.path());
    let counted =
        async |engine: &Sqlite| engine.log(source.webhook.environment_id, source.webhook.id, 0, 0).await.unwrap().count;
    deliver(&engine, &source, 1).await;
    other.execute_batch(&broken("UPDATE ON webhook_tallies")).unwrap();
    deliver(&engine, &source, 3).await;
    assert_eq!((count(&other, "attempts"), counted(&engine).await), (4, 1));
    drop(engine);
    other.execute_batch("DROP TRIGGER broken").unwrap();
    let engine = at_a_clock(directory.path(), &clock);
    clock.advance(2 * DAY);
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    assert_eq!((count(&other, "attempts"), counted(&engine).await), (0, 0));
    deliver(&engine, &source, 1).await;
    assert_eq!(counted(&engine).await, 1, "it counts again");
}

#[tokio::test]
async fn an_environment_whose_events_cannot_be_deleted_keeps_no_other() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let entropy = SeededEntropy::new(99);
    let engine = at_a_clock(directory.path(), &clock);
    let environments = [environment(&engine, 1).await, environment(&engine, 1).await];
    accept(&engine, (&clock, &entropy), &environments, 2 * UPKEEP_BITE).await;
    let other = database(directory.path());
    let left = || [count(&other, "events WHERE key % 2 = 1"), count(&other, "events WHERE key % 2 = 0")];
    let all = i64::try_from(2 * UPKEEP_BITE).unwrap();
    assert_eq!(left(), [all, all], "they take turns");
    // Neither the first nor the last of those that a bite comes to.
    other.execute_batch(&broken("DELETE ON events WHEN OLD.key = 5")).unwrap();
    clock.advance(2 * DAY);
    for _ in 0..2 {
        assert!(matches!(expire(&engine).await, Err(StoreError::Defect(_))), "it is told at the end of the round");
        assert_eq!(left(), [all, 0], "what went before it in the same bite is there again");
    }
    other.execute_batch("DROP TRIGGER broken").unwrap();
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    assert_eq!(left(), [0, 0], "nothing was passed by");
}

#[tokio::test]
async fn what_is_old_goes_where_what_is_kept_of_webhooks_for_it_cannot_be_deleted() {
    // What cannot happen, and whether the round fails.
    for (event, fails) in
        [("DELETE ON webhooks", true), ("DELETE ON request_settings", false), ("DELETE ON webhook_tallies", false)]
    {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::default());
        let engine = at_a_clock(directory.path(), &clock);
        let source = Source::new(webhook(&engine, "a secret").await);
        deliver(&engine, &source, 10).await;
        let deleted = engine.delete_webhook(source.webhook.environment_id, source.webhook.id).await;
        assert_eq!(deleted, Ok(Found::Yes));
        let other = database(directory.path());
        other.execute_batch(&broken(event)).unwrap();
        clock.advance(2 * DAY);
        let outcome = expire(&engine).await;
        assert_eq!(outcome.is_err(), fails, "{event}: {outcome:?}");
        assert_eq!((count(&other, "events"), count(&other, "webhooks")), (0, 1), "{event}");
        other.execute_batch("DROP TRIGGER broken").unwrap();
        assert_eq!(expire(&engine).await, Ok(Upkeep::Done), "{event}");
        for table in ["webhooks", "webhook_tallies", "request_settings"] {
            assert_eq!(count(&other, table), 0, "{event}: {table}");
        }
    }
}

#[tokio::test]
async fn indexes_that_are_set_aside_are_not_brought_up_to_date_for_a_deleted_webhook() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let (engine, source) = with_indexed_deliveries(directory.path(), &clock, 1).await;
    let other = database(directory.path());
    other.execute_batch(&broken("DELETE ON attempts_of_ids")).unwrap();
    clock.advance(2 * DAY);
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    // From here on they are set aside, and what comes is in the tables alone.
    let late = Source { clock: ManualClock::at(clock.now()), entropy: SeededEntropy::new(98), webhook: source.webhook };
    deliver(&engine, &late, 1).await;
    let webhook = &late.webhook;
    assert_eq!(engine.delete_webhook(webhook.environment_id, webhook.id).await, Ok(Found::Yes));
    let mark = || other.query_row("SELECT event FROM marks", [], |row| row.get::<_, i64>(0)).unwrap();
    let before = mark();
    clock.advance(2 * DAY);
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    assert_eq!((mark(), count(&other, "webhooks")), (before, 1), "nor is it deleted");
    drop(engine);
    let engine = at_a_clock(directory.path(), &clock);
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    assert_eq!(count(&other, "webhooks"), 0, "the next start makes up for it");
}

#[tokio::test]
async fn deleted_webhooks_that_stay_keep_no_others() {
    let directory = TempDir::new().unwrap();
    let (engine, _told) = started(directory.path());
    webhook(&engine, "a secret").await;
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    // As many that the log tells of as a bite looks at, and more; and then one that it does not tell of.
    let most = i64::try_from(UPKEEP_BITE).unwrap();
    let last = 10 + most;
    other
        .execute_batch(&format!(
            "INSERT INTO webhooks (key, id, environment, display_name, description, url, event_keys, sending, created_at, \
                updated_at, deleted_at) \
             WITH RECURSIVE n (n) AS (SELECT 10 UNION ALL SELECT n + 1 FROM n WHERE n < {last}) \
             SELECT n, randomblob(16), (SELECT environment FROM webhooks), 'a', '', 'u', '[]', '{{}}', 0, 0, n FROM n; \
             INSERT INTO deliveries_of_webhooks (webhook, delivery) \
             SELECT key, zeroblob(16) FROM webhooks WHERE deleted_at < {last}"
        ))
        .unwrap();
    let mut bites = 1;
    while engine.expire_bite(DAY).await.unwrap() == Upkeep::More {
        bites += 1;
        assert!(bites < 10, "expiring comes to an end");
    }
    assert_eq!(bites, 2, "each is looked at once");
    let mut left = other.prepare("SELECT count(*), max(key) FROM webhooks WHERE deleted_at IS NOT NULL").unwrap();
    let left: (i64, i64) = left.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!(left, (most, last - 1));
}

/// Gives a webhook a shape that is not plain.
async fn reshape(engine: &Sqlite, webhook: &Webhook) {
    let shape = Shape { method: RequestMethod::Put, payload: None };
    let patch = WebhookPatch { shape: Some(shape), ..WebhookPatch::default() };
    engine.update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().expect("it is there");
}

#[tokio::test]
async fn webhooks_that_come_and_go_leave_nothing() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = at_a_clock(directory.path(), &clock);
    let other = database(directory.path());
    for _ in 0..20 {
        let webhook = webhook(&engine, "a secret").await;
        reshape(&engine, &webhook).await;
        assert_eq!(engine.delete_webhook(webhook.environment_id, webhook.id).await, Ok(Found::Yes));
    }
    for table in ["webhook_shapes", "request_settings"] {
        assert_eq!(count(&other, table), 0, "{table}: what may be large goes at once");
    }
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    assert_eq!(count(&other, "webhooks"), 20, "events that had matched them may be on their way");
    clock.advance(DELETED_WEBHOOK_KEPT + Duration::from_secs(1));
    assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
    for table in ["webhooks", "webhook_tallies", "sweeps"] {
        assert_eq!(count(&other, table), 0, "{table}");
    }
}

#[tokio::test]
async fn a_shape_from_before_the_start_goes_with_its_webhook_unless_a_delivery_has_it() {
    for has_delivery in [false, true] {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::default());
        let engine = at_a_clock(directory.path(), &clock);
        let source = Source::new(webhook(&engine, "a secret").await);
        reshape(&engine, &source.webhook).await;
        if has_delivery {
            engine.accept(source.event(10).2).await.unwrap();
        }
        drop(engine);
        let engine = at_a_clock(directory.path(), &clock);
        let (environment, id) = (source.webhook.environment_id, source.webhook.id);
        assert_eq!(engine.delete_webhook(environment, id).await, Ok(Found::Yes));
        let other = database(directory.path());
        assert_eq!(count(&other, "webhook_shapes"), i64::from(has_delivery));
        clock.advance(2 * DELETED_WEBHOOK_KEPT);
        assert_eq!(expire(&engine).await, Ok(Upkeep::Done));
        let left = [count(&other, "webhooks"), count(&other, "webhook_shapes")];
        assert_eq!(left, [i64::from(has_delivery); 2]);
    }
}
