//! Where news meets the scheduler: commits, ends of attempts, pages and the passing of time.
//!
//! Whoever brings news takes the lock, tells the scheduler, takes what may be launched now, and starts it after letting the lock go.
//! The writer's thread is among them, so what is done under the lock is bounded in each step.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use postrider_core::event::TenantId;
use postrider_core::order::OrderBy;
use postrider_core::{Clock, DeliveryId, Entropy, EnvironmentId, Timestamp, WebhookId};
use postrider_egress::Egress;
use postrider_shape::filter::order;
use postrider_store::{Commit, CommitObserver, JobChange, Store, Waiting, WebhookChange};
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::compiled::Compiled;
use crate::intake::Share;
use crate::meters::Meters;
use crate::options::EngineOptions;
use crate::pages::Unread;
use crate::scheduler::{Before, LaneReport, Limits, Ready, Scheduler, Standing};
use crate::signing::Signers;
use crate::transport::Transport;
use crate::turns::Turns;
use crate::undecided::UndecidedFilters;
use crate::watch::{Changed, HeldChanges, HeldEvents, Watchers, Whose};

/// Launches and pushes under one lock: others wait for no more than these.
const AT_ONCE: usize = 64;
/// How long the timer sleeps at most while something is due later: the clock may be set.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often gauges are shown.
const SHOW_EVERY: Duration = Duration::from_secs(1);
/// The part of a stop's patience that is for results to be committed after the last attempt has ended: one in so many.
const RECORDING_PART: u32 = 8;
/// The most of it.
const RECORDING_PATIENCE: Duration = Duration::from_secs(5);
/// How long a stop waits for its own tasks, which have nothing left to do by then.
const TASKS_PATIENCE: Duration = Duration::from_secs(1);

/// What the engine's tasks share.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) egress: Egress,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) options: EngineOptions,
    pub(crate) signers: Signers,
    pub(crate) compiled: Compiled,
    /// Renderings that may be made apart at once.
    pub(crate) apart: Arc<Semaphore>,
    /// Whose past requests are being told.
    pub(crate) telling: Turns,
    /// Bodies that may be held against schemas apart at once.
    pub(crate) judging: Arc<Semaphore>,
    pub(crate) undecided: UndecidedFilters,
    pub(crate) unread: Unread,
    pub(crate) watchers: Arc<Watchers<HeldEvents>>,
    pub(crate) changes: Arc<Watchers<HeldChanges>>,
    pub(crate) meters: Meters,
    /// Memory for events that are not committed yet, in bytes.
    pub(crate) intake: Arc<Semaphore>,
    pub(crate) intake_bytes: usize,
    /// Tests that may be under way at once.
    pub(crate) tests: Semaphore,
    /// Wakes upkeep.
    pub(crate) upkeep: Notify,
    /// Tells that an attempt that somebody waited for is over.
    pub(crate) landed: Notify,
    /// Tells that other jobs run than before.
    pub(crate) jobs: Notify,
    /// Cancelled when no more work is taken.
    pub(crate) stopping: CancellationToken,
    /// The same, to be asked often: it takes no lock.
    is_stopping: AtomicBool,
    /// Cancelled when attempts in flight are given up.
    pub(crate) giving_up: CancellationToken,
    runtime: Handle,
    tasks: TaskTracker,
    scheduler: Mutex<Scheduler>,
    /// Wakes the timer.
    timer: Notify,
    /// Tells a stop that something has ended.
    ended: Notify,
}

