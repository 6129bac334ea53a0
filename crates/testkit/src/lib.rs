//! What tests of several crates share. Never a dependency of the product.

pub mod certificates;
pub mod clock;
pub mod receiver;

pub use clock::{ManualClock, SeededEntropy};
