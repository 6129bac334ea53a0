//! Functions of one value.

use postrider_core::Timestamp;

use super::super::compile::{Pattern, Unary};
use super::Evaluation;
use super::fault::{Fault, Result};
use super::values::{Value, double, int};

/// Places of a pattern times bytes of text that are gone through in one step.
const PLACES: u64 = 8;

impl<'v> Evaluation<'v> {
    pub(super) fn unary(&mut self, function: Unary, of: &Value<'v>) -> Result<'v, Value<'v>> {
        if let Some(text) = of.text() {
            self.bytes(text.len())?;
            return match function {
                Unary::Size => Ok(Value::Int(text.chars().count() as i128)),
                Unary::Lower => Ok(Value::MadeText(text.to_ascii_lowercase().into())),
                Unary::Upper => Ok(Value::MadeText(text.to_ascii_uppercase().into())),
                Unary::Int => int(text.parse().map_err(|_| Fault::NotANumber)?),
                Unary::Double => double(text.parse().map_err(|_| Fault::NotANumber)?),
                Unary::Text => Ok(of.clone()),
                Unary::Time => Timestamp::parse(text).map(Value::Time).map_err(|_| Fault::NotATime),
            };
        }
        let what = match function {
            Unary::Size => "size",
            Unary::Lower => "lowerAscii",
            Unary::Upper => "upperAscii",
            Unary::Int => "int",
            Unary::Double => "double",
            Unary::Text => "string",
            Unary::Time => "timestamp",
        };
        match (function, of) {
            (Unary::Size, Value::Map(object)) => Ok(Value::Int(object.len() as i128)),
            (Unary::Size, Value::List(_) | Value::MadeList(_)) => Ok(Value::Int(of.list_len().unwrap_or(0) as i128)),
            (Unary::Int, Value::Int(_)) | (Unary::Double, Value::Double(_)) | (Unary::Time, Value::Time(_)) => {
                Ok(of.clone())
            }
            (Unary::Int, Value::Double(number)) => {
                let whole = number.trunc();
                // As far as a double holds whole numbers that an integer holds, too.
                if whole.is_nan() || whole.abs() >= 9_223_372_036_854_775_808.0 {
                    return Err(Fault::TooLarge);
                }
                #[expect(clippy::cast_possible_truncation, reason = "the bounds are checked, and the fraction is gone")]
                Ok(Value::Int(whole as i128))
            }
            #[expect(clippy::cast_precision_loss, reason = "that is what a double is")]
            (Unary::Double, Value::Int(number)) => Ok(Value::Double(*number as f64)),
            (Unary::Text, Value::Int(number)) => Ok(Value::MadeText(number.to_string().into())),
            (Unary::Text, Value::Double(number)) => Ok(Value::MadeText(number.to_string().into())),
            (Unary::Text, Value::Bool(value)) => Ok(Value::MadeText(value.to_string().into())),
            (Unary::Text, Value::Time(at)) => Ok(Value::MadeText(at.to_string().into())),
            _ => Err(Fault::Kind(what, of.kind())),
        }
    }

    pub(super) fn matches(&mut self, of: &Value<'v>, pattern: &Pattern) -> Result<'v, bool> {
        let Some(text) = of.text() else { return Err(Fault::Kind("matches", of.kind())) };
        self.steps((text.len() as u64).saturating_mul(pattern.places) / PLACES)?;
        Ok(pattern.regex.is_match(text))
    }
}
