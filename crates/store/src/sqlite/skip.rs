//! Skipping: a person ends a delivery that waits, so that those behind it go on. One that has an attempt under way is left to its answer.

use postrider_core::delivery::DiscardReason;
use postrider_core::{DeliveryId, EnvironmentId, WebhookId};
use rusqlite::OptionalExtension as _;

use super::rows::{self, event_key, tenant, uuid};
use super::tx::{Failure, Tx};
use super::{Sqlite, order};
use crate::{SkipOutcome, StoreError};

pub(super) const FIND: &str = "SELECT d.state, d.due_at, d.fault, d.fault_since, d.ended_at, d.reason, d.order_key, \
     w.id AS webhook_id, e.tenant, e.event_key FROM deliveries AS d JOIN webhooks AS w ON w.key = d.webhook \
     JOIN events AS e ON e.key = d.event WHERE d.environment = ?1 AND d.id = ?2";

impl Sqlite {
    pub(crate) async fn skip(
        &self,
        environment: EnvironmentId,
        delivery: DeliveryId,
    ) -> Result<SkipOutcome, StoreError> {
        self.change(move |tx| skip(tx, environment, delivery)).await
    }
}

fn skip(tx: &mut Tx<'_, '_>, environment_id: EnvironmentId, id: DeliveryId) -> Result<SkipOutcome, Failure> {
    let Some(environment) = tx.directory.environment_key(environment_id) else { return Ok(SkipOutcome::NotFound) };
    let found = tx
        .prepare(FIND)?
        .query_row((environment, id.as_bytes()), |row| {
            let webhook = WebhookId::from_uuid(uuid(row, "webhook_id")?);
            Ok((rows::state(row)?, rows::order_key(row)?, webhook, tenant(row, "tenant")?, event_key(row)?))
        })
        .optional()?;
    let Some((state, key, webhook_id, tenant, event_key)) = found else { return Ok(SkipOutcome::NotFound) };
    if state.is_final() {
        return Ok(SkipOutcome::Ended);
    }
    if tx.observer.is_under_way(id) {
        return Ok(SkipOutcome::UnderWay);
    }
    tx.discard(environment, webhook_id, tenant.as_ref(), &event_key, id, DiscardReason::Skipped)?;
    if let Some(key) = key {
        order::let_next_go(tx, environment, webhook_id, key)?;
    }
    Ok(SkipOutcome::Skipped)
}
