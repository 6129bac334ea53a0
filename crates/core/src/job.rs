//! Jobs: the resending of many deliveries, and the replay of events, in the background.
//!
//! ```text
//! running ⇄ paused ──▶ cancelled
//!    ╰────────────▶ completed
//! ```
//!
//! A job makes deliveries at its rate, in order, each once: how far it has come is recorded together with the deliveries that it
//! made. Invariant: nothing follows `cancelled` and `completed`.

use serde::{Deserialize, Serialize};

use crate::attempt::names;
use crate::event::{EventKey, TenantId};
use crate::id::{EnvironmentId, EventId, JobId, WebhookId};
use crate::time::Timestamp;

/// A bulk resend or a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Where.
    pub environment_id: EnvironmentId,
    /// Whose it is; none: the vendor's.
    pub tenant_id: Option<TenantId>,
    /// What it does.
    pub work: Work,
    /// Deliveries that it makes a second.
    pub rate: u32,
    /// Where it stands.
    pub state: JobState,
    /// How far it has come.
    pub progress: Progress,
    /// When it was started. What came later is none of its business.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a job does. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Work {
    /// Repeats deliveries that match.
    Resend(Resend),
    /// Sends events of a range of time to webhooks.
    Replay(Replay),
}

impl Work {
    /// The webhooks that it can go to, where it names them.
    pub fn webhooks(&self) -> &[WebhookId] {
        match self {
            Self::Resend(resend) => resend.webhook.as_slice(),
            Self::Replay(replay) => &replay.webhooks,
        }
    }
}

/// Which deliveries to repeat: those that have ended and that no later delivery of the same event to the same webhook repeats
/// already. What is absent does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Resend {
    /// In one of these states, by name; none: in any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub states: Vec<String>,
    /// Whose last attempt came to that: a status code, a class as `5xx`, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<String>,
    /// To that webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookId>,
    /// Of events of that tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Of events of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_key: Option<EventKey>,
    /// Made at this moment or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Made before this moment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// With that text in the event's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Which events to send where: those that the webhooks' subscriptions match now.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replay {
    /// To these webhooks.
    pub webhooks: Vec<WebhookId>,
    /// Accepted at this moment or later.
    pub from: Timestamp,
    /// Accepted before this moment.
    pub to: Timestamp,
    /// That one alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<EventId>,
    /// Of that key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_key: Option<EventKey>,
    /// Of that tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<TenantId>,
    /// Which of them.
    pub include: Include,
}

/// Which events of its range a replay sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// All, whatever became of them before.
    All,
    /// Those that the webhook has not got, and that are not on their way to it.
    Undelivered,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It makes deliveries.
    Running,
    /// It does not, until it is resumed.
    Paused(PauseReason),
    /// A person ended it, a webhook that it names was deleted, or it was paused for too long. What it has made is delivered all the same.
    Cancelled {
        /// When.
        at: Timestamp,
    },
    /// It has done all that there was to do.
    Completed {
        /// When.
        at: Timestamp,
    },
}

impl JobState {
    /// The stable names, in order of declaration.
    pub const NAMES: [&'static str; 4] = ["running", "paused", "cancelled", "completed"];

    /// The stable name.
    pub const fn name(&self) -> &'static str {
        let place = match self {
            Self::Running => 0,
            Self::Paused(_) => 1,
            Self::Cancelled { .. } => 2,
            Self::Completed { .. } => 3,
        };
        Self::NAMES[place]
    }

    /// When it ended; none where it has not.
    pub const fn ended_at(&self) -> Option<Timestamp> {
        match self {
            Self::Running | Self::Paused(_) => None,
            Self::Cancelled { at } | Self::Completed { at } => Some(*at),
        }
    }
}

/// Why a job is paused. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseReason {
    /// A person paused it.
    ByUser,
    /// A webhook that it sends to was disabled.
    WebhookInactive,
}

names!(PauseReason { ByUser => "by_user", WebhookInactive => "webhook_inactive" });

/// How far a job has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// What there was to look at when it was started; none where that was too much to count.
    pub total: Option<u64>,
    /// Deliveries that it has made.
    pub done: u64,
    /// What it has looked at and had no need to send: repeated already, on its way, or delivered.
    pub skipped: u64,
    /// What it could not send, as the webhook is disabled or deleted.
    pub failed: u64,
}
