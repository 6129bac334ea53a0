//! Reads of deliveries.

use std::collections::HashSet;

use postrider_core::attempt::FailureKind;
use postrider_core::delivery::StateKind;
use postrider_core::limits::{PAGE_ROWS_MOST, PAGE_ROWS_SEEN};
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use uuid::Uuid;

use super::rows::{
    self, Result, environment_key, event_key, event_number, parsed_if_any, state_number, time, uuid, webhook_key,
};
use super::{Sqlite, behind};
use crate::{DeliveryFilter, DeliveryRow, LastAttempt, Page, PageRequest, StoreError};

/// A delivery with what a list shows beside it; the way in follows.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT d.id AS delivery_id, d.webhook, d.state, d.due_at, d.fault, d.fault_since, d.ended_at, ",
            "d.reason, d.attempts, d.origin, d.resend_of, d.created_at, e.id AS event_id, e.event_key, e.tenant, ",
            "w.id AS webhook_id, a.id AS attempt_id, a.started_at, a.status, a.failure ",
            "FROM deliveries AS d JOIN events AS e ON e.key = d.event JOIN webhooks AS w ON w.key = d.webhook ",
            "LEFT JOIN attempts AS a ON a.key = d.last_attempt WHERE ",
            $where
        )
    };
}

pub(super) const BY_ID: &str = select!("d.environment = ?1 AND d.id = ?2");
pub(super) const OF_ENVIRONMENT: &str = select!("d.environment = ?1 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
pub(super) const OF_EVENT: &str =
    select!("d.environment = ?1 AND d.event = ?4 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
/// A webhook's deliveries, as far as their index has them, and beyond.
pub(super) const INDEXED: &str = "SELECT delivery FROM deliveries_of_webhooks \
     WHERE webhook = ?1 AND delivery >= ?2 AND delivery < ?3 ORDER BY delivery DESC LIMIT ?4";
pub(super) const TAIL: &str = "SELECT id FROM deliveries INDEXED BY deliveries_by_event \
     WHERE event > ?1 AND webhook = ?2 AND id >= ?3 AND id < ?4";
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

/// The ways into the table.
enum WayIn {
    /// A statement, and what it is entered with beside the range of ids.
    Rows(&'static str, Option<i64>),
    /// The rows of these ids.
    Ids(Vec<[u8; 16]>),
}

/// Ids from the first up to, and not including, the second.
type Range = ([u8; 16], [u8; 16]);

/// The narrowest way in that the filter allows; none where it names an event that does not exist.
fn way_in(
    connection: &Connection,
    environment: i64,
    filter: &DeliveryFilter,
    webhook: Option<i64>,
    range: Range,
) -> Result<Option<WayIn>> {
    if let Some(event) = filter.event {
        return Ok(event_number(connection, environment, event)?.map(|event| WayIn::Rows(OF_EVENT, Some(event))));
    }
    // A webhook's failed deliveries are looked for among its own: they are as near as those of the whole environment.
    if let Some(webhook) = webhook {
        return of_webhook(connection, webhook, range).map(|ids| Some(WayIn::Ids(ids)));
    }
    Ok(Some(match filter.state {
        Some(state @ (StateKind::Retrying | StateKind::Failed | StateKind::Discarded)) => {
            WayIn::Rows(OF_STATE, Some(state_number(state).into()))
        }
        Some(StateKind::Pending | StateKind::Delivered) | None => WayIn::Rows(OF_ENVIRONMENT, None),
    }))
}

/// The newest of a webhook's deliveries, one more than a page looks at.
fn of_webhook(connection: &Connection, webhook: i64, (from, to): Range) -> Result<Vec<[u8; 16]>> {
    let (mark, _) = behind::marks(connection)?;
    let most = PAGE_ROWS_SEEN + 1;
    let mut ids: Vec<[u8; 16]> = connection
        .prepare_cached(TAIL)?
        .query_map((mark, webhook, from, to), |row| row.get(0))?
        .collect::<Result<_>>()?;
    let mut statement = connection.prepare_cached(INDEXED)?;
    for id in statement.query_map((webhook, from, to, rows::limit(most)), |row| row.get(0))? {
        ids.push(id?);
    }
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.truncate(most);
    Ok(ids)
}

/// A page that is being filled.
struct Filling<'f> {
    environment: EnvironmentId,
    filter: &'f DeliveryFilter,
    webhook: Option<i64>,
    limit: usize,
    seen: usize,
    last: Option<DeliveryId>,
    page: Page<DeliveryRow, DeliveryId>,
}

impl Filling<'_> {
    /// Looks at a row. False where the page is full before it.
    fn take(&mut self, row: &Row<'_>) -> Result<bool> {
        if self.page.rows.len() == self.limit || self.seen == PAGE_ROWS_SEEN {
            self.page.next = self.last;
            return Ok(false);
        }
        self.seen += 1;
        self.last = Some(DeliveryId::from_uuid(uuid(row, "delivery_id")?));
        if matches(row, self.filter, self.webhook)? {
            self.page.rows.push(delivery_row(row, self.environment)?);
        }
        Ok(true)
    }
}

fn deliveries(
    connection: &Connection,
    environment: EnvironmentId,
    filter: &DeliveryFilter,
    page: PageRequest<DeliveryId>,
) -> Result<Page<DeliveryRow, DeliveryId>> {
    let nothing = Page { rows: Vec::new(), next: None };
    let Some(key) = environment_key(connection, environment)? else { return Ok(nothing) };
    let webhook = match filter.webhook {
        None => None,
        Some(id) => match webhook_key(connection, key, id)? {
            None => return Ok(nothing),
            some => some,
        },
    };
    let from = filter.from.map_or([0; 16], |at| *DeliveryId::first_at(at).as_bytes());
    let to = filter.to.map_or([0xff; 16], |at| *DeliveryId::first_at(at).as_bytes());
    let to = page.before.map_or(to, |before| to.min(*before.as_bytes()));
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let mut filling = Filling { environment, filter, webhook, limit, seen: 0, last: None, page: nothing };
    match way_in(connection, key, filter, webhook, (from, to))? {
        None => {}
        Some(WayIn::Rows(sql, entry)) => {
            let mut statement = connection.prepare_cached(sql)?;
            let mut parameters: Vec<&dyn ToSql> = vec![&key, &from, &to];
            parameters.extend(entry.as_ref().map(|entry| entry as &dyn ToSql));
            let mut rows = statement.query(parameters.as_slice())?;
            while let Some(row) = rows.next()? {
                if !filling.take(row)? {
                    break;
                }
            }
        }
        Some(WayIn::Ids(ids)) => {
            let mut statement = connection.prepare_cached(BY_ID)?;
            for id in ids {
                if !statement.query_row((key, id), |row| filling.take(row))? {
                    break;
                }
            }
        }
    }
    Ok(filling.page)
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
