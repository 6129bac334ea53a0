//! Jobs as they are written: starting, pausing, and steps forward.
//!
//! Invariant: a step's deliveries, its cursor and the job's counts are one transaction, and it is carried out only from the cursor at
//! which it was prepared: so nothing is made twice, and nothing left out, whatever is repeated or crashes in between.

pub(super) mod ahead;
pub(super) mod ending;
pub(super) mod read;

use std::sync::Arc;

use postrider_core::delivery::Origin;
use postrider_core::event::{Event, TenantId};
use postrider_core::job::{Include, Job, JobState, PauseReason, Progress, Work};
use postrider_core::limits::{JOBS_OF_TENANTS, JOBS_OF_VENDOR, JOBS_PER_TENANT};
use postrider_core::{DeliveryId, EnvironmentId, JobId, Timestamp, WebhookId};
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::Sqlite;
use super::inbox::Haste;
use super::resend::{Again, make_again};
use super::rows::{limit, shared_event, unreadable};
use super::tx::{Failure, Tx};
use crate::directory::{Directory, KnownWebhook};
use crate::{Control, ControlJob, JobChange, JobStep, NewJob, Send, StartJob, StepCommit, Stepped, StoreError};

#[cfg(test)]
pub(super) use self::read::{
    BY_ID, HAS_MADE, KEY, OF_ENVIRONMENT, OF_TENANT, PARTS, PAUSED_BEFORE, RUNNING, UNENDED_OF,
};

/// Those of one owner, and those of all tenants.
pub(super) const UNENDED: &str = "SELECT count(*) FILTER (WHERE tenant IS ?2), count(*) FILTER (WHERE tenant IS NOT NULL) \
     FROM jobs WHERE environment = ?1 AND ended_at IS NULL";
pub(super) const BY_IDEMPOTENCY: &str =
    "SELECT id, request_hash FROM jobs WHERE environment = ?1 AND idempotency_key = ?2 AND tenant IS ?3";
pub(super) const INSERT: &str = "INSERT INTO jobs (id, environment, tenant, idempotency_key, request_hash, work, rate, \
     state, total, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'running', ?8, ?9, ?9) RETURNING key";
pub(super) const INSERT_PART: &str = "INSERT INTO job_parts (job, part, cursor, is_over) VALUES (?1, ?2, ?3, 0)";
pub(super) const SET_STATE: &str = "UPDATE jobs SET state = ?2, paused_because = ?3, ended_at = ?4, updated_at = ?5 \
     WHERE id = ?1";
pub(super) const SET_RATE: &str = "UPDATE jobs SET rate = ?2, updated_at = ?3 WHERE id = ?1";
pub(super) const MADE: &str = "INSERT INTO job_deliveries (job, delivery) VALUES (?1, ?2)";
pub(super) const STEP_PART: &str = "UPDATE job_parts SET cursor = ?4, is_over = ?5 WHERE job = ?1 AND part = ?2 \
     AND cursor = ?3 AND is_over = 0";
pub(super) const STEP: &str = "UPDATE jobs SET done = done + ?2, skipped = skipped + ?3, failed = failed + ?4, \
     updated_at = ?5 WHERE key = ?1";
pub(super) const PARTS_LEFT: &str = "SELECT EXISTS (SELECT 1 FROM job_parts WHERE job = ?1 AND is_over = 0)";
pub(super) const STEPPING: &str = "SELECT key, state FROM jobs WHERE id = ?1";
pub(super) const EVENT: &str = "SELECT key, id AS event_id, event_key, tenant, user_id, application_id, occurred_at, \
     accepted_at, body FROM events WHERE environment = ?1 AND id = ?2";
pub(super) const TO_REPEAT: &str = "SELECT d.event, w.id FROM deliveries AS d JOIN webhooks AS w ON w.key = d.webhook \
     WHERE d.environment = ?1 AND d.id = ?2";
pub(super) const EVENT_BY_KEY: &str = "SELECT key, id AS event_id, event_key, tenant, user_id, application_id, \
     occurred_at, accepted_at, body FROM events WHERE key = ?1";
/// The newest delivery of an event to a webhook, and whether any got there or is on its way.
pub(super) const NEWEST_OF: &str = "SELECT max(id), max(state <= 2) FROM deliveries WHERE event = ?1 AND webhook = ?2";

impl Sqlite {
    pub(crate) async fn start_job(&self, new: NewJob) -> Result<StartJob, StoreError> {
        self.change(move |tx| start(tx, &new)).await
    }

