//! Lanes, scheduler, attempts, recording, upkeep.

mod scheduler;
