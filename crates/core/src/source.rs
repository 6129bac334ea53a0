//! A text of a person's that means something to a crate above this one: a filter, a JSON Schema.
//!
//! Owns the text and a place beside it for what that crate makes of it, so that it is made once for as long as the text lives, and
//! need not be looked for. Does not own what the text means.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A text and what was made of it. Clones share both. Two are equal where their texts are.
#[derive(Clone)]
pub struct Source {
    text: Arc<str>,
    made: Arc<OnceLock<Box<dyn Any + Send + Sync>>>,
}

impl Source {
    /// The text as it is.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self { text: text.into(), made: Arc::default() }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What `make` makes of the text; it is called the first time alone. One source has one kind of thing made of it: none where
    /// another kind was made before.
    pub fn made<T: Any + Send + Sync>(&self, make: impl FnOnce(&str) -> T) -> Option<&T> {
        self.made.get_or_init(|| Box::new(make(&self.text))).downcast_ref()
    }

    /// What was made of the text, where that was done.
    pub fn made_already<T: Any>(&self) -> Option<&T> {
        self.made.get()?.downcast_ref()
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Source {}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_for_all_clones() {
        let source = Source::new("7");
        let clone = source.clone();
        assert_eq!(source.made(|text| text.parse::<u8>().expect("a number")), Some(&7));
        assert_eq!(clone.made(|_| -> u8 { panic!("it was made before") }), Some(&7));
        assert_eq!(clone.made(|_| 'x'), None, "it is of another kind");
        assert_eq!((clone.made_already::<u8>(), Source::new("7").made_already::<u8>()), (Some(&7), None));
        assert_eq!(source, Source::new("7"));
    }
}
