//! What expires and the segments that have its ids.

use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;
use postrider_core::limits::UPKEEP_BITE;
use postrider_core::retention::Retention;

use super::following::at_a_clock;
use super::*;
use crate::{EventFilter, PageRequest, PutRetention, Upkeep};

pub(super) const DAY: Duration = Duration::from_hours(24);

pub(super) async fn environment(engine: &Sqlite, days: u64) -> EnvironmentId {
    let new = NewEnvironment { id: None, name: format!("{days} days"), made_by: Actor::Control };
    let CreateEnvironment::Created(environment) = engine.create_environment(new).await.unwrap() else {
        panic!("a new id is not taken")
    };
    let put = engine.put_retention(environment.id, Retention::from_days(days), Actor::Control).await;
    assert_eq!(put, Ok(PutRetention::Put));
    environment.id
}

/// Accepts so many events of each environment in one batch, in turn, a millisecond apart.
pub(super) async fn accept(
    engine: &Sqlite,
    (clock, entropy): (&ManualClock, &SeededEntropy),
    environments: &[EnvironmentId],
    events: usize,
) {
    let event = |environment_id| {
        let now = clock.advance(Duration::from_millis(1));
        let event = Event {
            id: EventId::new(now, entropy),
            environment_id,
            key: EventKey::parse("order.made").unwrap(),
            tenant_id: TenantId::parse("acme").ok(),
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: now,
            body: Bytes::from_static(b"{}"),
            room: Room::uncounted(),
        };
        NewEvent { event: Arc::new(event), deliveries: Vec::new(), notes: None }
    };
    let events = (0..events).flat_map(|_| environments.iter().copied().map(event)).collect();
    engine.accept(AcceptBatch { events, idempotency: None }).await.unwrap();
}

#[tokio::test]
async fn ids_go_with_their_rows_where_others_keep_theirs_longer() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let entropy = SeededEntropy::new(99);
    let engine = at_a_clock(directory.path(), &clock);
    let environments = [environment(&engine, 30).await, environment(&engine, 1).await];
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    // Lists, and ids in all of them: each event is in that of its type, and in that of its tenant.
    let posted = || {
        let sql = "SELECT count(*), coalesce(sum(length(ids)) / 16, 0) FROM postings";
        other.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).unwrap()
    };
    for _ in 0..10 {
        accept(&engine, (&clock, &entropy), &environments, 250).await;
    }
    let (lists, ids) = posted();
    assert!(lists == 4 && ids > 8_000, "{lists} lists of {ids} ids");
    clock.advance(2 * DAY);
    while engine.expire_bite(30 * DAY).await.unwrap() == Upkeep::More {}
    assert_eq!(posted(), (2, ids / 2), "what the other keeps");
    // With nobody who keeps anything longer, a segment goes as a whole.
    clock.advance(30 * DAY);
    for _ in 0..10 {
        accept(&engine, (&clock, &entropy), &environments, 250).await;
    }
    while engine.expire_bite(30 * DAY).await.unwrap() == Upkeep::More {}
    while engine.postings_bite().await.unwrap() == Upkeep::More {}
    let segments: i64 = other.query_row("SELECT count(*) FROM segments", [], |row| row.get(0)).unwrap();
    assert_eq!(segments, 1, "the newest");
}

#[tokio::test]
async fn a_number_that_a_segment_has_passed_is_not_given_again() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let entropy = SeededEntropy::new(99);
    let engine = at_a_clock(directory.path(), &clock);
    let environment = environment(&engine, 1).await;
    // As many as some bites delete exactly, and the newest is the last of a segment.
    let bite = UPKEEP_BITE - 1;
    for _ in 0..9 {
        accept(&engine, (&clock, &entropy), &[environment], bite).await;
    }
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let number = |sql: &str| other.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).unwrap();
    let newest = number("SELECT max(key) FROM events");
    assert_eq!(number("SELECT max(last_event) FROM segments"), newest);
    clock.advance(2 * DAY);
    for _ in 0..9 {
        assert_eq!(engine.expire_bite(DAY).await, Ok(Upkeep::More));
    }
    assert_eq!(number("SELECT max(key) FROM events"), None, "the round is not at its end, and nothing is left");
    drop(engine);
    let engine = at_a_clock(directory.path(), &clock);
    accept(&engine, (&clock, &entropy), &[environment], 1).await;
    let filter = EventFilter { tenant: TenantId::parse("acme").ok(), ..EventFilter::default() };
    let page = engine.events(environment, filter, PageRequest { limit: 10, before: None }).await.unwrap();
    assert_eq!(page.rows.len(), 1, "it is in no segment yet, and found all the same");
}
