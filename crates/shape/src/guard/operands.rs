//! What tests and functions take in parentheses, so that too much, too little and what can never do are found before there is an event.

use minijinja::Value;
use minijinja::functions::range;
use minijinja::machinery::ast::{CallArg, Expr};
use minijinja::value::ValueKind;

use super::write::Wrong;

/// What a test takes in parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operand {
    Nothing,
    Any,
    /// What a value is divided by.
    Divisor,
    /// What has an order: no object, and no list.
    Ordered,
    /// What a value can be in.
    Container,
}

/// What the test of a name takes.
fn of_test(name: &str) -> Operand {
    match name {
        "divisibleby" => Operand::Divisor,
        "!=" | "==" | "endingwith" | "eq" | "equalto" | "ne" | "startingwith" => Operand::Any,
        "<" | "<=" | ">" | ">=" | "ge" | "greaterthan" | "gt" | "le" | "lessthan" | "lt" => Operand::Ordered,
        "in" => Operand::Container,
        _ => Operand::Nothing,
    }
}

impl Operand {
    /// How many values that is.
    fn count(self) -> usize {
        usize::from(self != Self::Nothing)
    }

    /// What such a thing has to be, where the template itself has one that is not.
    fn wanted_of(self, value: &Value) -> Option<&'static str> {
        let is_list = matches!(value.kind(), ValueKind::Seq | ValueKind::Map | ValueKind::Iterable);
        match self {
            Self::Nothing | Self::Any => None,
            Self::Divisor => {
                let divides = matches!(value.kind(), ValueKind::Number | ValueKind::Bool) && value.is_true();
                (!divides).then_some("a number other than 0")
            }
            Self::Ordered => is_list.then_some("a text or a number: objects and lists have no order"),
            Self::Container => (!is_list && value.as_str().is_none()).then_some("a list, an object or a text"),
        }
    }
}

/// The values in parentheses; none: there are some that are refused where they stand.
pub(super) fn values_of<'e, 's>(arguments: &'e [CallArg<'s>]) -> Option<Vec<&'e Expr<'s>>> {
    let value = |argument: &'e CallArg<'s>| match argument {
        CallArg::Pos(value) | CallArg::Kwarg(_, value) => Some(value),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => None,
    };
    arguments.iter().map(value).collect()
}

/// Refuses a value by its name, where there are values without names alone.
fn check_unnamed(name: &str, arguments: &[CallArg<'_>]) -> Result<(), String> {
    arguments.iter().try_for_each(|argument| match argument {
        CallArg::Kwarg(given, _) => Err(format!("`{name}` has no `{given}`; it takes nothing by name")),
        _ => Ok(()),
    })
}

/// Refuses what a test does not take.
pub(super) fn check_test_arguments(name: &str, arguments: &[CallArg<'_>], at: usize) -> Result<(), Wrong> {
    let refused = |message: String| Wrong { at, message };
    let operand = of_test(name);
    if operand == Operand::Nothing && !arguments.is_empty() {
        return Err(refused(format!("`{name}` takes nothing in parentheses")));
    }
    check_unnamed(name, arguments).map_err(refused)?;
    let Some(values) = values_of(arguments) else { return Ok(()) };
    if values.len() != operand.count() {
        return Err(refused(format!("`{name}` takes one value in parentheses")));
    }
    for value in values.iter().filter_map(|value| value.as_const()) {
        if let Some(wanted) = operand.wanted_of(&value) {
            return Err(refused(format!("`{name}` takes {wanted}")));
        }
    }
    Ok(())
}

/// Refuses what `range` does not take, or cannot make of it.
pub(super) fn check_range(arguments: &[CallArg<'_>], at: usize) -> Result<(), Wrong> {
    let refused = |message: String| Wrong { at, message };
    check_unnamed("range", arguments).map_err(refused)?;
    let Some(values) = values_of(arguments) else { return Ok(()) };
    if !(1..=3).contains(&values.len()) {
        return Err(refused("`range` takes one to three values in parentheses".to_owned()));
    }
    let mut known = [None; 3];
    let mut are_known = true;
    for (index, value) in values.iter().enumerate() {
        let Some(value) = value.as_const() else {
            are_known = false;
            continue;
        };
        // Its end and its step may be left out so.
        if index > 0 && value.is_none() {
            continue;
        }
        let number = isize::try_from(value);
        known[index] = Some(number.map_err(|_| refused("`range` takes whole numbers".to_owned()))?);
    }
    if known[2] == Some(0) {
        return Err(refused("`range` takes a step other than 0".to_owned()));
    }
    if let ([Some(lower), upper, step], true) = (known, are_known)
        && range(lower, upper, step).is_err()
    {
        return Err(refused("`range` makes 100,000 elements at the most".to_owned()));
    }
    Ok(())
}
