//! `postrider statistics`: what happened in each minute, hour or day.

use http::Method;
use postrider_core::statistics::Resolution;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use crate::cli::Statistics;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{DOUBTFUL, Form, figures, note, styled, tame};

/// What is told of a span, by its names on the wire.
const COUNTS: [&str; 7] = ["events", "deliveries", "delivered", "failed", "discarded", "attempts", "failedAttempts"];

pub(crate) async fn run(given: Statistics, form: Form) -> Result<(), Failure> {
    let Statistics { webhook, tenant, event_key, resolution, from, to, target } = given;
    let client = Client::connect_for_environment(target.find()?).await?;
    let webhook = webhook.map(|id| id.to_string());
    let mut query = Serializer::new(String::new());
    query.append_pair("resolution", Resolution::from(resolution).name());
    for (name, value) in
        [("webhookId", webhook), ("tenantId", tenant), ("eventKey", event_key), ("from", from), ("to", to)]
    {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let series = client.call(Method::GET, &format!("/api/v1/statistics?{}", query.finish()), None).await?;
    if form == Form::Text {
        for gap in series["incomplete"].as_array().into_iter().flatten() {
            let (from, to) = (tame(text(&gap["from"])), tame(gap["to"].as_str().unwrap_or("now")));
            note(styled(DOUBTFUL, format_args!("What happened from {from} to {to} is not counted in full")));
        }
    }
    form.print(&series, || told(&series))?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// The spans in which something happened, a line each, and all of them together.
fn told(series: &Value) -> String {
    let happened = |point: &&Value| COUNTS.iter().any(|name| point[*name] != 0);
    let points = series["points"].as_array().into_iter().flatten().filter(happened);
    let rows: Vec<_> = points.map(|point| cells(&tame(text(&point["at"])), point)).collect();
    let heading = [
        "from",
        "events",
        "deliveries",
        "delivered",
        "failed",
        "discarded",
        "attempts",
        "failed attempts",
        "p50 ms",
        "p99 ms",
    ];
    figures(heading, &rows, &cells("total", &series["total"]))
}

fn cells(first: &str, counts: &Value) -> [String; 10] {
    let percentile = |name: &str| match counts["deliveryMs"][name].as_f64() {
        Some(ms) => format!("{ms:.1}"),
        None => "-".to_owned(),
    };
    let [events, deliveries, delivered, failed, discarded, attempts, failed_attempts] =
        COUNTS.map(|name| counts[name].to_string());
    let (p50, p99) = (percentile("p50"), percentile("p99"));
    [first.to_owned(), events, deliveries, delivered, failed, discarded, attempts, failed_attempts, p50, p99]
}
