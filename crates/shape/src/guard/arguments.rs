//! What filters take in parentheses, so that too much, too little and unknown names are found before there is an event.

use minijinja::machinery::ast::{CallArg, Filter};

use super::operands::values_of;
use super::write::Wrong;
use crate::dates::zone;

/// What a filter takes.
struct Takes {
    /// Values at least, whether by name or not.
    least: usize,
    /// Values without a name at most.
    most: usize,
    named: &'static [&'static str],
}

const fn takes(least: usize, most: usize, named: &'static [&'static str]) -> Takes {
    Takes { least, most, named }
}

/// What the filter of a name takes.
fn of_filter(name: &str) -> Takes {
    const ANY: usize = usize::MAX;
    match name {
        "selectattr" | "rejectattr" => takes(1, ANY, &[]),
        "chain" | "zip" => takes(0, ANY, &[]),
        "batch" | "slice" | "hmac_sha256" => takes(1, 2, &[]),
        "d" | "default" => takes(0, 2, &["default_value", "boolean"]),
        "date" => takes(0, 2, &[]),
        "dictsort" => takes(0, 0, &["by", "case_sensitive", "reverse"]),
        "float" | "int" | "required" | "sha1" | "sha256" | "sha512" | "split" | "trim" => takes(0, 1, &[]),
        "groupby" => takes(1, 1, &["attribute", "default", "case_sensitive"]),
        "join" => takes(0, 2, &["d", "attribute"]),
        "max" | "min" | "unique" => takes(0, 0, &["attribute", "case_sensitive"]),
        "replace" => takes(2, 3, &["count"]),
        "round" => takes(0, 2, &["precision", "method"]),
        "sort" => takes(0, 0, &["attribute", "case_sensitive", "reverse"]),
        "sum" => takes(0, 2, &["attribute", "start"]),
        "truncate" => takes(0, 3, &["length", "killwords", "end"]),
        _ => takes(0, 0, &[]),
    }
}

/// Refuses what a filter that applies another to each item cannot hand on: it would be left out without a word.
fn check_handed_on(filter: &Filter<'_>, at: usize) -> Result<(), Wrong> {
    let name = filter.name;
    let applies = matches!(filter.args.first(), Some(CallArg::Pos(_)));
    let refused = |message: String| Err(Wrong { at, message });
    for argument in &filter.args {
        match argument {
            CallArg::Kwarg(given, _) if applies || name != "map" => {
                return refused(format!("`{name}` hands on nothing by name: write what `{given}` is without its name"));
            }
            CallArg::Kwarg(given, _) if !matches!(*given, "attribute" | "default") => {
                return refused(format!(
                    "`map` has no `{given}`; it takes a filter's name, or attribute and default by name"
                ));
            }
            _ => {}
        }
    }
    let has_attribute = filter.args.iter().any(|argument| matches!(argument, CallArg::Kwarg("attribute", _)));
    if name == "map" && !applies && !has_attribute {
        return refused("`map` takes a filter's name in quotes, or attribute by name".to_owned());
    }
    Ok(())
}

/// Refuses what a filter does not take where `by` applies it to each item, with the values that follow on its name.
pub(super) fn check_applied(name: &str, by: &str, arguments: &[CallArg<'_>], at: usize) -> Result<(), Wrong> {
    let Some(values) = values_of(arguments) else { return Ok(()) };
    // What these take depends on the name that they are given.
    if matches!(name, "map" | "reject" | "select") {
        return Ok(());
    }
    let Takes { least, most, .. } = of_filter(name);
    let handed = format!("`{by}` hands {} on to `{name}`, which takes", values.len());
    let message = match values.len() {
        count if count < least => format!("{handed} at least {least}"),
        count if count > most && most == 0 => format!("{handed} no values"),
        count if count > most => format!("{handed} at most {most}"),
        _ => return Ok(()),
    };
    Err(Wrong { at, message })
}

/// Refuses what a filter does not take.
pub(super) fn check_arguments(filter: &Filter<'_>, at: usize) -> Result<(), Wrong> {
    let name = filter.name;
    if matches!(name, "map" | "reject" | "select") {
        return check_handed_on(filter, at);
    }
    let Takes { least, most, named } = of_filter(name);
    let refused = |message: String| Err(Wrong { at, message });
    let by_name = match named {
        [] => "nothing by name".to_owned(),
        named => format!("{} by name", named.join(", ")),
    };
    if most == 0 && named.is_empty() && !filter.args.is_empty() {
        return refused(format!("`{name}` takes nothing in parentheses"));
    }
    let mut values = 0;
    for argument in &filter.args {
        match argument {
            CallArg::Pos(_) => values += 1,
            CallArg::Kwarg(given, _) if !named.contains(given) => {
                return refused(format!("`{name}` has no `{given}`; it takes {by_name}"));
            }
            CallArg::Kwarg(..) => {}
            // Refused where they stand.
            CallArg::PosSplat(_) | CallArg::KwargSplat(_) => return Ok(()),
        }
    }
    if values > most {
        return refused(match most {
            0 => format!("`{name}` takes {by_name}, and nothing else"),
            1 => format!("`{name}` takes one value in parentheses"),
            most => format!("`{name}` takes at most {most} values in parentheses"),
        });
    }
    if filter.args.len() < least {
        return refused(match least {
            1 => format!("`{name}` takes a value in parentheses"),
            least => format!("`{name}` takes at least {least} values in parentheses"),
        });
    }
    if name == "date"
        && let [_, CallArg::Pos(offset)] = filter.args.as_slice()
        && let Some(offset) = offset.as_const()
        && offset.as_str().is_some_and(|offset| zone(Some(offset)).is_err())
    {
        return refused("`date` takes an offset such as +02:00, from -23:59 to +23:59".to_owned());
    }
    Ok(())
}
