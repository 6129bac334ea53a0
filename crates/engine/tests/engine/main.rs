//! The engine on the real store, with a clock that is moved by hand and receivers that do as they are told.

#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod in_order;
mod jobs;
mod retention;
mod rules;
mod sent;
mod set_back;
mod shapes;
mod simulation;
mod support;
