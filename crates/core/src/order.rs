//! Strict order: which deliveries of a webhook wait for one another.
//!
//! Owns the choice of what a webhook is ordered by, and the key that follows from it for an event. That the deliveries of a key are sent one
//! after the other is the store's and the engine's to see to.
//!
//! A key is a digest, so that it is short however long what it stands for, and says nothing of it.

use std::borrow::Cow;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::event::{Event, TenantId, UserId};
use crate::limits::{POINTER_CHARS, POINTER_STEPS};
use crate::source::Source;

/// What the deliveries of an ordered webhook are ordered by: those that agree in it are sent strictly one after the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderBy {
    /// The event's tenant.
    Tenant,
    /// The event's user.
    User,
    /// A member of the event's body.
    Member(Pointer),
    /// The value of an expression over the event, within its tenant.
    Expression(Expression),
}

/// What an expression comes to for an event. The crate that reads expressions implements it: this one knows their text alone.
pub trait Value: Send + Sync {
    /// The value as text that tells it from others; none: it has none.
    fn of(&self, event: &Event) -> Option<String>;
}

/// An expression, and what it comes to, once somebody has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Source);

type Read = Option<Box<dyn Value>>;

impl Expression {
    /// The expression of that text.
    pub fn new(text: impl Into<std::sync::Arc<str>>) -> Self {
        Self(Source::new(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// Reads it, unless that was done before; it stays read for all clones. Until then, and where it cannot be read, it has no value for
    /// any event.
    pub fn read(&self, read: impl FnOnce(&str) -> Option<Box<dyn Value>>) {
        let _: Option<&Read> = self.0.made(read);
    }

    fn value(&self, event: &Event) -> Option<String> {
        self.0.made_already::<Read>()?.as_ref()?.of(event)
    }
}

impl Serialize for Expression {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

/// Deliveries of a webhook with the same key wait for one another.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrderKey([u8; 16]);

impl OrderKey {
    /// The key of these bytes, as stored.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    fn of(kind: &str, value: Option<&[u8]>) -> Self {
        let mut text = Vec::with_capacity(kind.len() + 1 + value.map_or(0, <[u8]>::len));
        text.extend_from_slice(kind.as_bytes());
        if let Some(value) = value {
            text.push(0);
            text.extend_from_slice(value);
        }
        let digest = digest(&SHA256, &text);
        Self(*digest.as_ref().first_chunk().expect("a digest of SHA-256 has 32 bytes"))
    }
}

impl fmt::Debug for OrderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OrderKey({:032x})", u128::from_be_bytes(self.0))
    }
}

impl OrderBy {
    /// The key of a delivery of that event. Events that have nothing there have one key in common: they might belong together.
    pub fn key(&self, event: &Event) -> OrderKey {
        match self {
            Self::Tenant => OrderKey::of("tenant", event.tenant_id.as_ref().map(TenantId::as_str).map(str::as_bytes)),
            Self::User => OrderKey::of("user", event.user_id.as_ref().map(UserId::as_str).map(str::as_bytes)),
            Self::Member(pointer) => match pointer.find(&event.body) {
                None => OrderKey::of("member", None),
                // A text is compared as it reads, however it is escaped; everything else as it is written.
                Some(value) => match serde_json::from_str::<Cow<'_, str>>(value.get()) {
                    Ok(text) => OrderKey::of("text", Some(text.as_bytes())),
                    Err(_) => OrderKey::of("json", Some(value.get().as_bytes())),
                },
            },
            Self::Expression(expression) => {
                let tenant = event.tenant_id.as_ref().map_or("", TenantId::as_str);
                let value = expression.value(event);
                // With its length, so that no tenant's name and value read as another's.
                let within = format!("{}:{tenant}{}", tenant.len(), value.as_deref().unwrap_or_default());
                OrderKey::of(if value.is_some() { "value" } else { "no value" }, Some(within.as_bytes()))
            }
        }
    }
}

/// A JSON pointer (RFC 6901) to a member of an event's body: `/order/id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer {
    text: String,
    steps: Vec<String>,
}

/// Why a text cannot be a pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It does not begin with a slash, or is nothing but one.
    #[error("a pointer names a member of the body, beginning with a slash: /order/id")]
    NoSlash,
    /// A tilde that stands for nothing.
    #[error("in a pointer, ~ is written ~0 and a slash within a name ~1")]
    Tilde,
    /// Too long.
    #[error("a pointer has at most {POINTER_CHARS} characters and {POINTER_STEPS} steps")]
    TooLong,
}

