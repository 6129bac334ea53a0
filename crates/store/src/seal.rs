//! The master key.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The key under which secrets are sealed: 32 random bytes.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

/// A text that is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes in base64, as `openssl rand -base64 32` makes one")]
pub struct MasterKeyError;

impl MasterKey {
    /// Reads a key from base64.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| MasterKeyError)?;
        bytes.try_into().map(Self).map_err(|_| MasterKeyError)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}
