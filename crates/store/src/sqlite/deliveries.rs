//! Reads of deliveries.

use std::collections::HashSet;

use postrider_core::attempt::FailureKind;
use postrider_core::delivery::StateKind;
use postrider_core::limits::{PAGE_ROWS_MOST, PAGE_ROWS_SEEN};
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use uuid::Uuid;

use super::Sqlite;
use super::rows::{
    self, Result, environment_key, event_key, event_number, parsed_if_any, state_number, time, uuid, webhook_key,
};
use crate::{DeliveryFilter, DeliveryRow, LastAttempt, Page, PageRequest, StoreError};

/// A delivery with what a list shows beside it; the way in follows.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT d.id AS delivery_id, d.webhook, d.state, d.due_at, d.fault, d.ended_at, d.reason, d.attempts, ",
            "d.origin, d.resend_of, d.created_at, e.id AS event_id, e.event_key, e.tenant, w.id AS webhook_id, ",
            "a.id AS attempt_id, a.started_at, a.status, a.failure ",
            "FROM deliveries AS d JOIN events AS e ON e.key = d.event JOIN webhooks AS w ON w.key = d.webhook ",
            "LEFT JOIN attempts AS a ON a.key = d.last_attempt WHERE ",
            $where
        )
    };
}

pub(super) const BY_ID: &str = select!("d.environment = ?1 AND d.id = ?2");
pub(super) const OF_ENVIRONMENT: &str = select!("d.environment = ?1 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
pub(super) const OF_WEBHOOK: &str =
    select!("d.environment = ?1 AND d.webhook = ?4 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
pub(super) const OF_EVENT: &str =
    select!("d.environment = ?1 AND d.event = ?4 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
/// For the states that an index serves: retrying, failed and discarded.
pub(super) const OF_STATE: &str = select!(
    "d.environment = ?1 AND d.state = ?4 AND (d.state = 1 OR d.state >= 3) AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC"
);

impl Sqlite {
    pub(crate) async fn delivery(
        &self,
        environment: EnvironmentId,
        id: DeliveryId,
    ) -> std::result::Result<Option<DeliveryRow>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(None) };
                let mut statement = connection.prepare_cached(BY_ID)?;
                statement.query_row((key, id.as_bytes()), |row| delivery_row(row, environment)).optional()
            })
            .await
    }

    pub(crate) async fn deliveries(
        &self,
        environment: EnvironmentId,
        filter: DeliveryFilter,
        page: PageRequest<DeliveryId>,
    ) -> std::result::Result<Page<DeliveryRow, DeliveryId>, StoreError> {
        self.api.read(move |connection| deliveries(connection, environment, &filter, page)).await
    }

    pub(crate) async fn newest_deliveries_of_event(
        &self,
        environment: EnvironmentId,
        event: EventId,
    ) -> std::result::Result<Vec<DeliveryRow>, StoreError> {
        self.api.read(move |connection| newest_of_event(connection, environment, event)).await
    }
}

/// The narrowest way into the table that the filter allows, and what it is entered with.
fn way_in(
    connection: &Connection,
    environment: i64,
    filter: &DeliveryFilter,
) -> Result<Option<(&'static str, Option<i64>)>> {
    if let Some(event) = filter.event {
        return Ok(event_number(connection, environment, event)?.map(|event| (OF_EVENT, Some(event))));
    }
    // A webhook's failed deliveries are looked for among its own: they are as near as those of the whole environment.
    if let Some(webhook) = filter.webhook {
        return Ok(webhook_key(connection, environment, webhook)?.map(|webhook| (OF_WEBHOOK, Some(webhook))));
    }
    Ok(Some(match filter.state {
        Some(state @ (StateKind::Retrying | StateKind::Failed | StateKind::Discarded)) => {
            (OF_STATE, Some(state_number(state).into()))
        }
        Some(StateKind::Pending | StateKind::Delivered) | None => (OF_ENVIRONMENT, None),
    }))
}

