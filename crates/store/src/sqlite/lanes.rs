//! The engine's reads: which lanes have work, and what is due in one.
//!
//! What is on its way out by a sweep is not work, though its rows still wait.

use postrider_core::limits::{LANE_PAGE_BYTES, PROBES, WAIT_MOST};
use postrider_core::{DeliveryId, EnvironmentId, Timestamp, WebhookId};
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::Sqlite;
use super::order::AT_THE_END;
use super::rows::{self, Result, shared_event};
use crate::{LanePage, LanePosition, StoreError, Waiting};

/// Steps from one lane to the next, and looks at none of the rows between.
pub(super) const NEXT_LANE: &str = "SELECT d.webhook, d.due_at, w.id, s.up_to, w.disabled IS NOT NULL OR \
     w.deleted_at IS NOT NULL AS is_off FROM deliveries AS d INDEXED BY deliveries_waiting \
     CROSS JOIN webhooks AS w ON w.key = d.webhook LEFT JOIN sweeps AS s ON s.webhook = d.webhook \
     WHERE d.state <= 1 AND d.webhook > ?1 ORDER BY d.webhook, d.due_at LIMIT 1";
pub(super) const EARLIEST: &str = "SELECT due_at FROM deliveries INDEXED BY deliveries_waiting \
     WHERE webhook = ?1 AND state <= 1 AND due_at > ?2 AND due_at < ?4 AND id > ?3 ORDER BY due_at, id LIMIT 1";
pub(super) const LANE: &str = "SELECT w.key, n.id, s.up_to FROM webhooks AS w \
     JOIN environments AS n ON n.key = w.environment LEFT JOIN sweeps AS s ON s.webhook = w.key \
     WHERE w.id = ?1 AND w.disabled IS NULL AND w.deleted_at IS NULL";
pub(super) const DUE: &str = "SELECT d.id AS delivery_id, d.state, d.due_at, d.fault, d.fault_since, d.ended_at, \
     d.reason, d.attempts, d.origin, d.resend_of, d.order_key, d.created_at, d.shape, NULL AS problem, ?6 AS webhook_id, e.id AS event_id, e.event_key, e.tenant, \
     e.user_id, e.application_id, e.occurred_at, e.accepted_at, e.body \
     FROM deliveries AS d INDEXED BY deliveries_waiting CROSS JOIN events AS e ON e.key = d.event \
     WHERE d.webhook = ?1 AND d.state <= 1 AND (d.due_at, d.id) > (?2, ?3) AND d.due_at <= ?4 AND d.id > ?5 \
     ORDER BY d.due_at, d.id";
/// At either end, whatever state they are in: more are not looked at.
pub(super) const FIRST_DUE: &str = "SELECT due_at, id, state FROM deliveries INDEXED BY deliveries_waiting \
     WHERE webhook = ?1 AND state <= 1 AND due_at <= ?2 AND id > ?3 ORDER BY due_at, id LIMIT ?4";
pub(super) const LAST_DUE: &str = "SELECT due_at, id, state FROM deliveries INDEXED BY deliveries_waiting \
     WHERE webhook = ?1 AND state <= 1 AND due_at <= ?2 AND id > ?3 ORDER BY due_at DESC, id DESC LIMIT ?4";
pub(super) const BEFORE: &str = "SELECT due_at, id FROM deliveries INDEXED BY deliveries_waiting \
     WHERE webhook = ?1 AND state <= 1 AND (due_at, id) < (?2, ?3) ORDER BY due_at DESC, id DESC LIMIT 1";
pub(super) const WAITING_FOR: &str = "SELECT waiting FROM webhook_tallies WHERE webhook = ?1";
pub(super) const DUE_FOR: &str = "SELECT count(*) FROM (SELECT 1 FROM deliveries INDEXED BY deliveries_waiting \
     WHERE webhook = ?1 AND state <= 1 AND due_at <= ?2 LIMIT ?3)";

