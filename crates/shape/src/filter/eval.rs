//! Deciding a filter over an event, in counted steps.
//!
//! `&&`, `||`, `all` and `exists` are as in CEL: where one side decides, the other may be undecided, whichever comes first. Everything
//! else is undecided as soon as a part of it is.

mod fault;
mod functions;
mod loops;
mod operators;
mod values;

use std::cmp::Ordering;

use fault::{Fault, Result};
use operators::numbers;
use values::{Object, Value, element, int, value};

use super::compile::{Node, Operator, Root};
use super::value::{Json, Members, Subject};
use crate::schema::shortened;

/// Bytes of text that are looked at in one step.
const BYTES: usize = 32;

static NO_MEMBERS: Members<'static> = Members::NONE;

/// What a filter says of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it lets the event through; or why it cannot tell, as a sentence without a full stop.
    pub verdict: std::result::Result<bool, String>,
    /// The steps that it took.
    pub steps: u32,
}

pub(super) fn decide<'v>(root: &'v Node, slots: usize, subject: &'v Subject<'v>, steps: u32) -> Decision {
    let mut evaluation = Evaluation { subject, variables: vec![Value::Null; slots], left: steps };
    let verdict = match evaluation.of(root) {
        // What ran out of steps within something that needs not be decided is undecided nevertheless.
        Ok(Value::Bool(verdict)) if evaluation.left > 0 => Ok(verdict),
        _ if evaluation.left == 0 => Err(Fault::TooManySteps.to_string()),
        Ok(value) => Err(format!("the filter's value is {} and not true or false", value.kind())),
        Err(fault) => Err(shortened(&fault.to_string())),
    };
    Decision { verdict, steps: steps - evaluation.left }
}

/// The value of an expression as text that tells it from others: texts as they read, numbers by what they are, lists of such. None: it has
/// none, or null, or an object, or it takes too many steps.
pub(super) fn text_of(root: &Node, slots: usize, subject: &Subject<'_>, steps: u32) -> Option<String> {
    let mut evaluation = Evaluation { subject, variables: vec![Value::Null; slots], left: steps };
    let value = evaluation.of(root).ok()?;
    let mut text = String::new();
    evaluation.write(&value, &mut text).ok()??;
    (evaluation.left > 0).then_some(text)
}

struct Evaluation<'v> {
    subject: &'v Subject<'v>,
    variables: Vec<Value<'v>>,
    left: u32,
}

