//! Event types and their categories: what an environment's events are called and mean.
//!
//! They are a catalogue for people and for category subscriptions, not a gate: an event whose key has no event type is accepted and
//! delivered like any other.

use crate::event::EventKey;
use crate::id::{CategoryId, EnvironmentId, EventTypeId};
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
    pub schema: Option<String>,
    /// A sample of the payload (the members beside `eventKey` and `eventContext`), as JSON text.
    pub sample: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}