impl Pointer {
    /// Reads a pointer.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if text.chars().take(POINTER_CHARS + 1).count() > POINTER_CHARS {
            return Err(PointerError::TooLong);
        }
        let rest = text.strip_prefix('/').filter(|rest| !rest.is_empty()).ok_or(PointerError::NoSlash)?;
        let steps = rest.split('/').map(unescaped).collect::<Option<Vec<_>>>().ok_or(PointerError::Tilde)?;
        if steps.len() > POINTER_STEPS {
            return Err(PointerError::TooLong);
        }
        Ok(Self { text: text.to_owned(), steps })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What is there in a body; none where there is nothing, or `null`.
    fn find<'b>(&self, body: &'b [u8]) -> Option<&'b RawValue> {
        let mut value: &RawValue = serde_json::from_slice(body).ok()?;
        for step in &self.steps {
            value = Step(step).deserialize(&mut serde_json::Deserializer::from_str(value.get())).ok()??;
        }
        (value.get() != "null").then_some(value)
    }
}

impl TryFrom<String> for Pointer {
    type Error = PointerError;

    fn try_from(text: String) -> Result<Self, PointerError> {
        Self::parse(&text)
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> Self {
        pointer.text
    }
}

fn unescaped(step: &str) -> Option<String> {
    let mut text = String::with_capacity(step.len());
    let mut chars = step.chars();
    while let Some(char) = chars.next() {
        text.push(match char {
            '~' => match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            },
            other => other,
        });
    }
    Some(text)
}

/// One step into a value: the member of that name, or the element of that number.
struct Step<'p>(&'p str);

