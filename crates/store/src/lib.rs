//! All SQL of Postrider: what is durable, the writer that groups commits, and the directory in memory.
//!
//! # The path of a command
//!
//! 1. A caller hands a command to the *inbox* and waits. There are two kinds: those of the hot path (accepting events, settling
//!    deliveries) and changes of anything else.
//! 2. The *writer*, one thread, takes whatever has gathered: the hot path's commands as one *group*, up to
//!    [`postrider_core::limits::GROUP_COMMANDS`], in one transaction, with small steps of jobs that wait for it; one change in a
//!    transaction of its own; and again.
//! 3. The transaction is committed and synced. Where one command of a group fails, the transaction is rolled back, and the group is
//!    run again without it, and it alone.
//! 4. The writer brings the [`Directory`] up to date, tells the [`CommitObserver`], and answers the callers, in this order: who has
//!    an answer sees its effect everywhere.
//!
//! Where the disk is full or fails, producers are told so at once ([`StoreError::Unavailable`]), settlements stay with the writer,
//! and it tries again until it can: recovery needs nobody.
//!
//! Reads go to threads of their own with read-only connections. What the hot path needs to know of webhooks it asks the directory.
//!
//! Architecture invariant: no type of a database library shows in this crate's interface, and nobody else writes SQL.

mod change;
mod directory;
mod error;
mod exposure;
mod hot;
mod job;
mod lock;
mod read;
mod seal;
mod session;
mod sqlite;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Attempt;
use postrider_core::environment::{OperatorToken, TrustedIssuer};
use postrider_core::event::{Event, EventNotes, TenantId, UserId};
use postrider_core::event_type::{EventType, FormerSchema};
use postrider_core::job::Job;
use postrider_core::portal::PortalSettings;
use postrider_core::request::{RequestSettings, SettingsRevision};
use postrider_core::retention::Retention;
use postrider_core::session::ConsoleSession;
use postrider_core::shape::{Shape, ShapeRevision};
use postrider_core::statistics::Counts;
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{
    AttemptId, CategoryId, Clock, ConsoleSessionId, CredentialId, DeliveryId, Entropy, EnvironmentId, EventId,
    EventTypeId, JobId, OperatorTokenId, PortalSessionId, Timestamp, WebhookId,
};

use crate::sqlite::{LastCheckpoint, Sqlite};

pub use change::{
    Actor, CategoryRef, ChangeEventTypes, CreateCredential, CreateEnvironment, CreateWebhook, DeleteCategory,
    EventTypeChange, EventTypePatch, Found, NewCredential, NewEnvironment, NewEventType, NewWebhook, PutCategory,
    PutEventType, PutPortalSettings, PutRetention, PutTrustedIssuer, RenameEnvironment, RevokeCredential, WebhookPatch,
};
pub use directory::Directory;
pub use error::{OpenError, StoreError};
pub use exposure::Exposure;
pub use hot::{
    AcceptBatch, AcceptOutcome, AcceptedEvent, Commit, CommitObserver, Idempotency, JobChange, NewDelivery, NewEvent,
    Receipt, ResendOutcome, Settled, Settlement, SkipOutcome, Waiting, WebhookChange,
};
pub use job::{
    Ahead, Control, ControlJob, Cursor, JobPart, JobStep, NewJob, Repeatable, ReplayAhead, Replayable, ResendAhead,
    RunningJob, Send, StartJob, StepCommit, Stepped,
};
pub use read::{
    BroughtForward, DeliveryFilter, DeliveryRow, EventFilter, EventRow, LanePage, LanePosition, LastAnswer,
    LastAttempt, LogPage, LogRow, Page, PageRequest, StatisticsGap, StatisticsOf, StatisticsPoint, StatisticsQuery,
    Upkeep, Walk,
};
pub use seal::{MasterKey, MasterKeyError};
pub use session::{CreatePortalLink, NewPortalLink, NewSignIn, OpenPortalLink, SignInOutcome};

