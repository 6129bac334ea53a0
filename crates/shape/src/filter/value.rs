//! What filters look at: an event's body as a tree that borrows from it, with numbers as they are written.
//!
//! Read once for all filters of an event. A body was checked when it was composed, so this reader checks nothing again that cannot
//! harm it; what it cannot read is an error nevertheless, never a panic.

use std::borrow::Cow;

use postrider_core::Timestamp;
use postrider_core::limits::JSON_DEPTH;

use super::Facts;

/// Up to so many members a name is looked for one by one; beyond it, by halves.
const FEW_MEMBERS: usize = 8;

/// A body that cannot be read: it was not made by [`postrider_core::body::compose`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not a JSON object")]
pub struct SubjectError;

/// An event as filters see it.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(super) event: Members<'a>,
    pub(super) context: Json<'a>,
    pub(super) payload: Members<'a>,
    pub(super) user_id: Option<&'a str>,
    pub(super) tenant_id: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// Reads a body.
    pub fn new(facts: &Facts<'a>, body: &'a [u8]) -> Result<Self, SubjectError> {
        let text = std::str::from_utf8(body).map_err(|_| SubjectError)?;
        let mut reader = Reader { text, at: 0 };
        let Json::Map(mut payload) = reader.value(JSON_DEPTH + 1).ok_or(SubjectError)? else {
            return Err(SubjectError);
        };
        let mut context = Json::Map(Members::default());
        payload.0.retain_mut(|(name, value)| match &**name {
            "eventKey" => false,
            "eventContext" => {
                context = std::mem::replace(value, Json::Null);
                false
            }
            _ => true,
        });
        let text = |text: &'a str| Json::Text(Cow::Borrowed(text));
        let mut event = vec![
            (Cow::Borrowed("id"), Json::Text(Cow::Owned(facts.id.to_string()))),
            (Cow::Borrowed("key"), text(facts.key.as_str())),
            (Cow::Borrowed("environmentId"), Json::Text(Cow::Owned(facts.environment_id.to_string()))),
            (Cow::Borrowed("acceptedAt"), Json::Time(facts.accepted_at)),
        ];
        let optional = [
            ("tenantId", facts.tenant_id.map(text)),
            ("userId", facts.user_id.map(text)),
            ("applicationId", facts.application_id.map(text)),
            ("occurredAt", facts.occurred_at.map(Json::Time)),
        ];
        event.extend(optional.into_iter().filter_map(|(name, value)| Some((Cow::Borrowed(name), value?))));
        let event = Members::new(event);
        Ok(Self { event, context, payload, user_id: facts.user_id, tenant_id: facts.tenant_id })
    }
}

/// A value of a body.
#[derive(Debug)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    /// As it is written.
    Number(&'a str),
    Text(Cow<'a, str>),
    /// Not of a body: a moment that Postrider knows of the event.
    Time(Timestamp),
    List(Vec<Json<'a>>),
    Map(Members<'a>),
}

/// The members of an object, each name once; sorted by name where there are many.
#[derive(Debug, Default)]
pub(super) struct Members<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Members<'a> {
    /// Those of an object that has none.
    pub(super) const NONE: Self = Self(Vec::new());

    fn new(mut members: Vec<(Cow<'a, str>, Json<'a>)>) -> Self {
        // Where a name occurs twice the last one counts, as for `JSON.parse`: sorting keeps their order.
        if members.len() > FEW_MEMBERS {
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            members.dedup_by(|later, earlier| {
                let again = later.0 == earlier.0;
                if again {
                    std::mem::swap(later, earlier);
                }
                again
            });
        } else {
            let mut index = 0;
            while index < members.len() {
                let name = &members[index].0;
                if members[index + 1..].iter().any(|(later, _)| later == name) {
                    members.remove(index);
                } else {
                    index += 1;
                }
            }
        }
        Self(members)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Json<'a>> {
        if self.0.len() > FEW_MEMBERS {
            let index = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
            return Some(&self.0[index].1);
        }
        self.0.iter().find(|(other, _)| *other == name).map(|(_, value)| value)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, not taken.
    fn next(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
        self.peek()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.next()? != byte {
            return None;
        }
        self.at += 1;
        Some(())
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Option<Json<'a>> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len()).map(|()| value)
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        match self.next()? {
            b'{' => self.map(depth.checked_sub(1)?),
            b'[' => self.list(depth.checked_sub(1)?),
            b'"' => self.string().map(Json::Text),
            b't' => self.word("true", Json::Bool(true)),
            b'f' => self.word("false", Json::Bool(false)),
            b'n' => self.word("null", Json::Null),
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                while let Some(b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E') = self.peek() {
                    self.at += 1;
                }
                Some(Json::Number(&self.text[start..self.at]))
            }
            _ => None,
        }
    }

    fn map(&mut self, depth: usize) -> Option<Json<'a>> {
        self.take(b'{')?;
        let mut members = Vec::new();
        if self.next()? != b'}' {
            loop {
                self.next()?;
                let name = self.string()?;
                self.take(b':')?;
                members.push((name, self.value(depth)?));
                if self.next()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.take(b'}')?;
        Some(Json::Map(Members::new(members)))
    }

    fn list(&mut self, depth: usize) -> Option<Json<'a>> {
        self.take(b'[')?;
        let mut elements = Vec::new();
        if self.next()? != b']' {
            loop {
                elements.push(self.value(depth)?);
                if self.next()? != b',' {
                    break;
                }
                self.at += 1;
            }
        }
        self.take(b']')?;
        Some(Json::List(elements))
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        let end = self.at;
        self.at += 1;
        if escaped {
            return serde_json::from_str(self.text.get(start - 1..=end)?).ok().map(Cow::Owned);
        }
        self.text.get(start..end).map(Cow::Borrowed)
    }
}