    pub(crate) async fn obstacle_to_job(&self, new: NewJob) -> Result<Option<StartJob>, StoreError> {
        let directory = Arc::clone(&self.directory);
        let Some(environment) = directory.environment_key(new.environment_id) else { return Ok(None) };
        self.api.read(move |connection| obstacle(connection, &directory, environment, &new)).await
    }

    pub(crate) async fn earlier_job(
        &self,
        environment_id: EnvironmentId,
        tenant: Option<TenantId>,
        key: String,
        request_hash: [u8; 32],
    ) -> Result<Option<StartJob>, StoreError> {
        let Some(environment) = self.directory.environment_key(environment_id) else { return Ok(None) };
        self.api
            .read(move |connection| {
                let whose = (environment_id, environment, tenant.as_ref());
                earlier(connection, whose, &key, &request_hash)
            })
            .await
    }

    pub(crate) async fn control_job(
        &self,
        environment: EnvironmentId,
        id: JobId,
        control: Control,
    ) -> Result<ControlJob, StoreError> {
        self.change(move |tx| self::control(tx, environment, id, control)).await
    }

    pub(crate) async fn step_job(&self, step: JobStep) -> Result<Stepped, StoreError> {
        match step.commit {
            StepCommit::WithEvents => self.change_joining(Haste::Waits, move |tx| self::step(tx, &step)).await,
            StepCommit::AtOnce => self.change_joining(Haste::AtOnce, move |tx| self::step(tx, &step)).await,
            StepCommit::Alone => self.change(move |tx| self::step(tx, &step)).await,
        }
    }
}

fn start(tx: &mut Tx<'_, '_>, new: &NewJob) -> Result<StartJob, Failure> {
    let environment = tx.environment_key(new.environment_id)?;
    if let Some(obstacle) = obstacle(tx.connection, tx.directory, environment, new)? {
        return Ok(obstacle);
    }
    let tenant = new.tenant_id.as_ref().map(TenantId::as_str);
    let job = Job {
        id: JobId::new(tx.now, tx.entropy),
        environment_id: new.environment_id,
        tenant_id: new.tenant_id.clone(),
        work: new.work.clone(),
        rate: new.rate,
        state: JobState::Running,
        progress: Progress { total: new.total, ..Progress::default() },
        created_at: tx.now,
        updated_at: tx.now,
    };
    let work = serde_json::to_string(&job.work).map_err(|_| unreadable("work"))?;
    let key: i64 = tx.prepare(INSERT)?.query_row(
        params![
            job.id.as_bytes(),
            environment,
            tenant,
            new.idempotency_key,
            new.request_hash,
            work,
            new.rate,
            new.total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)),
            tx.now.as_micros(),
        ],
        |row| row.get(0),
    )?;
    for part in 0..limit(parts(&job.work).len()) {
        tx.prepare(INSERT_PART)?.execute((key, part, [0_u8; 16]))?;
    }
    let job = Arc::new(job);
    tx.commit.jobs.push(JobChange::Controlled(job.clone()));
    Ok(StartJob::Started(job))
}

/// What stands in the way of a job's start.
fn obstacle(
    connection: &Connection,
    directory: &Directory,
    environment: i64,
    new: &NewJob,
) -> rusqlite::Result<Option<StartJob>> {
    let whose = (new.environment_id, environment, new.tenant_id.as_ref());
    if let Some(earlier) = earlier(connection, whose, &new.idempotency_key, &new.request_hash)? {
        return Ok(Some(earlier));
    }
    if new.work.webhooks().iter().any(|webhook| !is_active(directory.known_webhook(*webhook).as_ref())) {
        return Ok(Some(StartJob::WebhookInactive));
    }
    let tenant = new.tenant_id.as_ref().map(TenantId::as_str);
    let (own, of_tenants): (i64, i64) =
        connection.prepare_cached(UNENDED)?.query_row((environment, tenant), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let own_most = if tenant.is_some() { JOBS_PER_TENANT } else { JOBS_OF_VENDOR };
    if own >= limit(own_most) {
        return Ok(Some(StartJob::LimitReached));
    }
    let is_full = tenant.is_some() && of_tenants >= limit(JOBS_OF_TENANTS);
    Ok(is_full.then_some(StartJob::TenantsLimitReached))
}

/// What became of an earlier start with that key.
fn earlier(
    connection: &Connection,
    (environment_id, environment, tenant): (EnvironmentId, i64, Option<&TenantId>),
    key: &str,
    request_hash: &[u8; 32],
) -> rusqlite::Result<Option<StartJob>> {
    let found: Option<([u8; 16], [u8; 32])> = connection
        .prepare_cached(BY_IDEMPOTENCY)?
        .query_row((environment, key, tenant.map(TenantId::as_str)), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, hash)) = found else { return Ok(None) };
    if hash != *request_hash {
        return Ok(Some(StartJob::KeyReused));
    }
    let id = JobId::from_uuid(Uuid::from_bytes(id));
    let job = read::job(connection, environment_id, environment, id)?.ok_or_else(|| unreadable("jobs"))?;
    Ok(Some(StartJob::Repeated(Arc::new(job))))
}

