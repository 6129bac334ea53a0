//! Reads of events.

use postrider_core::event::{ApplicationId, Event, UserId};
use postrider_core::limits::{PAGE_ROWS_MOST, PAGE_ROWS_SEEN};
use postrider_core::{EnvironmentId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::Sqlite;
use super::rows::{self, Result, environment_key, event_key, parsed_if_any, tenant, time, time_if_any, uuid};
use crate::{EventFilter, EventRow, Page, PageRequest, StoreError};

pub(super) const BY_ID: &str = "SELECT id AS event_id, event_key, tenant, user_id, application_id, occurred_at, \
     accepted_at, body FROM events WHERE environment = ?1 AND id = ?2";
pub(super) const OF_ENVIRONMENT: &str = "SELECT id, event_key, tenant, user_id, application_id, occurred_at, \
     accepted_at, deliveries, length(body) AS body_bytes FROM events \
     WHERE environment = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC";
impl Sqlite {
    pub(crate) async fn event(
        &self,
        environment: EnvironmentId,
        id: EventId,
    ) -> std::result::Result<Option<Event>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(None) };
                let mut statement = connection.prepare_cached(BY_ID)?;
                statement.query_row((key, id.as_bytes()), |row| rows::event(row, environment)).optional()
            })
            .await
    }

    pub(crate) async fn events(
        &self,
        environment: EnvironmentId,
        filter: EventFilter,
        page: PageRequest<EventId>,
    ) -> std::result::Result<Page<EventRow, EventId>, StoreError> {
        self.api.read(move |connection| events(connection, environment, &filter, page)).await
    }
}

fn events(
    connection: &Connection,
    environment: EnvironmentId,
    filter: &EventFilter,
    page: PageRequest<EventId>,
) -> Result<Page<EventRow, EventId>> {
    let mut found = Page { rows: Vec::new(), next: None };
    let Some(key) = environment_key(connection, environment)? else { return Ok(found) };
    let from = filter.from.map_or([0; 16], |at| *EventId::first_at(at).as_bytes());
    let to = filter.to.map_or([0xff; 16], |at| *EventId::first_at(at).as_bytes());
    let to = page.before.map_or(to, |before| to.min(*before.as_bytes()));
    let mut statement = connection.prepare_cached(OF_ENVIRONMENT)?;
    let mut found_rows = statement.query((key, from, to))?;
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let mut last = None;
    let mut seen = 0;
    while let Some(row) = found_rows.next()? {
        if found.rows.len() == limit || seen == PAGE_ROWS_SEEN {
            found.next = last;
            break;
        }
        seen += 1;
        last = Some(EventId::from_uuid(uuid(row, "id")?));
        if matches(row, filter)? {
            found.rows.push(event_row(row)?);
        }
    }
    Ok(found)
}

/// The part of the filter that no index serves.
fn matches(row: &Row<'_>, filter: &EventFilter) -> Result<bool> {
    if let Some(key) = &filter.event_key
        && row.get_ref("event_key")?.as_str().is_ok_and(|text| text != key.as_str())
    {
        return Ok(false);
    }
    if let Some(tenant) = &filter.tenant
        && row.get_ref("tenant")?.as_str_or_null() != Ok(Some(tenant.as_str()))
    {
        return Ok(false);
    }
    match filter.matched {
        Some(matched) => Ok(matched == (row.get::<_, i64>("deliveries")? > 0)),
        None => Ok(true),
    }
}

fn event_row(row: &Row<'_>) -> Result<EventRow> {
    Ok(EventRow {
        id: EventId::from_uuid(uuid(row, "id")?),
        key: event_key(row)?,
        tenant_id: tenant(row, "tenant")?,
        user_id: parsed_if_any(row, "user_id", |t| UserId::parse(t).ok())?,
        application_id: parsed_if_any(row, "application_id", |t| ApplicationId::parse(t).ok())?,
        occurred_at: time_if_any(row, "occurred_at")?,
        accepted_at: time(row, "accepted_at")?,
        body_bytes: usize::try_from(rows::count(row, "body_bytes")?).unwrap_or(usize::MAX),
        deliveries: row.get("deliveries")?,
    })
}
