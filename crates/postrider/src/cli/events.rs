//! What `postrider events` takes.

use clap::{Args, Subcommand};
use postrider_core::delivery::StateKind;
use postrider_core::{EventId, WebhookId};

use super::values::{Status, beginning_of_id, moment, state};
use super::{EnvironmentTarget, Listed};

/// `events`.
#[derive(Debug, Subcommand)]
pub(crate) enum Events {
    /// List events, newest first, those that matched no webhook included
    List {
        #[command(flatten)]
        filter: Box<EventFilter>,
        #[command(flatten)]
        listed: Listed,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
    /// Show an event with its body and its deliveries
    Show {
        /// The event's id, as listed
        id: EventId,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
}

/// Which events.
#[derive(Debug, Args)]
pub(crate) struct EventFilter {
    /// Of that key
    #[arg(long, value_name = "KEY")]
    pub(crate) event_key: Option<String>,
    /// Of that tenant
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Accepted at this moment (RFC 3339) or later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<String>,
    /// Accepted before this moment (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<String>,
    /// Whether any webhook matched
    #[arg(long, value_name = "true|false")]
    pub(crate) matched: Option<bool>,
    /// With a delivery to that webhook; this, --state and --status are meant of one and the same delivery
    #[arg(long, value_name = "UUID")]
    pub(crate) webhook: Option<WebhookId>,
    /// With a delivery in these states, with commas between: pending, retrying, delivered, failed, discarded
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = state)]
    pub(crate) state: Vec<StateKind>,
    /// With a delivery whose last attempt came to that: a status code, 2xx to 5xx, or none
    #[arg(long, value_name = "CODE", value_parser = Status::parse)]
    pub(crate) status: Option<Status>,
    /// With that id, or with one that begins so: 4 hexadecimal digits at least
    #[arg(long, value_name = "UUID", value_parser = beginning_of_id)]
    pub(crate) id: Option<String>,
    /// With that text in the body
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
}
