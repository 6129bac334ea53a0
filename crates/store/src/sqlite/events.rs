//! Reads of events.

use postrider_core::event::{ApplicationId, Event, EventNotes, UserId};
use postrider_core::limits::PAGE_ROWS_MOST;
use postrider_core::{EnvironmentId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::rows::{
    self, Result, environment_key, event_key, parsed_if_any, tenant, time, time_if_any, uuid, webhook_key,
};
use super::search::Seen;
use super::search::ids::{Common, Ids, Next};
use super::search::postings::{Numbering, Of};
use super::{Sqlite, deliveries};
use crate::{EventFilter, EventRow, Page, PageRequest, StoreError};

pub(super) const BY_ID: &str = "SELECT id AS event_id, event_key, tenant, user_id, application_id, occurred_at, \
     accepted_at, body FROM events WHERE environment = ?1 AND id = ?2";
pub(super) const NOTES: &str = "SELECT notes FROM event_notes \
     WHERE event = (SELECT key FROM events WHERE environment = ?1 AND id = ?2)";
/// An event in a list; the way in follows.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT key, id, event_key, tenant, user_id, application_id, occurred_at, accepted_at, deliveries, ",
            "length(body) AS body_bytes FROM events WHERE ",
            $where
        )
    };
}

pub(super) const OF_ENVIRONMENT: &str = select!("environment = ?1 AND id >= ?2 AND id < ?3 ORDER BY id DESC");
pub(super) const ROW: &str = select!("environment = ?1 AND id = ?2");

impl Sqlite {
    pub(crate) async fn event_notes(
        &self,
        environment: EnvironmentId,
        id: EventId,
    ) -> std::result::Result<Option<EventNotes>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(None) };
                let mut statement = connection.prepare_cached(NOTES)?;
                let notes = |row: &Row<'_>| rows::parsed(row, "notes", |text| serde_json::from_str(text).ok());
                statement.query_row((key, id.as_bytes()), notes).optional()
            })
            .await
    }

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
    let nothing = Page { rows: Vec::new(), next: None };
    let Some(key) = environment_key(connection, environment)? else { return Ok(nothing) };
    let (from, below) = range(filter, page.before);
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let seen = Seen::new(filter.text.as_deref());
    let webhook = match filter.delivery.as_ref().and_then(|delivery| delivery.webhook) {
        None => None,
        Some(id) => match webhook_key(connection, key, id)? {
            None => return Ok(nothing),
            some => some,
        },
    };
    let mut filling = Filling { connection, environment: key, filter, webhook, limit, seen, last: None, page: nothing };
    let numbering = Numbering::read(connection)?;
    let subjects = [
        filter.tenant.as_ref().map(|tenant| numbering.tenant(Of::Events, key, tenant)),
        filter.event_key.as_ref().map(|event_key| numbering.event_type(Of::Events, key, event_key)),
    ];
    let lists = subjects.into_iter().flatten().map(|subject| Ids::of_subject(connection, key, subject, from));
    let lists: Vec<_> = lists.collect::<Result<_>>()?;
    if lists.is_empty() {
        let mut statement = connection.prepare_cached(OF_ENVIRONMENT)?;
        let mut rows = statement.query((key, from.to_be_bytes(), below.to_be_bytes()))?;
        while let Some(row) = rows.next()? {
            if !filling.has_room() {
                break;
            }
            filling.take(row)?;
        }
        return Ok(filling.page);
    }
    let mut common = Common::new(lists, below);
    let mut statement = connection.prepare_cached(ROW)?;
    loop {
        match common.next()? {
            Next::End => return Ok(filling.page),
            Next::Later(id) => {
                filling.page.next = Some(EventId::from_uuid(Uuid::from_u128(id)));
                return Ok(filling.page);
            }
            Next::Id(_) if !filling.has_room() => return Ok(filling.page),
            Next::Id(id) => {
                let found = statement.query_row((key, id.to_be_bytes()), |row| filling.take(row)).optional()?;
                if found.is_none() {
                    // Its time of keeping is over.
                    filling.saw(EventId::from_uuid(Uuid::from_u128(id)));
                }
            }
        }
    }
}

/// The ids that can match, from the first up to, and not including, the second.
fn range(filter: &EventFilter, before: Option<EventId>) -> (u128, u128) {
    let number = |id: EventId| id.as_uuid().as_u128();
    let mut from = filter.from.map_or(0, |at| number(EventId::first_at(at)));
    let mut below = filter.to.map_or(u128::MAX, |at| number(EventId::first_at(at)));
    if let Some((first, last)) = filter.ids {
        from = from.max(number(first));
        below = below.min(number(last).saturating_add(1));
    }
    (from, before.map_or(below, |before| below.min(number(before))))
}

/// A page that is being filled.
struct Filling<'f> {
    connection: &'f Connection,
    environment: i64,
    filter: &'f EventFilter,
    /// Of the filter's delivery.
    webhook: Option<i64>,
    limit: usize,
    seen: Seen,
    last: Option<EventId>,
    page: Page<EventRow, EventId>,
}

impl Filling<'_> {
    /// Whether another row can be looked at; else the page ends before it.
    fn has_room(&mut self) -> bool {
        if self.page.rows.len() < self.limit && !self.seen.is_enough() {
            return true;
        }
        self.page.next = self.last;
        false
    }

    /// Looks at a row.
    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        self.saw(EventId::from_uuid(uuid(row, "id")?));
        if !matches(row, self.filter)? || !self.has_delivery(row)? {
            return Ok(());
        }
        if self.filter.text.is_none() || self.seen.finds(self.connection, row.get("key")?)? {
            self.page.rows.push(event_row(row)?);
        }
        Ok(())
    }

    /// Whether one of the event's deliveries is as the filter says. Each that is looked at counts as a row.
    fn has_delivery(&mut self, row: &Row<'_>) -> Result<bool> {
        let Some(delivery) = &self.filter.delivery else { return Ok(true) };
        let event: i64 = row.get("key")?;
        let mut statement = self.connection.prepare_cached(deliveries::ANY_OF_EVENT)?;
        let mut rows = statement.query((self.environment, event))?;
        while let Some(row) = rows.next()? {
            self.seen.row();
            if deliveries::matches(row, delivery, self.webhook)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn saw(&mut self, id: EventId) {
        self.seen.row();
        self.last = Some(id);
    }
}

/// The whole filter but times, environment, deliveries and text.
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