impl Core {
    pub(crate) fn start(
        transport: Arc<dyn Transport>,
        store: Store,
        egress: Egress,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: EngineOptions,
    ) -> Arc<Self> {
        let half = options.memory_budget / 2;
        let limits = Limits {
            in_flight: options.in_flight.max(1),
            per_webhook: postrider_core::limits::IN_FLIGHT_PER_WEBHOOK,
            memory: half,
            lane: postrider_core::limits::LANE_DELIVERIES,
        };
        let stopping = CancellationToken::new();
        let core = Arc::new(Self {
            store,
            egress,
            transport,
            clock,
            entropy,
            signers: Signers::default(),
            compiled: Compiled::default(),
            apart: Arc::new(Semaphore::new(half_the_processors())),
            telling: Turns::default(),
            judging: Arc::new(Semaphore::new(half_the_processors())),
            undecided: UndecidedFilters::default(),
            unread: Unread::default(),
            watchers: Watchers::new(stopping.clone()),
            changes: Watchers::new(stopping.clone()),
            meters: Meters::new(),
            intake: Arc::new(Semaphore::new(half)),
            intake_bytes: half,
            tests: Semaphore::new(postrider_core::limits::TESTS),
            upkeep: Notify::new(),
            landed: Notify::new(),
            jobs: Notify::new(),
            stopping,
            is_stopping: AtomicBool::new(false),
            giving_up: CancellationToken::new(),
            runtime: Handle::current(),
            tasks: TaskTracker::new(),
            scheduler: Mutex::new(Scheduler::new(limits)),
            timer: Notify::new(),
            ended: Notify::new(),
            options,
        });
        core.take_in_webhooks();
        core.store.start(Arc::new(Observer(Arc::downgrade(&core))));
        core.spawn(core.clone().find_work());
        core.spawn(core.clone().keep_time());
        core.spawn(core.clone().keep_house());
        core.spawn(core.clone().run_jobs());
        core.spawn(core.clone().show_gauges());
        core
    }

    /// Takes in the rate limits of all webhooks, before anything is sent: what was sent before this process is not known. And reads what they
    /// are ordered by, before anything is accepted.
    fn take_in_webhooks(&self) {
        let (directory, now) = (self.store.directory(), self.clock.now());
        let mut scheduler = self.scheduler();
        for environment in directory.environments() {
            for webhook in directory.webhooks(environment.id, None) {
                scheduler.limit_rate(webhook.id, webhook.sending.rate_limit, Before::Unknown, now);
                if let Some(OrderBy::Expression(expression)) = &webhook.sending.order_by {
                    order::read(expression);
                }
            }
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    fn scheduler(&self) -> MutexGuard<'_, Scheduler> {
        self.scheduler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the scheduler something and starts what follows from it.
    pub(crate) fn act(self: &Arc<Self>, news: impl FnOnce(&mut Scheduler, Timestamp)) {
        let mut news = Some(news);
        let mut launches = Vec::new();
        let mut pages = Vec::new();
        loop {
            let now = self.clock.now();
            let mut scheduler = self.scheduler();
            let next_wake = scheduler.next_wake(now);
            if let Some(news) = news.take() {
                news(&mut scheduler, now);
            }
            let more = scheduler.launch(now, AT_ONCE, &mut launches);
            while let Some(page) = scheduler.page_wanted(now) {
                pages.push(page);
            }
            let landed = scheduler.take_landed();
            let wakes_earlier = match (next_wake, scheduler.next_wake(now)) {
                (Some(before), Some(after)) => after < before,
                (before, after) => before.is_none() && after.is_some(),
            };
            let was_set_back = scheduler.was_set_back();
            drop(scheduler);
            if was_set_back {
                tracing::warn!("the clock was set back; what it has put off is brought forward");
                self.store.clock_was_set_back();
                self.upkeep.notify_one();
            }
            if wakes_earlier {
                self.timer.notify_one();
            }
            if landed {
                self.upkeep.notify_one();
                self.landed.notify_waiters();
            }
            for launch in launches.drain(..) {
                // In a box: a task is aligned for the processor's caches, which makes large ones dear to allocate.
                self.spawn(Box::pin(self.clone().attempt(launch)));
            }
            for page in pages.drain(..) {
                self.spawn(self.clone().read_page(page));
            }
            if !more {
                break;
            }
        }
        if self.is_stopping() {
            self.ended.notify_waiters();
        }
    }

    pub(crate) fn report(&self, webhook: WebhookId) -> LaneReport {
        let now = self.clock.now();
        self.scheduler().report(webhook, now)
    }

    /// Whether an attempt of that delivery is under way, or its result on its way to the store. Upkeep is woken, and whoever listens to
    /// [`Self::landed`] is told, when it is over.
    pub(crate) fn is_under_way(&self, delivery: DeliveryId) -> bool {
        self.scheduler().is_under_way(delivery)
    }

    pub(crate) fn wake(&self) {
        self.timer.notify_one();
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Wakes lanes when their moment comes.
    async fn keep_time(self: Arc<Self>) {
        while !self.is_stopping() {
            self.act(|_, _| {});
            let now = self.clock.now();
            let next = self.scheduler().next_wake(now);
            let sleep = next.map_or(Duration::MAX, |at| at.since(now).min(LOOK_AGAIN));
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.timer.notified() => {}
                () = tokio::time::sleep(sleep) => {}
            }
        }
    }

    async fn show_gauges(self: Arc<Self>) {
        while !self.is_stopping() {
            let totals = self.scheduler().totals();
            self.meters.show(&totals, self.intake_bytes - self.intake.available_permits());
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(SHOW_EVERY) => {}
            }
        }
    }

    pub(crate) async fn shutdown(&self, patience: Duration) {
        self.is_stopping.store(true, Ordering::Relaxed);
        self.stopping.cancel();
        self.intake.close();
        self.scheduler().stop();
        let recording = (patience / RECORDING_PART).min(RECORDING_PATIENCE);
        if !self.ends_within(patience.saturating_sub(recording), |scheduler| scheduler.totals().in_flight() == 0).await
        {
            let given_up = self.scheduler().totals().in_flight();
            tracing::warn!(
                attempts = given_up,
                "gave attempts up that were in flight; they are made again at the next start"
            );
            self.giving_up.cancel();
        }
        if !self.ends_within(recording, |scheduler| scheduler.totals().slots == 0).await {
            let unrecorded = self.scheduler().totals().slots;
            tracing::warn!(
                attempts = unrecorded,
                "stopped before results were recorded; unless the store still does, these attempts are made again at the next start"
            );
        }
        self.tasks.close();
        if tokio::time::timeout(TASKS_PATIENCE, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "stopped before all tasks had ended");
        }
    }

