//! All SQL of Postrider: what is durable, the writer that groups commits, and the directory in memory.

mod change;
mod directory;
mod error;
mod hot;
mod read;
mod seal;

use std::path::PathBuf;
use std::sync::Arc;

use postrider_core::attempt::Attempt;
use postrider_core::environment::{Environment, OperatorToken, PortalSettings, TrustedIssuer};
use postrider_core::event::Event;
use postrider_core::event_type::EventType;
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{
    AttemptId, CategoryId, Clock, CredentialId, DeliveryId, Entropy, EnvironmentId, EventId, EventTypeId,
    OperatorTokenId, Timestamp, WebhookId,
};

pub use change::{
    CategoryRef, CreateCredential, CreateEnvironment, CreateWebhook, DeleteCategory, EventTypePatch, Found,
    NewCredential, NewEnvironment, NewEventType, NewWebhook, PutCategory, PutEventType, PutTrustedIssuer, WebhookPatch,
};
pub use directory::Directory;
pub use error::{OpenError, StoreError};
pub use hot::{
    AcceptBatch, AcceptOutcome, AcceptedEvent, Commit, CommitObserver, Idempotency, NewDelivery, NewEvent, Receipt,
    ResendOutcome, Settled, Settlement, Waiting, WebhookChange,
};
pub use read::{
    DeliveryFilter, DeliveryRow, EventFilter, EventRow, LanePage, LanePosition, LastAttempt, LogPage, LogRow, Page,
    PageRequest, Upkeep,
};
pub use seal::{MasterKey, MasterKeyError};

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

/// The store: a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {
    directory: Arc<Directory>,
}

#[expect(clippy::unimplemented, clippy::unused_async, unused_variables, reason = "interface first")]
impl Store {
    /// Opens.
    pub fn open(options: StoreOptions) -> Result<Self, OpenError> {
        unimplemented!()
    }
    /// Starts.
    pub fn start(&self, observer: Arc<dyn CommitObserver>) {
        unimplemented!()
    }
    /// The directory.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }
    /// Closes.
    pub async fn close(&self) {
        unimplemented!()
    }

    /// Accepts.
    pub async fn accept(&self, batch: AcceptBatch) -> Result<AcceptOutcome, StoreError> {
        unimplemented!()
    }
    /// Records.
    pub fn record(&self, settlement: Settlement) {
        unimplemented!()
    }
    /// Resends.
    pub async fn resend(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<ResendOutcome, StoreError> {
        unimplemented!()
    }

    /// x
    pub async fn create_environment(&self, new: NewEnvironment) -> Result<CreateEnvironment, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn rename_environment(
        &self,
        id: EnvironmentId,
        name: String,
    ) -> Result<Option<Arc<Environment>>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn put_portal_settings(&self, id: EnvironmentId, portal: PortalSettings) -> Result<Found, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn put_trusted_issuer(
        &self,
        id: EnvironmentId,
        issuer: Option<TrustedIssuer>,
    ) -> Result<PutTrustedIssuer, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn create_credential(&self, new: NewCredential) -> Result<CreateCredential, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn revoke_credential(&self, environment: EnvironmentId, id: CredentialId) -> Result<Found, StoreError> {
        unimplemented!()
    }
    /// x
    pub fn touch_credential(&self, id: CredentialId, at: Timestamp) {
        unimplemented!()
    }
    /// x
    pub async fn create_operator_token(&self, name: String, hash: [u8; 32]) -> Result<Arc<OperatorToken>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn revoke_operator_token(&self, id: OperatorTokenId) -> Result<Found, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn create_webhook(&self, new: NewWebhook) -> Result<CreateWebhook, StoreError> {
        unimplemented!()
    }
    /// x; `scope` none: whatever it is.
    pub async fn update_webhook(
        &self,
        environment: EnvironmentId,
        scope: Option<&Scope>,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Option<Arc<Webhook>>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn delete_webhook(&self, environment: EnvironmentId, id: WebhookId) -> Result<Found, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn create_category(&self, environment: EnvironmentId, name: String) -> Result<PutCategory, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn rename_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
        name: String,
    ) -> Result<PutCategory, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn delete_category(
        &self,
        environment: EnvironmentId,
        id: CategoryId,
    ) -> Result<DeleteCategory, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn create_event_type(&self, new: NewEventType) -> Result<PutEventType, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn update_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
        patch: EventTypePatch,
    ) -> Result<PutEventType, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn delete_event_type(
        &self,
        environment: EnvironmentId,
        id: EventTypeId,
    ) -> Result<Option<Arc<EventType>>, StoreError> {
        unimplemented!()
    }

    /// x
    pub async fn event(&self, environment: EnvironmentId, id: EventId) -> Result<Option<Event>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn events(
        &self,
        environment: EnvironmentId,
        filter: EventFilter,
        page: PageRequest<EventId>,
    ) -> Result<Page<EventRow, EventId>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn delivery(
        &self,
        environment: EnvironmentId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRow>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn deliveries(
        &self,
        environment: EnvironmentId,
        filter: DeliveryFilter,
        page: PageRequest<DeliveryId>,
    ) -> Result<Page<DeliveryRow, DeliveryId>, StoreError> {
        unimplemented!()
    }
    /// Of each webhook that the event reached, the newest delivery.
    pub async fn newest_deliveries_of_event(
        &self,
        environment: EnvironmentId,
        event: EventId,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        unimplemented!()
    }
    /// First to last.
    pub async fn attempts(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<Vec<Attempt>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn attempt(&self, environment: EnvironmentId, id: AttemptId) -> Result<Option<LogRow>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn log(
        &self,
        environment: EnvironmentId,
        webhook: WebhookId,
        offset: usize,
        limit: usize,
    ) -> Result<LogPage, StoreError> {
        unimplemented!()
    }

    /// Every webhook for which deliveries wait, with the moment when the earliest is due.
    pub async fn lanes_with_work(&self) -> Result<Vec<(WebhookId, Timestamp)>, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn page_lane(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        after: Option<LanePosition>,
        limit: usize,
    ) -> Result<LanePage, StoreError> {
        unimplemented!()
    }

    /// x
    pub async fn sweep_bite(&self) -> Result<Upkeep, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn expire_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn forget_idempotency_bite(&self, before: Timestamp) -> Result<Upkeep, StoreError> {
        unimplemented!()
    }
    /// x
    pub async fn vacuum_bite(&self) -> Result<Upkeep, StoreError> {
        unimplemented!()
    }
}
