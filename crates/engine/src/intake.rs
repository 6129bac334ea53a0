//! Acceptance of events: room in memory, matching, ids, and the hand-over to the store.
//!
//! An event holds its room from before it is handed to the store until it is committed; from then on it counts as what its deliveries
//! hold, see [`crate::scheduler`]. So intake waits for the disk alone, and never for a receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use postrider_core::event::{ApplicationId, Event, EventKey, Room, SchemaNote, TenantId, UserId};
use postrider_core::limits::ORDER_STEPS;
use postrider_core::order::OrderBy;
use postrider_core::webhook::Webhook;
use postrider_core::{DeliveryId, EnvironmentId, EventId, Timestamp};
use postrider_store::{AcceptBatch, AcceptOutcome, Idempotency, NewDelivery, NewEvent, StoreError};
use tokio::sync::Semaphore;

use crate::dispatch::Core;
use crate::judge::Turn;
use crate::scheduler::OVERHEAD_BYTES;

/// Deliveries of an event whose cost is within [`OVERHEAD_BYTES`].
const DELIVERIES_INCLUDED: usize = 8;
/// What each further delivery costs until it is committed.
const DELIVERY_BYTES: usize = 64;

/// An event to be accepted.
#[derive(Debug, Clone)]
pub struct IncomingEvent {
    /// What happened.
    pub key: EventKey,
    /// The tenant it concerns.
    pub tenant_id: Option<TenantId>,
    /// The user it concerns.
    pub user_id: Option<UserId>,
    /// The application it concerns.
    pub application_id: Option<ApplicationId>,
    /// When it happened, as the producer says.
    pub occurred_at: Option<Timestamp>,
    /// The body, as [`postrider_core::body::compose`] made it.
    pub body: Bytes,
}

/// Why events were not accepted. None of them was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AcceptError {
    /// The memory for events is taken, and stayed so for a while. The same call may succeed later.
    #[error("more events arrive than can be written at the moment")]
    Overloaded,
    /// The disk is full or fails. The same call may succeed later.
    #[error("events cannot be written at the moment")]
    Unavailable,
    /// With their deliveries they take more memory than there ever is.
    #[error("the events and their deliveries are too large to be accepted together")]
    TooLarge,
    /// The schema of an event's type does not allow it, and is to refuse such events.
    #[error("an event of type {key} is not what its schema allows")]
    AgainstSchema {
        /// Which of the events.
        index: usize,
        /// Its key.
        key: EventKey,
        /// What is wrong with it.
        note: SchemaNote,
    },
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store refused, for a reason that does not pass.
    #[error("the store refused the events")]
    Refused(#[source] StoreError),
}

impl From<StoreError> for AcceptError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => Self::Unavailable,
            StoreError::Closed => Self::Stopping,
            error => Self::Refused(error),
        }
    }
}

/// Memory of intake that an event holds until it is committed, or dropped.
pub(crate) struct Share {
    memory: Arc<Semaphore>,
    bytes: AtomicU32,
}

