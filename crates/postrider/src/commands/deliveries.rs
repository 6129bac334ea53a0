//! `postrider deliveries`: finds deliveries, watches them, and repeats many.

mod tail;

use serde_json::{Map, Value, json};

use super::job;
use super::search::Search;
use crate::cli::{Deliveries, DeliveryFilter, DeliveryMarks};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Form, tame};

/// The columns of [`cells`].
pub(super) const HEADING: [&str; 7] = ["delivery", "made", "state", "status", "event", "webhook", "tenant"];

pub(crate) async fn run(what: Deliveries, form: Form) -> Result<(), Failure> {
    match what {
        Deliveries::List { filter, id, event, job, listed, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let more =
                [("id", id), ("eventId", event.map(|id| id.to_string())), ("jobId", job.map(|id| id.to_string()))];
            let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
            let search = Search {
                path: "/api/v1/deliveries",
                parameters: parameters(filter).chain(more).collect(),
                most: listed.most(),
                heading: HEADING,
                cells,
            };
            search.print(&client, form).await
        }
        Deliveries::Tail(given) => tail::run(given, form).await,
        Deliveries::Resend { filter, job, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let mut request = json!({ "kind": "resend", "filter": resend_filter(filter) });
            if let Some(rate) = job.rate {
                request["ratePerSecond"] = rate.into();
            }
            job::run(&client, request, &job, form).await
        }
    }
}

fn parameters(filter: DeliveryFilter) -> impl Iterator<Item = (&'static str, String)> {
    let DeliveryFilter { marks: DeliveryMarks { state, status, webhook, tenant, event_key }, from, to, text } = filter;
    [
        ("state", state),
        ("statusCode", status),
        ("webhookId", webhook),
        ("tenantId", tenant),
        ("eventKey", event_key),
        ("from", from),
        ("to", to),
        ("text", text),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

fn resend_filter(filter: DeliveryFilter) -> Map<String, Value> {
    let member = |(name, value): (&str, String)| match name {
        "state" => (name.to_owned(), value.split(',').collect()),
        _ => (name.to_owned(), value.into()),
    };
    parameters(filter).map(member).collect()
}

/// A delivery as a row for people.
pub(super) fn cells(delivery: &Value) -> [String; 7] {
    let text = |value: &Value| tame(value.as_str().unwrap_or("-"));
    let last = &delivery["lastAttempt"];
    let status = match (&last["statusCode"], &last["failure"]) {
        (Value::Number(code), _) => code.to_string(),
        (_, failure) => text(failure),
    };
    [
        text(&delivery["id"]),
        text(&delivery["createdAt"]),
        text(&delivery["state"]),
        status,
        text(&delivery["eventKey"]),
        text(&delivery["webhookId"]),
        text(&delivery["tenantId"]),
    ]
}
