//! Tests that compare values, and what can be compared.
//!
//! The engine compares two objects by the names of both, however small the other one is. So objects and lists are never put in order here,
//! and whether two are equal is charged for by the size of both.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::{invalid, is_container};
use crate::json::text_of;
use crate::work;

pub(super) fn install(engine: &mut Environment<'static>) {
    for name in ["eq", "equalto", "=="] {
        engine.add_test(name, |state: &State<'_, '_>, a: &Value, b: &Value| equal(state, a, b));
    }
    for name in ["ne", "!="] {
        engine.add_test(name, |state: &State<'_, '_>, a: &Value, b: &Value| equal(state, a, b).map(|equal| !equal));
    }
    for name in ["lt", "lessthan", "<"] {
        engine.add_test(name, |a: &Value, b: &Value| both_ordered(a, b).map(|()| a < b));
    }
    for name in ["le", "<="] {
        engine.add_test(name, |a: &Value, b: &Value| both_ordered(a, b).map(|()| a <= b));
    }
    for name in ["gt", "greaterthan", ">"] {
        engine.add_test(name, |a: &Value, b: &Value| both_ordered(a, b).map(|()| a > b));
    }
    for name in ["ge", ">="] {
        engine.add_test(name, |a: &Value, b: &Value| both_ordered(a, b).map(|()| a >= b));
    }
    engine.add_test("startingwith", |state: &State<'_, '_>, value: &Value, start: &Value| {
        Ok::<_, Error>(text_of(state, value)?.starts_with(&*text_of(state, start)?))
    });
    engine.add_test("endingwith", |state: &State<'_, '_>, value: &Value, end: &Value| {
        Ok::<_, Error>(text_of(state, value)?.ends_with(&*text_of(state, end)?))
    });
    // As the engine's, which would collect an object's names to see whether it can.
    engine.add_test("iterable", |value: &Value| {
        is_container(value) || matches!(value.kind(), ValueKind::String | ValueKind::Undefined | ValueKind::None)
    });
}

fn equal(state: &State<'_, '_>, a: &Value, b: &Value) -> Result<bool, Error> {
    // Else it ends with the shorter of two texts, at once.
    if a.as_object().is_some() && b.as_object().is_some() {
        work::weigh(state, a)?;
        work::weigh(state, b)?;
    }
    Ok(a == b)
}

fn both_ordered(a: &Value, b: &Value) -> Result<(), Error> {
    ordered(a)?;
    ordered(b)
}

/// Refuses what has no order.
pub(super) fn ordered(value: &Value) -> Result<(), Error> {
    if is_container(value) { Err(unordered("")) } else { Ok(()) }
}

fn unordered(by: &str) -> Error {
    invalid(format!("an object or list cannot be ordered{by}; compare, or sort by, a member that is a text or number"))
}

/// Refuses elements that have no order, where a filter of that name would order them by what its arguments name.
pub(super) fn ordered_by(filter: &str, arguments: &[Value]) -> Result<(), Error> {
    let Some(list) = arguments.first() else { return Ok(()) };
    let named = arguments.last().filter(|last| last.is_kwargs()).cloned();
    let named = named.map(Kwargs::try_from).transpose()?;
    let given = |name: &str| named.as_ref().map_or(Ok(None), |named| named.peek::<Option<String>>(name));
    let check = |key: &Value| if is_container(key) { Err(unordered(&format!(" by `{filter}`"))) } else { Ok(()) };
    if filter == "dictsort" {
        if given("by")?.as_deref() == Some("value") && list.kind() == ValueKind::Map {
            for name in list.try_iter()?.checked() {
                check(&list.get_item(&name?)?)?;
            }
        }
        return Ok(());
    }
    let attribute = match arguments.get(1).and_then(Value::as_str) {
        Some(attribute) if filter == "groupby" => Some(attribute.to_owned()),
        _ => given("attribute")?,
    };
    let paths: Vec<&str> = match attribute.as_deref() {
        // This one alone takes several.
        Some(attribute) if filter == "sort" && attribute.split(',').any(|path| !path.trim().is_empty()) => {
            attribute.split(',').map(str::trim).filter(|path| !path.is_empty()).collect()
        }
        Some(attribute) => vec![attribute],
        None => Vec::new(),
    };
    if !matches!(list.kind(), ValueKind::Seq | ValueKind::Iterable) {
        return Ok(());
    }
    for item in list.try_iter()?.checked() {
        let item = item?;
        if paths.is_empty() {
            check(&item)?;
        }
        for path in &paths {
            check(&at_path(&item, path))?;
        }
    }
    Ok(())
}

/// The value that the engine finds at a path such as `a.0.b`; undefined where there is none.
fn at_path(item: &Value, path: &str) -> Value {
    path.split('.')
        .try_fold(item.clone(), |value, part| match part.parse::<usize>() {
            Ok(index) => value.get_item(&Value::from(index)),
            Err(_) => value.get_attr(part),
        })
        .unwrap_or_default()
}
