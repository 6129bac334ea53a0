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
    let Some(known) = tx.known_webhook(found.webhook) else { return Ok(ResendOutcome::WebhookDeleted) };
    if let WebhookStatus::Disabled(_) = known.webhook.status {
        return Ok(ResendOutcome::WebhookDisabled);
    }
    if found.state == DeliveryState::Behind {
        return Ok(ResendOutcome::Behind);
    }
    let (place, state) = place_of(tx, environment, &found, &known, of)?;
    let again = Again { event_number: found.event_number, event: &found.event, origin: Origin::Resend, of: Some(of) };
    let delivery = make(tx, environment, &known, &again, place, state)?;
    Ok(ResendOutcome::Resent(delivery))
}

/// An event that is sent to a webhook once more.
pub(super) struct Again<'a> {
    pub event_number: i64,
    pub event: &'a Arc<Event>,
    pub origin: Origin,
    /// The delivery that is repeated.
    pub of: Option<DeliveryId>,
}

/// Makes a new delivery of an event that was accepted before, to a webhook that is active: last of its key, where that is ordered.
pub(super) fn make_again(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    known: &KnownWebhook,
    again: &Again<'_>,
) -> Result<Delivery, Failure> {
    let (place, state) = at_the_end(tx, known, again.event)?;
    make(tx, environment, known, again, place, state)
}

fn make(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    known: &KnownWebhook,
    again: &Again<'_>,
    place: Option<Place>,
    state: DeliveryState,
) -> Result<Delivery, Failure> {
    let Again { event_number, event, origin, of } = *again;
    let webhook_id = known.webhook.id;
    let delivery = Delivery {
        id: new_id(tx, known),
        event_id: event.id,
        webhook_id,
        environment_id: event.environment_id,
        tenant_id: event.tenant_id.clone(),
        origin,
        resend_of: of,
        order_key: place.map(|place| place.key),
        state,
        attempts: 0,
        shape: known.webhook.shape.as_ref().map(|pinned| pinned.revision),
        problem: None,
        created_at: tx.now,
    };
    tx.hot.insert_late_delivery(tx.connection, environment, event_number, known.key, &delivery, place)?;
    tx.made(environment, event, &delivery);
    tx.webhook(webhook_id)?.waiting += 1;
    if state.due_at().is_some() {
        tx.commit.resent.push(Waiting { delivery: delivery.clone(), event: event.clone() });
    }
    Ok(delivery)
}

/// An id after those that are being swept, should the clock have been set back, or stand still.
fn new_id(tx: &mut Tx<'_, '_>, known: &KnownWebhook) -> DeliveryId {
    // Of those that are made together each sorts after the one before.
    let (mut at, mut later) = (tx.now + tx.later(), Duration::from_millis(1));
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
    if let Some(place) = found.place
        && !found.state.is_final()
    {
        let (tenant, event_key) = (found.event.tenant_id.as_ref(), &found.event.key);
        tx.discard(environment, found.webhook, tenant, event_key, of, DiscardReason::Resent)?;
        return Ok((Some(place), DeliveryState::Pending { due_at: tx.now, fault: None }));
    }
    at_the_end(tx, known, &found.event)
}

/// Where a delivery stands that takes nobody's place: last of its key, if the webhook is ordered.
fn at_the_end(tx: &Tx<'_, '_>, known: &KnownWebhook, event: &Event) -> Result<(Option<Place>, DeliveryState), Failure> {
    match &known.webhook.sending.order_by {
        None => Ok((None, DeliveryState::Pending { due_at: tx.now, fault: None })),
        Some(by) => {
            let (place, state) = order::join(tx, known.key, by.key(event), tx.now)?;
            Ok((Some(place), state))
        }
    }
}
