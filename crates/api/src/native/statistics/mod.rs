//! Statistics: what happened in each minute, hour or day, as all of their calls answer it.

use postrider_core::statistics::{AnswerClass, Counts as Counted, Histogram};
use serde::Serialize;
use utoipa::ToSchema;

use crate::native::wire::Time;

pub(crate) mod series;
pub(crate) mod summary;
pub(crate) mod webhooks;

/// What happened in a span of time.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Counts {
    /// Events accepted; of a webhook none are counted.
    events: u64,
    /// Deliveries made.
    deliveries: u64,
    /// Deliveries that ended as delivered.
    delivered: u64,
    /// Deliveries that ended as failed.
    failed: u64,
    /// Deliveries that ended as discarded.
    discarded: u64,
    /// Attempts.
    attempts: u64,
    /// Attempts that did not deliver.
    failed_attempts: u64,
    /// Attempts by what they came to.
    answers: Answers,
    /// How long attempts took, in milliseconds; `null`: there were none.
    attempt_ms: Option<Percentiles>,
    /// How long deliveries took from their making to the moment when they were delivered, retries included, in milliseconds.
    delivery_ms: Option<Percentiles>,
}

/// Attempts by the class of their status code.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Answers {
    #[serde(rename = "2xx")]
    success: u64,
    #[serde(rename = "3xx")]
    redirection: u64,
    #[serde(rename = "4xx")]
    client_error: u64,
    #[serde(rename = "5xx")]
    server_error: u64,
    /// Another status code.
    other: u64,
    /// There was no answer.
    none: u64,
}

/// The durations that so many of a hundred do not exceed, in milliseconds, right to 7 %.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

impl Percentiles {
    fn of(times: &Histogram) -> Option<Self> {
        let milliseconds = |per_mille| Some((times.quantile(per_mille)?.as_secs_f64() * 1e6).round() / 1e3);
        Some(Self { p50: milliseconds(500)?, p90: milliseconds(900)?, p99: milliseconds(990)? })
    }
}

impl From<&Counted> for Counts {
    fn from(counted: &Counted) -> Self {
        let of = |class: AnswerClass| counted.answers[class as usize];
        Self {
            events: counted.events,
            deliveries: counted.deliveries,
            delivered: counted.delivered,
            failed: counted.failed,
            discarded: counted.discarded,
            attempts: counted.attempts(),
            failed_attempts: counted.failed_attempts(),
            answers: Answers {
                success: of(AnswerClass::Success),
                redirection: of(AnswerClass::Redirection),
                client_error: of(AnswerClass::ClientError),
                server_error: of(AnswerClass::ServerError),
                other: of(AnswerClass::Other),
                none: of(AnswerClass::None),
            },
            attempt_ms: Percentiles::of(&counted.attempt_times),
            delivery_ms: Percentiles::of(&counted.delivery_times),
        }
    }
}

/// What happened in one span of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Point {
    /// When the span begins.
    pub(crate) at: Time,
    #[serde(flatten)]
    pub(crate) counts: Counts,
}

/// Of deliveries that ended by being sent, the share that was delivered; none where none ended so.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more digits")]
pub(crate) fn success_rate(counted: &Counted) -> Option<f64> {
    let ended = counted.delivered + counted.failed;
    (ended > 0).then(|| counted.delivered as f64 / ended as f64)
}
