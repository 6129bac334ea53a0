//! Why a part of a filter has no value, and what is said of it.

use std::fmt;

use super::super::compile::{Binary, Node, Operator};

/// Why a part has no value. Made in passing, as `exists` may meet many of them: what is said of it is put together at the end.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fault<'n> {
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

pub(super) type Result<'v, T> = std::result::Result<T, Fault<'v>>;
