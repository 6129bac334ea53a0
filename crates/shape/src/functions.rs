//! The filters, tests and functions of templates.
//!
//! What the engine brings is kept where it fits; what would escape by itself, or knows no JSON numbers, is replaced. Nothing here reads a
//! clock, draws a random number or finds a file, and nothing does work that is not charged for, see [`crate::work`].

mod comparisons;
mod encodings;
mod lists;
mod numbers;
mod text;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, State, Value};

use self::lists::is_container;
use crate::guard::{ADDEND, CONTAINS, FACTOR, INDEXED, JOINABLE, KEY, MADE, ORDERED, SPEND, WEIGHED};
use crate::json::{self, RawJson};
use crate::scan::{AS_SENT, IN_STRING};
use crate::{escape, work};

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
/// Functions.
const FUNCTIONS: [&str; 1] = ["range"];

/// Whether there is a filter of that name.
pub(crate) fn is_filter(name: &str) -> bool {
    [&KEPT_FILTERS[..], &KEPT_OF_NUMBERS, &OWN_FILTERS].iter().any(|names| names.contains(&name))
}

/// Whether there is a test of that name.
pub(crate) fn is_test(name: &str) -> bool {
    KEPT_TESTS.contains(&name) || KEPT_WORDS.contains(&name)
}

/// Whether there is a function of that name.
pub(crate) fn is_function(name: &str) -> bool {
    FUNCTIONS.contains(&name)
}

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
    engine.add_filter(IN_STRING, |state: &State<'_, '_>, value: &Value| escape::in_string(state, value));
    engine.add_filter(AS_SENT, |value: Value, parent: &Value, key: &Value| json::member_as_sent(value, parent, key));
    install_guards(engine);
    text::install(engine);
    numbers::install(engine);
    encodings::install(engine);
    lists::install(engine);
    comparisons::install(engine);
}

/// What [`crate::guard`] puts in.
fn install_guards(engine: &mut Environment<'static>) {
    engine.add_filter(SPEND, |state: &State<'_, '_>, spare: u64| work::spend(state, spare));
    engine.add_filter(MADE, |state: &State<'_, '_>, value: Value| work::made(state, value));
    engine
        .add_filter(CONTAINS, |state: &State<'_, '_>, list: &Value, value: &Value| lists::contains(state, list, value));
    engine.add_filter(WEIGHED, |state: &State<'_, '_>, value: Value| work::weigh(state, &value).map(|()| value));
    engine.add_filter(ADDEND, |state: &State<'_, '_>, value: Value| {
        if is_container(&value) { work::weigh(state, &value).map(|()| value) } else { Ok(value) }
    });
    engine.add_filter(FACTOR, |value: Value| match value.kind() {
        kind if is_container(&value) => Err(invalid(format!("a {kind} cannot be multiplied"))),
        _ => Ok(value),
    });
    engine.add_filter(KEY, |state: &State<'_, '_>, value: Value| match value.kind() {
        kind if is_container(&value) => Err(invalid(format!("a {kind} is neither the name of a member nor an index"))),
        _ => work::weigh(state, &value).map(|()| value),
    });
    engine.add_filter(INDEXED, |state: &State<'_, '_>, value: Value| match value.kind() {
        // What stands before an element of those is passed over one by one.
        ValueKind::String | ValueKind::Iterable => work::weigh(state, &value).map(|()| value),
        _ => Ok(value),
    });
    engine.add_filter(ORDERED, |state: &State<'_, '_>, value: Value| {
        comparisons::ordered(&value)?;
        work::weigh(state, &value).map(|()| value)
    });
    engine.add_filter(JOINABLE, |state: &State<'_, '_>, value: Value| {
        match value.kind() {
            ValueKind::Undefined | ValueKind::None => return Ok(Value::from("")),
            ValueKind::Bool => return Ok(Value::from(if value.is_true() { "true" } else { "false" })),
            _ if !is_container(&value) => return Ok(value),
            _ => {}
        }
        let mut text = String::new();
        work::within(state, &mut text, |out| json::write(out, &value))?;
        Ok::<_, Error>(Value::from_object(RawJson(text.into())))
    });
}

/// What the template itself demands and the event lacks: its own words stand alone.
#[derive(Debug, thiserror::Error)]
#[error("demanded by the template")]
pub(crate) struct Demanded;

pub(crate) fn missing(message: impl Into<String>) -> Error {
    invalid(message).with_source(Demanded)
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}
