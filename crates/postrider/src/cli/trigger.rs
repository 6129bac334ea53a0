//! What `postrider trigger` takes.

use clap::Args;
use serde_json::Value;
use serde_json::value::RawValue;

use super::EnvironmentTarget;

/// `trigger`.
#[derive(Debug, Args)]
pub(crate) struct Trigger {
    /// The event key, for example frontegg.user.created
    pub(crate) event_key: String,
    /// The tenant that the event concerns
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// The user that the event concerns
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
    /// The application that the event concerns
    #[arg(long, value_name = "ID")]
    pub(crate) application: Option<String>,
    /// Change a member of the sample, for example user.email=ada@example.com; a value that is JSON is taken as such
    #[arg(long, value_name = "PATH=VALUE", value_parser = Change::parse)]
    pub(crate) set: Vec<Change>,
    /// Send this JSON object instead of the sample
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub(crate) payload: Option<Box<RawValue>>,
    /// Make a repetition of this command harmless: the server answers as it did the first time
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// A member of the payload that is to be different.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Change {
    pub(crate) path: Vec<String>,
    pub(crate) value: Value,
}

impl Change {
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const WRONG: &str = "write it as path=value, for example user.email=ada@example.com";
        let (path, value) = text.split_once('=').ok_or(WRONG)?;
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err(WRONG);
        }
        // What is JSON is meant as such; everything else is a text. To send the text `true`, write `"true"`.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self { path, value })
    }
}

/// Reads a JSON object, and keeps its bytes: numbers stay as they were written.
fn object(text: &str) -> Result<Box<RawValue>, String> {
    let read = RawValue::from_string(text.to_owned()).map_err(|error| format!("it is not JSON: {error}"))?;
    if read.get().starts_with('{') { Ok(read) } else { Err("it is no JSON object".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_change_is_refused() {
        for text in ["", "user", "=x", "user..email=x"] {
            assert!(Change::parse(text).is_err(), "{text}");
        }
        let change = Change::parse("user.verified=\"true\"").unwrap();
        assert_eq!((change.path.len(), change.value), (2, "true".into()));
    }

    #[test]
    fn a_payload_is_an_object_with_its_bytes() {
        assert_eq!(object("{\"n\":1e400,\"x\":1.0}").unwrap().get(), "{\"n\":1e400,\"x\":1.0}");
        for text in ["", "{", "3", "[]", "\"{}\""] {
            assert!(object(text).is_err(), "{text}");
        }
    }
}
