//! The writer: one thread through which every change goes, in groups.
//!
//! Owns the forming of groups, and the order of what follows a commit: directory, observer, callers. Does not own what a command does,
//! nor how long commands wait: see [`super::inbox`]. Between two groups of the hot path it carries out one change of another kind, in a
//! transaction of its own, so that neither holds the other up; small ones that were put to join a group are part of its transaction.
//!
//! Invariants: a caller is answered after the commit that carries its command, or when nothing of it has happened; a command that
//! fails by itself does so alone, and what is derived from all of them never makes one fail; settlements are kept until they are
//! committed, and a delivery whose settlement is refused is put off; the observer knows whether the storage works, and while it does not
//! the writer tries by itself.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postrider_core::limits::GROUP_COMMANDS;
use postrider_core::{Clock, Entropy};
use rusqlite::Connection;

use super::beginning::Beginning;
use super::checkpoint::Checkpoints;
use super::following::Following;
use super::hot::{self, Statements};
use super::inbox::{Change, ClosesInbox, Command, Inbox, Taken};
use super::names::Names;
use super::telling::Telling;
use super::tx::{Failure, Tx};
use crate::directory::Directory;
use crate::seal::Seal;
use crate::{AcceptOutcome, Commit, CommitObserver, Settled, Settlement, StoreError};

/// How long the writer waits before it tries again on a disk that is full or fails.
const STORAGE_PAUSE: Duration = Duration::from_millis(200);

pub(super) struct Writer {
    pub connection: Connection,
    pub inbox: Arc<Inbox>,
    pub directory: Arc<Directory>,
    pub seal: Arc<Seal>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub checkpoints: Arc<Checkpoints>,
    pub names: Arc<Names>,
    pub damage: Damage,
    /// That the storage fails.
    pub outage: Telling,
    /// That settlements are refused.
    pub refusals: Telling,
}

/// Whether what producers report, or what attempts come to, could not be written when it came last, as the database is damaged. What
/// does not write where the damage is, as a probe does, is no sign that it could be now.
#[derive(Default)]
pub(super) struct Damage {
    accepting: Cell<bool>,
    settling: Cell<bool>,
    telling: Telling,
}

impl Damage {
    fn note(&self, command: &Command, is_found: bool) {
        match command {
            Command::Accept(batch, _) if batch.events.is_empty() => {}
            Command::Accept(..) => self.accepting.set(is_found),
            Command::Settle(_) => self.settling.set(is_found),
        }
    }

    /// Why nobody is to be told that the store is ready, where it is so.
    fn found(&self) -> Option<StoreError> {
        let what = match (self.accepting.get(), self.settling.get()) {
            (false, false) => return None,
            (true, _) => "events cannot be written",
            (false, true) => "what attempts come to cannot be written",
        };
        Some(StoreError::Damaged(what.into()))
    }
}

/// Why a group was not committed.
enum GroupFailure {
    /// This command failed by itself.
    Command(usize, Failure),
    /// Nothing can be written at the moment, whatever it is.
    Storage(Failure),
}

