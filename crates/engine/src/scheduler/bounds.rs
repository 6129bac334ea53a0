//! How much there may be of everything, and how much there is.

use postrider_core::limits;

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Slots in all.
    pub(crate) in_flight: usize,
    /// The largest share of a lane.
    pub(crate) per_webhook: usize,
    /// Bytes of what is queued, in flight or not yet committed.
    pub(crate) memory: usize,
    /// Deliveries queued in one lane.
    pub(crate) lane: usize,
}

impl Limits {
    /// Slots for all lanes together that do not answer.
    pub(super) fn troubled(&self) -> usize {
        (self.in_flight / 2).max(1)
    }

    /// Slots of a tenant while others wait.
    pub(super) fn tenant_cap(&self) -> usize {
        (self.in_flight / limits::TENANT_SHARE).max(2)
    }

    /// How many of them may be with lanes that do not answer.
    pub(super) fn tenant_troubled_cap(&self) -> usize {
        self.tenant_cap() / 2
    }

    /// Bytes for all lanes together that do not answer: what they hold stays for long, and must leave room for those that do.
    pub(super) fn troubled_memory(&self) -> usize {
        self.memory / 2
    }

    /// The same for lanes of tenants that hold little: an endpoint is only heard of by being sent something.
    pub(super) fn newcomers_memory(&self) -> usize {
        self.memory / 4 * 3
    }

    /// Bytes that are little for a tenant.
    pub(super) fn newcomer_bytes(&self) -> usize {
        self.memory / 512
    }
}

/// What the scheduler holds in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Deliveries that wait in memory.
    pub(crate) queued: usize,
    /// Slots taken: in flight, or ended and not committed yet.
    pub(crate) slots: usize,
    /// Exchanges under way, by class.
    pub(super) in_flight: [usize; 2],
    /// Bytes held.
    pub(crate) bytes: usize,
    /// Those of them that lanes hold which do not answer.
    pub(super) troubled_bytes: usize,
    /// Lanes whose breaker is open.
    pub(crate) paused: usize,
}

impl Totals {
    /// Exchanges under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight[0] + self.in_flight[1]
    }
}
