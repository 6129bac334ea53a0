//! One transaction of the writer: what it has touched, and what is to be told once it is committed.
//!
//! Invariant: nothing outside the database changes before the commit. All that a transaction wants to tell lies here and is dropped
//! with it when it fails.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::{Delivery, DeliveryState, DiscardReason, Verdict};
use postrider_core::event::{Event, EventKey, TenantId};
use postrider_core::health::FailureStreak;
use postrider_core::shape::ShapeRevision;
use postrider_core::webhook::{DisableReason, Webhook, WebhookStatus};
use postrider_core::{DeliveryId, Entropy, EnvironmentId, Timestamp, WebhookId};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Params};

use super::following::Following;
use super::hot::Statements;
use super::search::postings::Whose;
use super::statistics::Counting;
use super::upkeep::DISCARD;
use crate::directory::{Directory, DirectoryChange, KnownWebhook, Sweep};
use crate::seal::Seal;
use crate::{Actor, Commit, CommitObserver, Settled, StoreError, WebhookChange};

const WEBHOOK_KEY: &str = "SELECT key FROM webhooks WHERE id = ?1";
const DISABLE: &str = "UPDATE webhooks SET disabled = ?2 WHERE key = ?1";
const NEWEST_DELIVERY: &str =
    "SELECT max(id) FROM deliveries WHERE environment = (SELECT environment FROM webhooks WHERE key = ?1)";
const BEGIN_SWEEP: &str = "INSERT OR REPLACE INTO sweeps (webhook, up_to, reason, after_due_at, after_id) \
     VALUES (?1, ?2, ?3, ?4, x'')";
const WRITE_STREAK: &str = "UPDATE webhook_tallies SET streak_count = ?2, streak_first_at = ?3, streak_last_at = ?4 \
     WHERE webhook = ?1";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[WEBHOOK_KEY, DISABLE, NEWEST_DELIVERY, BEGIN_SWEEP, WRITE_STREAK];

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    Sql(rusqlite::Error),
    /// What is open is not what lies in the data directory.
    Moved,
    NoSuchEnvironment,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// Whether the disk or the system is at fault, and not the command: then every command would fail.
    pub(super) fn is_of_storage(&self) -> bool {
        match self {
            Self::Sql(error) => is_of_storage(error),
            Self::Moved => true,
            Self::NoSuchEnvironment => false,
        }
    }

    /// Whether a part of the database cannot be read.
    pub(super) fn is_of_damage(&self) -> bool {
        matches!(self, Self::Sql(error) if is_of_damage(error))
    }
}

pub(super) fn is_of_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

pub(super) fn is_of_storage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed, OutOfMemory, ReadOnly,
        SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(
            DiskFull
                | SystemIoFailure
                | CannotOpen
                | OutOfMemory
                | ReadOnly
                | DatabaseBusy
                | DatabaseLocked
                | FileLockingProtocolFailed
        )
    )
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::NoSuchEnvironment => Self::NoSuchEnvironment,
            Failure::Moved => Self::Moved,
            Failure::Sql(error) if is_of_storage(&error) => Self::Unavailable,
            Failure::Sql(error) if is_of_damage(&error) => Self::Damaged(error.to_string()),
            Failure::Sql(error) => Self::Defect(error.to_string()),
        }
    }
}

/// A transaction under way.
pub(super) struct Tx<'c, 's> {
    pub connection: &'c Connection,
    pub hot: &'s mut Statements<'c>,
    pub directory: &'s Directory,
    pub seal: &'s Seal,
    pub entropy: &'s dyn Entropy,
    /// To be asked what is under way.
    pub observer: &'s dyn CommitObserver,
    pub now: Timestamp,
    /// For the directory, in order.
    pub changes: Vec<DirectoryChange>,
    /// For the observer.
    pub commit: Commit,
    /// For the statistics.
    pub counting: Counting,
    /// Deliveries made again so far.
    again: u64,
    touched: HashMap<WebhookId, Touched>,
    environment: Option<(EnvironmentId, i64)>,
}

