//! Acceptance of events: room in memory, matching, ids, and the hand-over to the store.
//!
//! An event holds its room from the first byte that is read of it until it is committed; from then on it counts as what its deliveries
//! hold, see [`crate::scheduler`]. So intake waits for the disk alone, and never for a receiver. What events fan out to is counted
//! event by event while they are matched, so that a call that would take too much is refused before it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use postrider_core::event::{ApplicationId, Event, EventKey, Room, SchemaNote, TenantId, UserId};
use postrider_core::limits::{BATCH_DELIVERIES, ORDER_STEPS};
use postrider_core::order::OrderBy;
use postrider_core::webhook::Webhook;
use postrider_core::{DeliveryId, EnvironmentId, EventId, Timestamp};
use postrider_store::{AcceptBatch, AcceptOutcome, Idempotency, NewDelivery, NewEvent, StoreError};
use tokio::sync::Semaphore;

use crate::dispatch::Core;
use crate::judge::{Said, Turn};
use crate::scheduler::OVERHEAD_BYTES;

/// Deliveries of an event whose cost is within [`OVERHEAD_BYTES`].
const DELIVERIES_INCLUDED: usize = 8;
/// What each further delivery costs until it is committed: the row to be, and what is told of it after the commit.
const DELIVERY_BYTES: usize = 128;
/// What an event is larger than the request that brought it, at most, or nearly so: its context and its envelope.
const ENVELOPE_BYTES: usize = 256;
/// What making a delivery costs the processor, in steps of a filter.
const STEPS_A_DELIVERY: usize = 32;

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
    /// Several events have more deliveries together than are made at once.
    #[error("the events have more than {most} deliveries together")]
    TooManyDeliveries {
        /// As many as there may be.
        most: usize,
    },
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

/// Memory of intake that a request holds while it is read, and its event until it is committed. Given back when it is dropped.
pub struct Share {
    memory: Arc<Semaphore>,
    bytes: AtomicU32,
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Share").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Share {
    /// Takes another one in.
    pub fn merge(&self, other: &Self) {
        self.bytes.fetch_add(other.bytes.swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }

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
    /// `room`: what was taken for the events while they were read.
    pub(crate) async fn accept(
        &self,
        environment: EnvironmentId,
        events: Vec<IncomingEvent>,
        idempotency: Option<Idempotency>,
        room: Option<Share>,
    ) -> Result<AcceptOutcome, AcceptError> {
        let bytes = events.iter().map(|event| event.body.len() + OVERHEAD_BYTES).sum();
        let room = self.room_of(bytes, room).await?;
        let mut turn = Turn::over(events.len());
        let mut schema_notes = Vec::with_capacity(events.len());
        for (index, event) in events.iter().enumerate() {
            match self.against_schema(environment, event, index, &mut turn).await {
                Ok(note) => schema_notes.push(note),
                Err(refused) => {
                    if let Some(earlier) = self.earlier_outcome(idempotency).await? {
                        return Ok(earlier);
                    }
                    self.meters.schema_rejected.increment(1);
                    return Err(refused);
                }
            }
        }
        let directory = self.store.directory();
        let now = self.clock.now();
        let mut fan_out = FanOut { events: events.len(), deliveries: 0, room: None };
        let mut said = Said::default();
        let mut new_events = Vec::with_capacity(events.len());
        for (event, schema) in events.into_iter().zip(schema_notes) {
            let mut webhooks = directory.matches(environment, &event.key, event.tenant_id.as_ref());
            // Ids sort in the order of the batch: by them it is listed, and sent again.
            let place = new_events.len();
            let id = EventId::at_place(now, place, &*self.entropy);
            let mut notes = self.filter(environment, (id, now), &event, &mut webhooks, &mut turn, &mut said).await;
            if schema.is_some() {
                said.against_schema += 1;
                notes.get_or_insert_default().schema = schema;
            }
            if let Err(refused) = self.take_fan_out(&mut fan_out, webhooks.len()).await {
                return self.earlier_outcome(idempotency).await?.ok_or(refused);
            }
            turn.spend(webhooks.len() * STEPS_A_DELIVERY).await;
            // The last one takes what is left over, so that all is given back at once.
            let is_last = new_events.len() + 1 == fan_out.events;
            let share = if is_last { room.rest() } else { room.part(event.body.len() + OVERHEAD_BYTES) };
            let mut new = self.new_event(environment, (id, place), event, webhooks, (share, now), &mut turn).await;
            new.notes = notes;
            new_events.push(new);
        }
        let batch = AcceptBatch { events: new_events, idempotency };
        let outcome = self.store.accept(batch).await?;
        if let AcceptOutcome::Accepted(_) = outcome {
            self.count(said);
        }
        Ok(outcome)
    }

    /// What was accepted under the key before: it counts, whatever schemas and webhooks have become since.
    async fn earlier_outcome(&self, idempotency: Option<Idempotency>) -> Result<Option<AcceptOutcome>, AcceptError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        Ok(self.store.earlier_outcome(idempotency, self.clock.now()).await?)
    }

