//! Names that a template may use, and what to say of others.

use minijinja::machinery::ast::{Call, CallArg, Expr, Filter, Test};

use super::arguments::{check_applied, check_arguments};
use super::operands::{check_range, check_test_arguments};
use super::write::{Wrong, start};
use crate::functions::{is_filter, is_function, is_test};
use crate::scan::{AS_SENT, IN_STRING};

/// Filters whose value is never made of others.
const PLAIN_FILTERS: [&str; 28] = [
    "abs",
    "b64decode",
    "b64encode",
    "base64decode",
    "base64encode",
    "bool",
    "capitalize",
    "count",
    "date",
    "hmac_sha256",
    "join",
    "json",
    "length",
    "lower",
    "replace",
    "round",
    "sha1",
    "sha256",
    "sha512",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "truncate",
    "upper",
    "urlencode",
    IN_STRING,
];
/// Tests that look at nothing but the kind of a value, or at a number.
const KIND_TESTS: [&str; 15] = [
    "boolean",
    "defined",
    "divisibleby",
    "even",
    "false",
    "float",
    "integer",
    "iterable",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
];

/// Whether the value of a part is never made of others, as far as can be told without an event.
pub(super) fn is_plain(expression: &Expr<'_>) -> bool {
    use minijinja::machinery::ast::BinOpKind::{Add, ScAnd, ScOr};
    match expression {
        Expr::Const(_) | Expr::UnaryOp(_) | Expr::Compare(_) | Expr::Test(_) => true,
        Expr::BinOp(operator) => match operator.op {
            ScAnd | ScOr => is_plain(&operator.left) && is_plain(&operator.right),
            Add => is_plain(&operator.left) || is_plain(&operator.right),
            _ => true,
        },
        Expr::Filter(filter) => PLAIN_FILTERS.contains(&filter.name),
        _ => false,
    }
}

/// Whether the value of a part is a text or a number, as far as can be told without an event.
pub(super) fn is_text_or_number(expression: &Expr<'_>) -> bool {
    use minijinja::machinery::ast::BinOpKind::{Concat, Div, FloorDiv, Mul, Pow, Rem, Sub};
    match expression {
        Expr::BinOp(operator) => matches!(operator.op, Concat | Div | FloorDiv | Mul | Pow | Rem | Sub),
        Expr::Filter(filter) => filter.name != "bool" && PLAIN_FILTERS.contains(&filter.name),
        _ => false,
    }
}

/// Whether a test looks at more of a value than its kind.
pub(super) fn looks_closely(test: &str) -> bool {
    !KIND_TESTS.contains(&test) && test != "undefined"
}

/// Refuses a filter that there is not, and what it is not given.
pub(super) fn check_filter(filter: &Filter<'_>, at: usize) -> Result<(), Wrong> {
    let name = filter.name;
    if name == IN_STRING || name == AS_SENT {
        return Ok(());
    }
    if !is_filter(name) {
        return Err(Wrong { at, message: format!("there is no filter `{name}`") });
    }
    check_arguments(filter, at)?;
    match name {
        "map" => applied(filter, 0, at, Applied::Filter),
        "select" | "reject" => applied(filter, 0, at, Applied::Test),
        "selectattr" | "rejectattr" => applied(filter, 1, at, Applied::Test),
        _ => Ok(()),
    }
}

/// What a filter is told to apply to each item.
#[derive(Clone, Copy)]
enum Applied {
    Filter,
    Test,
}

/// Refuses a filter or test that another filter is told to apply, and that there is not, or not with what follows on its name.
fn applied(filter: &Filter<'_>, index: usize, at: usize, applied: Applied) -> Result<(), Wrong> {
    let Some(CallArg::Pos(name)) = filter.args.get(index) else { return Ok(()) };
    let what = match applied {
        Applied::Filter => "filter",
        Applied::Test => "test",
    };
    let Expr::Const(literal) = name else {
        let message = format!("`{}` takes the name of a {what} as a text in quotes", filter.name);
        return Err(Wrong { at, message });
    };
    let at = start(literal.span());
    let name = literal.value.as_str().unwrap_or_default();
    let further = &filter.args[index + 1..];
    match applied {
        Applied::Filter if is_filter(name) => check_applied(name, filter.name, further, at),
        Applied::Test if is_test(name) => check_test_arguments(name, further, at),
        _ => Err(Wrong { at, message: format!("there is no {what} `{name}`") }),
    }
}

/// Refuses a test that there is not, and what it is not given.
pub(super) fn check_test(test: &Test<'_>, at: usize) -> Result<(), Wrong> {
    if !is_test(test.name) {
        return Err(Wrong { at, message: format!("there is no test `{}`", test.name) });
    }
    check_test_arguments(test.name, &test.args, at)
}

/// Refuses a function that there is not, what it is not given, and all methods but those of a loop.
pub(super) fn check_call(call: &Call<'_>, at: usize) -> Result<(), Wrong> {
    let message = match &call.expr {
        // There is this one alone.
        Expr::Var(name) if is_function(name.id) => return check_range(&call.args, at),
        Expr::Var(name) if is_filter(name.id) => {
            format!(
                "there is no function `{0}`; `{0}` is a filter and stands behind a value: {{{{ value | {0} }}}}",
                name.id
            )
        }
        Expr::Var(name) => format!("there is no function `{}`; there is range, and there are filters", name.id),
        Expr::GetAttr(method) => match (&method.expr, method.name) {
            (Expr::Var(name), "cycle" | "changed") if name.id == "loop" => {
                if !call.args.is_empty() {
                    return Ok(());
                }
                format!("`loop.{}` takes at least one value", method.name)
            }
            (_, name) if is_filter(name) => {
                format!("values have no methods: write {{{{ value | {name} }}}} instead of {{{{ value.{name}() }}}}")
            }
            (_, name) => {
                format!("values have no methods, and so not `{name}`; there are filters: {{{{ value | lower }}}}")
            }
        },
        _ => "only functions can be called".to_owned(),
    };
    Err(Wrong { at, message })
}
