//! Housekeeping: brings forward what a clock has put off, discards what waits for webhooks that are off, forgets what is too old or signs
//! no longer, gives space back.
//!
//! Takes no input and is idempotent: by timer and by wake-up it does whatever there is to do, in small bites, and rests after each
//! for as long as it took, so that intake has at least half of the writer.
//!
//! Invariant: no step waits for another's end, be it that the other has much to do or that it fails; one that fails is tried again after
//! [`EVERY`], however much the others have to do.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{IDEMPOTENCY_KEPT, JOB_PAUSED};
use postrider_store::{BroughtForward, StoreError, Upkeep};
use tokio::time::Instant;

use crate::dispatch::Core;

/// How often it looks without being woken, and how long a step that has failed is left out.
const EVERY: Duration = Duration::from_mins(1);
/// Bites of one step before it is the next one's turn.
const TURN: usize = 25;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    BringForward,
    Sweep,
    EndOverlaps,
    Expire,
    ForgetIdempotency,
    EndPausedJobs,
    ForgetJobs,
    Postings,
    Statistics,
    ForgetSessions,
    Vacuum,
}

impl Step {
    const ALL: [Self; 11] = [
        Self::BringForward,
        Self::Sweep,
        Self::EndOverlaps,
        Self::Expire,
        Self::ForgetIdempotency,
        Self::EndPausedJobs,
        Self::ForgetJobs,
        Self::Postings,
        Self::Statistics,
        Self::ForgetSessions,
        Self::Vacuum,
    ];
}

/// Until when steps are left out that have failed, in their order. Whoever wakes upkeep meanwhile changes nothing of it.
type LeftOut = [Option<Instant>; Step::ALL.len()];