impl<'de> DeserializeSeed<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Step<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(name) = map.next_key::<Cow<'_, str>>()? {
            if name == self.0 {
                // The last of several counts, as it does to most receivers.
                found = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let is_number = self.0 == "0" || !self.0.starts_with('0') && self.0.bytes().all(|byte| byte.is_ascii_digit());
        let wanted = is_number.then(|| self.0.parse::<usize>().ok()).flatten();
        let mut found = None;
        let mut index = 0;
        loop {
            let over = if Some(index) == wanted {
                found = seq.next_element()?;
                found.is_none()
            } else {
                seq.next_element::<IgnoredAny>()?.is_none()
            };
            if over {
                return Ok(found);
            }
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::event::{EventKey, Room};
    use crate::{EnvironmentId, EventId, Timestamp};

    fn event(tenant: Option<&str>, user: Option<&str>, body: &str) -> Event {
        Event {
            id: EventId::from_uuid(uuid::Uuid::from_u128(1)),
            environment_id: EnvironmentId::from_uuid(uuid::Uuid::from_u128(2)),
            key: EventKey::parse("order.made").expect("valid"),
            tenant_id: tenant.map(|id| TenantId::parse(id).expect("valid")),
            user_id: user.map(|id| UserId::parse(id).expect("valid")),
            application_id: None,
            occurred_at: None,
            accepted_at: Timestamp::from_micros(0),
            body: Bytes::from(body.to_owned()),
            room: Room::uncounted(),
        }
    }

    fn at(pointer: &str, body: &str) -> OrderKey {
        OrderBy::Member(Pointer::parse(pointer).expect("valid")).key(&event(None, None, body))
    }

    #[test]
    fn events_agree_in_what_they_are_ordered_by_alone() {
        let key = |by: OrderBy, tenant, user| by.key(&event(tenant, user, "{}"));
        let (a, b) = (Some("a"), Some("b"));
        assert_eq!(key(OrderBy::Tenant, a, a), key(OrderBy::Tenant, a, b));
        assert_ne!(key(OrderBy::Tenant, a, a), key(OrderBy::Tenant, b, a));
        assert_eq!(key(OrderBy::User, a, b), key(OrderBy::User, b, b));
        assert_ne!(key(OrderBy::User, a, a), key(OrderBy::Tenant, a, a), "kinds are apart");
        assert_eq!(key(OrderBy::Tenant, None, a), key(OrderBy::Tenant, None, b), "those without one are together");
        assert_ne!(key(OrderBy::Tenant, None, a), key(OrderBy::Tenant, a, a));
    }

    #[test]
    fn a_value_counts_within_its_tenant() {
        struct Length;
        impl Value for Length {
            fn of(&self, event: &Event) -> Option<String> {
                (event.body.len() > 2).then(|| event.body.len().to_string())
            }
        }
        let unread = Expression::new("size(...)");
        let read = unread.clone();
        let by = OrderBy::Expression(unread);
        let of = |tenant, body| by.key(&event(tenant, None, body));
        let before = of(Some("a"), "123");
        read.read(|_| Some(Box::new(Length)));
        assert_eq!(of(Some("a"), "123"), of(Some("a"), "456"));
        assert_ne!(of(Some("a"), "123"), of(Some("a"), "4567"));
        assert_ne!(of(Some("a"), "123"), of(Some("b"), "123"));
        assert_ne!(of(None, "123"), of(Some("a"), "123"));
        assert_eq!(of(Some("a"), "1"), before, "those without a value are together");
        assert_ne!(of(Some("a"), "1"), of(Some("b"), "1"), "within their tenant");
        let json = serde_json::to_string(&by).expect("JSON");
        assert_eq!(json, r#"{"expression":"size(...)"}"#);
        assert_eq!(serde_json::from_str::<OrderBy>(&json).expect("the same"), by);
    }

    #[test]
    fn members_are_found_and_compared_as_they_read() {
        let body = r#"{"a":{"b~/c":["x",{"d":1}]},"e":null,"f":"x"}"#;
        assert_eq!(at("/a/b~0~1c/0", body), at("/f", body));
        assert_eq!(at("/f", r#"{"f":"\u0078"}"#), at("/f", body));
        assert_ne!(at("/a/b~0~1c/1/d", body), at("/f", r#"{"f":"1"}"#), "a number is no text");
        assert_eq!(at("/a/b~0~1c/1/d", body), at("/f", r#"{"f":1}"#));
        for absent in ["/e", "/g", "/a/x", "/f/0", "/a/b~0~1c/2", "/a/b~0~1c/01", "/a/b~0~1c/d"] {
            assert_eq!(at(absent, body), at("/nothing", "{}"), "{absent}");
        }
        assert_eq!(at("/f", r#"{"f":1,"f":"x"}"#), at("/f", body), "the last of twins counts");
    }

    #[test]
    fn pointers_are_those_of_rfc_6901_within_limits() {
        for good in ["/a", "/a/b/0", "/a~0b/c~1d", "/ü", "//"] {
            assert_eq!(Pointer::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "/", "a", "a/b", "$.a"] {
            assert_eq!(Pointer::parse(bad), Err(PointerError::NoSlash), "{bad}");
        }
        assert_eq!(Pointer::parse("/a~2"), Err(PointerError::Tilde));
        assert_eq!(Pointer::parse("/a~"), Err(PointerError::Tilde));
        assert!(Pointer::parse(&"/a".repeat(POINTER_STEPS)).is_ok());
        assert_eq!(Pointer::parse(&"/a".repeat(POINTER_STEPS + 1)), Err(PointerError::TooLong));
        assert!(Pointer::parse(&format!("/{}", "ü".repeat(POINTER_CHARS - 1))).is_ok());
        assert_eq!(Pointer::parse(&format!("/{}", "ü".repeat(POINTER_CHARS))), Err(PointerError::TooLong));
    }

    proptest! {
        #[test]
        fn a_member_is_found_where_serde_json_finds_it(name in "[a-c~/]{1,3}", value in any::<u32>(), depth in 1..5usize) {
            let mut body = serde_json::json!(value);
            for _ in 0..depth {
                let mut object = serde_json::Map::new();
                object.insert("other".into(), serde_json::json!([1, {"a": 2}]));
                object.insert(name.clone(), body);
                body = object.into();
            }
            let text = format!("/{}", name.replace('~', "~0").replace('/', "~1")).repeat(depth);
            let pointer = Pointer::parse(&text).expect("valid");
            prop_assert_eq!(body.pointer(&text), Some(&serde_json::json!(value)));
            let body = body.to_string();
            let expected = value.to_string();
            prop_assert_eq!(pointer.find(body.as_bytes()).map(RawValue::get), Some(expected.as_str()));
        }
    }
}
