//! The body of an event, as it is signed, stored and sent.
//!
//! Owns the check of a producer's payload and the one place where a body is put together. Does not own shapes: a template works
//! on the body that is made here.
//!
//! Invariants: apart from white space between tokens, every member of a payload reaches the receiver byte for byte (`1.0`,
//! `1e400` and `"\u0041"` stay as they are); a body is one compact JSON object that starts with `eventKey` and `eventContext`;
//! what is added to it is on the short list in [`compose`].

mod scan;

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::id::EnvironmentId;
use crate::limits::JSON_DEPTH;

/// Names of the envelope, which a payload cannot have at its top.
const RESERVED: [&str; 2] = ["eventKey", "eventContext"];
/// Up to so many members a name is looked for one by one; beyond it, in a table, as a payload can have tens of thousands.
const FEW_MEMBERS: usize = 16;
/// The user of events that an identity provider causes through SCIM; receivers compare with it.
const PROVISIONED: &str = "idp_provisioned";

/// Why a text cannot be an event's payload.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// It is not JSON, or holds a string that a receiver's parser would refuse.
    #[error("not JSON: {problem} at line {line}, column {column}")]
    NotJson {
        /// What is wrong there, as a phrase.
        problem: &'static str,
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
    },
    /// It is JSON, and no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// Too many objects and arrays within one another.
    #[error("objects and arrays lie more than {JSON_DEPTH} deep within one another")]
    TooDeep,
    /// A member has a name of the envelope.
    #[error("the name `{0}` is reserved for the envelope of the event")]
    Reserved(&'static str),
}

/// A checked JSON object: the members of a body beside its envelope.
#[derive(Debug, Clone)]
pub struct Payload<'a> {
    /// The object without white space between tokens; borrowed where there was none.
    text: Cow<'a, str>,
    /// In order, each name once.
    members: Vec<Member>,
    /// Whether `text` holds these members and no others, so that it can be copied in one piece.
    whole: bool,
}

/// Where a member is in the text.
#[derive(Debug, Clone, Copy)]
struct Member {
    /// Of the name's opening quote.
    name: usize,
    /// Of the value's first byte: one past the colon.
    value: usize,
    /// One past the value's last byte.
    end: usize,
    /// Whether the name is spelled with escapes.
    escaped: bool,
}

impl<'a> Payload<'a> {
    /// Checks a producer's payload.
    ///
    /// Where a name occurs twice at the top, the last one counts, as it does for `JSON.parse`.
    pub fn parse(raw: &'a str) -> Result<Self, PayloadError> {
        let payload = Self::parse_body(raw)?;
        for name in RESERVED {
            if payload.members.iter().any(|member| payload.name(member) == name) {
                return Err(PayloadError::Reserved(name));
            }
        }
        Ok(payload)
    }

    /// As [`Self::parse`], with the envelope's names allowed.
    fn parse_body(raw: &'a str) -> Result<Self, PayloadError> {
        let (text, members) = scan::object(raw)?;
        let mut payload = Self { text, members, whole: true };
        payload.drop_overwritten();
        Ok(payload)
    }

    /// The names and values in order. A value is JSON without white space between its tokens.
    pub fn members(&self) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
        self.members.iter().map(|member| (self.name(member), self.value(member)))
    }

    /// The value of that name, as JSON without white space between its tokens.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|member| self.name(member) == name).map(|member| self.value(member))
    }

    /// The members of this payload and then those of `later`, which win where both have one.
    #[must_use]
    pub fn followed_by(&self, later: &Payload<'_>) -> Payload<'static> {
        let mut text = String::with_capacity(self.text.len() + later.text.len());
        text.push('{');
        self.push_members(&mut text);
        if !self.members.is_empty() && !later.members.is_empty() {
            text.push(',');
        }
        later.push_members(&mut text);
        text.push('}');
        let (text, members) = scan::object(&text).expect("members of two valid objects make a valid object");
        let mut merged = Payload { text: Cow::Owned(text.into_owned()), members, whole: true };
        merged.drop_overwritten();
        merged
    }

    /// The payload as a JSON object.
    pub fn to_raw_value(&self) -> Box<RawValue> {
        let mut text = String::with_capacity(self.text.len());
        text.push('{');
        self.push_members(&mut text);
        text.push('}');
        RawValue::from_string(text).expect("members of a valid object make a valid object")
    }

    fn name(&self, member: &Member) -> Cow<'_, str> {
        let quoted = &self.text[member.name..member.value - 1];
        if member.escaped {
            Cow::Owned(serde_json::from_str(quoted).expect("a string that was scanned is valid"))
        } else {
            Cow::Borrowed(&quoted[1..quoted.len() - 1])
        }
    }

    fn value(&self, member: &Member) -> &str {
        &self.text[member.value..member.end]
    }

    /// The members with commas between them, without braces.
    fn push_members(&self, out: &mut String) {
        if self.whole {
            out.push_str(&self.text[1..self.text.len() - 1]);
            return;
        }
        for (position, member) in self.members.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            out.push_str(&self.text[member.name..member.end]);
        }
    }

    /// Drops each member whose name comes again.
    fn drop_overwritten(&mut self) {
        let mut overwritten: Vec<usize> = if self.members.len() <= FEW_MEMBERS {
            let comes_again = |position: &usize| {
                let name = self.name(&self.members[*position]);
                self.members[position + 1..].iter().any(|later| self.name(later) == name)
            };
            (0..self.members.len()).filter(comes_again).collect()
        } else {
            let mut latest = HashMap::with_capacity(self.members.len());
            let named = self.members.iter().map(|member| self.name(member)).enumerate();
            named.filter_map(|(position, name)| latest.insert(name, position)).collect()
        };
        if overwritten.is_empty() {
            return;
        }
        overwritten.sort_unstable();
        let mut positions = 0..;
        self.members.retain(|_| positions.next().is_none_or(|position| overwritten.binary_search(&position).is_err()));
        self.whole = false;
    }
}

