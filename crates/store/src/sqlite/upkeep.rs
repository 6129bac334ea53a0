//! Upkeep, in bites: what a switched-off webhook still had waiting, an event with all that belongs to it, and the space that they
//! leave. Which events are old is decided in [`super::retention`].
//!
//! Invariants: a bite touches at most about [`UPKEEP_BITE`] rows, so intake is never held up behind it; each bite is a transaction
//! that may be the last before a crash; nothing that waits is ever deleted; tallies and indexes that cannot be written keep nothing that
//! is old; a sweep leaves what has an attempt under way to the answer, and is not over before nothing is left that was there when it began.

use postrider_core::delivery::DiscardReason;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::limits::UPKEEP_BITE;
use postrider_core::order::OrderKey;
use postrider_core::{DeliveryId, Timestamp, WebhookId};
use rusqlite::{OptionalExtension as _, params};
use uuid::Uuid;

use super::behind::{FORGET_ATTEMPT, FORGET_ATTEMPT_ID, FORGET_DELIVERY};
use super::following::Following;
use super::rows::{event_key, limit, order_key, parsed, tenant, uuid};
use super::search::postings::Of;
use super::search::thinning::Thinning;
use super::tx::{Failure, Tx};
use super::{Sqlite, order};
use crate::directory::DirectoryChange;
use crate::{StoreError, Upkeep};

pub(super) const A_SWEEP: &str = "SELECT s.webhook, s.up_to, s.reason, s.after_due_at, s.after_id, w.id, \
     w.environment FROM sweeps AS s CROSS JOIN webhooks AS w ON w.key = s.webhook WHERE s.webhook > ?1 \
     ORDER BY s.webhook LIMIT 1";
pub(super) const TO_SWEEP: &str = "SELECT d.due_at, d.id, d.order_key, e.tenant, e.event_key \
     FROM deliveries AS d INDEXED BY deliveries_waiting CROSS JOIN events AS e ON e.key = d.event \
     WHERE d.webhook = ?1 AND d.state <= 1 AND (d.due_at, d.id) > (?2, ?3) ORDER BY d.due_at, d.id LIMIT ?4";
pub(super) const DISCARD: &str = "UPDATE deliveries SET state = 4, due_at = NULL, fault = NULL, fault_since = NULL, \
     reason = ?3, ended_at = ?4 WHERE environment = ?1 AND id = ?2 AND state <= 1";
pub(super) const END_SWEEP: &str = "DELETE FROM sweeps WHERE webhook = ?1";
pub(super) const ADVANCE_SWEEP: &str = "UPDATE sweeps SET after_due_at = ?2, after_id = ?3 WHERE webhook = ?1";

pub(super) const WAITS: &str = "SELECT EXISTS (SELECT 1 FROM deliveries WHERE event = ?1 AND state <= 1)";
pub(super) const OF_EVENT: &str =
    "SELECT environment, id, webhook, last_attempt FROM deliveries WHERE event = ?1 LIMIT ?2";
pub(super) const DELETE_ATTEMPT: &str = "DELETE FROM attempts WHERE key = ?1 RETURNING previous, id";
pub(super) const SHORTEN_CHAIN: &str = "UPDATE deliveries SET last_attempt = ?3 WHERE environment = ?1 AND id = ?2";
pub(super) const DELETE_DELIVERY: &str = "DELETE FROM deliveries WHERE environment = ?1 AND id = ?2";
pub(super) const DELETE_EVENT: &str = "DELETE FROM events WHERE key = ?1";
pub(super) const DELETE_NOTES: &str = "DELETE FROM event_notes WHERE event = ?1";
// Attempts were stored and not counted while the tallies were set aside.
pub(super) const SHRINK_LOG: &str = "UPDATE webhook_tallies SET attempts = max(attempts - ?2, 0) WHERE webhook = ?1";
pub(super) const OLD_WEBHOOKS: &str = "SELECT key, deleted_at FROM webhooks INDEXED BY webhooks_deleted \
     WHERE environment = ?1 AND (deleted_at, key) > (?2, ?3) AND deleted_at < ?4 ORDER BY deleted_at, key LIMIT ?5";
pub(super) const HAS_DELIVERIES: &str = "SELECT EXISTS (SELECT 1 FROM deliveries_of_webhooks WHERE webhook = ?1)";
/// Those that the index lacks.
pub(super) const HAS_DELIVERIES_BEHIND: &str = "SELECT EXISTS \
     (SELECT 1 FROM deliveries INDEXED BY deliveries_by_event WHERE event > ?1 AND webhook = ?2)";