/// A webhook that deliveries of this transaction go to.
pub(super) struct Touched {
    pub key: i64,
    /// None: it is deleted.
    webhook: Option<Arc<Webhook>>,
    sweep: Option<Sweep>,
    pub invocations: u32,
    pub attempts: u32,
    /// By how many more deliveries wait.
    pub waiting: i64,
    streak_changed: bool,
    status_changed: bool,
}

impl Touched {
    /// Why a delivery to it cannot wait; none: it can.
    pub(super) fn refuses(&self, delivery: DeliveryId) -> Option<DiscardReason> {
        match &self.webhook {
            None => Some(DiscardReason::WebhookDeleted),
            Some(webhook) => match webhook.status {
                WebhookStatus::Disabled(reason) => Some(reason.into()),
                WebhookStatus::Active => self.sweep.filter(|s| delivery <= s.up_to).map(|s| s.reason),
            },
        }
    }

    /// The revision that deliveries to it keep from now on.
    pub(super) fn shape(&self) -> Option<ShapeRevision> {
        Some(self.webhook.as_ref()?.shape.as_ref()?.revision)
    }

    /// Takes in what an attempt says of it. Returns why it is to be disabled, where it is.
    fn judge(&mut self, verdict: Verdict, now: Timestamp) -> Option<DisableReason> {
        let webhook = self.webhook.as_mut().filter(|w| w.status.is_active())?;
        match verdict {
            Verdict::None => None,
            Verdict::Works => {
                if webhook.streak.is_some() {
                    Arc::make_mut(webhook).streak = None;
                    self.streak_changed = true;
                }
                None
            }
            Verdict::Failed => {
                let streak = FailureStreak::extended(webhook.streak, now);
                Arc::make_mut(webhook).streak = Some(streak);
                self.streak_changed = true;
                streak.verdict(&webhook.sending)
            }
            Verdict::Gone => Some(DisableReason::Gone),
        }
    }
}

impl<'c, 's> Tx<'c, 's> {
    pub(super) fn new(
        connection: &'c Connection,
        hot: &'s mut Statements<'c>,
        directory: &'s Directory,
        seal: &'s Seal,
        entropy: &'s dyn Entropy,
        observer: &'s dyn CommitObserver,
        now: Timestamp,
    ) -> Self {
        Self {
            connection,
            hot,
            directory,
            seal,
            entropy,
            observer,
            now,
            changes: Vec::new(),
            commit: Commit::default(),
            counting: Counting::default(),
            again: 0,
            touched: HashMap::new(),
            environment: None,
        }
    }

    /// A microsecond more for each delivery that is made again.
    pub(super) fn later(&mut self) -> Duration {
        self.again += 1;
        Duration::from_micros(self.again - 1)
    }

