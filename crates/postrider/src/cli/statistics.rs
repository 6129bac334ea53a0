//! What `postrider statistics` takes.

use clap::{Args, ValueEnum};
use postrider_core::WebhookId;
use postrider_core::statistics::Resolution;

use super::EnvironmentTarget;
use super::values::moment;

/// `statistics`.
#[derive(Debug, Args)]
pub(crate) struct Statistics {
    /// Of that webhook, instead of the whole environment
    #[arg(long, value_name = "UUID", conflicts_with_all = ["tenant", "event_key"])]
    pub(crate) webhook: Option<WebhookId>,
    /// Of events of that tenant
    #[arg(long, value_name = "ID", conflicts_with = "event_key")]
    pub(crate) tenant: Option<String>,
    /// Of events of that key
    #[arg(long, value_name = "KEY")]
    pub(crate) event_key: Option<String>,
    /// How long each span is
    #[arg(long, value_enum, default_value_t)]
    pub(crate) resolution: Span,
    /// From the span on that this moment (RFC 3339) lies in, instead of the last 24 hours
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) from: Option<String>,
    /// Up to this moment (RFC 3339), instead of now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// The length of a span.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum Span {
    /// Kept for 48 hours, of tenants for 3
    Minute,
    /// Kept for 35 days
    #[default]
    Hour,
    /// Kept for 400 days, in UTC
    Day,
}

impl From<Span> for Resolution {
    fn from(span: Span) -> Self {
        match span {
            Span::Minute => Self::Minute,
            Span::Hour => Self::Hour,
            Span::Day => Self::Day,
        }
    }
}
