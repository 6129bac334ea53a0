//! Filters of texts, and of what may be missing.

use std::sync::Arc;

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args};
use minijinja::{Environment, Error, State, Value};

use super::{invalid, missing};
use crate::dates;
use crate::json::text_of;
use crate::work::{self, TEXT_BYTES};

/// Bytes of the characters that `trim` takes away: each character of the text is looked for among them.
const TRIMMED_BYTES: usize = 64;
/// Characters that `truncate` leaves where it is not told: Jinja's number.
const TRUNCATED: usize = 255;

pub(super) fn install(engine: &mut Environment<'static>) {
    engine.add_filter("upper", |state: &State<'_, '_>, value: &Value| {
        text_of(state, value).map(|text| text.to_uppercase())
    });
    engine.add_filter("lower", |state: &State<'_, '_>, value: &Value| {
        text_of(state, value).map(|text| text.to_lowercase())
    });
    engine.add_filter("capitalize", |state: &State<'_, '_>, value: &Value| {
        text_of(state, value).map(|text| capitalized(&text))
    });
    engine.add_filter("title", |state: &State<'_, '_>, value: &Value| {
        let words = |text: Arc<str>| text.split_inclusive(char::is_whitespace).map(capitalized).collect::<String>();
        text_of(state, value).map(words)
    });
    engine.add_filter("trim", |state: &State<'_, '_>, value: &Value, characters: Option<&str>| {
        let text = text_of(state, value)?;
        Ok::<_, Error>(match characters {
            Some(characters) if characters.len() > TRIMMED_BYTES => {
                return Err(invalid(format!("trim: the characters have at most {TRIMMED_BYTES} bytes")));
            }
            Some(characters) => text.trim_matches(|c| characters.contains(c)).to_owned(),
            None => text.trim().to_owned(),
        })
    });
    engine.add_filter("replace", |state: &State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>| {
        let arguments = arguments.into_values();
        let (from, to, count, named) = from_args::<(&Value, &Value, Option<usize>, Kwargs)>(&arguments)?;
        let count = match count {
            None => named.get::<Option<usize>>("count")?,
            given => given,
        };
        named.assert_all_used()?;
        let (text, from, to) = (text_of(state, value)?, text_of(state, from)?, text_of(state, to)?);
        if from.is_empty() {
            return Err(invalid("replace: the text to be replaced must not be empty"));
        }
        let count = count.unwrap_or(usize::MAX);
        // Known before it is made.
        let longest = text.len().saturating_add(text.matches(&*from).take(count).count().saturating_mul(to.len()));
        if longest > TEXT_BYTES {
            return Err(invalid("replace: the result is too long"));
        }
        Ok(text.replacen(&*from, &to, count))
    });
    engine.add_filter("truncate", truncate);
    engine.add_filter("split", |state: &State<'_, '_>, value: &Value, separator: Option<&str>| {
        let text = text_of(state, value)?;
        match separator {
            Some("") => Err(invalid("split: the separator must not be empty")),
            Some(separator) => pieces(state, text.split(separator)),
            None => pieces(state, text.split_whitespace()),
        }
    });
    engine.add_filter("lines", |state: &State<'_, '_>, value: &Value| {
        let text = text_of(state, value)?;
        pieces(state, text.lines())
    });
    engine.add_filter(
        "join",
        |state: &State<'_, '_>, value: &Value, separator: Option<&str>, attribute: Option<&str>, named: Kwargs| {
            join(state, value, separator, attribute, &named)
        },
    );
    for name in ["length", "count"] {
        engine.add_filter(name, |state: &State<'_, '_>, value: &Value| match (value.as_str(), value.kind()) {
            (Some(text), _) => Ok(text.chars().count()),
            (None, ValueKind::Undefined | ValueKind::None) => Ok(0),
            (None, ValueKind::Plain) => text_of(state, value).map(|text| text.chars().count()),
            (None, kind) => value.len().ok_or_else(|| invalid(format!("length: a {kind} has none"))),
        });
    }
    engine.add_filter("string", |state: &State<'_, '_>, value: &Value| text_of(state, value));
    for name in ["default", "d"] {
        engine.add_filter(name, |value: Value, other: Option<Value>, falsy: Option<bool>, named: Kwargs| {
            default(value, other, falsy, &named)
        });
    }
    engine.add_filter("required", |value: Value, message: Option<&str>| match value.kind() {
        ValueKind::Undefined | ValueKind::None => {
            Err(missing(message.unwrap_or("a value that is required is missing")))
        }
        _ => Ok(value),
    });
    engine.add_filter("date", dates::date);
}

