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
use postrider_core::limits::{JOB_BITE, JOB_BITE_WITH_EVENTS, JOB_ROWS_COUNTED, JOB_WAITING};
use postrider_core::{EnvironmentId, Timestamp, WebhookId};
use postrider_store::{
    Ahead, Cursor, JobPart, JobStep, Repeatable, ReplayAhead, Replayable, ResendAhead, RunningJob, Send, StepCommit,
    Stepped, StoreError,
};
use tokio::time::Instant;

use crate::dispatch::Core;
use crate::judge::{Turn, lets_through};

/// How often jobs are looked at.
const TICK: Duration = Duration::from_millis(5);
/// The same as long as they take steps: the next one may go with the next event.
const TICK_WHILE_STEPPING: Duration = Duration::from_millis(2);
/// How often a job takes a step, or as soon as it has enough to make: live traffic waits for what is made at once.
const STEP_EVERY: Duration = Duration::from_millis(20);
/// Deliveries that are enough for a step that may wait for events, and for one that is committed at once.
const ENOUGH_WITH_EVENTS: f64 = 2.0;
const ENOUGH_AT_ONCE: f64 = 5.0;
/// How much of a second's deliveries a job that was held up makes at once.
const BURST: f64 = 0.25;
/// Reads of one job in one tick: those of a range in which it finds nothing.
const READS_AT_ONCE: usize = 2;
/// How long a part waits where the store says that enough wait for its webhook: not even at the highest rate of a job are more than
/// [`JOB_WAITING`] sent meanwhile, and a job may have many parts that wait for hours.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long jobs wait where they cannot be read, or a part of one where that cannot go on.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Where it is not for the storage such a part waits longer each time, up to this: the log tells of each, and what never passes would
/// fill it.
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
}

/// That a part of a job is left out for a while.
#[derive(Clone, Copy)]
struct Aside {
    until: Instant,
    length: Duration,
}

impl Aside {
    /// What a part has that could not go on for this reason, after what it had before.
    fn after(before: Option<Self>, error: &StoreError) -> Self {
        let length = match (before, error) {
            (Some(before), StoreError::Defect(_) | StoreError::Damaged(_) | StoreError::NoSuchEnvironment) => {
                before.length * 2
            }
            _ => TRY_AGAIN,
        };
        let length = length.min(TRY_AGAIN_AT_MOST);
        Self { until: Instant::now() + length, length }
    }
}

