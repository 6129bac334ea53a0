//! From the text of a filter to the form that is evaluated.
//!
//! Owns what of the language is taken. Macros (`has`, `all`, ...) are read as the calls that they are written as: their expansions would
//! only hide from the interpreter what they cost.

use std::sync::LazyLock;

use cel::Env;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use postrider_core::limits::{FILTER_CHARS, FILTER_DEPTH, FILTER_NODES, FILTER_PATTERNS, REGEX_BYTES};
use regex::{Regex, RegexBuilder};

use super::FilterError;
use crate::places::places;
use crate::schema::shortened;

/// A part of a filter.
#[derive(Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Int(i128),
    Double(f64),
    Text(Box<str>),
    Root(Root),
    /// A variable that a macro binds, by its slot, and its name.
    Variable(usize, Box<str>),
    Not(Box<Node>),
    Operator(Box<Operator>),
}

/// What takes a step.
#[derive(Debug)]
pub(super) enum Operator {
    Select(Node, Box<str>),
    Has(Node, Box<str>),
    List(Vec<Node>),
    Negative(Node),
    And([Node; 2]),
    Or([Node; 2]),
    If([Node; 3]),
    Binary(Binary, [Node; 2]),
    Unary(Unary, Node),
    Matches(Node, Pattern),
    Loop(Loop, Over),
}

impl From<Operator> for Node {
    fn from(operator: Operator) -> Self {
        Self::Operator(Box::new(operator))
    }
}

/// What a filter can speak of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Root {
    Event,
    User,
    Tenant,
    Context,
    Payload,
}

impl Root {
    const ALL: [(&'static str, Self); 5] = [
        ("event", Self::Event),
        ("user", Self::User),
        ("tenant", Self::Tenant),
        ("context", Self::Context),
        ("payload", Self::Payload),
    ];

    pub(super) fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, root)| *root == self).map_or("", |(name, _)| name)
    }
}

/// Operators and functions of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Binary {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    In,
    Index,
    Contains,
    StartsWith,
    EndsWith,
}

/// Functions of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unary {
    Size,
    Lower,
    Upper,
    Int,
    Double,
    Text,
    Time,
}

/// Macros that go through the elements of a list, or the names of an object's members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

#[derive(Debug)]
pub(super) struct Over {
    pub(super) range: Node,
    pub(super) slot: usize,
    /// `map` alone has both, and maybe.
    pub(super) condition: Option<Node>,
    pub(super) body: Node,
}

/// A pattern, and how many of its places a matcher may be in at once, at most.
#[derive(Debug)]
pub(super) struct Pattern {
    pub(super) regex: Regex,
    pub(super) places: u64,
}

/// Without macros, functions and optional values: what there is, this module decides.
static ENV: LazyLock<Env> = LazyLock::new(|| Env::default().with_optional_support(false));

/// Reads a filter. Returns it with the number of variables that are bound within one another.
pub(super) fn filter(text: &str) -> Result<(Node, usize), FilterError> {
    let (root, slots) = expression(text)?;
    if can_be_a_condition(&root) { Ok((root, slots)) } else { Err(FilterError::NotACondition) }
}

/// Reads an expression of any value, as [`filter`] does.
pub(super) fn expression(text: &str) -> Result<(Node, usize), FilterError> {
    if text.trim().is_empty() {
        return Err(FilterError::Empty);
    }
    if text.len() > FILTER_CHARS && text.chars().count() > FILTER_CHARS {
        return Err(FilterError::TooLong);
    }
    check_nesting(text)?;
    let parsed = ENV.parser().error_recovery_limit(1).parse(text).map_err(|errors| syntax(&errors))?;
    let mut compiler = Compiler { variables: Vec::new(), slots: 0, nodes: 0, patterns: 0 };
    let root = compiler.node(&parsed, FILTER_DEPTH)?;
    Ok((root, compiler.slots))
}

