//! `postrider trigger`: sends the sample of an event type through the native API.

use http::Method;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cli::Trigger;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{FAINT, Form, GOOD, styled, tame};

pub(crate) async fn run(given: Trigger, form: Form) -> Result<(), Failure> {
    let changes: Vec<Change> = given.set.iter().map(|text| Change::parse(text)).collect::<Result<_, _>>()?;
    let client = Client::connect_for_environment(given.target.find()?).await?;
    let payload = match given.payload {
        Some(text) => text,
        None => sample_of(&client, &given.event_key).await?.to_string(),
    };
    let payload = changed(payload, &changes)?;
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
fn changed(payload: String, changes: &[Change]) -> Result<Box<RawValue>, Failure> {
    let wrong = |error: serde_json::Error| Failure::said(format!("--payload is not JSON: {error}"));
    if changes.is_empty() {
        return RawValue::from_string(payload).map_err(wrong);
    }
    let mut payload: Value = serde_json::from_str(&payload).map_err(wrong)?;
    for change in changes {
        change.apply(&mut payload)?;
    }
    Ok(serde_json::value::to_raw_value(&payload).expect("a JSON value can be written as JSON"))
}

/// The sample of the event type of that key, as the environment has it.
async fn sample_of(client: &Client, key: &str) -> Result<Value, Failure> {
    let event_types = client.list("/api/v1/event-types").await?;
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

/// A member that is to be different.
#[derive(Debug, PartialEq)]
struct Change {
    path: Vec<String>,
    value: Value,
}

impl Change {
    fn parse(text: &str) -> Result<Self, Failure> {
        let wrong =
            || Failure::said(format!("--set {text}: write it as path=value, for example user.email=ada@example.com"));
        let (path, value) = text.split_once('=').ok_or_else(wrong)?;
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(wrong());
        }
        // What is JSON is meant as such; everything else is a text. To send the text `true`, write `"true"`.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self { path, value })
    }

    fn apply(&self, payload: &mut Value) -> Result<(), Failure> {
        let mut place = payload;
        for name in &self.path {
            place = match place {
                Value::Object(members) => members.entry(name.clone()).or_insert_with(|| Value::Object(Map::new())),
                Value::Array(entries) => match name.parse::<usize>().ok().and_then(|index| entries.get_mut(index)) {
                    Some(entry) => entry,
                    None => return Err(self.no_place(&format!("the list has no entry {name}"))),
                },
                _ => return Err(self.no_place(&format!("there is a plain value above `{name}`"))),
            };
        }
        *place = self.value.clone();
        Ok(())
    }

    fn no_place(&self, why: &str) -> Failure {
        Failure::said(format!("--set {}: {why}", self.path.join(".")))
    }
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
            Change::parse(text).unwrap().apply(&mut payload).unwrap();
        }
        let expected = json!({
            "user": {"email": "ada@example.com", "roles": [{"key": "y"}], "name": "n", "verified": true},
            "new": {"deep": "true"},
            "n": 1.0,
        });
        assert_eq!(payload, expected);
        for text in ["user.roles.7.key=y", "user.email.deeper=x"] {
            assert!(Change::parse(text).unwrap().apply(&mut payload).is_err(), "{text}");
        }
        for text in ["", "user", "=x", "user..email=x"] {
            assert!(Change::parse(text).is_err(), "{text}");
        }
    }
}
