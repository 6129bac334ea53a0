//! Event types as the messages of an AsyncAPI 3.0 document. It is written alone, and not read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use postrider_core::CategoryId;
use postrider_core::event_type::EventType as Stored;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::openapi::{Own, component_names, example, placed};

/// What schemas are in, as they say it of themselves or as OpenAPI 3.1 takes them.
const SCHEMA_FORMAT: &str = "application/schema+json;version=draft-2020-12";

#[derive(Serialize)]
struct Message<'a> {
    name: &'a str,
    title: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    #[serde(rename = "contentType")]
    content_type: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Example>,
    #[serde(rename = "x-postrider")]
    own: Own,
}

#[derive(Serialize)]
struct Payload {
    #[serde(rename = "schemaFormat")]
    schema_format: &'static str,
    schema: Box<RawValue>,
}

#[derive(Serialize)]
struct Example {
    name: &'static str,
    payload: Box<RawValue>,
}

/// The document of these event types.
pub(super) fn document(title: &str, event_types: &[Arc<Stored>], categories: &HashMap<CategoryId, String>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Document<'a> {
        asyncapi: &'static str,
        info: Value,
        #[serde(rename = "defaultContentType")]
        default_content_type: &'static str,
        channels: Value,
        operations: Value,
        components: Components<'a>,
    }
    #[derive(Serialize)]
    struct Components<'a> {
        messages: BTreeMap<&'a str, Message<'a>>,
    }
    let names = component_names(event_types.iter().map(|event_type| event_type.key.as_str()));
    let mut messages = BTreeMap::new();
    let mut of_channel = Map::new();
    let mut of_operation = Vec::new();
    for (event_type, name) in event_types.iter().zip(&names) {
        let place = format!("#/components/messages/{name}/payload/schema");
        let payload = event_type
            .schema
            .as_ref()
            .map(|schema| Payload { schema_format: SCHEMA_FORMAT, schema: placed(schema.as_str(), &place) });
        let message = Message {
            name: event_type.key.as_str(),
            title: &event_type.display_name,
            description: &event_type.description,
            content_type: "application/json",
            tags: categories
                .get(&event_type.category_id)
                .map(|category| json!({ "name": category }))
                .into_iter()
                .collect(),
            payload,
            examples: example(event_type).map(|payload| Example { name: "sample", payload }).into_iter().collect(),
            own: Own::of(event_type),
        };
        messages.insert(name.as_str(), message);
        of_channel.insert(name.clone(), json!({ "$ref": format!("#/components/messages/{name}") }));
        of_operation.push(json!({ "$ref": format!("#/channels/webhook/messages/{name}") }));
    }
    let document = Document {
        asyncapi: "3.0.0",
        info: json!({ "title": title, "version": "1" }),
        default_content_type: "application/json",
        channels: json!({ "webhook": {
            "address": null,
            "title": "Webhook",
            "description": "The URL of a webhook. Each event that it subscribes to is posted there.",
            "messages": of_channel,
        } }),
        operations: json!({ "deliver": {
            "action": "send",
            "channel": { "$ref": "#/channels/webhook" },
            "messages": of_operation,
        } }),
        components: Components { messages },
    };
    serde_json::to_vec(&document).expect("names and JSON values can be written as JSON")
}
