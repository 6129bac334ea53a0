//! The engine on the real store, with a clock that is moved by hand and receivers that do as they are told.

mod rules;
mod simulation;
mod support;
