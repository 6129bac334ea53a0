//! Deciding a filter over an event, in counted steps.
//!
//! `&&`, `||`, `all` and `exists` are as in CEL: where one side decides, the other may be undecided, whichever comes first. Everything
//! else is undecided as soon as a part of it is.

use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

use postrider_core::Timestamp;

use super::compile::{Binary, Loop, Node, Operator, Over, Pattern, Root, Unary};
use super::value::{Json, Members, Subject};
use crate::schema::shortened;

/// Bytes of text that are looked at in one step.
const BYTES: usize = 32;
/// Places of a pattern times bytes of text that are gone through in one step.
const PLACES: u64 = 8;

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

/// Why a part has no value. Made in passing, as `exists` may meet many of them: what is said of it is put together at the end.
#[derive(Debug, Clone, Copy)]
enum Fault<'n> {
    Absent(&'n Node),
    NotAnObject(&'n Node, &'static str),
    NoElement(i128, usize),
    Kind(&'static str, &'static str),
    Kinds(&'static str, &'static str, &'static str),
    TooLarge,
    NotANumber,
    NotATime,
    DivisionByZero,
    TooManySteps,
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(node) => write!(f, "the event has no {}", Path(node)),
            Self::NotAnObject(node, kind) => write!(f, "{} is {kind} and has no members", Path(node)),
            Self::NoElement(index, length) => write!(f, "a list of {length} has no element {index}"),
            Self::Kind(what, kind) => write!(f, "{what} cannot be applied to {kind}"),
            Self::Kinds(what, one, other) => write!(f, "{what} cannot be applied to {one} and {other}"),
            Self::TooLarge => f.write_str("a number is too large"),
            Self::NotANumber => f.write_str("a text is no number"),
            Self::NotATime => f.write_str("a text is no time in the form of RFC 3339"),
            Self::DivisionByZero => f.write_str("a number is divided by zero"),
            Self::TooManySteps => f.write_str("the filter takes too many steps over this event"),
        }
    }
}

/// A part of a filter as a person would name it.
struct Path<'n>(&'n Node);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Node::Root(root) => f.write_str(root.name()),
            Node::Variable(_, name) => f.write_str(name),
            Node::Operator(operator) => match &**operator {
                Operator::Select(of, name) | Operator::Has(of, name) => write!(f, "{}.{name}", Path(of)),
                Operator::Binary(Binary::Index, parts) => match &parts[1] {
                    Node::Text(name) => write!(f, "{}.{name}", Path(&parts[0])),
                    Node::Int(index) => write!(f, "{}[{index}]", Path(&parts[0])),
                    _ => write!(f, "{}[...]", Path(&parts[0])),
                },
                _ => f.write_str("(...)"),
            },
            _ => f.write_str("(...)"),
        }
    }
}

#[derive(Debug, Clone)]
enum Value<'v> {
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(&'v str),
    MadeText(Rc<str>),
    Time(Timestamp),
    List(&'v [Json<'v>]),
    MadeList(Rc<[Value<'v>]>),
    Map(Object<'v>),
}

/// An object of a body, or `user` or `tenant`, whose `id` the event may have beside it.
#[derive(Debug, Clone, Copy)]
struct Object<'v> {
    members: &'v Members<'v>,
    id: Option<&'v str>,
}

impl<'v> Object<'v> {
    fn own_id(self) -> Option<&'v str> {
        self.id.filter(|_| self.members.get("id").is_none())
    }

    fn len(self) -> usize {
        self.members.len() + usize::from(self.own_id().is_some())
    }

    fn has(self, name: &str) -> bool {
        self.members.get(name).is_some() || (name == "id" && self.id.is_some())
    }
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Double(_) => "a number",
            Self::Text(_) | Self::MadeText(_) => "a text",
            Self::Time(_) => "a time",
            Self::List(_) | Self::MadeList(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::MadeText(text) => Some(text),
            _ => None,
        }
    }

    fn list_len(&self) -> Option<usize> {
        match self {
            Self::List(list) => Some(list.len()),
            Self::MadeList(list) => Some(list.len()),
            _ => None,
        }
    }
}

type Result<'v, T> = std::result::Result<T, Fault<'v>>;

