//! What a webhook makes of an event: whether it wants it at all, and which bytes it sends instead of the event's own.
//!
//! Bytes in, bytes out. What users write here (templates, expressions) runs on every event, so whatever it does is bounded: steps, depth,
//! memory, output.
//!
//! Architecture invariant: nothing here does I/O, reads a clock, draws a random number or is async: the same event and the same text
//! give the same bytes at any time, so that every attempt of a delivery sends what the first one sent.

mod dates;
mod escape;
pub mod filter;
mod functions;
mod guard;
mod json;
mod places;
pub mod preset;
mod scan;
pub mod schema;
mod subject;
pub mod template;
mod work;

pub use subject::Subject;
pub use template::{Template, TemplateError, TemplateErrorKind};
pub use work::{Allowance, GivenUp};
