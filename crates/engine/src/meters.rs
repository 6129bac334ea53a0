//! What is counted and measured, by name. Handles are made once: an attempt costs a few atomic additions.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use postrider_core::attempt::Outcome;
use postrider_core::delivery::DeliveryState;

use crate::scheduler::Totals;

pub(crate) struct Meters {
    pub(crate) events_accepted: Counter,
    pub(crate) schema_warned: Counter,
    pub(crate) schema_rejected: Counter,
    pub(crate) filters_closed: Counter,
    pub(crate) filters_undecided: Counter,
    attempts_taken: Counter,
    attempts_refused: Counter,
    attempts_unanswered: Counter,
    faults_of_ours: Counter,
    unrenderable: Counter,
    delivered: Counter,
    failed: Counter,
    pub(crate) discarded: Counter,
    in_flight: Gauge,
    unrecorded: Gauge,
    waiting: Gauge,
    lanes_paused: Gauge,
    delivery_bytes: Gauge,
    intake_bytes: Gauge,
    /// Seconds.
    pub(crate) first_attempt_after: Histogram,
    /// Seconds.
    pub(crate) attempt_duration: Histogram,
}

impl Meters {
    pub(crate) fn new() -> Self {
        describe_counter!("postrider_events_accepted_total", "Events that are durable.");
        describe_counter!(
            "postrider_events_against_schema_total",
            "Events that the schema of their event type does not allow, by what became of them."
        );
        describe_counter!(
            "postrider_deliveries_filtered_total",
            "Deliveries that were not made because of a webhook's filter, by what it said."
        );
        describe_counter!("postrider_attempts_total", "Attempts made, by what came of them.");
        describe_counter!(
            "postrider_deliveries_total",
            "Deliveries that have ended, by the state they ended in: each once, sent or not."
        );
        describe_gauge!("postrider_attempts_in_flight", "Attempts under way.");
        describe_gauge!("postrider_results_unrecorded", "Results of attempts that wait for their commit.");
        describe_gauge!(
            "postrider_deliveries_waiting_in_memory",
            "Deliveries that wait in memory; more may wait in the database."
        );
        describe_gauge!(
            "postrider_lanes_paused",
            "Webhooks whose endpoints do not answer and are left alone for a while."
        );
        describe_gauge!("postrider_memory_bytes", "What events hold of the memory budget, by where they are.");
        describe_histogram!(
            "postrider_first_attempt_seconds",
            "From acceptance of an event to the beginning of a delivery's first attempt."
        );
        describe_histogram!("postrider_attempt_seconds", "The length of attempts.");
        let attempts = |outcome| counter!("postrider_attempts_total", "outcome" => outcome);
        let deliveries = |state| counter!("postrider_deliveries_total", "state" => state);
        Self {
            events_accepted: counter!("postrider_events_accepted_total"),
            schema_warned: counter!("postrider_events_against_schema_total", "mode" => "warn"),
            schema_rejected: counter!("postrider_events_against_schema_total", "mode" => "reject"),
            filters_closed: counter!("postrider_deliveries_filtered_total", "verdict" => "no"),
            filters_undecided: counter!("postrider_deliveries_filtered_total", "verdict" => "undecided"),
            attempts_taken: attempts("taken"),
            attempts_refused: attempts("refused"),
            attempts_unanswered: attempts("unanswered"),
            faults_of_ours: attempts("our_fault"),
            unrenderable: attempts("unrenderable"),
            delivered: deliveries("delivered"),
            failed: deliveries("failed"),
            discarded: deliveries("discarded"),
            in_flight: gauge!("postrider_attempts_in_flight"),
            unrecorded: gauge!("postrider_results_unrecorded"),
            waiting: gauge!("postrider_deliveries_waiting_in_memory"),
            lanes_paused: gauge!("postrider_lanes_paused"),
            delivery_bytes: gauge!("postrider_memory_bytes", "part" => "deliveries"),
            intake_bytes: gauge!("postrider_memory_bytes", "part" => "intake"),
            first_attempt_after: histogram!("postrider_first_attempt_seconds"),
            attempt_duration: histogram!("postrider_attempt_seconds"),
        }
    }

    pub(crate) fn attempted(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Answered { .. } if outcome.is_success() => &self.attempts_taken,
            Outcome::Answered { .. } | Outcome::MovedFrom => &self.attempts_refused,
            Outcome::Failed(_) => &self.attempts_unanswered,
            Outcome::Ours(_) => &self.faults_of_ours,
            Outcome::Unrenderable => &self.unrenderable,
        };
        counter.increment(1);
    }

    pub(crate) fn ended(&self, state: &DeliveryState) {
        match state {
            DeliveryState::Behind | DeliveryState::Pending { .. } | DeliveryState::Retrying { .. } => {}
            DeliveryState::Delivered { .. } => self.delivered.increment(1),
            DeliveryState::Failed { .. } => self.failed.increment(1),
            DeliveryState::Discarded { .. } => self.discarded.increment(1),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "gauges are floating-point numbers, exact far beyond these limits")]
    pub(crate) fn show(&self, totals: &Totals, intake_bytes: usize) {
        self.in_flight.set(totals.in_flight() as f64);
        self.unrecorded.set((totals.slots - totals.in_flight()) as f64);
        self.waiting.set(totals.queued as f64);
        self.lanes_paused.set(totals.paused as f64);
        self.delivery_bytes.set(totals.bytes as f64);
        self.intake_bytes.set(intake_bytes as f64);
    }
}
