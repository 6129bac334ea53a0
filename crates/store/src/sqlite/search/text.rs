//! Text in bodies, which are JSON: a text stands there as itself or with escapes, as its producer writes it.

/// A text that is looked for, ASCII letters in either case.
#[derive(Debug)]
pub(in crate::sqlite) struct Needle {
    text: String,
}

impl Needle {
    pub(in crate::sqlite) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// Whether the body has the text, as it is written or as it is meant: producers escape slashes, what is not ASCII, what HTML gives a
    /// meaning to, or whatever they like. Most bodies have no escape, and are looked through once.
    pub(in crate::sqlite) fn is_in(&self, body: &[u8]) -> bool {
        contains(body, self.text.as_bytes())
            || (body.contains(&b'\\') && contains(&unescaped(body), self.text.as_bytes()))
    }
}

fn contains(body: &[u8], text: &[u8]) -> bool {
    let Some((first, rest)) = text.split_first() else { return true };
    let Some(last_start) = body.len().checked_sub(text.len()) else { return false };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    (0..=last_start).any(|start| {
        (body[start] == lower || body[start] == upper) && body[start + 1..start + text.len()].eq_ignore_ascii_case(rest)
    })
}

/// The body with each escape replaced by the character that it stands for. What stands for none, such as half of a surrogate pair, stays.
fn unescaped(body: &[u8]) -> Vec<u8> {
    let mut meant = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let (plain, escape) = rest.split_at(at);
        meant.extend_from_slice(plain);
        let length = if let Some((character, length)) = character(escape) {
            meant.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            length
        } else {
            meant.push(b'\\');
            1
        };
        rest = &escape[length..];
    }
    meant.extend_from_slice(rest);
    meant
}

/// What the escape at the start of this stands for, and its length.
fn character(escape: &[u8]) -> Option<(char, usize)> {
    let short = match escape.get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return character_of_units(escape),
        _ => return None,
    };
    Some((short, 2))
}

/// The same for what is written as one unit of UTF-16, or as a pair of them.
fn character_of_units(escape: &[u8]) -> Option<(char, usize)> {
    let first = unit(escape)?;
    if let Some(character) = char::from_u32(first.into()) {
        return Some((character, 6));
    }
    let pair = [first, unit(&escape[6..])?];
    Some((char::decode_utf16(pair).next()?.ok()?, 12))
}

fn unit(escape: &[u8]) -> Option<u16> {
    let digits = escape.strip_prefix(b"\\u")?.get(..4)?;
    digits.iter().try_fold(0, |unit, digit| {
        let digit = u16::try_from(char::from(*digit).to_digit(16)?).ok()?;
        Some(unit * 16 + digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::Needle;

    fn found(text: &str, body: &str) -> bool {
        Needle::new(text).is_in(body.as_bytes())
    }

    #[test]
    fn a_text_is_found_however_it_is_written() {
        assert!(found("ada@example", r#"{"email":"ADA@Example.com"}"#));
        assert!(found("Müller", r#"{"name":"Müller"}"#));
        assert!(found("Müller", r#"{"name":"M\u00FCller"}"#));
        assert!(found("say \"hi\"", r#"{"text":"say \"hi\""}"#));
        assert!(found(r#""email":"a"#, r#"{"email":"a"}"#));
        assert!(found("😀", r#"{"mood":"\ud83d\ude00"}"#));
        assert!(!found("ada", r#"{"email":"bob"}"#));
        assert!(!found("longer than the body", "{}"));
    }

    #[test]
    fn a_text_is_found_as_libraries_write_it() {
        // PHP's, those of Go and .NET, and one that escapes what it need not.
        assert!(found("https://shop/orders/42", r#"{"url":"https:\/\/shop\/orders\/42"}"#));
        assert!(found("a<b & 'c'>d", r#"{"text":"a\u003cb \u0026 \u0027c\u0027\u003Ed"}"#));
        assert!(found("Bob", r#"{"name":"\u0042ob"}"#) && found("bob", r#"{"name":"\u0042ob"}"#));
        // As it stands, too.
        assert!(found(r"https:\/\/shop", r#"{"url":"https:\/\/shop\/orders\/42"}"#));
        assert!(found(r"M\u00fcller", r#"{"name":"M\u00FCller"}"#));
        assert!(!found("Müller", r#"{"name":"M\\u00fcller"}"#));
        assert!(found(r"C:\u00fc", r#"{"path":"C:\\u00fc"}"#));
    }

    #[test]
    fn what_is_no_escape_is_passed_over() {
        for body in [r"\", r"\u", r"\u12", r"\ud83d", r"\ud83d\u", r"\ud83d\u0041", r"\ude00\ud83d", r"\u+123", r"\x"] {
            assert!(!found("ü", body), "{body}");
            assert!(found(body, body), "{body}");
        }
        assert!(found("AB", r"\ud83d\u0041B"));
    }

    /// A character in one of the ways that JSON has for it.
    fn written(character: char, way: u8) -> String {
        let escape = |digits: fn(u16) -> String| -> String {
            let units: Vec<_> = character.encode_utf16(&mut [0; 2]).iter().map(|unit| digits(*unit)).collect();
            format!("\\u{}", units.join("\\u"))
        };
        match (way, character) {
            (0, _) if character >= ' ' && !matches!(character, '"' | '\\') => character.to_string(),
            (1, '"' | '\\' | '/') => format!("\\{character}"),
            (1, '\n') => "\\n".to_owned(),
            (1 | 2, _) => escape(|unit| format!("{unit:04x}")),
            _ => escape(|unit| format!("{unit:04X}")),
        }
    }

    proptest! {
        #[test]
        fn each_way_to_write_a_character_is_that_character(
            characters in proptest::collection::vec(
                (
                    prop_oneof![
                        any::<char>(),
                        proptest::sample::select(vec!['/', '"', '\\', '&', '<', '\'', '\n', 'a', 'Z', 'ü', '😀']),
                    ],
                    0_u8..4,
                ),
                2..20,
            ),
        ) {
            let text: String = characters.iter().map(|(character, _)| *character).collect();
            let string: String = characters.iter().map(|(character, way)| written(*character, *way)).collect();
            let body = format!(r#"{{"text":"x{string}y"}}"#);
            let parsed: Value = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(&parsed["text"], &Value::from(format!("x{text}y")));
            prop_assert!(found(&text, &body), "{} in {}", text, body);
            prop_assert!(found(&text.to_ascii_uppercase(), &body), "{} in {}", text, body);
        }
    }
}
