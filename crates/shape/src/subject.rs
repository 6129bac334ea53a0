//! What a template sees of an event.
//!
//! The members of the body by their names, as receivers know them: `user`, `eventKey`, `eventContext`, and whatever the producer sent. Besides,
//! `event` (what Postrider knows of it), `context` (short for `eventContext`) and `payload` (the members beside the envelope, as one
//! object); a member of such a name is found in `payload`. All of it is the same at each attempt.

use std::sync::{Arc, OnceLock};

use minijinja::Value;
use minijinja::value::{Enumerator, Object};
use postrider_core::body;
use postrider_core::event::Event;

use crate::json;
use crate::scan::BODY;

/// An event as templates see it.
#[derive(Debug, Clone)]
pub struct Subject(Value);

impl Subject {
    /// The view of an event.
    pub fn of(event: &Event) -> Self {
        // Bodies are UTF-8; another one could not have been composed.
        let text: Arc<str> = String::from_utf8_lossy(&event.body).into();
        let described = Value::from_pairs([
            ("id", Value::from(event.id.to_string())),
            ("key", Value::from(event.key.as_str())),
            ("tenantId", Value::from(event.tenant_id.as_ref().map(postrider_core::event::TenantId::as_str))),
            ("userId", Value::from(event.user_id.as_ref().map(postrider_core::event::UserId::as_str))),
            (
                "applicationId",
                Value::from(event.application_id.as_ref().map(postrider_core::event::ApplicationId::as_str)),
            ),
            ("environmentId", Value::from(event.environment_id.to_string())),
            ("occurredAt", Value::from(event.occurred_at.map(|at| at.to_string()))),
            ("acceptedAt", Value::from(event.accepted_at.to_string())),
        ]);
        let body = json::value_of(Arc::clone(&text));
        Self(Value::from_object(Root { text, body, described, payload: OnceLock::new() }))
    }

    pub(crate) fn value(&self) -> Value {
        self.0.clone()
    }
}

#[derive(Debug)]
struct Root {
    text: Arc<str>,
    body: Value,
    described: Value,
    payload: OnceLock<Value>,
}

impl Root {
    fn payload(&self) -> Value {
        let made = || match body::payload_of(self.text.as_bytes()) {
            Ok(payload) => json::value_of(Box::<str>::from(payload.to_raw_value()).into()),
            Err(_) => Value::UNDEFINED,
        };
        self.payload.get_or_init(made).clone()
    }
}

impl Object for Root {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "event" => Some(self.described.clone()),
            "context" => self.body.get_attr("eventContext").ok(),
            "payload" => Some(self.payload()),
            BODY => Some(self.body.clone()),
            name => self.body.as_object()?.get_value_by_str(name),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}
