//! A delivery, and the pure function that decides its fate.
//!
//! ```text
//!            2XX
//! pending ─────────────▶ delivered
//!    │  ╲  failure, retries left        410, none left, faults of our own for too long
//!    │   ╲──────────▶ retrying ─────────────▶ failed
//!    ▼                   ▼
//! discarded ◀────────────┘   webhook disabled or deleted, or a person skipped it
//! ```
//!
//! In an ordered webhook, a `pending` delivery is [`DeliveryState::Behind`] until those before it have ended.
//!
//! Invariant: `delivered`, `failed` and `discarded` are final; a resend or replay is another delivery.

use std::time::Duration;

use crate::attempt::{FailureKind, OurFault, Outcome, names};
use crate::event::TenantId;
use crate::id::{DeliveryId, EnvironmentId, EventId, WebhookId};
use crate::limits::OUR_FAULTS;
use crate::order::OrderKey;
use crate::retry::RetryPolicy;
use crate::shape::ShapeRevision;
use crate::time::Timestamp;
use crate::webhook::DisableReason;

/// How long a delivery waits after a fault of our own. It has used up no attempt.
pub const OUR_FAULT_DELAY: Duration = Duration::from_secs(10);

/// An event on its way to one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// What is delivered.
    pub event_id: EventId,
    /// To whom.
    pub webhook_id: WebhookId,
    /// The environment of both.
    pub environment_id: EnvironmentId,
    /// The event's tenant.
    pub tenant_id: Option<TenantId>,
    /// What brought it about.
    pub origin: Origin,
    /// The delivery that this one repeats, for a resend or replay of one.
    pub resend_of: Option<DeliveryId>,
    /// Deliveries to the same webhook with the same key are sent one after the other; none: it waits for nobody.
    pub order_key: Option<OrderKey>,
    /// Where it stands.
    pub state: DeliveryState,
    /// Attempts that counted so far.
    pub attempts: u32,
    /// The revision of the webhook's shape that all of its attempts are rendered by; none: the event's body is sent as it is.
    pub shape: Option<ShapeRevision>,
    /// Why it failed, in words, where the reason alone does not say.
    pub problem: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What brought a delivery about. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An event was accepted.
    Event,
    /// A person asked for one delivery again.
    Resend,
    /// A person asked for many again.
    Replay,
}

names!(Origin { Event => "event", Resend => "resend", Replay => "replay" });

/// A fault of our own that a delivery waits for to pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The newest of them.
    pub kind: OurFault,
    /// When the first of them was met, of those with nothing else between.
    pub since: Timestamp,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits until those of its order key that came before it have ended. It counts as pending.
    Behind,
    /// Waits for its first attempt.
    Pending {
        /// Not before this moment; later than its making only after a fault of our own.
        due_at: Timestamp,
        /// The fault of our own that it waits for.
        fault: Option<Fault>,
    },
    /// Failed so far, waits for a retry.
    Retrying {
        /// Not before this moment.
        due_at: Timestamp,
        /// The fault of our own that it waits for besides.
        fault: Option<Fault>,
    },
    /// The endpoint took it.
    Delivered {
        /// When.
        at: Timestamp,
    },
    /// The endpoint did not take it, and there are no further attempts.
    Failed {
        /// When that was decided.
        at: Timestamp,
        /// Why.
        reason: FailReason,
    },
    /// It was not sent, or not sent again: its webhook is off, or a person decided so.
    Discarded {
        /// When that was decided.
        at: Timestamp,
        /// Why.
        reason: DiscardReason,
    },
}

/// The states by name alone, as lists are filtered by them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StateKind {
    /// Waits for its first attempt.
    Pending,
    /// Waits for a retry.
    Retrying,
    /// Taken by the endpoint.
    Delivered,
    /// Given up.
    Failed,
    /// Not sent, or not sent again.
    Discarded,
}

names!(StateKind {
    Pending => "pending",
    Retrying => "retrying",
    Delivered => "delivered",
    Failed => "failed",
    Discarded => "discarded",
});

impl DeliveryState {
    /// Which state it is, without its particulars.
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Behind | Self::Pending { .. } => StateKind::Pending,
            Self::Retrying { .. } => StateKind::Retrying,
            Self::Delivered { .. } => StateKind::Delivered,
            Self::Failed { .. } => StateKind::Failed,
            Self::Discarded { .. } => StateKind::Discarded,
        }
    }

    /// The stable name.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }

    /// Whether nothing follows.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Delivered { .. } | Self::Failed { .. } | Self::Discarded { .. })
    }

    /// When its next attempt is due; none for a final state, and for one behind others.
    pub const fn due_at(&self) -> Option<Timestamp> {
        match self {
            Self::Pending { due_at, .. } | Self::Retrying { due_at, .. } => Some(*due_at),
            _ => None,
        }
    }

    /// The fault of our own that it waits for, where it does.
    pub const fn fault(&self) -> Option<Fault> {
        match self {
            Self::Pending { fault, .. } | Self::Retrying { fault, .. } => *fault,
            _ => None,
        }
    }
}

/// Why a delivery failed. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailReason {
    /// Every attempt that its webhook's policy allows has failed.
    AttemptsExhausted,
    /// The endpoint answered 410 Gone.
    Gone,
    /// Faults of our own kept it from being sent for longer than they may.
    CouldNotBeSent,
    /// The webhook's template, or that of a header, cannot be rendered for this event.
    TemplateError,
}