impl Writer {
    /// Runs until the inbox is closed and empty. Returns the connection for the last checkpoint.
    pub(super) fn run(self, beginning: Beginning, observer: &dyn CommitObserver) -> Connection {
        let closes = ClosesInbox(Arc::clone(&self.inbox));
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| self.run_loop(beginning, observer)));
        drop(closes);
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the writer could not start"),
            Err(_) => tracing::error!("the writer ended by a defect; the store is closed"),
        }
        self.connection
    }

    fn run_loop(&self, beginning: Beginning, observer: &dyn CommitObserver) -> rusqlite::Result<()> {
        let mut statements = Statements::prepare(&self.connection, beginning)?;
        let mut queue = VecDeque::new();
        let mut works = true;
        loop {
            let Taken { mut joining, change } = self.inbox.take(&mut queue);
            if queue.is_empty() && joining.is_empty() && change.is_none() {
                return Ok(());
            }
            let mut storage_fails = false;
            if !queue.is_empty() {
                storage_fails = !self.write_group(&mut statements, &mut queue, &mut joining, observer, works);
                if works == storage_fails {
                    works = !storage_fails;
                    observer.storage_works(works);
                }
            }
            if works && self.outage.ends() {
                tracing::info!("the store can be written again");
            }
            for change in joining.into_iter().chain(change) {
                self.write_change(&mut statements, change, observer);
            }
            self.checkpoints.after_commit(&self.connection);
            if storage_fails && self.inbox.pause(STORAGE_PAUSE) {
                if !self.write_last(&mut statements, &mut queue, observer) {
                    tracing::error!(settlements = queue.len(), "attempts could not be recorded; they will be repeated");
                    return Ok(());
                }
            } else if !works && queue.is_empty() {
                // Nothing is sent meanwhile, so that perhaps nothing comes by which it would be seen that the storage works again.
                queue.push_back(Command::probe());
            }
        }
    }

    /// The store closes while the disk fails: one more try.
    fn write_last<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        queue: &mut VecDeque<Command>,
        observer: &dyn CommitObserver,
    ) -> bool {
        while !queue.is_empty() {
            if !self.write_group(statements, queue, &mut Vec::new(), observer, false) {
                return false;
            }
        }
        true
    }

    /// Writes the first group of the queue. False where the storage fails: producers are told, settlements are back in the queue. Where it
    /// does not work yet, settlements go first and by themselves: they may fit where what producers send does not. `joining` is empty
    /// afterwards, or as it was, where it could not be written with the group: then it is to be written by itself.
    fn write_group<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        queue: &mut VecDeque<Command>,
        joining: &mut Vec<Box<dyn Change>>,
        observer: &dyn CommitObserver,
        works: bool,
    ) -> bool {
        let settlements = queue.iter().take_while(|command| matches!(command, Command::Settle(_))).count();
        let most = if works || settlements == 0 { queue.len() } else { settlements };
        let mut weight = 0;
        let fits = |command: &&Command| {
            weight += command.weight();
            weight <= GROUP_COMMANDS
        };
        let count = queue.iter().take(most).take_while(fits).count().max(1);
        let group = queue.drain(..count).collect::<Vec<_>>();
        if works && !joining.is_empty() {
            match self.try_group(statements, &group, joining, observer) {
                Ok(outcomes) => {
                    self.answer(group, outcomes);
                    for change in joining.drain(..) {
                        change.answer(Ok(()));
                    }
                    return true;
                }
                Err(GroupFailure::Command(_, failure) | GroupFailure::Storage(failure)) => {
                    tracing::debug!(?failure, "a group failed with what joins it; they are run apart");
                }
            }
        }
        let mut groups = vec![group];
        while let Some(mut group) = groups.pop() {
            match self.try_group(statements, &group, &mut [], observer) {
                Ok(outcomes) => self.answer(group, outcomes),
                Err(GroupFailure::Command(0, failure)) if group.len() == 1 => {
                    self.refuse(statements, group, failure, observer);
                }
                Err(GroupFailure::Command(index, failure)) => {
                    tracing::debug!(?failure, "a command failed; it is run again alone");
                    // Last in, first out: what stood before it, itself, what stood after it.
                    groups.push(group.split_off(index + 1));
                    groups.push(group.split_off(index));
                    groups.push(group);
                    groups.retain(|group| !group.is_empty());
                }
                Err(GroupFailure::Storage(failure)) => {
                    if self.outage.is_due() {
                        tracing::warn!(
                            ?failure,
                            "the store cannot be written; nothing is sent until it can, which is tried again and again"
                        );
                    }
                    let error = StoreError::from(failure);
                    let unwritten = std::iter::once(group).chain(groups.into_iter().rev()).flatten();
                    let unwritten = unwritten.chain(queue.drain(..));
                    *queue = unwritten.filter_map(|command| kept(command, &error)).collect();
                    return false;
                }
            }
        }
        true
    }

    /// Runs the commands and what joins them in one transaction and, once it is committed, tells directory and observer.
    fn try_group<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        group: &[Command],
        joining: &mut [Box<dyn Change>],
        observer: &dyn CommitObserver,
    ) -> Result<Vec<Option<AcceptOutcome>>, GroupFailure> {
        let begun = Instant::now();
        let mut outcomes = Vec::with_capacity(group.len());
        let mut failed_at = None;
        let committed = self.transact(statements, observer, |tx| {
            outcomes.clear();
            for (index, command) in group.iter().enumerate() {
                failed_at = Some(index);
                outcomes.push(match command {
                    Command::Accept(batch, _) => Some(hot::accept(tx, batch)?),
                    Command::Settle(settlement) => {
                        hot::settle(tx, settlement)?;
                        None
                    }
                });
            }
            failed_at = None;
            joining.iter_mut().try_for_each(|change| change.apply(tx))
        });
        match (committed, failed_at) {
            (Ok(commit), _) => {
                metrics::histogram!("postrider_store_commit_seconds").record(begun.elapsed());
                #[expect(clippy::cast_precision_loss, reason = "a group has some thousand commands at most")]
                metrics::histogram!("postrider_store_commit_commands").record(group.len() as f64);
                tell(observer, commit);
                Ok(outcomes)
            }
            (Err(failure), _) if failure.is_of_storage() => Err(GroupFailure::Storage(failure)),
            // Where none failed by itself, all together did: each is to be tried alone, beginning with the first.
            (Err(failure), index) => Err(GroupFailure::Command(index.unwrap_or(0), failure)),
        }
    }

    /// Tells a producer; puts a delivery off.
    fn refuse<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        group: Vec<Command>,
        failure: Failure,
        observer: &dyn CommitObserver,
    ) {
        let is_of_damage = failure.is_of_damage();
        let error = StoreError::from(failure);
        for command in group {
            if is_of_damage {
                self.damage.note(&command, true);
                if self.damage.telling.is_due() {
                    tracing::error!(
                        %error,
                        "the server is not ready, as the database is damaged where it writes to. Stop it, keep a copy of the data \
                         directory, and restore a backup or what `sqlite3 postrider.db .recover` can read"
                    );
                }
            }
            match command {
                Command::Accept(_, reply) => {
                    let _ = reply.send(Err(error.clone()));
                }
                Command::Settle(settlement) => {
                    // A database that refuses one may refuse all, and what is put off comes again.
                    let is_told = self.refusals.is_due();
                    if is_told {
                        tracing::error!(delivery.id = %settlement.delivery, %error, "a settlement was refused; its delivery is put off");
                    } else {
                        tracing::debug!(delivery.id = %settlement.delivery, %error, "a settlement was refused; its delivery is put off");
                    }
                    match self.transact(statements, observer, |tx| hot::put_off(tx, &settlement)) {
                        Ok(commit) => tell(observer, commit),
                        Err(failure) => {
                            if is_told {
                                tracing::error!(delivery.id = %settlement.delivery, ?failure, "nor could it be put off");
                            }
                            // Whoever holds it must not hold it for ever, and is to look for it in the database, where it waits.
                            let Settlement { delivery, webhook_id, .. } = *settlement;
                            let state = hot::step_of_refused(&settlement, None, self.clock.now()).state;
                            let settled = vec![Settled { delivery, webhook_id, state, ended: false }];
                            tell(observer, Commit { settled, ..Commit::default() });
                        }
                    }
                }
            }
        }
    }

    /// Tells producers what their batches came to, and probes whether the store is ready.
    fn answer(&self, group: Vec<Command>, outcomes: Vec<Option<AcceptOutcome>>) {
        for command in &group {
            self.damage.note(command, false);
        }
        for (command, outcome) in group.into_iter().zip(outcomes) {
            if let (Command::Accept(batch, reply), Some(outcome)) = (command, outcome) {
                let found = if batch.events.is_empty() { self.damage.found() } else { None };
                // A producer that has gone away repeats its request, with its idempotency key.
                let _ = reply.send(found.map_or(Ok(outcome), Err));
            }
        }
    }

    fn write_change<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        mut change: Box<dyn Change>,
        observer: &dyn CommitObserver,
    ) {
        match self.transact(statements, observer, |tx| change.apply(tx)) {
            Ok(commit) => {
                tell(observer, commit);
                change.answer(Ok(()));
            }
            Err(failure) => change.answer(Err(failure.into())),
        }
    }

    /// One transaction: all of `work`, or nothing. Brings the directory up to date. Where what follows from every commit fails by
    /// itself, that is set aside and the transaction is run again without it: it can be done without, and intake cannot.
    fn transact<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        observer: &dyn CommitObserver,
        mut work: impl FnMut(&mut Tx<'c, '_>) -> Result<(), Failure>,
    ) -> Result<Commit, Failure> {
        if !self.names.are_right() {
            return Err(Failure::Moved);
        }
        let (changes, commit) = loop {
            let behind = statements.behind;
            let mut following = None;
            let failure = match self.run_transaction(statements, observer, &mut following, &mut work) {
                Ok(done) => break done,
                Err(failure) => failure,
            };
            statements.behind = behind;
            statements.rolled_back();
            if !self.connection.is_autocommit() {
                // SQLite has rolled back by itself after some errors; after the others this cannot fail.
                if let Err(error) = self.connection.execute_batch("ROLLBACK") {
                    tracing::error!(%error, "a transaction could not be rolled back");
                }
            }
            match following {
                Some(part) if !failure.is_of_storage() && statements.set_aside(part) => {
                    tracing::error!(?failure, "{} cannot be written; {}", part.name(), part.consequence());
                }
                _ => return Err(failure),
            }
        };
        statements.committed(self.clock.now());
        if !changes.is_empty() {
            self.directory.apply(changes);
        }
        Ok(commit)
    }

    /// `following`: what follows from every commit and was under way, for the case that it fails.
    fn run_transaction<'c>(
        &'c self,
        statements: &mut Statements<'c>,
        observer: &dyn CommitObserver,
        following: &mut Option<Following>,
        work: &mut impl FnMut(&mut Tx<'c, '_>) -> Result<(), Failure>,
    ) -> Result<(Vec<crate::directory::DirectoryChange>, Commit), Failure> {
        statements.begin.execute([])?;
        let now = self.clock.now();
        let entropy = self.entropy.as_ref();
        let mut tx = Tx::new(&self.connection, statements, &self.directory, &self.seal, entropy, observer, now);
        work(&mut tx)?;
        *following = Some(Following::Tallies);
        tx.write_tallies()?;
        let (changes, commit, counting) = (tx.changes, tx.commit, tx.counting);
        statements.follow(&self.connection, counting, now, following)?;
        *following = None;
        statements.commit.execute([])?;
        Ok((changes, commit))
    }
}

fn tell(observer: &dyn CommitObserver, commit: Commit) {
    for (webhook, reason) in &commit.switched_off {
        tracing::info!(
            webhook.id = %webhook,
            webhook.reason = reason.name(),
            "a webhook was switched off for what its endpoint answers"
        );
    }
    if !commit.is_empty() {
        observer.committed(commit);
    }
}

/// Tells a producer; gives a settlement back.
fn kept(command: Command, error: &StoreError) -> Option<Command> {
    match command {
        Command::Accept(_, reply) => {
            let _ = reply.send(Err(error.clone()));
            None
        }
        Command::Settle(_) => Some(command),
    }
}