impl Run {
    /// Leaves the part whose turn it is out for a while. It goes on from where it stands: what was read ahead may be half taken.
    fn put_aside(&mut self, error: &StoreError) {
        let part = &mut self.parts[self.turn];
        *part = Part { aside: Some(Aside::after(part.aside, error)), ..Part::new(part.stands) };
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
    /// That it could not go on when it was tried last.
    aside: Option<Aside>,
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
            aside: None,
        }
    }

    fn is_aside(&self) -> bool {
        self.aside.is_some_and(|aside| Instant::now() < aside.until)
    }

    /// The next step, of at most so many deliveries. One that is not small is committed alone, whatever is asked for.
    fn step(&mut self, job: &Arc<Job>, most: usize, commit: StepCommit) -> JobStep {
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
        let commit = if send.len() > JOB_BITE_WITH_EVENTS { StepCommit::Alone } else { commit };
        JobStep {
            job: job.clone(),
            part: self.stands,
            to: if is_done { self.reached } else { to },
            is_over: is_done && self.is_read,
            send,
            skipped,
            commit,
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
        let mut stepped = Instant::now();
        loop {
            let ticked =
                if is_changed { self.look_for_jobs(&mut runs).await } else { self.tick(&mut runs, &mut stepped).await };
            let pause = match ticked {
                Ok(Tick::Changed) if !is_changed => {
                    is_changed = true;
                    continue;
                }
                Ok(_) => {
                    is_changed = false;
                    let is_stepping = stepped.elapsed() < STEP_EVERY;
                    if runs.is_empty() {
                        Duration::MAX
                    } else if is_stepping {
                        TICK_WHILE_STEPPING
                    } else {
                        TICK
                    }
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
        let running = self.store.running_jobs().await?;
        let mut before = std::mem::take(runs);
        for RunningJob { job, parts } in running {
            let known = before.iter().position(|run| run.job.id == job.id).map(|index| before.swap_remove(index));
            let (allowance, at, known) =
                known.map_or((ENOUGH_AT_ONCE, now, Vec::new()), |run| (run.allowance, run.at, run.parts));
            let aside = |stands: &JobPart| known.iter().find(|part| part.stands.number == stands.number)?.aside;
            let parts = parts.into_iter().map(|stands| Part { aside: aside(&stands), ..Part::new(stands) }).collect();
            runs.push(Run { job, parts, turn: 0, allowance, at });
        }
        Ok(Tick::On)
    }

    /// `stepped`: when a step was taken last.
    async fn tick(&self, runs: &mut [Run], stepped: &mut Instant) -> Result<Tick, StoreError> {
        let mut ticked = Tick::On;
        // One step may wait for events. Where many jobs run, their rates leave no time for each to wait.
        let mut next = StepCommit::WithEvents;
        for run in runs {
            match self.advance(run, &mut next).await {
                Ok(Tick::On) => {}
                Ok(Tick::Changed) => ticked = Tick::Changed,
                Err(StoreError::Closed) => return Err(StoreError::Closed),
                Err(error) => {
                    tracing::warn!(
                        job.id = %run.job.id,
                        error = %error,
                        "a job cannot go on at the moment; trying again"
                    );
                    run.put_aside(&error);
                }
            }
        }
        if next == StepCommit::AtOnce {
            *stepped = Instant::now();
        }
        Ok(ticked)
    }

    /// Makes what a job may make by now. `next`: with what the next step may be committed; at once after one was taken.
    async fn advance(&self, run: &mut Run, next: &mut StepCommit) -> Result<Tick, StoreError> {
        let (now, rate) = (self.clock.now(), f64::from(run.job.rate));
        run.allowance = (run.allowance + now.since(run.at).as_secs_f64() * rate).min((rate * BURST).max(1.0));
        run.at = now;
        let mut reads = 0;
        let mut idle = 0;
        let enough = |next: StepCommit| {
            let most = match next {
                StepCommit::WithEvents => ENOUGH_WITH_EVENTS,
                StepCommit::AtOnce | StepCommit::Alone => ENOUGH_AT_ONCE,
            };
            (rate * STEP_EVERY.as_secs_f64()).clamp(1.0, most)
        };
        while run.allowance >= enough(*next) && reads < READS_AT_ONCE && idle < run.parts.len() {
            if self.is_stopping() {
                return Ok(Tick::On);
            }
            run.turn = (run.turn + 1) % run.parts.len();
            let part = &mut run.parts[run.turn];
            if part.is_over || part.is_aside() || self.is_congested(part, now).await? {
                idle += 1;
                continue;
            }
            if part.ahead.is_empty() && !part.is_read {
                self.read_ahead(&run.job, part).await?;
                reads += 1;
            }
            idle = 0;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at least one")]
            let step = part.step(&run.job, (run.allowance as usize).min(JOB_BITE), *next);
            *next = StepCommit::AtOnce;
            let (made, to, is_over) = (step.send.len(), step.to, step.is_over);
            part.room = part.room.saturating_sub(made);
            match self.store.step_job(step).await? {
                Stepped::No => return Ok(Tick::Changed),
                Stepped::Yes(job) => {
                    part.aside = None;
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
    use postrider_core::job::{Progress, Resend};
    use postrider_core::{DeliveryId, JobId};
    use postrider_testkit::SeededEntropy;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn job(entropy: &SeededEntropy) -> Arc<Job> {
        Arc::new(Job {
            id: JobId::new(NOW, entropy),
            environment_id: EnvironmentId::new(NOW, entropy),
            tenant_id: None,
            work: Work::Resend(Resend::default()),
            rate: 1_000,
            state: JobState::Running,
            progress: Progress::default(),
            created_at: NOW,
            updated_at: NOW,
        })
    }

    fn part(number: u32, entropy: &SeededEntropy) -> Part {
        let mut part = Part::new(JobPart { number, webhook: None, cursor: [0; 16] });
        part.ahead.extend((0..100).map(|_| ([1; 16], Some(Send::Again(DeliveryId::new(NOW, entropy))))));
        part
    }

    #[test]
    fn a_step_goes_with_events_where_it_is_small() {
        let entropy = SeededEntropy::new(1);
        let (job, mut part) = (job(&entropy), part(0, &entropy));
        for (most, asked, expected) in [
            (JOB_BITE_WITH_EVENTS, StepCommit::WithEvents, StepCommit::WithEvents),
            (JOB_BITE_WITH_EVENTS, StepCommit::AtOnce, StepCommit::AtOnce),
            (JOB_BITE_WITH_EVENTS + 1, StepCommit::WithEvents, StepCommit::Alone),
            (JOB_BITE_WITH_EVENTS + 1, StepCommit::AtOnce, StepCommit::Alone),
        ] {
            let step = part.step(&job, most, asked);
            assert_eq!((step.send.len(), step.commit), (most, expected));
        }
    }

    #[test]
    fn the_part_that_cannot_go_on_is_left_out_and_the_others_are_as_they_were() {
        let entropy = SeededEntropy::new(1);
        let parts = (0..3).map(|number| part(number, &entropy)).collect();
        let mut run = Run { job: job(&entropy), parts, turn: 1, allowance: 0.0, at: NOW };
        run.put_aside(&StoreError::Unavailable);
        assert_eq!(run.parts.iter().map(Part::is_aside).collect::<Vec<_>>(), [false, true, false]);
        assert_eq!(run.parts.iter().map(|part| part.ahead.len()).collect::<Vec<_>>(), [100, 0, 100]);
    }

    #[test]
    fn what_cannot_go_on_is_tried_again_ever_more_seldom_unless_it_is_for_the_storage() {
        let lengths = |error: StoreError| {
            let next = |aside: &Option<Aside>| Some(Some(Aside::after(*aside, &error)));
            let tried = std::iter::successors(Some(None), next).flatten();
            tried.map(|aside| aside.length.as_secs()).take(9).collect::<Vec<_>>()
        };
        assert_eq!(lengths(StoreError::Defect("no such row".into())), [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(lengths(StoreError::Unavailable), [1; 9]);
    }
}