/// What a store is opened with.
#[derive(Clone)]
pub struct StoreOptions {
    /// Where the database, its lock and the generated master key lie; made with mode 0700 where it is missing.
    pub data_dir: PathBuf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids, keys and nonces.
    pub entropy: Arc<dyn Entropy>,
    /// The key under which secrets are sealed; none: the file `master.key` in the data directory, made at the first start.
    pub master_key: Option<MasterKey>,
}

/// What a look at a data directory found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inspected {
    /// No database yet: the first start makes it.
    New,
    /// A database that a store opens.
    Database {
        /// Its version.
        version: u32,
        /// The newest version, to which the next start brings it.
        known: u32,
    },
}

/// Looks whether a store would open that data directory with that key, without taking it or changing anything in it: the same errors,
/// apart from those of a directory that is in use. Blocks meanwhile. `entropy` is asked for nothing.
pub fn inspect(
    data_dir: &Path,
    master_key: Option<MasterKey>,
    entropy: Arc<dyn Entropy>,
) -> Result<Inspected, OpenError> {
    sqlite::inspect(data_dir, master_key, entropy)
}

/// What a check of a whole database found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// All of it can be read.
    Sound,
    /// A part cannot be read, or is not what it should be; in the database library's words.
    Damaged(String),
    /// There was no time to read all of it; nothing was found by then.
    Unfinished,
}

/// Reads all of the database in that data directory, for as long as `patience` lasts, and says whether it is damaged. Changes nothing;
/// but a server that runs on it meanwhile cannot start its write-ahead log anew. Blocks meanwhile.
pub fn check(data_dir: &Path, patience: Duration) -> Result<Checked, OpenError> {
    sqlite::check(data_dir, patience)
}

/// The store: a handle, cheap to clone. When the last one is dropped, what was handed over is still written; [`Store::close`] does the
/// same and leaves the files tidy besides.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Sqlite>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

/// Opening and closing.
impl Store {
    /// Opens the database in the data directory, makes it where there is none, and brings an older one up to date. Blocks meanwhile.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        Ok(Self { engine: Arc::new(Sqlite::open(options)?) })
    }

    /// Starts the writer. Commands wait until then; reads and the directory do not. A second start does nothing.
    pub fn start(&self, observer: Arc<dyn CommitObserver>) {
        self.engine.start(observer);
    }

    /// Waits until the writer has ended: after [`Store::close`], or by a defect. Then nothing is written any more until the next start,
    /// which finds what was committed.
    pub async fn ended(&self) {
        self.engine.ended().await;
    }

    /// What the last commit says of environments, credentials, webhooks and event types.
    pub fn directory(&self) -> &Directory {
        &self.engine.directory
    }

    /// Writes what was handed over, copies the write-ahead log back, ends the threads and gives the data directory free. Further
    /// commands and reads are answered [`StoreError::Closed`].
    pub async fn close(&self) {
        let engine = Arc::clone(&self.engine);
        // The task cannot fail but by a panic, which has been reported where it happened.
        let _ = tokio::task::spawn_blocking(move || engine.close(LastCheckpoint::Truncate)).await;
    }
}

/// The hot path.
impl Store {
    /// Writes events with their deliveries. When this returns `Accepted`, no crash loses them. A batch without events probes whether
    /// the store can be written: it writes and syncs as any other.
    pub async fn accept(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        self.engine.accept(batch).await
    }

    /// What the first use of an idempotency key came to, as far as it is committed; none where there was none that still counts at `now`.
    pub async fn earlier_outcome(
        &self,
        idempotency: Idempotency,
        now: Timestamp,
    ) -> Result<Option<AcceptOutcome>, StoreError> {
        self.engine.earlier_outcome(idempotency, now).await
    }

    /// Hands over what became of an attempt. It is kept and tried again until it is committed; the result comes by
    /// [`Commit::settled`].
    pub fn record(&self, settlement: Settlement) {
        self.engine.record(settlement);
    }

