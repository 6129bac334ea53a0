//! Reads of deliveries.

use std::collections::HashSet;

use postrider_core::attempt::FailureKind;
use postrider_core::delivery::StateKind;
use postrider_core::limits::PAGE_ROWS_MOST;
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};
use uuid::Uuid;

use super::jobs::read::{has_made, job_key};
use super::rows::{
    self, Result, environment_key, event_key, event_number, parsed_if_any, state_number, time, uuid, webhook_key,
};
use super::search::Seen;
use super::search::ids::{Common, Ids, Next};
use super::search::postings::{Numbering, Of};
use super::{Sqlite, behind};
use crate::{DeliveryFilter, DeliveryRow, LastAttempt, Page, PageRequest, StoreError, Walk};

/// A delivery with what a list shows beside it; the way in follows, by that index where there could be a doubt.
macro_rules! select {
    ($where:literal) => {
        select!("", $where)
    };
    ($index:literal, $where:literal) => {
        concat!(
            "SELECT d.id AS delivery_id, d.event AS event_number, d.webhook, d.state, d.due_at, d.fault, d.fault_since, d.ended_at, ",
            "d.reason, d.attempts, d.origin, d.resend_of, d.order_key, d.created_at, d.shape, d.problem, e.id AS event_id, e.event_key, e.tenant, ",
            "w.id AS webhook_id, a.id AS attempt_id, a.started_at, a.status, a.failure ",
            "FROM deliveries AS d ",
            $index,
            "JOIN events AS e ON e.key = d.event JOIN webhooks AS w ON w.key = d.webhook ",
            "LEFT JOIN attempts AS a ON a.key = d.last_attempt WHERE ",
            $where
        )
    };
}

pub(super) const BY_ID: &str = select!("d.environment = ?1 AND d.id = ?2");
pub(super) const OF_ENVIRONMENT: &str = select!("d.environment = ?1 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC");
// The order by id is no reason to walk through all that the environment has.
pub(super) const OF_EVENT: &str = select!(
    "INDEXED BY deliveries_by_event ",
    "d.environment = ?1 AND d.event = ?4 AND d.id >= ?2 AND d.id < ?3 ORDER BY d.id DESC"
);
/// In no order.
pub(super) const ANY_OF_EVENT: &str = select!("INDEXED BY deliveries_by_event ", "d.environment = ?1 AND d.event = ?2");
/// A webhook's deliveries that its index lacks.
pub(super) const TAIL: &str = "SELECT id FROM deliveries INDEXED BY deliveries_by_event \
     WHERE event > ?1 AND webhook = ?2 AND id >= ?3 AND id < ?4";

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
enum WayIn<'c> {
    /// A statement, and what it is entered with beside the range of ids.
    Rows(&'static str, Option<i64>),
    /// The rows whose ids lists have in common.
    Common(Common<'c>),
}

/// Ids from the first up to, and not including, the second.
pub(super) type Range = (u128, u128);

/// The narrowest way in that the filter allows; none where it names an event that does not exist.
fn way_in<'c>(
    connection: &'c Connection,
    environment: i64,
    filter: &DeliveryFilter,
    (webhook, job): (Option<i64>, Option<i64>),
    range: Range,
) -> Result<Option<WayIn<'c>>> {
    if let Some(event) = filter.event {
        return Ok(event_number(connection, environment, event)?.map(|event| WayIn::Rows(OF_EVENT, Some(event))));
    }
    let (from, below) = range;
    let mut lists = Vec::new();
    if let Some(webhook) = webhook {
        lists.push(Ids::of_webhook(connection, webhook, tail_of(connection, webhook, range)?, from));
    }
    if let Some(job) = job {
        lists.push(Ids::of_job(connection, job, from));
    }
    if filter.walk == Walk::Webhook && !lists.is_empty() {
        return Ok(Some(WayIn::Common(Common::new(lists, below))));
    }
    if let Some(states) = indexed_states(filter) {
        let of_state = |state: &StateKind| Ids::of_state(connection, environment, state_number(*state), from);
        lists.push(Ids::Any(states.iter().map(of_state).collect()));
    }
    let numbering = Numbering::read(connection)?;
    if let Some(tenant) = &filter.tenant {
        let subject = numbering.tenant(Of::Deliveries, environment, tenant);
        lists.push(Ids::of_subject(connection, environment, subject, from)?);
    }
    if let Some(key) = &filter.event_key {
        let subject = numbering.event_type(Of::Deliveries, environment, key);
        lists.push(Ids::of_subject(connection, environment, subject, from)?);
    }
    Ok(Some(if lists.is_empty() {
        WayIn::Rows(OF_ENVIRONMENT, None)
    } else {
        WayIn::Common(Common::new(lists, below))
    }))
}

/// The states that the filter allows, where each has an index: people look for those, and few deliveries are in them.
pub(super) fn indexed_states(filter: &DeliveryFilter) -> Option<&[StateKind]> {
    const INDEXED: &[StateKind] = &[StateKind::Retrying, StateKind::Failed, StateKind::Discarded];
    match &filter.states[..] {
        // A delivery whose last attempt failed waits for a retry, or has ended as one of these.
        [] if filter.answer.is_some_and(|answer| !answer.is_of_success()) => Some(INDEXED),
        [] => None,
        states => states.iter().all(|state| INDEXED.contains(state)).then_some(states),
    }
}