/// Refuses what lies too deep before the parser, which goes into it by recursion.
fn check_nesting(text: &str) -> Result<(), FilterError> {
    let (mut open, mut in_a_row) = (0_usize, 0_usize);
    for byte in without_literals(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec()) {
        match byte {
            b'(' | b'[' | b'{' => open += 1,
            b')' | b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        in_a_row = match byte {
            b'!' | b'-' => in_a_row + 1,
            b' ' | b'\t' | b'\n' | b'\r' => in_a_row,
            _ => 0,
        };
        if open > FILTER_DEPTH || in_a_row > FILTER_DEPTH {
            return Err(FilterError::TooDeep);
        }
    }
    Ok(())
}

/// A filter without what stands in quotes. None where that is not plain to see (raw texts, comments, line breaks): then brackets in
/// quotes count like others, as taking code for a text would let it pass.
fn without_literals(text: &[u8]) -> Option<Vec<u8>> {
    let mut left = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        left.push(byte);
        at += 1;
        match byte {
            b'/' if text.get(at) == Some(&b'/') => return None,
            b'"' | b'\'' => {
                let before = at.checked_sub(2).map(|before| text[before]);
                let is_prefixed = before.is_some_and(|before| before.is_ascii_alphanumeric() || before == b'_');
                let is_triple = text[at..].starts_with(&[byte, byte]);
                if is_prefixed || is_triple {
                    return None;
                }
                while text.get(at)? != &byte {
                    match text[at] {
                        b'\n' | b'\r' => return None,
                        b'\\' => at += 2,
                        _ => at += 1,
                    }
                }
                at += 1;
            }
            _ => {}
        }
    }
    Some(left)
}

fn syntax(errors: &cel::ParseErrors) -> FilterError {
    let Some(error) = errors.errors.first() else {
        return FilterError::Syntax { line: 1, column: 1, message: "it is no expression".to_owned() };
    };
    let place = |at: isize| usize::try_from(at).unwrap_or(0).max(1);
    let message = error.msg.lines().next().unwrap_or_default();
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    FilterError::Syntax { line: place(error.pos.0), column: place(error.pos.1), message: shortened(message) }
}

/// Whether the value of a part can be true or false, as far as can be told without an event.
fn can_be_a_condition(node: &Node) -> bool {
    match node {
        Node::Null | Node::Int(_) | Node::Double(_) | Node::Text(_) | Node::Root(_) => false,
        Node::Bool(_) | Node::Variable(..) | Node::Not(_) => true,
        Node::Operator(operator) => match &**operator {
            Operator::List(_) | Operator::Negative(_) | Operator::Unary(..) => false,
            Operator::Binary(kind, _) => {
                !matches!(kind, Binary::Add | Binary::Subtract | Binary::Multiply | Binary::Divide | Binary::Remainder)
            }
            Operator::Loop(kind, _) => !matches!(kind, Loop::Filter | Loop::Map),
            Operator::If(parts) => can_be_a_condition(&parts[1]) || can_be_a_condition(&parts[2]),
            Operator::Select(..) | Operator::Has(..) | Operator::And(_) | Operator::Or(_) | Operator::Matches(..) => {
                true
            }
        },
    }
}

struct Compiler<'a> {
    /// Names that macros bind, the innermost last.
    variables: Vec<&'a str>,
    slots: usize,
    nodes: usize,
    patterns: usize,
}

impl<'a> Compiler<'a> {
    fn node(&mut self, expression: &'a IdedExpr, depth: usize) -> Result<Node, FilterError> {
        self.nodes += 1;
        if self.nodes > FILTER_NODES {
            return Err(FilterError::TooLarge);
        }
        let depth = depth.checked_sub(1).ok_or(FilterError::TooDeep)?;
        match &expression.expr {
            Expr::Literal(literal) => Self::literal(literal),
            Expr::Ident(name) => self.name(name),
            Expr::Select(select) if select.test => self.has(select, depth),
            Expr::Select(SelectExpr { operand, field, .. }) => {
                Ok(Operator::Select(self.node(operand, depth)?, field.as_str().into()).into())
            }
            Expr::List(list) => {
                let elements = list.elements.iter().map(|element| self.node(element, depth));
                Ok(Operator::List(elements.collect::<Result<_, _>>()?).into())
            }
            Expr::Call(call) => self.call(call, depth),
            Expr::Map(_) => Err(FilterError::Unsupported("an object in braces")),
            Expr::Struct(_) => Err(FilterError::Unsupported("a message in braces")),
            Expr::Comprehension(_) | Expr::Unspecified => Err(FilterError::Unsupported("this expression")),
        }
    }

