//! What tests of several crates share. Never a dependency of the product.

pub mod clock;

pub use clock::{ManualClock, SeededEntropy};
