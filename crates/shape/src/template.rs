//! Templates: compiled once, rendered for each event.
//!
//! Owns the language's limits and the words of its errors. Which filters there are is [`crate::functions`]'s, how values are escaped
//! [`crate::escape`]'s, and what the engine is kept from doing [`crate::guard`]'s.
//!
//! Invariants: a rendering ends within its fuel and makes at most [`RENDERED_BYTES`]; what it makes as JSON is JSON; the same template and
//! event make the same bytes at any time; a panic of the engine's is an error of the template.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use minijinja::{Environment, Error, ErrorKind, OutputSpanKind, UndefinedBehavior, Value};
use postrider_core::limits::{PROBLEM_CHARS, RENDERED_BYTES, TEMPLATE_DEPTH, TEMPLATE_FUEL};
use postrider_core::shape::Syntax;
use serde::de::IgnoredAny;

use crate::guard::{self, Guarded, Refused};
use crate::scan::{self, Prepared};
use crate::subject::Subject;
use crate::work::Allowance;
use crate::{escape, functions};

/// The name of the one template of an environment.
const NAME: &str = "template";
/// What a template takes in memory however short it is.
const COMPILED_BYTES: usize = 2 * 1024;
/// What it takes for each byte of its text, with that text.
const COMPILED_BYTES_A_BYTE: usize = 4;

/// A template that can be rendered.
pub struct Template {
    engine: Environment<'static>,
    source: Arc<str>,
    prepared: Prepared,
    guarded: Guarded,
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
    /// What it is an error of.
    pub kind: TemplateErrorKind,
}

/// What is wrong with a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// What it says, or what it makes of this event.
    Template,
    /// It does more work than its [`Allowance`] has.
    Work,
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
        Self { message, position: None, kind: TemplateErrorKind::Template }
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
        let (kind, message) = match error.kind() {
            ErrorKind::OutOfFuel => (TemplateErrorKind::Work, "the template does more work than one may".to_owned()),
            kind => match error.detail() {
                Some(detail) if is_demand(error) => (TemplateErrorKind::Template, detail.to_owned()),
                Some(detail) => (TemplateErrorKind::Template, format!("{kind}: {detail}")),
                None => (TemplateErrorKind::Template, kind.to_string()),
            },
        };
        match error.range() {
            Some(range) => Self { kind, ..Self::at(source, original(range.start), message) },
            None => Self { kind, ..Self::new(message) },
        }
    }
}

/// Whether the template demanded what is missing, and said so in words of its own.
fn is_demand(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<functions::Demanded>)
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
    engine.set_formatter(move |out, state, value| escape::write(out, state, syntax, value));
    functions::install(&mut engine);
    engine
}

impl Template {
    /// Compiles a template. All that can be known without an event is known after this.
    pub fn compile(source: &str, syntax: Syntax) -> Result<Self, TemplateError> {
        unwound("compiled", || Self::compiled(source, syntax))
    }

    fn compiled(source: &str, syntax: Syntax) -> Result<Self, TemplateError> {
        guard::check_size(source).map_err(|(at, message)| TemplateError::at(source, at, message))?;
        // As it was written first, so that errors of the language come in the language's words and order.
        scan::parse(source)?;
        let prepared = scan::prepare(source, syntax)?;
        let guarded = guard::guarded(&prepared.source).map_err(|refused| match refused {
            Refused::Unread(error) => TemplateError::of_engine(&error, source, |offset| prepared.original(offset)),
            Refused::Wrong(at, message) => TemplateError::at(source, prepared.original(at), message),
        })?;
        let mut engine = ENGINES[match syntax {
            Syntax::Json => 0,
            Syntax::Form => 1,
            Syntax::Xml => 2,
            Syntax::Text => 3,
        }]
        .clone();
        let added = engine.add_template_owned(NAME, guarded.source.clone());
        added.map_err(|error| {
            TemplateError::of_engine(&error, source, |offset| prepared.original(guarded.original(offset)))
        })?;
        Ok(Self { engine, source: source.into(), prepared, guarded, syntax })
    }

