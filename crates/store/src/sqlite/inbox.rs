//! Where commands and other changes wait for the writer.
//!
//! Owns what is taken together, and when: everything that has gathered, as soon as a producer or an order waits for some of it.
//! Settlements and small steps of jobs, for which neither does, wait a moment for company: each commit costs a sync and some pages,
//! however little it carries.
//!
//! Invariant: what is put here is taken, or dropped with its reply where the store is closing; settlements are taken to the end.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{oneshot, watch};

use super::tx::{Failure, Tx};
use crate::{AcceptBatch, AcceptOutcome, Settlement, StoreError};

/// How long settlements and steps of jobs wait for an event that is written with them. Enough that under load they hardly make a commit of
/// their own, and too little for a person, a retry, or the slots that there are in all to notice. Where 64 settlements did not wait,
/// little was gained.
pub(super) const PATIENCE: Duration = Duration::from_millis(5);

pub(super) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// A command of the hot path.
pub(super) enum Command {
    Accept(AcceptBatch, Reply<AcceptOutcome>),
    Settle(Box<Settlement>),
}

impl Command {
    /// Writes something that means nothing, and is answered to nobody.
    pub(super) fn probe() -> Self {
        Self::Accept(AcceptBatch::default(), oneshot::channel().0)
    }

    /// What it counts in a group.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Accept(batch, _) => {
                let deliveries: usize = batch.events.iter().map(|event| event.deliveries.len()).sum();
                deliveries.max(batch.events.len()).max(1)
            }
            Self::Settle(_) => 1,
        }
    }

    /// Whether somebody waits for it: a producer, or the next delivery in an order.
    fn is_awaited(&self) -> bool {
        match self {
            Self::Accept(..) => true,
            Self::Settle(settlement) => settlement.order_key.is_some() && settlement.step.state.is_final(),
        }
    }
}

/// Any other change. It is carried out in a transaction of its own, or in that of a group where it was put to join one.
pub(super) trait Change: Send {
    fn apply(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), Failure>;
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct AnsweredChange<F, T> {
    change: F,
    answer: Option<T>,
    reply: Reply<T>,
}

impl<F, T> Change for AnsweredChange<F, T>
where
    F: FnMut(&mut Tx<'_, '_>) -> Result<T, Failure> + Send,
    T: Send,
{
    fn apply(&mut self, tx: &mut Tx<'_, '_>) -> Result<(), Failure> {
        self.answer = Some((self.change)(tx)?);
        Ok(())
    }

    fn answer(mut self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = committed.map(|()| self.answer.take().expect("a change that was committed was applied"));
        // A caller that has gone away has no use for the answer.
        let _ = self.reply.send(answer);
    }
}

pub(super) fn change<F, T>(change: F, reply: Reply<T>) -> Box<dyn Change>
where
    F: FnMut(&mut Tx<'_, '_>) -> Result<T, Failure> + Send + 'static,
    T: Send + 'static,
{
    Box::new(AnsweredChange { change, answer: None, reply })
}

/// When a change that joins the hot path's commands is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// When they are: it waits as settlements do.
    Waits,
    /// At once, and they with it.
    AtOnce,
}

/// Where commands wait for the writer.
#[derive(Default)]
pub(super) struct Inbox {
    gathered: Mutex<Gathered>,
    arrived: Condvar,
    /// Whether the writer has ended.
    ended: watch::Sender<bool>,
}

/// What waits in an inbox.
#[derive(Default)]
pub(super) struct Gathered {
    hot: Vec<Command>,
    /// Changes that join the hot path's commands.
    joining: Vec<Box<dyn Change>>,
    /// When the first of either came.
    since: Option<Instant>,
    /// How many of them are awaited, or due at once.
    awaited: usize,
    changes: VecDeque<Box<dyn Change>>,
    closing: bool,
}