    async fn ends_within(&self, patience: Duration, is_over: impl Fn(&Scheduler) -> bool) -> bool {
        let wait = async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                // Listens before it looks, so that no end falls in between.
                ended.as_mut().enable();
                if is_over(&self.scheduler()) {
                    return;
                }
                ended.await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }

    fn committed(self: &Arc<Self>, commit: Commit) {
        if !self.changes.is_empty() {
            self.show_changes(&commit);
        }
        let Commit { accepted, settled, webhooks, switched_off: _, resent, in_turn, jobs } = commit;
        if jobs.iter().any(|change| matches!(change, JobChange::Controlled(_))) {
            self.jobs.notify_one();
        }
        for event in &accepted {
            if let Some(share) = event.event.room.share::<Share>() {
                share.give_back();
            }
        }
        self.meters.events_accepted.increment(accepted.len() as u64);
        let discarded: usize = accepted.iter().map(|accepted| accepted.discarded.len()).sum();
        self.meters.discarded.increment(discarded as u64);
        if !self.watchers.is_empty() {
            for accepted in &accepted {
                self.watchers.tell(accepted.event.environment_id, |held| held.put(&accepted.event));
            }
        }
        if !webhooks.is_empty() {
            self.webhooks_changed(webhooks);
        }
        for settled in settled.chunks(AT_ONCE) {
            for one in settled.iter().filter(|one| one.ended) {
                self.meters.ended(&one.state);
            }
            self.act(|scheduler, now| {
                for one in settled {
                    scheduler.settled(one.webhook_id, one.delivery, one.state, now);
                }
            });
        }
        let new = accepted.into_iter().flat_map(|accepted| {
            let event = accepted.event;
            accepted
                .waiting
                .into_iter()
                .map(move |(id, webhook, shape)| (webhook, Ready::new(id, event.clone(), shape)))
        });
        // What is made anew goes last: what comes of events does not wait for it.
        let others = in_turn.into_iter().chain(resent);
        let others = others.map(|waiting| (waiting.delivery.webhook_id, Ready::from(waiting)));
        let mut waiting = new.chain(others).peekable();
        while waiting.peek().is_some() {
            self.act(|scheduler, now| {
                for (webhook, delivery) in waiting.by_ref().take(AT_ONCE) {
                    scheduler.push(webhook, delivery, now);
                }
            });
        }
    }