impl Core {
    pub(crate) async fn keep_house(self: Arc<Self>) {
        let mut left_out = LeftOut::default();
        loop {
            let tell = |step: Step, error: StoreError| {
                tracing::warn!(upkeep.step = ?step, %error, "upkeep could not be finished; it goes on later");
            };
            let flow = tokio::select! {
                () = self.stopping.cancelled() => return,
                flow = in_turns(&Step::ALL, &mut left_out, |step| self.bite(step), tell) => flow,
            };
            if flow.is_break() {
                return;
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.upkeep.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// A bite of a step, and the rest after it.
    async fn bite(self: &Arc<Self>, step: Step) -> Result<Upkeep, StoreError> {
        let (now, kept) = (self.clock.now(), self.options.retention.duration());
        let began = Instant::now();
        let upkeep = match step {
            Step::BringForward => self.bring_forward().await,
            Step::Sweep => self.store.sweep_bite().await,
            Step::EndOverlaps => self.store.end_overlaps_bite().await,
            Step::Expire => self.store.expire_bite(kept).await,
            Step::ForgetIdempotency => self.store.forget_idempotency_bite(now - IDEMPOTENCY_KEPT).await,
            Step::EndPausedJobs => self.store.end_paused_jobs_bite(now - JOB_PAUSED).await,
            Step::ForgetJobs => self.store.forget_jobs_bite(kept).await,
            Step::Postings => self.store.postings_bite().await,
            Step::Statistics => self.store.statistics_bite().await,
            Step::ForgetSessions => self.store.forget_sessions_bite().await,
            Step::Vacuum => self.store.vacuum_bite().await,
        }?;
        if upkeep == Upkeep::More {
            tokio::time::sleep(began.elapsed()).await;
        }
        Ok(upkeep)
    }

    /// A bite of what a clock has put off. Lanes read anew what is due earlier now.
    async fn bring_forward(self: &Arc<Self>) -> Result<Upkeep, StoreError> {
        let BroughtForward { webhooks, upkeep } = self.store.bring_forward_bite().await?;
        if !webhooks.is_empty() {
            self.act(|scheduler, now| {
                for webhook in webhooks {
                    scheduler.stored(webhook, now, now);
                }
            });
        }
        Ok(upkeep)
    }
}

/// Goes through the steps, [`TURN`] bites of each at most, again and again until none has anything left to do. A step that fails is told
/// of at once, and left out for [`EVERY`]. Breaks where the store is closed.
async fn in_turns<S: Copy, F: Future<Output = Result<Upkeep, StoreError>>>(
    steps: &[S],
    left_out: &mut LeftOut,
    bite: impl Fn(S) -> F,
    tell: impl Fn(S, StoreError),
) -> ControlFlow<()> {
    loop {
        let mut is_done = true;
        for (step, until) in steps.iter().zip(left_out.iter_mut()) {
            if until.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            *until = None;
            match turn(|| bite(*step)).await {
                Ok(upkeep) => is_done &= upkeep == Upkeep::Done,
                Err(StoreError::Closed) => return ControlFlow::Break(()),
                Err(error) => {
                    tell(*step, error);
                    *until = Some(Instant::now() + EVERY);
                }
            }
        }
        if is_done {
            return ControlFlow::Continue(());
        }
    }
}

/// Some bites of a step.
async fn turn<F: Future<Output = Result<Upkeep, StoreError>>>(bite: impl Fn() -> F) -> Result<Upkeep, StoreError> {
    for _ in 0..TURN {
        if bite().await? == Upkeep::Done {
            return Ok(Upkeep::Done);
        }
    }
    Ok(Upkeep::More)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Steps by what they have to do: so many bites of a second each, or nothing but to fail at once with that. Returns whose bite it was
    /// one after the other, who failed how, and whether it came to its end.
    async fn log(todo: &[(char, Result<usize, StoreError>)]) -> (String, Vec<(char, StoreError)>, ControlFlow<()>) {
        let log = RefCell::new(String::new());
        let told = RefCell::new(Vec::new());
        let bites = RefCell::new(todo.to_vec());
        let names: Vec<_> = todo.iter().map(|(name, _)| *name).collect();
        let bite = async |name: char| {
            log.borrow_mut().push(name);
            let upkeep = {
                let mut bites = bites.borrow_mut();
                let (_, left) = bites.iter_mut().find(|(other, _)| *other == name).expect("it is a step");
                let left = left.as_mut().map_err(|error| error.clone())?;
                *left = left.saturating_sub(1);
                if *left == 0 { Upkeep::Done } else { Upkeep::More }
            };
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(upkeep)
        };
        let tell = |name, error| told.borrow_mut().push((name, error));
        let flow = in_turns(&names, &mut LeftOut::default(), &bite, tell).await;
        (log.into_inner(), told.into_inner(), flow)
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_with_much_to_do_lets_all_others_go_on() {
        let (log, told, flow) = log(&[('a', Ok(1)), ('b', Ok(2 * TURN + 1)), ('c', Ok(2))]).await;
        assert_eq!((told, flow), (Vec::new(), ControlFlow::Continue(())));
        let many = "b".repeat(TURN);
        assert_eq!(log, format!("a{many}cca{many}cabc"), "what is done may have something to do again meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_fails_keeps_no_other_from_its_turn() {
        let todo = [('a', Err(StoreError::Unavailable)), ('b', Ok(TURN + 1)), ('c', Err(StoreError::Overloaded))];
        let (log, told, flow) = log(&todo).await;
        assert_eq!(told, [('a', StoreError::Unavailable), ('c', StoreError::Overloaded)], "each is told");
        assert_eq!(flow, ControlFlow::Continue(()));
        assert_eq!(log, format!("a{}cb", "b".repeat(TURN)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_step_that_failed_has_its_turn_again_while_another_has_much_to_do() {
        // As many turns as come to more than the time that it is left out for.
        let (every, turn) = (EVERY.as_secs(), u64::try_from(TURN).unwrap());
        let out = usize::try_from(every.div_ceil(turn)).unwrap();
        let (log, told, _) = log(&[('a', Err(StoreError::Unavailable)), ('b', Ok((out + 1) * TURN))]).await;
        assert_eq!(told.len(), 2, "it is told when it happens");
        assert_eq!(log, format!("a{}a{}", "b".repeat(out * TURN), "b".repeat(TURN)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_wakes_upkeep_hurries_no_step_that_has_failed() {
        let tries = RefCell::new(0);
        let bite = async |()| {
            *tries.borrow_mut() += 1;
            Err(StoreError::Unavailable)
        };
        let mut left_out = LeftOut::default();
        for (pause, expected) in [(Duration::ZERO, 1), (EVERY / 2, 1), (EVERY, 2)] {
            tokio::time::sleep(pause).await;
            assert_eq!(in_turns(&[()], &mut left_out, bite, |(), _| {}).await, ControlFlow::Continue(()));
            assert_eq!(*tries.borrow(), expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_store_ends_it() {
        let (log, told, flow) = log(&[('a', Err(StoreError::Closed)), ('b', Ok(1))]).await;
        assert_eq!((log.as_str(), told, flow), ("a", Vec::new(), ControlFlow::Break(())));
    }
}
