//! The limit of open files: raised as far as it goes, and shared out.

use postrider_core::limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files for everything but the connections that are shared out: the database, logs, name servers, the control socket's.
const OTHERS: usize = 128 + limits::CONTROL_CONNECTIONS;

/// With fewer files the database, a few callers and a few attempts do not fit beside each other.
pub(crate) const LEAST: usize = 64;
/// With fewer the smallest shares do not all fit: what comes last then fails, instead of waiting its turn.
const AMPLE: usize = 256;
/// What to do where there are too few.
pub(crate) const ADVICE: &str = "`ulimit -Hn`, or LimitNOFILE= in a systemd unit";

/// How far the files reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// For everything, if perhaps less of it.
    Far,
    /// For a server with little to do.
    Short,
    /// For none: it does not start.
    TooShort,
}

/// How far so many files reach.
pub(crate) fn reach(files: usize) -> Reach {
    match files {
        AMPLE.. => Reach::Far,
        LEAST.. => Reach::Short,
        _ => Reach::TooShort,
    }
}

/// How many connections each side may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shares {
    /// From producers, consoles and other callers.
    pub(crate) incoming: usize,
    /// To receivers: attempts in flight.
    pub(crate) in_flight: usize,
    /// To receivers: connections that wait for further requests, of each kind.
    pub(crate) idle: usize,
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

/// Shares the files out: a third for callers, a third for attempts, and a third for connections to receivers that wait.
pub(crate) fn shares(files: usize) -> Shares {
    let free = files.saturating_sub(OTHERS);
    Shares {
        incoming: (free / 3).clamp(16, limits::CONNECTIONS),
        in_flight: (free / 3).clamp(16, limits::IN_FLIGHT),
        idle: (free / 6).clamp(8, limits::IDLE_CONNECTIONS.min(limits::SHARED_CONNECTIONS)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_files_are_told_or_refused() {
        for (files, expected) in [
            (0, Reach::TooShort),
            (LEAST - 1, Reach::TooShort),
            (LEAST, Reach::Short),
            (AMPLE - 1, Reach::Short),
            (AMPLE, Reach::Far),
            (usize::MAX, Reach::Far),
        ] {
            assert_eq!(reach(files), expected, "{files}");
        }
    }

    #[test]
    fn both_sides_fit_into_the_limit_together_with_idle_connections() {
        let all =
            Shares { incoming: limits::CONNECTIONS, in_flight: limits::IN_FLIGHT, idle: limits::IDLE_CONNECTIONS };
        assert_eq!(shares(usize::MAX), all);
        for files in [AMPLE, 1_024, 4_096, 20_000, 65_536] {
            let Shares { incoming, in_flight, idle } = shares(files);
            let all = incoming + in_flight + 2 * idle + OTHERS;
            assert!(all <= files, "of {files} files: {incoming}, {in_flight} and twice {idle}");
            assert!(shares(files).streams() * 2 <= incoming, "calls find a connection beside streams");
        }
    }
}
