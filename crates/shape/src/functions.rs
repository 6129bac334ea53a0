//! The filters, tests and functions of templates.
//!
//! What the engine brings is kept where it fits; what would escape by itself, or knows no JSON numbers, is replaced. Nothing here reads a
//! clock, draws a random number or finds a file.

use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use minijinja::machinery::{Token, tokenize};
use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value};

use crate::dates;
use crate::escape;
use crate::json::{self, RawJson, computable, text_of};
use crate::scan::{AS_SENT, IN_STRING};
use crate::template::TemplateError;

/// Filters of the engine's that stay: those that work on lists and objects.
const KEPT_FILTERS: [&str; 21] = [
    "batch",
    "bool",
    "chain",
    "count",
    "dictsort",
    "first",
    "groupby",
    "items",
    "last",
    "length",
    "list",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "slice",
    "unique",
];
/// Those that stay besides, and that numbers go into.
const KEPT_OF_NUMBERS: [&str; 3] = ["sort", "sum", "zip"];
/// Filters of this module.
const OWN_FILTERS: [&str; 30] = [
    "abs",
    "b64decode",
    "b64encode",
    "base64decode",
    "base64encode",
    "capitalize",
    "d",
    "date",
    "default",
    "float",
    "hmac_sha256",
    "int",
    "join",
    "json",
    "lines",
    "lower",
    "replace",
    "required",
    "round",
    "sha1",
    "sha256",
    "sha512",
    "split",
    "string",
    "title",
    "tojson",
    "trim",
    "truncate",
    "upper",
    "urlencode",
];
/// Tests of the engine's that stay.
const KEPT_TESTS: [&str; 34] = [
    "!=",
    "<",
    "<=",
    "==",
    ">",
    ">=",
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "eq",
    "equalto",
    "even",
    "false",
    "float",
    "ge",
    "greaterthan",
    "gt",
    "in",
    "integer",
    "iterable",
    "le",
    "lessthan",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "true",
];
/// Tests with names that are words of the language, too.
const KEPT_WORDS: [&str; 2] = ["undefined", "upper"];

/// Makes an engine's filters, tests and functions those of this module.
pub(crate) fn install(engine: &mut Environment<'static>) {
    for name in ["safe", "escape", "e", "attr", "pprint", "format", "indent"] {
        engine.remove_filter(name);
    }
    for name in ["safe", "escaped", "filter", "test", "sameas"] {
        engine.remove_test(name);
    }
    for name in ["debug", "namespace", "dict"] {
        engine.remove_global(name);
    }
    engine.add_filter(IN_STRING, |value: &Value| escape::in_string(value));
    engine.add_filter(AS_SENT, |value: Value, parent: &Value, key: &Value| json::member_as_sent(value, parent, key));
    install_text(engine);
    install_numbers(engine);
    install_encodings(engine);
}

