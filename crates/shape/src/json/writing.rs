//! Values as JSON text again.

use std::fmt;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use postrider_core::limits::JSON_DEPTH;

use super::{JsonList, JsonObject, RawJson};

/// Appends a value as JSON.
pub(crate) fn write(out: &mut dyn fmt::Write, value: &Value) -> Result<(), Error> {
    write_within(out, value, 0)
}

fn write_within(out: &mut dyn fmt::Write, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > JSON_DEPTH {
        return Err(Error::new(ErrorKind::InvalidOperation, "objects and lists lie too deep within one another"));
    }
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.write_str("null")?,
        ValueKind::Bool => out.write_str(if value.is_true() { "true" } else { "false" })?,
        ValueKind::Number => write_number(out, value)?,
        ValueKind::String => write_string(out, value.as_str().unwrap_or_default())?,
        ValueKind::Seq | ValueKind::Iterable => {
            if let Some(list) = value.downcast_object_ref::<JsonList>() {
                out.write_str(list.as_str())?;
                return Ok(());
            }
            out.write_char('[')?;
            for (index, item) in value.try_iter()?.checked().enumerate() {
                if index > 0 {
                    out.write_char(',')?;
                }
                write_within(out, &item?, depth + 1)?;
            }
            out.write_char(']')?;
        }
        ValueKind::Map => {
            if let Some(object) = value.downcast_object_ref::<JsonObject>() {
                out.write_str(object.as_str())?;
                return Ok(());
            }
            out.write_char('{')?;
            for (index, name) in value.try_iter()?.checked().enumerate() {
                let name = name?;
                if index > 0 {
                    out.write_char(',')?;
                }
                write_name(out, &name)?;
                out.write_char(':')?;
                write_within(out, &value.get_item(&name)?, depth + 1)?;
            }
            out.write_char('}')?;
        }
        _ => {
            let Some(raw) = value.downcast_object_ref::<RawJson>() else {
                let message = format!("a {} cannot be written", value.kind());
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            };
            out.write_str(&raw.0)?;
        }
    }
    Ok(())
}

/// Appends the name of a member with its quotes.
fn write_name(out: &mut dyn fmt::Write, name: &Value) -> Result<(), Error> {
    match name.kind() {
        ValueKind::String => write_string(out, name.as_str().unwrap_or_default())?,
        ValueKind::Undefined | ValueKind::None => out.write_str("\"\"")?,
        ValueKind::Number | ValueKind::Bool => {
            out.write_char('"')?;
            write(out, name)?;
            out.write_char('"')?;
        }
        kind => {
            let message = format!("a {kind} cannot be the name of a member");
            return Err(Error::new(ErrorKind::InvalidOperation, message));
        }
    }
    Ok(())
}

fn write_number(out: &mut dyn fmt::Write, value: &Value) -> Result<(), Error> {
    if value.is_integer() {
        write!(out, "{value}")?;
        return Ok(());
    }
    let float = f64::try_from(value.clone())?;
    match serde_json::Number::from_f64(float) {
        Some(number) => write!(out, "{number}")?,
        None => return Err(Error::new(ErrorKind::InvalidOperation, "a number is too large for JSON, or is none")),
    }
    Ok(())
}

/// Appends a string with its quotes.
fn write_string(out: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    write_string_content(out, text)?;
    out.write_char('"')
}

/// Appends what stands between a string's quotes.
pub(crate) fn write_string_content(out: &mut dyn fmt::Write, text: &str) -> fmt::Result {
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..=0x1f => "",
            _ => continue,
        };
        out.write_str(&text[copied..at])?;
        if escape.is_empty() {
            write!(out, "\\u{byte:04x}")?;
        } else {
            out.write_str(escape)?;
        }
        copied = at + 1;
    }
    out.write_str(&text[copied..])
}
