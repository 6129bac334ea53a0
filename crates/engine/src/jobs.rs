//! Jobs: bulk resends and replays, carried out in small steps at their rate.
//!
//! Takes no input: it reads from the store which jobs run and how far they have come, by wake-up after each change that a person made.
//! Each step is carried out in one transaction of the store's, small enough for live traffic to wait for it, and only from where the
//! job stands: a crash between two steps loses and repeats nothing.
//!
//! A job makes no more deliveries for a webhook while many wait in its lane, or its endpoint does not answer: they would only wait in
//! the database instead, before the live ones that come after them. Of a webhook that is ordered or has a rate limit few are in its lane
//! however many wait, so those in the database count as well.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::event::{Event, TenantId};
use postrider_core::job::{Job, JobState, Replay, Work};
use postrider_core::limits::{JOB_BITE, JOB_ROWS_COUNTED, JOB_WAITING};
use postrider_core::{EnvironmentId, Timestamp, WebhookId};
use postrider_store::{
    Ahead, Cursor, JobPart, JobStep, Repeatable, ReplayAhead, Replayable, ResendAhead, RunningJob, Send, Stepped,
    StoreError,
};
use tokio::time::Instant;

use crate::dispatch::Core;
use crate::judge::{Turn, lets_through};

/// How often jobs are looked at, and one of them may take a step that waits for an event and is committed with it.
const TICK: Duration = Duration::from_millis(2);
/// How often a job takes any other step, or as soon as it has [`STEP_LEAST`] to make: live traffic waits for what is made at once.
const STEP_EVERY: Duration = Duration::from_millis(20);
/// Deliveries that are worth a transaction.
const STEP_LEAST: f64 = 5.0;
/// How much of a second's deliveries a job that was held up makes at once.
const BURST: f64 = 0.25;
/// Reads of one job in one tick: those of a range in which it finds nothing.
const READS_AT_ONCE: usize = 2;
/// How long a part waits where the store says that enough wait for its webhook: not even at the highest rate of a job are more than
/// [`JOB_WAITING`] sent meanwhile, and a job may have many parts that wait for hours.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long jobs wait after the store failed, or one of them where it alone cannot go on.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// That one waits longer each time, up to this: the log tells of each, and what never passes would fill it.
const TRY_AGAIN_AT_MOST: Duration = Duration::from_mins(1);

/// What a job would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobCount {
    /// Deliveries that it would make.
    pub deliveries: u64,
    /// What it would look at and not send.
    pub skipped: u64,
    /// Whether all was counted: else there are at least so many.
    pub is_complete: bool,
}

/// A job that runs.
struct Run {
    job: Arc<Job>,
    parts: Vec<Part>,
    /// The part whose turn it is.
    turn: usize,
    /// Deliveries that it may make by now.
    allowance: f64,
    /// As of then.
    at: Timestamp,
    /// That it could not go on when it was tried last.
    aside: Option<Aside>,
}

/// That a job is left out for a while.
#[derive(Clone, Copy)]
struct Aside {
    until: Instant,
    length: Duration,
}

impl Aside {
    fn after(before: Option<Self>) -> Self {
        let length = before.map_or(TRY_AGAIN, |before| (before.length * 2).min(TRY_AGAIN_AT_MOST));
        Self { until: Instant::now() + length, length }
    }
}

impl Run {
    /// Leaves it out for a while. It goes on from where it stands: what was read ahead may be half taken.
    fn put_aside(&mut self) {
        self.aside = Some(Aside::after(self.aside));
        for part in self.parts.iter_mut().filter(|part| !part.is_over) {
            *part = Part::new(part.stands);
        }
    }
}

struct Part {
    stands: JobPart,
    /// What was read and not done yet. None: it needs not be sent.
    ahead: VecDeque<(Cursor, Option<Send>)>,
    /// How far was read.
    reached: Cursor,
    /// Whether nothing follows what was read.
    is_read: bool,
    is_over: bool,
    /// Until when the store is not asked again how many wait for its webhook: there were enough.
    congested_until: Option<Instant>,
    /// How many deliveries it may make, of a webhook in order or with a rate limit, before it is asked again how many wait.
    room: usize,
}

