//! JSON Schemas of event types: what one may consist of, and how a body is held against it.
//!
//! Owns the check when a schema is saved: that it is one, that it stands for itself (nothing is ever fetched), and that it is bounded.
//! The last is [`cost`]'s. Does not own what follows from a body that a schema does not allow.
//!
//! Invariants: whatever a schema that was accepted is held against, each value of the body is looked at a bounded number of times;
//! regular expressions are matched in linear time, and how large they are together is bounded, too.

mod cost;
pub mod places;

use jsonschema::{PatternOptions, Validator};
use postrider_core::event::Violation;
use postrider_core::limits::{
    JSON_DEPTH, NOTE_CHARS, REGEX_BYTES, SCHEMA_BYTES, SCHEMA_PLACES, SCHEMA_VIOLATIONS, SCHEMA_VISITS,
};
use postrider_core::source::Source;
use serde_json::Value;

use self::cost::Cost;

/// A schema that bodies can be held against.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
    cost: Cost,
}

/// Why a text cannot be an event type's schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// It is not JSON.
    #[error("is not JSON: {0}")]
    NotJson(String),
    /// It is JSON, and no object.
    #[error("is a JSON object")]
    NotAnObject,
    /// Too long.
    #[error("has at most {SCHEMA_BYTES} bytes")]
    TooLong,
    /// Too deep.
    #[error("has at most {JSON_DEPTH} objects and arrays within one another")]
    TooDeep,
    /// A part of it would have to be fetched.
    #[error(
        "at {at}: the reference `{to}` leads out of the schema, and nothing is ever fetched; put what it means under $defs"
    )]
    Remote {
        /// A JSON pointer into the schema.
        at: String,
        /// The reference.
        to: String,
    },
    /// A reference to nothing.
    #[error("at {at}: the reference `{to}` leads to nothing")]
    Dangling {
        /// A JSON pointer into the schema.
        at: String,
        /// The reference.
        to: String,
    },
    /// A keyword that makes references depend on more than the schema.
    #[error("at {at}: `{keyword}` is not supported; refer to parts of the schema as in #/$defs/name")]
    Unsupported {
        /// A JSON pointer into the schema.
        at: String,
        /// The keyword.
        keyword: &'static str,
    },
    /// It refers to itself without going down into the value.
    #[error("at {at}: the reference `{to}` comes back to itself without end")]
    Endless {
        /// A JSON pointer into the schema.
        at: String,
        /// The reference.
        to: String,
    },
    /// Its parts multiply.
    #[error("a value of an event could be held against parts of it more than {SCHEMA_VISITS} times")]
    Costly,
    /// Its patterns are large together.
    #[error(
        "a text of an event could be held against patterns that have more than {SCHEMA_PLACES} places together; make them simpler"
    )]
    CostlyPatterns,
    /// The validator refuses it.
    #[error("at {at}: {message}")]
    Refused {
        /// A JSON pointer into the schema.
        at: String,
        /// Why, as a phrase.
        message: String,
    },
}

impl Schema {
    /// Reads a schema that is to be saved.
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > SCHEMA_BYTES {
            return Err(SchemaError::TooLong);
        }
        let schema: Value = serde_json::from_str(text).map_err(|error| SchemaError::NotJson(error.to_string()))?;
        if !schema.is_object() {
            return Err(SchemaError::NotAnObject);
        }
        if depth(&schema) > JSON_DEPTH {
            return Err(SchemaError::TooDeep);
        }
        let cost = cost::check(&schema)?;
        let patterns = PatternOptions::regex().size_limit(REGEX_BYTES).dfa_size_limit(REGEX_BYTES);
        let options = jsonschema::options().with_pattern_options(patterns).should_validate_formats(true);
        let validator = options.build(&schema).map_err(|error| SchemaError::Refused {
            at: pointer(error.instance_path().as_str()),
            message: shortened(&error.to_string()),
        })?;
        Ok(Self { validator, cost })
    }

    /// What it takes at most to hold a body of so many bytes against it, in steps as of a filter.
    pub fn steps(&self, bytes: usize) -> u64 {
        // A value has some eight bytes, name included; a place is gone through as quickly as for a filter.
        let each = self.cost.visits + self.cost.places;
        1 + (bytes as u64 / 8).saturating_mul(each)
    }

    /// The schema that a stored text is; read once.
    pub fn of(source: &Source) -> Result<&Self, SchemaError> {
        match source.made(Self::parse) {
            Some(schema) => schema.as_ref().map_err(Clone::clone),
            None => Err(SchemaError::NotJson("it is kept as something else".to_owned())),
        }
    }

    /// What it does not allow about a body; nothing: it allows it. The first [`SCHEMA_VIOLATIONS`].
    pub fn violations(&self, body: &[u8]) -> Vec<Violation> {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            // A body was checked to be JSON when it was composed, so this is a number beyond all that can be compared.
            let message = "has a number that is too large to be held against a schema".to_owned();
            return vec![Violation { at: String::new(), message }];
        };
        if self.validator.is_valid(&body) {
            return Vec::new();
        }
        let violation = |error: jsonschema::ValidationError<'_>| Violation {
            at: error.instance_path().as_str().to_owned(),
            // Without the value itself: it may be large, or nothing for every eye.
            message: shortened(&error.masked_with("the value").to_string()),
        };
        self.validator.iter_errors(&body).take(SCHEMA_VIOLATIONS).map(violation).collect()
    }
}

fn pointer(text: &str) -> String {
    if text.is_empty() { "/".to_owned() } else { text.to_owned() }
}

/// At most [`NOTE_CHARS`] characters of a message.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(NOTE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(elements) => 1 + elements.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
