//! Reads of statistics: series, and who fails most.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use postrider_core::statistics::{Counts, Dimension, Resolution};
use postrider_core::{EnvironmentId, Timestamp, WebhookId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{Counting, JOURNAL, ROW, counts, entries};
use crate::sqlite::Sqlite;
use crate::sqlite::rows::{Result, environment_key, unreadable};
use crate::{StatisticsOf, StatisticsPoint, StatisticsQuery, StoreError};

pub(in crate::sqlite) const OF_WEBHOOKS: &str = "SELECT subject, counts FROM statistics \
     WHERE resolution = 1 AND environment = ?1 AND dimension = 1 AND at >= ?2 AND at < ?3";
pub(in crate::sqlite) const EARLIEST: &str =
    "SELECT min(at) FROM statistics WHERE resolution = ?1 AND environment = ?2 AND dimension = ?3";
pub(in crate::sqlite) const WAITING: &str = "SELECT w.id, t.waiting FROM webhook_tallies AS t \
     CROSS JOIN webhooks AS w ON w.key = t.webhook WHERE w.environment = ?1 AND t.waiting > 0";

impl Sqlite {
    pub(crate) async fn statistics(
        &self,
        environment: EnvironmentId,
        query: StatisticsQuery,
    ) -> std::result::Result<Vec<StatisticsPoint>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(Vec::new()) };
                let journal = read_journal(connection)?;
                series(connection, &journal, key, &query)
            })
            .await
    }

    pub(crate) async fn statistics_of_webhooks(
        &self,
        environment: EnvironmentId,
        webhooks: Vec<WebhookId>,
        from: Timestamp,
        to: Timestamp,
    ) -> std::result::Result<Vec<Vec<StatisticsPoint>>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else {
                    return Ok(vec![Vec::new(); webhooks.len()]);
                };
                let journal = read_journal(connection)?;
                let series_of = |webhook| {
                    let query =
                        StatisticsQuery { of: StatisticsOf::Webhook(webhook), resolution: Resolution::Hour, from, to };
                    series(connection, &journal, key, &query)
                };
                webhooks.into_iter().map(series_of).collect()
            })
            .await
    }

    pub(crate) async fn failing_webhooks(
        &self,
        environment: EnvironmentId,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> std::result::Result<Vec<(WebhookId, Counts)>, StoreError> {
        let _place = self.summaries_waiting.try_acquire().map_err(|_| StoreError::Overloaded)?;
        let turn = Arc::clone(&self.summaries).acquire_owned().await.map_err(|_| StoreError::Closed)?;
        self.api
            .read(move |connection| {
                // Over when it is read, also where whoever asked has gone meanwhile.
                let _turn = turn;
                failing(connection, environment, from, to, most)
            })
            .await
    }

    pub(crate) async fn waiting(
        &self,
        environment: EnvironmentId,
    ) -> std::result::Result<HashMap<WebhookId, u64>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(HashMap::new()) };
                let mut statement = connection.prepare_cached(WAITING)?;
                let waiting = statement.query_map([key], |row| {
                    let id = WebhookId::from_uuid(Uuid::from_bytes(row.get(0)?));
                    Ok((id, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0)))
                })?;
                waiting.collect()
            })
            .await
    }
}

/// Rows that cannot be read were told of when the writer started, and count nothing.
fn read_journal(connection: &Connection) -> Result<Vec<(i64, Counting)>> {
    let mut statement = connection.prepare_cached(JOURNAL)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, entries(row).ok())))?;
    rows.filter_map(|row| row.map(|(at, counting)| Some((at, counting?))).transpose()).collect()
}

/// The dimension and subject of a query's rows.
fn subject(of: &StatisticsOf) -> (Dimension, &[u8]) {
    let subject: &[u8] = match of {
        StatisticsOf::Environment => &[],
        StatisticsOf::Webhook(id) => id.as_bytes(),
        StatisticsOf::Tenant(id) => id.as_str().as_bytes(),
        StatisticsOf::EventType(key) => key.as_str().as_bytes(),
    };
    (of.dimension(), subject)
}

fn series(
    connection: &Connection,
    journal: &[(i64, Counting)],
    environment: i64,
    query: &StatisticsQuery,
) -> Result<Vec<StatisticsPoint>> {
    let (dimension, subject) = subject(&query.of);
    let resolution = query.resolution;
    let mut points: BTreeMap<Timestamp, Counts> = BTreeMap::new();
    let mut statement = connection.prepare_cached(ROW)?;
    // What is old lies in days alone, what is newer in hours alone.
    let finer: &[Resolution] = if resolution == Resolution::Day { &[Resolution::Hour] } else { &[] };
    for lying_in in [resolution].iter().chain(finer) {
        let stand = (*lying_in as u8, environment, dimension as u8);
        let earliest: Option<i64> = connection.prepare_cached(EARLIEST)?.query_row(stand, |row| row.get(0))?;
        let Some(earliest) = earliest.map(Timestamp::from_micros) else { continue };
        let mut at = lying_in.floor(query.from).max(earliest);
        while at < query.to {
            let place = (*lying_in as u8, environment, dimension as u8, at.as_micros(), subject);
            if let Some(found) = statement.query_row(place, counts).optional()? {
                points.entry(resolution.floor(at)).or_default().add(&found);
            }
            at = at + lying_in.span();
        }
    }
    for (minute, counting) in journal {
        let at = resolution.floor(Timestamp::from_micros(*minute));
        if at < resolution.floor(query.from) || at >= query.to {
            continue;
        }
        for entry in counting.entries() {
            if entry.environment == environment && entry.subjects().any(|other| other == (dimension, subject)) {
                points.entry(at).or_default().add(&entry.counts);
            }
        }
    }
    Ok(points.into_iter().map(|(at, counts)| StatisticsPoint { at, counts }).collect())
}

/// Webhooks with failed attempts in a range of hours, those with most of them first.
fn failing(
    connection: &Connection,
    environment: EnvironmentId,
    from: Timestamp,
    to: Timestamp,
    most: usize,
) -> Result<Vec<(WebhookId, Counts)>> {
    let Some(key) = environment_key(connection, environment)? else { return Ok(Vec::new()) };
    let mut sums: HashMap<WebhookId, Counts> = HashMap::new();
    let mut statement = connection.prepare_cached(OF_WEBHOOKS)?;
    let mut found_rows = statement.query((key, from.as_micros(), to.as_micros()))?;
    while let Some(row) = found_rows.next()? {
        let numbers = numbers(row)?;
        sums.entry(WebhookId::from_uuid(Uuid::from_bytes(row.get(0)?))).or_default().add(&numbers);
    }
    for (minute, counting) in read_journal(connection)? {
        if minute < from.as_micros() || minute >= to.as_micros() {
            continue;
        }
        for entry in counting.entries().iter().filter(|entry| entry.environment == key) {
            if let Some(webhook) = entry.webhook() {
                sums.entry(webhook).or_default().add(&entry.counts);
            }
        }
    }
    let mut failing: Vec<_> = sums.into_iter().filter(|(_, counts)| counts.failed_attempts() > 0).collect();
    failing.sort_by_key(|(id, counts)| (std::cmp::Reverse(counts.failed_attempts()), *id));
    failing.truncate(most);
    Ok(failing)
}

/// The column `counts` without its histograms, which cost most of the reading.
fn numbers(row: &Row<'_>) -> Result<Counts> {
    let bytes = row.get_ref("counts")?.as_blob().map_err(|_| unreadable("counts"))?;
    Counts::decode_numbers(bytes).ok_or_else(|| unreadable("counts"))
}
