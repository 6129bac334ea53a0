//! What follows from every commit never keeps anybody from committing.

use postrider_core::Timestamp;
use postrider_core::limits::STATISTICS_DAYS;
use postrider_core::statistics::Resolution;

use super::*;
use crate::{DeliveryFilter, PageRequest, StatisticsGap, StatisticsOf, StatisticsPoint, StatisticsQuery, Upkeep};

/// More postings than a segment takes, and more rows than an index is left behind by.
const MANY: usize = 5_000;

pub(super) fn at_a_clock(directory: &Path, clock: &Arc<ManualClock>) -> Sqlite {
    let options = StoreOptions { clock: Arc::clone(clock) as Arc<dyn Clock>, ..options(directory, None) };
    let engine = Sqlite::open(options).unwrap();
    engine.start(Arc::new(Told::to(channel().0)));
    engine
}

async fn accept_many(engine: &Sqlite, source: &Source) {
    for _ in 0..MANY / 500 {
        let events = (0..500).flat_map(|_| source.event(10).2.events).collect();
        engine.accept(AcceptBatch { events, idempotency: None }).await.unwrap();
    }
}

async fn found(engine: &Sqlite, source: &Source, filter: DeliveryFilter) -> usize {
    let mut count = 0;
    let mut before = None;
    loop {
        let request = PageRequest { before, limit: 250 };
        let page = engine.deliveries(source.webhook.environment_id, filter.clone(), request).await.unwrap();
        count += page.rows.len();
        before = page.next;
        if before.is_none() {
            return count;
        }
    }
}

fn of_type() -> DeliveryFilter {
    DeliveryFilter { event_key: Some(EventKey::parse("order.made").unwrap()), ..DeliveryFilter::default() }
}

#[tokio::test]
async fn a_part_that_cannot_be_written_is_set_aside_and_events_are_accepted() {
    for event in [
        "UPDATE ON webhook_tallies",
        "INSERT ON statistics_journal",
        "INSERT ON statistics",
        "INSERT ON deliveries_of_webhooks",
        "INSERT ON segments",
        "INSERT ON postings",
    ] {
        let directory = TempDir::new().unwrap();
        let clock = Arc::new(ManualClock::default());
        let engine = at_a_clock(directory.path(), &clock);
        let source = Source::new(webhook(&engine, "a secret").await);
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        other
            .execute_batch(&format!("CREATE TRIGGER broken BEFORE {event} BEGIN SELECT RAISE(ABORT, 'broken'); END"))
            .unwrap();
        accept_many(&engine, &source).await;
        clock.advance(Duration::from_secs(2));
        accept_many(&engine, &source).await;
        let of_webhook = DeliveryFilter { webhook: Some(source.webhook.id), ..DeliveryFilter::default() };
        assert_eq!(found(&engine, &source, of_type()).await, 2 * MANY, "{event}");
        assert_eq!(found(&engine, &source, of_webhook.clone()).await, 2 * MANY, "{event}");

        other.execute_batch("DROP TRIGGER broken").unwrap();
        drop(other);
        drop(engine);
        let engine = at_a_clock(directory.path(), &clock);
        accept_many(&engine, &source).await;
        assert_eq!(found(&engine, &source, of_type()).await, 3 * MANY, "{event}");
        assert_eq!(found(&engine, &source, of_webhook).await, 3 * MANY, "{event}");
        let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
        let count = |sql: &str| other.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert!(count("SELECT count(*) FROM segments") > 0, "{event}: the next start writes what was left");
        assert!(count("SELECT count(*) FROM deliveries_of_webhooks") > 2 * 5_000, "{event}");
    }
}

