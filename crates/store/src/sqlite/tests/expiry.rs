//! What expires, whatever stands in its way.

use postrider_core::limits::UPKEEP_BITE;

use super::following::at_a_clock;
use super::segments::{DAY, accept, environment};
use super::*;
use crate::Upkeep;

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
