//! What each command does, a file each. `serve` has its own folder.

pub(crate) mod config;
pub(crate) mod verify;
