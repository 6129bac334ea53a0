//! The limit of open files: each connection at both of its ends is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};

/// Raises the soft limit to the hard one, for this process and those that it starts.
pub(crate) fn raise_limit() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })
        .map_err(|error| Error::io("raise the limit of open files")(error.into()))
}

/// Fails unless `needed` files can be open at once.
pub(crate) fn require(needed: u64) -> Result<()> {
    match getrlimit(Resource::Nofile).maximum {
        Some(hard) if hard < needed => Err(Error::TooFewFiles { hard, needed }),
        _ => Ok(()),
    }
}
