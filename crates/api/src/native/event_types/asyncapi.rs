//! Event types as the messages of an AsyncAPI 3.0 document. It is written alone, and not read.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use postrider_core::CategoryId;
use postrider_core::event_type::EventType as Stored;
use postrider_core::source::Source;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::openapi::{Own, component_names, example, placed};

/// The drafts of JSON Schema, by what a schema's `$schema` has in it.
const DRAFTS: [(&str, &str); 4] = [
    ("/draft-04/", "application/schema+json;version=draft-04"),
    ("/draft-06/", "application/schema+json;version=draft-06"),
    ("/draft-07/", "application/schema+json;version=draft-07"),
    ("/2019-09/", "application/schema+json;version=draft-2019-09"),
];
/// What a schema is in that does not say it.
const NEWEST_DRAFT: &str = "application/schema+json;version=draft-2020-12";

/// What a schema is in.
fn schema_format(schema: &str) -> &'static str {
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "$schema")]
        draft: Option<String>,
    }
    let draft = serde_json::from_str::<Head>(schema).ok().and_then(|head| head.draft).unwrap_or_default();
    DRAFTS.iter().find(|(part, _)| draft.contains(part)).map_or(NEWEST_DRAFT, |(_, format)| format)
}

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
            .map(Source::as_str)
            .map(|schema| Payload { schema_format: schema_format(schema), schema: placed(schema, &place) });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_of_the_draft_that_it_names() {
        for (schema, version) in [
            (r#"{"type":"object"}"#, "draft-2020-12"),
            (r#"{"$schema":"https://json-schema.org/draft/2020-12/schema"}"#, "draft-2020-12"),
            (r#"{"$schema":"https://json-schema.org/draft/2019-09/schema"}"#, "draft-2019-09"),
            (r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#, "draft-07"),
            (r#"{"$schema":"http://json-schema.org/draft-04/schema#"}"#, "draft-04"),
        ] {
            assert_eq!(schema_format(schema), format!("application/schema+json;version={version}"), "{schema}");
        }
    }
}
