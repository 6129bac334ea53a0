//! What becomes of an accepted event: lanes, turns, attempts, recording, and upkeep.
//!
//! # Path of an event
//!
//! [`Engine::accept`] takes room in the memory, matches webhooks and hands event and deliveries to the store. After the commit, on the
//! writer's thread, the deliveries are pushed to the scheduler and what may be sent at once is launched ([`dispatch`]). An
//! attempt signs, sends, lets [`postrider_core::delivery::next`] decide and hands the result to the store's next commit
//! ([`attempt`]). Retries, and whatever does not fit in memory, wait in the database, and are read when they are due and there is room.
//!
//! Architecture invariants: whatever must happen after a commit happens in the commit's observer, so that a caller who went away loses
//! nothing. No task stands between a commit and an attempt, or between an attempt's end and the next launch: whoever brings the news
//! also acts on it, under one lock that is never held across an await. What is in memory is bounded by [`postrider_core::limits`],
//! what is in the database is not.

mod attempt;
mod compiled;
mod dispatch;
mod drafts;
mod intake;
mod jobs;
mod judge;
mod kept;
mod meters;
mod options;
mod pages;
mod scheduler;
mod sent;
mod shaping;
mod signing;
mod skip;
mod tokens;
mod transport;
mod turns;
mod undecided;
mod upkeep;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Attempt;
use postrider_core::delivery::Delivery;
use postrider_core::event::{Event, TenantId};
use postrider_core::job::Work;
use postrider_core::retention::Retention;
use postrider_core::shape::ShapeRevision;
use postrider_core::signature::{Secret, Signing};
use postrider_core::source::Source;
use postrider_core::webhook::{EndpointUrl, Scope, Webhook};
use postrider_core::{Clock, DeliveryId, Entropy, EnvironmentId, EventId, WebhookId};
use postrider_egress::{Egress, Exchange};
use postrider_store::{Actor, PutRetention, ResendOutcome, SkipOutcome, Store, StoreError};

pub use self::compiled::{Content, RenderError, RenderedPart, SentHeader};
pub use self::intake::{AcceptError, IncomingEvent, Share};
pub use self::jobs::JobCount;
pub use self::options::EngineOptions;
pub use self::scheduler::LaneReport;
pub use self::sent::{SentRequest, ToldHeader, ToldValue};
pub use self::shaping::{Draft, Preview, PreviewError};
pub use self::transport::{Sending, Transport};
pub use self::undecided::Undecided;
pub use self::watch::{Accepted, Changes, ChangesWanted, EventsWanted, Held, HeldChanges, HeldEvents, Watch};

use self::dispatch::Core;

/// The engine: a handle, cheap to clone.
#[derive(Clone)]
pub struct Engine {
    core: Arc<Core>,
}

/// A request to try an endpoint out.
#[derive(Debug)]
pub struct TestRequest {
    /// For whose webhook; connections are not shared between tenants.
    pub scope: Scope,
    /// The endpoint.
    pub url: EndpointUrl,
    /// What to sign with.
    pub secret: Option<Secret>,
    /// How to sign besides.
    pub signing: Signing,
    /// What to send: an event that is recorded nowhere.
    pub event: Event,
    /// How long it may take.
    pub deadline: Duration,
    /// What to make of the event, and what to show to be let in.
    pub draft: Draft,
}

/// What came of a test.
#[derive(Debug)]
pub struct TestReport {
    /// What was sent as `webhook-id`; no event of that id is recorded.
    pub event_id: EventId,
    /// The exchange.
    pub exchange: Exchange,
}

/// Why a test was not made.
#[derive(Debug, thiserror::Error)]
pub enum TestError {
    /// What is to be sent cannot be rendered.
    #[error(transparent)]
    Unrenderable(#[from] RenderError),
    /// Its turn did not come in time: as many others are under way as can be.
    #[error("as many tests are under way as can be")]
    Busy,
}

impl Engine {
    /// Starts the engine on a store that nobody has started: from here on it takes events, sends what waits and keeps house.
    ///
    /// Must be called within a tokio runtime, whose threads make the attempts.
    pub fn start(
        store: Store,
        egress: Egress,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: EngineOptions,
    ) -> Self {
        let transport = Arc::new(egress.clone());
        Self::start_over(transport, store, egress, clock, entropy, options)
    }

    /// As [`Self::start`], with attempts and tests made over another transport than the egress client.
    pub fn start_over(
        transport: Arc<dyn Transport>,
        store: Store,
        egress: Egress,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: EngineOptions,
    ) -> Self {
        Self { core: Core::start(transport, store, egress, clock, entropy, options) }
    }

    /// Accepts events together or not at all: answered when they are durable. A caller may go away while it waits; what was handed to
    /// the store is then committed and delivered all the same.
    pub async fn accept(
        &self,
        environment: EnvironmentId,
        events: Vec<IncomingEvent>,
        idempotency: Option<postrider_store::Idempotency>,
    ) -> Result<postrider_store::AcceptOutcome, AcceptError> {
        self.core.accept(environment, events, idempotency, None).await
    }

    /// The same for events of a request that held `room` while it was read.
    pub async fn accept_read(
        &self,
        environment: EnvironmentId,
        events: Vec<IncomingEvent>,
        idempotency: Option<postrider_store::Idempotency>,
        room: Share,
    ) -> Result<postrider_store::AcceptOutcome, AcceptError> {
        self.core.accept(environment, events, idempotency, Some(room)).await
    }

    /// Waits for room in the memory for intake, for the first `bytes` of a request that is being read: the same memory that its events
    /// take afterwards.
    pub async fn room_for(&self, bytes: usize) -> Result<Share, AcceptError> {
        self.core.room_for(bytes).await
    }

