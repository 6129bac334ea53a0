//! The signals that end the server: the first asks it to finish, the second does not ask.
//!
//! A terminal that is closed sends SIGHUP, often several times, so that only the first of them counts. A server that was started to outlive
//! its terminal (`nohup`) does so: a SIGHUP that is ignored at the start stays ignored.

use std::io;

use rustix::process;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM, SIGINT and SIGHUP.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// None: it came, or is left to what is done about it already.
    hang_up: Option<Signal>,
}

impl Signals {
    /// From here on these signals do not kill the process. Nor does a file that may not grow any more: a write fails, and is answered as if
    /// the disk were full.
    pub(crate) fn catch() -> io::Result<Self> {
        // Whatever handles it, the write that it was sent for returns.
        drop(signal(SignalKind::from_raw(process::Signal::XFSZ.as_raw()))?);
        let hang_up = if keeps_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hang_up })
    }

    /// Waits for the next one; its name.
    pub(crate) async fn next(&mut self) -> &'static str {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            () = received(self.hang_up.as_mut()) => "SIGHUP",
        };
        if name == "SIGHUP" {
            self.hang_up = None;
        }
        name
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether SIGHUP is ignored, or that cannot be known: then it is left as it is.
fn keeps_hang_up() -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| ignores(&status, process::Signal::HUP))
}

/// What the system says of a process in `/proc`: a set of bits in hexadecimal, the lowest for the first signal.
fn ignores(status: &str, signal: process::Signal) -> bool {
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok());
    ignored.is_none_or(|bits| (bits >> (signal.as_raw() - 1)) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_is_known() {
        let status = |bits: &str| format!("Name:\tpostrider\nSigBlk:\t0000000000000000\nSigIgn:\t{bits}\nSigCgt:\t0\n");
        assert!(ignores(&status("0000000000001001"), process::Signal::HUP));
        assert!(!ignores(&status("0000000000001000"), process::Signal::HUP));
        assert!(ignores(&status("0000000000001000"), process::Signal::PIPE));
        assert!(ignores("Name:\tpostrider\n", process::Signal::HUP), "what is not known is left as it is");
    }
}