impl Sqlite {
    pub(crate) async fn lanes_with_work(&self) -> std::result::Result<Vec<(WebhookId, Timestamp)>, StoreError> {
        self.lanes.read(lanes_with_work).await
    }

    pub(crate) async fn page_lane(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<LanePosition>,
        limit: usize,
    ) -> std::result::Result<LanePage, StoreError> {
        self.lanes.read(move |connection| page_lane(connection, webhook, now, after, limit)).await
    }

    pub(crate) async fn before_any_due(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        chance: f64,
    ) -> std::result::Result<Option<LanePosition>, StoreError> {
        self.lanes.read(move |connection| before_any_due(connection, webhook, now, chance)).await
    }

    pub(crate) async fn due_for(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        most: usize,
    ) -> std::result::Result<usize, StoreError> {
        let Some(key) = self.directory.known_webhook(webhook).map(|known| known.key) else { return Ok(0) };
        self.lanes
            .read(move |connection| {
                let mut statement = connection.prepare_cached(DUE_FOR)?;
                let due: i64 = statement.query_row((key, now.as_micros(), rows::limit(most)), |row| row.get(0))?;
                Ok(usize::try_from(due).unwrap_or(most))
            })
            .await
    }

    pub(crate) async fn waiting_for(&self, webhook: WebhookId) -> std::result::Result<usize, StoreError> {
        let Some(key) = self.directory.known_webhook(webhook).map(|known| known.key) else { return Ok(0) };
        self.lanes
            .read(move |connection| {
                let mut statement = connection.prepare_cached(WAITING_FOR)?;
                let waiting: Option<i64> = statement.query_row([key], |row| row.get(0)).optional()?;
                Ok(waiting.and_then(|waiting| usize::try_from(waiting).ok()).unwrap_or(0))
            })
            .await
    }
}

fn lanes_with_work(connection: &Connection) -> Result<Vec<(WebhookId, Timestamp)>> {
    let mut lanes = Vec::new();
    let mut statement = connection.prepare_cached(NEXT_LANE)?;
    let mut last = i64::MIN;
    loop {
        let lane = statement
            .query_row([last], |row| {
                let swept: Option<[u8; 16]> = row.get(3)?;
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, swept, row.get(4)?))
            })
            .optional()?;
        let Some((webhook, due_at, id, swept, is_off)): Option<(i64, i64, [u8; 16], _, bool)> = lane else {
            return Ok(lanes);
        };
        last = webhook;
        let due_at = match swept {
            _ if is_off => None,
            // Those that are behind others follow these.
            None => Some(due_at).filter(|due_at| *due_at < AT_THE_END),
            Some(up_to) => earliest(connection, webhook, (i64::MIN, AT_THE_END), &up_to)?,
        };
        if let Some(due_at) = due_at {
            lanes.push((WebhookId::from_uuid(Uuid::from_bytes(id)), Timestamp::from_micros(due_at)));
        }
    }
}

/// When the earliest is due that is due after a moment and before another, of those after a delivery.
fn earliest(
    connection: &Connection,
    webhook: i64,
    (after, before): (i64, i64),
    swept: &[u8; 16],
) -> Result<Option<i64>> {
    connection.prepare_cached(EARLIEST)?.query_row((webhook, after, swept, before), |row| row.get(0)).optional()
}

