//! Reads of attempts: of a delivery, and as a webhook's log.

use std::sync::LazyLock;

use postrider_core::attempt::Attempt;
use postrider_core::delivery::Origin;
use postrider_core::limits::{LOG_OFFSET_MOST, PAGE_ROWS_MOST};
use postrider_core::shape::ShapeRevision;
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId, WebhookId};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::rows::{self, ATTEMPT_COLUMNS, Result, blob, environment_key, event_key, parsed, tenant, uuid, webhook_key};
use super::{Sqlite, behind};
use crate::{LogPage, LogRow, StoreError};

pub(super) const NEWEST: &str = "SELECT last_attempt FROM deliveries WHERE environment = ?1 AND id = ?2";
pub(super) const COUNT: &str = "SELECT attempts FROM webhook_tallies WHERE webhook = ?1";

/// One attempt and the one before it.
pub(super) static BY_KEY: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {ATTEMPT_COLUMNS}, a.previous FROM attempts AS a WHERE a.key = ?1"));

/// What a row of the log shows beside the attempt.
const BESIDE: &str = "w.id AS webhook_id, e.id AS event_id, e.event_key, e.tenant, e.body, d.origin, d.shape";
const JOINS: &str = "JOIN webhooks AS w ON w.key = a.webhook \
     JOIN deliveries AS d ON d.environment = w.environment AND d.id = a.delivery JOIN events AS e ON e.key = d.event";

pub(super) static IN_ENVIRONMENT: LazyLock<String> = LazyLock::new(|| {
    format!("SELECT {ATTEMPT_COLUMNS}, {BESIDE} FROM attempts AS a {JOINS} WHERE a.key = ?1 AND w.environment = ?2")
});

/// Where an attempt is: as the index has it, and as it lacks it.
pub(super) const KEY_OF_ID: &str = "SELECT attempt FROM attempts_of_ids WHERE id = ?1";
pub(super) const KEY_IN_TAIL: &str = "SELECT key FROM attempts WHERE key > ?2 AND id = ?1";

pub(super) static OF_LOG: LazyLock<String> =
    LazyLock::new(|| format!("SELECT {ATTEMPT_COLUMNS}, {BESIDE} FROM attempts AS a {JOINS} WHERE a.key = ?1"));

/// The part of a log that its index has, and the part that it lacks.
pub(super) const INDEXED: &str =
    "SELECT attempt FROM attempts_of_webhooks WHERE webhook = ?1 ORDER BY attempt DESC LIMIT ?2 OFFSET ?3";
pub(super) const TAIL: &str = "SELECT key FROM attempts WHERE key > ?2 AND webhook = ?1 ORDER BY key DESC";

impl Sqlite {
    pub(crate) async fn attempts(
        &self,
        environment: EnvironmentId,
        delivery: DeliveryId,
    ) -> std::result::Result<Vec<Attempt>, StoreError> {
        self.api.read(move |connection| of_delivery(connection, environment, delivery)).await
    }

    pub(crate) async fn attempt(
        &self,
        environment: EnvironmentId,
        id: AttemptId,
    ) -> std::result::Result<Option<LogRow>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(None) };
                let Some(attempt) = key_of(connection, id)? else { return Ok(None) };
                connection.prepare_cached(&IN_ENVIRONMENT)?.query_row((attempt, key), log_row).optional()
            })
            .await
    }

    pub(crate) async fn log(
        &self,
        environment: EnvironmentId,
        webhook: WebhookId,
        offset: usize,
        limit: usize,
    ) -> std::result::Result<LogPage, StoreError> {
        self.api.read(move |connection| log(connection, environment, webhook, offset, limit)).await
    }
}

fn key_of(connection: &Connection, id: AttemptId) -> Result<Option<i64>> {
    let (_, mark) = behind::marks(connection)?;
    let indexed = connection.prepare_cached(KEY_OF_ID)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
    match indexed {
        Some(key) => Ok(Some(key)),
        None => connection.prepare_cached(KEY_IN_TAIL)?.query_row((id.as_bytes(), mark), |row| row.get(0)).optional(),
    }
}

fn of_delivery(connection: &Connection, environment: EnvironmentId, delivery: DeliveryId) -> Result<Vec<Attempt>> {
    let Some(key) = environment_key(connection, environment)? else { return Ok(Vec::new()) };
    let mut next: Option<i64> = connection
        .prepare_cached(NEWEST)?
        .query_row((key, delivery.as_bytes()), |row| row.get(0))
        .optional()?
        .flatten();
    let mut statement = connection.prepare_cached(&BY_KEY)?;
    let mut attempts = Vec::new();
    while let Some(attempt) = next {
        let (attempt, previous) =
            statement.query_row([attempt], |row| Ok((rows::attempt(row)?, row.get("previous")?)))?;
        attempts.push(attempt);
        next = previous;
    }
    attempts.reverse();
    Ok(attempts)
}

fn log(
    connection: &Connection,
    environment: EnvironmentId,
    webhook: WebhookId,
    offset: usize,
    limit: usize,
) -> Result<LogPage> {
    let empty = LogPage { count: 0, rows: Vec::new() };
    let Some(key) = environment_key(connection, environment)? else { return Ok(empty) };
    let Some(webhook) = webhook_key(connection, key, webhook)? else { return Ok(empty) };
    let count = connection.prepare_cached(COUNT)?.query_row([webhook], |row| rows::count(row, "attempts"))?;
    if limit == 0 || offset > LOG_OFFSET_MOST {
        return Ok(LogPage { count, rows: Vec::new() });
    }
    let keys = log_keys(connection, webhook, offset, limit.min(PAGE_ROWS_MOST))?;
    let mut statement = connection.prepare_cached(&OF_LOG)?;
    // An index that could not be written may name attempts that are gone.
    let found = |key: i64| statement.query_row([key], log_row).optional().transpose();
    let rows = keys.into_iter().filter_map(found).collect::<Result<_>>()?;
    Ok(LogPage { count, rows })
}

fn log_keys(connection: &Connection, webhook: i64, offset: usize, limit: usize) -> Result<Vec<i64>> {
    let (_, mark) = behind::marks(connection)?;
    let mut statement = connection.prepare_cached(TAIL)?;
    let tail: Vec<i64> = statement.query_map((webhook, mark), |row| row.get(0))?.collect::<Result<_>>()?;
    let mut keys: Vec<i64> = tail.iter().copied().skip(offset).take(limit).collect();
    if keys.len() < limit {
        let rest = (rows::limit(limit - keys.len()), rows::limit(offset.saturating_sub(tail.len())));
        let mut statement = connection.prepare_cached(INDEXED)?;
        for key in statement.query_map((webhook, rest.0, rest.1), |row| row.get(0))? {
            keys.push(key?);
        }
    }
    Ok(keys)
}

fn log_row(row: &Row<'_>) -> Result<LogRow> {
    Ok(LogRow {
        attempt: rows::attempt(row)?,
        webhook_id: WebhookId::from_uuid(uuid(row, "webhook_id")?),
        event_id: EventId::from_uuid(uuid(row, "event_id")?),
        event_key: event_key(row)?,
        tenant_id: tenant(row, "tenant")?,
        body: blob(row, "body")?,
        shape: row.get::<_, Option<i64>>("shape")?.and_then(ShapeRevision::new),
        origin: parsed(row, "origin", Origin::from_name)?,
    })
}