    /// The same for `bytes` that come after them.
    pub async fn more_room_for(&self, bytes: usize) -> Result<Share, AcceptError> {
        self.core.more_room_for(bytes).await
    }

    /// Sends a delivery once more, as a new delivery.
    pub async fn resend(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<ResendOutcome, StoreError> {
        self.core.store.resend(environment, delivery).await
    }

    /// Ends a delivery that waits, so that those behind it go on. Where an attempt of it is under way, its end is waited for, and what is
    /// answered counts first.
    pub async fn skip(&self, environment: EnvironmentId, delivery: DeliveryId) -> Result<SkipOutcome, StoreError> {
        self.core.skip(environment, delivery).await
    }

    /// Tries an endpoint out with a request like a delivery's. Nothing is recorded.
    pub async fn test(&self, request: TestRequest) -> Result<TestReport, TestError> {
        self.core.test(request).await
    }

    /// Whether a draft's templates can be rendered for any event, as far as can be told without one. What is long is compiled on threads
    /// that are there for that.
    pub async fn check(&self, draft: &Draft) -> Result<(), PreviewError> {
        self.core.check(draft).await
    }

    /// What the request of a draft would be for that event. What takes long is rendered on threads that are there for that, as for a
    /// delivery.
    pub async fn preview(&self, draft: &Draft, event: &Event) -> Result<Preview, PreviewError> {
        self.core.preview(draft, event).await
    }

    /// What a filter that is tried out says of an event, on a thread that is there for that: whether it lets it through, or why it cannot
    /// tell. None: it is no filter.
    pub async fn try_filter(&self, filter: Source, event: Event) -> Result<Option<Result<bool, String>>, PreviewError> {
        self.core.try_filter(filter, event).await
    }

    /// The headers of an attempt made now to deliver that event to a webhook with that secret: for those who watch events instead of
    /// being sent them.
    pub fn headers_of(&self, event: &Event, secret: &Secret) -> http::HeaderMap {
        self.core.headers_of(event, secret)
    }

    /// The headers of an attempt made now to deliver that event with that body: for those who look before something is sent.
    pub fn headers_with(
        &self,
        event: &Event,
        body: &[u8],
        secret: Option<Secret>,
        signing: Signing,
    ) -> http::HeaderMap {
        self.core.headers_with(event, body, secret, signing)
    }

    /// What an attempt of a delivery sent whose webhook has a shape. None where the event or the shape are gone by now.
    pub async fn sent(
        &self,
        environment: EnvironmentId,
        shape: ShapeRevision,
        event: EventId,
    ) -> Result<Option<Content>, StoreError> {
        self.core.sent(environment, shape, event).await
    }

    /// The requests of a delivery's attempts, in the order of the attempts: what is kept of them, and what follows from it. None for an
    /// attempt that is from a version that did not keep it, or whose settings are too many changes of the webhook ago.
    pub async fn sent_requests(
        &self,
        delivery: &Delivery,
        attempts: &[Attempt],
    ) -> Result<Vec<Option<SentRequest>>, StoreError> {
        self.core.sent_requests(delivery, attempts).await
    }

    /// How a webhook's lane stands.
    pub fn lane(&self, webhook: WebhookId) -> LaneReport {
        self.core.report(webhook)
    }

    /// What the webhook's filter could not decide since the server started; none: it decided everything.
    pub fn undecided(&self, webhook: &Webhook) -> Option<Undecided> {
        self.core.undecided.of(webhook)
    }

    /// Events of the environment as they are accepted. Who reads slowly misses some.
    pub fn watch(&self, environment: EnvironmentId, wanted: EventsWanted) -> Watch<HeldEvents> {
        self.core.watchers.watch_events(environment, wanted)
    }

    /// What changes in the environment: deliveries and jobs. Who reads slowly misses some.
    pub fn watch_changes(&self, environment: EnvironmentId, wanted: ChangesWanted) -> Watch<HeldChanges> {
        self.core.changes.watch_changes(environment, wanted)
    }

    /// Counts what a job of that tenant, or of the vendor, would do that is started now.
    pub async fn count_job(
        &self,
        environment: EnvironmentId,
        whose: Option<&TenantId>,
        work: &Work,
    ) -> Result<JobCount, StoreError> {
        self.core.count_job(environment, whose, work).await
    }

    /// Sets how long an environment keeps its events, deliveries, attempts and jobs, while whoever does it still may; none: for
    /// [`Self::default_retention`]. What is older is deleted from now on, in bites; what waits is not, however old it is.
    pub async fn put_retention(
        &self,
        environment: EnvironmentId,
        retention: Option<Retention>,
        by: Actor,
    ) -> Result<PutRetention, StoreError> {
        let put = self.core.store.put_retention(environment, retention, by).await?;
        self.core.upkeep.notify_one();
        Ok(put)
    }

    /// How long environments keep events, deliveries and attempts that say nothing else.
    pub fn default_retention(&self) -> Retention {
        self.core.options.retention
    }

    /// The client that all requests leave through.
    pub fn egress(&self) -> &Egress {
        &self.core.egress
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.core.store
    }

    /// Looks at the clock now, instead of within a second: for clocks that jump.
    pub fn wake(&self) {
        self.core.wake();
    }

    /// Stops: takes no more events, lets what is in flight finish for as long as the options say, gives up the rest, and waits until
    /// the results are recorded. What was given up waits in the database as before and is sent at the next start. The store stays
    /// open: closing it is its owner's.
    pub async fn shutdown(&self) {
        self.core.shutdown(self.core.options.shutdown_patience).await;
    }

    /// The same with another patience than that of the options.
    pub async fn shutdown_within(&self, patience: Duration) {
        self.core.shutdown(patience).await;
    }
}
