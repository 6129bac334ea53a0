//! An event's body as the values of a template, read as far as the template looks.
//!
//! Owns the way from JSON text to values and back. An object or list keeps its text, so that written as a whole it is byte for byte what the
//! producer sent; so is a number that is written by itself, see [`member_as_sent`].
//!
//! Invariant: the text is JSON, as of a body that [`postrider_core::body::compose`] made. Nothing here panics on another, but what it reads
//! then is anything.

mod parts;
mod writing;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use minijinja::value::{DynObject, Enumerator, Object, ObjectRepr, ValueKind};
use minijinja::{Error, State, Value};

use self::parts::{Parts, after_space};
pub(crate) use self::writing::{write, write_string_content};
use crate::work;

/// Up to so many members a name is looked for one by one; beyond it, in a table.
const FEW_MEMBERS: usize = 16;

/// A piece of JSON text.
#[derive(Debug, Clone)]
struct Piece {
    text: Arc<str>,
    range: Range<usize>,
}

impl Piece {
    fn as_str(&self) -> &str {
        self.text.get(self.range.clone()).unwrap_or_default()
    }

    fn part(&self, range: Range<usize>) -> Self {
        Self { text: Arc::clone(&self.text), range }
    }

    /// As a value. Objects and lists are not read yet.
    fn value(&self) -> Value {
        let text = self.as_str();
        match text.as_bytes().first() {
            Some(b'{') => Value::from_object(JsonObject { piece: self.clone(), members: OnceLock::new() }),
            Some(b'[') => Value::from_object(JsonList { piece: self.clone(), items: OnceLock::new() }),
            Some(b'"') => string(text),
            Some(b't') => Value::from(true),
            Some(b'f') => Value::from(false),
            Some(b'-' | b'0'..=b'9') => number(text),
            _ => Value::from(()),
        }
    }
}

/// The value of a JSON text.
pub(crate) fn value_of(text: Arc<str>) -> Value {
    let range = after_space(text.as_bytes(), 0)..text.trim_end().len();
    Piece { text, range }.value()
}

fn string(quoted: &str) -> Value {
    let content = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    if content.contains('\\') {
        Value::from(serde_json::from_str::<String>(quoted).unwrap_or_default())
    } else {
        Value::from(content)
    }
}

/// A number to compute and compare with: exact for integers of up to 128 bits, else the nearest double.
fn number(text: &str) -> Value {
    if let Ok(integer) = text.parse::<i64>() {
        return Value::from(integer);
    }
    if let Ok(integer) = text.parse::<i128>() {
        return Value::from(integer);
    }
    Value::from(text.parse::<f64>().unwrap_or(f64::NAN))
}

/// Whether a number's text is what the number is written as anyway.
fn is_canonical(text: &str) -> bool {
    text != "-0" && text.parse::<i128>().is_ok()
}

/// An object of the body.
pub(crate) struct JsonObject {
    piece: Piece,
    members: OnceLock<Members>,
}

struct Members {
    /// In order.
    list: Vec<Member>,
    /// Where a name is, for objects of many members.
    table: Option<HashMap<Arc<str>, usize>>,
}

struct Member {
    name: Arc<str>,
    range: Range<usize>,
    value: OnceLock<Value>,
}

impl JsonObject {
    fn members(&self) -> &Members {
        self.members.get_or_init(|| {
            let mut list = Vec::new();
            let mut parts = Parts { text: &self.piece.text, at: self.piece.range.start + 1 };
            while let Some(name) = parts.next() {
                let name = string(self.piece.part(name).as_str());
                let Some(range) = parts.next() else { break };
                list.push(Member { name: name.to_str().unwrap_or_default(), range, value: OnceLock::new() });
            }
            // Of two of one name, the last counts.
            let table = (list.len() > FEW_MEMBERS)
                .then(|| list.iter().enumerate().map(|(index, member)| (Arc::clone(&member.name), index)).collect());
            Members { list, table }
        })
    }