pub(super) const DELETE_WEBHOOK: &str = "DELETE FROM webhooks WHERE key = ?1";
pub(super) const DELETE_TALLIES: &str = "DELETE FROM webhook_tallies WHERE webhook = ?1";
pub(super) const OLDEST_EVENT: &str = "SELECT min(key) FROM events";
pub(super) const FORGET_SHAPES: &str = "DELETE FROM webhook_shapes WHERE key IN \
     (SELECT key FROM webhook_shapes WHERE environment = ?1 AND until_event <= ?2 LIMIT ?3)";
pub(super) const FORGET: &str = "DELETE FROM idempotency WHERE (environment, key) IN \
     (SELECT environment, key FROM idempotency WHERE created_at < ?1 LIMIT ?2)";

/// Free pages that are kept for what comes next, as a share of the file: one in so many. Giving them back only to take them again
/// would move pages about for nothing.
const FREE_SHARE_KEPT: i64 = 8;
/// A file with fewer free pages than this is not worth the work.
const FREE_PAGES_KEPT: i64 = 1_024;

impl Sqlite {
    pub(crate) async fn sweep_bite(&self) -> Result<Upkeep, StoreError> {
        self.change(sweep).await
    }

    pub(crate) async fn forget_idempotency_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        self.change(move |tx| {
            let forgotten = tx.prepare(FORGET)?.execute((before.as_micros(), limit(UPKEEP_BITE)))?;
            Ok(more_if(forgotten == UPKEEP_BITE))
        })
        .await
    }

    pub(crate) async fn vacuum_bite(&self) -> Result<Upkeep, StoreError> {
        self.change(|tx| {
            let pragma = |name: &str| tx.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
            let (free, pages) = (pragma("freelist_count")?, pragma("page_count")?);
            if free <= FREE_PAGES_KEPT.max(pages / FREE_SHARE_KEPT) {
                return Ok(Upkeep::Done);
            }
            let mut statement = tx.connection.prepare(&format!("PRAGMA incremental_vacuum({UPKEEP_BITE})"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(Upkeep::More)
        })
        .await
    }
}

fn more_if(more: bool) -> Upkeep {
    if more { Upkeep::More } else { Upkeep::Done }
}

struct SweepRow {
    webhook: i64,
    id: WebhookId,
    environment: i64,
    up_to: DeliveryId,
    reason: DiscardReason,
    after: (i64, Vec<u8>),
}

impl SweepRow {
    /// Whether it is to go through what waits for the first time, or once more.
    fn is_at_the_beginning(&self) -> bool {
        self.after.0 == i64::MIN && self.after.1.is_empty()
    }

    /// Whether it has gone through what waits, and nothing is left but attempts of which some are under way.
    fn waits_for_attempts(&self, tx: &Tx<'_, '_>) -> bool {
        let spared = tx.hot.spared.get(&self.webhook);
        self.is_at_the_beginning() && spared.is_some_and(|spared| spared.iter().any(|id| tx.observer.is_under_way(*id)))
    }
}

/// A delivery that waits for a webhook that is being swept.
struct Waits {
    due_at: i64,
    id: [u8; 16],
    order_key: Option<OrderKey>,
    tenant: Option<TenantId>,
    event_key: EventKey,
}

fn sweep(tx: &mut Tx<'_, '_>) -> Result<Upkeep, Failure> {
    let mut last = i64::MIN;
    while let Some(row) = next_sweep(tx, last)? {
        if !row.waits_for_attempts(tx) {
            sweep_on(tx, &row)?;
            // Another webhook's may wait besides.
            return Ok(Upkeep::More);
        }
        last = row.webhook;
    }
    Ok(Upkeep::Done)
}

fn next_sweep(tx: &Tx<'_, '_>, after: i64) -> Result<Option<SweepRow>, Failure> {
    let row = tx
        .prepare(A_SWEEP)?
        .query_row([after], |row| {
            Ok(SweepRow {
                webhook: row.get("webhook")?,
                id: WebhookId::from_uuid(uuid(row, "id")?),
                environment: row.get("environment")?,
                up_to: DeliveryId::from_uuid(uuid(row, "up_to")?),
                reason: parsed(row, "reason", DiscardReason::from_name)?,
                after: (row.get("after_due_at")?, row.get("after_id")?),
            })
        })
        .optional()?;
    Ok(row)
}

fn sweep_on(tx: &mut Tx<'_, '_>, row: &SweepRow) -> Result<(), Failure> {
    if row.is_at_the_beginning() {
        tx.hot.spared.insert(row.webhook, Vec::new());
    }
    let waiting: Vec<Waits> = tx
        .prepare(TO_SWEEP)?
        .query_map(params![row.webhook, row.after.0, row.after.1, limit(UPKEEP_BITE)], |r| {
            let (order_key, tenant) = (order_key(r)?, tenant(r, "tenant")?);
            Ok(Waits { due_at: r.get("due_at")?, id: r.get("id")?, order_key, tenant, event_key: event_key(r)? })
        })?
        .collect::<Result<_, _>>()?;
    for Waits { id, order_key, tenant, event_key, .. } in &waiting {
        let delivery = DeliveryId::from_uuid(Uuid::from_bytes(*id));
        // What has come since the webhook was switched on again stays.
        if delivery > row.up_to {
            continue;
        }
        if tx.observer.is_under_way(delivery) {
            if let Some(spared) = tx.hot.spared.get_mut(&row.webhook) {
                spared.push(delivery);
            }
            continue;
        }
        tx.discard(row.environment, row.id, tenant.as_ref(), event_key, delivery, row.reason)?;
        if let Some(key) = order_key {
            order::let_next_go(tx, row.environment, row.id, *key)?;
        }
    }
    match waiting.last() {
        Some(Waits { due_at, id, .. }) if waiting.len() == UPKEEP_BITE => {
            tx.prepare(ADVANCE_SWEEP)?.execute((row.webhook, due_at, id))?;
        }
        _ if tx.hot.spared.get(&row.webhook).is_some_and(Vec::is_empty) => {
            tx.hot.spared.remove(&row.webhook);
            tx.prepare(END_SWEEP)?.execute([row.webhook])?;
            tx.changes.push(DirectoryChange::SetSweep(row.id, None));
        }
        // An attempt may be given up with nothing to record. Before the last start something may have been left to one, too.
        _ => {
            tx.prepare(ADVANCE_SWEEP)?.execute((row.webhook, i64::MIN, [0_u8; 0]))?;
        }
    }
    Ok(())
}

/// Deletes an event with its deliveries and their attempts. False where the budget was used up before the end. `thinning` takes the
/// deliveries that have gone.
pub(super) fn delete_event(
    tx: &mut Tx<'_, '_>,
    event: i64,
    budget: &mut usize,
    mut thinning: Option<&mut Thinning>,
) -> Result<bool, Failure> {
    loop {
        let deliveries: Vec<(i64, [u8; 16], i64, Option<i64>)> = tx
            .prepare(OF_EVENT)?
            .query_map((event, limit(UPKEEP_BITE)), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect::<Result<_, _>>()?;
        if deliveries.is_empty() {
            tx.prepare(DELETE_NOTES)?.execute([event])?;
            tx.prepare(DELETE_EVENT)?.execute([event])?;
            return Ok(true);
        }
        for (environment, id, webhook, last_attempt) in deliveries {
            if *budget == 0 {
                return Ok(false);
            }
            let (deleted, left) = delete_attempts(tx, webhook, last_attempt, budget)?;
            // Tallies that are set aside stand still, in both directions.
            if deleted > 0 && !tx.hot.aside.has(Following::Tallies) {
                tx.execute_derived(Following::Tallies, SHRINK_LOG, (webhook, deleted))?;
            }
            if left.is_some() {
                tx.prepare(SHORTEN_CHAIN)?.execute((environment, id, left))?;
                return Ok(false);
            }
            tx.prepare(DELETE_DELIVERY)?.execute((environment, id))?;
            if let Some(thinning) = thinning.as_deref_mut() {
                thinning.take(Of::Deliveries, id);
            }
            if event > tx.hot.behind.event_mark {
                tx.hot.behind.deliveries = tx.hot.behind.deliveries.saturating_sub(1);
            } else {
                tx.execute_derived(Following::Indexes, FORGET_DELIVERY, (webhook, id))?;
            }
            *budget = budget.saturating_sub(1);
        }
    }
}

/// Deletes a delivery's attempts from its newest back. Returns how many, and the first that is left.
fn delete_attempts(
    tx: &mut Tx<'_, '_>,
    webhook: i64,
    last: Option<i64>,
    budget: &mut usize,
) -> Result<(i64, Option<i64>), Failure> {
    let mut deleted = 0;
    let mut next = last;
    let mut statement = tx.prepare(DELETE_ATTEMPT)?;
    while let Some(attempt) = next {
        if *budget == 0 {
            break;
        }
        let row: Option<(Option<i64>, [u8; 16])> =
            statement.query_row([attempt], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        if attempt > tx.hot.behind.attempt_mark {
            tx.hot.behind.attempts = tx.hot.behind.attempts.saturating_sub(1);
        } else {
            tx.execute_derived(Following::Indexes, FORGET_ATTEMPT, (webhook, attempt))?;
            if let Some((_, id)) = &row {
                tx.execute_derived(Following::Indexes, FORGET_ATTEMPT_ID, [id])?;
            }
        }
        next = row.and_then(|(previous, _)| previous);
        deleted += 1;
        *budget -= 1;
    }
    Ok((deleted, next))
}
