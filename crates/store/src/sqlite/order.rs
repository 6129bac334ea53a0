//! Strict order: who is next among the deliveries of a key.
//!
//! Of the deliveries of a key that wait, the first alone is due and can be seen by the engine; the others are behind it. In the
//! transaction in which the first one ends the next becomes due. So order needs nobody's memory: it holds over crashes, however the
//! engine pages, and whatever becomes of the webhook's settings meanwhile, as the key is the delivery's own.
//!
//! Invariant: where deliveries of a key wait, exactly one of them, the first, is not behind; unless what waits is being swept.

use postrider_core::delivery::DeliveryState;
use postrider_core::order::OrderKey;
use postrider_core::{DeliveryId, EnvironmentId, Timestamp, WebhookId};
use rusqlite::OptionalExtension as _;
use uuid::Uuid;

use super::rows::{self, shared_event, uuid};
use super::tx::{Failure, Tx};
use crate::Waiting;

/// When those that are behind are due.
pub(super) const AT_THE_END: i64 = i64::MAX;

pub(super) const LAST: &str = "SELECT order_place FROM deliveries INDEXED BY deliveries_in_order \
     WHERE webhook = ?1 AND order_key = ?2 AND state <= 1 ORDER BY order_place DESC LIMIT 1";
pub(super) const FIRST: &str = "SELECT id, due_at FROM deliveries INDEXED BY deliveries_in_order \
     WHERE webhook = ?1 AND order_key = ?2 AND state <= 1 ORDER BY order_place LIMIT 1";
pub(super) const LET_GO: &str = "UPDATE deliveries SET due_at = ?3 WHERE environment = ?1 AND id = ?2 AND state = 0 AND due_at = 9223372036854775807";
pub(super) const WAITING: &str = "SELECT d.id AS delivery_id, d.state, d.due_at, d.fault, d.fault_since, d.ended_at, \
     d.reason, d.attempts, d.origin, d.resend_of, d.order_key, d.created_at, d.shape, NULL AS problem, w.id AS webhook_id, n.id AS environment_id, \
     e.id AS event_id, e.event_key, e.tenant, e.user_id, e.application_id, e.occurred_at, e.accepted_at, e.body \
     FROM deliveries AS d JOIN events AS e ON e.key = d.event JOIN webhooks AS w ON w.key = d.webhook \
     JOIN environments AS n ON n.key = d.environment WHERE d.environment = ?1 AND d.id = ?2";

/// A place among the deliveries of a key that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub key: OrderKey,
    pub number: i64,
}

/// The place at the end, and whether the delivery that takes it is due or behind others.
pub(super) fn join(
    tx: &Tx<'_, '_>,
    webhook: i64,
    key: OrderKey,
    due_at: Timestamp,
) -> Result<(Place, DeliveryState), Failure> {
    let last: Option<i64> = tx.prepare(LAST)?.query_row((webhook, key.as_bytes()), |row| row.get(0)).optional()?;
    Ok(match last {
        None => (Place { key, number: 1 }, DeliveryState::Pending { due_at, fault: None }),
        Some(last) => (Place { key, number: last + 1 }, DeliveryState::Behind),
    })
}

/// A delivery of that key has ended: lets the next one go, unless it is there already, or is the sweep's.
pub(super) fn let_next_go(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    webhook_id: WebhookId,
    key: OrderKey,
) -> Result<(), Failure> {
    let webhook = tx.webhook(webhook_id)?.key;
    let first: Option<([u8; 16], i64)> =
        tx.prepare(FIRST)?.query_row((webhook, key.as_bytes()), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((id, AT_THE_END)) = first else { return Ok(()) };
    if tx.webhook(webhook_id)?.refuses(DeliveryId::from_uuid(Uuid::from_bytes(id))).is_some() {
        return Ok(());
    }
    tx.prepare(LET_GO)?.execute((environment, id, tx.now.as_micros()))?;
    let waiting = tx.prepare(WAITING)?.query_row((environment, id), |row| {
        let environment_id = EnvironmentId::from_uuid(uuid(row, "environment_id")?);
        let event = shared_event(row, environment_id)?;
        Ok(Waiting { delivery: rows::delivery(row, environment_id)?, event })
    })?;
    tx.commit.in_turn.push(waiting);
    Ok(())
}