fn deliveries(
    connection: &Connection,
    environment: EnvironmentId,
    filter: &DeliveryFilter,
    page: PageRequest<DeliveryId>,
) -> Result<Page<DeliveryRow, DeliveryId>> {
    let mut found = Page { rows: Vec::new(), next: None };
    let Some(key) = environment_key(connection, environment)? else { return Ok(found) };
    let Some((sql, entry)) = way_in(connection, key, filter)? else { return Ok(found) };
    let webhook = match filter.webhook {
        None => None,
        Some(id) => match webhook_key(connection, key, id)? {
            None => return Ok(found),
            some => some,
        },
    };
    let from = filter.from.map_or([0; 16], |at| *DeliveryId::first_at(at).as_bytes());
    let to = filter.to.map_or([0xff; 16], |at| *DeliveryId::first_at(at).as_bytes());
    let to = page.before.map_or(to, |before| to.min(*before.as_bytes()));
    let mut statement = connection.prepare_cached(sql)?;
    let mut parameters: Vec<&dyn ToSql> = vec![&key, &from, &to];
    if let Some(entry) = &entry {
        parameters.push(entry);
    }
    let mut found_rows = statement.query(parameters.as_slice())?;
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let mut last = None;
    let mut seen = 0;
    while let Some(row) = found_rows.next()? {
        if found.rows.len() == limit || seen == PAGE_ROWS_SEEN {
            found.next = last;
            break;
        }
        seen += 1;
        last = Some(DeliveryId::from_uuid(uuid(row, "delivery_id")?));
        if matches(row, filter, webhook)? {
            found.rows.push(delivery_row(row, environment)?);
        }
    }
    Ok(found)
}

/// The whole filter but event, times and environment, which the way in has seen to.
fn matches(row: &Row<'_>, filter: &DeliveryFilter, webhook: Option<i64>) -> Result<bool> {
    if webhook.is_some() && webhook != row.get("webhook")? {
        return Ok(false);
    }
    if let Some(state) = filter.state
        && row.get::<_, u8>("state")? != state_number(state)
    {
        return Ok(false);
    }
    if let Some(key) = &filter.event_key
        && row.get_ref("event_key")?.as_str().is_ok_and(|text| text != key.as_str())
    {
        return Ok(false);
    }
    match &filter.tenant {
        Some(tenant) => Ok(row.get_ref("tenant")?.as_str_or_null() == Ok(Some(tenant.as_str()))),
        None => Ok(true),
    }
}

fn newest_of_event(connection: &Connection, environment: EnvironmentId, event: EventId) -> Result<Vec<DeliveryRow>> {
    let Some(key) = environment_key(connection, environment)? else { return Ok(Vec::new()) };
    let Some(event) = event_number(connection, key, event)? else { return Ok(Vec::new()) };
    let mut statement = connection.prepare_cached(OF_EVENT)?;
    let mut found_rows = statement.query((key, [0_u8; 16], [0xff_u8; 16], event))?;
    let mut webhooks = HashSet::new();
    let mut newest = Vec::new();
    while let Some(row) = found_rows.next()? {
        if webhooks.insert(row.get::<_, i64>("webhook")?) {
            newest.push(delivery_row(row, environment)?);
        }
    }
    Ok(newest)
}

fn delivery_row(row: &Row<'_>, environment: EnvironmentId) -> Result<DeliveryRow> {
    let last_attempt = match row.get::<_, Option<[u8; 16]>>("attempt_id")? {
        None => None,
        Some(id) => Some(LastAttempt {
            id: AttemptId::from_uuid(Uuid::from_bytes(id)),
            started_at: time(row, "started_at")?,
            status: row.get("status")?,
            failure: parsed_if_any(row, "failure", FailureKind::from_name)?,
        }),
    };
    Ok(DeliveryRow { delivery: rows::delivery(row, environment)?, event_key: event_key(row)?, last_attempt })
}