#[tokio::test]
async fn rows_of_the_statistics_that_nobody_can_read_stop_nothing() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = at_a_clock(directory.path(), &clock);
    let source = Source::new(webhook(&engine, "a secret").await);
    for _ in 0..2 {
        engine.accept(source.event(10).2).await.unwrap();
        clock.advance(Duration::from_secs(2));
    }
    drop(engine);
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    assert!(other.execute("UPDATE statistics SET counts = x'ff'", []).unwrap() > 0);
    other.execute("INSERT INTO statistics_journal (at, entries) VALUES (0, x'ff')", []).unwrap();
    drop(other);
    let engine = at_a_clock(directory.path(), &clock);
    for _ in 0..2 {
        engine.accept(source.event(10).2).await.unwrap();
        clock.advance(Duration::from_secs(2));
    }
    let query = StatisticsQuery {
        of: StatisticsOf::Environment,
        resolution: Resolution::Hour,
        from: clock.now(),
        to: clock.now() + Duration::from_secs(1),
    };
    let points: Vec<StatisticsPoint> = engine.statistics(source.webhook.environment_id, query).await.unwrap();
    assert_eq!(points.iter().map(|point| point.counts.events).sum::<u64>(), 2, "it is counted anew");
    let hour = Resolution::Hour.floor(clock.now());
    let lost = |resolution: Resolution, from| StatisticsGap { from, to: Some(from + resolution.span()) };
    let beginning = Timestamp::from_micros(0);
    let gaps = engine.statistics_gaps(beginning, clock.now()).await.unwrap();
    let expected = [lost(Resolution::Minute, beginning), lost(Resolution::Hour, hour)];
    assert_eq!(gaps, expected, "what the rows had counted is told to be missing");

    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.execute("DELETE FROM statistics_gaps", []).unwrap();
    assert!(other.execute("UPDATE statistics SET counts = x'ff'", []).unwrap() > 0);
    clock.advance(Duration::from_hours(24 * 40));
    while engine.statistics_bite().await.unwrap() == Upkeep::More {}
    let left = "SELECT count(*) FROM statistics WHERE resolution < 2";
    let left: i64 = other.query_row(left, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "upkeep does not stop at it");
    let gaps = engine.statistics_gaps(beginning, clock.now()).await.unwrap();
    assert_eq!(gaps, [lost(Resolution::Hour, hour)], "the day lacks it, which is told");
}

#[tokio::test]
async fn what_is_not_counted_is_told_as_a_gap_that_ends_with_the_next_start() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let engine = at_a_clock(directory.path(), &clock);
    let source = Source::new(webhook(&engine, "a secret").await);
    let accept = async |engine: &Sqlite| {
        clock.advance(Duration::from_secs(2));
        engine.accept(source.event(10).2).await.unwrap();
    };
    let gaps = async |engine: &Sqlite| {
        engine.statistics_gaps(Timestamp::from_micros(0), clock.now() + Duration::from_secs(1)).await.unwrap()
    };
    let broken = |table: &str| {
        format!("CREATE TRIGGER no_{table} BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'broken'); END")
    };
    accept(&engine).await;
    assert_eq!(gaps(&engine).await, []);
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.execute_batch(&broken("statistics")).unwrap();
    accept(&engine).await;
    let from = clock.now();
    accept(&engine).await;
    assert_eq!(gaps(&engine).await, [StatisticsGap { from, to: None }]);

    other.execute_batch("DROP TRIGGER no_statistics").unwrap();
    drop(other);
    drop(engine);
    let engine = at_a_clock(directory.path(), &clock);
    let gap = StatisticsGap { from, to: Some(clock.now()) };
    accept(&engine).await;
    assert_eq!(gaps(&engine).await, [gap]);
    let (now, later) = (clock.now(), clock.now() + Duration::from_secs(1));
    assert_eq!(engine.statistics_gaps(now, later).await.unwrap(), [], "what comes after it is complete");

    // Where not even that can be noted, events are accepted all the same.
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other.execute_batch(&[broken("statistics"), broken("statistics_gaps")].join(";")).unwrap();
    for _ in 0..2 {
        accept(&engine).await;
    }
    assert_eq!(gaps(&engine).await, [gap]);
    other.execute_batch("DROP TRIGGER no_statistics; DROP TRIGGER no_statistics_gaps").unwrap();
    clock.advance(STATISTICS_DAYS + Duration::from_secs(1));
    while engine.statistics_bite().await.unwrap() == Upkeep::More {}
    assert_eq!(gaps(&engine).await, []);
}

#[tokio::test]
async fn an_index_that_was_numbered_without_a_key_is_written_again() {
    let directory = TempDir::new().unwrap();
    // Whether the program can do with a database as old as that does not matter: it is made.
    let _ = Sqlite::open_with(options(directory.path(), None), &schema::MIGRATIONS[..9]);
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    other
        .execute_batch(
            "INSERT INTO segments VALUES (1, 1000, zeroblob(16), zeroblob(16), zeroblob(16), zeroblob(16)); \
             INSERT INTO postings VALUES (1, 42, zeroblob(16))",
        )
        .unwrap();
    drop(other);
    let (engine, _told) = started(directory.path());
    let source = Source::new(webhook(&engine, "a secret").await);
    engine.accept(source.event(10).2).await.unwrap();
    assert_eq!(found(&engine, &source, of_type()).await, 1, "the first event is in no segment");
}
