//! Reads JSON text once: checks it, takes the white space out, and notes where the members at the top are.
//!
//! By hand, since no library passes numbers and strings through untouched and also refuses strings that receivers cannot read.
//! Takes exactly what RFC 8259 allows, less lone surrogates. Property tests compare it with `serde_json`.

use std::borrow::Cow;

use super::{Member, PayloadError};
use crate::limits::JSON_DEPTH;

/// The object without white space between its tokens, and its members in order.
pub(super) fn object(raw: &str) -> Result<(Cow<'_, str>, Vec<Member>), PayloadError> {
    let mut scanner = Scanner { raw, at: 0, copied: String::new(), copied_to: 0 };
    let mut members = Vec::new();
    scanner.skip_space();
    let is_object = scanner.peek() == Some(b'{');
    if is_object {
        scanner.object(1, Some(&mut members))?;
    } else {
        scanner.value(0)?;
    }
    scanner.skip_space();
    if scanner.at != scanner.raw.len() {
        return Err(scanner.wrong("text after the end"));
    }
    if is_object { Ok((scanner.finish(), members)) } else { Err(PayloadError::NotAnObject) }
}

/// The error for a place in the text, by its byte.
pub(super) fn not_json(raw: &str, at: usize, problem: &'static str) -> PayloadError {
    // A place in the middle of a character is the place of that character.
    let before = &raw[..raw.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.bytes().filter(|byte| *byte == b'\n').count();
    PayloadError::NotJson { problem, line, column: 1 + before[line_start..].chars().count() }
}

struct Scanner<'a> {
    raw: &'a str,
    /// The next byte to read.
    at: usize,
    /// What precedes `copied_to`, without white space. Empty as long as there was none.
    copied: String,
    /// Up to where `raw` is in `copied` or was white space.
    copied_to: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.raw.as_bytes().get(self.at).copied()
    }

    /// Where the next byte will be in the text without white space.
    fn position(&self) -> usize {
        self.copied.len() + self.at - self.copied_to
    }

    fn wrong(&self, problem: &'static str) -> PayloadError {
        not_json(self.raw, self.at, problem)
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.copied.is_empty() {
            return Cow::Borrowed(&self.raw[self.copied_to..self.at]);
        }
        self.copied.push_str(&self.raw[self.copied_to..self.at]);
        Cow::Owned(self.copied)
    }

    fn skip_space(&mut self) {
        let start = self.at;
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return;
        }
        // White space at the end is cut off, so that a text with none between its tokens needs no copy.
        if self.at < self.raw.len() {
            self.copied.push_str(&self.raw[self.copied_to..start]);
            self.copied_to = self.at;
        } else {
            self.raw = &self.raw[..start];
            self.at = start;
        }
    }

    /// Takes the byte if it is the next one.
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn value(&mut self, depth: usize) -> Result<(), PayloadError> {
        match self.peek() {
            Some(b'"') => self.string().map(drop),
            Some(b'{') => self.object(depth + 1, None),
            Some(b'[') => self.array(depth + 1),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            Some(_) => Err(self.wrong("a value was expected")),
            None => Err(self.wrong("it ends where a value was expected")),
        }
    }

    /// The next byte is the opening brace.
    fn object(&mut self, depth: usize, mut members: Option<&mut Vec<Member>>) -> Result<(), PayloadError> {
        if depth > JSON_DEPTH {
            return Err(PayloadError::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        if self.take(b'}') {
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.wrong("a name in double quotes was expected"));
            }
            let name = self.position();
            let escaped = self.string()?;
            self.skip_space();
            if !self.take(b':') {
                return Err(self.wrong("a colon was expected"));
            }
            self.skip_space();
            let value = self.position();
            self.value(depth)?;
            if let Some(members) = &mut members {
                members.push(Member { name, value, end: self.position(), escaped });
            }
            self.skip_space();
            if self.take(b'}') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or `}` was expected"));
            }
            self.skip_space();
        }
    }

    /// The next byte is the opening bracket.
    fn array(&mut self, depth: usize) -> Result<(), PayloadError> {
        if depth > JSON_DEPTH {
            return Err(PayloadError::TooDeep);
        }
        self.at += 1;
        self.skip_space();
        if self.take(b']') {
            return Ok(());
        }
        loop {
            self.value(depth)?;
            self.skip_space();
            if self.take(b']') {
                return Ok(());
            }
            if !self.take(b',') {
                return Err(self.wrong("a comma or `]` was expected"));
            }
            self.skip_space();
        }
    }

    fn literal(&mut self, literal: &str) -> Result<(), PayloadError> {
        if !self.raw[self.at..].starts_with(literal) {
            return Err(self.wrong("a value was expected"));
        }
        self.at += literal.len();
        Ok(())
    }

    /// The next byte is a minus or a digit. Any size and precision is taken: it is the receiver's matter.
    fn number(&mut self) -> Result<(), PayloadError> {
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), PayloadError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.wrong("a digit was expected")) } else { Ok(()) }
    }

    /// The next byte is the opening quote. Tells whether there are escapes.
    fn string(&mut self) -> Result<bool, PayloadError> {
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1f) => return Err(self.wrong("a control character that is not escaped")),
                Some(_) => self.at += 1,
                None => return Err(self.wrong("it ends within a string")),
            }
        }
    }

    /// The next byte is the backslash.
    fn escape(&mut self) -> Result<(), PayloadError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => {
                self.at += 1;
                let complete = match self.four_hex_digits()? {
                    // The first half of a pair must be followed by the second half, and that must not come alone.
                    0xd800..=0xdbff => {
                        self.take(b'\\') && self.take(b'u') && matches!(self.four_hex_digits()?, 0xdc00..=0xdfff)
                    }
                    0xdc00..=0xdfff => false,
                    _ => true,
                };
                if complete { Ok(()) } else { Err(not_json(self.raw, start, "half of a surrogate pair")) }
            }
            _ => Err(not_json(self.raw, start, "an escape that does not exist")),
        }
    }

    fn four_hex_digits(&mut self) -> Result<u16, PayloadError> {
        let digits = self.raw.as_bytes().get(self.at..self.at + 4);
        // Every byte is a digit, so `from_str_radix` does not see a sign.
        let value = digits
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let value = value.ok_or_else(|| self.wrong("four hexadecimal digits were expected"))?;
        self.at += 4;
        Ok(value)
    }
}
