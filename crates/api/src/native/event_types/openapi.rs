//! Event types as the `webhooks` of an OpenAPI 3.1 document: writing one, and reading what one says.
//!
//! In such a document the schema is that of the whole body, as it is here, and an example is a whole body, of which the envelope is left
//! out here. References within a document become references within a schema and back, so that each event type's schema stands for
//! itself.

use std::collections::{BTreeMap, HashMap, HashSet};

use postrider_core::CategoryId;
use postrider_core::body::{Payload, payload_of};
use postrider_core::event_type::{Audience, EventType as Stored};
use postrider_shape::schema::places::{change_references, escaped};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::native::event_types::{SchemaModeName, sample_body};
use crate::native::wire::{Given, Time};

/// The name of our own member of an operation.
const OWN: &str = "x-postrider";
/// References that are followed one after the other until a thing itself is found.
const HOPS: usize = 16;
const METHODS: [&str; 8] = ["post", "put", "patch", "get", "delete", "options", "head", "trace"];

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

/// What a document says of an event type. What it leaves out is none.
#[derive(Debug)]
pub(super) struct Described {
    pub(super) key: String,
    /// Where its operation stands, as a JSON pointer into the document.
    pub(super) at: String,
    pub(super) display_name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) category: Option<String>,
    pub(super) is_deprecated: Option<bool>,
    /// Standing for itself.
    pub(super) schema: Option<Value>,
    /// The members of a payload.
    pub(super) sample: Option<Value>,
    pub(super) own: Own,
}

/// Something that a document has and that cannot be read: where, and why.
pub(super) type Unreadable = (String, String);

/// What a document says, in the order of its webhooks; for each either that, or why it cannot be read.
pub(super) fn read(document: &Value) -> Result<Vec<Result<Described, Unreadable>>, Unreadable> {
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.1.") && !version.starts_with("3.2.") {
        return Err(("/openapi".to_owned(), "is 3.1.0, or a later 3".to_owned()));
    }
    match document.get("webhooks") {
        Some(Value::Object(webhooks)) => {
            Ok(webhooks.iter().map(|(key, item)| described(document, key, item)).collect())
        }
        _ => Err(("/webhooks".to_owned(), "is an object of path items, one for each event key".to_owned())),
    }
}

fn described(document: &Value, key: &str, item: &Value) -> Result<Described, Unreadable> {
    let at = format!("/webhooks/{}", escaped(key));
    let (item, at) = thing(document, item, at)?;
    let method = METHODS.into_iter().find(|method| item.get(*method).is_some());
    let method = method.ok_or_else(|| (at.clone(), "has no operation; give it a `post`".to_owned()))?;
    let (operation, at) = thing(document, &item[method], format!("{at}/{method}"))?;
    let text = |name: &str| match operation.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err((format!("{at}/{name}"), "is a string".to_owned())),
    };
    let own = match operation.get(OWN) {
        None => Own::default(),
        Some(own) => serde_json::from_value(own.clone()).map_err(|error| (format!("{at}/{OWN}"), error.to_string()))?,
    };
    let (schema, sample) = match operation.get("requestBody") {
        None => (None, None),
        Some(body) => of_body(document, body, format!("{at}/requestBody"))?,
    };
    Ok(Described {
        key: key.to_owned(),
        display_name: text("summary")?,
        description: text("description")?,
        category: operation.pointer("/tags/0").and_then(Value::as_str).map(str::to_owned),
        is_deprecated: operation.get("deprecated").and_then(Value::as_bool),
        schema,
        sample,
        own,
        at,
    })
}

type OfBody = (Option<Value>, Option<Value>);

fn of_body(document: &Value, body: &Value, at: String) -> Result<OfBody, Unreadable> {
    let (body, at) = thing(document, body, at)?;
    let content = body.get("content").and_then(Value::as_object).into_iter().flatten();
    let is_json = |name: &str| {
        let name = name.split(';').next().unwrap_or_default().trim();
        name == "application/json" || name.ends_with("+json") || name == "*/*"
    };
    let Some((name, media)) = content.into_iter().find(|(name, _)| is_json(name)) else { return Ok((None, None)) };
    let at = format!("{at}/content/{}", escaped(name));
    let schema = match media.get("schema") {
        None => None,
        Some(schema) => Some(bundled(document, schema, format!("{at}/schema"))?),
    };
    let example = match (media.get("example"), media.get("examples").and_then(Value::as_object)) {
        (Some(example), _) => Some(example),
        (None, Some(examples)) => match examples.values().next() {
            None => None,
            Some(example) => thing(document, example, format!("{at}/examples"))?.0.get("value"),
        },
        (None, None) => None,
    };
    Ok((schema, example.map(without_envelope)))
}

