//! What stands between two values: operators, and the functions that hold one text against another.

use std::cmp::Ordering;

use super::super::compile::{Binary, Node};
use super::Evaluation;
use super::fault::{Fault, Result};
use super::values::{Object, Value, double, element, int, value};

impl<'v> Evaluation<'v> {
    pub(super) fn binary(&mut self, operator: Binary, parts: &'v [Node; 2], node: &'v Node) -> Result<'v, Value<'v>> {
        let one = self.of(&parts[0])?;
        let other = self.of(&parts[1])?;
        Ok(match operator {
            Binary::Equal => Value::Bool(self.equal(&one, &other)?),
            Binary::NotEqual => Value::Bool(!self.equal(&one, &other)?),
            Binary::Less => Value::Bool(self.compare(&one, &other, "<")? == Some(Ordering::Less)),
            Binary::Greater => Value::Bool(self.compare(&one, &other, ">")? == Some(Ordering::Greater)),
            Binary::LessOrEqual => {
                let order = self.compare(&one, &other, "<=")?;
                Value::Bool(order.is_some_and(Ordering::is_le))
            }
            Binary::GreaterOrEqual => {
                let order = self.compare(&one, &other, ">=")?;
                Value::Bool(order.is_some_and(Ordering::is_ge))
            }
            Binary::Add => self.add(&one, &other)?,
            Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder => {
                arithmetic(operator, &one, &other)?
            }
            Binary::In => Value::Bool(self.is_in(&one, &other)?),
            Binary::Index => self.index(&one, &other, node, &parts[0])?,
            Binary::Contains => Value::Bool(self.texts(&one, &other, "contains", |one, other| one.contains(other))?),
            Binary::StartsWith => {
                Value::Bool(self.texts(&one, &other, "startsWith", |one, other| one.starts_with(other))?)
            }
            Binary::EndsWith => Value::Bool(self.texts(&one, &other, "endsWith", |one, other| one.ends_with(other))?),
        })
    }

