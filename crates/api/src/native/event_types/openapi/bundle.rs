//! Following the references of a document, and putting what a schema refers to into it.

use std::collections::{HashMap, HashSet};

use postrider_core::limits::SCHEMA_BYTES;
use postrider_shape::schema::places::change_references;
use serde_json::{Map, Value, json};

use super::described::Unreadable;

/// References that are followed one after the other until a thing itself is found.
const HOPS: usize = 16;

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
pub(super) fn thing<'a>(document: &'a Value, value: &'a Value, at: String) -> Result<(&'a Value, String), Unreadable> {
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
pub(super) fn bundled(document: &Value, schema: &Value, at: String) -> Result<Value, Unreadable> {
    let (schema, at) = thing(document, schema, at)?;
    let too_long =
        || (at.clone(), format!("the schema has, with all that it refers to, more than {SCHEMA_BYTES} bytes"));
    // Looked at before anything is copied: what it refers to may be the same for all event types.
    let mut bytes_left = SCHEMA_BYTES;
    if !takes(schema, &mut bytes_left) {
        return Err(too_long());
    }
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
        if !takes(part, &mut bytes_left) {
            return Err(too_long());
        }
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

/// Whether a value has at most so many bytes as JSON.
pub(super) fn fits(value: &Value, bytes: usize) -> bool {
    takes(value, &mut { bytes })
}

/// Takes the bytes that a value has as JSON, at least, from `room`. Whether there were so many; stops where there are not.
fn takes(value: &Value, room: &mut usize) -> bool {
    let mut take = |bytes: usize| match room.checked_sub(bytes) {
        Some(left) => {
            *room = left;
            true
        }
        None => false,
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => take(1),
        Value::String(text) => take(text.len() + 2),
        Value::Array(elements) => take(2) && elements.iter().all(|element| takes(element, room)),
        Value::Object(members) => {
            take(2)
                && members.iter().all(|(name, member)| {
                    takes(member, room)
                        && room.checked_sub(name.len() + 3).is_some_and(|left| {
                            *room = left;
                            true
                        })
                })
        }
    }
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