names!(FailReason {
    AttemptsExhausted => "attempts_exhausted",
    Gone => "gone",
    CouldNotBeSent => "could_not_be_sent",
    TemplateError => "template_error",
});

/// Why a delivery was discarded. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiscardReason {
    /// A person had disabled the webhook, or did while it waited.
    WebhookDisabled,
    /// The webhook was deleted while it waited.
    WebhookDeleted,
    /// The endpoint had answered 410 Gone to another delivery.
    WebhookGone,
    /// Its deliveries had failed for days.
    WebhookFailing,
    /// A person let those behind it pass.
    Skipped,
    /// A person had it sent again while it waited to be retried, ahead of those behind it: another delivery has its place.
    Resent,
}

names!(DiscardReason {
    WebhookDisabled => "webhook_disabled",
    WebhookDeleted => "webhook_deleted",
    WebhookGone => "webhook_gone",
    WebhookFailing => "webhook_failing",
    Skipped => "skipped",
    Resent => "resent",
});

impl From<DisableReason> for DiscardReason {
    fn from(reason: DisableReason) -> Self {
        match reason {
            DisableReason::ByUser => Self::WebhookDisabled,
            DisableReason::Gone => Self::WebhookGone,
            DisableReason::FailingForDays | DisableReason::FailuresInARow => Self::WebhookFailing,
        }
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where the delivery stands now.
    pub state: DeliveryState,
    /// Attempts that counted, this one included where it does.
    pub attempts: u32,
    /// What the attempt says of the webhook.
    pub verdict: Verdict,
}

/// What an attempt says of its webhook. The store acts on it in the transaction that records the attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing that counts: more attempts follow, or the fault is ours.
    None,
    /// It works: a streak of failures ends.
    Works,
    /// One more delivery failed.
    Failed,
    /// The endpoint asks never to be called again: disable it.
    Gone,
}

/// Decides what follows from an attempt of a delivery that waited (`pending` or `retrying`, after `attempts` that counted, perhaps for
/// a `fault` to pass) and was made under `policy`. Total: every outcome leads to a state. `jitter` is from 0 up to 1.
pub fn next(
    attempts: u32,
    fault: Option<Fault>,
    outcome: &Outcome,
    policy: &RetryPolicy,
    now: Timestamp,
    jitter: f64,
) -> Step {
    let counted = attempts.saturating_add(1);
    let retry_after = match outcome {
        Outcome::Ours(kind) => {
            let fault = Fault { kind: *kind, since: fault.map_or(now, |earlier| earlier.since) };
            let state = after_our_fault(attempts, fault, policy, now, jitter);
            return Step { state, attempts, verdict: Verdict::None };
        }
        Outcome::Unrenderable => {
            let state = DeliveryState::Failed { at: now, reason: FailReason::TemplateError };
            return Step { state, attempts, verdict: Verdict::None };
        }
        Outcome::Answered { status: 200..=299, .. } => {
            return Step { state: DeliveryState::Delivered { at: now }, attempts: counted, verdict: Verdict::Works };
        }
        Outcome::Answered { status: 410, .. } => {
            let state = DeliveryState::Failed { at: now, reason: FailReason::Gone };
            return Step { state, attempts: counted, verdict: Verdict::Gone };
        }
        // Whatever attempts the policy leaves: the present URL was not asked yet. It comes once for each change of the URL.
        Outcome::MovedFrom => {
            let state = DeliveryState::Retrying { due_at: now, fault: None };
            return Step { state, attempts: counted, verdict: Verdict::None };
        }
        Outcome::Answered { status: 429 | 503, retry_after } => *retry_after,
        // Named one by one, so that a new kind of failure makes its author decide here.
        Outcome::Answered { .. }
        | Outcome::Failed(
            FailureKind::NameNotFound
            | FailureKind::AddressRefused
            | FailureKind::ConnectionRefused
            | FailureKind::ConnectFailed
            | FailureKind::Tls
            | FailureKind::Timeout
            | FailureKind::ConnectionLost
            | FailureKind::Protocol
            | FailureKind::Authentication,
        ) => None,
    };
    match policy.delay_after(counted, retry_after, jitter) {
        Some(delay) => Step {
            state: DeliveryState::Retrying { due_at: now + delay, fault: None },
            attempts: counted,
            verdict: Verdict::None,
        },
        None => Step {
            state: DeliveryState::Failed { at: now, reason: FailReason::AttemptsExhausted },
            attempts: counted,
            verdict: Verdict::Failed,
        },
    }
}

/// A fault of our own passes, and the delivery waits until it has. One that does not (a name whose servers are gone for good looks
/// the same from here) ends it, as the endpoint's silence would.
fn after_our_fault(attempts: u32, fault: Fault, policy: &RetryPolicy, now: Timestamp, jitter: f64) -> DeliveryState {
    if now.since(fault.since) >= policy.span().max(OUR_FAULTS) {
        return DeliveryState::Failed { at: now, reason: FailReason::CouldNotBeSent };
    }
    let due_at = now + OUR_FAULT_DELAY.mul_f64(1.0 + jitter);
    let fault = Some(fault);
    match attempts {
        0 => DeliveryState::Pending { due_at, fault },
        _ => DeliveryState::Retrying { due_at, fault },
    }
}

#[cfg(test)]
mod tests;
