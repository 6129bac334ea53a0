//! Stretches of time that the statistics lack. They begin with the first commit that is not counted, in its transaction, and end with
//! the next start. Where a row was lost they are the span that it counted.

use postrider_core::Timestamp;
use postrider_core::statistics::Resolution;
use rusqlite::Connection;

use crate::sqlite::Sqlite;
use crate::sqlite::rows::Result;
use crate::sqlite::tx::is_of_storage;
use crate::{StatisticsGap, StoreError};

/// Does nothing where one has begun already.
pub(in crate::sqlite) const BEGIN: &str = "INSERT OR IGNORE INTO statistics_gaps (since) \
     SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM statistics_gaps WHERE until IS NULL)";
pub(in crate::sqlite) const END: &str = "UPDATE statistics_gaps SET until = max(since, ?1) WHERE until IS NULL";
/// One that has begun at that moment and has not ended says more.
pub(in crate::sqlite) const NOTE_LOSS: &str = "INSERT INTO statistics_gaps (since, until) VALUES (?1, ?2) \
     ON CONFLICT (since) DO UPDATE SET until = max(until, excluded.until)";
pub(in crate::sqlite) const WITHIN: &str = "SELECT since, until FROM statistics_gaps \
     WHERE since < ?2 AND (until IS NULL OR until >= ?1) ORDER BY since";
pub(in crate::sqlite) const FORGET: &str = "DELETE FROM statistics_gaps WHERE until < ?1";

impl Sqlite {
    pub(crate) async fn statistics_gaps(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> std::result::Result<Vec<StatisticsGap>, StoreError> {
        self.api
            .read(move |connection| {
                let mut statement = connection.prepare_cached(WITHIN)?;
                let gaps = statement.query_map((from.as_micros(), to.as_micros()), |row| {
                    let until: Option<i64> = row.get(1)?;
                    Ok(StatisticsGap {
                        from: Timestamp::from_micros(row.get(0)?),
                        to: until.map(Timestamp::from_micros),
                    })
                })?;
                gaps.collect()
            })
            .await
    }
}

/// A commit is not counted.
pub(in crate::sqlite) fn begin(connection: &Connection, now: Timestamp) -> Result<()> {
    connection.prepare_cached(BEGIN)?.execute([now.as_micros()])?;
    Ok(())
}

/// Commits are counted from now on.
pub(in crate::sqlite) fn end(connection: &Connection, now: Timestamp) -> Result<()> {
    connection.execute(END, [now.as_micros()])?;
    Ok(())
}

/// A row that counted the span from that moment on is lost. Where not even that can be noted, that is no reason to stop.
pub(in crate::sqlite) fn note_loss(connection: &Connection, resolution: Resolution, at: i64) -> Result<()> {
    let until = Timestamp::from_micros(at) + resolution.span();
    let noted = connection.prepare_cached(NOTE_LOSS).and_then(|mut note| note.execute((at, until.as_micros())));
    match noted {
        Err(error) if is_of_storage(&error) => Err(error),
        Err(error) => {
            tracing::error!(%error, "a gap in the statistics cannot be noted; they lack more than they say");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}