    /// Counts the deliveries of one more event, and takes room for their rows.
    async fn take_fan_out(&self, fan_out: &mut FanOut, deliveries: usize) -> Result<(), AcceptError> {
        fan_out.deliveries += deliveries;
        if fan_out.events > 1 && fan_out.deliveries > BATCH_DELIVERIES {
            return Err(AcceptError::TooManyDeliveries { most: BATCH_DELIVERIES });
        }
        let further = deliveries.saturating_sub(DELIVERIES_INCLUDED);
        if further > 0 {
            let more = self.take_room(further * DELIVERY_BYTES).await?;
            match &fan_out.room {
                Some(room) => room.merge(&more),
                None => fan_out.room = Some(more),
            }
        }
        Ok(())
    }

    /// Waits for room for the first part of a request that is being read, and for what an event takes besides.
    pub(crate) async fn room_for(&self, bytes: usize) -> Result<Share, AcceptError> {
        self.take_room(bytes + OVERHEAD_BYTES + ENVELOPE_BYTES).await
    }

    /// The same for each part after it, which takes no more than it has: what further events take besides, [`Core::accept`] adds.
    pub(crate) async fn more_room_for(&self, bytes: usize) -> Result<Share, AcceptError> {
        self.take_room(bytes).await
    }

    /// So much room, where some of it is there already.
    async fn room_of(&self, bytes: usize, room: Option<Share>) -> Result<Share, AcceptError> {
        let Some(room) = room else { return self.take_room(bytes).await };
        let lacking = bytes.saturating_sub(room.bytes.load(Ordering::Relaxed) as usize);
        if lacking > 0 {
            room.merge(&self.take_room(lacking).await?);
        }
        Ok(room)
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
        (id, place): (EventId, usize),
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
            deliveries.push(NewDelivery { id: DeliveryId::at_place(now, place, entropy), order_key, webhook });
        }
        NewEvent { deliveries, event: Arc::new(event), notes: None }
    }
}

/// What the events of a call have fanned out to so far.
struct FanOut {
    events: usize,
    deliveries: usize,
    /// Held by the call alone: the rows to be are not kept beyond the commit.
    room: Option<Share>,
}

impl Share {
    /// Splits off what there is.
    fn rest(&self) -> Self {
        Self { memory: self.memory.clone(), bytes: AtomicU32::new(self.bytes.swap(0, Ordering::Relaxed)) }
    }

    /// Splits a part off.
    fn part(&self, bytes: usize) -> Self {
        let bytes = u32::try_from(bytes).expect("the whole fits");
        let left = self.bytes.load(Ordering::Relaxed).checked_sub(bytes).expect("the parts make up the whole");
        self.bytes.store(left, Ordering::Relaxed);
        Self { memory: self.memory.clone(), bytes: AtomicU32::new(bytes) }
    }
}
