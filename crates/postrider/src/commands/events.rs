//! `postrider events`: finds events, and shows one with what became of it.

use std::collections::BTreeMap;

use postrider_core::EventId;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::deliveries;
use super::search::Search;
use crate::cli::{EventFilter, Events};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{DOUBTFUL, FAINT, Form, styled, table, tame};

pub(crate) async fn run(what: Events, form: Form) -> Result<(), Failure> {
    match what {
        Events::List { filter, listed, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let search = Search {
                path: "/api/v1/events",
                parameters: parameters(*filter),
                most: listed.most(),
                heading: ["event", "accepted", "event key", "tenant", "user", "webhooks", "bytes"],
                cells,
            };
            search.print(&client, form).await
        }
        Events::Show { id, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            show(&client, id, form).await
        }
    }
}

fn parameters(filter: EventFilter) -> Vec<(&'static str, String)> {
    let EventFilter { event_key, tenant, from, to, matched, webhook, state, status, id, text } = filter;
    [
        ("eventKey", event_key),
        ("tenantId", tenant),
        ("from", from),
        ("to", to),
        ("matched", matched.map(|matched| matched.to_string())),
        ("webhookId", webhook.map(|id| id.to_string())),
        ("state", deliveries::names(&state)),
        ("statusCode", status.map(|status| status.text)),
        ("id", id),
        ("text", text),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        value => tame(value.as_str().unwrap_or("-")),
    }
}

fn cells(event: &Value) -> [String; 7] {
    ["id", "acceptedAt", "eventKey", "tenantId", "userId", "deliveries", "bodyBytes"].map(|name| text(&event[name]))
}

/// An event with what became of it, as programs get it: the server's own words.
#[derive(Serialize)]
struct Shown<'a> {
    event: &'a RawValue,
    deliveries: &'a [Value],
}

async fn show(client: &Client, id: EventId, form: Form) -> Result<(), Failure> {
    let path = format!("/api/v1/events/{id}");
    let answer = client.text(&path).await?;
    let unreadable = |error: serde_json::Error| Failure::said(format!("the server's answer cannot be read: {error}"));
    // A body can have numbers that no type of ours holds: it stays as it was written.
    let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(&answer).map_err(unreadable)?;
    let body = members.remove("body").map_or("", RawValue::get);
    let mut event = Map::new();
    for (name, value) in members {
        event.insert(name, serde_json::from_str(value.get()).map_err(unreadable)?);
    }
    let event = Value::Object(event);
    let deliveries = client.list(&format!("{path}/deliveries?limit=250")).await?;
    let shown = Shown { event: serde_json::from_str(&answer).map_err(unreadable)?, deliveries: &deliveries };
    form.print(&shown, || told(&event, body, &deliveries))?;
    Ok(())
}

/// What people are told of an event: whom it concerns, its body byte for byte, where it went, and why not further.
fn told(event: &Value, body: &str, deliveries: &[Value]) -> String {
    let rows = [
        ("event", "id"),
        ("event key", "eventKey"),
        ("tenant", "tenantId"),
        ("user", "userId"),
        ("application", "applicationId"),
        ("accepted", "acceptedAt"),
        ("occurred", "occurredAt"),
    ];
    let known = rows.into_iter().filter(|(_, name)| !event[*name].is_null());
    let mut lines: Vec<_> = known.map(|(label, name)| format!("{label:<12} {}", text(&event[name]))).collect();
    for error in event["schemaMismatch"]["errors"].as_array().into_iter().flatten() {
        let what = format!("not as its schema says: {} {}", text(&error["at"]), text(&error["detail"]));
        lines.push(styled(DOUBTFUL, what));
    }
    for filtered in event["filtered"].as_array().into_iter().flatten() {
        let why = filtered["error"].as_str().map_or_else(
            || "kept out by the filter of".to_owned(),
            |error| format!("kept out as the filter cannot tell ({}) of", tame(error)),
        );
        lines.push(styled(FAINT, format_args!("{why} {}", text(&filtered["webhookId"]))));
    }
    lines.push(format!("\n{}\n", tame(body)));
    if deliveries.is_empty() {
        lines.push(styled(FAINT, "it has no deliveries"));
    } else {
        let rows: Vec<_> = deliveries.iter().map(deliveries::cells).collect();
        lines.push(table(deliveries::HEADING, &rows));
    }
    lines.join("\n")
}
