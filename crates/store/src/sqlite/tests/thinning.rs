//! Segments hold no ids for long of environments that keep their events for less than others.

use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;
use postrider_core::retention::Retention;

use super::*;
use crate::{Found, Upkeep};

const DAY: Duration = Duration::from_hours(24);
/// More postings than a segment takes come from twice as many events.
const EVENTS: usize = 2_500;

async fn environment(engine: &Sqlite, days: u64) -> EnvironmentId {
    let new = NewEnvironment { id: None, name: format!("{days} days") };
    let CreateEnvironment::Created(environment) = engine.create_environment(new).await.unwrap() else {
        panic!("a new id is not taken")
    };
    assert_eq!(engine.put_retention(environment.id, Retention::from_days(days)).await, Ok(Found::Yes));
    environment.id
}

/// Accepts events of both in turn.
async fn accept(engine: &Sqlite, clock: &ManualClock, entropy: &SeededEntropy, environments: [EnvironmentId; 2]) {
    for _ in 0..EVENTS / 250 {
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
        let events = (0..250).flat_map(|_| environments.map(event)).collect();
        engine.accept(AcceptBatch { events, idempotency: None }).await.unwrap();
    }
}

#[tokio::test]
async fn ids_go_with_their_rows_where_others_keep_theirs_longer() {
    let directory = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::default());
    let options = StoreOptions { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..options(directory.path(), None) };
    let engine = Sqlite::open(options).unwrap();
    engine.start(Arc::new(Told(Mutex::new(channel().0))));
    let environments = [environment(&engine, 30).await, environment(&engine, 1).await];
    accept(&engine, &clock, &SeededEntropy::new(99), environments).await;
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    // Lists, and ids in all of them: each event is in that of its type, and in that of its tenant.
    let posted = || {
        let sql = "SELECT count(*), coalesce(sum(length(ids)) / 16, 0) FROM postings";
        other.query_row(sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))).unwrap()
    };
    let (lists, ids) = posted();
    assert!(lists == 4 && ids > 8_000, "{lists} lists of {ids} ids");
    clock.advance(2 * DAY);
    while engine.expire_bite(30 * DAY).await.unwrap() == Upkeep::More {}
    assert_eq!(posted(), (2, ids / 2), "what the other keeps");
    // With nobody who keeps anything longer, a segment goes as a whole.
    clock.advance(30 * DAY);
    accept(&engine, &clock, &SeededEntropy::new(100), environments).await;
    while engine.expire_bite(30 * DAY).await.unwrap() == Upkeep::More {}
    while engine.postings_bite().await.unwrap() == Upkeep::More {}
    let segments: i64 = other.query_row("SELECT count(*) FROM segments", [], |row| row.get(0)).unwrap();
    assert_eq!(segments, 1, "the newest");
}
