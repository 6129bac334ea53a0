//! Filters of numbers.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, State, Value};

use super::invalid;
use super::lists::{check_path, is_container};
use crate::json::computable;
pub(super) fn install(engine: &mut Environment<'static>) {
    engine.add_filter("abs", |value: &Value| minijinja::filters::abs(computable(value)));
    engine.add_filter("round", |value: &Value, precision: Option<i32>, method: Option<&str>, named: Kwargs| {
        round(value, precision, method, &named)
    });
    engine.add_filter("int", |value: &Value, other: Option<Value>| {
        let other = no_container("int", other)?;
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
        Ok::<_, Error>(value.and_then(whole).or(other).unwrap_or_else(|| Value::from(0)))
    });
    engine.add_filter("sum", sum);
    engine.add_filter("float", |value: &Value, other: Option<Value>| {
        let other = no_container("float", other)?;
        let number = match value.as_str() {
            Some(text) => text.trim().parse::<f64>().ok(),
            None => f64::try_from(computable(value)).ok(),
        };
        let number = number.filter(|number| number.is_finite()).map(Value::from);
        Ok::<_, Error>(number.or(other).unwrap_or_else(|| Value::from(0.0)))
    });
}

/// What stands for what is no number, and is none that is made of others.
fn no_container(filter: &str, other: Option<Value>) -> Result<Option<Value>, Error> {
    match other {
        Some(other) if is_container(&other) => {
            Err(invalid(format!("{filter}: an object or a list cannot stand for a number")))
        }
        other => Ok(other),
    }
}

/// To so many digits behind the point; `method` is `common`, `floor` or `ceil`, as Jinja has them.
fn round(value: &Value, precision: Option<i32>, method: Option<&str>, named: &Kwargs) -> Result<Value, Error> {
    let precision = match precision {
        None => named.get::<Option<i32>>("precision")?,
        given => given,
    };
    let method = match method {
        None => named.get::<Option<&str>>("method")?,
        given => given,
    };
    named.assert_all_used()?;
    let rounded = match method.unwrap_or("common") {
        "common" => f64::round,
        "floor" => f64::floor,
        "ceil" => f64::ceil,
        other => return Err(invalid(format!("round: there is no method `{other}`; there are common, floor and ceil"))),
    };
    let value = computable(value);
    if value.is_integer() {
        return Ok(value);
    }
    let scale = 10_f64.powi(precision.unwrap_or(0).clamp(0, 15));
    let float = f64::try_from(value)?;
    let scaled = rounded(float * scale) / scale;
    Ok(Value::from(if scaled.is_finite() { scaled } else { float }))
}

/// The engine's, of numbers alone: texts and lists would be put together one after the other, and copied each time.
fn sum(
    state: &State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    start: Option<Value>,
    named: Kwargs,
) -> Result<Value, Error> {
    let from = match &start {
        Some(start) => Some(start.clone()),
        None => named.get("start")?,
    };
    match attribute {
        Some(path) => check_path("sum", path)?,
        None => check_path("sum", named.peek::<Option<&str>>("attribute")?.unwrap_or_default())?,
    }
    if from.is_some_and(|from| !from.is_number()) {
        return Err(invalid("sum: it starts from a number"));
    }
    minijinja::filters::sum(state, values, attribute, start, named)
}

fn whole_part(float: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "within the range of an i64, as the line before says")]
    (float.abs() < 9.0e18).then_some(float.trunc() as i64)
}
