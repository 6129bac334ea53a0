//! Jobs that end without a person's word, because what they send to is gone or nobody came back to them; and those that ended long ago.
//!
//! Those that have not ended keep their places from others: so each has to end some time. Those that have are forgotten with the
//! events of their environment.

use std::time::Duration;

use postrider_core::job::JobState;
use postrider_core::limits::UPKEEP_BITE;
use postrider_core::{EnvironmentId, JobId, Timestamp, WebhookId};

use super::{put, read};
use crate::sqlite::Sqlite;
use crate::sqlite::retention::{Keeps, keeps};
use crate::sqlite::rows::limit;
use crate::sqlite::tx::{Failure, Tx};
use crate::{StoreError, Upkeep};

/// A job ends after it was made, so that those that ended long ago are among those that were made then.
pub(in crate::sqlite) const OLD: &str = "SELECT key FROM jobs INDEXED BY jobs_of_environment \
     WHERE environment = ?1 AND id < ?2 AND ended_at < ?3 LIMIT ?4";
pub(in crate::sqlite) const FORGET_MADE: &str = "DELETE FROM job_deliveries WHERE job = ?1 AND delivery IN \
     (SELECT delivery FROM job_deliveries WHERE job = ?1 LIMIT ?2)";
pub(in crate::sqlite) const DELETE_PARTS: &str = "DELETE FROM job_parts WHERE job = ?1";
pub(in crate::sqlite) const DELETE: &str = "DELETE FROM jobs WHERE key = ?1";

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

    pub(crate) async fn forget_jobs_bite(&self, default: Duration) -> Result<Upkeep, StoreError> {
        self.change(move |tx| {
            let mut budget = UPKEEP_BITE;
            for Keeps { environment, span, .. } in keeps(tx, default) {
                if !forget(tx, environment, tx.now - span, &mut budget)? {
                    return Ok(Upkeep::More);
                }
            }
            Ok(Upkeep::Done)
        })
        .await
    }
}

/// Forgets jobs of an environment that ended before a moment. False where the budget was used up before the end.
fn forget(tx: &Tx<'_, '_>, environment: i64, before: Timestamp, budget: &mut usize) -> Result<bool, Failure> {
    let old: Vec<i64> = tx
        .prepare(OLD)?
        .query_map((environment, JobId::first_at(before).as_bytes(), before.as_micros(), limit(*budget)), |row| {
            row.get(0)
        })?
        .collect::<Result<_, _>>()?;
    for job in old {
        *budget -= tx.prepare(FORGET_MADE)?.execute((job, limit(*budget)))?;
        // The job itself counts as well.
        let Some(left) = budget.checked_sub(1) else { return Ok(false) };
        tx.prepare(DELETE_PARTS)?.execute([job])?;
        tx.prepare(DELETE)?.execute([job])?;
        *budget = left;
    }
    Ok(*budget > 0)
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
