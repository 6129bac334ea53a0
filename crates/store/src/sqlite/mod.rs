//! The embedded engine: SQLite in the data directory.
//!
//! Owns opening and closing, and the ways in: commands to the writer, reads to the readers. The rules of the domain's records lie
//! in the modules by subject, changes in the first group and reads in the second.

mod beginning;
mod behind;
mod checkpoint;
mod connect;
mod following;
mod hot;
mod inbox;
mod inspect;
mod load;
mod names;
mod order;
mod readers;
mod remains;
mod rows;
mod schema;
mod search;
mod statistics;
mod telling;
mod tx;
mod writer;

mod environments;
mod event_types;
mod jobs;
mod put_off;
mod request_settings;
mod resend;
mod retention;
mod sessions;
mod shapes;
mod signing;
mod skip;
mod upkeep;
mod webhooks;

mod attempts;
mod deliveries;
mod events;
mod lanes;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use postrider_core::Clock;
use postrider_core::limits::READS_WAITING;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::{Semaphore, oneshot};

pub(crate) use self::inspect::{check, inspect};

use self::beginning::Beginning;
use self::checkpoint::Checkpoints;
use self::inbox::{Command, Haste, Inbox};
use self::names::Names;
use self::readers::Readers;
use self::telling::Telling;
use self::tx::{Failure, Tx, is_of_damage};
use self::writer::{Damage, Writer};
use crate::directory::Directory;
use crate::exposure;
use crate::lock::{self, LOCK_FILE, Lock};
use crate::seal::{KEY_FILE, MasterKey, Seal};
use crate::{AcceptBatch, AcceptOutcome, CommitObserver, OpenError, Settlement, StoreError, StoreOptions};

const DATABASE_FILE: &str = "postrider.db";
/// Its write-ahead log.
const LOG_FILE: &str = "postrider.db-wal";
/// Threads for the lists and records that people ask for.
const API_READERS: usize = 2;
/// Threads for the engine's paging.
const LANE_READERS: usize = 1;

fn database_error(error: rusqlite::Error) -> OpenError {
    if is_of_damage(&error) { OpenError::Damaged(Box::new(error)) } else { OpenError::Database(Box::new(error)) }
}

/// The same for the first look at a file, which may be no database.
fn file_error(error: rusqlite::Error, path: &Path) -> OpenError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NoDatabase { path: path.to_owned() },
        _ => database_error(error),
    }
}

/// The embedded engine.
pub(crate) struct Sqlite {
    pub(crate) directory: Arc<Directory>,
    inbox: Arc<Inbox>,
    checkpoints: Arc<Checkpoints>,
    names: Arc<Names>,
    api: Readers,
    lanes: Readers,
    /// One looks ahead for jobs at a time, be it to count or to go on, so that a thread is always left for lists.
    looks_ahead: Semaphore,
    /// One sums up all webhooks of an environment at a time, for the same reason. Apart, as no job is to wait for it, and a list that
    /// meets both waits for a look alone, which is short.
    summaries: Arc<Semaphore>,
    /// Places for those that wait for it, as many as may wait for a thread.
    summaries_waiting: Semaphore,
    clock: Arc<dyn Clock>,
    seal: Arc<Seal>,
    /// How far the deletion of what is old has come.
    expiry: Mutex<retention::Rounds>,
    put_off: Mutex<put_off::Look>,
    threads: Mutex<Threads>,
}

/// What runs, and what it needs before it does.
struct Threads {
    writer: WriterState,
    checkpointer: Option<JoinHandle<()>>,
    /// Looks at the names of the files.
    looker: Option<JoinHandle<()>>,
    /// Given back last.
    lock: Option<Lock>,
}

enum WriterState {
    /// Not started yet.
    Ready(Box<(Writer, Beginning)>),
    Running(JoinHandle<Connection>),
    Ended,
}

