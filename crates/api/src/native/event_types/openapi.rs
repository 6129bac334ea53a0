//! Event types as the `webhooks` of an OpenAPI 3.1 document: writing one. What one says is [`described`]'s to read.
//!
//! In such a document the schema is that of the whole body, as it is here, and an example is a whole body, of which the envelope is left
//! out here. References within a document become references within a schema and back, so that each event type's schema stands for
//! itself.

mod bundle;
mod described;

use std::collections::{BTreeMap, HashMap, HashSet};

use postrider_core::CategoryId;
use postrider_core::body::{Payload, payload_of};
use postrider_core::event_type::{Audience, EventType as Stored};
use postrider_shape::schema::places::change_references;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

pub(super) use self::described::{Described, read};
use crate::native::event_types::{SchemaModeName, sample_body};
use crate::native::wire::{Given, Time};

/// The name of our own member of an operation.
const OWN: &str = "x-postrider";

/// What OpenAPI has no words for.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Own {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema_mode: Option<SchemaModeName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) is_visible_to_tenants: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deprecated_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Given::is_absent")]
    pub(super) replaced_by: Given<String>,
}

impl Own {
    pub(super) fn of(event_type: &Stored) -> Self {
        let deprecation = event_type.deprecation.as_ref();
        let replaced_by = deprecation.and_then(|deprecation| deprecation.replaced_by.as_ref());
        Self {
            schema_mode: Some(event_type.schema_mode.into()),
            is_visible_to_tenants: Some(event_type.audience == Audience::Everybody),
            deprecated_at: deprecation.map(|deprecation| deprecation.at.into()),
            replaced_by: replaced_by.map_or(Given::Absent, |key| Given::Value(key.as_str().to_owned())),
        }
    }
}

/// Names for event types that documents can have as the names of components: letters, digits and `._-`, each once.
pub(super) fn component_names<'a>(keys: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut taken = HashSet::new();
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name = |key: &str| {
        let plain: String = key.chars().map(allowed).collect();
        let numbered = (2..).map(|n: u32| format!("{plain}_{n}"));
        let mut names = std::iter::once(plain.clone()).chain(numbered);
        names.find(|name| taken.insert(name.clone())).unwrap_or_default()
    };
    keys.into_iter().map(name).collect()
}

/// A schema for a document in which it stands at `place`: references to its own parts lead there.
pub(super) fn placed(schema: &str, place: &str) -> Box<RawValue> {
    let as_it_is = || RawValue::from_string(schema.to_owned()).expect("a stored schema is JSON");
    let Ok(mut value) = serde_json::from_str::<Value>(schema) else { return as_it_is() };
    if !schema.contains("\"$ref\"") || value.get("$id").is_some() {
        return as_it_is();
    }
    change_references(&mut value, &mut |reference| {
        *reference = format!("{place}{}", reference.strip_prefix('#').unwrap_or(reference));
    });
    serde_json::value::to_raw_value(&value).expect("a JSON value can be written as JSON")
}

/// The sample as a whole body.
pub(super) fn example(event_type: &Stored) -> Option<Box<RawValue>> {
    let payload = Payload::parse(event_type.sample.as_ref()?).ok()?;
    let body = sample_body(event_type.environment_id, &event_type.key, &payload);
    RawValue::from_string(String::from_utf8(body.to_vec()).ok()?).ok()
}

#[derive(Serialize)]
struct Operation<'a> {
    #[serde(rename = "operationId")]
    id: &'a str,
    summary: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deprecated: bool,
    #[serde(rename = "requestBody")]
    request_body: Value,
    responses: Value,
    #[serde(rename = "x-postrider")]
    own: Own,
}

/// The document of these event types.
pub(super) fn document(
    title: &str,
    event_types: &[std::sync::Arc<Stored>],
    categories: &HashMap<CategoryId, String>,
) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        openapi: &'static str,
        info: Value,
        webhooks: BTreeMap<&'a str, BTreeMap<&'static str, Operation<'a>>>,
        components: Components<'a>,
    }
    #[derive(Serialize)]
    struct Components<'a> {
        schemas: BTreeMap<&'a str, Box<RawValue>>,
        examples: BTreeMap<&'a str, BTreeMap<&'static str, Box<RawValue>>>,
    }
    let names = component_names(event_types.iter().map(|event_type| event_type.key.as_str()));
    let mut document = Document {
        openapi: "3.1.0",
        info: json!({ "title": title, "version": "1" }),
        webhooks: BTreeMap::new(),
        components: Components { schemas: BTreeMap::new(), examples: BTreeMap::new() },
    };
    for (event_type, name) in event_types.iter().zip(&names) {
        let mut media = Map::new();
        if let Some(schema) = &event_type.schema {
            let place = format!("#/components/schemas/{name}");
            document.components.schemas.insert(name, placed(schema.as_str(), &place));
            media.insert("schema".to_owned(), json!({ "$ref": place }));
        }
        if let Some(example) = example(event_type) {
            let place = format!("#/components/examples/{name}");
            document.components.examples.insert(name, BTreeMap::from([("value", example)]));
            media.insert("examples".to_owned(), json!({ "sample": { "$ref": place } }));
        }
        let operation = Operation {
            id: name,
            summary: &event_type.display_name,
            description: &event_type.description,
            tags: categories.get(&event_type.category_id).map(|category| [category.as_str()]),
            deprecated: event_type.deprecation.is_some(),
            request_body: json!({ "required": true, "content": { "application/json": media } }),
            responses: json!({ "2XX": { "description": "The event was taken." } }),
            own: Own::of(event_type),
        };
        document.webhooks.insert(event_type.key.as_str(), BTreeMap::from([("post", operation)]));
    }
    serde_json::to_vec(&document).expect("names and JSON values can be written as JSON")
}

/// The members that a sample brings to the body, as values: two samples that come to the same body are the same.
pub(super) fn meaning(event_type: &Stored, sample: &str) -> Option<Value> {
    let payload = Payload::parse(sample).ok()?;
    let body = sample_body(event_type.environment_id, &event_type.key, &payload);
    serde_json::from_str(payload_of(&body).ok()?.to_raw_value().get()).ok()
}
