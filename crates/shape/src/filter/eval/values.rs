//! What parts of a filter come to.

use std::rc::Rc;

use postrider_core::Timestamp;

use super::super::value::{Json, Members};
use super::fault::{Fault, Result};

#[derive(Debug, Clone)]
pub(super) enum Value<'v> {
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(&'v str),
    MadeText(Rc<str>),
    Time(Timestamp),
    List(&'v [Json<'v>]),
    MadeList(Rc<[Value<'v>]>),
    Map(Object<'v>),
}

/// An object of a body, or `user` or `tenant`, whose `id` the event may have beside it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Object<'v> {
    pub(super) members: &'v Members<'v>,
    pub(super) id: Option<&'v str>,
}

impl<'v> Object<'v> {
    pub(super) fn own_id(self) -> Option<&'v str> {
        self.id.filter(|_| self.members.get("id").is_none())
    }

    pub(super) fn len(self) -> usize {
        self.members.len() + usize::from(self.own_id().is_some())
    }

    pub(super) fn has(self, name: &str) -> bool {
        self.members.get(name).is_some() || (name == "id" && self.id.is_some())
    }
}

impl Value<'_> {
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Text(_) | Self::MadeText(_) => "a text",
            Self::Time(_) => "a time",
            Self::List(_) | Self::MadeList(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::MadeText(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list_len(&self) -> Option<usize> {
        match self {
            Self::List(list) => Some(list.len()),
            Self::MadeList(list) => Some(list.len()),
            _ => None,
        }
    }
}

/// A value of a body, its numbers understood.
pub(super) fn value<'v>(json: &'v Json<'v>) -> Result<'v, Value<'v>> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(text) => return number(text),
        Json::Text(text) => Value::Text(text),
        Json::Time(at) => Value::Time(*at),
        Json::List(elements) => Value::List(elements),
        Json::Map(members) => Value::Map(Object { members, id: None }),
    })
}

/// A number as it is written: whole ones exactly, up to 38 digits; others as the nearest double.
fn number<'v>(text: &str) -> Result<'v, Value<'v>> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return double(text.parse().map_err(|_| Fault::TooLarge)?);
    }
    text.parse().map(Value::Int).map_err(|_| Fault::TooLarge)
}

/// A number that is read or made, where it is one: neither division by zero nor what is too large has a result, though IEEE 754 gives one.
pub(super) fn double<'v>(number: f64) -> Result<'v, Value<'v>> {
    if number.is_finite() { Ok(Value::Double(number)) } else { Err(Fault::TooLarge) }
}

/// A whole number that was made: within 64 bits, as CEL has it.
pub(super) fn int<'v>(number: i128) -> Result<'v, Value<'v>> {
    if i64::try_from(number).is_ok() { Ok(Value::Int(number)) } else { Err(Fault::TooLarge) }
}

pub(super) fn element<'v>(list: &Value<'v>, index: usize) -> Result<'v, Value<'v>> {
    match list {
        Value::List(elements) => value(&elements[index]),
        Value::MadeList(elements) => Ok(elements[index].clone()),
        other => Err(Fault::Kind("[]", other.kind())),
    }
}