/// The pieces of a text as a list, each charged for.
fn pieces<'t>(state: &State<'_, '_>, pieces: impl Iterator<Item = &'t str>) -> Result<Vec<Value>, Error> {
    let charged = |(index, piece)| work::charge_item(state, index).map(|()| Value::from(piece));
    pieces.enumerate().map(charged).collect()
}

/// The text up to so many characters, `end` included, which stands where something was cut off. As Jinja's, but that words are cut unless
/// `killwords` is false, and that `end` may stand in its place.
fn truncate(state: &State<'_, '_>, value: &Value, arguments: Rest<ValueOrKwargs>) -> Result<String, Error> {
    let arguments = arguments.into_values();
    let (length, second, end, named) = from_args::<(Option<usize>, Option<&Value>, Option<&str>, Kwargs)>(&arguments)?;
    let length = match length {
        None => named.get::<Option<usize>>("length")?,
        given => given,
    };
    let (kills_words, end) = match second {
        None => (named.get::<Option<bool>>("killwords")?, end),
        Some(second) if second.kind() == ValueKind::Bool => (Some(second.is_true()), end),
        Some(second) => match second.as_str() {
            Some(text) if end.is_none() => (named.get::<Option<bool>>("killwords")?, Some(text)),
            _ => return Err(invalid("truncate: after the length comes true or false, or the text at the end")),
        },
    };
    let end = match end {
        None => named.get::<Option<&str>>("end")?,
        given => given,
    };
    named.assert_all_used()?;
    let (length, end) = (length.unwrap_or(TRUNCATED), end.unwrap_or("…"));
    let text = text_of(state, value)?;
    if text.chars().count() <= length {
        return Ok(text.as_ref().to_owned());
    }
    let kept = length.saturating_sub(end.chars().count());
    let kept = &text[..text.char_indices().nth(kept).map_or(text.len(), |(at, _)| at)];
    let kept = match kept.rsplit_once(char::is_whitespace) {
        Some((words, _)) if kills_words == Some(false) => words,
        _ => kept,
    };
    Ok(kept.chars().chain(end.chars()).take(length).collect())
}

/// The elements of a list, or one member of each, as one text.
fn join(
    state: &State<'_, '_>,
    value: &Value,
    separator: Option<&str>,
    attribute: Option<&str>,
    named: &Kwargs,
) -> Result<String, Error> {
    let separator = match separator {
        None => named.get::<Option<&str>>("d")?,
        given => given,
    };
    let attribute = match attribute {
        None => named.get::<Option<&str>>("attribute")?,
        given => given,
    };
    named.assert_all_used()?;
    let mut joined = String::new();
    if matches!(value.kind(), ValueKind::Undefined | ValueKind::None) {
        return Ok(joined);
    }
    for (index, item) in value.try_iter()?.checked().enumerate() {
        let item = item?;
        work::charge_item(state, index)?;
        if index > 0 {
            joined.push_str(separator.unwrap_or_default());
        }
        let item = match attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        joined.push_str(&text_of(state, &item)?);
        if joined.len() > TEXT_BYTES {
            return Err(invalid("join: the result is too long"));
        }
    }
    Ok(joined)
}

/// The value, or another where it is missing or null; with `true`, also where it is empty, zero or false.
fn default(value: Value, other: Option<Value>, falsy: Option<bool>, named: &Kwargs) -> Result<Value, Error> {
    let other = match other {
        None => named.get::<Option<Value>>("default_value")?,
        given => given,
    };
    let falsy = match falsy {
        None => named.get::<Option<bool>>("boolean")?,
        given => given,
    };
    named.assert_all_used()?;
    let is_absent = matches!(value.kind(), ValueKind::Undefined | ValueKind::None);
    if is_absent || (falsy == Some(true) && !value.is_true()) {
        Ok(other.unwrap_or_else(|| Value::from("")))
    } else {
        Ok(value)
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect())
}
