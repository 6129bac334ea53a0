//! Reads of jobs.
//!
//! Where several are read, one that cannot be read is told of in the log and left out: it keeps no other from running, being listed or
//! ending.

use std::sync::Arc;

use postrider_core::event::TenantId;
use postrider_core::job::{Job, JobState, PauseReason, Progress};
use postrider_core::limits::PAGE_ROWS_MOST;
use postrider_core::{DeliveryId, EnvironmentId, JobId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row};
use uuid::Uuid;

use super::parts;
use crate::sqlite::Sqlite;
use crate::sqlite::rows::{self, Result, count, environment_key, parsed, tenant, time, unreadable, uuid};
use crate::sqlite::tx::is_of_storage;
use crate::{JobPart, Page, PageRequest, RunningJob, StoreError};

/// A job as its table has it; the way in follows.
macro_rules! select {
    ($where:literal) => {
        concat!(
            "SELECT j.key, j.id, j.tenant, j.work, j.rate, j.state, j.paused_because, j.total, j.done, j.skipped, ",
            "j.failed, j.created_at, j.updated_at, j.ended_at, n.id AS environment_id ",
            "FROM jobs AS j CROSS JOIN environments AS n ON n.key = j.environment WHERE ",
            $where
        )
    };
}

pub(in crate::sqlite) const BY_ID: &str = select!("j.environment = ?1 AND j.id = ?2");
pub(in crate::sqlite) const OF_ENVIRONMENT: &str =
    select!("j.environment = ?1 AND j.id < ?2 ORDER BY j.id DESC LIMIT ?3");
pub(in crate::sqlite) const OF_TENANT: &str =
    select!("j.environment = ?1 AND j.id < ?2 AND j.tenant = ?4 ORDER BY j.id DESC LIMIT ?3");
pub(in crate::sqlite) const RUNNING: &str = select!("j.ended_at IS NULL AND j.state = 'running' ORDER BY j.key");
pub(in crate::sqlite) const UNENDED_OF: &str = select!("j.environment = ?1 AND j.ended_at IS NULL ORDER BY j.key");
pub(in crate::sqlite) const PAUSED_BEFORE: &str =
    select!("j.ended_at IS NULL AND j.state = 'paused' AND j.updated_at < ?1 ORDER BY j.key LIMIT ?2");
pub(in crate::sqlite) const KEY: &str = "SELECT key FROM jobs WHERE environment = ?1 AND id = ?2";
pub(in crate::sqlite) const HAS_MADE: &str =
    "SELECT EXISTS (SELECT 1 FROM job_deliveries WHERE job = ?1 AND delivery = ?2)";
pub(in crate::sqlite) const PARTS: &str =
    "SELECT part, cursor FROM job_parts WHERE job = ?1 AND is_over = 0 ORDER BY part";

impl Sqlite {
    pub(crate) async fn job(
        &self,
        environment: EnvironmentId,
        id: JobId,
    ) -> std::result::Result<Option<Job>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(key) = environment_key(connection, environment)? else { return Ok(None) };
                job(connection, environment, key, id)
            })
            .await
    }

    pub(crate) async fn jobs(
        &self,
        environment: EnvironmentId,
        of: Option<TenantId>,
        page: PageRequest<JobId>,
    ) -> std::result::Result<Page<Job, JobId>, StoreError> {
        self.api.read(move |connection| jobs(connection, environment, of.as_ref(), page)).await
    }

    pub(crate) async fn has_made(
        &self,
        environment: EnvironmentId,
        id: JobId,
        delivery: DeliveryId,
    ) -> std::result::Result<bool, StoreError> {
        self.api
            .read(move |connection| {
                let Some(environment) = environment_key(connection, environment)? else { return Ok(false) };
                let Some(job) = job_key(connection, environment, id)? else { return Ok(false) };
                has_made(connection, job, delivery)
            })
            .await
    }

    pub(crate) async fn running_jobs(&self) -> std::result::Result<Vec<RunningJob>, StoreError> {
        self.lanes.read(running).await
    }
}

/// The job's number.
pub(in crate::sqlite) fn job_key(connection: &Connection, environment: i64, id: JobId) -> Result<Option<i64>> {
    let mut statement = connection.prepare_cached(KEY)?;
    statement.query_row((environment, id.as_bytes()), |row| row.get(0)).optional()
}

/// Whether the job has made that delivery.
pub(in crate::sqlite) fn has_made(connection: &Connection, job: i64, delivery: DeliveryId) -> Result<bool> {
    connection.prepare_cached(HAS_MADE)?.query_row((job, delivery.as_bytes()), |row| row.get(0))
}

pub(super) fn job(
    connection: &Connection,
    environment_id: EnvironmentId,
    environment: i64,
    id: JobId,
) -> Result<Option<Job>> {
    let mut statement = connection.prepare_cached(BY_ID)?;
    statement.query_row((environment, id.as_bytes()), |row| job_row(row, environment_id)).optional()
}

