//! The words of jobs: starting, looking, coming forward.

use std::sync::Arc;

use postrider_core::event::{Event, TenantId};
use postrider_core::job::{Job, Replay, Resend, Work};
use postrider_core::{DeliveryId, EnvironmentId, EventId, Timestamp, WebhookId};

/// A job to be.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Where.
    pub environment_id: EnvironmentId,
    /// Whose it is; none: the vendor's.
    pub tenant_id: Option<TenantId>,
    /// By which it is known to whoever starts it twice.
    pub idempotency_key: String,
    /// Of the request.
    pub request_hash: [u8; 32],
    /// What it does.
    pub work: Work,
    /// Deliveries a second.
    pub rate: u32,
    /// What there is to look at, where that was counted.
    pub total: Option<u64>,
}

/// What became of a job that was to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartJob {
    /// It runs.
    Started(Arc<Job>),
    /// It was started before, with the same key and the same request.
    Repeated(Arc<Job>),
    /// The key had been used with another request.
    KeyReused,
    /// A webhook that it names is disabled or deleted.
    WebhookInactive,
    /// The tenant, or the vendor, has as many jobs that have not ended as it can have.
    LimitReached,
    /// All tenants together have.
    TenantsLimitReached,
}

/// What a person wants of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// That it waits.
    Pause,
    /// That it goes on.
    Resume,
    /// That it ends.
    Cancel,
    /// That it makes so many deliveries a second from now on.
    Rate(u32),
}

/// What became of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlJob {
    /// It is as wanted; also where it was before.
    Done(Arc<Job>),
    /// It has ended.
    Ended,
    /// A webhook that it names is disabled or deleted: it cannot go on.
    WebhookInactive,
    /// There is none of that id.
    NotFound,
}

/// A job that runs, and how far each of its parts has come.
#[derive(Debug, Clone)]
pub struct RunningJob {
    /// The job.
    pub job: Arc<Job>,
    /// Its parts, those that are over left out.
    pub parts: Vec<JobPart>,
}

/// What a job does for one webhook, or for whichever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobPart {
    /// Which one, from zero.
    pub number: u32,
    /// For that webhook; none: for those of the deliveries that it repeats.
    pub webhook: Option<WebhookId>,
    /// How far it has come.
    pub cursor: Cursor,
}

/// How far a part has come: a delivery or an event was the last. Sorts in the order in which it comes forward.
pub type Cursor = [u8; 16];

/// What a part has before it.
#[derive(Debug)]
pub struct Ahead<T> {
    /// In order, each with the cursor that stands at it.
    pub items: Vec<(Cursor, T)>,
    /// How far was looked.
    pub reached: Cursor,
    /// Rows that were looked at.
    pub rows: usize,
    /// Whether nothing follows.
    pub is_over: bool,
}

/// A delivery that a filter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeatable {
    /// It is to be repeated.
    Yes(DeliveryId),
    /// It waits still, was repeated already, or is of an event that its tenant may not know of any more.
    No,
}

/// An event of a replay's range.
#[derive(Debug, Clone)]
pub struct Replayable {
    /// The event; counted against no budget.
    pub event: Arc<Event>,
    /// Whether the webhook has got it, or will.
    pub is_delivered: bool,
}

/// A step forward: all of it is recorded, or nothing.
#[derive(Debug)]
pub struct JobStep {
    /// Which job.
    pub job: Arc<Job>,
    /// Which part.
    pub part: JobPart,
    /// Where the part stands then.
    pub to: Cursor,
    /// Whether it is over then.
    pub is_over: bool,
    /// What to send.
    pub send: Vec<Send>,
    /// What was looked at and needs not be sent.
    pub skipped: u64,
    /// With what it is committed.
    pub commit: StepCommit,
}

/// With what a step is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepCommit {
    /// With the events and settlements that come within some milliseconds; by itself where none do, or another change comes first. For a
    /// small step: the events wait while it is written.
    WithEvents,
    /// The same at once: with the events and settlements that wait by now. For a small step as well.
    AtOnce,
    /// At once, in a transaction of its own.
    Alone,
}

/// Something to send.
#[derive(Debug, Clone)]
pub enum Send {
    /// A delivery once more.
    Again(DeliveryId),
    /// An event, to the webhook of the part.
    Event(EventId),
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// It is recorded, and this is the job now.
    Yes(Arc<Job>),
    /// Nothing was recorded: the job was paused, cancelled or came forward otherwise.
    No,
}

/// What is asked of a resend's deliveries: those after a cursor.
#[derive(Debug, Clone)]
pub struct ResendAhead {
    /// Which deliveries.
    pub resend: Resend,
    /// The tenant that asks; none: the vendor does.
    pub whose: Option<TenantId>,
    /// After this.
    pub after: Cursor,
    /// Made before this moment.
    pub until: Timestamp,
}

/// What is asked of a replay's range: the events for one webhook after a cursor.
#[derive(Debug, Clone)]
pub struct ReplayAhead {
    /// The range.
    pub replay: Replay,
    /// The webhook.
    pub webhook: WebhookId,
    /// After this.
    pub after: Cursor,
}