    /// Makes a new delivery of that one's event to the same webhook. It comes by [`Commit::resent`], too, as soon as it is due. Where the
    /// webhook is ordered it comes last of its key; but one that waits to be retried gives it its place, and ends.
    pub async fn resend(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<ResendOutcome, StoreError> {
        self.engine.resend(environment, delivery).await
    }

    /// Ends a delivery that waits, so that those behind it go on.
    pub async fn skip(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<SkipOutcome, StoreError> {
        self.engine.skip(environment, delivery).await
    }
}

/// Changes. Each is answered after its commit, with the directory up to date.
impl Store {
    /// Makes an environment with the built-in event types, while the operator who does it still is one.
    pub async fn create_environment(&self, new: NewEnvironment) -> Result<CreateEnvironment, StoreError> {
        self.engine.create_environment(new).await
    }

    /// Renames an environment, while whoever does it still may.
    pub async fn rename_environment(
        &self,
        id: EnvironmentId,
        name: String,
        by: Actor,
    ) -> Result<RenameEnvironment, StoreError> {
        self.engine.rename_environment(id, name, by).await
    }

    /// Sets what tenants see, while whoever does it still may.
    pub async fn put_portal_settings(
        &self,
        id: EnvironmentId,
        portal: PortalSettings,
        by: Actor,
    ) -> Result<PutPortalSettings, StoreError> {
        self.engine.put_portal_settings(id, portal, by).await
    }

    /// Sets how long an environment keeps its events, deliveries, attempts and jobs, while whoever does it still may; none: as long as the
    /// server keeps them by default. What is older by then is deleted in upkeep's next bites.
    pub async fn put_retention(
        &self,
        id: EnvironmentId,
        retention: Option<Retention>,
        by: Actor,
    ) -> Result<PutRetention, StoreError> {
        self.engine.put_retention(id, retention, by).await
    }

    /// Sets whose tokens of tenants' users are believed, while whoever does it still may. No issuer: nobody's.
    pub async fn put_trusted_issuer(
        &self,
        id: EnvironmentId,
        issuer: Option<TrustedIssuer>,
        by: Actor,
    ) -> Result<PutTrustedIssuer, StoreError> {
        self.engine.put_trusted_issuer(id, issuer, by).await
    }

    /// Makes a credential, while whoever makes it still may; a credential makes none that opens more than itself.
    pub async fn create_credential(&self, new: NewCredential) -> Result<CreateCredential, StoreError> {
        self.engine.create_credential(new).await
    }

    /// Revokes a credential, while whoever does it still may; one that is revoked stays so.
    pub async fn revoke_credential(
        &self,
        environment: EnvironmentId,
        id: CredentialId,
        by: Actor,
    ) -> Result<RevokeCredential, StoreError> {
        self.engine.revoke_credential(environment, id, by).await
    }

    /// Notes that a credential was used, to the minute. Nobody waits for it, and nothing is lost where it fails.
    pub fn touch_credential(&self, id: CredentialId, at: Timestamp) {
        self.engine.touch_credential(id, at);
    }

    /// Makes an operator's token.
    pub async fn create_operator_token(&self, name: String, hash: [u8; 32]) -> Result<Arc<OperatorToken>, StoreError> {
        self.engine.create_operator_token(name, hash).await
    }

    /// Revokes an operator's token; one that is revoked stays so.
    pub async fn revoke_operator_token(&self, id: OperatorTokenId) -> Result<Found, StoreError> {
        self.engine.revoke_operator_token(id).await
    }

    /// Makes a webhook.
    pub async fn create_webhook(&self, new: NewWebhook) -> Result<CreateWebhook, StoreError> {
        self.engine.create_webhook(new).await
    }

    /// Changes a webhook in exactly that scope; no scope: in whichever it is. None where there is no such webhook.
    pub async fn update_webhook(
        &self,
        environment: EnvironmentId,
        scope: Option<&Scope>,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Option<Arc<Webhook>>, StoreError> {
        self.engine.update_webhook(environment, scope, id, patch).await
    }

    /// Deletes a webhook and wipes its secret. What waits for it is discarded; its log stays until it expires.
    pub async fn delete_webhook(&self, environment: EnvironmentId, id: WebhookId) -> Result<Found, StoreError> {
        self.engine.delete_webhook(environment, id).await
    }

    /// Makes a category.
    pub async fn create_category(&self, environment: EnvironmentId, name: String) -> Result<PutCategory, StoreError> {
        self.engine.create_category(environment, name).await
    }

    /// Renames a category; subscriptions by its old name match nothing of it any more.
    pub async fn rename_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
        name: String,
    ) -> Result<PutCategory, StoreError> {
        self.engine.rename_category(environment, id, name).await
    }

    /// Deletes a category in which no event type stands.
    pub async fn delete_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
    ) -> Result<DeleteCategory, StoreError> {
        self.engine.delete_category(environment, id).await
    }

    /// Makes an event type, and its category where that is named and new.
    pub async fn create_event_type(&self, new: NewEventType) -> Result<PutEventType, StoreError> {
        self.engine.create_event_type(new).await
    }

    /// Changes an event type.
    pub async fn update_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
        patch: EventTypePatch,
    ) -> Result<PutEventType, StoreError> {
        self.engine.update_event_type(environment, id, patch).await
    }

