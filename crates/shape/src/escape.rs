//! How values are written into what a template makes.

use std::fmt::Write as _;

use minijinja::value::ValueKind;
use minijinja::{Error, Output, State, Value};
use postrider_core::shape::Syntax;
use url::form_urlencoded;

use crate::{json, work};

/// Writes a value where an expression stands, escaped so that it stays a value: no text in an event can end a string, a tag or a field.
pub(crate) fn write(out: &mut Output<'_>, state: &State<'_, '_>, syntax: Syntax, value: &Value) -> Result<(), Error> {
    // Safe is what `in_string` made; templates cannot make such a text.
    if value.is_safe() {
        out.write_str(value.as_str().unwrap_or_default())?;
        return Ok(());
    }
    match syntax {
        Syntax::Json => match value.kind() {
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
                work::within(state, out, |out| json::write(out, value))
            }
            _ => json::write(out, value),
        },
        Syntax::Form => {
            for part in form_urlencoded::byte_serialize(json::text_of(state, value)?.as_bytes()) {
                out.write_str(part)?;
            }
            Ok(())
        }
        Syntax::Xml => {
            let text = json::text_of(state, value)?;
            let mut rest = &*text;
            while let Some(at) = rest.find(['&', '<', '>', '"', '\'']) {
                out.write_str(&rest[..at])?;
                out.write_str(match rest.as_bytes()[at] {
                    b'&' => "&amp;",
                    b'<' => "&lt;",
                    b'>' => "&gt;",
                    b'"' => "&quot;",
                    _ => "&#39;",
                })?;
                rest = &rest[at + 1..];
            }
            out.write_str(rest)?;
            Ok(())
        }
        Syntax::Text => {
            if value.kind() == ValueKind::String {
                out.write_str(value.as_str().unwrap_or_default())?;
            } else {
                out.write_str(&json::text_of(state, value)?)?;
            }
            Ok(())
        }
    }
}

/// A value as what stands between the quotes of a JSON string.
pub(crate) fn in_string(state: &State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let text = json::text_of(state, value)?;
    let mut content = String::with_capacity(text.len());
    json::write_string_content(&mut content, &text)?;
    Ok(Value::from_safe_string(content))
}

/// Percent-encodes everything but letters, digits and `-._~`, as a part of a path or query is.
pub(crate) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte.into());
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