    /// What the template makes of an event.
    pub fn render(&self, subject: &Subject) -> Result<Bytes, TemplateError> {
        self.render_within(&mut Allowance::whole(), subject)
    }

    /// What the template makes of an event, with what other renderings of the same request have left.
    pub fn render_within(&self, allowance: &mut Allowance, subject: &Subject) -> Result<Bytes, TemplateError> {
        unwound("rendered", || self.rendered(allowance, subject))
    }

    fn rendered(&self, allowance: &mut Allowance, subject: &Subject) -> Result<Bytes, TemplateError> {
        let template = self.engine.get_template(NAME).map_err(|error| self.error(&error))?;
        let scope = allowance.scope(subject.value());
        let mut made = Made::default();
        let rendered = template.render_captured_to(scope.clone(), &mut made);
        if made.is_full {
            let message = format!("the result has more than {RENDERED_BYTES} bytes");
            return Err(self.at_output(&scope, RENDERED_BYTES, message));
        }
        let rendered = rendered.map_err(|error| self.error(&error))?;
        allowance.set_left(rendered.state().fuel_levels().map_or(0, |(_, left)| left));
        if self.syntax == Syntax::Json
            && let Err(error) = serde_json::from_slice::<IgnoredAny>(&made.bytes)
        {
            let made = String::from_utf8_lossy(&made.bytes);
            let (at, message) = not_json(&made, &error);
            return Err(self.at_output(&scope, at, message));
        }
        Ok(Bytes::from(made.bytes))
    }

    /// About how much memory it takes.
    pub fn bytes(&self) -> usize {
        COMPILED_BYTES + (self.source.len() + self.guarded.source.len()) * COMPILED_BYTES_A_BYTE
    }

    fn error(&self, error: &Error) -> TemplateError {
        TemplateError::of_engine(error, &self.source, |offset| self.original(offset))
    }

    /// Where something stands in the template, by where it stands in what the engine compiled.
    fn original(&self, offset: usize) -> usize {
        self.prepared.original(self.guarded.original(offset))
    }

    /// An error about a byte of the result: it is rendered once more, to learn what made that byte.
    fn at_output(&self, scope: &Value, at: usize, message: String) -> TemplateError {
        let spans = self.engine.get_template(NAME).and_then(|template| template.render_with_spans(scope.clone()));
        let spans = spans.map(|(_, spans)| spans).unwrap_or_default();
        let Some(span) = spans.iter().rev().find(|span| span.output_range().start <= at) else {
            return TemplateError::new(message);
        };
        let mut place = self.original(span.source_range().start);
        if span.kind() == OutputSpanKind::Raw {
            place += (at - span.output_range().start).min(span.output_range().len());
        }
        TemplateError::at(&self.source, place.min(self.source.len()), message)
    }
}

/// What a template makes, up to as much as it may.
#[derive(Default)]
struct Made {
    bytes: Vec<u8>,
    is_full: bool,
}

impl io::Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > RENDERED_BYTES {
            self.is_full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes an error of a panic, which the panic hook has told of by then: it costs the delivery, and nothing else.
fn unwound<T>(what: &str, work: impl FnOnce() -> Result<T, TemplateError>) -> Result<T, TemplateError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(TemplateError::new(format!("the template cannot be {what}: Postrider has a fault here, please report it")))
    })
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("syntax", &self.syntax).finish_non_exhaustive()
    }
}

/// What JSON cannot have in the result, and at which byte.
fn not_json(made: &str, error: &serde_json::Error) -> (usize, String) {
    let (line, column) = (error.line(), error.column());
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    let before: usize = made.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let text = made[before..].lines().next().unwrap_or_default();
    let from = text.floor_char_boundary(column.saturating_sub(20).min(text.len()));
    let to = text.floor_char_boundary((column + 10).min(text.len()));
    let message = format!(
        "the result is not JSON: {words}, at line {line}, column {column} of the result, near `{}`",
        &text[from..to]
    );
    (before + column.saturating_sub(1), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_the_template() {
        let error = unwound("rendered", || -> Result<(), _> { panic!("as the engine may") });
        assert!(error.expect_err("it panicked").message.contains("cannot be rendered"));
    }
}
