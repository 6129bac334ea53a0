//! Reads a template once, when it is compiled: where its expressions stand, and what it uses.
//!
//! Owns the rule by which JSON is escaped. Literal text is followed through the states of a JSON string, so each expression is known to
//! stand within a string or in the place of a value before anything is rendered. Branches that leave the text in different states
//! are refused: behind them nobody could tell.
//!
//! What is found is written into the template: an expression within a string gets the filter [`IN_STRING`], and one that only names a
//! member gets [`AS_SENT`], which knows how a number was written. Nothing in between is touched, so line numbers stay, and columns
//! are found again by [`Prepared::original`].

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use postrider_core::shape::Syntax;

use crate::template::TemplateError;

/// The filter for expressions within JSON strings.
pub(crate) const IN_STRING: &str = "__in_string";
/// The filter for expressions that name a member.
pub(crate) const AS_SENT: &str = "__as_sent";
/// The variable of the event's whole body.
pub(crate) const BODY: &str = "__body";
/// What the names above begin with; templates cannot use such names.
const OURS: &str = "__";

/// A template that knows where its expressions stand.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) source: String,
    /// Where something was put in, in the source above, and how much.
    insertions: Vec<(usize, usize)>,
}

impl Prepared {
    /// The place in the original template of a place in the source.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let mut original = offset;
        for &(at, length) in self.insertions.iter().take_while(|(at, _)| *at < offset) {
            original -= length.min(offset - at);
        }
        original
    }
}

/// Where JSON text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Between tokens, or in a number or word: where a value can stand.
    Value,
    /// In a string.
    InString,
    /// After a backslash in a string.
    AfterBackslash,
    /// Within `\u0000`, so many digits before its end.
    InEscape(u8),
}

impl Place {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Value, b'"') => Self::InString,
            (Self::InString, b'"') | (Self::Value, _) => Self::Value,
            (Self::InString, b'\\') => Self::AfterBackslash,
            (Self::AfterBackslash, b'u') => Self::InEscape(4),
            (Self::InEscape(left), _) if left > 1 => Self::InEscape(left - 1),
            (Self::InString | Self::AfterBackslash | Self::InEscape(_), _) => Self::InString,
        }
    }

    fn in_words(self) -> &'static str {
        match self {
            Self::Value => "outside a string",
            _ => "within a string",
        }
    }
}

/// A statement that is not closed yet.
struct Open {
    kind: Kind,
    line: usize,
    /// Where the text was when it began.
    start: Place,
    /// Where its first branch left it.
    end: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    If { has_else: bool },
    For,
    Other,
}

struct Scan<'a> {
    source: &'a str,
    syntax: Syntax,
    place: Place,
    open: Vec<Open>,
    prepared: Prepared,
    copied_to: usize,
}

/// Whether tokens are filters that follow on one another, up to the end; none are, too.
fn are_filters(mut tokens: &[(Token<'_>, Span)]) -> bool {
    while let [(Token::Pipe, _), (Token::Ident(_), _), rest @ ..] = tokens {
        tokens = match rest {
            [(Token::ParenOpen, _), ..] => after_parentheses(rest),
            rest => rest,
        };
    }
    tokens.is_empty()
}

/// What follows the closing parenthesis of the one that tokens begin with.
fn after_parentheses<'a, 't>(tokens: &'a [(Token<'t>, Span)]) -> &'a [(Token<'t>, Span)] {
    let mut depth = 0_usize;
    for (index, (token, _)) in tokens.iter().enumerate() {
        match token {
            Token::ParenOpen => depth += 1,
            Token::ParenClose => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &tokens[index + 1..];
        }
    }
    &[]
}

/// Whether a text can be read as a template at all.
pub(crate) fn parse(source: &str) -> Result<(), TemplateError> {
    match minijinja::machinery::parse(source, "template", SyntaxConfig::default()) {
        Ok(_) => Ok(()),
        Err(error) => Err(TemplateError::of_engine(&error, source, |offset| offset)),
    }
}

