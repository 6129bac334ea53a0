//! Jobs that end without a person's word: what they send to is gone, or nobody came back to them.
//!
//! Those that have not ended keep their places from others: so each has to end some time.

use postrider_core::job::JobState;
use postrider_core::limits::UPKEEP_BITE;
use postrider_core::{EnvironmentId, Timestamp, WebhookId};

use super::{put, read};
use crate::sqlite::Sqlite;
use crate::sqlite::tx::{Failure, Tx};
use crate::{StoreError, Upkeep};

impl Sqlite {
    pub(crate) async fn end_paused_jobs_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        self.change(move |tx| {
            let paused = read::paused_before(tx.connection, before, UPKEEP_BITE)?;
            let outcome = if paused.len() < UPKEEP_BITE { Upkeep::Done } else { Upkeep::More };
            for job in paused {
                let cancelled = JobState::Cancelled { at: tx.now };
                put(tx, job, cancelled)?;
            }
            Ok(outcome)
        })
        .await
    }
}

/// Cancels the jobs that name a webhook which is deleted.
pub(in crate::sqlite) fn cancel_those_to(
    tx: &mut Tx<'_, '_>,
    environment_id: EnvironmentId,
    webhook: WebhookId,
) -> Result<(), Failure> {
    let environment = tx.environment_key(environment_id)?;
    for job in read::unended(tx.connection, environment_id, environment)? {
        if job.work.webhooks().contains(&webhook) {
            let cancelled = JobState::Cancelled { at: tx.now };
            put(tx, job, cancelled)?;
        }
    }
    Ok(())
}
