//! The words of reads: filters, pages, rows.
//!
//! Pages are newest first and go by cursor: [`Page::next`] is the `before` of the next one. A page looks at a bounded number of rows
//! ([`postrider_core::limits::PAGE_ROWS_SEEN`]) and of bytes ([`postrider_core::limits::SEARCH_BYTES`]), so with filters that match few rows it may be short, or empty, and still have a `next`.

use bytes::Bytes;
use postrider_core::attempt::{Attempt, FailureKind};
use postrider_core::delivery::{Delivery, Origin, StateKind};
use postrider_core::event::{ApplicationId, EventKey, TenantId, UserId};
use postrider_core::shape::ShapeRevision;
use postrider_core::statistics::{Counts, Dimension, Resolution};
use postrider_core::{AttemptId, DeliveryId, EventId, JobId, Timestamp, WebhookId};

use crate::Waiting;

/// Which page of a list.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest<Id> {
    /// Rows at most; [`postrider_core::limits::PAGE_ROWS_MOST`] bounds it.
    pub limit: usize,
    /// The `next` of the page before; none: the first page.
    pub before: Option<Id>,
}

/// A page of a list, newest first.
#[derive(Debug, Clone)]
pub struct Page<Row, Id> {
    /// The rows.
    pub rows: Vec<Row>,
    /// Where the next page begins; none: this is the last.
    pub next: Option<Id>,
}

/// Which events. What is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of that key.
    pub event_key: Option<EventKey>,
    /// Of that tenant.
    pub tenant: Option<TenantId>,
    /// Accepted at this moment or later.
    pub from: Option<Timestamp>,
    /// Accepted before this moment.
    pub to: Option<Timestamp>,
    /// Whether any webhook matched.
    pub matched: Option<bool>,
    /// With an id from the first to the last.
    pub ids: Option<(EventId, EventId)>,
    /// With that text in the body, ASCII letters in either case.
    pub text: Option<String>,
    /// With a delivery to such a webhook, in such a state, and so on: no more of the filter counts than its webhook, states and answer.
    pub delivery: Option<DeliveryFilter>,
}

/// An event in a list: all but its body.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Its id.
    pub id: EventId,
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
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The length of its body.
    pub body_bytes: usize,
    /// Webhooks that matched when it was accepted; resends do not count.
    pub deliveries: u32,
}

/// Which deliveries. What is absent does not matter.
#[derive(Debug, Clone, Default)]
pub struct DeliveryFilter {
    /// Of that event.
    pub event: Option<EventId>,
    /// To that webhook.
    pub webhook: Option<WebhookId>,
    /// Of events of that tenant.
    pub tenant: Option<TenantId>,
    /// In one of these states; none: in any.
    pub states: Vec<StateKind>,
    /// Whose last attempt came to that.
    pub answer: Option<LastAnswer>,
    /// Of events of that key.
    pub event_key: Option<EventKey>,
    /// Made at this moment or later.
    pub from: Option<Timestamp>,
    /// Made before this moment.
    pub to: Option<Timestamp>,
    /// With an id from the first to the last.
    pub ids: Option<(DeliveryId, DeliveryId)>,
    /// With that text in the body, ASCII letters in either case.
    pub text: Option<String>,
    /// Made by that job.
    pub job: Option<JobId>,
    /// Whose lists are walked.
    pub walk: Walk,
}

/// Whose lists a search walks through. What it finds is the same; how far it comes, and where its next page begins, is not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Walk {
    /// Those of the whole environment too, where they are narrower.
    #[default]
    Environment,
    /// Those of the webhook that the filter names, and of the job: nothing can be told from it of what others have.
    Webhook,
}

/// What the last attempt of a delivery came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastAnswer {
    /// That status code.
    Status(u16),
    /// A status code of that hundred: 5 is 500 to 599.
    Class(u16),
    /// No answer.
    None,
}

impl LastAnswer {
    /// The last answer that a text names: a status code, a class as `5xx`, or `none`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "2xx" => Some(Self::Class(2)),
            "3xx" => Some(Self::Class(3)),
            "4xx" => Some(Self::Class(4)),
            "5xx" => Some(Self::Class(5)),
            _ => text.parse().ok().filter(|code| (100..=999).contains(code)).map(Self::Status),
        }
    }

    /// Whether an attempt with that status code, none where there was no answer, came to this.
    pub fn is(self, status: Option<u16>) -> bool {
        match self {
            Self::Status(wanted) => status == Some(wanted),
            Self::Class(class) => status.is_some_and(|status| status / 100 == class),
            Self::None => status.is_none(),
        }
    }

    /// Whether a delivery with it can be delivered.
    pub(crate) fn is_of_success(self) -> bool {
        matches!(self, Self::Status(200..=299) | Self::Class(2))
    }
}