    /// Deletes an event type and returns it as it was; none where there is none. Events of its key are accepted as before.
    pub async fn delete_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
    ) -> Result<Option<Arc<EventType>>, StoreError> {
        self.engine.delete_event_type(environment, id).await
    }

    /// Makes and changes many event types: all, or none.
    pub async fn change_event_types(
        &self,
        environment: EnvironmentId,
        changes: Vec<EventTypeChange>,
    ) -> Result<ChangeEventTypes, StoreError> {
        self.engine.change_event_types(environment, changes).await
    }
}

/// Sessions of people. Each change is answered after its commit, with the directory up to date.
impl Store {
    /// Signs in to the console. What the session that is replaced was signed in to is kept; it itself ends.
    pub async fn sign_in(&self, new: NewSignIn) -> Result<SignInOutcome, StoreError> {
        self.engine.sign_in(new).await
    }

    /// Signs a session out of an environment; no environment: of all. Returns what is left of it.
    pub async fn sign_out(
        &self,
        id: ConsoleSessionId,
        environment: Option<EnvironmentId>,
    ) -> Result<Option<Arc<ConsoleSession>>, StoreError> {
        self.engine.sign_out(id, environment).await
    }

    /// Notes that a session of the console was used, to the minute. Nobody waits for it.
    pub fn touch_console_session(&self, id: ConsoleSessionId, at: Timestamp) {
        self.engine.touch_console_session(id, at);
    }

    /// Makes a link that opens a tenant's portal once.
    pub async fn create_portal_link(&self, new: NewPortalLink) -> Result<CreatePortalLink, StoreError> {
        self.engine.create_portal_link(new).await
    }

    /// Opens a link: of all who try with its code, one gets the session.
    pub async fn open_portal_link(
        &self,
        id: PortalSessionId,
        code_hash: [u8; 32],
        secret_hash: [u8; 32],
    ) -> Result<OpenPortalLink, StoreError> {
        self.engine.open_portal_link(id, code_hash, secret_hash).await
    }

    /// Notes that a portal session was used, to the minute. Nobody waits for it.
    pub fn touch_portal_session(&self, id: PortalSessionId, at: Timestamp) {
        self.engine.touch_portal_session(id, at);
    }

    /// Ends a portal session, or revokes a link.
    pub async fn end_portal_session(
        &self,
        environment: EnvironmentId,
        id: PortalSessionId,
    ) -> Result<Found, StoreError> {
        self.engine.end_portal_session(environment, id).await
    }

    /// Ends all portal sessions and links of a tenant, or of one of its users. Returns how many had not ended before.
    pub async fn end_portal_sessions(
        &self,
        environment: EnvironmentId,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> Result<usize, StoreError> {
        self.engine.end_portal_sessions(environment, tenant, user).await
    }
}

/// Reads. An environment that does not exist has nothing.
impl Store {
    /// An event with its body.
    pub async fn event(&self, environment: EnvironmentId, id: EventId) -> Result<Option<Event>, StoreError> {
        self.engine.event(environment, id).await
    }

