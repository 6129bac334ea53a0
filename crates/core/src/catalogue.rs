//! The built-in event types: those that an environment starts with.
//!
//! Owns the words, samples and schemas, which lie in `data/` beside this crate's sources: one sample and one schema for each
//! subject, and what an event's sample has different from its subject's. Does not own the event types of an environment: these
//! are copies that the vendor may change.
//!
//! Invariants, held by the tests: a sample composed into a body validates against its schema, and a sample user is one that
//! Frontegg's own Rust client can read.

use std::sync::LazyLock;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::body::{EventContext, Payload, compose};
use crate::id::EnvironmentId;

/// The tenant of the samples.
pub const SAMPLE_TENANT: &str = "2b6a2c5e-8f0d-4a53-9a0e-6d1f4c7b9e21";
/// The user of the samples.
pub const SAMPLE_USER: &str = "7d9f1e34-5b2a-4c68-a1d7-0e8c3f6b5a92";

/// An event type that every new environment has.
#[derive(Debug)]
pub struct BuiltinEventType {
    /// The event key.
    pub key: &'static str,
    /// The name for people.
    pub display_name: &'static str,
    /// When the event is sent: a sentence or two.
    pub description: &'static str,
    /// The name of the category it stands in.
    pub category: &'static str,
    /// The member of the payload that holds what the event is about: `user`, `tenant`, ...
    pub subject: &'static str,
    /// The JSON Schema (2020-12) of the delivered body.
    pub schema: String,
    /// A realistic payload: the members beside `eventKey` and `eventContext`, as JSON.
    pub sample: String,
}

impl BuiltinEventType {
    /// The sample as it would be delivered.
    pub fn sample_body(&self, vendor_id: EnvironmentId) -> Bytes {
        let payload = Payload::parse(&self.sample).expect("the tests parse every sample");
        // Events that a user is at the centre of name that user; those of SCIM name the provisioner, which composing adds.
        let user_id = self.key.starts_with("frontegg.user").then_some(SAMPLE_USER);
        let context = EventContext { vendor_id, tenant_id: Some(SAMPLE_TENANT), user_id, application_id: None };
        compose(self.key, &context, &payload)
    }
}

/// All of them; those of a category stand together.
pub fn builtin() -> &'static [BuiltinEventType] {
    static BUILTIN: LazyLock<Vec<BuiltinEventType>> = LazyLock::new(read);
    &BUILTIN
}

/// The built-in event type of that key.
pub fn find(key: &str) -> Option<&'static BuiltinEventType> {
    builtin().iter().find(|event_type| event_type.key == key)
}

/// The names of their categories, each once, in order.
pub fn categories() -> Vec<&'static str> {
    let mut names: Vec<_> = builtin().iter().map(|event_type| event_type.category).collect();
    names.dedup();
    names
}

const CATALOGUE: &str = include_str!("../data/catalogue.json");
const ENVELOPE_SCHEMA: &str = include_str!("../data/schemas/envelope.json");

macro_rules! subjects {
    ($($subject:literal),* $(,)?) => {
        /// Subject, sample, schema.
        const SUBJECTS: &[(&str, &str, &str)] = &[$((
            $subject,
            include_str!(concat!("../data/samples/", $subject, ".json")),
            include_str!(concat!("../data/schemas/", $subject, ".json")),
        )),*];
    };
}

subjects!["user", "tenant", "apiToken", "group", "application", "plan", "domain"];

#[derive(Deserialize)]
struct Catalogue<'a> {
    #[serde(borrow)]
    events: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Entry<'a> {
    key: &'a str,
    category: &'a str,
    display_name: &'a str,
    description: &'a str,
    subject: &'a str,
    /// Laid over the subject's sample.
    #[serde(default)]
    sample: Map<String, Value>,
}

fn read() -> Vec<BuiltinEventType> {
    let parse = |text| serde_json::from_str::<Value>(text).expect("the tests parse every file of the catalogue");
    let catalogue: Catalogue<'static> = serde_json::from_str(CATALOGUE).expect("the tests parse the catalogue");
    let event_type = |entry: Entry<'static>| {
        let (_, sample, schema) = SUBJECTS
            .iter()
            .find(|(subject, ..)| *subject == entry.subject)
            .expect("the tests read every entry, and with it its subject");

        let mut body_schema = parse(ENVELOPE_SCHEMA);
        lay_over(&mut body_schema, parse(schema));
        let own = json!({
            "title": entry.display_name,
            "description": entry.description,
            "properties": {"eventKey": {"const": entry.key}},
        });
        lay_over(&mut body_schema, own);

        let mut payload = parse(sample);
        lay_over(&mut payload, Value::Object(entry.sample));

        BuiltinEventType {
            key: entry.key,
            display_name: entry.display_name,
            description: entry.description,
            category: entry.category,
            subject: entry.subject,
            schema: body_schema.to_string(),
            sample: payload.to_string(),
        }
    };
    catalogue.events.into_iter().map(event_type).collect()
}

