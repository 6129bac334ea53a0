//! Stretches of time that the statistics lack. They begin with the first commit that is not counted, in its transaction, and end with
//! the next start.

use postrider_core::Timestamp;
use rusqlite::Connection;

use crate::sqlite::Sqlite;
use crate::sqlite::rows::Result;
use crate::{StatisticsGap, StoreError};

/// Does nothing where one has begun already.
pub(in crate::sqlite) const BEGIN: &str = "INSERT OR IGNORE INTO statistics_gaps (since) \
     SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM statistics_gaps WHERE until IS NULL)";
pub(in crate::sqlite) const END: &str = "UPDATE statistics_gaps SET until = max(since, ?1) WHERE until IS NULL";
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
