//! Values that need a look before they can be meant: what cannot is refused with the command line, before any server is asked.
//!
//! What only the server can judge (whether there is such a webhook) it judges. Times, and the beginnings of ids, stay as they were typed.

use postrider_core::Timestamp;
use postrider_core::delivery::StateKind;
use postrider_core::time::ParseTimestampError;
use postrider_store::LastAnswer;

/// Digits of an id that lists are searched by, at least, as the server has it.
const ID_DIGITS_LEAST: usize = 4;

/// What a last attempt came to: as it was typed, and as it is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    pub(crate) text: String,
    pub(crate) answer: LastAnswer,
}

impl Status {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let answer = LastAnswer::parse(text).ok_or("it is neither a status code, nor one of 2xx to 5xx, nor none")?;
        Ok(Self { text: text.to_owned(), answer })
    }
}

/// Reads the name of a delivery's state.
pub(super) fn state(name: &str) -> Result<StateKind, String> {
    StateKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = StateKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("it is no state; these are: {}", names.join(", "))
    })
}

/// Reads an end of a range of time.
pub(super) fn moment(text: &str) -> Result<String, ParseTimestampError> {
    Timestamp::parse_bound(text).map(|_| text.to_owned())
}

/// Reads an id, or how one begins.
pub(super) fn beginning_of_id(text: &str) -> Result<String, String> {
    let digits = text.chars().filter(|c| *c != '-');
    let is_hexadecimal = digits.clone().all(|c| c.is_ascii_hexdigit());
    if is_hexadecimal && (ID_DIGITS_LEAST..=32).contains(&digits.count()) {
        Ok(text.to_owned())
    } else {
        Err(format!("it is no id, nor the first digits of one, {ID_DIGITS_LEAST} at least"))
    }
}
