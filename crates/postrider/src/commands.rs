//! What each command does, a file each. `serve` has its own folder.

pub(crate) mod config;
pub(crate) mod deliveries;
pub(crate) mod doctor;
pub(crate) mod event_types;
pub(crate) mod events;
mod following;
mod job;
pub(crate) mod jobs;
pub(crate) mod listen;
pub(crate) mod operator;
pub(crate) mod portal;
pub(crate) mod replay;
pub(crate) mod retention;
mod search;
pub(crate) mod statistics;
pub(crate) mod trigger;
pub(crate) mod verify;