/// Finds where the expressions of a template stand that could be parsed.
pub(crate) fn prepare(source: &str, syntax: Syntax) -> Result<Prepared, TemplateError> {
    let prepared = Prepared { source: String::with_capacity(source.len() + 64), insertions: Vec::new() };
    let mut scanned = Scan { source, syntax, place: Place::Value, open: Vec::new(), prepared, copied_to: 0 };
    let mut tag: Vec<(Token<'_>, Span)> = Vec::new();
    for token in tokenize(source, false, SyntaxConfig::default()) {
        let (token, span) = token.map_err(|error| TemplateError::of_engine(&error, source, |offset| offset))?;
        match token {
            Token::TemplateData(text) => scanned.literal(text),
            Token::VariableStart | Token::BlockStart => tag.clear(),
            Token::VariableEnd => scanned.expression(&tag)?,
            Token::BlockEnd => scanned.statement(&tag)?,
            token => {
                if let Token::Ident(name) = token
                    && name.starts_with(OURS)
                {
                    return Err(
                        scanned.wrong(&span, format!("`{name}`: names that begin with `{OURS}` cannot be used"))
                    );
                }
                tag.push((token, span));
            }
        }
    }
    if syntax == Syntax::Json && scanned.place != Place::Value {
        return Err(TemplateError::new("the template ends within a JSON string: a closing `\"` is missing"));
    }
    scanned.copy_to(source.len());
    Ok(scanned.prepared)
}

impl Scan<'_> {
    fn literal(&mut self, text: &str) {
        if self.syntax == Syntax::Json {
            self.place = text.bytes().fold(self.place, Place::after);
        }
    }

    fn wrong(&self, span: &Span, message: impl Into<String>) -> TemplateError {
        TemplateError::at(self.source, span.start_offset as usize, message)
    }

    fn copy_to(&mut self, offset: usize) {
        self.prepared.source.push_str(&self.source[self.copied_to..offset]);
        self.copied_to = offset;
    }

    fn insert(&mut self, at: usize, text: &str) {
        self.copy_to(at);
        self.prepared.insertions.push((self.prepared.source.len(), text.len()));
        self.prepared.source.push_str(text);
    }

    fn expression(&mut self, tag: &[(Token<'_>, Span)]) -> Result<(), TemplateError> {
        let (Some((_, first)), Some((_, last))) = (tag.first(), tag.last()) else { return Ok(()) };
        let in_string = match (self.syntax, self.place) {
            (Syntax::Json, Place::AfterBackslash | Place::InEscape(_)) => {
                return Err(
                    self.wrong(first, "an expression stands within an escape of a JSON string, behind a backslash")
                );
            }
            (Syntax::Json, Place::InString) => true,
            _ => false,
        };
        if in_string {
            self.insert(first.start_offset as usize, "(");
        }
        if let Some((end, filter)) = self.as_sent(tag) {
            self.insert(end, &filter);
        }
        if in_string {
            self.insert(last.end_offset as usize, &format!(")|{IN_STRING}"));
        }
        Ok(())
    }

    /// For an expression that names a member, and applies nothing but filters to it: where the name ends, and the filter that gives a
    /// number as it was sent. Wherever there is an operator, it is computed with.
    fn as_sent(&self, tag: &[(Token<'_>, Span)]) -> Option<(usize, String)> {
        let Some((Token::Ident(name), first)) = tag.first() else { return None };
        if matches!(*name, "true" | "false" | "none" | "True" | "False" | "None" | "not" | "loop") {
            return None;
        }
        let text = |from: &Span, to: &Span| &self.source[from.start_offset as usize..to.end_offset as usize];
        let (mut at, mut last) = (1, first);
        let mut filter = format!("|{AS_SENT}({BODY},\"{name}\")");
        loop {
            let key = match &tag[at..] {
                rest if are_filters(rest) => return Some((last.end_offset as usize, filter)),
                [(Token::Dot, _), (Token::Ident(member), end), ..] => {
                    at += 2;
                    (format!("\"{member}\""), end)
                }
                [
                    (Token::BracketOpen, _),
                    (Token::Str(_) | Token::String(_) | Token::Int(_), key),
                    (Token::BracketClose, end),
                    ..,
                ] => {
                    at += 3;
                    (text(key, key).to_owned(), end)
                }
                _ => return None,
            };
            filter = format!("|{AS_SENT}({},{})", text(first, last), key.0);
            last = key.1;
        }
    }

    fn statement(&mut self, tag: &[(Token<'_>, Span)]) -> Result<(), TemplateError> {
        let Some((Token::Ident(keyword), span)) = tag.first() else { return Ok(()) };
        match *keyword {
            "if" => self.begin(Kind::If { has_else: false }, span),
            "for" => self.begin(Kind::For, span),
            "with" => self.begin(Kind::Other, span),
            "elif" => self.branch(span)?,
            "else" => {
                if let Some(Open { kind: Kind::If { has_else }, .. }) = self.open.last_mut() {
                    *has_else = true;
                }
                self.branch(span)?;
            }
            "endif" | "endfor" => self.end(span)?,
            "endwith" => drop(self.open.pop()),
            "set" if tag.iter().any(|(token, _)| matches!(token, Token::Assign)) => {}
            "set" => return Err(self.wrong(span, "`set` takes a value: {% set name = value %}")),
            other => {
                return Err(
                    self.wrong(span, format!("`{other}` is not available; statements are if, for, set and with"))
                );
            }
        }
        Ok(())
    }

    fn begin(&mut self, kind: Kind, span: &Span) {
        let line = usize::from(span.start_line);
        self.open.push(Open { kind, line, start: self.place, end: None });
    }

    /// A branch ends, and another begins where the first one did.
    fn branch(&mut self, span: &Span) -> Result<(), TemplateError> {
        self.agree(span)?;
        if let Some(open) = self.open.last() {
            self.place = open.start;
        }
        Ok(())
    }

    fn end(&mut self, span: &Span) -> Result<(), TemplateError> {
        self.agree(span)?;
        let Some(open) = self.open.pop() else { return Ok(()) };
        if open.kind == (Kind::If { has_else: false }) && self.place != open.start {
            return Err(self.disagree(span, &open, open.start, "where its condition does not hold"));
        }
        Ok(())
    }

    /// The branch that ends here leaves the text where the others do; a loop, where it began.
    fn agree(&mut self, span: &Span) -> Result<(), TemplateError> {
        let place = self.place;
        let Some(open) = self.open.last_mut() else { return Ok(()) };
        let expected = match open.kind {
            Kind::For => open.start,
            _ => *open.end.get_or_insert(place),
        };
        if place == expected {
            return Ok(());
        }
        let open = self.open.last().expect("it was there a moment ago");
        let otherwise = if open.kind == Kind::For { "where it began" } else { "in the branch before" };
        Err(self.disagree(span, open, expected, otherwise))
    }

    fn disagree(&self, span: &Span, open: &Open, expected: Place, otherwise: &str) -> TemplateError {
        let name = if open.kind == Kind::For { "for" } else { "if" };
        self.wrong(
            span,
            format!(
                "the `{name}` of line {} ends {}, and {} {otherwise}: put the quotes of a JSON string on the same side of it",
                open.line,
                self.place.in_words(),
                expected.in_words(),
            ),
        )
    }
}
