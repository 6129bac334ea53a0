//! Writes a template anew, so that the engine does nothing in it that nobody pays for.
//!
//! The engine charges for its instructions and for the texts that they make, and some of its operators do more: they repeat a list a hundred
//! million times in no time and leave the work to whoever goes through it, compare lists that share their parts, or take a list of a list for
//! a text. Their operands get filters here that refuse such values, or charge for them, see [`crate::work`]. Operands that are plainly numbers or texts
//! get none, so that an ordinary template stays what it was.
//!
//! What can be known without an event is refused here, too: unknown filters, tests and functions, what they do not take, methods, and
//! what lies too deep.
//!
//! Architecture invariant: what the engine compiles was written by this module. A part of the language that it does not know is refused.

mod arguments;
mod expressions;
mod names;
mod operands;
mod write;

use minijinja::Error;
use minijinja::machinery::{Token, parse, tokenize};
use minijinja::syntax::SyntaxConfig;

use self::write::Writer;

/// Takes from the fuel what a rendering may not have of it.
pub(crate) const SPEND: &str = "__spend";
/// Charges for a value.
pub(crate) const WEIGHED: &str = "__weighed";
/// Charges for a value, and makes it now.
pub(crate) const MADE: &str = "__made";
/// What `in` means.
pub(crate) const CONTAINS: &str = "__contains";
/// An operand of `+`.
pub(crate) const ADDEND: &str = "__addend";
/// An operand of `*`.
pub(crate) const FACTOR: &str = "__factor";
/// An operand of `~`.
pub(crate) const JOINABLE: &str = "__joinable";
/// What stands in brackets behind a value.
pub(crate) const KEY: &str = "__key";
/// A value with brackets behind it.
pub(crate) const INDEXED: &str = "__indexed";
/// An operand of `<` and its kind.
pub(crate) const ORDERED: &str = "__ordered";

/// Tokens of one expression or statement. The parser goes into some of them by recursion that it does not bound.
const TAG_TOKENS: usize = 2_000;
/// Of those by which it does: `not`, `else`, `**`, and minus signs.
const TAG_LEVELS: usize = 50;
/// Branches of one `if`.
const BRANCHES: usize = 100;

/// A template as the engine gets it.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) source: String,
    /// Where in it something begins, and where that stood before.
    places: Vec<(usize, usize)>,
}

impl Guarded {
    /// The place in the text that was guarded of a place in the source.
    pub(crate) fn original(&self, offset: usize) -> usize {
        let index = self.places.partition_point(|(at, _)| *at <= offset);
        index.checked_sub(1).map_or(0, |index| self.places[index].1)
    }
}

/// Why a template is refused.
#[derive(Debug)]
pub(crate) enum Refused {
    /// By the engine's parser.
    Unread(Error),
    /// By this module, at that offset.
    Wrong(usize, String),
}

/// Puts the guards into a template.
pub(crate) fn guarded(source: &str) -> Result<Guarded, Refused> {
    let template = parse(source, "template", SyntaxConfig::default()).map_err(Refused::Unread)?;
    let mut writer = Writer::new(source);
    writer.template(&template).map_err(|wrong| Refused::Wrong(wrong.at, wrong.message))?;
    Ok(writer.finish())
}

/// Refuses what the engine's parser would go into without end. Returns where it is, and what is wrong.
pub(crate) fn check_size(source: &str) -> Result<(), (usize, String)> {
    let mut tag = Tag::default();
    let mut branches = Vec::new();
    let mut first = false;
    for token in tokenize(source, false, SyntaxConfig::default()) {
        // What is no token is the parser's to say.
        let Ok((token, span)) = token else { return Ok(()) };
        let at = span.start_offset as usize;
        match token {
            Token::VariableStart | Token::BlockStart => {
                tag = Tag::default();
                first = matches!(token, Token::BlockStart);
                continue;
            }
            Token::Ident("if") if first => branches.push(0),
            Token::Ident("endif") if first => drop(branches.pop()),
            Token::Ident("elif") if first => {
                let Some(branches) = branches.last_mut() else { continue };
                *branches += 1;
                if *branches > BRANCHES {
                    return Err((at, format!("an `if` has at most {BRANCHES} branches")));
                }
            }
            _ => {}
        }
        first = false;
        tag.add(&token).map_err(|message| (at, message))?;
    }
    Ok(())
}

/// What was counted of one expression or statement.
#[derive(Default)]
struct Tag {
    tokens: usize,
    levels: usize,
}

impl Tag {
    fn add(&mut self, token: &Token<'_>) -> Result<(), String> {
        self.tokens += 1;
        self.levels += usize::from(matches!(token, Token::Ident("not" | "else") | Token::Pow | Token::Minus));
        if self.tokens > TAG_TOKENS {
            return Err(format!(
                "an expression has at most {TAG_TOKENS} names, values and signs; `set` makes two of one"
            ));
        }
        if self.levels > TAG_LEVELS {
            return Err(format!(
                "an expression has at most {TAG_LEVELS} of `not`, `else`, `**` and `-`; `set` makes two of one"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
