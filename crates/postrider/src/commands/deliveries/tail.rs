//! `postrider deliveries tail`: a line for each delivery that is made or changes.
//!
//! The server picks by webhook, tenant and job; the rest is picked here. A stream tells the state that a delivery has when it is told,
//! not each one that it had.

use postrider_core::delivery::StateKind;
use postrider_store::LastAnswer;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::super::following::{Told, Words, follow, unreadable};
use super::cells;
use crate::cli::{DeliveryMarks, Tail};
use crate::failure::Failure;
use crate::output::{self, BAD, FAINT, Form, GOOD, styled};

/// What is said around the stream.
const WORDS: Words<'static> = Words {
    welcome: "Watching deliveries as they are made and change; Ctrl-C stops.",
    again: "Connected again. What changed in between is not told; `postrider deliveries list` shows it.",
};

/// `event: missed`: deliveries changed faster than they are told.
#[derive(Deserialize)]
struct Missed {
    deliveries: u64,
}

/// What the server does not pick by.
struct Picked {
    states: Vec<StateKind>,
    answer: Option<LastAnswer>,
    event_key: Option<String>,
    event: Option<String>,
    /// How the id begins, without hyphens, in small letters.
    id: Option<String>,
}

pub(super) async fn run(given: Tail, form: Form) -> Result<(), Failure> {
    let Tail { marks: DeliveryMarks { state, status, webhook, tenant, event_key }, id, event, job, target } = given;
    let picked = Picked {
        states: state,
        answer: status.map(|status| status.answer),
        event_key,
        event: event.map(|id| id.to_string()),
        id: id.map(|id| plain(&id)),
    };
    let mut query = Serializer::new(String::new());
    let (webhook, job) = (webhook.map(|id| id.to_string()), job.map(|id| id.to_string()));
    for (name, value) in [("webhookId", webhook), ("tenantId", tenant), ("jobId", job)] {
        if let Some(value) = value {
            query.append_pair(name, &value);
        }
    }
    let path = format!("/api/v1/deliveries/stream?{}", query.finish());
    follow(&target.find()?, &path, WORDS, async |message: Told| take(&message, &picked, form)).await
}

fn take(message: &Told, picked: &Picked, form: Form) -> Result<(), Failure> {
    match message.name.as_str() {
        "delivery" => match serde_json::from_str::<Value>(&message.data) {
            Ok(delivery) if picked.takes(&delivery) => form.print(&delivery, || line(&delivery))?,
            Ok(_) => {}
            Err(error) => unreadable(&error),
        },
        "missed" => match serde_json::from_str(&message.data) {
            Ok(Missed { deliveries }) => {
                let what = styled(BAD, "missed, as they came too fast");
                output::note(format_args!(
                    "{what}: {deliveries} changes; `postrider deliveries list` shows what is now"
                ));
            }
            Err(error) => unreadable(&error),
        },
        // `open`, jobs, and what a later server says.
        _ => {}
    }
    Ok(())
}

impl Picked {
    fn takes(&self, delivery: &Value) -> bool {
        let is = |name: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| delivery[name] == *wanted);
        let state = delivery["state"].as_str().and_then(StateKind::from_name);
        let last = &delivery["lastAttempt"];
        let status = last["statusCode"].as_u64().and_then(|code| u16::try_from(code).ok());
        (self.states.is_empty() || state.is_some_and(|state| self.states.contains(&state)))
            && self.answer.is_none_or(|answer| !last.is_null() && answer.is(status))
            && is("eventKey", self.event_key.as_deref())
            && is("eventId", self.event.as_deref())
            && self
                .id
                .as_ref()
                .is_none_or(|begins| delivery["id"].as_str().is_some_and(|id| plain(id).starts_with(begins.as_str())))
    }
}

fn plain(id: &str) -> String {
    id.replace('-', "").to_ascii_lowercase()
}

/// A delivery for people: what became of it first.
fn line(delivery: &Value) -> String {
    let [id, made, state, status, event_key, webhook, tenant] = cells(delivery);
    let style = match state.as_str() {
        "delivered" => GOOD,
        "failed" | "discarded" => BAD,
        _ => FAINT,
    };
    let state = styled(style, format_args!("{state:<10}"));
    let rest = styled(FAINT, format_args!("{id}, to {webhook}, made {made}"));
    format!("{state} {status:<5} {event_key:<40} {tenant:<12} {rest}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_shown_where_all_marks_are_right() {
        let delivery = json!({
            "id": "018F3C5E-7c1a-7b6e-9d2a-3f4b5c6d7e8f", "eventId": "e", "eventKey": "a.b", "state": "retrying",
            "lastAttempt": { "statusCode": 503 },
        });
        let all = || Picked { states: Vec::new(), answer: None, event_key: None, event: None, id: None };
        let with_states = |states: &[StateKind]| Picked { states: states.to_vec(), ..all() };
        let with_answer = |text| Picked { answer: Some(LastAnswer::parse(text).unwrap()), ..all() };
        let with_id = |text| Picked { id: Some(plain(text)), ..all() };
        for (picked, is_taken) in [
            (all(), true),
            (with_states(&[StateKind::Failed, StateKind::Retrying]), true),
            (with_states(&[StateKind::Failed]), false),
            (with_answer("5xx"), true),
            (with_answer("502"), false),
            (with_answer("none"), false),
            (with_id("018f3c5e-7C"), true),
            (with_id("018f3c5f"), false),
            (Picked { event_key: Some("a.c".to_owned()), ..all() }, false),
            (Picked { event: Some("e".to_owned()), ..all() }, true),
        ] {
            assert_eq!(picked.takes(&delivery), is_taken);
        }
        let untried = json!({ "id": "1", "state": "pending", "lastAttempt": null });
        assert!(!with_answer("none").takes(&untried), "nothing was answered to no attempt");
    }
}