static NO_MEMBERS: Members<'static> = Members::NONE;

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

    fn binary(&mut self, operator: Binary, parts: &'v [Node; 2], node: &'v Node) -> Result<'v, Value<'v>> {
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

    /// None: they have no order, as one is no number at all (the result of 0.0 / 0.0).
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

    fn unary(&mut self, function: Unary, of: &Value<'v>) -> Result<'v, Value<'v>> {
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

    fn matches(&mut self, of: &Value<'v>, pattern: &Pattern) -> Result<'v, bool> {
        let Some(text) = of.text() else { return Err(Fault::Kind("matches", of.kind())) };
        self.steps((text.len() as u64).saturating_mul(pattern.places) / PLACES)?;
        Ok(pattern.regex.is_match(text))
    }

    fn over(&mut self, kind: Loop, over: &'v Over) -> Result<'v, Value<'v>> {
        let range = self.of(&over.range)?;
        let range = match range {
            Value::Map(object) => {
                self.steps(object.len() as u64)?;
                let names = object.members.iter().map(|(name, _)| Value::Text(name));
                Value::MadeList(names.chain(object.own_id().map(|_| Value::Text("id"))).collect())
            }
            Value::List(_) | Value::MadeList(_) => range,
            other => return Err(Fault::Kind("a macro over elements", other.kind())),
        };
        let length = range.list_len().unwrap_or(0);
        match kind {
            Loop::All => self.quantified(over, &range, length, false),
            Loop::Exists => self.quantified(over, &range, length, true),
            Loop::ExistsOne => {
                let mut found = 0;
                for index in 0..length {
                    self.bind(over, &range, index)?;
                    found += u32::from(self.bool(&over.body, "exists_one")?);
                }
                Ok(Value::Bool(found == 1))
            }
            Loop::Filter | Loop::Map => {
                let mut kept = Vec::new();
                for index in 0..length {
                    self.bind(over, &range, index)?;
                    if let Some(condition) = &over.condition
                        && !self.bool(condition, "map")?
                    {
                        continue;
                    }
                    if kind == Loop::Map {
                        kept.push(self.of(&over.body)?);
                    } else if self.bool(&over.body, "filter")? {
                        kept.push(self.variables[over.slot].clone());
                    }
                }
                Ok(Value::MadeList(kept.into()))
            }
        }
    }

    fn bind(&mut self, over: &Over, range: &Value<'v>, index: usize) -> Result<'v, ()> {
        self.step()?;
        self.variables[over.slot] = element(range, index)?;
        Ok(())
    }

    /// `deciding`: the value that one element has for the whole to have it.
    fn quantified(
        &mut self,
        over: &'v Over,
        range: &Value<'v>,
        length: usize,
        deciding: bool,
    ) -> Result<'v, Value<'v>> {
        let what = if deciding { "exists" } else { "all" };
        let mut undecided = None;
        for index in 0..length {
            let outcome = self.bind(over, range, index).and_then(|()| self.bool(&over.body, what));
            match outcome {
                Ok(value) if value == deciding => return Ok(Value::Bool(deciding)),
                Ok(_) => {}
                Err(Fault::TooManySteps) => return Err(Fault::TooManySteps),
                Err(fault) => undecided = undecided.or(Some(fault)),
            }
        }
        undecided.map_or(Ok(Value::Bool(!deciding)), Err)
    }
}

/// A value of a body, its numbers understood.
fn value<'v>(json: &'v Json<'v>) -> Result<'v, Value<'v>> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(text) => return number(text),
        Json::Text(text) => Value::Text(text),
        Json::Time(at) => Value::Time(*at),
        Json::List(elements) => Value::List(elements),
        Json::Map(members) => Value::Map(Object { members, id: None }),
    })
}

/// A number as it is written: whole ones exactly, up to 38 digits; others as the nearest double.
fn number<'v>(text: &str) -> Result<'v, Value<'v>> {
    if text.bytes().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        return double(text.parse().map_err(|_| Fault::TooLarge)?);
    }
    text.parse().map(Value::Int).map_err(|_| Fault::TooLarge)
}

fn double<'v>(number: f64) -> Result<'v, Value<'v>> {
    if number.is_finite() { Ok(Value::Double(number)) } else { Err(Fault::TooLarge) }
}

/// A whole number that was made: within 64 bits, as CEL has it.
fn int<'v>(number: i128) -> Result<'v, Value<'v>> {
    if i64::try_from(number).is_ok() { Ok(Value::Int(number)) } else { Err(Fault::TooLarge) }
}

fn element<'v>(list: &Value<'v>, index: usize) -> Result<'v, Value<'v>> {
    match list {
        Value::List(elements) => value(&elements[index]),
        Value::MadeList(elements) => Ok(elements[index].clone()),
        other => Err(Fault::Kind("[]", other.kind())),
    }
}

/// How two numbers compare, exactly, whether they are whole or not.
fn numbers(one: &Value<'_>, other: &Value<'_>) -> Option<Ordering> {
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
        (Binary::Add, Some((one, other))) => Ok(Value::Double(one + other)),
        (Binary::Subtract, Some((one, other))) => Ok(Value::Double(one - other)),
        (Binary::Multiply, Some((one, other))) => Ok(Value::Double(one * other)),
        (Binary::Divide, Some((one, other))) => Ok(Value::Double(one / other)),
        _ => Err(Fault::Kinds(what, one.kind(), other.kind())),
    }
}