/// A webhook's deliveries that its index lacks, in any order.
pub(super) fn tail_of(connection: &Connection, webhook: i64, (from, below): Range) -> Result<Vec<u128>> {
    let (mark, _) = behind::marks(connection)?;
    connection
        .prepare_cached(TAIL)?
        .query_map((mark, webhook, from.to_be_bytes(), below.to_be_bytes()), |row| {
            Ok(u128::from_be_bytes(row.get(0)?))
        })?
        .collect()
}

/// A page that is being filled.
struct Filling<'f> {
    connection: &'f Connection,
    environment: EnvironmentId,
    filter: &'f DeliveryFilter,
    webhook: Option<i64>,
    job: Option<i64>,
    limit: usize,
    seen: Seen,
    last: Option<DeliveryId>,
    page: Page<DeliveryRow, DeliveryId>,
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
        if self.filter.walk == Walk::Webhook && self.webhook != Some(row.get("webhook")?) {
            return Ok(());
        }
        let id = DeliveryId::from_uuid(uuid(row, "delivery_id")?);
        self.saw(id);
        let is_made_by = |job| has_made(self.connection, job, id);
        if matches(row, self.filter, self.webhook)? && self.job.map_or(Ok(true), is_made_by)? && self.has_text(row)? {
            self.page.rows.push(delivery_row(row, self.environment)?);
        }
        Ok(())
    }

    fn saw(&mut self, id: DeliveryId) {
        self.seen.row();
        self.last = Some(id);
    }

    fn has_text(&mut self, row: &Row<'_>) -> Result<bool> {
        match &self.filter.text {
            None => Ok(true),
            Some(_) => self.seen.finds(self.connection, row.get("event_number")?),
        }
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
    let job = match filter.job {
        None => None,
        Some(id) => match job_key(connection, key, id)? {
            None => return Ok(nothing),
            some => some,
        },
    };
    let (from, below) = range(filter, page.before);
    let seen = Seen::new(filter.text.as_deref());
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let mut filling = Filling { connection, environment, filter, webhook, job, limit, seen, last: None, page: nothing };
    match way_in(connection, key, filter, (webhook, job), (from, below))? {
        None => {}
        Some(WayIn::Rows(sql, entry)) => {
            let mut statement = connection.prepare_cached(sql)?;
            let (from, below) = (from.to_be_bytes(), below.to_be_bytes());
            let mut parameters: Vec<&dyn ToSql> = vec![&key, &from, &below];
            parameters.extend(entry.as_ref().map(|entry| entry as &dyn ToSql));
            let mut rows = statement.query(parameters.as_slice())?;
            while let Some(row) = rows.next()? {
                if !filling.has_room() {
                    break;
                }
                filling.take(row)?;
            }
        }
        Some(WayIn::Common(mut common)) => {
            let mut statement = connection.prepare_cached(BY_ID)?;
            loop {
                match common.next()? {
                    Next::End => break,
                    Next::Later(id) => {
                        filling.page.next = Some(DeliveryId::from_uuid(Uuid::from_u128(id)));
                        break;
                    }
                    Next::Id(_) if !filling.has_room() => break,
                    Next::Id(id) => {
                        let found = statement.query_row((key, id.to_be_bytes()), |row| filling.take(row)).optional()?;
                        if found.is_none() {
                            // Its time of keeping is over.
                            filling.saw(DeliveryId::from_uuid(Uuid::from_u128(id)));
                        }
                    }
                }
            }
        }
    }
    Ok(filling.page)
}

/// The ids that can match.
fn range(filter: &DeliveryFilter, before: Option<DeliveryId>) -> Range {
    let number = |id: DeliveryId| id.as_uuid().as_u128();
    let mut from = filter.from.map_or(0, |at| number(DeliveryId::first_at(at)));
    let mut below = filter.to.map_or(u128::MAX, |at| number(DeliveryId::first_at(at)));
    if let Some((first, last)) = filter.ids {
        from = from.max(number(first));
        below = below.min(number(last).saturating_add(1));
    }
    (from, before.map_or(below, |before| below.min(number(before))))
}

/// The whole filter but event, times, environment, job and text.
pub(super) fn matches(row: &Row<'_>, filter: &DeliveryFilter, webhook: Option<i64>) -> Result<bool> {
    if webhook.is_some() && webhook != row.get("webhook")? {
        return Ok(false);
    }
    if !filter.states.is_empty() {
        let state = row.get::<_, u8>("state")?;
        if filter.states.iter().all(|allowed| state_number(*allowed) != state) {
            return Ok(false);
        }
    }
    if let Some(key) = &filter.event_key
        && row.get_ref("event_key")?.as_str().is_ok_and(|text| text != key.as_str())
    {
        return Ok(false);
    }
    if let Some(answer) = filter.answer {
        let (attempt, status) = (row.get::<_, Option<[u8; 16]>>("attempt_id")?, row.get("status")?);
        if attempt.is_none() || !answer.is(status) {
            return Ok(false);
        }
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
