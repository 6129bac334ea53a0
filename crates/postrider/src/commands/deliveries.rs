//! `postrider deliveries`: finds deliveries, watches them, and repeats many.

mod tail;

use postrider_core::delivery::StateKind;
use serde_json::{Map, Value, json};

use super::job;
use super::search::Search;
use crate::cli::{Deliveries, DeliveryFilter, DeliveryMarks, Resend};
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
        Deliveries::Resend(given) => resend(given, form).await,
    }
}

async fn resend(Resend { filter, all, job, target }: Resend, form: Form) -> Result<(), Failure> {
    let filter = resend_filter(filter);
    // Who forgets a filter, or whose variable is empty, does not mean every delivery that there is.
    if filter.is_empty() && !all {
        return Err(Failure::Unreadable(
            "no filter is given: say which deliveries are to be repeated (with --state failed, for example), or --all for every one \
             that has ended, delivered ones included"
                .to_owned(),
        ));
    }
    let client = Client::connect_for_environment(target.find()?).await?;
    let mut request = json!({ "kind": "resend", "filter": filter });
    if let Some(rate) = job.rate {
        request["ratePerSecond"] = rate.into();
    }
    job::run(&client, request, &job, form).await
}

fn parameters(filter: DeliveryFilter) -> impl Iterator<Item = (&'static str, String)> {
    let DeliveryFilter { marks: DeliveryMarks { state, status, webhook, tenant, event_key }, from, to, text } = filter;
    [
        ("state", names(&state)),
        ("statusCode", status.map(|status| status.text)),
        ("webhookId", webhook.map(|id| id.to_string())),
        ("tenantId", tenant),
        ("eventKey", event_key),
        ("from", from),
        ("to", to),
        ("text", text),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
}

/// States as lists are filtered by them; none: by no state.
pub(super) fn names(states: &[StateKind]) -> Option<String> {
    let names: Vec<_> = states.iter().map(|state| state.name()).collect();
    (!names.is_empty()).then(|| names.join(","))
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