/// Objects are merged member by member; anything else, `null` too, takes the place of what was there.
fn lay_over(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn vendor() -> EnvironmentId {
        "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f".parse().unwrap()
    }

    fn bodies() -> impl Iterator<Item = (&'static BuiltinEventType, Value)> {
        builtin().iter().map(|event_type| {
            (event_type, serde_json::from_slice(&event_type.sample_body(vendor())).expect("a body is JSON"))
        })
    }

    #[test]
    fn there_are_fifty_of_them_in_nine_categories() {
        let keys: BTreeSet<_> = builtin().iter().map(|event_type| event_type.key).collect();
        assert_eq!((builtin().len(), keys.len()), (50, 50));
        assert_eq!(
            categories(),
            [
                "Authentication",
                "MFA",
                "User management",
                "Tenant",
                "Groups",
                "Security",
                "Applications",
                "Plans",
                "SCIM"
            ]
        );
    }

    #[test]
    fn each_sample_validates_against_its_schema_and_no_other_event_does() {
        for (event_type, mut body) in bodies() {
            let schema: Value = serde_json::from_str(&event_type.schema).unwrap();
            assert!(jsonschema::meta::is_valid(&schema), "{}", event_type.key);
            let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
            let wrong: Vec<_> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
            assert_eq!(wrong, [""; 0], "{}", event_type.key);

            // The schema knows every member of the sample, and insists on its own event and subject.
            let known = &schema["properties"][event_type.subject]["properties"];
            for name in body[event_type.subject].as_object().unwrap().keys() {
                assert!(known.get(name).is_some(), "{}: {name}", event_type.key);
            }
            body["eventKey"] = json!("another.event");
            assert!(!validator.is_valid(&body), "{}", event_type.key);
            body["eventKey"] = json!(event_type.key);
            body.as_object_mut().unwrap().shift_remove(event_type.subject);
            assert!(!validator.is_valid(&body), "{}", event_type.key);
        }
    }

    #[test]
    fn sample_users_can_be_read_by_fronteggs_own_client() {
        let of_users = bodies().filter(|(event_type, _)| event_type.subject == "user");
        let read = of_users.map(|(event_type, body)| {
            let user: frontegg::WebhookUser = serde_json::from_value(body["user"].clone())
                .unwrap_or_else(|error| panic!("{}: {error}", event_type.key));
            assert_eq!(user.id.to_string(), SAMPLE_USER);
            assert_eq!(user.sub, user.id);
            assert_eq!(user.tenant_id.to_string(), SAMPLE_TENANT);
            assert_eq!(user.managed_by == "scim2", event_type.category == "SCIM", "{}", event_type.key);
            assert_eq!(
                body["eventContext"]["userId"],
                if event_type.category == "SCIM" { "idp_provisioned" } else { SAMPLE_USER },
            );
        });
        assert_eq!(read.count(), 23);
    }

    #[test]
    fn sample_tenants_can_be_read_by_fronteggs_own_client() {
        let of_tenants = bodies().filter(|(event_type, _)| event_type.subject == "tenant");
        for (event_type, mut body) in of_tenants {
            assert_eq!(body["tenantId"], body["tenant"]["tenantId"], "{}", event_type.key);
            assert_eq!(body["name"], body["tenant"]["name"], "{}", event_type.key);
            // The client's type insists on this member, which is not in what is delivered.
            body["tenant"]["deletedAt"] = Value::Null;
            let tenant: frontegg::Tenant = serde_json::from_value(body["tenant"].clone()).unwrap();
            assert_eq!(tenant.id.to_string(), SAMPLE_TENANT);
        }
    }

    #[test]
    fn samples_tell_what_their_event_changed() {
        let user = |key: &str| -> Value {
            let sample: Value = serde_json::from_str(&find(key).unwrap().sample).unwrap();
            sample["user"].clone()
        };
        assert_eq!(user("frontegg.user.created")["lastLogin"], Value::Null);
        assert_ne!(user("frontegg.user.authenticated")["lastLogin"], Value::Null);
        assert_eq!(user("frontegg.user.enrolledMFA")["mfaEnrolled"], true);
        assert_eq!(user("frontegg.user.disabledMFA")["mfaEnrolled"], false);
        assert_eq!(user("frontegg.scim.user.created")["managedBy"], "scim2");
        assert!(find("frontegg.user.unheardOf").is_none());
    }
}
