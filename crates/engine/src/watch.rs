//! Who follows what happens in an environment as it is committed: events, deliveries, jobs.
//!
//! Each watcher has a mailbox of its own. What does not pass its filter never gets there, so that others' activity neither crowds it out
//! nor can be read from it; what passes and finds no room is counted.
//!
//! Invariants: a mailbox holds no more than its limits; where nobody watches, a commit looks at one number.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use postrider_core::event::{Event, EventKey, TenantId};
use postrider_core::job::Job;
use postrider_core::limits::{WATCHED_CHANGES, WATCHED_EVENT_BYTES, WATCHED_EVENTS};
use postrider_core::{DeliveryId, EnvironmentId, WebhookId};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What a mailbox holds.
pub trait Held: Send + 'static {
    /// What its watcher reads.
    type News;

    /// Whether there is nothing to read.
    fn is_empty(&self) -> bool;

    /// Takes all of it out.
    fn take(&mut self) -> Self::News;
}

/// Which changes a watcher is told of.
#[derive(Debug, Clone, Default)]
pub struct ChangesWanted {
    /// Deliveries to that webhook; none: to all.
    pub webhook: Option<WebhookId>,
    /// Deliveries to webhooks of that tenant; none: to all, and to the vendor's.
    pub webhooks_of: Option<TenantId>,
    /// Deliveries of that tenant's events; none: of all. Whose event it is is not always known of a delivery that was attempted: such a
    /// one is told, for the watcher to look at.
    pub tenant: Option<TenantId>,
    /// Jobs of that tenant; none: of all, and of the vendor.
    pub jobs_of: Option<TenantId>,
    /// Whether it is news, too, that something changed that is not wanted.
    pub anything: bool,
}

/// What changed.
#[derive(Debug, Default)]
pub struct Changes {
    /// Deliveries that were made or have changed, each once, at most [`WATCHED_CHANGES`].
    pub deliveries: Vec<DeliveryId>,
    /// Jobs that were started or have changed, as they are now, at most [`WATCHED_CHANGES`].
    pub jobs: Vec<Arc<Job>>,
    /// Changes that were wanted and found no room.
    pub missed: u64,
}

/// A delivery that was made or has changed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Changed<'a> {
    pub(crate) delivery: DeliveryId,
    pub(crate) webhook: WebhookId,
    pub(crate) whose: Whose<'a>,
}

/// Whose event is delivered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose<'a> {
    /// That tenant's, or no tenant's.
    Known(Option<&'a TenantId>),
    /// Nobody noted it.
    Unknown,
}

/// Changes that wait for a watcher.
#[derive(Debug)]
pub struct HeldChanges {
    wanted: ChangesWanted,
    known: HashSet<DeliveryId>,
    changes: Changes,
    /// Whether anything happened, wanted or not.
    is_stirred: bool,
}

impl HeldChanges {
    /// `is_of` says whether a webhook is that tenant's. It is asked where that matters alone.
    pub(crate) fn put(&mut self, changed: &[Changed<'_>], is_of: impl Fn(WebhookId, &TenantId) -> bool) {
        self.is_stirred |= self.wanted.anything;
        for change in changed {
            if !self.wants(change, &is_of) || self.known.contains(&change.delivery) {
                continue;
            }
            if self.known.len() < WATCHED_CHANGES {
                self.known.insert(change.delivery);
                self.changes.deliveries.push(change.delivery);
            } else {
                self.changes.missed += 1;
            }
        }
    }

    fn wants(&self, change: &Changed<'_>, is_of: impl Fn(WebhookId, &TenantId) -> bool) -> bool {
        let is_theirs = match (&self.wanted.tenant, change.whose) {
            (None, _) | (_, Whose::Unknown) => true,
            (Some(tenant), Whose::Known(of)) => of == Some(tenant),
        };
        is_theirs
            && self.wanted.webhook.is_none_or(|webhook| webhook == change.webhook)
            && self.wanted.webhooks_of.as_ref().is_none_or(|tenant| is_of(change.webhook, tenant))
    }

    pub(crate) fn put_job(&mut self, job: &Arc<Job>) {
        if self.wanted.jobs_of.is_some() && self.wanted.jobs_of != job.tenant_id {
            return;
        }
        // The newest word on each is enough.
        if let Some(known) = self.changes.jobs.iter_mut().find(|known| known.id == job.id) {
            known.clone_from(job);
        } else if self.changes.jobs.len() < WATCHED_CHANGES {
            self.changes.jobs.push(job.clone());
        } else {
            self.changes.missed += 1;
        }
    }
}

impl Held for HeldChanges {
    type News = Changes;

    fn is_empty(&self) -> bool {
        let Changes { deliveries, jobs, missed } = &self.changes;
        deliveries.is_empty() && jobs.is_empty() && *missed == 0 && !self.is_stirred
    }