fn before_any_due(
    connection: &Connection,
    webhook: WebhookId,
    now: Timestamp,
    chance: f64,
) -> Result<Option<LanePosition>> {
    let lane = connection
        .prepare_cached(LANE)?
        .query_row([webhook.as_bytes()], |row| Ok((row.get(0)?, row.get::<_, Option<[u8; 16]>>(2)?)))
        .optional()?;
    let Some((key, swept)): Option<(i64, _)> = lane else { return Ok(None) };
    let due = |end: &str| -> Result<Vec<(LanePosition, bool)>> {
        let mut statement = connection.prepare_cached(end)?;
        let of_end = (key, now.as_micros(), swept.unwrap_or_default(), rows::limit(PROBES));
        let rows = statement.query_map(of_end, |row| Ok((position(row)?, row.get::<_, i64>(2)? == 0)))?;
        rows.collect()
    };
    let mut found = due(FIRST_DUE)?;
    let first_end = found.last().map(|(position, _)| *position);
    let behind = due(LAST_DUE)?.into_iter().rev();
    found.extend(behind.filter(|(position, _)| first_end.is_none_or(|end| *position > end)));
    // Those that were never sent say more, where there are any, than those that the endpoint has failed at.
    if found.iter().any(|(_, is_new)| *is_new) {
        found.retain(|(_, is_new)| *is_new);
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "it is at most so many"
    )]
    let picked = ((found.len() as f64 * chance) as usize).min(found.len().saturating_sub(1));
    let Some((picked, _)) = found.get(picked) else { return Ok(None) };
    let before = (key, picked.due_at.as_micros(), picked.delivery.as_bytes());
    connection.prepare_cached(BEFORE)?.query_row(before, position).optional()
}

fn position(row: &rusqlite::Row<'_>) -> Result<LanePosition> {
    let delivery = DeliveryId::from_uuid(Uuid::from_bytes(row.get(1)?));
    Ok(LanePosition { due_at: Timestamp::from_micros(row.get(0)?), delivery })
}

fn page_lane(
    connection: &Connection,
    webhook: WebhookId,
    now: Timestamp,
    after: Option<LanePosition>,
    limit: usize,
) -> Result<LanePage> {
    let mut page = LanePage { waiting: Vec::new(), next_due: None, more: false };
    let lane = connection
        .prepare_cached(LANE)?
        .query_row([webhook.as_bytes()], |row| {
            let environment = EnvironmentId::from_uuid(Uuid::from_bytes(row.get(1)?));
            Ok((row.get(0)?, environment, row.get::<_, Option<[u8; 16]>>(2)?))
        })
        .optional()?;
    let Some((key, environment, swept)) = lane else { return Ok(page) };
    let swept = swept.unwrap_or_default();
    let (after_due, after_id) = match after {
        Some(LanePosition { due_at, delivery }) => (due_at.as_micros(), *delivery.as_bytes()),
        None => (i64::MIN, [0; 16]),
    };
    // What is due later than anything is meant to wait was put there by a clock that has been set back since: it is due.
    let too_late = (now + WAIT_MOST).as_micros();
    let from_too_late = (after_due, after_id).max((too_late, [0xff; 16]));
    let ranges = [((after_due, after_id), now.as_micros()), (from_too_late, AT_THE_END - 1)];
    let mut statement = connection.prepare_cached(DUE)?;
    let mut bytes = 0;
    for ((after_due, after_id), up_to) in ranges {
        let mut found_rows = statement.query((key, after_due, after_id, up_to, swept, webhook.as_bytes()))?;
        while let Some(row) = found_rows.next()? {
            if page.waiting.len() >= limit || bytes >= LANE_PAGE_BYTES {
                page.more = true;
                break;
            }
            let event = shared_event(row, environment)?;
            bytes += event.body.len();
            page.waiting.push(Waiting { delivery: rows::delivery(row, environment)?, event });
        }
        if page.more {
            break;
        }
    }
    let next_due = earliest(connection, key, (now.as_micros(), too_late.saturating_add(1)), &swept)?;
    page.next_due = next_due.map(Timestamp::from_micros);
    Ok(page)
}

impl LanePosition {
    /// The place of a delivery that waits; none for one that has ended.
    pub fn of(delivery: &postrider_core::delivery::Delivery) -> Option<Self> {
        let due_at = delivery.state.due_at()?;
        let delivery: DeliveryId = delivery.id;
        Some(Self { due_at, delivery })
    }
}
