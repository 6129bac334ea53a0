//! Resending: a new delivery of an old one's event to the same webhook.

use postrider_core::delivery::{Delivery, DeliveryState, Origin};
use postrider_core::webhook::WebhookStatus;
use postrider_core::{DeliveryId, EnvironmentId, EventId, WebhookId};
use rusqlite::OptionalExtension as _;

use super::Sqlite;
use super::rows::{shared_event, uuid};
use super::tx::{Failure, Tx};
use crate::{ResendOutcome, StoreError, Waiting};

pub(super) const FIND: &str = "SELECT d.event, w.id AS webhook_id, e.id AS event_id, e.event_key, e.tenant, \
     e.user_id, e.application_id, e.occurred_at, e.accepted_at, e.body \
     FROM deliveries AS d JOIN events AS e ON e.key = d.event JOIN webhooks AS w ON w.key = d.webhook \
     WHERE d.environment = ?1 AND d.id = ?2";

impl Sqlite {
    pub(crate) async fn resend(
        &self,
        environment: EnvironmentId,
        delivery: DeliveryId,
    ) -> Result<ResendOutcome, StoreError> {
        self.change(move |tx| resend(tx, environment, delivery)).await
    }
}

fn resend(tx: &mut Tx<'_, '_>, environment_id: EnvironmentId, of: DeliveryId) -> Result<ResendOutcome, Failure> {
    let Some(environment) = tx.directory.environment_key(environment_id) else {
        return Ok(ResendOutcome::NotFound);
    };
    let mut statement = tx.prepare(FIND)?;
    let found = statement
        .query_row((environment, of.as_bytes()), |row| {
            let webhook = WebhookId::from_uuid(uuid(row, "webhook_id")?);
            Ok((row.get::<_, i64>("event")?, webhook, shared_event(row, environment_id)?))
        })
        .optional()?;
    let Some((event_number, webhook_id, event)) = found else { return Ok(ResendOutcome::NotFound) };
    let Some(known) = tx.directory.known_webhook(webhook_id) else { return Ok(ResendOutcome::WebhookDeleted) };
    if let WebhookStatus::Disabled(_) = known.webhook.status {
        return Ok(ResendOutcome::WebhookDisabled);
    }
    let event_id: EventId = event.id;
    let delivery = Delivery {
        id: DeliveryId::new(tx.now, tx.entropy),
        event_id,
        webhook_id,
        environment_id,
        tenant_id: event.tenant_id.clone(),
        origin: Origin::Resend,
        resend_of: Some(of),
        state: DeliveryState::Pending { due_at: tx.now, fault: None },
        attempts: 0,
        created_at: tx.now,
    };
    tx.hot.insert_late_delivery(tx.connection, environment, event_number, known.key, &delivery)?;
    tx.made(environment, &event, &delivery);
    tx.webhook(webhook_id)?.waiting += 1;
    tx.commit.resent.push(Waiting { delivery: delivery.clone(), event });
    Ok(ResendOutcome::Resent(delivery))
}
