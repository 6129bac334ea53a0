//! Event types and their categories: what an environment's events are called and mean.
//!
//! They are a catalogue for people and for category subscriptions. An event whose key has no event type is accepted and delivered like
//! any other; one whose event type has a schema is held against it as far as [`SchemaMode`] says.

use serde::{Deserialize, Serialize};

use crate::attempt::names;
use crate::event::EventKey;
use crate::id::{CategoryId, EnvironmentId, EventTypeId};
use crate::source::Source;
use crate::time::Timestamp;

/// A group of event types.
#[derive(Debug, Clone, PartialEq)]
pub struct Category {
    /// Its id.
    pub id: CategoryId,
    /// The environment it belongs to.
    pub environment_id: EnvironmentId,
    /// Its name, unique in the environment; `"<name>.*"` subscribes to all of it.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// An event key with what people need to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// The environment it belongs to.
    pub environment_id: EnvironmentId,
    /// The key, unique in the environment; never changes.
    pub key: EventKey,
    /// The category it stands in.
    pub category_id: CategoryId,
    /// Its name for people.
    pub display_name: String,
    /// When such an event is sent.
    pub description: String,
    /// The JSON Schema of the delivered body, as JSON text.
    pub schema: Option<Source>,
    /// Which of its schemas that is, counted from 1; none ever: 0. Taking the schema away counts, too.
    pub schema_version: u32,
    /// What becomes of events that the schema does not allow.
    pub schema_mode: SchemaMode,
    /// A sample of the payload (the members beside `eventKey` and `eventContext`), as JSON text.
    pub sample: Option<String>,
    /// Who may know of it.
    pub audience: Audience,
    /// Since when, and in whose favour, it should no longer be used. Its events are accepted and delivered as before.
    pub deprecation: Option<Deprecation>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl EventType {
    /// Whether events are held against its schema.
    pub const fn checks_events(&self) -> bool {
        self.schema.is_some() && !matches!(self.schema_mode, SchemaMode::Off)
    }
}

/// What becomes of events that the schema of their event type does not allow. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SchemaMode {
    /// Events are not held against the schema.
    #[default]
    Off,
    /// They are accepted, and what is wrong with them is noted.
    Warn,
    /// They are refused.
    Reject,
}

names!(SchemaMode {
    Off => "off",
    Warn => "warn",
    Reject => "reject",
});

/// Who may know of an event type. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Audience {
    /// The vendor and its tenants.
    #[default]
    Everybody,
    /// The vendor alone: tenants do not see it, and no webhook of a tenant gets its events.
    Vendor,
}

names!(Audience {
    Everybody => "everybody",
    Vendor => "vendor",
});

/// Says that an event type should no longer be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deprecation {
    /// Since when.
    pub at: Timestamp,
    /// The key of the event type that takes its place.
    pub replaced_by: Option<EventKey>,
}

/// A schema that an event type had before the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSchema {
    /// Which one, counted from 1.
    pub version: u32,
    /// As JSON text.
    pub schema: String,
    /// When another took its place.
    pub replaced_at: Timestamp,
}
