//! An event: one thing that happened in an environment.
//!
//! Owns what identifies an event and whom it concerns. The body's form is [`crate::body`]'s, whom it reaches [`crate::matching`]'s.

use std::any::Any;
use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize};

use crate::id::{EnvironmentId, EventId, WebhookId};
use crate::limits::{EVENT_KEY_CHARS, FOREIGN_ID_CHARS};
use crate::time::Timestamp;

/// Why a text cannot be an event key or one of the vendor's ids.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("must not be empty")]
    Empty,
    /// Longer than the limit.
    #[error("must have at most {0} characters")]
    TooLong(usize),
    /// Has a control character, which would break log lines and headers.
    #[error("must not contain control characters")]
    Control,
    /// Has white space at an end, which nobody sees and everybody compares.
    #[error("must not begin or end with white space")]
    Padded,
}

fn check_name(text: &str, most: usize) -> Result<(), NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    // Bytes are never fewer than characters, so the count is needed only for long texts.
    if text.len() > most && text.chars().count() > most {
        return Err(NameError::TooLong(most));
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    if text.trim().len() != text.len() {
        return Err(NameError::Padded);
    }
    Ok(())
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident up to $most:expr),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes the text as it is; nothing is trimmed or folded.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check_name(text, $most)?;
                Ok(Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// Names what happened: `frontegg.user.created`. Any text will do; keys are data.
    EventKey up to EVENT_KEY_CHARS,
    /// A customer of the vendor, by the vendor's own id.
    TenantId up to FOREIGN_ID_CHARS,
    /// A user of the vendor's product, by the vendor's own id.
    UserId up to FOREIGN_ID_CHARS,
    /// An application of the vendor, by the vendor's own id.
    ApplicationId up to FOREIGN_ID_CHARS,
}

/// An event as accepted. Shared by all its deliveries; the body is the bytes that are signed and sent.
#[derive(Debug)]
pub struct Event {
    /// Its id; `webhook-id` on the wire.
    pub id: EventId,
    /// The environment in which it happened.
    pub environment_id: EnvironmentId,
    /// What happened.
    pub key: EventKey,
    /// The tenant it concerns; none: the environment as a whole.
    pub tenant_id: Option<TenantId>,
    /// The user it concerns.
    pub user_id: Option<UserId>,
    /// The application it concerns.
    pub application_id: Option<ApplicationId>,
    /// When it happened, as the producer says.
    pub occurred_at: Option<Timestamp>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// The body as composed by [`crate::body::compose`].
    pub body: Bytes,
    /// What the event holds of the memory budget, given back with the last reference to the event.
    pub room: Room,
}

/// A share of a budget that is given back on drop. What it is a share of is known to the engine alone.
#[derive(Default)]
pub struct Room(Option<Box<dyn Any + Send + Sync>>);

impl Room {
    /// Keeps `share` until the event is dropped.
    pub fn of(share: impl Any + Send + Sync) -> Self {
        Self(Some(Box::new(share)))
    }

    /// The share, where it is of that type: for its maker, who may give it back early.
    pub fn share<T: Any>(&self) -> Option<&T> {
        self.0.as_ref()?.downcast_ref()
    }

    /// An event that counts against no budget, as in reads for the API.
    pub const fn uncounted() -> Self {
        Self(None)
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Room(counted)" } else { "Room(uncounted)" })
    }
}

/// What is to be told of an event beside its deliveries. Most events have nothing of it. Stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EventNotes {
    /// Webhooks that subscribe to it and whose filters did not let it through: those that could not tell first, then the others, up to
    /// [`crate::limits::FILTER_NOTES`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub filtered: Vec<Filtered>,
    /// All of them.
    #[serde(default)]
    pub filtered_count: u32,
    /// What the schema of its event type does not allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<SchemaNote>,
}

/// A webhook whose filter did not let an event through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filtered {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Why the filter could not tell; none: it said no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How an event differs from what the schema of its event type allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchemaNote {
    /// Which schema of the event type.
    pub version: u32,
    /// Up to [`crate::limits::SCHEMA_VIOLATIONS`].
    pub violations: Vec<Violation>,
}

/// A place of a body that a schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// A JSON pointer into the body; empty: the body itself.
    pub at: String,
    /// What is wrong there.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_ids_are_taken_as_they_are_or_refused() {
        assert_eq!(EventKey::parse("frontegg.user.created").expect("valid").as_str(), "frontegg.user.created");
        assert_eq!(EventKey::parse(""), Err(NameError::Empty));
        assert_eq!(EventKey::parse("a\nb"), Err(NameError::Control));
        assert_eq!(TenantId::parse(" t"), Err(NameError::Padded));
        assert!(TenantId::parse(&"ü".repeat(FOREIGN_ID_CHARS)).is_ok());
        assert_eq!(TenantId::parse(&"ü".repeat(FOREIGN_ID_CHARS + 1)), Err(NameError::TooLong(FOREIGN_ID_CHARS)));
    }
}
