//! What an OpenAPI document says of event types.

use postrider_core::limits::{EVENT_BYTES, EVENT_TYPES_PER_ENVIRONMENT};
use postrider_shape::schema::places::escaped;
use serde_json::{Value, json};

use super::bundle::{bundled, fits, thing};
use super::{OWN, Own};

const METHODS: [&str; 8] = ["post", "put", "patch", "get", "delete", "options", "head", "trace"];

/// What a document says of an event type. What it leaves out is none.
#[derive(Debug)]
pub(in crate::native::event_types) struct Described {
    pub(in crate::native::event_types) key: String,
    /// Where its operation stands, as a JSON pointer into the document.
    pub(in crate::native::event_types) at: String,
    pub(in crate::native::event_types) display_name: Option<String>,
    pub(in crate::native::event_types) description: Option<String>,
    pub(in crate::native::event_types) category: Option<String>,
    pub(in crate::native::event_types) is_deprecated: Option<bool>,
    /// Standing for itself.
    pub(in crate::native::event_types) schema: Option<Value>,
    /// The members of a payload.
    pub(in crate::native::event_types) sample: Option<Value>,
    pub(in crate::native::event_types) own: Own,
}

/// Something that a document has and that cannot be read: where, and why.
pub(in crate::native::event_types) type Unreadable = (String, String);

/// What a document says, in the order of its webhooks; for each either that, or why it cannot be read. Each is read when it is asked for: what
/// they refer to is copied, and may be the same for all.
pub(in crate::native::event_types) fn read(
    document: &Value,
) -> Result<impl Iterator<Item = Result<Described, Unreadable>>, Unreadable> {
    let version = document.get("openapi").and_then(Value::as_str).unwrap_or_default();
    if !version.starts_with("3.1.") && !version.starts_with("3.2.") {
        return Err(("/openapi".to_owned(), "is 3.1.0, or a later 3".to_owned()));
    }
    match document.get("webhooks") {
        Some(Value::Object(webhooks)) if webhooks.len() > EVENT_TYPES_PER_ENVIRONMENT => {
            let detail =
                format!("has at most {EVENT_TYPES_PER_ENVIRONMENT} members, as an environment has event types");
            Err(("/webhooks".to_owned(), detail))
        }
        Some(Value::Object(webhooks)) => Ok(webhooks.iter().map(move |(key, item)| described(document, key, item))),
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
        Some(own) => own_of(own, &format!("{at}/{OWN}"))?,
    };
    let is_deprecated = match operation.get("deprecated") {
        None => None,
        Some(Value::Bool(is_deprecated)) => Some(*is_deprecated),
        Some(_) => return Err((format!("{at}/deprecated"), "is true or false".to_owned())),
    };
    let category = match operation.get("tags") {
        None => None,
        Some(Value::Array(tags)) => match tags.first() {
            None => None,
            Some(Value::String(tag)) => Some(tag.clone()),
            Some(_) => return Err((format!("{at}/tags/0"), "is a string".to_owned())),
        },
        Some(_) => return Err((format!("{at}/tags"), "is a list of strings".to_owned())),
    };
    let (schema, sample) = match operation.get("requestBody") {
        None => (None, None),
        Some(body) => of_body(document, body, format!("{at}/requestBody"))?,
    };
    Ok(Described {
        key: key.to_owned(),
        display_name: text("summary")?,
        description: text("description")?,
        category,
        is_deprecated,
        schema,
        sample,
        own,
        at,
    })
}

/// Our own member, of which each member is read for itself first: so what is wrong has a place.
fn own_of(own: &Value, at: &str) -> Result<Own, Unreadable> {
    let Some(members) = own.as_object() else { return Err((at.to_owned(), "is an object".to_owned())) };
    for (name, value) in members {
        serde_json::from_value::<Own>(json!({ name: value }))
            .map_err(|error| (format!("{at}/{}", escaped(name)), error.to_string()))?;
    }
    serde_json::from_value(own.clone()).map_err(|error| (at.to_owned(), error.to_string()))
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
    match example {
        Some(example) if !fits(example, EVENT_BYTES) => {
            Err((at, format!("has an example of more than {EVENT_BYTES} bytes")))
        }
        example => Ok((schema, example.map(without_envelope))),
    }
}

fn without_envelope(example: &Value) -> Value {
    let mut sample = example.clone();
    if let Some(members) = sample.as_object_mut() {
        members.shift_remove("eventKey");
        members.shift_remove("eventContext");
    }
    sample
}