/// What is to be done besides the hot path's commands.
pub(super) struct Taken {
    /// With the next group of them.
    pub joining: Vec<Box<dyn Change>>,
    /// By itself.
    pub change: Option<Box<dyn Change>>,
}

impl Gathered {
    /// Notes that a command of the hot path, or what joins them, comes. Whether the writer is to be told: that there is something, or
    /// something that is awaited.
    fn notes(&mut self, is_awaited: bool) -> bool {
        let is_first = self.since.is_none();
        self.since.get_or_insert_with(Instant::now);
        self.awaited += usize::from(is_awaited);
        is_first || (is_awaited && self.awaited == 1)
    }

    /// How long the hot path's commands, and what joins them, can still wait; none where there is nothing.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        let since = self.since?;
        let until = if self.awaited > 0 { since } else { since + PATIENCE };
        Some(until.saturating_duration_since(now))
    }
}

impl Inbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands the command over; dropped, with its reply, where the store is closing.
    pub(super) fn put(&self, command: Command) {
        let mut gathered = self.lock();
        // Settlements of what is in flight are taken to the end.
        if !gathered.closing || matches!(command, Command::Settle(_)) {
            let is_told = gathered.notes(command.is_awaited());
            gathered.hot.push(command);
            if is_told {
                self.arrived.notify_one();
            }
        }
    }

    /// Hands over a change that is carried out in the transaction of the group that is written when it is due. It is to be a small one,
    /// since the group waits for it, and to ask the transaction, not the directory, for what the group may have changed. Dropped, with its
    /// reply, where the store is closing.
    pub(super) fn put_joining(&self, change: Box<dyn Change>, haste: Haste) {
        let mut gathered = self.lock();
        if !gathered.closing {
            let is_told = gathered.notes(haste == Haste::AtOnce);
            gathered.joining.push(change);
            if is_told {
                self.arrived.notify_one();
            }
        }
    }

    /// Hands the change over; dropped, with its reply, where the store is closing.
    pub(super) fn put_change(&self, change: Box<dyn Change>) {
        let mut gathered = self.lock();
        if !gathered.closing {
            gathered.changes.push_back(change);
            self.arrived.notify_one();
        }
    }

    /// Lets the writer end once it has done what is here.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.arrived.notify_one();
    }

    /// Waits until the writer has ended.
    pub(super) async fn ended(&self) {
        // The sender is this inbox's own: it is there as long as somebody waits here.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    /// Waits for work: the hot path's all at once with what joins it, and one other change. Nothing of any: the inbox is closed and empty.
    pub(super) fn take(&self, queue: &mut VecDeque<Command>) -> Taken {
        let mut gathered = self.lock();
        while queue.is_empty() && gathered.changes.is_empty() && !gathered.closing {
            let waiting = gathered.patience(Instant::now());
            if waiting.is_some_and(|left| left.is_zero()) {
                break;
            }
            gathered = match waiting {
                None => self.arrived.wait(gathered).unwrap_or_else(PoisonError::into_inner),
                Some(left) => self.arrived.wait_timeout(gathered, left).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        queue.extend(gathered.hot.drain(..));
        (gathered.since, gathered.awaited) = (None, 0);
        Taken { joining: std::mem::take(&mut gathered.joining), change: gathered.changes.pop_front() }
    }

    /// Waits out a pause, or until the store closes; returns whether it does.
    pub(super) fn pause(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut gathered = self.lock();
        while !gathered.closing {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            gathered = self.arrived.wait_timeout(gathered, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// Closes the inbox when the writer ends, however it ends, so that nobody waits for an answer that will not come.
pub(super) struct ClosesInbox(pub Arc<Inbox>);

impl Drop for ClosesInbox {
    fn drop(&mut self) {
        let mut gathered = self.0.lock();
        gathered.closing = true;
        gathered.hot.clear();
        gathered.joining.clear();
        gathered.changes.clear();
        drop(gathered);
        self.0.ended.send_replace(true);
    }
}
