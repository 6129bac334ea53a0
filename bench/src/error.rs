//! Everything that ends a benchmark. Nothing here is retried: a figure from a run in which something failed is no figure.

use std::{io, path::PathBuf, process::ExitStatus, time::Duration};

/// Why the benchmark stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {what}")]
    Io { what: String, source: io::Error },
    #[error("there is no server at {}; build it first: cargo build --release (or name it with --postrider)", .0.display())]
    NoServer(PathBuf),
    #[error("{} is on a file system in memory, where a sync costs nothing; name a folder on a disk with --data-dir", .0.display())]
    DataInMemory(PathBuf),
    #[error("the limit of open files is {hard}, {needed} are needed: raise it (ulimit -n)")]
    TooFewFiles { hard: u64, needed: u64 },
    #[error("{name} was not ready after {}s", .waited.as_secs())]
    NotReady { name: &'static str, waited: Duration },
    #[error("{name} ended by itself: {status}")]
    Ended { name: &'static str, status: ExitStatus },
    #[error("{what} was answered with {status}: {body}")]
    Answer { what: String, status: u16, body: String },
    #[error("{what} failed")]
    Request { what: String, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the answer to {what} cannot be read: {body}")]
    Unreadable { what: &'static str, body: String },
    #[error(transparent)]
    Verification(#[from] crate::ledger::Discrepancy),
    #[error("the endpoints that never answer got no request within {}s", .0.as_secs())]
    NothingHangs(Duration),
    #[error(
        "the replay made {made} deliveries in {seconds:.1}s, where {due} were due at its rate (it is {state}): what was measured beside \
         it says nothing"
    )]
    ReplayTooSlow { made: u64, due: u64, seconds: f64, state: String },
    #[error("deliveries to endpoints that answer had not ended after {}s", .0.as_secs())]
    NeverEnded(Duration),
    #[error("the server was busy for {}s on end", .0.as_secs())]
    AlwaysBusy(Duration),
    #[error("{deliveries} deliveries were accepted where {expected} were due")]
    Deliveries { deliveries: u64, expected: u64 },
    #[error("the measurement of {subject} failed; the end of its log:\n{log}")]
    During { subject: &'static str, log: String, source: Box<Error> },
    #[error("interrupted")]
    Interrupted,
    #[error("a task of the benchmark panicked")]
    Panicked(#[from] tokio::task::JoinError),
}

impl Error {
    /// An [`Error::Io`] for use in `map_err`.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { what: what.into(), source }
    }
}

/// What the benchmark's functions return.
pub(crate) type Result<T> = std::result::Result<T, Error>;
