//! How the domain's values lie in columns.
//!
//! Owns encoding and decoding that more than one subject needs. What cannot be decoded was not written by this program: it is an
//! error that names the column, never a default.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{Attempt, AttemptResult, BodyEnd, FailureKind, KeptHeaders, OurFault, Timings};
use postrider_core::delivery::{Delivery, DeliveryState, DiscardReason, FailReason, Fault, Origin, StateKind};
use postrider_core::event::{ApplicationId, Event, EventKey, Room, TenantId, UserId};
use postrider_core::order::OrderKey;
use postrider_core::request::SettingsRevision;
use postrider_core::shape::ShapeRevision;
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId, Timestamp, WebhookId};
use rusqlite::types::Type;
use rusqlite::{Error, OptionalExtension as _, Row};
use uuid::Uuid;

use super::order::AT_THE_END;

pub(super) type Result<T> = std::result::Result<T, Error>;

/// A column holds what this program never writes.
pub(super) fn unreadable(column: &str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Null, format!("the column {column} cannot be read").into())
}

pub(super) fn uuid(row: &Row<'_>, column: &str) -> Result<Uuid> {
    Ok(Uuid::from_bytes(row.get(column)?))
}

pub(super) fn time(row: &Row<'_>, column: &str) -> Result<Timestamp> {
    Ok(Timestamp::from_micros(row.get(column)?))
}

pub(super) fn time_if_any(row: &Row<'_>, column: &str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_micros))
}

/// A column that is never negative.
pub(super) fn count(row: &Row<'_>, column: &str) -> Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| unreadable(column))
}

/// A number of rows, as SQL takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A text column that a parser of the domain reads.
pub(super) fn parsed<T>(row: &Row<'_>, column: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T> {
    parsed_if_any(row, column, parse)?.ok_or_else(|| unreadable(column))
}