/// A delivery in a list.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// The delivery.
    pub delivery: Delivery,
    /// Its event's key.
    pub event_key: EventKey,
    /// The newest attempt, where one was made.
    pub last_attempt: Option<LastAttempt>,
}

/// The newest attempt of a delivery, in short.
#[derive(Debug, Clone, Copy)]
pub struct LastAttempt {
    /// Its id.
    pub id: AttemptId,
    /// When it began.
    pub started_at: Timestamp,
    /// The endpoint's status code, where it answered.
    pub status: Option<u16>,
    /// Why it did not, where it did not.
    pub failure: Option<FailureKind>,
}

/// An attempt with what was sent: a row of a webhook's log.
#[derive(Debug, Clone)]
pub struct LogRow {
    /// The attempt.
    pub attempt: Attempt,
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
    /// Its key.
    pub event_key: EventKey,
    /// Its tenant.
    pub tenant_id: Option<TenantId>,
    /// The event's body; what was sent, unless there is a shape.
    pub body: Bytes,
    /// The revision of the webhook's shape that was sent by.
    pub shape: Option<ShapeRevision>,
    /// What brought the delivery about.
    pub origin: Origin,
}

/// A part of a webhook's log, the attempt that was recorded last first.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// Rows of the whole log.
    pub count: u64,
    /// The rows asked for.
    pub rows: Vec<LogRow>,
}

/// A place in a lane: after the delivery that is due then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LanePosition {
    /// When it is due.
    pub due_at: Timestamp,
    /// Its id.
    pub delivery: DeliveryId,
}

/// Deliveries of a webhook that are due, earliest first.
#[derive(Debug)]
pub struct LanePage {
    /// Those after the asked position that are due: as many as asked, or fewer where their bodies fill
    /// [`postrider_core::limits::LANE_PAGE_BYTES`].
    pub waiting: Vec<Waiting>,
    /// When the earliest that is not due yet will be.
    pub next_due: Option<Timestamp>,
    /// Whether further ones are due already.
    pub more: bool,
}

/// Which statistics.
#[derive(Debug, Clone)]
pub struct StatisticsQuery {
    /// Of what.
    pub of: StatisticsOf,
    /// By which spans.
    pub resolution: Resolution,
    /// From the span on that this moment lies in.
    pub from: Timestamp,
    /// Spans that begin before this moment.
    pub to: Timestamp,
}

/// What statistics are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsOf {
    /// The whole environment.
    Environment,
    /// A webhook; events are not counted.
    Webhook(WebhookId),
    /// Events of a tenant, and their deliveries.
    Tenant(TenantId),
    /// Events of a key, and their deliveries.
    EventType(EventKey),
}

impl StatisticsOf {
    /// What kind of thing that is, which decides how long its statistics are kept.
    pub const fn dimension(&self) -> Dimension {
        match self {
            Self::Environment => Dimension::Environment,
            Self::Webhook(_) => Dimension::Webhook,
            Self::Tenant(_) => Dimension::Tenant,
            Self::EventType(_) => Dimension::EventType,
        }
    }
}

/// A stretch of time that statistics lack: what happened in it is not counted, or only a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsGap {
    /// When the first thing happened that is not counted.
    pub from: Timestamp,
    /// From when on things are counted again; none: they are not yet.
    pub to: Option<Timestamp>,
}

/// What happened in a span.
#[derive(Debug, Clone)]
pub struct StatisticsPoint {
    /// When the span begins.
    pub at: Timestamp,
    /// What was counted. Things count when they are recorded: a delivery is made in one span and ends in another.
    pub counts: Counts,
}

/// Whether a bite of upkeep left work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upkeep {
    /// More of the same waits; call again soon.
    More,
    /// Nothing is left to do for now.
    Done,
}

/// What a bite has brought forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BroughtForward {
    /// Webhooks for which something is due earlier now.
    pub webhooks: Vec<WebhookId>,
    /// Whether more may have been put off.
    pub upkeep: Upkeep,
}
