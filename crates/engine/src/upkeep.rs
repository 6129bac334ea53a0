//! Housekeeping: discards what waits for webhooks that are off, forgets what is too old or signs no longer, gives space back.
//!
//! Takes no input and is idempotent: by timer and by wake-up it does whatever there is to do, in small bites, and rests after each
//! for as long as it took, so that intake has at least half of the writer.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{IDEMPOTENCY_KEPT, JOB_PAUSED};
use postrider_store::{StoreError, Upkeep};
use tokio::time::Instant;

use crate::dispatch::Core;

/// How often it looks without being woken.
const EVERY: Duration = Duration::from_mins(1);

impl Core {
    pub(crate) async fn keep_house(self: Arc<Self>) {
        loop {
            if let Err(error) = self.clean_up().await {
                if error == StoreError::Closed {
                    return;
                }
                tracing::warn!(error = %error, "upkeep could not be finished; it goes on later");
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.upkeep.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    async fn clean_up(&self) -> Result<(), StoreError> {
        let (now, kept) = (self.clock.now(), self.options.retention.duration());
        self.in_bites(|| self.store.sweep_bite()).await?;
        self.in_bites(|| self.store.end_overlaps_bite()).await?;
        self.in_bites(|| self.store.expire_bite(kept)).await?;
        self.in_bites(|| self.store.forget_idempotency_bite(now - IDEMPOTENCY_KEPT)).await?;
        self.in_bites(|| self.store.end_paused_jobs_bite(now - JOB_PAUSED)).await?;
        self.in_bites(|| self.store.forget_jobs_bite(kept)).await?;
        self.in_bites(|| self.store.postings_bite()).await?;
        self.in_bites(|| self.store.statistics_bite()).await?;
        self.in_bites(|| self.store.forget_sessions_bite()).await?;
        self.in_bites(|| self.store.vacuum_bite()).await
    }

    async fn in_bites<F: Future<Output = Result<Upkeep, StoreError>>>(
        &self,
        bite: impl Fn() -> F,
    ) -> Result<(), StoreError> {
        loop {
            let began = Instant::now();
            if bite().await? == Upkeep::Done {
                return Ok(());
            }
            tokio::select! {
                () = self.stopping.cancelled() => return Ok(()),
                () = tokio::time::sleep(began.elapsed()) => {}
            }
        }
    }
}