impl Share {
    /// Gives the memory back; done twice, it is given back once.
    pub(crate) fn give_back(&self) {
        let bytes = self.bytes.swap(0, Ordering::Relaxed);
        if bytes > 0 {
            self.memory.add_permits(bytes as usize);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

impl Core {
    pub(crate) async fn accept(
        &self,
        environment: EnvironmentId,
        events: Vec<IncomingEvent>,
        idempotency: Option<Idempotency>,
    ) -> Result<AcceptOutcome, AcceptError> {
        let bytes = events.iter().map(|event| event.body.len() + OVERHEAD_BYTES).sum();
        let room = self.take_room(bytes).await?;
        let mut turn = Turn::default();
        let mut schema_notes = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            match self.against_schema(environment, event, index, &mut turn).await {
                Ok(note) => schema_notes.push(note),
                Err(refused) => {
                    // What was accepted under the key before counts, whatever the schema has become since.
                    if let Some(idempotency) = idempotency
                        && let Some(earlier) = self.store.earlier_outcome(idempotency, self.clock.now()).await?
                    {
                        return Ok(earlier);
                    }
                    self.meters.schema_rejected.increment(1);
                    return Err(refused);
                }
            }
        }
        let directory = self.store.directory();
        let matched: Vec<Vec<Arc<Webhook>>> =
            events.iter().map(|event| directory.matches(environment, &event.key, event.tenant_id.as_ref())).collect();
        // Held by this call alone: the rows to be are not kept beyond the commit.
        let further: usize = matched.iter().map(|webhooks| webhooks.len().saturating_sub(DELIVERIES_INCLUDED)).sum();
        let _room_for_rows = match further {
            0 => None,
            _ => Some(self.take_room(further * DELIVERY_BYTES).await?),
        };
        let now = self.clock.now();
        let mut new_events = Vec::with_capacity(events.len());
        for ((event, mut webhooks), schema) in events.into_iter().zip(matched).zip(schema_notes) {
            let share = room.part(event.body.len() + OVERHEAD_BYTES);
            let id = EventId::new(now, &*self.entropy);
            let mut notes = self.filter(environment, id, &event, now, &mut webhooks, &mut turn).await;
            if schema.is_some() {
                notes.get_or_insert_default().schema = schema;
            }
            let mut new = self.new_event(environment, id, event, webhooks, (share, now), &mut turn).await;
            new.notes = notes;
            new_events.push(new);
        }
        let batch = AcceptBatch { events: new_events, idempotency };
        Ok(self.store.accept(batch).await?)
    }

    /// Waits for room in the memory for intake.
    async fn take_room(&self, bytes: usize) -> Result<Share, AcceptError> {
        if self.is_stopping() {
            return Err(AcceptError::Stopping);
        }
        if bytes > self.intake_bytes {
            return Err(AcceptError::TooLarge);
        }
        let bytes = u32::try_from(bytes).map_err(|_| AcceptError::TooLarge)?;
        let permit = match self.intake.try_acquire_many(bytes) {
            Ok(permit) => permit,
            Err(_) => tokio::time::timeout(self.options.intake_patience, self.intake.acquire_many(bytes))
                .await
                .map_err(|_| AcceptError::Overloaded)?
                .map_err(|_| AcceptError::Stopping)?,
        };
        permit.forget();
        Ok(Share { memory: self.intake.clone(), bytes: AtomicU32::new(bytes) })
    }

    async fn new_event(
        &self,
        environment_id: EnvironmentId,
        id: EventId,
        event: IncomingEvent,
        webhooks: Vec<Arc<Webhook>>,
        (share, now): (Share, Timestamp),
        turn: &mut Turn,
    ) -> NewEvent {
        let entropy = &*self.entropy;
        let IncomingEvent { key, tenant_id, user_id, application_id, occurred_at, body } = event;
        let event = Event {
            id,
            environment_id,
            key,
            tenant_id,
            user_id,
            application_id,
            occurred_at,
            accepted_at: now,
            body,
            room: Room::of(share),
        };
        let mut deliveries = Vec::with_capacity(webhooks.len());
        for webhook in webhooks {
            let order_by = webhook.sending.order_by.as_ref();
            if let Some(OrderBy::Expression(_)) = order_by {
                turn.spend(ORDER_STEPS as usize).await;
            }
            let order_key = order_by.map(|by| by.key(&event));
            deliveries.push(NewDelivery { id: DeliveryId::new(now, entropy), order_key, webhook });
        }
        NewEvent { deliveries, event: Arc::new(event), notes: None }
    }
}

impl Share {
    /// Splits a part off.
    fn part(&self, bytes: usize) -> Self {
        let bytes = u32::try_from(bytes).expect("the whole fits");
        let left = self.bytes.load(Ordering::Relaxed).checked_sub(bytes).expect("the parts make up the whole");
        self.bytes.store(left, Ordering::Relaxed);
        Self { memory: self.memory.clone(), bytes: AtomicU32::new(bytes) }
    }
}