    fn member(&self, name: &str) -> Option<&Member> {
        let members = self.members();
        match &members.table {
            Some(table) => members.list.get(*table.get(name)?),
            None => members.list.iter().rev().find(|member| &*member.name == name),
        }
    }

    fn get(&self, name: &str) -> Option<Value> {
        let member = self.member(name)?;
        Some(member.value.get_or_init(|| self.piece.part(member.range.clone()).value()).clone())
    }

    /// The text as it was sent.
    pub(crate) fn as_str(&self) -> &str {
        self.piece.as_str()
    }
}

impl Object for JsonObject {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        self.get(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.members().list.iter().map(|member| Value::from(Arc::clone(&member.name))).collect())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.members().list.len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A list of the body.
pub(crate) struct JsonList {
    piece: Piece,
    items: OnceLock<Vec<Item>>,
}

struct Item {
    range: Range<usize>,
    value: OnceLock<Value>,
}

impl JsonList {
    fn items(&self) -> &[Item] {
        self.items.get_or_init(|| {
            Parts { text: &self.piece.text, at: self.piece.range.start + 1 }
                .map(|range| Item { range, value: OnceLock::new() })
                .collect()
        })
    }

    fn get(&self, index: usize) -> Option<Value> {
        let item = self.items().get(index)?;
        Some(item.value.get_or_init(|| self.piece.part(item.range.clone()).value()).clone())
    }

    /// The text as it was sent.
    pub(crate) fn as_str(&self) -> &str {
        self.piece.as_str()
    }
}

impl Object for JsonList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get(key.as_usize()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.items().len())
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for JsonList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// JSON text that is written as it is where a value stands, and as text where text does: what the filter `json` makes, and numbers as
/// they were sent.
pub(crate) struct RawJson(pub(crate) Arc<str>);

impl Object for RawJson {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn is_true(self: &Arc<Self>) -> bool {
        number(&self.0).is_true()
    }

    fn custom_cmp(self: &Arc<Self>, other: &DynObject) -> Option<Ordering> {
        // The engine would copy both first.
        other.downcast_ref::<Self>().map(|other| self.0.cmp(&other.0))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number `value` as its producer wrote it, where it is the member or item `key` of `parent` and computing would change its form
/// (`1.10`, `1e400`, forty digits). Anything else is returned as it is.
pub(crate) fn member_as_sent(value: Value, parent: &Value, key: &Value) -> Value {
    if !value.is_number() {
        return value;
    }
    let piece = if let (Some(object), Some(name)) = (parent.downcast_object_ref::<JsonObject>(), key.as_str()) {
        object.member(name).map(|member| object.piece.part(member.range.clone()))
    } else if let (Some(list), Some(index)) = (parent.downcast_object_ref::<JsonList>(), key.as_usize()) {
        list.items().get(index).map(|item| list.piece.part(item.range.clone()))
    } else {
        None
    };
    match piece {
        // A local variable may go by the member's name: then the values differ, or it does not matter.
        Some(piece) if !is_canonical(piece.as_str()) && number(piece.as_str()) == value => {
            Value::from_object(RawJson(piece.as_str().into()))
        }
        _ => value,
    }
}

/// A value that computing can use: a number that was kept as it was sent becomes a number again.
pub(crate) fn computable(value: &Value) -> Value {
    match value.downcast_object_ref::<RawJson>() {
        Some(raw) if raw.0.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => number(&raw.0),
        _ => value.clone(),
    }
}

/// A value as text: strings as they are, what is missing or null as nothing, everything else as JSON. Charged for, and bounded.
pub(crate) fn text_of(state: &State<'_, '_>, value: &Value) -> Result<Arc<str>, Error> {
    if let Some(text) = value.to_str() {
        work::charge(state, text.len())?;
        return Ok(text);
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(Arc::from("")),
        _ => {
            let mut text = String::new();
            work::within(state, &mut text, |out| write(out, value))?;
            Ok(text.into())
        }
    }
}

#[cfg(test)]
mod tests;