    pub(super) fn prepare(&self, sql: &str) -> rusqlite::Result<CachedStatement<'c>> {
        self.connection.prepare_cached(sql)
    }

    /// The environment's number; environments are never deleted.
    pub(super) fn environment_key(&mut self, id: EnvironmentId) -> Result<i64, Failure> {
        if let Some((last, key)) = self.environment
            && last == id
        {
            return Ok(key);
        }
        let key = self.directory.environment_key(id).ok_or(Failure::NoSuchEnvironment)?;
        self.environment = Some((id, key));
        Ok(key)
    }

    /// Whether whoever acts on that environment still may: with a credential of its own, or as an operator. A call was let in before its
    /// body was read, so its credential or token may have been revoked since; what would outlive it asks here.
    pub(super) fn still_acts_on(&self, environment: EnvironmentId, by: Actor) -> bool {
        match by {
            Actor::Credential(id) => {
                let credential = self.directory.credential(id);
                credential.is_some_and(|c| c.environment_id == environment && c.revoked_at.is_none())
            }
            Actor::Control | Actor::Token(_) => self.still_operates(by),
        }
    }

    /// Whether whoever acts still is an operator.
    pub(super) fn still_operates(&self, by: Actor) -> bool {
        match by {
            Actor::Control => true,
            Actor::Token(id) => {
                let tokens = self.directory.operator_tokens();
                tokens.iter().any(|token| token.id == id && token.revoked_at.is_none())
            }
            Actor::Credential(_) => false,
        }
    }

    /// The webhook, as this transaction has left it.
    pub(super) fn webhook(&mut self, id: WebhookId) -> Result<&mut Touched, Failure> {
        match self.touched.entry(id) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let (key, webhook, sweep) = if let Some(known) = self.directory.known_webhook(id) {
                    (known.key, Some(known.webhook), known.sweep)
                } else {
                    let mut statement = self.connection.prepare_cached(WEBHOOK_KEY)?;
                    let key = statement.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
                    (key.ok_or(rusqlite::Error::QueryReturnedNoRows)?, None, None)
                };
                Ok(entry.insert(Touched {
                    key,
                    webhook,
                    sweep,
                    invocations: 0,
                    attempts: 0,
                    waiting: 0,
                    streak_changed: false,
                    status_changed: false,
                }))
            }
        }
    }

    /// The same to read; none where it is deleted. The directory learns what commands did to it in this transaction after the commit.
    pub(super) fn known_webhook(&self, id: WebhookId) -> Option<KnownWebhook> {
        let mut known = self.directory.known_webhook(id)?;
        if let Some(touched) = self.touched.get(&id) {
            (known.webhook, known.sweep) = (touched.webhook.clone()?, touched.sweep);
        }
        Some(known)
    }

    /// Notes a delivery of that event that is new, for statistics and search; one that is final from birth has ended as well.
    pub(super) fn made(&mut self, environment: i64, event: &Event, delivery: &Delivery) {
        let whose = Whose { environment, tenant: event.tenant_id.as_ref(), event_key: &event.key };
        self.hot.postings.delivery(whose, *delivery.id.as_bytes());
        let webhook = Some(delivery.webhook_id);
        let counts = self.counting.of(environment, webhook, event.tenant_id.as_ref(), &event.key);
        counts.deliveries += 1;
        if delivery.state.is_final() {
            counts.ended(&delivery.state, delivery.id.made_at());
        }
    }

    /// Ends a delivery that waits and is not sent any more.
    pub(super) fn discard(
        &mut self,
        environment: i64,
        webhook_id: WebhookId,
        tenant: Option<&TenantId>,
        event_key: &EventKey,
        delivery: DeliveryId,
        reason: DiscardReason,
    ) -> Result<(), Failure> {
        let (id, at) = (delivery.as_bytes(), self.now);
        self.prepare(DISCARD)?.execute((environment, id, reason.name(), at.as_micros()))?;
        let state = DeliveryState::Discarded { at, reason };
        self.counting.of(environment, Some(webhook_id), tenant, event_key).ended(&state, delivery.made_at());
        self.webhook(webhook_id)?.waiting -= 1;
        self.commit.settled.push(Settled { delivery, webhook_id, state, ended: true });
        Ok(())
    }

    /// Takes in what an attempt says of its webhook, and disables it where that follows. `asked`: the URL that the attempt was made to,
    /// if one was made. What an endpoint did that the webhook had before is not held against the one that it has now.
    pub(super) fn judge(&mut self, id: WebhookId, asked: Option<&str>, verdict: Verdict) -> Result<(), Failure> {
        if verdict == Verdict::None {
            return Ok(());
        }
        let now = self.now;
        let touched = self.webhook(id)?;
        let url = touched.webhook.as_ref().map(|webhook| webhook.url.as_str());
        if asked.is_some_and(|asked| url.is_some_and(|url| url != asked)) {
            return Ok(());
        }
        let key = touched.key;
        let Some(reason) = touched.judge(verdict, now) else { return Ok(()) };
        if let Some(webhook) = &mut touched.webhook {
            Arc::make_mut(webhook).status = WebhookStatus::Disabled(reason);
            touched.status_changed = true;
        }
        self.prepare(DISABLE)?.execute((key, reason.name()))?;
        self.commit.switched_off.push((id, reason));
        let sweep = self.begin_sweep(key, id, reason.into())?;
        if sweep.is_some() {
            self.webhook(id)?.sweep = sweep;
        }
        Ok(())
    }

    /// Notes that whatever waits for the webhook now is to be discarded, what is under way apart.
    pub(super) fn begin_sweep(
        &mut self,
        key: i64,
        id: WebhookId,
        reason: DiscardReason,
    ) -> Result<Option<Sweep>, Failure> {
        // Whatever waits for it is at most the newest delivery of all.
        let newest: Option<[u8; 16]> = self.prepare(NEWEST_DELIVERY)?.query_row([key], |row| row.get(0))?;
        let Some(newest) = newest else { return Ok(None) };
        self.prepare(BEGIN_SWEEP)?.execute((key, newest, reason.name(), i64::MIN))?;
        self.hot.spared.remove(&key);
        let sweep = Sweep { up_to: DeliveryId::from_uuid(uuid::Uuid::from_bytes(newest)), reason };
        self.changes.push(DirectoryChange::SetSweep(id, Some(sweep)));
        Ok(Some(sweep))
    }

    /// What came of something that is derived. None: it failed by itself and is set aside, and what the transaction is for goes on
    /// without it.
    pub(super) fn derived<T>(&mut self, part: Following, result: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_of_storage(&error) => Err(error),
            Err(error) => {
                if self.hot.set_aside(part) {
                    tracing::error!(%error, "{} cannot be written; {}", part.name(), part.consequence());
                }
                Ok(None)
            }
        }
    }

    /// Carries out a statement about something that is derived. Returns how many rows it concerned, or what [`Self::derived`] does.
    pub(super) fn execute_derived(
        &mut self,
        part: Following,
        sql: &str,
        parameters: impl Params,
    ) -> rusqlite::Result<Option<usize>> {
        let executed = self.prepare(sql).and_then(|mut statement| statement.execute(parameters));
        self.derived(part, executed)
    }

    /// Writes what was counted: one row for each webhook.
    pub(super) fn write_tallies(&mut self) -> Result<(), Failure> {
        let writes = !self.hot.aside.has(Following::Tallies);
        for (id, touched) in std::mem::take(&mut self.touched) {
            if writes && (touched.invocations > 0 || touched.attempts > 0 || touched.waiting != 0) {
                let tallies = (touched.key, touched.invocations, touched.attempts, touched.waiting);
                self.hot.add_tallies.execute(tallies)?;
            }
            if touched.invocations > 0 {
                self.changes.push(DirectoryChange::AddInvocations(id, touched.invocations.into()));
            }
            let Some(webhook) = touched.webhook else { continue };
            if touched.streak_changed && writes {
                write_streak(self.connection, touched.key, webhook.streak)?;
            }
            if touched.streak_changed || touched.status_changed {
                self.changes.push(DirectoryChange::PutWebhook { key: touched.key, webhook: webhook.clone() });
            }
            if touched.status_changed {
                self.commit.webhooks.push(WebhookChange::Put(webhook));
            }
        }
        Ok(())
    }
}

pub(super) fn write_streak(
    connection: &Connection,
    webhook: i64,
    streak: Option<FailureStreak>,
) -> rusqlite::Result<()> {
    connection.prepare_cached(WRITE_STREAK)?.execute((
        webhook,
        streak.map(|s| s.count),
        streak.map(|s| s.first_at.as_micros()),
        streak.map(|s| s.last_at.as_micros()),
    ))?;
    Ok(())
}