fn install_text(engine: &mut Environment<'static>) {
    engine.add_filter("upper", |value: &Value| text_of(value).map(|text| text.to_uppercase()));
    engine.add_filter("lower", |value: &Value| text_of(value).map(|text| text.to_lowercase()));
    engine.add_filter("capitalize", |value: &Value| text_of(value).map(|text| capitalized(&text)));
    engine.add_filter("title", |value: &Value| {
        let words = |text: Arc<str>| text.split_inclusive(char::is_whitespace).map(capitalized).collect::<String>();
        text_of(value).map(words)
    });
    engine.add_filter("trim", |value: &Value, characters: Option<&str>| {
        let text = text_of(value)?;
        Ok::<_, Error>(match characters {
            Some(characters) => text.trim_matches(|c| characters.contains(c)).to_owned(),
            None => text.trim().to_owned(),
        })
    });
    engine.add_filter("replace", |value: &Value, from: &Value, to: &Value| {
        let (text, from, to) = (text_of(value)?, text_of(from)?, text_of(to)?);
        if from.is_empty() {
            return Err(invalid("replace: the text to be replaced must not be empty"));
        }
        // Known before it is made, so that it cannot outgrow the fuel unseen.
        let longest = text.len().saturating_add(text.matches(&*from).count().saturating_mul(to.len()));
        if longest > postrider_core::limits::RENDERED_BYTES * 2 {
            return Err(invalid("replace: the result is too long"));
        }
        Ok(text.replace(&*from, &to))
    });
    engine.add_filter("truncate", |value: &Value, length: usize, end: Option<&str>| {
        let text = text_of(value)?;
        let end = end.unwrap_or("…");
        if text.chars().count() <= length {
            return Ok::<_, Error>(text.as_ref().to_owned());
        }
        let kept = length.saturating_sub(end.chars().count());
        Ok(text.chars().take(kept).chain(end.chars()).take(length).collect())
    });
    engine.add_filter("split", |value: &Value, separator: Option<&str>| {
        let text = text_of(value)?;
        Ok::<Vec<String>, Error>(match separator {
            Some("") => return Err(invalid("split: the separator must not be empty")),
            Some(separator) => text.split(separator).map(str::to_owned).collect(),
            None => text.split_whitespace().map(str::to_owned).collect(),
        })
    });
    engine.add_filter("lines", |value: &Value| {
        text_of(value).map(|text| text.lines().map(str::to_owned).collect::<Vec<String>>())
    });
    engine.add_filter("join", |value: &Value, separator: Option<&str>, attribute: Option<&str>| {
        let mut joined = String::new();
        if matches!(value.kind(), ValueKind::Undefined | ValueKind::None) {
            return Ok(joined);
        }
        for (index, item) in value.try_iter()?.checked().enumerate() {
            let item = item?;
            if index > 0 {
                joined.push_str(separator.unwrap_or_default());
            }
            let item = match attribute {
                Some(name) => item.get_attr(name)?,
                None => item,
            };
            joined.push_str(&text_of(&item)?);
            if joined.len() > postrider_core::limits::RENDERED_BYTES * 2 {
                return Err(invalid("join: the result is too long"));
            }
        }
        Ok::<_, Error>(joined)
    });
    for name in ["length", "count"] {
        engine.add_filter(name, |value: &Value| match (value.as_str(), value.kind()) {
            (Some(text), _) => Ok(text.chars().count()),
            (None, ValueKind::Undefined | ValueKind::None) => Ok(0),
            (None, ValueKind::Plain) => text_of(value).map(|text| text.chars().count()),
            (None, kind) => value.len().ok_or_else(|| invalid(format!("length: a {kind} has none"))),
        });
    }
    engine.add_filter("string", text_of);
    engine.add_filter("default", default);
    engine.add_filter("d", default);
    engine.add_filter("required", |value: Value, message: Option<&str>| match value.kind() {
        ValueKind::Undefined | ValueKind::None => {
            Err(invalid(message.unwrap_or("a value that is required is missing")))
        }
        _ => Ok(value),
    });
    engine.add_filter("date", dates::date);
}

/// The value, or another where it is missing or null; with `true`, also where it is empty, zero or false.
fn default(value: Value, other: Option<Value>, falsy: Option<bool>) -> Value {
    let is_absent = matches!(value.kind(), ValueKind::Undefined | ValueKind::None);
    if is_absent || (falsy == Some(true) && !value.is_true()) {
        other.unwrap_or_else(|| Value::from(""))
    } else {
        value
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters.flat_map(char::to_lowercase)).collect())
}

fn install_numbers(engine: &mut Environment<'static>) {
    engine.add_filter("abs", |value: &Value| minijinja::filters::abs(computable(value)));
    engine.add_filter("round", |value: &Value, precision: Option<i32>| {
        let value = computable(value);
        if value.is_integer() {
            return Ok(value);
        }
        let precision = precision.unwrap_or(0).clamp(0, 15);
        let scale = 10_f64.powi(precision);
        let float = f64::try_from(value)?;
        let scaled = (float * scale).round() / scale;
        Ok::<_, Error>(Value::from(if scaled.is_finite() { scaled } else { float }))
    });
    engine.add_filter("int", |value: &Value, other: Option<Value>| {
        let value = match value.as_str() {
            Some(text) => text
                .trim()
                .parse::<i64>()
                .map(Value::from)
                .or_else(|_| text.trim().parse::<f64>().map(Value::from))
                .ok(),
            None => Some(computable(value)),
        };
        let whole = |value: Value| match value.kind() {
            ValueKind::Number if value.is_integer() => Some(value),
            ValueKind::Number => whole_part(f64::try_from(value).ok()?).map(Value::from),
            ValueKind::Bool => Some(Value::from(i64::from(value.is_true()))),
            _ => None,
        };
        value.and_then(whole).or(other).unwrap_or_else(|| Value::from(0))
    });
    engine.add_filter("float", |value: &Value, other: Option<Value>| {
        let number = match value.as_str() {
            Some(text) => text.trim().parse::<f64>().ok(),
            None => f64::try_from(computable(value)).ok(),
        };
        number.filter(|number| number.is_finite()).map(Value::from).or(other).unwrap_or_else(|| Value::from(0.0))
    });
}