/// The webhooks of a job's parts.
fn parts(work: &Work) -> Vec<Option<WebhookId>> {
    match work {
        Work::Resend(resend) => vec![resend.webhook],
        Work::Replay(replay) => replay.webhooks.iter().copied().map(Some).collect(),
    }
}

fn is_active(known: Option<&KnownWebhook>) -> bool {
    known.is_some_and(|known| known.webhook.status.is_active())
}

fn control(
    tx: &mut Tx<'_, '_>,
    environment_id: EnvironmentId,
    id: JobId,
    control: Control,
) -> Result<ControlJob, Failure> {
    let environment = tx.environment_key(environment_id)?;
    let Some(mut job) = read::job(tx.connection, environment_id, environment, id)? else {
        return Ok(ControlJob::NotFound);
    };
    let wanted = match (control, job.state) {
        (Control::Cancel, JobState::Cancelled { .. })
        | (Control::Pause, JobState::Paused(_))
        | (Control::Resume, JobState::Running) => return Ok(ControlJob::Done(Arc::new(job))),
        (_, JobState::Cancelled { .. } | JobState::Completed { .. }) => return Ok(ControlJob::Ended),
        (Control::Resume, _)
            if job.work.webhooks().iter().any(|webhook| !is_active(tx.known_webhook(*webhook).as_ref())) =>
        {
            return Ok(ControlJob::WebhookInactive);
        }
        (Control::Rate(rate), _) => {
            (job.rate, job.updated_at) = (rate, tx.now);
            tx.prepare(SET_RATE)?.execute((job.id.as_bytes(), rate, tx.now.as_micros()))?;
            let job = Arc::new(job);
            tx.commit.jobs.push(JobChange::Controlled(job.clone()));
            return Ok(ControlJob::Done(job));
        }
        (Control::Resume, _) => JobState::Running,
        (Control::Pause, _) => JobState::Paused(PauseReason::ByUser),
        (Control::Cancel, _) => JobState::Cancelled { at: tx.now },
    };
    Ok(ControlJob::Done(put(tx, job, wanted)?))
}

/// Gives a job another state, and tells of it.
fn put(tx: &mut Tx<'_, '_>, mut job: Job, state: JobState) -> Result<Arc<Job>, Failure> {
    set_state(tx, &mut job, state)?;
    let job = Arc::new(job);
    tx.commit.jobs.push(JobChange::Controlled(job.clone()));
    Ok(job)
}

fn set_state(tx: &Tx<'_, '_>, job: &mut Job, state: JobState) -> Result<(), Failure> {
    (job.state, job.updated_at) = (state, tx.now);
    let because = match state {
        JobState::Paused(reason) => Some(reason.name()),
        _ => None,
    };
    let ended_at = state.ended_at().map(Timestamp::as_micros);
    tx.prepare(SET_STATE)?.execute((job.id.as_bytes(), state.name(), because, ended_at, tx.now.as_micros()))?;
    Ok(())
}