pub(super) fn parsed_if_any<T>(
    row: &Row<'_>,
    column: &str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<Option<T>> {
    match row.get_ref(column)?.as_str_or_null().map_err(|_| unreadable(column))? {
        None => Ok(None),
        Some(text) => parse(text).map(Some).ok_or_else(|| unreadable(column)),
    }
}

pub(super) fn tenant(row: &Row<'_>, column: &str) -> Result<Option<TenantId>> {
    parsed_if_any(row, column, |t| TenantId::parse(t).ok())
}

pub(super) fn event_key(row: &Row<'_>) -> Result<EventKey> {
    parsed(row, "event_key", |t| EventKey::parse(t).ok())
}

pub(super) const fn state_number(kind: StateKind) -> u8 {
    match kind {
        StateKind::Pending => 0,
        StateKind::Retrying => 1,
        StateKind::Delivered => 2,
        StateKind::Failed => 3,
        StateKind::Discarded => 4,
    }
}

/// The columns of a delivery's state.
pub(super) struct StateColumns {
    pub state: u8,
    pub due_at: Option<i64>,
    pub fault: Option<&'static str>,
    pub fault_since: Option<i64>,
    pub ended_at: Option<i64>,
    pub reason: Option<&'static str>,
}

impl From<&DeliveryState> for StateColumns {
    fn from(state: &DeliveryState) -> Self {
        let (due_at, fault, ended_at, reason) = match state {
            DeliveryState::Behind => (Some(Timestamp::from_micros(AT_THE_END)), None, None, None),
            DeliveryState::Pending { due_at, fault } | DeliveryState::Retrying { due_at, fault } => {
                (Some(*due_at), *fault, None, None)
            }
            DeliveryState::Delivered { at } => (None, None, Some(*at), None),
            DeliveryState::Failed { at, reason } => (None, None, Some(*at), Some(reason.name())),
            DeliveryState::Discarded { at, reason } => (None, None, Some(*at), Some(reason.name())),
        };
        Self {
            state: state_number(state.kind()),
            due_at: due_at.map(Timestamp::as_micros),
            fault: fault.map(|fault| fault.kind.name()),
            fault_since: fault.map(|fault| fault.since.as_micros()),
            ended_at: ended_at.map(Timestamp::as_micros),
            reason,
        }
    }
}

/// Reads the columns `state`, `due_at`, `fault`, `fault_since`, `ended_at` and `reason`.
pub(super) fn state(row: &Row<'_>) -> Result<DeliveryState> {
    Ok(match row.get::<_, u8>("state")? {
        0 if row.get::<_, i64>("due_at")? == AT_THE_END => DeliveryState::Behind,
        0 => DeliveryState::Pending { due_at: time(row, "due_at")?, fault: fault(row)? },
        1 => DeliveryState::Retrying { due_at: time(row, "due_at")?, fault: fault(row)? },
        2 => DeliveryState::Delivered { at: time(row, "ended_at")? },
        3 => {
            let reason = parsed(row, "reason", FailReason::from_name)?;
            DeliveryState::Failed { at: time(row, "ended_at")?, reason }
        }
        4 => {
            let reason = parsed(row, "reason", DiscardReason::from_name)?;
            DeliveryState::Discarded { at: time(row, "ended_at")?, reason }
        }
        _ => return Err(unreadable("state")),
    })
}

fn fault(row: &Row<'_>) -> Result<Option<Fault>> {
    match parsed_if_any(row, "fault", OurFault::from_name)? {
        None => Ok(None),
        Some(kind) => Ok(Some(Fault { kind, since: time(row, "fault_since")? })),
    }
}

pub(super) fn order_key(row: &Row<'_>) -> Result<Option<OrderKey>> {
    Ok(row.get::<_, Option<[u8; 16]>>("order_key")?.map(OrderKey::from_bytes))
}

/// Reads a delivery from the columns of its table, and `event_id`, `webhook_id` and `tenant` from those beside it.
pub(super) fn delivery(row: &Row<'_>, environment_id: EnvironmentId) -> Result<Delivery> {
    Ok(Delivery {
        id: DeliveryId::from_uuid(uuid(row, "delivery_id")?),
        event_id: EventId::from_uuid(uuid(row, "event_id")?),
        webhook_id: WebhookId::from_uuid(uuid(row, "webhook_id")?),
        environment_id,
        tenant_id: tenant(row, "tenant")?,
        origin: parsed(row, "origin", Origin::from_name)?,
        resend_of: row.get::<_, Option<[u8; 16]>>("resend_of")?.map(|b| DeliveryId::from_uuid(Uuid::from_bytes(b))),
        order_key: order_key(row)?,
        state: state(row)?,
        attempts: row.get("attempts")?,
        shape: row.get::<_, Option<i64>>("shape")?.and_then(ShapeRevision::new),
        problem: row.get("problem")?,
        created_at: time(row, "created_at")?,
    })
}

/// Reads an event from the columns of its table, its id being `event_id`.
pub(super) fn event(row: &Row<'_>, environment_id: EnvironmentId) -> Result<Event> {
    Ok(Event {
        id: EventId::from_uuid(uuid(row, "event_id")?),
        environment_id,
        key: event_key(row)?,
        tenant_id: tenant(row, "tenant")?,
        user_id: parsed_if_any(row, "user_id", |t| UserId::parse(t).ok())?,
        application_id: parsed_if_any(row, "application_id", |t| ApplicationId::parse(t).ok())?,
        occurred_at: time_if_any(row, "occurred_at")?,
        accepted_at: time(row, "accepted_at")?,
        body: blob(row, "body")?,
        room: Room::uncounted(),
    })
}

pub(super) fn blob(row: &Row<'_>, column: &str) -> Result<Bytes> {
    let blob = row.get_ref(column)?.as_blob().map_err(|_| unreadable(column))?;
    Ok(Bytes::copy_from_slice(blob))
}

pub(super) fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

fn span(row: &Row<'_>, column: &str) -> Result<Option<Duration>> {
    let micros: Option<i64> = row.get(column)?;
    micros.map(|m| u64::try_from(m).map(Duration::from_micros).map_err(|_| unreadable(column))).transpose()
}

/// The columns of an attempt that [`attempt`] reads, of the table `attempts AS a`.
pub(super) const ATTEMPT_COLUMNS: &str = "a.id AS attempt_id, a.delivery, a.number, a.started_at, a.status, a.body_end, \
     a.failure, a.message, a.url, a.address, a.dns_us, a.connect_us, a.tls_us, a.first_byte_us, a.total_us, a.headers, \
     a.body AS answer, a.settings_revision";

pub(super) fn attempt(row: &Row<'_>) -> Result<Attempt> {
    let result = match row.get::<_, Option<u16>>("status")? {
        Some(status) => AttemptResult::Answered {
            status,
            headers: parsed(row, "headers", |text| KeptHeaders::from_json(text.to_owned()))?,
            body: blob(row, "answer")?,
            body_end: parsed(row, "body_end", BodyEnd::from_name)?,
        },
        None => AttemptResult::Failed {
            kind: parsed(row, "failure", FailureKind::from_name)?,
            message: row.get("message")?,
        },
    };
    Ok(Attempt {
        id: AttemptId::from_uuid(uuid(row, "attempt_id")?),
        delivery_id: DeliveryId::from_uuid(uuid(row, "delivery")?),
        number: row.get("number")?,
        started_at: time(row, "started_at")?,
        result,
        url: row.get("url")?,
        settings: row.get::<_, Option<u32>>("settings_revision")?.and_then(SettingsRevision::new),
        remote_address: parsed_if_any(row, "address", |t| t.parse::<IpAddr>().ok())?,
        timings: Timings {
            dns: span(row, "dns_us")?,
            connect: span(row, "connect_us")?,
            tls: span(row, "tls_us")?,
            first_byte: span(row, "first_byte_us")?,
            total: span(row, "total_us")?.ok_or_else(|| unreadable("total_us"))?,
        },
    })
}

const ENVIRONMENT_KEY: &str = "SELECT key FROM environments WHERE id = ?1";
const WEBHOOK_KEY: &str = "SELECT key FROM webhooks WHERE id = ?1 AND environment = ?2";
const EVENT_NUMBER: &str = "SELECT key FROM events WHERE environment = ?1 AND id = ?2";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[ENVIRONMENT_KEY, WEBHOOK_KEY, EVENT_NUMBER];

/// The environment's number in the database; none where it does not exist.
pub(super) fn environment_key(connection: &rusqlite::Connection, id: EnvironmentId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(ENVIRONMENT_KEY)?;
    statement.query_row([id.as_bytes()], |row| row.get(0)).optional()
}

/// The webhook's number in the database, deleted ones included; none where it does not exist in that environment.
pub(super) fn webhook_key(connection: &rusqlite::Connection, environment: i64, id: WebhookId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(WEBHOOK_KEY)?;
    statement.query_row((id.as_bytes(), environment), |row| row.get(0)).optional()
}

/// The event's number in the database; none where it does not exist in that environment.
pub(super) fn event_number(connection: &rusqlite::Connection, environment: i64, id: EventId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(EVENT_NUMBER)?;
    statement.query_row((environment, id.as_bytes()), |row| row.get(0)).optional()
}

/// An event that several holders share.
pub(super) fn shared_event(row: &Row<'_>, environment_id: EnvironmentId) -> Result<Arc<Event>> {
    event(row, environment_id).map(Arc::new)
}
