//! What `postrider deliveries` takes.

use clap::{Args, Subcommand};
use postrider_core::delivery::StateKind;
use postrider_core::{EventId, JobId, WebhookId};

use super::values::{Status, beginning_of_id, moment, state};
use super::{EnvironmentTarget, JobArgs};

/// `deliveries`.
#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// List deliveries, newest first
    List {
        #[command(flatten)]
        filter: DeliveryFilter,
        /// With that id, or with one that begins so: 4 hexadecimal digits at least
        #[arg(long, value_name = "UUID", value_parser = beginning_of_id)]
        id: Option<String>,
        /// Of that event
        #[arg(long, value_name = "UUID")]
        event: Option<EventId>,
        /// Made by that job
        #[arg(long, value_name = "UUID")]
        job: Option<JobId>,
        #[command(flatten)]
        listed: Listed,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
    /// Print deliveries as they are made and change, until it is interrupted
    Tail(Tail),
    /// Repeat deliveries that have ended and were not repeated yet, in the background
    Resend(Resend),
}

/// `deliveries resend`.
#[derive(Debug, Args)]
pub(crate) struct Resend {
    #[command(flatten)]
    pub(crate) filter: DeliveryFilter,
    /// Repeat all of them, delivered ones included; needed where no filter is given
    #[arg(
        long,
        conflicts_with_all = ["state", "status", "webhook", "tenant", "event_key", "from", "to", "text"]
    )]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// `deliveries tail`.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    #[command(flatten)]
    pub(crate) marks: DeliveryMarks,
    /// With that id, or with one that begins so: 4 hexadecimal digits at least
    #[arg(long, value_name = "UUID", value_parser = beginning_of_id)]
    pub(crate) id: Option<String>,
    /// Of that event
    #[arg(long, value_name = "UUID")]
    pub(crate) event: Option<EventId>,
    /// Made by that job
    #[arg(long, value_name = "UUID")]
    pub(crate) job: Option<JobId>,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// Which deliveries, by what each of them shows.
#[derive(Debug, Args)]
pub(crate) struct DeliveryMarks {
    /// In these states, with commas between: pending, retrying, delivered, failed, discarded
    #[arg(long, value_name = "STATES", value_delimiter = ',', value_parser = state)]
    pub(crate) state: Vec<StateKind>,
    /// Whose last attempt came to that: a status code, 2xx to 5xx, or none
    #[arg(long, value_name = "CODE", value_parser = Status::parse)]
    pub(crate) status: Option<Status>,
    /// To that webhook
    #[arg(long, value_name = "UUID")]
    pub(crate) webhook: Option<WebhookId>,
    /// Of events of that tenant
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Of events of that key
    #[arg(long, value_name = "KEY")]
    pub(crate) event_key: Option<String>,
}

/// Which deliveries of those that there are.
#[derive(Debug, Args)]
pub(crate) struct DeliveryFilter {
    #[command(flatten)]
    pub(crate) marks: DeliveryMarks,
    /// Made at this moment (RFC 3339) or later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<String>,
    /// Made before this moment (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<String>,
    /// With that text in the event's body
    #[arg(long, value_name = "TEXT")]
    pub(crate) text: Option<String>,
}

/// How much of a list.
#[derive(Debug, Args)]
pub(crate) struct Listed {
    /// The most that are listed
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// List all that there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl Listed {
    /// The most that are listed.
    pub(crate) const fn most(&self) -> usize {
        if self.all { usize::MAX } else { self.limit }
    }
}
