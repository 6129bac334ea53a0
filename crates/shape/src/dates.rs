//! The filter `date`: moments in other forms.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::{Offset, TimeZone};
use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use crate::functions::invalid;
use crate::json::{computable, text_of};

/// Numbers from here on are milliseconds: as seconds they would lie beyond the year 5000.
const MILLISECONDS_FROM: f64 = 1e11;

/// A moment (RFC 3339, or seconds or milliseconds since 1970) in the form that is asked for: `iso` where none is, `date`, `time`, `unix`,
/// `unix_ms`, `rfc2822`, or a pattern as of `strftime`. In UTC, or at the offset that is given as `+02:00`. What is missing stays so.
pub(crate) fn date(
    state: &State<'_, '_>,
    value: &Value,
    form: Option<&str>,
    offset: Option<&str>,
) -> Result<Value, Error> {
    if matches!(value.kind(), ValueKind::Undefined | ValueKind::None) {
        return Ok(value.clone());
    }
    let at = moment(state, &computable(value))?.to_zoned_datetime(zone(offset)?);
    let pattern = match form.unwrap_or("iso") {
        "unix" => return Ok(Value::from(at.timestamp().as_second())),
        "unix_ms" => return Ok(Value::from(at.timestamp().as_millisecond())),
        "iso" if offset.is_none() => "%Y-%m-%dT%H:%M:%S.%3fZ",
        "iso" => "%Y-%m-%dT%H:%M:%S.%3f%:z",
        "date" => "%Y-%m-%d",
        "time" => "%H:%M:%S",
        "rfc2822" => "%a, %d %b %Y %H:%M:%S %z",
        pattern if pattern.len() > 200 => return Err(invalid("date: the pattern is too long")),
        pattern => pattern,
    };
    let text = strtime::format(pattern, &at)
        .map_err(|error| invalid(format!("date: the pattern `{pattern}` cannot be used: {error}")))?;
    Ok(Value::from(text))
}

fn moment(state: &State<'_, '_>, value: &Value) -> Result<Timestamp, Error> {
    if value.is_number() {
        let number = f64::try_from(value.clone())?;
        let seconds = if number.abs() >= MILLISECONDS_FROM { number / 1e3 } else { number };
        #[expect(clippy::cast_possible_truncation, reason = "what is out of range saturates, and is refused")]
        let micros = (seconds * 1e6).round() as i64;
        return Timestamp::from_microsecond(micros).map_err(|_| invalid(format!("date: {number} is no moment")));
    }
    let text = text_of(state, value)?;
    let parsed = text.trim().parse::<Timestamp>().or_else(|error| {
        // A day alone is its beginning.
        text.trim()
            .parse::<jiff::civil::Date>()
            .map_err(|_| error)
            .and_then(|day| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)))
    });
    parsed.map_err(|_| invalid(format!("date: `{}` is no moment", text.chars().take(60).collect::<String>())))
}

/// The zone of an offset. One that is a day or more is in no form of time, and no reader of RFC 3339 takes it.
pub(crate) fn zone(offset: Option<&str>) -> Result<TimeZone, Error> {
    let Some(text) = offset.filter(|text| !matches!(*text, "UTC" | "Z")) else { return Ok(TimeZone::UTC) };
    let read = || {
        let (sign, rest) = match text.split_at_checked(1)? {
            ("+", rest) => (1, rest),
            ("-", rest) => (-1, rest),
            _ => return None,
        };
        let (hours, minutes) = rest.split_once(':').unwrap_or((rest, "0"));
        let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
        (hours < 24 && minutes < 60).then_some(())?;
        Offset::from_seconds(sign * (i32::from(hours) * 3_600 + i32::from(minutes) * 60)).ok()
    };
    read().map(TimeZone::fixed).ok_or_else(|| invalid(format!("date: `{text}` is no offset such as +02:00")))
}