    fn literal(literal: &LiteralValue) -> Result<Node, FilterError> {
        Ok(match literal {
            LiteralValue::Null => Node::Null,
            LiteralValue::Boolean(value) => Node::Bool(*value.inner()),
            LiteralValue::Int(value) => Node::Int((*value.inner()).into()),
            LiteralValue::UInt(value) => Node::Int((*value.inner()).into()),
            LiteralValue::Double(value) => Node::Double(*value.inner()),
            LiteralValue::String(value) => Node::Text(value.inner().into()),
            LiteralValue::Bytes(_) => return Err(FilterError::Unsupported("a text of bytes")),
        })
    }

    fn name(&self, name: &str) -> Result<Node, FilterError> {
        if let Some(slot) = self.variables.iter().rposition(|variable| *variable == name) {
            return Ok(Node::Variable(slot, name.into()));
        }
        let root = Root::ALL.iter().find(|(known, _)| *known == name.strip_prefix('.').unwrap_or(name));
        root.map(|(_, root)| Node::Root(*root)).ok_or_else(|| FilterError::UnknownName(name.to_owned()))
    }

    fn has(&mut self, select: &'a SelectExpr, depth: usize) -> Result<Node, FilterError> {
        Ok(Operator::Has(self.node(&select.operand, depth)?, select.field.as_str().into()).into())
    }

    fn call(&mut self, call: &'a CallExpr, depth: usize) -> Result<Node, FilterError> {
        let CallExpr { func_name, target, args } = call;
        // `a.f(b)` and `f(a, b)` are the same function where both are written.
        let arguments: Vec<&'a IdedExpr> = target.as_deref().into_iter().chain(args).collect();
        if let Some(kind) = loop_of(func_name)
            && target.is_some()
        {
            return self.over(kind, func_name, &arguments, depth);
        }
        if func_name == operators::HAS && target.is_none() {
            return match arguments.as_slice() {
                [IdedExpr { expr: Expr::Select(select), .. }] => self.has(select, depth),
                _ => Err(arguments_of(func_name, "has(user.email)")),
            };
        }
        if func_name == "matches" {
            return self.matches(&arguments, depth);
        }
        if let Some((unary, form)) = unary(func_name) {
            let [argument] = arguments.as_slice() else { return Err(arguments_of(func_name, form)) };
            return Ok(Operator::Unary(unary, self.node(argument, depth)?).into());
        }
        if let Some(binary) = binary(func_name) {
            let [one, other] = arguments.as_slice() else {
                return Err(arguments_of(func_name, "user.email.endsWith(\"@example.com\")"));
            };
            return Ok(Operator::Binary(binary, [self.node(one, depth)?, self.node(other, depth)?]).into());
        }
        match (func_name.as_str(), arguments.as_slice()) {
            (operators::LOGICAL_NOT, [argument]) => Ok(Node::Not(Box::new(self.node(argument, depth)?))),
            (operators::NEGATE, [argument]) => Ok(Operator::Negative(self.node(argument, depth)?).into()),
            (operators::LOGICAL_AND | operators::LOGICAL_OR, _) => {
                let parts = arguments.iter().map(|part| self.node(part, depth)).collect::<Result<Vec<_>, _>>()?;
                let join = if func_name == operators::LOGICAL_AND { Operator::And } else { Operator::Or };
                let joined = parts.into_iter().reduce(|one, other| join([one, other]).into());
                joined.ok_or(FilterError::Unsupported("this expression"))
            }
            (operators::CONDITIONAL, [condition, then, otherwise]) => {
                let parts = [self.node(condition, depth)?, self.node(then, depth)?, self.node(otherwise, depth)?];
                Ok(Operator::If(parts).into())
            }
            _ => Err(FilterError::UnknownFunction(func_name.clone())),
        }
    }

