//! The real program from outside: its start and its end, its commands, its words.

#![expect(clippy::unwrap_used, reason = "what is shared by tests is test code as well")]

#[path = "../support/mod.rs"]
mod support;

mod commands;
mod crash;
mod demo;
mod durability;
mod finding;
mod life;
mod order;
mod portal;
mod refusals;
mod replay;
mod server_commands;
mod shapes;
mod statistics;
mod trace;