    /// What else is to be told of an event; none where there is nothing, or no such event.
    pub async fn event_notes(&self, environment: EnvironmentId, id: EventId) -> Result<Option<EventNotes>, StoreError> {
        self.engine.event_notes(environment, id).await
    }

    /// The schemas that an event type had before its present one, newest first: the last
    /// [`postrider_core::limits::FORMER_SCHEMAS`].
    pub async fn former_schemas(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
    ) -> Result<Vec<FormerSchema>, StoreError> {
        self.engine.former_schemas(environment, id).await
    }

    /// Events without their bodies, newest first.
    pub async fn events(
        &self,
        environment: EnvironmentId,
        filter: EventFilter,
        page: PageRequest<EventId>,
    ) -> Result<Page<EventRow, EventId>, StoreError> {
        self.engine.events(environment, filter, page).await
    }

    /// A delivery.
    pub async fn delivery(
        &self,
        environment: EnvironmentId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRow>, StoreError> {
        self.engine.delivery(environment, id).await
    }

    /// Deliveries, newest first.
    pub async fn deliveries(
        &self,
        environment: EnvironmentId,
        filter: DeliveryFilter,
        page: PageRequest<DeliveryId>,
    ) -> Result<Page<DeliveryRow, DeliveryId>, StoreError> {
        self.engine.deliveries(environment, filter, page).await
    }

    /// For each webhook that the event went to, the newest delivery; the newest of all first.
    pub async fn newest_deliveries_of_event(
        &self,
        environment: EnvironmentId,
        event: EventId,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.engine.newest_deliveries_of_event(environment, event).await
    }

    /// The attempts of a delivery, the first one first.
    pub async fn attempts(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        self.engine.attempts(environment, delivery).await
    }

    /// An attempt with what was sent.
    pub async fn attempt(&self, environment: EnvironmentId, id: AttemptId) -> Result<Option<LogRow>, StoreError> {
        self.engine.attempt(environment, id).await
    }

    /// What requests of a webhook were made from, those revisions that are kept: while attempts may have them, and the newest
    /// [`postrider_core::limits::SETTINGS_REVISIONS`]. Also of a webhook that is deleted.
    pub async fn request_settings(
        &self,
        environment: EnvironmentId,
        webhook: WebhookId,
        revisions: Vec<SettingsRevision>,
    ) -> Result<HashMap<SettingsRevision, RequestSettings>, StoreError> {
        self.engine.request_settings(environment, webhook, revisions).await
    }

    /// A webhook's log, newest first; also of a webhook that is deleted. Offsets beyond
    /// [`postrider_core::limits::LOG_OFFSET_MOST`] show no rows.
    pub async fn log(
        &self,
        environment: EnvironmentId,
        webhook: WebhookId,
        offset: usize,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        self.engine.log(environment, webhook, offset, limit).await
    }
}

/// Statistics, up to the last commit.
impl Store {
    /// The spans of a series in which something happened, oldest first.
    pub async fn statistics(
        &self,
        environment: EnvironmentId,
        query: StatisticsQuery,
    ) -> Result<Vec<StatisticsPoint>, StoreError> {
        self.engine.statistics(environment, query).await
    }

    /// Stretches of time that overlap the one between two moments, oldest first, in which things happened that no statistics count, as
    /// those could not be written, or read again.
    pub async fn statistics_gaps(&self, from: Timestamp, to: Timestamp) -> Result<Vec<StatisticsGap>, StoreError> {
        self.engine.statistics_gaps(from, to).await
    }

    /// The same for several webhooks, by hour, in the order of the webhooks.
    pub async fn statistics_of_webhooks(
        &self,
        environment: EnvironmentId,
        webhooks: Vec<WebhookId>,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Vec<StatisticsPoint>>, StoreError> {
        self.engine.statistics_of_webhooks(environment, webhooks, from, to).await
    }

    /// The webhooks with most failed attempts in a range of whole hours, without histograms; deleted ones included.
    pub async fn failing_webhooks(
        &self,
        environment: EnvironmentId,
        from: Timestamp,
        to: Timestamp,
        most: usize,
    ) -> Result<Vec<(WebhookId, Counts)>, StoreError> {
        self.engine.failing_webhooks(environment, from, to, most).await
    }

    /// How many deliveries wait, for each webhook that any wait for.
    pub async fn waiting(&self, environment: EnvironmentId) -> Result<HashMap<WebhookId, u64>, StoreError> {
        self.engine.waiting(environment).await
    }
}

/// Jobs.
impl Store {
    /// Starts a job, unless it was started before.
    pub async fn start_job(&self, new: NewJob) -> Result<StartJob, StoreError> {
        self.engine.start_job(new).await
    }

