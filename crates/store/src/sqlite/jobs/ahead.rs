//! What a job has before it: deliveries and events in the order in which they were made, from a cursor on.
//!
//! A read looks at a bounded number of rows and bytes and says how far it came.

use std::collections::HashSet;
use std::sync::Arc;

use postrider_core::delivery::StateKind;
use postrider_core::job::{Include, Replay, Resend};
use postrider_core::limits::{JOB_BYTES_READ, JOB_ROWS_READ};
use postrider_core::{DeliveryId, EnvironmentId, EventId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::{EVENT, NEWEST_OF};
use crate::directory::Directory;
use crate::sqlite::Sqlite;
use crate::sqlite::deliveries::{self, indexed_states, tail_of};
use crate::sqlite::rows::{
    Result, environment_key, event_key, limit, shared_event, state_number, unreadable, webhook_key,
};
use crate::sqlite::search::forward::events_after;
use crate::sqlite::search::postings::{Numbering, Of};
use crate::sqlite::search::{Seen, oldest};
use crate::{Ahead, Cursor, DeliveryFilter, LastAnswer, Repeatable, ReplayAhead, Replayable, ResendAhead, StoreError};

pub(in crate::sqlite) const OF_WEBHOOK: &str = "SELECT delivery FROM deliveries_of_webhooks \
     WHERE webhook = ?1 AND delivery > ?2 AND delivery < ?3 ORDER BY delivery LIMIT ?4";
pub(in crate::sqlite) const OF_STATE: &str = "SELECT id FROM deliveries WHERE environment = ?1 AND state = ?5 \
     AND (state = 1 OR state >= 3) AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4";
pub(in crate::sqlite) const OF_ENVIRONMENT: &str =
    "SELECT id FROM deliveries WHERE environment = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4";
pub(in crate::sqlite) const EVENTS: &str = "SELECT key, id AS event_id, event_key, tenant, user_id, application_id, \
     occurred_at, accepted_at, body FROM events WHERE environment = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4";

impl Sqlite {
    pub(crate) async fn resend_ahead(
        &self,
        environment: EnvironmentId,
        asked: ResendAhead,
    ) -> std::result::Result<Ahead<Repeatable>, StoreError> {
        let _turn = self.looks_ahead.acquire().await.map_err(|_| StoreError::Closed)?;
        let directory = Arc::clone(&self.directory);
        self.api.read(move |connection| resend_ahead(connection, &directory, environment, &asked)).await
    }

    pub(crate) async fn replay_ahead(
        &self,
        environment: EnvironmentId,
        asked: ReplayAhead,
    ) -> std::result::Result<Ahead<Replayable>, StoreError> {
        let _turn = self.looks_ahead.acquire().await.map_err(|_| StoreError::Closed)?;
        self.api.read(move |connection| replay_ahead(connection, environment, &asked)).await
    }
}

impl<T> Ahead<T> {
    fn nothing(reached: Cursor) -> Self {
        Self { items: Vec::new(), reached, rows: 0, is_over: true }
    }
}

/// The id before the first that can be made then: cursors stand at what was looked at already.
fn before(first: u128) -> Cursor {
    first.saturating_sub(1).to_be_bytes()
}

fn filter(resend: &Resend) -> Option<DeliveryFilter> {
    let mut states: Vec<StateKind> =
        resend.states.iter().map(|name| StateKind::from_name(name)).collect::<Option<_>>()?;
    // Of jobs that were started before each state was taken once.
    let mut known = HashSet::new();
    states.retain(|state| known.insert(*state));
    let answer = match &resend.status_code {
        None => None,
        Some(text) => Some(LastAnswer::parse(text)?),
    };
    Some(DeliveryFilter {
        states,
        answer,
        webhook: resend.webhook,
        tenant: resend.tenant.clone(),
        event_key: resend.event_key.clone(),
        text: resend.text.clone(),
        ..DeliveryFilter::default()
    })
}

fn resend_ahead(
    connection: &Connection,
    directory: &Directory,
    environment: EnvironmentId,
    asked: &ResendAhead,
) -> Result<Ahead<Repeatable>> {
    let ResendAhead { resend, whose, after, until } = asked;
    let Some(key) = environment_key(connection, environment)? else { return Ok(Ahead::nothing(*after)) };
    let webhook = match resend.webhook {
        None => None,
        Some(id) => match webhook_key(connection, key, id)? {
            None => return Ok(Ahead::nothing(*after)),
            some => some,
        },
    };
    let filter = filter(resend).ok_or_else(|| unreadable("work"))?;
    let number = |at: Timestamp| DeliveryId::first_at(at).as_uuid().as_u128();
    let after = resend.from.map_or(*after, |from| (*after).max(before(number(from))));
    let below = number(resend.to.map_or(*until, |to| to.min(*until))).to_be_bytes();
    let (ids, is_all) = ids_after(connection, key, webhook, &filter, after, below)?;
    let mut ahead = Ahead { items: Vec::new(), reached: after, rows: 0, is_over: false };
    let mut seen = Seen::new(filter.text.as_deref());
    let mut statement = connection.prepare_cached(deliveries::BY_ID)?;
    for id in ids {
        if seen.is_enough() {
            return Ok(ahead);
        }
        seen.row();
        ahead.rows += 1;
        ahead.reached = id;
        let repeatable = statement
            .query_row((key, id), |row| {
                if !deliveries::matches(row, &filter, webhook)? || !seen.finds(connection, row.get("event_number")?)? {
                    return Ok(None);
                }
                if whose.is_some() && !directory.is_for_tenants(environment, &event_key(row)?) {
                    return Ok(Some(Repeatable::No));
                }
                repeatable(connection, row, id).map(Some)
            })
            .optional()?
            .flatten();
        if let Some(repeatable) = repeatable {
            ahead.items.push((id, repeatable));
        }
    }
    ahead.is_over = is_all;
    Ok(ahead)
}

/// Whether a delivery has ended and no later one repeats it.
fn repeatable(connection: &Connection, row: &Row<'_>, id: Cursor) -> Result<Repeatable> {
    if row.get::<_, u8>("state")? < state_number(StateKind::Delivered) {
        return Ok(Repeatable::No);
    }
    let of: (i64, i64) = (row.get("event_number")?, row.get("webhook")?);
    let newest: Option<Cursor> = connection.prepare_cached(NEWEST_OF)?.query_row(of, |row| row.get(0))?;
    Ok(if newest == Some(id) { Repeatable::Yes(DeliveryId::from_uuid(Uuid::from_bytes(id))) } else { Repeatable::No })
}

/// The next ids of the narrowest list that the filter allows, oldest first, and whether these are all.
fn ids_after(
    connection: &Connection,
    environment: i64,
    webhook: Option<i64>,
    filter: &DeliveryFilter,
    after: Cursor,
    below: Cursor,
) -> Result<(Vec<Cursor>, bool)> {
    let most = limit(JOB_ROWS_READ);
    let read = |row: &Row<'_>| row.get(0);
    let mut lists: Vec<Vec<Cursor>> = Vec::new();
    let mut others: Vec<Cursor> = Vec::new();
    if let Some(webhook) = webhook {
        let mut statement = connection.prepare_cached(OF_WEBHOOK)?;
        lists.push(statement.query_map((webhook, after, below, most), read)?.collect::<Result<_>>()?);
        let range = (u128::from_be_bytes(after).saturating_add(1), u128::from_be_bytes(below));
        others = tail_of(connection, webhook, range)?.into_iter().map(u128::to_be_bytes).collect();
    } else if let Some(states) = indexed_states(filter) {
        let mut statement = connection.prepare_cached(OF_STATE)?;
        for state in states {
            let state = state_number(*state);
            lists.push(statement.query_map((environment, after, below, most, state), read)?.collect::<Result<_>>()?);
        }
    } else {
        let mut statement = connection.prepare_cached(OF_ENVIRONMENT)?;
        lists.push(statement.query_map((environment, after, below, most), read)?.collect::<Result<_>>()?);
    }
    // Beyond the end of a list that was cut off there may be more of it, before what others have there.
    let cut = lists.iter().filter(|list| list.len() == JOB_ROWS_READ).filter_map(|list| list.last().copied()).min();
    let mut ids: Vec<Cursor> = lists.into_iter().flatten().chain(others).collect();
    ids.retain(|id| cut.is_none_or(|cut| *id <= cut));
    ids.sort_unstable();
    ids.dedup();
    let is_all = cut.is_none() && ids.len() <= JOB_ROWS_READ;
    ids.truncate(JOB_ROWS_READ);
    Ok((ids, is_all))
}

fn replay_ahead(connection: &Connection, environment: EnvironmentId, asked: &ReplayAhead) -> Result<Ahead<Replayable>> {
    let ReplayAhead { replay, webhook, after } = asked;
    let Some(key) = environment_key(connection, environment)? else { return Ok(Ahead::nothing(*after)) };
    let Some(webhook) = webhook_key(connection, key, *webhook)? else { return Ok(Ahead::nothing(*after)) };
    let number = |at: Timestamp| EventId::first_at(at).as_uuid().as_u128();
    let after = (*after).max(before(number(replay.from)));
    let below = number(replay.to).to_be_bytes();
    // One event is a range of one id.
    let (after, below) = match replay.event.map(|event| event.as_uuid().as_u128()) {
        Some(id) => (after.max(before(id)), below.min(id.saturating_add(1).to_be_bytes())),
        None => (after, below),
    };
    let mut looking = Looking {
        connection,
        environment,
        replay,
        webhook,
        bytes: 0,
        ahead: Ahead { items: Vec::new(), reached: after, rows: 0, is_over: false },
    };
    let numbering = Numbering::read(connection)?;
    let subject = match (&replay.tenant, &replay.event_key) {
        (Some(tenant), _) => Some(numbering.tenant(Of::Events, key, tenant)),
        (None, Some(event_key)) => Some(numbering.event_type(Of::Events, key, event_key)),
        (None, None) => None,
    };
    let Some(subject) = subject else {
        let mut statement = connection.prepare_cached(EVENTS)?;
        let mut rows = statement.query((key, after, below, limit(JOB_ROWS_READ)))?;
        while let Some(row) = rows.next()? {
            if !looking.has_room() {
                return Ok(looking.ahead);
            }
            looking.take(row)?;
        }
        looking.ahead.is_over = looking.ahead.rows < JOB_ROWS_READ;
        return Ok(looking.ahead);
    };
    let after = after.max(before(oldest(connection, Of::Events, key)?));
    let onward = events_after(connection, subject, (after, below), JOB_ROWS_READ)?;
    let mut statement = connection.prepare_cached(EVENT)?;
    for id in onward.ids {
        if !looking.has_room() {
            return Ok(looking.ahead);
        }
        // One whose time of keeping is over is passed.
        statement.query_row((key, id), |row| looking.take(row)).optional()?;
    }
    (looking.ahead.reached, looking.ahead.is_over) = (onward.reached, onward.is_all);
    Ok(looking.ahead)
}

/// A look at what a replay has before it.
struct Looking<'a> {
    connection: &'a Connection,
    environment: EnvironmentId,
    replay: &'a Replay,
    webhook: i64,
    bytes: usize,
    ahead: Ahead<Replayable>,
}

impl Looking<'_> {
    fn has_room(&self) -> bool {
        self.bytes < JOB_BYTES_READ
    }

    fn take(&mut self, row: &Row<'_>) -> Result<()> {
        let Self { replay, ahead, .. } = self;
        ahead.rows += 1;
        ahead.reached = row.get("event_id")?;
        let text = |column| row.get_ref(column)?.as_str_or_null().map_err(|_| unreadable(column));
        if replay.event_key.as_ref().is_some_and(|key| text("event_key").ok().flatten() != Some(key.as_str()))
            || replay.tenant.as_ref().is_some_and(|tenant| text("tenant").ok().flatten() != Some(tenant.as_str()))
        {
            return Ok(());
        }
        let is_delivered = match replay.include {
            Include::All => false,
            Include::Undelivered => self
                .connection
                .prepare_cached(NEWEST_OF)?
                .query_row((row.get::<_, i64>("key")?, self.webhook), |row| row.get::<_, Option<bool>>(1))?
                .unwrap_or(false),
        };
        let event = shared_event(row, self.environment)?;
        self.bytes += event.body.len();
        ahead.items.push((ahead.reached, Replayable { event, is_delivered }));
        Ok(())
    }
}