fn step(tx: &mut Tx<'_, '_>, step: &JobStep) -> Result<Stepped, Failure> {
    let environment_id = step.job.environment_id;
    let environment = tx.environment_key(environment_id)?;
    let found: Option<(i64, String)> =
        tx.prepare(STEPPING)?.query_row([step.job.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((key, state)) = found else { return Ok(Stepped::No) };
    if state != JobState::Running.name() {
        return Ok(Stepped::No);
    }
    if let Some(webhook) = step.part.webhook.filter(|webhook| !is_active(tx.known_webhook(*webhook).as_ref())) {
        let Some(job) = read::job(tx.connection, environment_id, environment, step.job.id)? else {
            return Ok(Stepped::No);
        };
        // To a webhook that is off everything would be discarded: a person is to decide. One that is deleted does not come back.
        let state = match tx.known_webhook(webhook) {
            Some(_) => JobState::Paused(PauseReason::WebhookInactive),
            None => JobState::Cancelled { at: tx.now },
        };
        put(tx, job, state)?;
        return Ok(Stepped::No);
    }
    let moved =
        tx.prepare(STEP_PART)?.execute(params![key, step.part.number, step.part.cursor, step.to, step.is_over])?;
    if moved == 0 {
        return Ok(Stepped::No);
    }
    let (mut done, mut skipped, mut failed) = (0, step.skipped, 0);
    for send in &step.send {
        let made = match send {
            Send::Again(of) => repeat(tx, environment_id, environment, &step.job, *of)?,
            Send::Event(event) => {
                let (webhook, include) = (step.part.webhook, include(&step.job.work));
                let Some(webhook) = webhook else { return Ok(Stepped::No) };
                let found = tx
                    .prepare(EVENT)?
                    .query_row((environment, event.as_bytes()), |row| {
                        Ok((row.get::<_, i64>(0)?, shared_event(row, environment_id)?))
                    })
                    .optional()?;
                match found {
                    None => Made::NotNeeded,
                    Some((number, event)) => replay(tx, environment, number, &event, webhook, include)?,
                }
            }
        };
        match made {
            Made::Yes(delivery) => {
                tx.prepare(MADE)?.execute((key, delivery.as_bytes()))?;
                done += 1;
            }
            Made::NotNeeded => skipped += 1,
            Made::Impossible => failed += 1,
        }
    }
    let counts = [done, skipped, failed].map(|count: u64| i64::try_from(count).unwrap_or(i64::MAX));
    tx.prepare(STEP)?.execute((key, counts[0], counts[1], counts[2], tx.now.as_micros()))?;
    let left: bool = tx.prepare(PARTS_LEFT)?.query_row([key], |row| row.get(0))?;
    let job = read::job(tx.connection, environment_id, environment, step.job.id)?;
    let mut job = job.ok_or_else(|| unreadable("jobs"))?;
    if !left {
        set_state(tx, &mut job, JobState::Completed { at: tx.now })?;
    }
    let job = Arc::new(job);
    tx.commit.jobs.push(JobChange::Stepped(job.clone()));
    Ok(Stepped::Yes(job))
}

fn include(work: &Work) -> Include {
    match work {
        Work::Resend(_) => Include::All,
        Work::Replay(replay) => replay.include,
    }
}

/// What became of something to send.
enum Made {
    /// That delivery.
    Yes(DeliveryId),
    NotNeeded,
    Impossible,
}

fn newest_of(tx: &Tx<'_, '_>, event: i64, webhook: i64) -> Result<(Option<DeliveryId>, bool), Failure> {
    let (newest, got): (Option<[u8; 16]>, Option<bool>) =
        tx.prepare(NEWEST_OF)?.query_row((event, webhook), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((newest.map(|id| DeliveryId::from_uuid(Uuid::from_bytes(id))), got.unwrap_or(false)))
}

/// Repeats a delivery, unless another has done so meanwhile.
fn repeat(
    tx: &mut Tx<'_, '_>,
    environment_id: EnvironmentId,
    environment: i64,
    job: &Job,
    of: DeliveryId,
) -> Result<Made, Failure> {
    let found: Option<(i64, [u8; 16])> = tx
        .prepare(TO_REPEAT)?
        .query_row((environment, of.as_bytes()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((number, webhook)) = found else { return Ok(Made::NotNeeded) };
    let webhook = WebhookId::from_uuid(Uuid::from_bytes(webhook));
    let Some(known) = tx.known_webhook(webhook).filter(|known| is_active(Some(known))) else {
        return Ok(Made::Impossible);
    };
    if newest_of(tx, number, known.key)?.0 != Some(of) {
        return Ok(Made::NotNeeded);
    }
    let event = tx.prepare(EVENT_BY_KEY)?.query_row([number], |row| shared_event(row, environment_id))?;
    // A tenant sends nothing again that it may not know of any more.
    if job.tenant_id.is_some() && !tx.directory.is_for_tenants(environment_id, &event.key) {
        return Ok(Made::NotNeeded);
    }
    let again = Again { event_number: number, event: &event, origin: Origin::Resend, of: Some(of) };
    Ok(Made::Yes(make_again(tx, environment, &known, &again)?.id))
}

/// Sends an event to a webhook.
fn replay(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    number: i64,
    event: &Arc<Event>,
    webhook: WebhookId,
    include: Include,
) -> Result<Made, Failure> {
    let Some(known) = tx.known_webhook(webhook) else { return Ok(Made::Impossible) };
    let (newest, is_delivered) = newest_of(tx, number, known.key)?;
    if include == Include::Undelivered && is_delivered {
        return Ok(Made::NotNeeded);
    }
    let again = Again { event_number: number, event, origin: Origin::Replay, of: newest };
    Ok(Made::Yes(make_again(tx, environment, &known, &again)?.id))
}
