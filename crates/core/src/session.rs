//! Sessions of the console: a person who signed in to one or several environments.
//!
//! Owns when such a session ends. Does not own how it is recognised: of the cookie's value only a hash is kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ConsoleSessionId, CredentialId, EnvironmentId};
use crate::limits::{CONSOLE_SESSION_IDLE, CONSOLE_SESSION_LIFETIME};
use crate::time::Timestamp;

/// A person who signed in to the console.
#[derive(Clone, PartialEq)]
pub struct ConsoleSession {
    /// Its id.
    pub id: ConsoleSessionId,
    /// SHA-256 of the secret in its cookie.
    pub hash: [u8; 32],
    /// What it is signed in to: one for an environment, in order of signing in.
    pub sign_ins: Vec<SignIn>,
    /// When it was last used, to the minute.
    pub last_used_at: Timestamp,
}

impl fmt::Debug for ConsoleSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, sign_ins, last_used_at, .. } = self;
        f.debug_struct("ConsoleSession")
            .field("id", id)
            .field("sign_ins", sign_ins)
            .field("last_used_at", last_used_at)
            .finish_non_exhaustive()
    }
}

/// One environment that a session is signed in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The environment.
    pub environment_id: EnvironmentId,
    /// The credential that was given; it ends with it.
    pub credential_id: CredentialId,
    /// When.
    pub at: Timestamp,
}

impl SignIn {
    /// When it ends at the latest.
    pub fn until(&self) -> Timestamp {
        self.at + CONSOLE_SESSION_LIFETIME
    }
}

impl ConsoleSession {
    /// When it ends by itself, if nothing more is done with it: idle, or with the last of its sign-ins.
    pub fn until(&self) -> Timestamp {
        let last = self.sign_ins.iter().map(SignIn::until).max();
        last.map_or(self.last_used_at, |last| last.min(self.last_used_at + CONSOLE_SESSION_IDLE))
    }
}
