//! `postrider trigger`: sends the sample of an event type through the native API.

use http::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cli::{Change, Trigger};
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{FAINT, Form, GOOD, styled, tame};

/// The code of a refusal where the credential opens less than the call needs.
const INSUFFICIENT_SCOPE: &str = "insufficient_scope";

pub(crate) async fn run(given: Trigger, form: Form) -> Result<(), Failure> {
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let payload = match given.payload {
        Some(payload) => payload,
        None => written(&sample_of(&client, &given.event_key).await?),
    };
    let payload = changed(payload, &given.set)?;
    let event = Posted {
        event_key: &given.event_key,
        tenant_id: given.tenant.as_deref(),
        user_id: given.user.as_deref(),
        application_id: given.application.as_deref(),
        payload: &payload,
    };
    let mut request = client.request(Method::POST, "/api/v1/events").json(&event);
    if let Some(key) = &given.idempotency_key {
        request = request.header("idempotency-key", key);
    }
    let receipt: Value = client
        .send(request)
        .await?
        .json()
        .await
        .map_err(|error| Failure::said(format!("the server's answer cannot be read: {error}")))?;
    form.print(&receipt, || {
        let deliveries = receipt["deliveries"].as_u64().unwrap_or(0);
        let (count, hint) = match deliveries {
            0 => (
                "no webhook wants it".to_owned(),
                "\nIt is kept all the same. Subscribe a webhook, or look with `postrider listen`.",
            ),
            1 => ("1 delivery".to_owned(), ""),
            more => (format!("{more} deliveries"), ""),
        };
        let id = receipt["eventId"].as_str().unwrap_or_default();
        format!("{} {id}: {count}{}", styled(GOOD, "accepted"), styled(FAINT, hint))
    })?;
    Ok(())
}

/// An event as it is posted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Posted<'a> {
    pub(crate) event_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tenant_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) application_id: Option<&'a str>,
    pub(crate) payload: &'a RawValue,
}

/// The payload with the changes. Without any it keeps its bytes: numbers stay as they were written.
fn changed(payload: Box<RawValue>, changes: &[Change]) -> Result<Box<RawValue>, Failure> {
    if changes.is_empty() {
        return Ok(payload);
    }
    let read = serde_json::from_str(payload.get());
    let mut payload: Value = read.map_err(|error| Failure::said(format!("the payload cannot be changed: {error}")))?;
    for change in changes {
        apply(change, &mut payload)?;
    }
    Ok(written(&payload))
}

fn written(payload: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(payload).expect("a JSON value can be written as JSON")
}

/// The sample of the event type of that key, as the environment has it.
async fn sample_of(client: &Client, key: &str) -> Result<Value, Failure> {
    let event_types = client.list("/api/v1/event-types").await.map_err(|failure| match failure {
        Failure::Refused(refusal) if refusal.code.as_deref() == Some(INSUFFICIENT_SCOPE) => Failure::said(
            "the sample cannot be read with this credential, which reports events and opens nothing else: add a --payload",
        ),
        failure => failure,
    })?;
    let Some(event_type) = event_types.iter().find(|event_type| event_type["key"] == key) else {
        let near = nearest(key, event_types.iter().filter_map(|event_type| event_type["key"].as_str()));
        let advice = near.map(|near| format!(" (did you mean {}?)", tame(near))).unwrap_or_default();
        return Err(Failure::said(format!("there is no event type `{key}`{advice}. Any key works with --payload")));
    };
    match &event_type["sample"] {
        sample @ Value::Object(_) => Ok(sample.clone()),
        _ => Err(Failure::said(format!("the event type `{key}` has no sample; give a --payload"))),
    }
}

/// The known key that ends or begins as what was typed.
fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let by_likeness = known.map(|key| (strsim::jaro_winkler(typed, key), key));
    let best = by_likeness.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness > 0.8).map(|(_, key)| key)
}

/// Makes a change, with the objects on the way to it that are missing.
fn apply(change: &Change, payload: &mut Value) -> Result<(), Failure> {
    let no_place = |why: &str| Failure::said(format!("--set {}: {why}", change.path.join(".")));
    let mut place = payload;
    for name in &change.path {
        place = match place {
            Value::Object(members) => members.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())),
            Value::Array(entries) => match name.parse::<usize>().ok().and_then(|index| entries.get_mut(index)) {
                Some(entry) => entry,
                None => return Err(no_place(&format!("the list has no entry {name}"))),
            },
            _ => return Err(no_place(&format!("there is a plain value above `{name}`"))),
        };
    }
    *place = change.value.clone();
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn changes_reach_their_place_and_keep_the_rest() {
        let mut payload = json!({"user": {"email": "a", "roles": [{"key": "x"}], "name": "n"}});
        for text in
            ["user.email=ada@example.com", "user.roles.0.key=y", "user.verified=true", "new.deep=\"true\"", "n=1.0"]
        {
            apply(&Change::parse(text).unwrap(), &mut payload).unwrap();
        }
        let expected = json!({
            "user": {"email": "ada@example.com", "roles": [{"key": "y"}], "name": "n", "verified": true},
            "new": {"deep": "true"},
            "n": 1.0,
        });
        assert_eq!(payload, expected);
        for text in ["user.roles.7.key=y", "user.email.deeper=x"] {
            assert!(apply(&Change::parse(text).unwrap(), &mut payload).is_err(), "{text}");
        }
    }
}