    fn matches(&mut self, arguments: &[&'a IdedExpr], depth: usize) -> Result<Node, FilterError> {
        let form = "user.email.matches(\"^[a-z]+@example\\\\.com$\"), with the pattern as a text";
        let [text, IdedExpr { expr: Expr::Literal(LiteralValue::String(pattern)), .. }] = arguments else {
            return Err(arguments_of("matches", form));
        };
        self.patterns += 1;
        if self.patterns > FILTER_PATTERNS {
            return Err(FilterError::TooManyPatterns);
        }
        Ok(Operator::Matches(self.node(text, depth)?, compiled(pattern.inner())?).into())
    }

    fn over(&mut self, kind: Loop, name: &str, arguments: &[&'a IdedExpr], depth: usize) -> Result<Node, FilterError> {
        let form = "user.roles.exists(role, role.key == \"admin\")";
        let (range, variable, condition, body) = match arguments {
            [range, variable, body] => (range, variable, None, body),
            [range, variable, condition, body] if kind == Loop::Map => (range, variable, Some(condition), body),
            _ => return Err(arguments_of(name, form)),
        };
        let Expr::Ident(variable) = &variable.expr else { return Err(arguments_of(name, form)) };
        let range = self.node(range, depth)?;
        let slot = self.variables.len();
        self.variables.push(variable);
        self.slots = self.slots.max(self.variables.len());
        let condition = condition.map(|condition| self.node(condition, depth)).transpose()?;
        let body = self.node(body, depth)?;
        self.variables.pop();
        Ok(Operator::Loop(kind, Over { range, slot, condition, body }).into())
    }
}

fn arguments_of(function: &str, form: &'static str) -> FilterError {
    FilterError::Arguments { function: function.to_owned(), form }
}

fn loop_of(name: &str) -> Option<Loop> {
    Some(match name {
        operators::ALL => Loop::All,
        operators::EXISTS => Loop::Exists,
        operators::EXISTS_ONE => Loop::ExistsOne,
        operators::FILTER => Loop::Filter,
        operators::MAP => Loop::Map,
        _ => return None,
    })
}

fn unary(name: &str) -> Option<(Unary, &'static str)> {
    Some(match name {
        "size" => (Unary::Size, "size(user.roles)"),
        "lowerAscii" => (Unary::Lower, "user.email.lowerAscii()"),
        "upperAscii" => (Unary::Upper, "user.email.upperAscii()"),
        "int" => (Unary::Int, "int(payload.amount)"),
        "double" => (Unary::Double, "double(payload.amount)"),
        "string" => (Unary::Text, "string(payload.number)"),
        "timestamp" => (Unary::Time, "timestamp(user.createdAt)"),
        _ => return None,
    })
}

fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        operators::EQUALS => Binary::Equal,
        operators::NOT_EQUALS => Binary::NotEqual,
        operators::LESS => Binary::Less,
        operators::LESS_EQUALS => Binary::LessOrEqual,
        operators::GREATER => Binary::Greater,
        operators::GREATER_EQUALS => Binary::GreaterOrEqual,
        operators::ADD => Binary::Add,
        operators::SUBSTRACT => Binary::Subtract,
        operators::MULTIPLY => Binary::Multiply,
        operators::DIVIDE => Binary::Divide,
        operators::MODULO => Binary::Remainder,
        operators::IN => Binary::In,
        operators::INDEX => Binary::Index,
        "contains" => Binary::Contains,
        "startsWith" => Binary::StartsWith,
        "endsWith" => Binary::EndsWith,
        _ => return None,
    })
}

fn compiled(pattern: &str) -> Result<Pattern, FilterError> {
    let refused = |message: String| FilterError::Pattern { pattern: shortened(pattern), message };
    let last_line = |text: String| text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let hir = regex_syntax::parse(pattern).map_err(|error| refused(last_line(error.to_string())))?;
    let regex = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES).build();
    let regex = regex.map_err(|error| refused(last_line(error.to_string())))?;
    Ok(Pattern { regex, places: places(&hir).max(1) })
}
