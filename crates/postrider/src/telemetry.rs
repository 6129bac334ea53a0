//! Logs and metrics: where they go.
//!
//! Owns the subscriber of logs (to standard error) and the recorder of metrics. What is logged and counted is decided where it
//! happens.

mod lines;

use std::io;
use std::str::FromStr as _;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;

use self::lines::Lines;

/// Bounds of the histograms whose names end in `_seconds`: from a tenth of a millisecond to the longest deadline.
const SECONDS: [f64; 14] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 15.0, 30.0];

/// Bounds of the histograms that count commands: how well commits are grouped.
const COMMANDS: [f64; 6] = [1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0];

/// Logs that are written as long as this is there; what is still on its way is waited for when it goes, however that comes.
#[must_use]
pub(crate) struct Logs(Lines);

impl Drop for Logs {
    fn drop(&mut self) {
        self.0.flush();
    }
}

/// Sends logs to standard error, without waiting for whoever reads it. Does nothing where a subscriber is there already.
pub(crate) fn start_logs(filter: &str, format: LogFormat) -> io::Result<Logs> {
    // Who asks for errors alone has not asked for gaps that nobody tells of.
    let of_gaps = Directive::from_str(&format!("{}=warn", lines::TARGET)).map_err(io::Error::other)?;
    let filter = EnvFilter::builder().parse_lossy(filter).add_directive(of_gaps);
    let lines = Lines::to(io::stderr())?;
    let writer = lines.clone();
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone());
    // Only a second server in the same process could find one.
    let _ = match format {
        LogFormat::Text => logs.with_ansi(is_terminal()).finish().try_init(),
        LogFormat::Json => logs.json().flatten_event(true).with_ansi(false).finish().try_init(),
    };
    Ok(Logs(lines))
}

fn is_terminal() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
}

/// Collects metrics from here on; the handle renders them in Prometheus' text format.
pub(crate) fn start_metrics() -> Result<PrometheusHandle, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_commands".to_owned()), &COMMANDS)?
        .install_recorder()
}
