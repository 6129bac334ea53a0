//! Copying the write-ahead log back into the database, without making producers wait for it.
//!
//! A thread of its own copies most of the log while the writer goes on appending. When it is done, the writer copies the little that
//! has come since, between two groups; then the log is whole in the database and the next commit starts it anew. Without that last
//! part the log would grow for as long as there is load.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::connect;
use super::telling::Telling;

/// Pages in the log at which it is copied back: some megabytes, so that a page that changes often is copied seldom, and a crash
/// leaves little to recover.
const LOG_PAGES: u32 = 4_000;

/// How far the copying has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nobody has asked for it.
    Idle,
    /// The thread is to copy, or is copying.
    Copying,
    /// The thread has copied what was there when it began.
    Copied,
    /// The store closes.
    Closing,
}

pub(super) struct Checkpoints {
    /// Pages in the log after the last commit.
    pages: Arc<AtomicU32>,
    phase: Mutex<Phase>,
    changed: Condvar,
    /// That the log cannot be copied back.
    failing: Telling,
}

impl Checkpoints {
    /// Starts the thread, and the count of the log's pages on the writer's connection.
    pub(super) fn start(path: &Path, writer: &mut Connection) -> rusqlite::Result<(Arc<Self>, JoinHandle<()>)> {
        let pages = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&pages);
        writer.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, now| {
            count.store(u32::try_from(now).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        let checkpoints = Arc::new(Self {
            pages,
            phase: Mutex::new(Phase::Idle),
            changed: Condvar::new(),
            failing: Telling::default(),
        });
        let connection = connect::checkpointer(path)?;
        let shared = Arc::clone(&checkpoints);
        let thread = thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || shared.run(&connection))
            .expect("the system has room for one more thread at the start");
        Ok((checkpoints, thread))
    }

    fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
        self.changed.notify_all();
    }

    fn run(&self, connection: &Connection) {
        loop {
            let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            while !matches!(*phase, Phase::Copying | Phase::Closing) {
                phase = self.changed.wait(phase).unwrap_or_else(PoisonError::into_inner);
            }
            if *phase == Phase::Closing {
                return;
            }
            drop(phase);
            self.copy(connection);
            let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
            if *phase == Phase::Copying {
                *phase = Phase::Copied;
            }
        }
    }

    /// Called by the writer between two transactions.
    pub(super) fn after_commit(&self, writer: &Connection) {
        if self.pages.load(Ordering::Relaxed) < LOG_PAGES {
            return;
        }
        let phase = *self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        match phase {
            Phase::Idle => self.set(Phase::Copying),
            Phase::Copied => {
                self.copy(writer);
                self.set(Phase::Idle);
            }
            Phase::Copying | Phase::Closing => {}
        }
    }

    /// Copies what no reader still needs from the log, waiting for nobody.
    fn copy(&self, connection: &Connection) {
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        match copied {
            Ok(()) => {
                self.failing.ends();
            }
            // The log stays as it is, and whole; the next commit asks again.
            Err(error) if self.failing.is_due() => {
                tracing::warn!(%error, "the write-ahead log could not be copied back");
            }
            Err(_) => {}
        }
    }

    /// Lets the thread end.
    pub(super) fn close(&self) {
        self.set(Phase::Closing);
    }
}
