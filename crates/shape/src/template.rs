//! Templates: compiled once, rendered for each event.
//!
//! Owns the language's limits and the words of its errors. Which filters there are is [`crate::functions`]'s, how values are escaped
//! [`crate::escape`]'s.
//!
//! Invariants: a rendering ends within its fuel and makes at most [`RENDERED_BYTES`]; what it makes as JSON is JSON; the same template and
//! event make the same bytes at any time.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior};
use postrider_core::limits::{PROBLEM_CHARS, RENDERED_BYTES, TEMPLATE_DEPTH, TEMPLATE_FUEL};
use postrider_core::shape::Syntax;
use serde::de::IgnoredAny;

use crate::scan::{self, Prepared};
use crate::subject::Subject;
use crate::{escape, functions};

/// The name of the one template of an environment.
const NAME: &str = "template";

/// A template that can be rendered.
pub struct Template {
    engine: Environment<'static>,
    source: Arc<str>,
    prepared: Prepared,
    syntax: Syntax,
}

/// Why a template cannot be compiled, or not be rendered for an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", Position(*.position))]
pub struct TemplateError {
    /// What is wrong, in words for whoever wrote the template.
    pub message: String,
    /// Where; none: nowhere in particular.
    pub position: Option<(usize, usize)>,
}

/// Line and column, as they stand before a message.
struct Position(Option<(usize, usize)>);

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, "line {line}, column {column}: "),
            None => Ok(()),
        }
    }
}

impl TemplateError {
    /// An error of the template as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(PROBLEM_CHARS) {
            message.truncate(end);
        }
        Self { message, position: None }
    }

    /// The line, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.position.map(|(line, _)| line)
    }

    /// The column, counted from 1, in characters.
    pub fn column(&self) -> Option<usize> {
        self.position.map(|(_, column)| column)
    }

    pub(crate) fn at(source: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = &source[..source.floor_char_boundary(offset)];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
        Self { position: Some((line, 1 + before[line_start..].chars().count())), ..Self::new(message) }
    }

    /// An error of the template engine, in `source` where `original` says.
    pub(crate) fn of_engine(error: &Error, source: &str, original: impl Fn(usize) -> usize) -> Self {
        let message = match error.kind() {
            ErrorKind::OutOfFuel => "the template does more work than one may".to_owned(),
            kind => match error.detail() {
                Some(detail) => format!("{kind}: {detail}"),
                None => kind.to_string(),
            },
        };
        match (error.range(), error.line()) {
            (Some(range), _) => Self::at(source, original(range.start), message),
            (None, Some(line)) => Self { position: Some((line, 1)), ..Self::new(message) },
            (None, None) => Self::new(message),
        }
    }
}

/// What all templates of a syntax share.
static ENGINES: LazyLock<[Environment<'static>; 4]> =
    LazyLock::new(|| [Syntax::Json, Syntax::Form, Syntax::Xml, Syntax::Text].map(engine));

fn engine(syntax: Syntax) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.set_undefined_behavior(UndefinedBehavior::Chainable);
    engine.set_fuel(Some(TEMPLATE_FUEL));
    engine.set_recursion_limit(TEMPLATE_DEPTH);
    // Errors know their columns in this mode alone.
    engine.set_debug(true);
    engine.set_formatter(move |out, _, value| escape::write(out, syntax, value));
    functions::install(&mut engine);
    engine
}

impl Template {
    /// Compiles a template. All that can be known without an event is known after this.
    pub fn compile(source: &str, syntax: Syntax) -> Result<Self, TemplateError> {
        let shared = &ENGINES[match syntax {
            Syntax::Json => 0,
            Syntax::Form => 1,
            Syntax::Xml => 2,
            Syntax::Text => 3,
        }];
        // As it was written first, so that errors of the language come in the language's words and order.
        shared.template_from_str(source).map_err(|error| TemplateError::of_engine(&error, source, |offset| offset))?;
        let prepared = scan::prepare(source, syntax)?;
        let mut engine = shared.clone();
        let added = engine.add_template_owned(NAME, prepared.source.clone());
        added.map_err(|error| TemplateError::of_engine(&error, source, |offset| prepared.original(offset)))?;
        let template = Self { engine, source: source.into(), prepared, syntax };
        template.check_names()?;
        Ok(template)
    }

    /// What the template makes of an event.
    pub fn render(&self, subject: &Subject) -> Result<Bytes, TemplateError> {
        let template = self.engine.get_template(NAME).map_err(|error| self.error(&error))?;
        // What it makes is charged to its fuel, which bounds this text before its length is looked at.
        let made = template.render(subject.value()).map_err(|error| self.error(&error))?;
        if made.len() > RENDERED_BYTES {
            let message = format!("the result has {} bytes; it may have {RENDERED_BYTES}", made.len());
            return Err(TemplateError::new(message));
        }
        if self.syntax == Syntax::Json {
            serde_json::from_str::<IgnoredAny>(&made).map_err(|error| not_json(&made, &error))?;
        }
        Ok(Bytes::from(made))
    }

    fn error(&self, error: &Error) -> TemplateError {
        TemplateError::of_engine(error, &self.source, |offset| self.prepared.original(offset))
    }

    /// Finds filters and tests that do not exist: the engine itself would look for them at each event.
    fn check_names(&self) -> Result<(), TemplateError> {
        functions::check_names(&self.source)
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("syntax", &self.syntax).finish_non_exhaustive()
    }
}

/// Says where in the result something is that JSON cannot have, as the template has no place for it.
fn not_json(made: &str, error: &serde_json::Error) -> TemplateError {
    let (line, column) = (error.line(), error.column());
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    let text = made.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    let from = text.floor_char_boundary(column.saturating_sub(20).min(text.len()));
    let to = text.floor_char_boundary((column + 10).min(text.len()));
    TemplateError::new(format!(
        "the result is not JSON: {words}, at line {line}, column {column} of the result, near `{}`",
        &text[from..to]
    ))
}
