//! Where the parts of an object or list begin and end in its text.

use std::ops::Range;

/// The parts of an object (names and values in turn) or list, from its first one on.
pub(super) struct Parts<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl Iterator for Parts<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let bytes = self.text.as_bytes();
        self.at = after_space(bytes, self.at);
        let start = match bytes.get(self.at)? {
            b'}' | b']' => return None,
            b',' | b':' => after_space(bytes, self.at + 1),
            _ => self.at,
        };
        self.at = end_of_value(bytes, start);
        (self.at > start).then_some(start..self.at)
    }
}

/// The first byte from `at` on that is no white space.
pub(super) fn after_space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// One past the last byte of the value that begins at `at`.
fn end_of_value(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at) {
            Some(b'"') => at = end_of_string(bytes, at),
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
            }
            Some(b'}' | b']') if depth > 0 => {
                depth -= 1;
                at += 1;
            }
            Some(b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') if depth > 0 => {
                at += 1;
                continue;
            }
            Some(b',' | b':' | b'}' | b']') | None => return at,
            Some(_) => {
                // A number or a word.
                let ends = |byte: &u8| matches!(byte, b',' | b':' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t');
                while bytes.get(at).is_some_and(|byte| !ends(byte)) {
                    at += 1;
                }
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

/// One past the closing quote of the string that begins at `at`.
fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return at + 1,
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return bytes.len(),
        }
    }
}