fn whole_part(float: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "within the range of an i64, as the line before says")]
    (float.abs() < 9.0e18).then_some(float.trunc() as i64)
}

fn install_encodings(engine: &mut Environment<'static>) {
    engine.add_filter("json", to_json);
    engine.add_filter("tojson", to_json);
    engine.add_filter("urlencode", |value: &Value| text_of(value).map(|text| escape::percent_encoded(&text)));
    for (name, algorithm) in
        [("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY), ("sha256", &digest::SHA256), ("sha512", &digest::SHA512)]
    {
        engine.add_filter(name, move |value: &Value, encoding: Option<&str>| {
            encoded(digest::digest(algorithm, text_of(value)?.as_bytes()).as_ref(), encoding)
        });
    }
    engine.add_filter("hmac_sha256", |value: &Value, key: &Value, encoding: Option<&str>| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, text_of(key)?.as_bytes());
        encoded(hmac::sign(&key, text_of(value)?.as_bytes()).as_ref(), encoding)
    });
    for name in ["base64encode", "b64encode"] {
        engine.add_filter(name, |value: &Value| text_of(value).map(|text| STANDARD.encode(text.as_bytes())));
    }
    for name in ["base64decode", "b64decode"] {
        engine.add_filter(name, |value: &Value| {
            let text = text_of(value)?;
            let text = text.trim_end_matches('=');
            let standard: String = text
                .chars()
                .map(|c| match c {
                    '+' => '-',
                    '/' => '_',
                    c => c,
                })
                .collect();
            let bytes =
                URL_SAFE_NO_PAD.decode(standard).map_err(|_| invalid("base64decode: the text is not base64"))?;
            String::from_utf8(bytes).map_err(|_| invalid("base64decode: what is encoded is no text"))
        });
    }
}

/// JSON text; with a number, indented by so many spaces.
fn to_json(value: &Value, _options: Rest<Value>) -> Result<Value, Error> {
    let mut text = String::new();
    json::write(&mut text, value)?;
    Ok(Value::from_object(RawJson(text.into())))
}

fn encoded(bytes: &[u8], encoding: Option<&str>) -> Result<String, Error> {
    match encoding.unwrap_or("hex") {
        "hex" => Ok(bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|n| char::from_digit(n.into(), 16))
            .collect()),
        "base64" => Ok(STANDARD.encode(bytes)),
        "base64url" => Ok(URL_SAFE_NO_PAD.encode(bytes)),
        other => Err(invalid(format!("`{other}` is no encoding; there are hex, base64 and base64url"))),
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Finds filters, tests and functions of a template that do not exist.
pub(crate) fn check_names(source: &str) -> Result<(), TemplateError> {
    let is_filter =
        |name: &str| [&KEPT_FILTERS[..], &KEPT_OF_NUMBERS, &OWN_FILTERS].iter().any(|names| names.contains(&name));
    let mut before = [None, None];
    for token in tokenize(source, false, minijinja::syntax::SyntaxConfig::default()) {
        let Ok((token, span)) = token else { return Ok(()) };
        if let (Token::Ident(name), Some(Before::Pipe)) = (&token, before[1])
            && !is_filter(name)
        {
            let message = format!("there is no filter `{name}`");
            return Err(TemplateError::at(source, span.start_offset as usize, message));
        }
        if let Token::Ident(name) = token {
            let tested = match before {
                [_, Some(Before::Is)] => name != "not",
                [Some(Before::Is), Some(Before::Not)] => true,
                _ => false,
            };
            if tested && !KEPT_TESTS.contains(&name) && !KEPT_WORDS.contains(&name) {
                let message = format!("there is no test `{name}`");
                return Err(TemplateError::at(source, span.start_offset as usize, message));
            }
        }
        let kind = match token {
            Token::Pipe => Some(Before::Pipe),
            Token::Ident("is") => Some(Before::Is),
            Token::Ident("not") => Some(Before::Not),
            _ => None,
        };
        before = [before[1], kind];
    }
    Ok(())
}

/// What a name follows.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Pipe,
    Is,
    Not,
}