    /// What became of a start with that idempotency key of that tenant, or of the vendor, before: the job, or that the key was used
    /// with another request; none: there was no such start, or its job is forgotten.
    pub async fn earlier_job(
        &self,
        environment: EnvironmentId,
        tenant: Option<TenantId>,
        idempotency_key: String,
        request_hash: [u8; 32],
    ) -> Result<Option<StartJob>, StoreError> {
        self.engine.earlier_job(environment, tenant, idempotency_key, request_hash).await
    }

    /// What stands in the way of a job's start, be it that it was started before; none: nothing does at the moment. Cheap, to be asked
    /// before what there is to do is counted.
    pub async fn obstacle_to_job(&self, new: NewJob) -> Result<Option<StartJob>, StoreError> {
        self.engine.obstacle_to_job(new).await
    }

    /// Whether a job has made that delivery.
    pub async fn has_made(
        &self,
        environment: EnvironmentId,
        job: JobId,
        delivery: DeliveryId,
    ) -> Result<bool, StoreError> {
        self.engine.has_made(environment, job, delivery).await
    }

    /// Pauses, resumes or cancels a job, or changes its rate.
    pub async fn control_job(
        &self,
        environment: EnvironmentId,
        id: JobId,
        control: Control,
    ) -> Result<ControlJob, StoreError> {
        self.engine.control_job(environment, id, control).await
    }

    /// A job.
    pub async fn job(&self, environment: EnvironmentId, id: JobId) -> Result<Option<Job>, StoreError> {
        self.engine.job(environment, id).await
    }

    /// Jobs, newest first; of a tenant: those of its users. One that cannot be read is left out, and the log tells of it.
    pub async fn jobs(
        &self,
        environment: EnvironmentId,
        of: Option<TenantId>,
        page: PageRequest<JobId>,
    ) -> Result<Page<Job, JobId>, StoreError> {
        self.engine.jobs(environment, of, page).await
    }

    /// Every job that runs and can be read, with the parts that are not over.
    pub async fn running_jobs(&self) -> Result<Vec<RunningJob>, StoreError> {
        self.engine.running_jobs().await
    }

    /// What a resend has before it.
    pub async fn resend_ahead(
        &self,
        environment: EnvironmentId,
        asked: ResendAhead,
    ) -> Result<Ahead<Repeatable>, StoreError> {
        self.engine.resend_ahead(environment, asked).await
    }

    /// The events of a replay's range after a cursor, whether the webhook subscribes to them or not.
    pub async fn replay_ahead(
        &self,
        environment: EnvironmentId,
        asked: ReplayAhead,
    ) -> Result<Ahead<Replayable>, StoreError> {
        self.engine.replay_ahead(environment, asked).await
    }

    /// Takes a job a step forward: makes its deliveries, which come by [`Commit::resent`], too. When: [`JobStep::commit`].
    pub async fn step_job(&self, step: JobStep) -> Result<Stepped, StoreError> {
        self.engine.step_job(step).await
    }
}

/// The engine's paging. What is on its way out, because its webhook was switched off, is not among it.
impl Store {
    /// Every webhook for which deliveries wait, with the moment when the earliest is due.
    pub async fn lanes_with_work(&self) -> Result<Vec<(WebhookId, Timestamp)>, StoreError> {
        self.engine.lanes_with_work().await
    }

    /// The shape of that revision; none where nothing can be sent by it any more.
    pub async fn shape(&self, revision: ShapeRevision) -> Result<Option<Shape>, StoreError> {
        self.engine.shape(revision).await
    }

