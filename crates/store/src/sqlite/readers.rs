//! Threads that read, each with a connection of its own.
//!
//! Each read is one short snapshot: a long one would keep the write-ahead log from starting anew. The engine's reads have threads
//! of their own, so that no list of the API makes a lane wait. A read whose caller has gone is not carried out, and no more than
//! [`READS_WAITING`] wait.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use postrider_core::limits::READS_WAITING;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::oneshot;

use super::connect;
use super::tx::{is_of_damage, is_of_storage};
use crate::StoreError;

type Read = Box<dyn FnOnce(&mut Connection) + Send>;

#[derive(Default)]
struct Queue {
    reads: VecDeque<Read>,
    closing: bool,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

/// A queue of reads and the threads that work it off.
pub(super) struct Readers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Readers {
    pub(super) fn start(path: &Path, name: &str, threads: usize) -> rusqlite::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut handles = Vec::with_capacity(threads);
        for _ in 0..threads {
            let connection = connect::reader(path)?;
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new().name(name.into()).spawn(move || work(&shared, connection));
            handles.push(thread.expect("the system has room for some more threads at the start"));
        }
        Ok(Self { shared, threads: Mutex::new(handles) })
    }

    /// Runs `read` on one snapshot.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job: Read = Box::new(move |connection| {
            // Whoever asked may have gone while it waited.
            if reply.is_closed() {
                return;
            }
            let result = connection
                .transaction_with_behavior(TransactionBehavior::Deferred)
                .and_then(|snapshot| read(&snapshot));
            // A caller that has gone away has no use for the answer.
            let _ = reply.send(result);
        });
        {
            let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            if queue.closing {
                return Err(StoreError::Closed);
            }
            if queue.reads.len() >= READS_WAITING {
                return Err(StoreError::Overloaded);
            }
            queue.reads.push_back(job);
            self.shared.arrived.notify_one();
        }
        match answer.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) if is_of_storage(&error) => {
                tracing::warn!(%error, "the store cannot be read");
                Err(StoreError::Unavailable)
            }
            Ok(Err(error)) if is_of_damage(&error) => Err(StoreError::Damaged(error.to_string())),
            Ok(Err(error)) => Err(StoreError::Defect(error.to_string())),
            Err(_) => Err(StoreError::Defect("a read ended without an answer".into())),
        }
    }

    /// Finishes what is queued and ends the threads.
    pub(super) fn close(&self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closing = true;
        self.shared.arrived.notify_all();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A panic in a read was answered where it happened.
            let _ = thread.join();
        }
    }
}

fn work(shared: &Shared, mut connection: Connection) {
    loop {
        let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let read = loop {
            if let Some(read) = queue.reads.pop_front() {
                break read;
            }
            if queue.closing {
                return;
            }
            queue = shared.arrived.wait(queue).unwrap_or_else(PoisonError::into_inner);
        };
        drop(queue);
        if std::panic::catch_unwind(AssertUnwindSafe(|| read(&mut connection))).is_err() {
            tracing::error!("a read ended by a defect");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_read_whose_caller_has_gone_is_not_carried_out_and_few_wait() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("some.db");
        drop(connect::writer(&path).unwrap());
        let readers = Arc::new(Readers::start(&path, "test", 1).unwrap());
        let (go, held) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        let first = tokio::spawn({
            let readers = Arc::clone(&readers);
            async move {
                readers
                    .read(move |_| {
                        begun.send(()).unwrap();
                        held.recv().unwrap();
                        Ok(())
                    })
                    .await
            }
        });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let carried_out = Arc::new(AtomicUsize::new(0));
        let waiting: Vec<_> = (0..READS_WAITING)
            .map(|_| {
                let carried_out = Arc::clone(&carried_out);
                let mut read = Box::pin(readers.read(move |_| {
                    carried_out.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                }));
                assert!(poll_once(&mut read).is_pending());
                read
            })
            .collect();
        assert_eq!(readers.read(|_| Ok(())).await, Err(StoreError::Overloaded));
        drop(waiting);
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        // Behind all of them, as soon as there is room.
        while readers.read(|_| Ok(())).await == Err(StoreError::Overloaded) {
            tokio::task::yield_now().await;
        }
        assert_eq!(carried_out.load(Ordering::SeqCst), 0);
    }

    fn poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