fn without_envelope(example: &Value) -> Value {
    let mut sample = example.clone();
    if let Some(members) = sample.as_object_mut() {
        members.shift_remove("eventKey");
        members.shift_remove("eventContext");
    }
    sample
}

/// The members that a sample brings to the body, as values: two samples that come to the same body are the same.
pub(super) fn meaning(event_type: &Stored, sample: &str) -> Option<Value> {
    let payload = Payload::parse(sample).ok()?;
    let body = sample_body(event_type.environment_id, &event_type.key, &payload);
    serde_json::from_str(payload_of(&body).ok()?.to_raw_value().get()).ok()
}

/// Where a reference leads, as a JSON pointer.
fn local(reference: &str, at: &str) -> Result<String, Unreadable> {
    let fragment = reference.strip_prefix('#').ok_or_else(|| {
        let detail = format!("the reference `{reference}` leads out of the document, and nothing is ever fetched");
        (at.to_owned(), detail)
    })?;
    let decoded = percent_encoding::percent_decode_str(fragment).decode_utf8();
    let decoded = decoded.map_err(|_| (at.to_owned(), format!("the reference `{reference}` cannot be read")))?;
    Ok(decoded.into_owned())
}

/// The thing that stands there, or that a reference there leads to, with its place.
fn thing<'a>(document: &'a Value, value: &'a Value, at: String) -> Result<(&'a Value, String), Unreadable> {
    let (mut value, mut place) = (value, at);
    for _ in 0..HOPS {
        let alone = value.as_object().filter(|members| members.len() == 1).and_then(|members| members.get("$ref"));
        let Some(reference) = alone.and_then(Value::as_str) else { return Ok((value, place)) };
        let target = local(reference, &place)?;
        let dangling = || (place.clone(), format!("the reference `{reference}` leads to nothing"));
        value = document.pointer(&target).ok_or_else(dangling)?;
        place = target;
    }
    Err((place, "references follow one another without end".to_owned()))
}

/// A schema of a document, standing for itself: what it refers to elsewhere comes along, under `$defs`.
fn bundled(document: &Value, schema: &Value, at: String) -> Result<Value, Unreadable> {
    let (schema, at) = thing(document, schema, at)?;
    let mut root = schema.clone();
    // References in it are its own.
    if root.get("$id").is_some() {
        return Ok(root);
    }
    let mut bundle = Bundle { at: &at, names: HashMap::new(), queue: Vec::new(), taken: HashSet::new(), problem: None };
    if let Some(own) = root.get("$defs").and_then(Value::as_object) {
        bundle.taken.extend(own.keys().cloned());
    }
    change_references(&mut root, &mut |reference| bundle.change(reference));
    let mut definitions = Map::new();
    let mut next = 0;
    while let Some((pointer, name)) = bundle.queue.get(next).cloned() {
        next += 1;
        let Some(part) = document.pointer(&pointer) else {
            return Err((at.clone(), format!("the reference `#{pointer}` leads to nothing")));
        };
        let mut part = part.clone();
        change_references(&mut part, &mut |reference| bundle.change(reference));
        definitions.insert(name, part);
    }
    if let Some(problem) = bundle.problem {
        return Err(problem);
    }
    if !definitions.is_empty()
        && let Some(members) = root.as_object_mut()
        && let Some(own) = members.entry("$defs").or_insert_with(|| json!({})).as_object_mut()
    {
        own.extend(definitions);
    }
    Ok(root)
}

struct Bundle<'a> {
    /// Where the schema stands in the document.
    at: &'a str,
    /// Names by places.
    names: HashMap<String, String>,
    /// What is to come along: places and names.
    queue: Vec<(String, String)>,
    taken: HashSet<String>,
    problem: Option<Unreadable>,
}

impl Bundle<'_> {
    fn change(&mut self, reference: &mut String) {
        let pointer = match local(reference, self.at) {
            Ok(pointer) => pointer,
            Err(problem) => {
                self.problem.get_or_insert(problem);
                return;
            }
        };
        let own = pointer.strip_prefix(self.at).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        *reference = match own {
            Some(rest) => format!("#{rest}"),
            None => format!("#/$defs/{}", self.name(pointer)),
        };
    }

    fn name(&mut self, pointer: String) -> String {
        if let Some(name) = self.names.get(&pointer) {
            return name.clone();
        }
        let last = pointer.rsplit('/').next().unwrap_or_default();
        let plain: String =
            last.chars().map(|c| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' }).collect();
        let mut name = plain.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{plain}_{number}");
            number += 1;
        }
        self.names.insert(pointer.clone(), name.clone());
        self.queue.push((pointer, name.clone()));
        name
    }
}