impl<'v> Evaluation<'v> {
    fn step(&mut self) -> Result<'v, ()> {
        self.steps(0)
    }

    /// One step, and one for each so many bytes.
    fn bytes(&mut self, bytes: usize) -> Result<'v, ()> {
        self.steps((bytes / BYTES) as u64)
    }

    fn steps(&mut self, further: u64) -> Result<'v, ()> {
        let steps = u32::try_from(further).unwrap_or(u32::MAX).saturating_add(1);
        self.left = self.left.saturating_sub(steps);
        if self.left == 0 { Err(Fault::TooManySteps) } else { Ok(()) }
    }

    fn of(&mut self, node: &'v Node) -> Result<'v, Value<'v>> {
        // What stands for itself is free, as the operator that has it is not; and so is a negation, so that it is decided wherever what
        // it negates is.
        Ok(match node {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(*value),
            Node::Int(value) => Value::Int(*value),
            Node::Double(value) => Value::Double(*value),
            Node::Text(text) => Value::Text(text),
            Node::Root(root) => self.root(*root)?,
            Node::Variable(slot, _) => self.variables[*slot].clone(),
            Node::Not(of) => Value::Bool(!self.bool(of, "!")?),
            Node::Operator(operator) => {
                self.step()?;
                self.operator(operator, node)?
            }
        })
    }

    /// `node` is the operator as a part, for what is said of it.
    fn operator(&mut self, operator: &'v Operator, node: &'v Node) -> Result<'v, Value<'v>> {
        Ok(match operator {
            Operator::Select(of, name) => {
                let object = self.of(of)?;
                self.member(&object, name, node, of)?
            }
            Operator::Has(of, name) => match self.of(of)? {
                Value::Map(object) => Value::Bool(object.has(name)),
                other => return Err(Fault::NotAnObject(of, other.kind())),
            },
            Operator::List(elements) => {
                self.steps(elements.len() as u64)?;
                let elements: Result<'v, Vec<_>> = elements.iter().map(|element| self.of(element)).collect();
                Value::MadeList(elements?.into())
            }
            Operator::Negative(of) => match self.of(of)? {
                Value::Int(value) => int(-value)?,
                Value::Double(value) => Value::Double(-value),
                other => return Err(Fault::Kind("-", other.kind())),
            },
            Operator::And(parts) => Value::Bool(self.join(parts, "&&", false)?),
            Operator::Or(parts) => Value::Bool(self.join(parts, "||", true)?),
            Operator::If(parts) => {
                let part = if self.bool(&parts[0], "?:")? { &parts[1] } else { &parts[2] };
                self.of(part)?
            }
            Operator::Binary(kind, parts) => self.binary(*kind, parts, node)?,
            Operator::Unary(function, of) => {
                let value = self.of(of)?;
                self.unary(*function, &value)?
            }
            Operator::Matches(of, pattern) => {
                let value = self.of(of)?;
                Value::Bool(self.matches(&value, pattern)?)
            }
            Operator::Loop(kind, over) => self.over(*kind, over)?,
        })
    }

    /// Appends a value so that no two different ones read the same. None: it is null, or an object, or has such a thing in it.
    fn write(&mut self, value: &Value<'v>, out: &mut String) -> Result<'v, Option<()>> {
        use std::fmt::Write as _;
        self.step()?;
        // Writing to a string does not fail.
        let _ = match value {
            Value::Null | Value::Map(_) => return Ok(None),
            Value::Bool(value) => write!(out, "b{value};"),
            Value::Int(value) => write!(out, "n{value};"),
            Value::Double(value) => {
                // 2.0 is 2.
                #[expect(clippy::cast_possible_truncation, reason = "exact, as it is looked at")]
                let whole = *value as i128;
                match numbers(&Value::Int(whole), &Value::Double(*value)) {
                    Some(Ordering::Equal) => write!(out, "n{whole};"),
                    _ => write!(out, "d{value};"),
                }
            }
            Value::Time(at) => write!(out, "t{at};"),
            Value::Text(_) | Value::MadeText(_) => {
                let text = value.text().unwrap_or_default();
                self.bytes(text.len())?;
                write!(out, "s{}:{text};", text.len())
            }
            Value::List(_) | Value::MadeList(_) => {
                out.push('[');
                for index in 0..value.list_len().unwrap_or(0) {
                    let element = element(value, index)?;
                    if self.write(&element, out)?.is_none() {
                        return Ok(None);
                    }
                }
                write!(out, "]")
            }
        };
        Ok(Some(()))
    }

    fn bool(&mut self, node: &'v Node, what: &'static str) -> Result<'v, bool> {
        match self.of(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(Fault::Kind(what, other.kind())),
        }
    }

    /// `deciding`: the value that one side has for the whole to have it.
    fn join(&mut self, parts: &'v [Node; 2], what: &'static str, deciding: bool) -> Result<'v, bool> {
        let one = self.bool(&parts[0], what);
        if let Ok(value) = one
            && value == deciding
        {
            return Ok(deciding);
        }
        let other = self.bool(&parts[1], what)?;
        if other == deciding { Ok(deciding) } else { one }
    }

    fn root(&mut self, root: Root) -> Result<'v, Value<'v>> {
        let subject = self.subject;
        let object = |members| Ok(Value::Map(Object { members, id: None }));
        let named = |name, id| match subject.payload.get(name) {
            None => Ok(Value::Map(Object { members: &NO_MEMBERS, id })),
            Some(Json::Map(members)) => Ok(Value::Map(Object { members, id })),
            Some(other) => value(other),
        };
        match root {
            Root::Event => object(&subject.event),
            Root::Payload => object(&subject.payload),
            Root::Context => value(&subject.context),
            Root::User => named("user", subject.user_id),
            Root::Tenant => named("tenant", subject.tenant_id),
        }
    }

    /// `node` is the whole part, `of` the one that the object is the value of.
    fn member(&mut self, object: &Value<'v>, name: &str, node: &'v Node, of: &'v Node) -> Result<'v, Value<'v>> {
        self.bytes(name.len())?;
        match object {
            Value::Map(object) => match object.members.get(name) {
                Some(member) => value(member),
                None => match object.id.filter(|_| name == "id") {
                    Some(id) => Ok(Value::Text(id)),
                    None => Err(Fault::Absent(node)),
                },
            },
            other => Err(Fault::NotAnObject(of, other.kind())),
        }
    }
}
