//! Resending: a new delivery of an old one's event to the same webhook.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::{Delivery, DeliveryState, DiscardReason, Origin};
use postrider_core::event::Event;
use postrider_core::webhook::WebhookStatus;
use postrider_core::{DeliveryId, EnvironmentId, WebhookId};
use rusqlite::OptionalExtension as _;

use super::Sqlite;
use super::order::{self, Place};
use super::rows::{self, shared_event, uuid};
use super::tx::{Failure, Tx};
use crate::directory::KnownWebhook;
use crate::{ResendOutcome, StoreError, Waiting};

pub(super) const FIND: &str = "SELECT d.event, d.state, d.due_at, d.fault, d.fault_since, d.ended_at, d.reason, \
     d.order_key, d.order_place, w.id AS webhook_id, e.id AS event_id, e.event_key, e.tenant, \
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
            let place = match rows::order_key(row)? {
                Some(key) => Some(Place { key, number: row.get("order_place")? }),
                None => None,
            };
            Ok(Found {
                event_number: row.get("event")?,
                webhook: WebhookId::from_uuid(uuid(row, "webhook_id")?),
                event: shared_event(row, environment_id)?,
                state: rows::state(row)?,
                place,
            })
        })
        .optional()?;
    let Some(found) = found else { return Ok(ResendOutcome::NotFound) };
    let Some(known) = tx.directory.known_webhook(found.webhook) else { return Ok(ResendOutcome::WebhookDeleted) };
    if let WebhookStatus::Disabled(_) = known.webhook.status {
        return Ok(ResendOutcome::WebhookDisabled);
    }
    if found.state == DeliveryState::Behind {
        return Ok(ResendOutcome::Behind);
    }
    let (place, state) = place_of(tx, environment, &found, &known, of)?;
    let delivery = Delivery {
        id: new_id(tx, &known),
        event_id: found.event.id,
        webhook_id: found.webhook,
        environment_id,
        tenant_id: found.event.tenant_id.clone(),
        origin: Origin::Resend,
        resend_of: Some(of),
        order_key: place.map(|place| place.key),
        state,
        attempts: 0,
        created_at: tx.now,
    };
    tx.hot.insert_late_delivery(tx.connection, environment, found.event_number, known.key, &delivery, place)?;
    tx.made(environment, &found.event, &delivery);
    tx.webhook(found.webhook)?.waiting += 1;
    if state.due_at().is_some() {
        tx.commit.resent.push(Waiting { delivery: delivery.clone(), event: found.event });
    }
    Ok(ResendOutcome::Resent(delivery))
}

/// An id after those that are being swept, should the clock have been set back, or stand still.
fn new_id(tx: &Tx<'_, '_>, known: &KnownWebhook) -> DeliveryId {
    let (mut at, mut later) = (tx.now, Duration::from_millis(1));
    loop {
        let id = DeliveryId::new(at, tx.entropy);
        if known.sweep.is_none_or(|sweep| id > sweep.up_to) {
            return id;
        }
        at = at + later;
        later *= 2;
    }
}

/// The delivery that is to be repeated.
struct Found {
    event_number: i64,
    webhook: WebhookId,
    event: Arc<Event>,
    state: DeliveryState,
    place: Option<Place>,
}

/// Where the new delivery stands: in the place of one that waits in order for its retry, and ends; else last of its key, if any.
fn place_of(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    found: &Found,
    known: &KnownWebhook,
    of: DeliveryId,
) -> Result<(Option<Place>, DeliveryState), Failure> {
    let at_once = DeliveryState::Pending { due_at: tx.now, fault: None };
    if let Some(place) = found.place
        && !found.state.is_final()
    {
        let (tenant, event_key) = (found.event.tenant_id.as_ref(), &found.event.key);
        tx.discard(environment, found.webhook, tenant, event_key, of, DiscardReason::Resent)?;
        return Ok((Some(place), at_once));
    }
    match &known.webhook.sending.order_by {
        None => Ok((None, at_once)),
        Some(by) => {
            let (place, state) = order::join(tx, known.key, by.key(&found.event), tx.now)?;
            Ok((Some(place), state))
        }
    }
}
