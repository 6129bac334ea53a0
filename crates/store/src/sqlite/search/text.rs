//! Text in bodies, which are JSON: a text stands there as itself or with escapes, as its producer writes it.

/// A text that is looked for, ASCII letters in either case.
#[derive(Debug)]
pub(in crate::sqlite) struct Needle {
    forms: Vec<Vec<u8>>,
}

impl Needle {
    pub(in crate::sqlite) fn new(text: &str) -> Self {
        let written = serde_json::Value::from(text).to_string();
        let escaped = &written[1..written.len() - 1];
        let mut ascii = String::new();
        for unit in escaped.encode_utf16() {
            match u8::try_from(unit) {
                Ok(byte) if byte.is_ascii() => ascii.push(byte.into()),
                _ => ascii.extend(["\\u", &format!("{unit:04x}")]),
            }
        }
        let mut forms: Vec<_> = [text, escaped, &ascii].map(|form| form.as_bytes().to_vec()).into();
        forms.dedup();
        Self { forms }
    }

    pub(in crate::sqlite) fn is_in(&self, body: &[u8]) -> bool {
        self.forms.iter().any(|form| contains(body, form))
    }
}

fn contains(body: &[u8], form: &[u8]) -> bool {
    let Some((first, rest)) = form.split_first() else { return true };
    let Some(last_start) = body.len().checked_sub(form.len()) else { return false };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    (0..=last_start).any(|start| {
        (body[start] == lower || body[start] == upper) && body[start + 1..start + form.len()].eq_ignore_ascii_case(rest)
    })
}

#[cfg(test)]
mod tests {
    use super::Needle;

    #[test]
    fn a_text_is_found_however_it_is_written() {
        let found = |text: &str, body: &str| Needle::new(text).is_in(body.as_bytes());
        assert!(found("ada@example", r#"{"email":"ADA@Example.com"}"#));
        assert!(found("Müller", r#"{"name":"Müller"}"#));
        assert!(found("Müller", r#"{"name":"M\u00FCller"}"#));
        assert!(found("say \"hi\"", r#"{"text":"say \"hi\""}"#));
        assert!(found(r#""email":"a"#, r#"{"email":"a"}"#));
        assert!(found("😀", r#"{"mood":"\ud83d\ude00"}"#));
        assert!(!found("ada", r#"{"email":"bob"}"#));
        assert!(!found("longer than the body", "{}"));
    }
}
