//! What an engine is started with.

use std::time::Duration;

use postrider_core::limits;
use postrider_core::retention::Retention;

/// How much of everything. The defaults are the project's limits.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Attempts in flight in all; at least one.
    pub in_flight: usize,
    /// Bytes of events in memory: one half for intake until the commit, the other for lanes and flight.
    pub memory_budget: usize,
    /// How long a producer waits for room in that memory.
    pub intake_patience: Duration,
    /// How long a stop waits for what is in flight and for its results to be recorded.
    pub shutdown_patience: Duration,
    /// How long environments keep events, deliveries and attempts that say nothing else.
    pub retention: Retention,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            in_flight: limits::IN_FLIGHT,
            memory_budget: limits::MEMORY_BUDGET,
            intake_patience: limits::INTAKE_PATIENCE,
            // Longer than the default deadline: an endpoint that answers at all gets to.
            shutdown_patience: Duration::from_secs(20),
            retention: Retention::default(),
        }
    }
}