    fn texts(
        &mut self,
        one: &Value<'v>,
        other: &Value<'v>,
        what: &'static str,
        test: impl FnOnce(&str, &str) -> bool,
    ) -> Result<'v, bool> {
        let (Some(one_text), Some(other_text)) = (one.text(), other.text()) else {
            return Err(Fault::Kinds(what, one.kind(), other.kind()));
        };
        self.bytes(one_text.len() + other_text.len())?;
        Ok(test(one_text, other_text))
    }

    fn equal(&mut self, one: &Value<'v>, other: &Value<'v>) -> Result<'v, bool> {
        if let (Some(one), Some(other)) = (one.text(), other.text()) {
            self.bytes(one.len().min(other.len()))?;
            return Ok(one == other);
        }
        if let (Some(length), Some(other_length)) = (one.list_len(), other.list_len()) {
            if length != other_length {
                return Ok(false);
            }
            for index in 0..length {
                self.step()?;
                let (one, other) = (element(one, index)?, element(other, index)?);
                if !self.equal(&one, &other)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        Ok(match (one, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(one), Value::Bool(other)) => one == other,
            (Value::Time(one), Value::Time(other)) => one == other,
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
                numbers(one, other) == Some(Ordering::Equal)
            }
            (Value::Map(one), Value::Map(other)) => {
                if one.len() != other.len() {
                    return Ok(false);
                }
                if one.own_id().is_some() || other.own_id().is_some() {
                    return Ok(one.own_id() == other.own_id() && self.same_members(*one, *other)?);
                }
                self.same_members(*one, *other)?
            }
            _ => false,
        })
    }

    fn same_members(&mut self, one: Object<'v>, other: Object<'v>) -> Result<'v, bool> {
        for (name, member) in one.members.iter() {
            self.bytes(name.len())?;
            let Some(there) = other.members.get(name) else { return Ok(false) };
            if !self.equal(&value(member)?, &value(there)?)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// None: they have no order, as one is no number at all. Nothing comes to that, as what has no result decides nothing.
    fn compare(&mut self, one: &Value<'v>, other: &Value<'v>, what: &'static str) -> Result<'v, Option<Ordering>> {
        if let (Some(one), Some(other)) = (one.text(), other.text()) {
            self.bytes(one.len().min(other.len()))?;
            return Ok(Some(one.cmp(other)));
        }
        match (one, other) {
            (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => Ok(numbers(one, other)),
            (Value::Bool(one), Value::Bool(other)) => Ok(Some(one.cmp(other))),
            (Value::Time(one), Value::Time(other)) => Ok(Some(one.cmp(other))),
            _ => Err(Fault::Kinds(what, one.kind(), other.kind())),
        }
    }

    fn add(&mut self, one: &Value<'v>, other: &Value<'v>) -> Result<'v, Value<'v>> {
        if let (Some(one), Some(other)) = (one.text(), other.text()) {
            self.bytes(one.len() + other.len())?;
            return Ok(Value::MadeText([one, other].concat().into()));
        }
        if let (Some(length), Some(other_length)) = (one.list_len(), other.list_len()) {
            self.steps((length + other_length) as u64)?;
            let elements = (0..length).map(|index| element(one, index));
            let elements = elements.chain((0..other_length).map(|index| element(other, index)));
            return Ok(Value::MadeList(elements.collect::<Result<'v, Vec<_>>>()?.into()));
        }
        arithmetic(Binary::Add, one, other)
    }

    fn is_in(&mut self, one: &Value<'v>, other: &Value<'v>) -> Result<'v, bool> {
        if let Value::Map(object) = other {
            let Some(name) = one.text() else { return Ok(false) };
            self.bytes(name.len())?;
            return Ok(object.has(name));
        }
        let Some(length) = other.list_len() else { return Err(Fault::Kinds("in", one.kind(), other.kind())) };
        for index in 0..length {
            self.step()?;
            // A number that is too large to be compared is none of those that are not.
            let Ok(element) = element(other, index) else { continue };
            if self.equal(one, &element)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn index(&mut self, of: &Value<'v>, index: &Value<'v>, node: &'v Node, of_node: &'v Node) -> Result<'v, Value<'v>> {
        match (of.list_len(), index) {
            (Some(length), Value::Int(number)) => {
                let index = usize::try_from(*number).ok().filter(|index| *index < length);
                element(of, index.ok_or(Fault::NoElement(*number, length))?)
            }
            _ => match (of, index.text()) {
                (Value::Map(_), Some(name)) => self.member(of, name, node, of_node),
                _ => Err(Fault::Kinds("[]", of.kind(), index.kind())),
            },
        }
    }
}

/// How two numbers compare, exactly, whether they are whole or not.
pub(super) fn numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Int(one), Value::Int(other)) => Some(one.cmp(other)),
        (Value::Double(one), Value::Double(other)) => one.partial_cmp(other),
        (Value::Int(one), Value::Double(other)) => whole_with_double(*one, *other),
        (Value::Double(one), Value::Int(other)) => whole_with_double(*other, *one).map(Ordering::reverse),
        _ => None,
    }
}

fn whole_with_double(whole: i128, double: f64) -> Option<Ordering> {
    /// 2^127: the first double beyond all that fits.
    const BEYOND: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if double.is_nan() {
        return None;
    }
    if double >= BEYOND {
        return Some(Ordering::Less);
    }
    if double < -BEYOND {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "the bounds are checked; the fraction is looked at below")]
    let floor = double.floor() as i128;
    Some(whole.cmp(&floor).then(if double > double.floor() { Ordering::Less } else { Ordering::Equal }))
}

fn arithmetic<'v>(operator: Binary, one: &Value<'v>, other: &Value<'v>) -> Result<'v, Value<'v>> {
    let what = match operator {
        Binary::Add => "+",
        Binary::Subtract => "-",
        Binary::Multiply => "*",
        Binary::Divide => "/",
        _ => "%",
    };
    #[expect(clippy::cast_precision_loss, reason = "a whole number meets a double and becomes one")]
    let doubles = match (one, other) {
        (Value::Int(one), Value::Int(other)) => {
            let result = match operator {
                Binary::Divide | Binary::Remainder if *other == 0 => return Err(Fault::DivisionByZero),
                Binary::Add => one.checked_add(*other),
                Binary::Subtract => one.checked_sub(*other),
                Binary::Multiply => one.checked_mul(*other),
                Binary::Divide => one.checked_div(*other),
                _ => one.checked_rem(*other),
            };
            return int(result.ok_or(Fault::TooLarge)?);
        }
        (Value::Double(one), Value::Double(other)) => Some((*one, *other)),
        (Value::Int(one), Value::Double(other)) => Some((*one as f64, *other)),
        (Value::Double(one), Value::Int(other)) => Some((*one, *other as f64)),
        _ => None,
    };
    match (operator, doubles) {
        (Binary::Add, Some((one, other))) => double(one + other),
        (Binary::Subtract, Some((one, other))) => double(one - other),
        (Binary::Multiply, Some((one, other))) => double(one * other),
        (Binary::Divide, Some((_, 0.0))) => Err(Fault::DivisionByZero),
        (Binary::Divide, Some((one, other))) => double(one / other),
        _ => Err(Fault::Kinds(what, one.kind(), other.kind())),
    }
}