impl Part {
    fn new(part: JobPart) -> Self {
        Self {
            stands: part,
            ahead: VecDeque::new(),
            reached: part.cursor,
            is_read: false,
            is_over: false,
            congested_until: None,
            room: 0,
        }
    }

    /// The next step, of at most so many deliveries. `can_wait`: where it is no full bite.
    fn step(&mut self, job: &Arc<Job>, most: usize, can_wait: bool) -> JobStep {
        let (mut send, mut skipped, mut to) = (Vec::new(), 0, self.stands.cursor);
        while send.len() < most {
            let Some((cursor, next)) = self.ahead.pop_front() else { break };
            to = cursor;
            match next {
                Some(next) => send.push(next),
                None => skipped += 1,
            }
        }
        let is_done = self.ahead.is_empty();
        let can_wait = can_wait && send.len() < JOB_BITE;
        JobStep {
            job: job.clone(),
            part: self.stands,
            to: if is_done { self.reached } else { to },
            is_over: is_done && self.is_read,
            send,
            skipped,
            can_wait,
        }
    }
}

/// How a tick went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tick {
    /// The job goes on.
    On,
    /// It is over, or stands elsewhere than was thought: the store knows.
    Changed,
}

impl Core {
    pub(crate) async fn run_jobs(self: Arc<Self>) {
        let mut runs: Vec<Run> = Vec::new();
        let mut is_changed = true;
        loop {
            let ticked = if is_changed { self.look_for_jobs(&mut runs).await } else { self.tick(&mut runs).await };
            let pause = match ticked {
                Ok(Tick::Changed) if !is_changed => {
                    is_changed = true;
                    continue;
                }
                Ok(_) => {
                    is_changed = false;
                    if runs.is_empty() { Duration::MAX } else { TICK }
                }
                Err(StoreError::Closed) => return,
                Err(error) => {
                    tracing::warn!(error = %error, "jobs cannot go on at the moment; trying again");
                    is_changed = true;
                    TRY_AGAIN
                }
            };
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.jobs.notified() => is_changed = true,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    async fn look_for_jobs(&self, runs: &mut Vec<Run>) -> Result<Tick, StoreError> {
        let now = self.clock.now();
        let mut before = std::mem::take(runs);
        for RunningJob { job, parts } in self.store.running_jobs().await? {
            let known = before.iter().position(|run| run.job.id == job.id).map(|index| before.swap_remove(index));
            let (allowance, at, aside) =
                known.map_or((STEP_LEAST, now, None), |run| (run.allowance, run.at, run.aside));
            let parts = parts.into_iter().map(Part::new).collect();
            runs.push(Run { job, parts, turn: 0, allowance, at, aside });
        }
        Ok(Tick::On)
    }

    async fn tick(&self, runs: &mut [Run]) -> Result<Tick, StoreError> {
        let mut ticked = Tick::On;
        // One step waits for an event that it is committed with. Where many jobs run, their rates leave no time for each to wait.
        let mut can_wait = true;
        for run in runs {
            if run.aside.is_some_and(|aside| Instant::now() < aside.until) {
                continue;
            }
            match self.advance(run, &mut can_wait).await {
                Ok(Tick::On) => run.aside = None,
                Ok(Tick::Changed) => ticked = Tick::Changed,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::warn!(
                        job.id = %run.job.id,
                        error = %error,
                        "a job cannot go on at the moment; trying again"
                    );
                    run.put_aside();
                }
            }
        }
        Ok(ticked)
    }

    /// Makes what a job may make by now. `can_wait`: whether a step may wait for an event; not any more after one was taken.
    async fn advance(&self, run: &mut Run, can_wait: &mut bool) -> Result<Tick, StoreError> {
        let (now, rate) = (self.clock.now(), f64::from(run.job.rate));
        run.allowance = (run.allowance + now.since(run.at).as_secs_f64() * rate).min((rate * BURST).max(1.0));
        run.at = now;
        let mut reads = 0;
        let mut idle = 0;
        let worth = |can_wait: bool| {
            let every = if can_wait { TICK } else { STEP_EVERY };
            (rate * every.as_secs_f64()).clamp(1.0, STEP_LEAST)
        };
        while run.allowance >= worth(*can_wait) && reads < READS_AT_ONCE && idle < run.parts.len() {
            if self.is_stopping() {
                return Ok(Tick::On);
            }
            run.turn = (run.turn + 1) % run.parts.len();
            let part = &mut run.parts[run.turn];
            if part.is_over || self.is_congested(part, now).await? {
                idle += 1;
                continue;
            }
            if part.ahead.is_empty() && !part.is_read {
                self.read_ahead(&run.job, part).await?;
                reads += 1;
            }
            idle = 0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at least one")]
            let step = part.step(&run.job, (run.allowance as usize).min(JOB_BITE), std::mem::take(can_wait));
            let (made, to, is_over) = (step.send.len(), step.to, step.is_over);
            part.room = part.room.saturating_sub(made);
            match self.store.step_job(step).await? {
                Stepped::No => return Ok(Tick::Changed),
                Stepped::Yes(job) => {
                    (part.stands.cursor, part.is_over) = (to, is_over);
                    run.job = job;
                }
            }
            #[expect(clippy::cast_precision_loss, reason = "a bite is small")]
            {
                run.allowance -= made as f64;
            }
            if run.job.state != JobState::Running {
                return Ok(Tick::Changed);
            }
        }
        Ok(Tick::On)
    }

    /// Whether what was made for a part's webhook is to be sent first.
    async fn is_congested(&self, part: &mut Part, now: Timestamp) -> Result<bool, StoreError> {
        let Some(id) = part.stands.webhook else { return Ok(false) };
        // One that was switched off is no reason to wait: the next step finds it so, and pauses the job.
        let known = self.store.directory().webhook(id).filter(|webhook| webhook.status.is_active());
        let Some(webhook) = known else { return Ok(false) };
        let lane = self.report(id);
        if lane.waiting_in_memory >= JOB_WAITING || lane.paused_until.is_some_and(|until| until > now) {
            return Ok(true);
        }
        // For a plain one all that is due is in memory, as long as it is so little.
        if webhook.sending.order_by.is_none() && webhook.sending.rate_limit.is_none() {
            return Ok(false);
        }
        if part.room > 0 {
            return Ok(false);
        }
        if part.congested_until.is_some_and(|until| Instant::now() < until) {
            return Ok(true);
        }
        // Those of a key wait for the first of them, whenever that is due; of others only those that are due wait for their start.
        let waiting = match webhook.sending.order_by {
            Some(_) => self.store.waiting_for(id).await?,
            None => self.store.due_for(id, self.clock.now(), JOB_WAITING).await?,
        };
        part.room = JOB_WAITING.saturating_sub(waiting);
        part.congested_until = (part.room == 0).then(|| Instant::now() + LOOK_AGAIN);
        Ok(part.room == 0)
    }

    async fn read_ahead(&self, job: &Job, part: &mut Part) -> Result<(), StoreError> {
        let environment = job.environment_id;
        match &job.work {
            Work::Resend(resend) => {
                let (whose, until) = (job.tenant_id.clone(), job.created_at);
                let asked = ResendAhead { resend: resend.clone(), whose, after: part.reached, until };
                let ahead = self.store.resend_ahead(environment, asked).await?;
                part.ahead.extend(ahead.items.into_iter().map(|(cursor, repeatable)| {
                    let send = match repeatable {
                        Repeatable::Yes(delivery) => Some(Send::Again(delivery)),
                        Repeatable::No => None,
                    };
                    (cursor, send)
                }));
                (part.reached, part.is_read) = (ahead.reached, ahead.is_over);
            }
            Work::Replay(replay) => {
                let Some(webhook) = part.stands.webhook else { return Ok(()) };
                let ahead = self.replay_ahead(environment, replay, webhook, part.reached).await?;
                (part.reached, part.is_read) = (ahead.reached, ahead.is_over);
                part.ahead.extend(ahead.items.into_iter().map(|(cursor, Replayable { event, is_delivered })| {
                    (cursor, (!is_delivered).then_some(Send::Event(event.id)))
                }));
            }
        }
        Ok(())
    }

    /// The events of a replay's range that a webhook is to get.
    async fn replay_ahead(
        &self,
        environment: EnvironmentId,
        replay: &Replay,
        webhook: WebhookId,
        after: Cursor,
    ) -> Result<Ahead<Replayable>, StoreError> {
        let asked = ReplayAhead { replay: replay.clone(), webhook, after };
        let mut ahead = self.store.replay_ahead(environment, asked).await?;
        let mut turn = Turn::default();
        for item in std::mem::take(&mut ahead.items) {
            if self.reaches(webhook, &item.1.event, &mut turn).await {
                ahead.items.push(item);
            }
        }
        Ok(ahead)
    }

    /// Whether a webhook would get an event that is accepted now.
    async fn reaches(&self, webhook: WebhookId, event: &Event, turn: &mut Turn) -> bool {
        let tenant = event.tenant_id.as_ref();
        let matched = self.store.directory().matches(event.environment_id, &event.key, tenant);
        match matched.iter().find(|other| other.id == webhook) {
            Some(webhook) => lets_through(webhook, event, turn).await,
            None => false,
        }
    }

    /// Counts what a job of that tenant, or of the vendor, would do that is started now.
    pub(crate) async fn count_job(
        &self,
        environment: EnvironmentId,
        whose: Option<&TenantId>,
        work: &Work,
    ) -> Result<JobCount, StoreError> {
        let mut count = JobCount { deliveries: 0, skipped: 0, is_complete: true };
        let mut rows = 0;
        let webhooks: Vec<Option<WebhookId>> = match work {
            Work::Resend(_) => vec![None],
            Work::Replay(replay) => replay.webhooks.iter().copied().map(Some).collect(),
        };
        for webhook in webhooks {
            let mut after = Cursor::default();
            loop {
                let (reached, looked_at, is_over, sends) = match (work, webhook) {
                    (Work::Replay(replay), Some(webhook)) => {
                        let ahead = self.replay_ahead(environment, replay, webhook, after).await?;
                        let sends: Vec<_> = ahead.items.iter().map(|(_, item)| !item.is_delivered).collect();
                        (ahead.reached, ahead.rows, ahead.is_over, sends)
                    }
                    (Work::Resend(resend), _) => {
                        let (whose, until) = (whose.cloned(), self.clock.now());
                        let asked = ResendAhead { resend: resend.clone(), whose, after, until };
                        let ahead = self.store.resend_ahead(environment, asked).await?;
                        let sends = ahead.items.iter().map(|(_, item)| matches!(item, Repeatable::Yes(_))).collect();
                        (ahead.reached, ahead.rows, ahead.is_over, sends)
                    }
                    (Work::Replay(_), None) => break,
                };
                let to_send = sends.iter().filter(|send| **send).count() as u64;
                count.deliveries += to_send;
                count.skipped += sends.len() as u64 - to_send;
                rows += looked_at;
                after = reached;
                if is_over {
                    break;
                }
                if rows >= JOB_ROWS_COUNTED {
                    count.is_complete = false;
                    return Ok(count);
                }
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_go_on_is_tried_again_ever_more_seldom_up_to_once_a_minute() {
        let mut aside = None;
        let mut lengths = Vec::new();
        for _ in 0..9 {
            let next = Aside::after(aside);
            lengths.push(next.length.as_secs());
            aside = Some(next);
        }
        assert_eq!(lengths, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
