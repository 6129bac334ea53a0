//! Indexes that are written behind: `deliveries_of_webhooks`, `attempts_of_webhooks` and `attempts_of_ids`.
//!
//! Successive rows of the hot path go to different webhooks, so an index by webhook that was kept with every row would touch a page
//! for nearly each of them. These are brought up to date in the transaction in which [`ROWS_BEHIND`] rows are reached, sorted by
//! webhook: a page is touched once for many rows. The index of attempts by id is kept so too, since attempts end in another order
//! than they begin in. Who reads these indexes reads what lies beyond the marks besides.
//!
//! Invariant: index and tail together are complete, and the tail is short: at most what one group adds to [`ROWS_BEHIND`].

use rusqlite::Connection;

use super::rows::Result;

/// Rows that are left for later. Each of them is looked at by every read of these indexes; all of them together are written at once.
const ROWS_BEHIND: usize = 2_048;

pub(super) const MARKS: &str = "SELECT event, attempt FROM marks";
pub(super) const DELIVERIES_BEHIND: &str =
    "SELECT count(*) FROM deliveries INDEXED BY deliveries_by_event WHERE event > ?1";
pub(super) const ATTEMPTS_BEHIND: &str = "SELECT count(*) FROM attempts WHERE key > ?1";
// A row that is there already is as good as one that is put there, and no reason to fail everybody's commit.
pub(super) const INDEX_DELIVERIES: &str = "INSERT OR IGNORE INTO deliveries_of_webhooks (webhook, delivery) \
     SELECT webhook, id FROM deliveries INDEXED BY deliveries_by_event WHERE event > ?1 ORDER BY webhook, id";
pub(super) const INDEX_ATTEMPTS: &str = "INSERT OR IGNORE INTO attempts_of_webhooks (webhook, attempt) \
     SELECT webhook, key FROM attempts WHERE key > ?1 ORDER BY webhook, key";
pub(super) const INDEX_ATTEMPT_IDS: &str = "INSERT OR IGNORE INTO attempts_of_ids (id, attempt) \
     SELECT id, key FROM attempts WHERE key > ?1 ORDER BY id";
pub(super) const SET_EVENT_MARK: &str = "UPDATE marks SET event = ?1";
pub(super) const SET_ATTEMPT_MARK: &str = "UPDATE marks SET attempt = ?1";
pub(super) const INDEX_DELIVERY: &str = "INSERT INTO deliveries_of_webhooks (webhook, delivery) VALUES (?1, ?2)";
pub(super) const FORGET_DELIVERY: &str = "DELETE FROM deliveries_of_webhooks WHERE webhook = ?1 AND delivery = ?2";
pub(super) const FORGET_ATTEMPT: &str = "DELETE FROM attempts_of_webhooks WHERE webhook = ?1 AND attempt = ?2";
pub(super) const FORGET_ATTEMPT_ID: &str = "DELETE FROM attempts_of_ids WHERE id = ?1";

/// How far the indexes reach, and how much lies beyond.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behind {
    pub event_mark: i64,
    pub attempt_mark: i64,
    pub deliveries: usize,
    pub attempts: usize,
}

/// The marks: what lies beyond them is in the tables alone.
pub(super) fn marks(connection: &Connection) -> Result<(i64, i64)> {
    connection.prepare_cached(MARKS)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
}

impl Behind {
    /// As the last server left it.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let (event_mark, attempt_mark) = marks(connection)?;
        let count = |sql: &str, mark: i64| {
            let count: i64 = connection.query_row(sql, [mark], |row| row.get(0))?;
            Ok::<_, rusqlite::Error>(usize::try_from(count).unwrap_or(usize::MAX))
        };
        Ok(Self {
            event_mark,
            attempt_mark,
            deliveries: count(DELIVERIES_BEHIND, event_mark)?,
            attempts: count(ATTEMPTS_BEHIND, attempt_mark)?,
        })
    }

    /// Brings an index up to date where enough has gathered. `last_event` and `last_attempt` are the newest of all.
    pub(super) fn catch_up(&mut self, connection: &Connection, last_event: i64, last_attempt: i64) -> Result<()> {
        if self.deliveries >= ROWS_BEHIND {
            self.index_deliveries(connection, last_event)?;
        }
        if self.attempts >= ROWS_BEHIND {
            connection.prepare_cached(INDEX_ATTEMPTS)?.execute([self.attempt_mark])?;
            connection.prepare_cached(INDEX_ATTEMPT_IDS)?.execute([self.attempt_mark])?;
            connection.prepare_cached(SET_ATTEMPT_MARK)?.execute([last_attempt])?;
            (self.attempt_mark, self.attempts) = (last_attempt, 0);
        }
        Ok(())
    }

    /// Brings the index of deliveries up to date, however little has gathered.
    pub(super) fn index_deliveries(&mut self, connection: &Connection, last_event: i64) -> Result<()> {
        connection.prepare_cached(INDEX_DELIVERIES)?.execute([self.event_mark])?;
        connection.prepare_cached(SET_EVENT_MARK)?.execute([last_event])?;
        (self.event_mark, self.deliveries) = (last_event, 0);
        Ok(())
    }
}
