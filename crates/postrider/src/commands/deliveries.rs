//! `postrider deliveries`: finds deliveries, and repeats many.

use http::Method;
use postrider_core::JobId;
use serde_json::{Map, Value, json};
use url::form_urlencoded::Serializer;

use super::job;
use crate::cli::{Deliveries, DeliveryFilter};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{FAINT, Form, note, styled, table, tame};

pub(crate) async fn run(what: Deliveries, form: Form) -> Result<(), Failure> {
    match what {
        Deliveries::List { filter, job, limit, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let found = find(&client, (&filter, job), limit, form).await?;
            form.print(&found, || {
                let rows: Vec<_> = found.iter().map(cells).collect();
                table(["delivery", "made", "state", "status", "event", "webhook", "tenant"], &rows)
            })?;
            Ok(())
        }
        Deliveries::Resend { filter, job, target } => {
            let client = Client::connect_for_environment(target.find()?).await?;
            let mut request = json!({ "kind": "resend", "filter": resend_filter(&filter) });
            if let Some(rate) = job.rate {
                request["ratePerSecond"] = rate.into();
            }
            job::run(&client, request, &job, form).await
        }
    }
}

/// As many as asked for, however many pages the search takes.
async fn find(
    client: &Client,
    (filter, job): (&DeliveryFilter, Option<JobId>),
    limit: usize,
    form: Form,
) -> Result<Vec<Value>, Failure> {
    let mut found: Vec<Value> = Vec::new();
    let mut cursor: Option<String> = None;
    while found.len() < limit {
        let mut query = Serializer::new(String::new());
        for (name, value) in parameters(filter) {
            query.append_pair(name, value);
        }
        if let Some(job) = job {
            query.append_pair("jobId", &job.to_string());
        }
        query.append_pair("limit", &(limit - found.len()).min(250).to_string());
        if let Some(cursor) = &cursor {
            query.append_pair("cursor", cursor);
        }
        let page = client.call(Method::GET, &format!("/api/v1/deliveries?{}", query.finish()), None).await?;
        found.extend(page["items"].as_array().cloned().unwrap_or_default());
        cursor = page["nextCursor"].as_str().map(ToOwned::to_owned);
        match page["searchedUntil"].as_str() {
            Some(until) if found.len() < limit && form == Form::Text => {
                note(styled(FAINT, format_args!("searched down to {until}")));
            }
            _ => {}
        }
        if cursor.is_none() {
            break;
        }
    }
    Ok(found)
}

fn parameters(filter: &DeliveryFilter) -> impl Iterator<Item = (&'static str, &str)> {
    let DeliveryFilter { state, status, webhook, tenant, event_key, from, to, text } = filter;
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
    .filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

fn resend_filter(filter: &DeliveryFilter) -> Map<String, Value> {
    let member = |(name, value): (&str, &str)| match name {
        "state" => (name.to_owned(), value.split(',').collect()),
        _ => (name.to_owned(), value.into()),
    };
    parameters(filter).map(member).collect()
}

fn cells(delivery: &Value) -> [String; 7] {
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
