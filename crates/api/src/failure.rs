//! What failures of the store and the engine are to a caller.

use postrider_engine::AcceptError;
use postrider_store::StoreError;

use crate::error::{ApiError, Code};

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable => {
                Self::new(Code::Unavailable, "the store cannot be read or written at the moment")
            }
            StoreError::Moved => Self::caused(
                Code::Unavailable,
                "the files of the server's data directory were moved, deleted or replaced; its log tells which",
                error,
            ),
            StoreError::Damaged(_) => {
                Self::caused(Code::Unavailable, "the server's database is damaged; its log tells more", error)
            }
            StoreError::Overloaded => {
                Self::new(Code::Overloaded, "too many lists are being read at the moment; try again shortly")
            }
            StoreError::Closed => Self::caused(Code::Unavailable, "the server is stopping", error),
            StoreError::NoSuchEnvironment => Self::not_found("environment"),
            StoreError::Defect(_) => Self::caused(Code::Internal, "the store refused a command", error),
        }
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::Overloaded => {
                Self::new(Code::Overloaded, "there is no room for more events at the moment; try again shortly")
            }
            AcceptError::Stopping => Self::new(Code::Unavailable, "the server is stopping"),
            AcceptError::Unavailable => Self::new(Code::Unavailable, "events cannot be written at the moment"),
            AcceptError::TooLarge => Self::new(
                Code::BodyTooLarge,
                "the events and their deliveries are too large to be accepted together; send fewer at once",
            ),
            AcceptError::TooManyDeliveries { most } => Self::new(
                Code::TooManyDeliveries,
                format!("the events match more than {most} webhooks together; send fewer of them at once"),
            ),
            // The schema speaks of the body that is delivered, the request of what it is made of.
            AcceptError::AgainstSchema { key, note, .. } => {
                let place = |at: &str| match at.strip_prefix("/eventContext/") {
                    Some(id) => format!("/{id}"),
                    None if at.is_empty() || at.starts_with("/eventKey") || at == "/eventContext" => at.to_owned(),
                    None => format!("/payload{at}"),
                };
                let issues = note.violations.into_iter().map(|violation| (place(&violation.at), violation.message));
                let what = format!("the schema of {key}, version {}, does not allow this event", note.version);
                Self::several(Code::SchemaMismatch, &what, issues)
            }
            AcceptError::Refused(error) => error.into(),
        }
    }
}