    /// What is due at `now` in a lane, after a position; none: from the beginning.
    pub async fn page_lane(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<LanePosition>,
        limit: usize,
    ) -> Result<LanePage, StoreError> {
        self.engine.page_lane(webhook, now, after, limit).await
    }

    /// The position before a delivery that is due at `now` in a lane and was picked by `chance`, which goes from 0 up to 1: one of the
    /// [`postrider_core::limits::PROBES`] that were due first or last, of those that were never attempted, where there are any. None: the
    /// first of all.
    pub async fn before_any_due(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        chance: f64,
    ) -> Result<Option<LanePosition>, StoreError> {
        self.engine.before_any_due(webhook, now, chance).await
    }

    /// How many deliveries of a webhook wait, in whatever state and until whenever, up to the last commit; of one that is deleted, none.
    pub async fn waiting_for(&self, webhook: WebhookId) -> Result<usize, StoreError> {
        self.engine.waiting_for(webhook).await
    }

    /// How many of these are due by now and wait for no other: they are counted up to `most`.
    pub async fn due_for(&self, webhook: WebhookId, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.engine.due_for(webhook, now, most).await
    }
}

/// Upkeep, in bites of about [`postrider_core::limits::UPKEEP_BITE`] rows; each may be repeated until it is done.
impl Store {
    /// Discards what waits for webhooks that were disabled or deleted. What is under way is left to its answer: where nothing else is to be
    /// done, it is done for now, and is to be called again when that is over.
    pub async fn sweep_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.sweep_bite().await
    }

    /// Has what a clock that was ahead has put off looked for, from the beginning. Does not block. A start does it by itself where the
    /// newest delivery, or the newest attempt, is of a moment that is still to come.
    pub fn clock_was_set_back(&self) {
        self.engine.clock_was_set_back();
    }

    /// Brings forward what a clock that was ahead has put off: what was never attempted becomes due, and a retry waits from now on for as
    /// long as it was meant to.
    pub async fn bring_forward_bite(&self) -> Result<BroughtForward, StoreError> {
        self.engine.bring_forward_bite().await
    }

    /// Deletes events that are older than their environment keeps them and whose deliveries have all ended, with deliveries and
    /// attempts; then webhooks that were deleted [`postrider_core::limits::DELETED_WEBHOOK_KEPT`] ago and that nothing tells of, or not
    /// any more. What stayed is looked at again after [`postrider_core::limits::EXPIRY_LOOKS_AGAIN`]. `default` is how long environments
    /// keep them that do not say.
    ///
    /// # Errors
    /// Where one environment's cannot be deleted, the others' is all the same: what failed first is the answer to the last bite of the
    /// round, and the next bite begins a new one.
    pub async fn expire_bite(&self, default: Duration) -> Result<Upkeep, StoreError> {
        self.engine.expire_bite(default).await
    }

    /// Forgets rotated secrets and keys whose overlap has ended.
    pub async fn end_overlaps_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.end_overlaps_bite().await
    }

    /// Forgets idempotency keys that were first used before a moment.
    pub async fn forget_idempotency_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        self.engine.forget_idempotency_bite(before).await
    }

    /// Forgets statistics that have had their time, and makes days of old hours.
    pub async fn statistics_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.statistics_bite().await
    }

    /// Forgets jobs that ended longer ago than their environment keeps its events. `default` is as for [`Self::expire_bite`].
    pub async fn forget_jobs_bite(&self, default: Duration) -> Result<Upkeep, StoreError> {
        self.engine.forget_jobs_bite(default).await
    }

    /// Cancels jobs that have been paused since before a moment: they keep their places from others.
    pub async fn end_paused_jobs_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        self.engine.end_paused_jobs_bite(before).await
    }

    /// Deletes what search kept of events that have all expired.
    pub async fn postings_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.postings_bite().await
    }

    /// Forgets sessions that have ended.
    pub async fn forget_sessions_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.forget_sessions_bite().await
    }

    /// Gives free pages back to the file system, where they are more than what is soon used again.
    pub async fn vacuum_bite(&self) -> Result<Upkeep, StoreError> {
        self.engine.vacuum_bite().await
    }
}
