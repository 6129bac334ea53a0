//! The hot path's words: what producers and the engine hand to the writer, and what the writer tells after each commit.

use std::sync::Arc;

use postrider_core::attempt::Attempt;
use postrider_core::delivery::{Delivery, DeliveryState, Step};
use postrider_core::event::{Event, EventNotes};
use postrider_core::job::Job;
use postrider_core::order::OrderKey;
use postrider_core::shape::ShapeRevision;
use postrider_core::webhook::{DisableReason, Webhook};
use postrider_core::{DeliveryId, EnvironmentId, EventId, WebhookId};

/// Events that are accepted together or not at all.
#[derive(Debug, Default)]
pub struct AcceptBatch {
    /// In the producer's order.
    pub events: Vec<NewEvent>,
    /// Committed with the events, where the producer gave a key.
    pub idempotency: Option<Idempotency>,
}

/// An event and whom it is for.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The event.
    pub event: Arc<Event>,
    /// One for each webhook that matches, disabled ones included.
    pub deliveries: Vec<NewDelivery>,
    /// What else is to be told of it; mostly nothing.
    pub notes: Option<EventNotes>,
}

/// A delivery to be.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The webhook as it was when it matched. Where it is disabled or deleted by the time of the commit, the delivery is discarded
    /// with that reason.
    pub webhook: Arc<Webhook>,
    /// What it is ordered by, where the webhook is.
    pub order_key: Option<OrderKey>,
}

/// An idempotency key and what it stands for.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// Keys are an environment's own.
    pub environment_id: EnvironmentId,
    /// The key, as the producer sent it.
    pub key: String,
    /// Of the request's body.
    pub body_hash: [u8; 32],
}

/// What a producer is answered: its events in order, with the number of deliveries of each.
pub type Receipt = Vec<(EventId, u32)>;

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcceptOutcome {
    /// Committed.
    Accepted(Receipt),
    /// The key had been used with the same body; this is the first call's receipt, and nothing was written.
    Repeated(Receipt),
    /// The key had been used with another body.
    KeyReused,
}

/// What an attempt, or a fault of our own, makes of a delivery.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its environment.
    pub environment_id: EnvironmentId,
    /// Its webhook.
    pub webhook_id: WebhookId,
    /// Its event.
    pub event: Arc<Event>,
    /// Its order key: the next one of that key goes when this one ends.
    pub order_key: Option<OrderKey>,
    /// The attempt, where one was made: none for a fault of our own.
    pub attempt: Option<Attempt>,
    /// What follows.
    pub step: Step,
    /// Why it failed, in words, where the reason alone does not say.
    pub problem: Option<String>,
}

/// Is told of each commit, on the writer's thread, before the callers are answered. It must be quick: everybody waits for it.
pub trait CommitObserver: Send + Sync + 'static {
    /// Takes what was committed.
    fn committed(&self, commit: Commit);

    /// The storage fails, or works again: what comes of an attempt meanwhile is kept in memory alone. Also on the writer's thread.
    fn storage_works(&self, _works: bool) {}

    /// Whether an attempt of that delivery is under way, or what came of it on its way here: then that is what it ends by, and no sweep
    /// and no skip ends it meanwhile. Also on the writer's thread. Who says so sees to a bite of the sweep when it is over.
    fn is_under_way(&self, _delivery: DeliveryId) -> bool {
        false
    }
}

/// What one commit brought. In the order of the commands within each list.
#[derive(Debug, Default)]
pub struct Commit {
    /// Events accepted.
    pub accepted: Vec<AcceptedEvent>,
    /// Deliveries settled.
    pub settled: Vec<Settled>,
    /// Webhooks made, changed or deleted, the writer's own disabling included: the last state of each. The directory has them already.
    pub webhooks: Vec<WebhookChange>,
    /// Those of them that the writer disabled, and why.
    pub switched_off: Vec<(WebhookId, DisableReason)>,
    /// Deliveries made by resending.
    pub resent: Vec<Waiting>,
    /// Deliveries of ordered webhooks whose turn has come: new ones with none before them, and those that were behind one that has ended.
    pub in_turn: Vec<Waiting>,
    /// Jobs that were started or have changed.
    pub jobs: Vec<JobChange>,
}

impl Commit {
    /// Whether it brought nothing that an engine acts on.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
            && self.settled.is_empty()
            && self.webhooks.is_empty()
            && self.resent.is_empty()
            && self.in_turn.is_empty()
            && self.jobs.is_empty()
    }
}

/// An event that is durable now.
#[derive(Debug)]
pub struct AcceptedEvent {
    /// The event.
    pub event: Arc<Event>,
    /// Its deliveries that wait, due at once: those that were discarded at birth are not among them, nor those of ordered webhooks. Each
    /// with its webhook, and the revision of the shape that it keeps.
    pub waiting: Vec<(DeliveryId, WebhookId, Option<ShapeRevision>)>,
    /// Those that were discarded at birth.
    pub discarded: Vec<(DeliveryId, WebhookId)>,
    /// All of its deliveries.
    pub deliveries: u32,
}

/// A settlement that is durable now.
#[derive(Debug, Clone, Copy)]
pub struct Settled {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its webhook.
    pub webhook_id: WebhookId,
    /// Its state as committed. Differs from the settlement's where the webhook was switched off meanwhile, or the delivery had
    /// ended before: an end is final.
    pub state: DeliveryState,
    /// Whether this is its end: not where it had ended before.
    pub ended: bool,
}

/// A change of a job.
#[derive(Debug, Clone)]
pub enum JobChange {
    /// A person started, paused, resumed or cancelled it, or the store paused it.
    Controlled(Arc<Job>),
    /// It came forward.
    Stepped(Arc<Job>),
}

impl JobChange {
    /// The job as it is now.
    pub const fn job(&self) -> &Arc<Job> {
        match self {
            Self::Controlled(job) | Self::Stepped(job) => job,
        }
    }
}

/// A change of a webhook.
#[derive(Debug, Clone)]
pub enum WebhookChange {
    /// It is made, or is so now.
    Put(Arc<Webhook>),
    /// It is deleted.
    Deleted(WebhookId),
}

/// A delivery that waits, with what is to be sent.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The delivery.
    pub delivery: Delivery,
    /// Its event; counted against no budget.
    pub event: Arc<Event>,
}

/// What became of a resend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResendOutcome {
    /// The new delivery.
    Resent(Delivery),
    /// No such delivery in that environment.
    NotFound,
    /// Its webhook is disabled.
    WebhookDisabled,
    /// Its webhook is deleted.
    WebhookDeleted,
    /// It is behind others of its order key, and was never sent.
    Behind,
}

/// What became of skipping a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipOutcome {
    /// It has ended: those behind it go on.
    Skipped,
    /// It had ended before.
    Ended,
    /// An attempt of it is under way: what is answered comes first.
    UnderWay,
    /// No such delivery in that environment.
    NotFound,
}
