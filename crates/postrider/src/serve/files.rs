//! The limit of open files: raised as far as it goes, and shared out.

use postrider_core::limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but connections: the database, logs, name servers.
const OTHERS: usize = 128;

/// How many connections each side may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// From producers, consoles and other callers.
    pub(crate) incoming: usize,
    /// To receivers: attempts in flight.
    pub(crate) in_flight: usize,
}

impl Shares {
    /// Streams that may be open: as each takes a connection for long, half of them, so that calls find one.
    pub(crate) fn streams(self) -> usize {
        self.incoming / 2
    }
}

/// Raises this process's limit to what it may have; the limit that then applies.
pub(crate) fn raise_limit() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let applies = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        // Some systems cap the limit below what they report.
        Err(_) => limit.current,
    };
    applies.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// Shares the files out: attempts come first, and an endpoint's idle connection takes a file as well.
pub(crate) fn shares(files: usize) -> Shares {
    let free = files.saturating_sub(OTHERS);
    Shares { incoming: (free / 3).clamp(16, limits::CONNECTIONS), in_flight: (free / 3).clamp(16, limits::IN_FLIGHT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_fit_into_the_limit_together_with_idle_connections() {
        assert_eq!(shares(usize::MAX), Shares { incoming: limits::CONNECTIONS, in_flight: limits::IN_FLIGHT });
        for files in [256, 1_024, 4_096, 20_000, 65_536] {
            let Shares { incoming, in_flight } = shares(files);
            assert!(incoming + 2 * in_flight + OTHERS <= files, "of {files} files: {incoming} and {in_flight}");
            assert!(shares(files).streams() * 2 <= incoming, "calls find a connection beside streams");
        }
    }
}
