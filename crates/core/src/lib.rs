//! The pure domain of Postrider: its words and its rules.
//!
//! # Cast
//!
//! An *environment* is a vendor's isolated space. An *event* is one thing that happened in it, named by an *event key*. A
//! *webhook* is a subscription to events: of the whole environment, or of one *tenant*. An event and a webhook that matches it
//! make a *delivery*; each HTTP request of a delivery is an *attempt*.
//!
//! Architecture invariant: nothing here does I/O, reads a clock, draws a random number or is async. Time comes in as
//! [`Timestamp`], randomness as [`Entropy`].

pub mod attempt;
pub mod body;
pub mod catalogue;
pub mod delivery;
pub mod environment;
pub mod event;
pub mod event_type;
pub mod health;
pub mod id;
pub mod job;
pub mod limits;
pub mod matching;
pub mod net;
pub mod order;
pub mod permission;
pub mod portal;
pub mod rate;
pub mod request;
pub mod retention;
pub mod retry;
pub mod session;
pub mod shape;
pub mod signature;
pub mod source;
pub mod statistics;
pub mod time;
pub mod webhook;

pub use id::{
    AttemptId, CategoryId, ConsoleSessionId, CredentialId, DeliveryId, EnvironmentId, EventId, EventTypeId, JobId,
    OperatorTokenId, PortalSessionId, WebhookId,
};
pub use time::{Clock, Entropy, Timestamp};