impl Sqlite {
    pub(crate) fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Self::open_with(options, schema::MIGRATIONS)
    }

    fn open_with(options: StoreOptions, migrations: &[&str]) -> Result<Self, OpenError> {
        let StoreOptions { data_dir, clock, entropy, master_key } = options;
        lock::make_data_dir(&data_dir)?;
        let lock = Lock::take(&data_dir)?;
        exposure::warn_if_writable(&data_dir);
        remains::check_files(&data_dir)?;
        let path = data_dir.join(DATABASE_FILE);
        let mut connection = connect::writer(&path).map_err(|error| file_error(error, &path))?;
        if schema::version(&connection, &path, u32::MAX)?.is_none()
            && let Err(lost) = remains::check_key(&data_dir)
        {
            // What lies in a log that cannot be read is not to be deleted with it.
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(database_error)?;
            return Err(lost);
        }
        schema::migrate(&mut connection, &path, migrations)?;
        let master_key = find_master_key(&connection, &data_dir, master_key, entropy.as_ref())?;
        let seal = Arc::new(Seal::new(&master_key, Arc::clone(&entropy)));
        let token_key = schema::unlock(&mut connection, &seal, entropy.as_ref())?;
        if let Err(error) = statistics::gaps::end(&connection, clock.now()) {
            tracing::error!(%error, "a gap in the statistics cannot be ended; they lack less from now on than they say");
        }
        let directory = Arc::new(load::directory(&connection, &seal, token_key).map_err(database_error)?);
        if let Err(error) = request_settings::complete(&mut connection, &seal, &directory) {
            tracing::error!(
                %error,
                "what requests of webhooks are made from cannot be noted; the log does not tell it of them until a start notes it"
            );
        }
        let beginning = Beginning::read(&connection).map_err(database_error)?;
        let put_off = put_off::Look::at_start(&connection, &directory, clock.now()).unwrap_or_else(|error| {
            tracing::error!(%error, "whether a clock that was ahead has put something off cannot be read");
            put_off::Look::default()
        });
        let api = Readers::start(&path, "store-read", API_READERS).map_err(database_error)?;
        let lanes = Readers::start(&path, "store-lanes", LANE_READERS).map_err(database_error)?;
        let (checkpoints, checkpointer) = Checkpoints::start(&path, &mut connection).map_err(database_error)?;
        let (names, looker) = Names::watch([LOCK_FILE, DATABASE_FILE, LOG_FILE].map(|name| data_dir.join(name)));
        let inbox = Arc::new(Inbox::default());
        let writer = Writer {
            connection,
            inbox: Arc::clone(&inbox),
            directory: Arc::clone(&directory),
            seal: Arc::clone(&seal),
            clock: Arc::clone(&clock),
            entropy,
            checkpoints: Arc::clone(&checkpoints),
            names: Arc::clone(&names),
            damage: Damage::default(),
            outage: Telling::default(),
            refusals: Telling::default(),
        };
        let threads = Threads {
            writer: WriterState::Ready(Box::new((writer, beginning))),
            checkpointer: Some(checkpointer),
            looker: Some(looker),
            lock: Some(lock),
        };
        Ok(Self {
            directory,
            inbox,
            checkpoints,
            names,
            api,
            lanes,
            looks_ahead: Semaphore::new(1),
            summaries: Arc::new(Semaphore::new(1)),
            summaries_waiting: Semaphore::new(READS_WAITING),
            clock,
            seal,
            expiry: Mutex::default(),
            put_off: Mutex::new(put_off),
            threads: Mutex::new(threads),
        })
    }

    pub(crate) fn start(&self, observer: Arc<dyn CommitObserver>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut threads.writer, WriterState::Ended) {
            WriterState::Ready(ready) => {
                let (writer, beginning) = *ready;
                let thread = thread::Builder::new()
                    .name("store-writer".into())
                    .spawn(move || writer.run(beginning, observer.as_ref()))
                    .expect("the system has room for one more thread at the start");
                threads.writer = WriterState::Running(thread);
            }
            // A second start has nothing to start.
            other => threads.writer = other,
        }
    }

    /// Finishes what was handed over, copies the log back, ends the threads and gives the directory free. Blocks meanwhile.
    pub(crate) fn close(&self, last: LastCheckpoint) {
        self.inbox.close();
        self.looks_ahead.close();
        self.summaries.close();
        self.api.close();
        self.lanes.close();
        self.checkpoints.close();
        self.names.close();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in [threads.checkpointer.take(), threads.looker.take()].into_iter().flatten() {
            let _ = thread.join();
        }
        let connection = match std::mem::replace(&mut threads.writer, WriterState::Ended) {
            WriterState::Ready(ready) => Some(ready.0.connection),
            WriterState::Running(thread) => thread.join().ok(),
            WriterState::Ended => None,
        };
        if let (Some(connection), LastCheckpoint::Truncate) = (&connection, last) {
            let copied = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = copied {
                tracing::warn!(%error, "the write-ahead log stays; the next start copies it back");
            }
        }
        drop(connection);
        drop(threads.lock.take());
    }

    pub(crate) async fn accept(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.inbox.put(Command::Accept(batch, reply));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    pub(crate) async fn ended(&self) {
        self.inbox.ended().await;
    }

    pub(crate) fn record(&self, settlement: Settlement) {
        self.inbox.put(Command::Settle(Box::new(settlement)));
    }

    /// Has the writer carry out a change in a transaction of its own.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answered(change, Inbox::put_change).await
    }

    /// The same for a small change, in one transaction with the events and settlements that wait for the writer when it is due.
    async fn change_joining<T: Send + 'static>(
        &self,
        haste: Haste,
        change: impl FnMut(&mut Tx<'_, '_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.answered(change, |inbox, change| inbox.put_joining(change, haste)).await
    }

    async fn answered<T: Send + 'static>(
        &self,
        change: impl FnMut(&mut Tx<'_, '_>) -> Result<T, Failure> + Send + 'static,
        put: impl FnOnce(&Inbox, Box<dyn inbox::Change>),
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        put(&self.inbox, inbox::change(change, reply));
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The same for a change that nobody waits for.
    fn change_unwatched(&self, change: impl FnMut(&mut Tx<'_, '_>) -> Result<(), Failure> + Send + 'static) {
        let (reply, _) = oneshot::channel();
        self.inbox.put_change(inbox::change(change, reply));
    }
}

/// What closing does to the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastCheckpoint {
    /// Copies it back and cuts it off.
    Truncate,
    /// Leaves it for the next start.
    None,
}

impl Drop for Sqlite {
    /// The last handle went without closing: what was handed over is still written.
    fn drop(&mut self) {
        self.close(LastCheckpoint::None);
    }
}

/// The given key, else the file's; made where the database is new.
fn find_master_key(
    connection: &Connection,
    data_dir: &Path,
    given: Option<MasterKey>,
    entropy: &dyn postrider_core::Entropy,
) -> Result<MasterKey, OpenError> {
    if let Some(key) = given {
        return Ok(key);
    }
    match MasterKey::read(data_dir)? {
        Some(key) => Ok(key),
        None if schema::has_key_check(connection)? => {
            Err(OpenError::MasterKeyMissing { path: data_dir.join(KEY_FILE) })
        }
        None => MasterKey::generate(data_dir, entropy),
    }
}
