//! Databases that are damaged: what is derived stops nothing, and nobody is told that the store is ready where it is not.

use std::io::{Seek as _, SeekFrom, Write as _};

use super::*;
use crate::{Checked, check};

/// Opens a database, has it used and closed, and overwrites the first pages of tables or indexes.
async fn damaged(directory: &Path, what: &[&str]) -> Source {
    let (engine, _told) = started(directory);
    let source = Source::new(webhook(&engine, "a secret").await);
    for _ in 0..3 {
        engine.accept(source.event(10).2).await.unwrap();
    }
    engine.close(LastCheckpoint::Truncate);
    drop(engine);
    assert_eq!(check(directory, Duration::from_secs(30)).unwrap(), Checked::Sound);
    let path = directory.join(DATABASE_FILE);
    let connection = Connection::open(&path).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page = |name: &&str| connection.query_row(root, [name], |row| row.get::<_, u32>(0)).unwrap();
    let pages: Vec<u32> = what.iter().map(page).collect();
    let size: u32 = connection.pragma_query_value(None, "page_size", |row| row.get(0)).unwrap();
    drop(connection);
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for page in pages {
        file.seek(SeekFrom::Start(u64::from(page - 1) * u64::from(size))).unwrap();
        file.write_all(&vec![0xab; size as usize]).unwrap();
    }
    source
}

#[tokio::test]
async fn what_is_derived_and_cannot_be_read_at_the_start_is_set_aside() {
    for table in ["statistics_journal", "segments", "late_deliveries"] {
        let directory = TempDir::new().unwrap();
        let source = damaged(directory.path(), &[table]).await;
        assert!(matches!(check(directory.path(), Duration::from_secs(30)), Ok(Checked::Damaged(_))), "{table}");
        for _ in 0..2 {
            let (engine, told) = started(directory.path());
            let (event, delivery, batch) = source.event(10);
            engine.accept(batch).await.unwrap_or_else(|error| panic!("{table}: {error}"));
            engine.record(source.settlement(event, delivery));
            let settled = told.recv_timeout(Duration::from_secs(30)).unwrap();
            assert!(matches!(settled.state, DeliveryState::Delivered { .. }), "{table}: {settled:?}");
            engine.accept(AcceptBatch::default()).await.unwrap_or_else(|error| panic!("{table}: {error}"));
        }
    }
}

#[tokio::test]
async fn a_number_that_an_unreadable_segment_may_have_passed_is_not_given_again() {
    let directory = TempDir::new().unwrap();
    let source = damaged(directory.path(), &["segments", "segments_by_last_event", "segments_by_reach"]).await;
    let (engine, _told) = started(directory.path());
    engine.accept(source.event(10).2).await.unwrap();
    drop(engine);
    let other = Connection::open(directory.path().join(DATABASE_FILE)).unwrap();
    let newest: i64 = other.query_row("SELECT max(key) FROM events", [], |row| row.get(0)).unwrap();
    assert!(newest > 1 << 32, "{newest}");
}

#[tokio::test]
async fn what_cannot_be_done_without_stops_the_start_where_it_cannot_be_read() {
    for table in ["marks", "webhook_tallies", "events", "attempts", "deliveries_by_event"] {
        let directory = TempDir::new().unwrap();
        damaged(directory.path(), &[table]).await;
        let refused = open(directory.path()).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::Damaged(_)), "{table}: {refused:?}");
        assert!(refused.to_string().contains("backup"), "{table}: it says what to do");
    }
}

#[tokio::test]
async fn a_store_whose_events_cannot_be_written_for_damage_is_not_ready() {
    let directory = TempDir::new().unwrap();
    let source = damaged(directory.path(), &["deliveries"]).await;
    let (engine, _told) = started(directory.path());
    engine.accept(AcceptBatch::default()).await.expect("nothing is known of it yet");
    let refused = engine.accept(source.event(10).2).await;
    assert!(matches!(refused, Err(StoreError::Damaged(_))), "{refused:?}");
    let ready = engine.accept(AcceptBatch::default()).await;
    assert!(matches!(ready, Err(StoreError::Damaged(_))), "{ready:?}");
}

#[tokio::test]
async fn a_store_that_cannot_record_attempts_for_damage_is_not_ready() {
    let directory = TempDir::new().unwrap();
    let source = damaged(directory.path(), &["deliveries_by_state"]).await;
    let (engine, told) = started(directory.path());
    let (event, delivery, batch) = source.event(10);
    engine.accept(batch).await.unwrap();
    // That it waits to be retried is noted in the index; that it waits for another reason is not.
    let failed = Outcome::Answered { status: 500, retry_after: None };
    let step = next(0, None, &failed, &RetryPolicy::Standard, source.clock.now(), 0.0);
    engine.record(Settlement { step, ..source.settlement(event, delivery) });
    let settled = told.recv_timeout(Duration::from_secs(30)).expect("whoever holds it is told");
    assert!(!settled.state.is_final(), "{settled:?}");
    let ready = engine.accept(AcceptBatch::default()).await;
    assert!(matches!(ready, Err(StoreError::Damaged(_))), "{ready:?}");
}