/// Whom an event is about.
#[derive(Debug, Clone, Copy)]
pub struct EventContext<'a> {
    /// The environment; `vendorId` in the body.
    pub vendor_id: EnvironmentId,
    /// The tenant; `null` in the body where there is none.
    pub tenant_id: Option<&'a str>,
    /// The user; `null` in the body where there is none.
    pub user_id: Option<&'a str>,
    /// The application; left out of the body where there is none.
    pub application_id: Option<&'a str>,
}

/// Puts the body of an event together: the envelope, then the members of the payload in order.
///
/// Two things are added where the producer left them out, since receivers read them there: for `frontegg.tenant.*`, the `tenantId` and
/// `name` of the object `tenant` at the top (the former from the context where there is no such object, or it has none); for
/// `frontegg.scim.*`, the user `idp_provisioned`.
pub fn compose(event_key: &str, context: &EventContext<'_>, payload: &Payload<'_>) -> Bytes {
    // The envelope's fixed text, one UUID, and room for the ids; a long id costs one more allocation.
    let mut body = String::with_capacity(payload.text.len() + event_key.len() + 256);
    let user_id = context.user_id.or_else(|| event_key.starts_with("frontegg.scim.").then_some(PROVISIONED));

    body.push_str(r#"{"eventKey":"#);
    push_string(&mut body, event_key);
    body.push_str(r#","eventContext":{"vendorId":""#);
    body.push_str(context.vendor_id.as_uuid().hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
    body.push_str(r#"","tenantId":"#);
    push_string_or_null(&mut body, context.tenant_id);
    body.push_str(r#","userId":"#);
    push_string_or_null(&mut body, user_id);
    if let Some(application_id) = context.application_id {
        body.push_str(r#","applicationId":"#);
        push_string(&mut body, application_id);
    }
    body.push('}');
    if !payload.members.is_empty() {
        body.push(',');
        payload.push_members(&mut body);
    }
    if event_key.starts_with("frontegg.tenant.") {
        push_tenant_at_top(&mut body, context, payload);
    }
    body.push('}');
    Bytes::from(body)
}

/// What the producer gave beside the envelope, read back from a body that [`compose`] made; its additions are among it.
pub fn payload_of(body: &[u8]) -> Result<Payload<'_>, PayloadError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        let read = String::from_utf8_lossy(&body[..error.valid_up_to()]);
        scan::not_json(&read, read.len(), "bytes that are no UTF-8")
    })?;
    let mut payload = Payload::parse_body(text)?;
    let kept: Vec<Member> =
        payload.members.iter().filter(|member| !RESERVED.contains(&&*payload.name(member))).copied().collect();
    payload.whole &= kept.len() == payload.members.len();
    payload.members = kept;
    Ok(payload)
}

fn push_tenant_at_top(body: &mut String, context: &EventContext<'_>, payload: &Payload<'_>) {
    // Anything but an object has no members to repeat.
    let tenant = payload.get("tenant").and_then(|value| Payload::parse_body(value).ok());
    let string_of = |name| tenant.as_ref().and_then(|tenant| tenant.get(name)).filter(|value| value.starts_with('"'));
    if payload.get("tenantId").is_none() {
        if let Some(id) = string_of("tenantId") {
            body.push_str(r#","tenantId":"#);
            body.push_str(id);
        } else if let Some(id) = context.tenant_id {
            body.push_str(r#","tenantId":"#);
            push_string(body, id);
        }
    }
    if payload.get("name").is_none()
        && let Some(name) = string_of("name")
    {
        body.push_str(r#","name":"#);
        body.push_str(name);
    }
}

fn push_string_or_null(out: &mut String, value: Option<&str>) {
    match value {
        Some(value) => push_string(out, value),
        None => out.push_str("null"),
    }
}

/// Appends a JSON string. Keys and ids seldom need an escape, and then are copied in one piece.
fn push_string(out: &mut String, value: &str) {
    if value.bytes().any(|byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        out.push_str(&serde_json::to_string(value).expect("a string can be written as JSON"));
    } else {
        out.push('"');
        out.push_str(value);
        out.push('"');
    }
}

#[cfg(test)]
mod tests;