    /// Tells those who watch which deliveries and jobs have changed.
    fn show_changes(&self, commit: &Commit) {
        let mut changed: HashMap<EnvironmentId, Vec<Changed<'_>>> = HashMap::new();
        for accepted in &commit.accepted {
            let whose = Whose::Known(accepted.event.tenant_id.as_ref());
            let made = accepted.waiting.iter().map(|&(delivery, webhook, _)| (delivery, webhook));
            let made = made.chain(accepted.discarded.iter().copied());
            let of = changed.entry(accepted.event.environment_id).or_default();
            of.extend(made.map(|(delivery, webhook)| Changed { delivery, webhook, whose }));
        }
        let settled: Vec<_> = commit
            .settled
            .iter()
            // Of a webhook that was deleted nobody knows any more where it was.
            .filter_map(|settled| Some((settled.delivery, self.store.directory().webhook(settled.webhook_id)?)))
            .collect();
        for (delivery, webhook) in &settled {
            let whose = webhook.scope.tenant().map_or(Whose::Unknown, |tenant| Whose::Known(Some(tenant)));
            let of = changed.entry(webhook.environment_id).or_default();
            of.push(Changed { delivery: *delivery, webhook: webhook.id, whose });
        }
        for Waiting { delivery, .. } in commit.resent.iter().chain(&commit.in_turn) {
            let whose = Whose::Known(delivery.tenant_id.as_ref());
            let of = changed.entry(delivery.environment_id).or_default();
            of.push(Changed { delivery: delivery.id, webhook: delivery.webhook_id, whose });
        }
        let is_of = |webhook: WebhookId, tenant: &TenantId| {
            self.store.directory().webhook(webhook).is_some_and(|webhook| webhook.scope.tenant() == Some(tenant))
        };
        for (environment, changed) in changed {
            self.changes.tell(environment, |held| held.put(&changed, is_of));
        }
        for change in &commit.jobs {
            let job = change.job();
            self.changes.tell(job.environment_id, |held| held.put_job(job));
        }
    }

    fn webhooks_changed(self: &Arc<Self>, changes: Vec<WebhookChange>) {
        self.act(|scheduler, now| {
            for change in changes {
                if let WebhookChange::Put(webhook) = &change {
                    let is_new = webhook.created_at == webhook.updated_at;
                    let before = if is_new { Before::Nothing } else { Before::Unknown };
                    scheduler.limit_rate(webhook.id, webhook.sending.rate_limit, before, now);
                }
                match change {
                    WebhookChange::Put(webhook) if webhook.status.is_active() => {
                        scheduler.webhook_stands(webhook.id, Standing::Active, now);
                    }
                    WebhookChange::Put(webhook) => {
                        scheduler.webhook_stands(webhook.id, Standing::Off, now);
                        self.upkeep.notify_one();
                    }
                    WebhookChange::Deleted(webhook) => {
                        scheduler.webhook_stands(webhook, Standing::Gone, now);
                        self.signers.forget(webhook);
                        self.compiled.forget(webhook);
                        self.undecided.forget(webhook);
                        self.upkeep.notify_one();
                    }
                }
            }
        });
    }
}

/// Threads for what is done apart: the others are left to what everybody waits for.
fn half_the_processors() -> usize {
    thread::available_parallelism().map_or(1, |all| all.get().div_ceil(2))
}

/// Does not keep the engine alive: the store has it for as long as it is open.
struct Observer(Weak<Core>);

impl Observer {
    fn tell(&self, news: impl FnOnce(&Arc<Core>)) {
        let Some(core) = self.0.upgrade() else { return };
        news(&core);
        if let Some(last) = Arc::into_inner(core) {
            // Everybody else has gone without a stop, and with the engine goes the store, which waits for the thread that this is.
            thread::spawn(move || drop(last));
        }
    }
}

impl CommitObserver for Observer {
    fn committed(&self, commit: Commit) {
        self.tell(|core| core.committed(commit));
    }

    fn storage_works(&self, works: bool) {
        self.tell(|core| core.act(|scheduler, _| scheduler.records(works)));
    }

    fn is_under_way(&self, delivery: DeliveryId) -> bool {
        let mut is_under_way = false;
        self.tell(|core| is_under_way = core.is_under_way(delivery));
        is_under_way
    }
}