fn jobs(
    connection: &Connection,
    environment: EnvironmentId,
    of: Option<&TenantId>,
    page: PageRequest<JobId>,
) -> Result<Page<Job, JobId>> {
    let mut found = Page { rows: Vec::new(), next: None };
    let Some(key) = environment_key(connection, environment)? else { return Ok(found) };
    let limit = page.limit.clamp(1, PAGE_ROWS_MOST);
    let before = page.before.map_or([0xff; 16], |id| *id.as_bytes());
    let one_more = rows::limit(limit + 1);
    let read = |row: &Row<'_>| job_of_many(row, environment);
    let mut listed: Vec<(JobId, Option<Job>)> = match of {
        None => {
            let mut statement = connection.prepare_cached(OF_ENVIRONMENT)?;
            statement.query_map((key, before, one_more), read)?.collect::<Result<_>>()?
        }
        Some(tenant) => {
            let mut statement = connection.prepare_cached(OF_TENANT)?;
            statement.query_map((key, before, one_more, tenant.as_str()), read)?.collect::<Result<_>>()?
        }
    };
    if listed.len() > limit {
        listed.truncate(limit);
        found.next = listed.last().map(|(id, _)| *id);
    }
    found.rows = listed.into_iter().filter_map(|(_, job)| job).collect();
    Ok(found)
}

/// Those of an environment that have not ended.
pub(super) fn unended(connection: &Connection, environment_id: EnvironmentId, environment: i64) -> Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(UNENDED_OF)?;
    let found = statement.query_map([environment], |row| job_of_many(row, environment_id))?;
    found.filter_map(|found| found.map(|(_, job)| job).transpose()).collect()
}

/// Those that have been paused, and were not changed, since before a moment; at most so many.
pub(super) fn paused_before(connection: &Connection, before: Timestamp, most: usize) -> Result<Vec<Job>> {
    let mut statement = connection.prepare_cached(PAUSED_BEFORE)?;
    let found = statement.query_map((before.as_micros(), rows::limit(most)), |row| {
        job_of_many(row, EnvironmentId::from_uuid(uuid(row, "environment_id")?))
    })?;
    found.filter_map(|found| found.map(|(_, job)| job).transpose()).collect()
}

fn running(connection: &Connection) -> Result<Vec<RunningJob>> {
    let mut statement = connection.prepare_cached(RUNNING)?;
    let running = statement.query_map([], |row| {
        let environment = EnvironmentId::from_uuid(uuid(row, "environment_id")?);
        Ok((row.get::<_, i64>("key")?, job_of_many(row, environment)?.1))
    })?;
    let mut jobs = Vec::new();
    for found in running {
        let (key, Some(job)) = found? else { continue };
        let webhooks = parts(&job.work);
        let mut statement = connection.prepare_cached(PARTS)?;
        let parts = statement.query_map([key], |row| {
            let number: u32 = row.get(0)?;
            let webhook = webhooks.get(number as usize).ok_or_else(|| unreadable("part"))?;
            Ok(JobPart { number, webhook: *webhook, cursor: row.get(1)? })
        })?;
        match parts.collect::<Result<Vec<_>>>() {
            Ok(parts) => jobs.push(RunningJob { parts, job: Arc::new(job) }),
            Err(error) if is_of_storage(&error) => return Err(error),
            Err(error) => tell_unreadable(job.id, &error),
        }
    }
    Ok(jobs)
}

/// A job of several: its id alone where the rest cannot be read.
fn job_of_many(row: &Row<'_>, environment_id: EnvironmentId) -> Result<(JobId, Option<Job>)> {
    let id = JobId::from_uuid(uuid(row, "id")?);
    match job_row(row, environment_id) {
        Ok(job) => Ok((id, Some(job))),
        Err(error) if is_of_storage(&error) => Err(error),
        Err(error) => {
            tell_unreadable(id, &error);
            Ok((id, None))
        }
    }
}

fn tell_unreadable(id: JobId, error: &rusqlite::Error) {
    tracing::error!(job.id = %id, %error, "a job cannot be read; it does not run, and is left out of lists");
}

fn job_row(row: &Row<'_>, environment_id: EnvironmentId) -> Result<Job> {
    let state = match row.get_ref("state")?.as_str().map_err(|_| unreadable("state"))? {
        "running" => JobState::Running,
        "paused" => JobState::Paused(parsed(row, "paused_because", PauseReason::from_name)?),
        "cancelled" => JobState::Cancelled { at: time(row, "ended_at")? },
        "completed" => JobState::Completed { at: time(row, "ended_at")? },
        _ => return Err(unreadable("state")),
    };
    let total: Option<i64> = row.get("total")?;
    Ok(Job {
        id: JobId::from_uuid(Uuid::from_bytes(row.get("id")?)),
        environment_id,
        tenant_id: tenant(row, "tenant")?,
        work: parsed(row, "work", |text| serde_json::from_str(text).ok())?,
        rate: row.get("rate")?,
        state,
        progress: Progress {
            total: total.and_then(|total| u64::try_from(total).ok()),
            done: count(row, "done")?,
            skipped: count(row, "skipped")?,
            failed: count(row, "failed")?,
        },
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
