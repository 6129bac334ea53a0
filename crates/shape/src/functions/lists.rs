//! Filters of lists and objects. They are the engine's, within bounds: what goes in is charged for as a whole, and so is what comes out, which
//! is made at once.

use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value, filters};

use super::comparisons::ordered_by;
use super::invalid;
use crate::json::{RawJson, computable, text_of};
use crate::work;

/// Names and places in the path of an attribute, with those of all its paths where it has several.
const PATH_PARTS: usize = 20;
/// Bytes of it.
const PATH_BYTES: usize = 256;

/// Puts the engine's filters behind names that templates cannot use, and others in their place.
macro_rules! bounded {
    ($($name:ident),* $(,)?) => {
        mod in_bounds {
            use super::{Error, Rest, State, Value, ValueOrKwargs, bounded};

            $(
                pub(super) fn $name(state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
                    bounded(state, stringify!($name), concat!("__", stringify!($name)), &arguments.into_values())
                }
            )*
        }

        fn install_bounded(engine: &mut Environment<'static>) {
            $(
                engine.add_filter(concat!("__", stringify!($name)), filters::$name);
                engine.add_filter(stringify!($name), in_bounds::$name);
            )*
        }
    };
}

bounded!(
    batch, chain, dictsort, groupby, items, last, list, map, max, min, reject, rejectattr, reverse, select, selectattr,
    slice, sort, unique, zip
);

pub(super) fn install(engine: &mut Environment<'static>) {
    install_bounded(engine);
    engine.add_filter("first", |state: &State<'_, '_>, value: &Value| {
        // The names of an object are collected, all of them.
        if value.kind() == ValueKind::Map {
            work::weigh(state, value)?;
        }
        filters::first(value)
    });
    engine.add_test("in", |state: &State<'_, '_>, value: &Value, list: &Value| contains(state, list, value));
}

/// Applies a filter of the engine's.
fn bounded(
    state: &mut State<'_, '_>,
    name: &'static str,
    filter: &'static str,
    arguments: &[Value],
) -> Result<Value, Error> {
    for argument in arguments {
        work::weigh(state, argument)?;
    }
    check_paths(name, arguments)?;
    if matches!(name, "dictsort" | "groupby" | "max" | "min" | "sort" | "unique") {
        ordered_by(name, arguments)?;
    }
    let value = state.apply_filter(filter, arguments)?;
    work::made(state, value)
}

/// Refuses paths to follow in each item that nobody needs: what they cost is not counted.
fn check_paths(filter: &str, arguments: &[Value]) -> Result<(), Error> {
    if let Some(named) = arguments.last().filter(|last| last.is_kwargs()) {
        let named = Kwargs::try_from(named.clone())?;
        if let Some(path) = named.peek::<Option<&str>>("attribute")? {
            check_path(filter, path)?;
        }
    }
    match arguments.get(1).and_then(Value::as_str) {
        Some(path) if matches!(filter, "groupby" | "rejectattr" | "selectattr") => check_path(filter, path),
        _ => Ok(()),
    }
}

/// Refuses a path, or several of them with commas between, of too many parts.
pub(super) fn check_path(filter: &str, path: &str) -> Result<(), Error> {
    let parts = path.split(['.', ',']).take(PATH_PARTS + 1).count();
    if parts > PATH_PARTS || path.len() > PATH_BYTES {
        let most = format!("{filter}: an attribute has at most {PATH_PARTS} parts and {PATH_BYTES} bytes");
        return Err(invalid(most));
    }
    Ok(())
}

/// Whether a list has a value as an element, an object a member of that name, or a text that part.
pub(crate) fn contains(state: &State<'_, '_>, list: &Value, value: &Value) -> Result<bool, Error> {
    if is_container(value) {
        return Err(invalid(format!("in: a {} cannot be looked for", value.kind())));
    }
    // JSON that was made a text of is looked for, and looked into, as that text.
    let json = list.downcast_object_ref::<RawJson>();
    if let Some(text) = list.as_str().or(json.map(|json| &*json.0)) {
        work::charge(state, text.len())?;
        return Ok(match value.kind() {
            ValueKind::Undefined | ValueKind::None => false,
            _ => text.contains(&*text_of(state, value)?),
        });
    }
    let plain = match value.downcast_object_ref::<RawJson>() {
        Some(json) => {
            let number = computable(value);
            if number.is_number() { number } else { Value::from(&*json.0) }
        }
        None => value.clone(),
    };
    let value = &plain;
    let length = value.as_str().map_or(0, str::len);
    match list.kind() {
        ValueKind::Undefined | ValueKind::None => Ok(false),
        ValueKind::Map => {
            work::charge(state, length)?;
            Ok(value.as_str().is_some() && !list.get_item(value)?.is_undefined())
        }
        ValueKind::Seq | ValueKind::Iterable => {
            for (index, item) in list.try_iter()?.checked().enumerate() {
                work::charge_item(state, index)?;
                let item = item?;
                work::charge(state, item.as_str().map_or(0, |text| text.len().min(length)))?;
                if item == *value {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        kind => Err(invalid(format!("in: a {kind} has nothing in it"))),
    }
}

/// Whether a value is made of others.
pub(crate) fn is_container(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map)
}
