//! Lines of the log on their way out. Whoever logs never waits for whoever reads: a thread of its own writes what has gathered, and what
//! finds no room is dropped.
//!
//! Invariants: what waits has [`LOG_BYTES_WAITING`] at most, and as much again is being written; how many lines were dropped is logged
//! as soon as there is room.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use postrider_core::limits::LOG_BYTES_WAITING;

/// How long an end waits for what is still on its way.
const PATIENCE: Duration = Duration::from_secs(1);

/// What logs that lines were dropped.
pub(super) const TARGET: &str = "postrider::log";

/// Where lines wait. What is written to it is a line each time.
#[derive(Debug, Clone)]
pub(super) struct Lines(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    written: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Lines that found no room since the last were taken.
    dropped: u64,
    /// Whether some were taken and are not written yet.
    is_writing: bool,
}

impl Lines {
    /// Has a thread write them there.
    pub(super) fn to(out: impl Write + Send + 'static) -> io::Result<Self> {
        let lines = Self(Arc::default());
        let shared = Arc::clone(&lines.0);
        // It ends with the process: what is left to it by then is given up.
        thread::Builder::new().name("log".into()).spawn(move || shared.write(out))?;
        Ok(lines)
    }

    /// Waits until all that was logged so far is written, though not for long.
    pub(super) fn flush(&self) {
        let waiting = self.0.lock();
        let is_under_way = |waiting: &mut Waiting| waiting.is_writing || !waiting.bytes.is_empty();
        // In time or not, the process ends.
        drop(self.0.written.wait_timeout_while(waiting, PATIENCE, is_under_way));
    }
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.lock();
        // Once one was dropped those that follow are, too, so that what is missing is in one place.
        if waiting.dropped > 0 || waiting.bytes.len() + line.len() > LOG_BYTES_WAITING {
            waiting.dropped += 1;
        } else {
            waiting.bytes.extend_from_slice(line);
        }
        self.0.arrived.notify_one();
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, mut out: impl Write) {
        loop {
            let is_idle = |waiting: &mut Waiting| waiting.bytes.is_empty() && waiting.dropped == 0;
            let mut waiting = self.arrived.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
            let bytes = std::mem::take(&mut waiting.bytes);
            let dropped = std::mem::take(&mut waiting.dropped);
            waiting.is_writing = true;
            drop(waiting);
            if dropped > 0 {
                // It waits behind these, as any other line.
                tracing::warn!(
                    target: TARGET,
                    dropped,
                    "lines of the log were dropped here: nobody read them in time"
                );
            }
            // Where nobody reads any more, or the disk is full, nobody can be told.
            let _ = out.write_all(&bytes).and_then(|()| out.flush());
            self.lock().is_writing = false;
            self.written.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A reader that reads when it is told to.
    struct Stalled {
        goes_on: Receiver<()>,
        read: Sender<Vec<u8>>,
    }

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.goes_on.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            self.read.send(bytes.to_vec()).map_err(|_| io::ErrorKind::BrokenPipe)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_does_not_wait_for_who_reads_and_what_waits_is_bounded() {
        let (go_on, goes_on) = channel();
        let (read, reads) = channel();
        let mut lines = Lines::to(Stalled { goes_on, read }).unwrap();
        lines.write_all(b"first\n").unwrap();
        while !lines.0.lock().is_writing {
            thread::yield_now();
        }
        let line = [b'x'; 1_000];
        for _ in 0..3 * LOG_BYTES_WAITING / line.len() {
            lines.write_all(&line).unwrap();
        }
        let waiting = lines.0.lock();
        assert!(waiting.bytes.len() <= LOG_BYTES_WAITING && waiting.dropped > 0);
        drop(waiting);
        lines.flush();
        go_on.send(()).unwrap();
        assert_eq!(reads.recv_timeout(Duration::from_mins(1)).unwrap(), b"first\n");
        // From here on it reads whatever comes.
        for _ in 0..10 {
            go_on.send(()).unwrap();
        }
        reads.recv_timeout(Duration::from_mins(1)).unwrap();
        // What the thread has taken is counted no more, and there is room.
        lines.write_all(b"last\n").unwrap();
        assert_eq!(reads.recv_timeout(Duration::from_mins(1)).unwrap(), b"last\n");
        assert_eq!(lines.0.lock().dropped, 0);
    }

    #[test]
    fn what_was_logged_is_written_before_the_end() {
        let (go_on, goes_on) = channel();
        let (read, reads) = channel();
        let mut lines = Lines::to(Stalled { goes_on, read }).unwrap();
        go_on.send(()).unwrap();
        lines.write_all(b"the last words\n").unwrap();
        Lines::flush(&lines);
        assert_eq!(reads.try_recv().unwrap(), b"the last words\n");
    }
}
