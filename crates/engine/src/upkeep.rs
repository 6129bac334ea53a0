//! Housekeeping: discards what waits for webhooks that are off, forgets what is too old or signs no longer, gives space back.
//!
//! Takes no input and is idempotent: by timer and by wake-up it does whatever there is to do, in small bites, and rests after each
//! for as long as it took, so that intake has at least half of the writer.
//!
//! Invariant: no step waits for another's end, be it that the other has much to do or that it fails.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{IDEMPOTENCY_KEPT, JOB_PAUSED};
use postrider_store::{StoreError, Upkeep};
use tokio::time::Instant;

use crate::dispatch::Core;

/// How often it looks without being woken.
const EVERY: Duration = Duration::from_mins(1);
/// Bites of one step before it is the next one's turn.
const TURN: usize = 25;

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
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
    const ALL: [Self; 10] = [
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

impl Core {
    pub(crate) async fn keep_house(self: Arc<Self>) {
        loop {
            let done = tokio::select! {
                () = self.stopping.cancelled() => return,
                done = in_turns(&Step::ALL, |step| self.bite(step)) => done,
            };
            match done {
                Ok(()) => {}
                Err((_, StoreError::Closed)) => return,
                Err((step, error)) => {
                    tracing::warn!(upkeep.step = ?step, %error, "upkeep could not be finished; it goes on later");
                }
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.upkeep.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// A bite of a step, and the rest after it.
    async fn bite(&self, step: Step) -> Result<Upkeep, StoreError> {
        let (now, kept) = (self.clock.now(), self.options.retention.duration());
        let began = Instant::now();
        let upkeep = match step {
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
}

/// Goes through the steps, [`TURN`] bites of each at most, again and again until none has anything left to do. A step that fails is left
/// out from then on. The error is the first one.
async fn in_turns<S: Copy, F: Future<Output = Result<Upkeep, StoreError>>>(
    steps: &[S],
    bite: impl Fn(S) -> F,
) -> Result<(), (S, StoreError)> {
    let mut steps = steps.to_vec();
    let mut outcome = Ok(());
    loop {
        let mut left = Vec::with_capacity(steps.len());
        let mut is_done = true;
        for step in steps {
            match turn(|| bite(step)).await {
                Ok(upkeep) => {
                    is_done &= upkeep == Upkeep::Done;
                    left.push(step);
                }
                Err(StoreError::Closed) => return Err((step, StoreError::Closed)),
                Err(error) => outcome = outcome.and(Err((step, error))),
            }
        }
        if is_done {
            return outcome;
        }
        steps = left;
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

    /// Steps by what they have to do: so many bites, or nothing but to fail at once with that.
    async fn log(todo: &[(char, Result<usize, StoreError>)]) -> (String, Result<(), (char, StoreError)>) {
        let log = RefCell::new(String::new());
        let bites = RefCell::new(todo.to_vec());
        let names: Vec<_> = todo.iter().map(|(name, _)| *name).collect();
        let bite = async |name: char| {
            log.borrow_mut().push(name);
            let mut bites = bites.borrow_mut();
            let (_, left) = bites.iter_mut().find(|(other, _)| *other == name).expect("it is a step");
            let left = left.as_mut().map_err(|error| error.clone())?;
            *left = left.saturating_sub(1);
            Ok(if *left == 0 { Upkeep::Done } else { Upkeep::More })
        };
        let outcome = in_turns(&names, &bite).await;
        (log.into_inner(), outcome)
    }

    #[tokio::test]
    async fn a_step_with_much_to_do_lets_all_others_go_on() {
        let (log, outcome) = log(&[('a', Ok(1)), ('b', Ok(2 * TURN + 1)), ('c', Ok(2))]).await;
        assert_eq!(outcome, Ok(()));
        let many = "b".repeat(TURN);
        assert_eq!(log, format!("a{many}cca{many}cabc"), "what is done may have something to do again meanwhile");
    }

    #[tokio::test]
    async fn a_step_that_fails_keeps_no_other_from_its_turn() {
        let todo = [('a', Err(StoreError::Unavailable)), ('b', Ok(TURN + 1)), ('c', Err(StoreError::Overloaded))];
        let (log, outcome) = log(&todo).await;
        assert_eq!(outcome, Err(('a', StoreError::Unavailable)), "the first is told");
        assert_eq!(log, format!("a{}cb", "b".repeat(TURN)));
    }

    #[tokio::test]
    async fn a_closed_store_ends_it() {
        let (log, outcome) = log(&[('a', Err(StoreError::Closed)), ('b', Ok(1))]).await;
        assert_eq!((log.as_str(), outcome), ("a", Err(('a', StoreError::Closed))));
    }
}