    fn take(&mut self) -> Changes {
        self.is_stirred = false;
        self.known.clear();
        std::mem::take(&mut self.changes)
    }
}

/// Which events a watcher is told of.
#[derive(Debug, Clone, Default)]
pub struct EventsWanted {
    /// Of that key; none: of all.
    pub event_key: Option<EventKey>,
    /// Of that tenant; none: of all, and of none.
    pub tenant: Option<TenantId>,
}

/// Events that were accepted.
#[derive(Debug, Default)]
pub struct Accepted {
    /// In order.
    pub events: VecDeque<Arc<Event>>,
    /// Wanted events after them that found no room.
    pub missed: u64,
}

/// Events that wait for a watcher.
#[derive(Debug)]
pub struct HeldEvents {
    wanted: EventsWanted,
    bytes: usize,
    accepted: Accepted,
}

impl HeldEvents {
    pub(crate) fn put(&mut self, event: &Arc<Event>) {
        let EventsWanted { event_key, tenant } = &self.wanted;
        if event_key.as_ref().is_some_and(|key| *key != event.key) || (tenant.is_some() && *tenant != event.tenant_id) {
            return;
        }
        let Accepted { events, missed } = &mut self.accepted;
        // After a gap nothing is held until the watcher has read that there is one.
        let has_room = *missed == 0 && events.len() < WATCHED_EVENTS && self.bytes < WATCHED_EVENT_BYTES;
        if has_room {
            self.bytes += event.body.len();
            events.push_back(event.clone());
        } else {
            *missed += 1;
        }
    }
}

impl Held for HeldEvents {
    type News = Accepted;

    fn is_empty(&self) -> bool {
        self.accepted.events.is_empty() && self.accepted.missed == 0
    }

    fn take(&mut self) -> Accepted {
        self.bytes = 0;
        std::mem::take(&mut self.accepted)
    }
}

#[derive(Debug)]
struct Mailbox<H> {
    held: Mutex<H>,
    news: Notify,
}

impl<H> Mailbox<H> {
    fn held(&self) -> MutexGuard<'_, H> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Watchers by environment.
#[derive(Debug)]
pub(crate) struct Watchers<H> {
    /// How many there are, to be asked on each commit.
    count: AtomicUsize,
    mailboxes: RwLock<HashMap<EnvironmentId, Vec<Arc<Mailbox<H>>>>>,
    stopping: CancellationToken,
}

impl<H: Held> Watchers<H> {
    pub(crate) fn new(stopping: CancellationToken) -> Arc<Self> {
        Arc::new(Self { count: AtomicUsize::new(0), mailboxes: RwLock::default(), stopping })
    }

    fn watch(self: &Arc<Self>, environment: EnvironmentId, held: H) -> Watch<H> {
        let mailbox = Arc::new(Mailbox { held: Mutex::new(held), news: Notify::new() });
        let mut mailboxes = self.mailboxes.write().unwrap_or_else(PoisonError::into_inner);
        mailboxes.entry(environment).or_default().push(mailbox.clone());
        self.count.fetch_add(1, Ordering::Relaxed);
        Watch { watchers: self.clone(), environment, mailbox }
    }

    /// Whether nobody watches: then there is nothing to gather.
    pub(crate) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    /// Puts news into the mailbox of each who watches that environment.
    pub(crate) fn tell(&self, environment: EnvironmentId, put: impl Fn(&mut H)) {
        let mailboxes = self.mailboxes.read().unwrap_or_else(PoisonError::into_inner);
        for mailbox in mailboxes.get(&environment).into_iter().flatten() {
            let mut held = mailbox.held();
            put(&mut held);
            let has_news = !held.is_empty();
            drop(held);
            if has_news {
                mailbox.news.notify_one();
            }
        }
    }
}

impl Watchers<HeldChanges> {
    pub(crate) fn watch_changes(
        self: &Arc<Self>,
        environment: EnvironmentId,
        wanted: ChangesWanted,
    ) -> Watch<HeldChanges> {
        let (known, changes) = (HashSet::new(), Changes::default());
        self.watch(environment, HeldChanges { wanted, known, changes, is_stirred: false })
    }
}

impl Watchers<HeldEvents> {
    pub(crate) fn watch_events(
        self: &Arc<Self>,
        environment: EnvironmentId,
        wanted: EventsWanted,
    ) -> Watch<HeldEvents> {
        self.watch(environment, HeldEvents { wanted, bytes: 0, accepted: Accepted::default() })
    }
}

/// Somebody watches, for as long as this is held.
#[derive(Debug)]
pub struct Watch<H: Held> {
    watchers: Arc<Watchers<H>>,
    environment: EnvironmentId,
    mailbox: Arc<Mailbox<H>>,
}

impl<H: Held> Watch<H> {
    /// Waits until there is something to [`take`](Self::take); false: the engine stops. It may be given up and called again.
    pub async fn news(&self) -> bool {
        while self.mailbox.held().is_empty() {
            tokio::select! {
                () = self.watchers.stopping.cancelled() => return false,
                () = self.mailbox.news.notified() => {}
            }
        }
        true
    }

    /// What has come since the last time.
    pub fn take(&self) -> H::News {
        self.mailbox.held().take()
    }
}

impl<H: Held> Drop for Watch<H> {
    fn drop(&mut self) {
        let mut mailboxes = self.watchers.mailboxes.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = mailboxes.get_mut(&self.environment) {
            of.retain(|mailbox| !Arc::ptr_eq(mailbox, &self.mailbox));
            if of.is_empty() {
                mailboxes.remove(&self.environment);
            }
        }
        self.watchers.count.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
