//! A store under test, with a clock and randomness of the test's own, and calls that read like a story.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{Attempt, AttemptResult, BodyEnd, FailureKind, KeptHeaders, OurFault, Outcome, Timings};
use postrider_core::delivery::{DeliveryState, next};
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::limits::RESPONSE_HEADERS_KEPT;
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{AttemptId, Clock, DeliveryId, Entropy, EnvironmentId, EventId, Timestamp, WebhookId};
use postrider_store::{
    AcceptBatch, AcceptOutcome, Actor, Commit, CommitObserver, CreateEnvironment, CreateWebhook, DeliveryRow,
    Idempotency, NewDelivery, NewEnvironment, NewEvent, NewWebhook, Settlement, Store, StoreError, StoreOptions,
    Upkeep,
};
use postrider_testkit::{ManualClock, SeededEntropy};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// An engine under test: opens the same database each time.
pub(crate) trait Engine {
    fn open(&self, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Store;
}

/// SQLite in a directory of its own.
pub(crate) struct Embedded(TempDir);

impl Default for Embedded {
    fn default() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Engine for Embedded {
    fn open(&self, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Store {
        let data_dir = self.0.path().to_owned();
        Store::open(StoreOptions { data_dir, clock, entropy, master_key: None }).unwrap()
    }
}

/// Keeps every commit, and says what is under way.
#[derive(Default)]
pub(crate) struct Commits {
    all: Mutex<Vec<Commit>>,
    under_way: Mutex<HashSet<DeliveryId>>,
    arrived: Notify,
}

impl CommitObserver for Commits {
    fn committed(&self, commit: Commit) {
        self.all.lock().unwrap().push(commit);
        self.arrived.notify_waiters();
    }

    fn is_under_way(&self, delivery: DeliveryId) -> bool {
        self.under_way.lock().unwrap().contains(&delivery)
    }
}

impl Commits {
    /// From now on attempts of these are under way, and of no others.
    pub(crate) fn under_way(&self, deliveries: impl IntoIterator<Item = DeliveryId>) {
        *self.under_way.lock().unwrap() = deliveries.into_iter().collect();
    }

    /// What `find` finds in all commits so far.
    pub(crate) fn collect<T>(&self, find: impl FnMut(&Commit) -> Vec<T>) -> Vec<T> {
        self.all.lock().unwrap().iter().flat_map(find).collect()
    }

    pub(crate) fn settlements_of(&self, id: DeliveryId) -> Vec<DeliveryState> {
        self.collect(|c| c.settled.iter().filter(|s| s.delivery == id).map(|s| s.state).collect())
    }

    /// The states in which it has ended: one at most, if all is well.
    pub(crate) fn ends_of(&self, id: DeliveryId) -> Vec<DeliveryState> {
        self.collect(|c| c.settled.iter().filter(|s| s.delivery == id && s.ended).map(|s| s.state).collect())
    }

    async fn wait_until(&self, mut done: impl FnMut(&Self) -> bool) {
        let wait = async {
            loop {
                let arrived = self.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if done(self) {
                    return;
                }
                arrived.await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.expect("it happens within the deadline");
    }
}

pub(crate) struct World {
    engine: Box<dyn Engine>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<SeededEntropy>,
    pub(crate) commits: Arc<Commits>,
    store: Option<Store>,
}

/// An event and its deliveries, in the order of the webhooks.
pub(crate) struct Accepted {
    pub(crate) event: Arc<Event>,
    pub(crate) deliveries: Vec<DeliveryId>,
}

impl World {
    pub(crate) fn new(engine: Box<dyn Engine>) -> Self {
        let clock = Arc::new(ManualClock::default());
        let entropy = Arc::new(SeededEntropy::new(42));
        let store = engine.open(clock.clone(), entropy.clone());
        let commits = Arc::new(Commits::default());
        store.start(commits.clone());
        Self { engine, clock, entropy, commits, store: Some(store) }
    }

    pub(crate) fn store(&self) -> &Store {
        self.store.as_ref().expect("there is a store between reopenings")
    }

    /// Drops the store without closing it and opens it again.
    pub(crate) fn reopen(&mut self) {
        self.reopen_unstarted();
        self.store().start(self.commits.clone());
    }

    /// The same, and commands gather until [`World::start`]: they become one group.
    pub(crate) fn reopen_unstarted(&mut self) {
        self.store = None;
        self.store = Some(self.engine.open(self.clock.clone(), self.entropy.clone()));
    }

    pub(crate) fn start(&self) {
        self.store().start(self.commits.clone());
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn set_back(&self, by: Duration) -> Timestamp {
        self.clock.set(self.clock.now() - by);
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: Duration) -> Timestamp {
        self.clock.advance(by)
    }

    pub(crate) async fn environment(&self, name: &str) -> EnvironmentId {
        let new = NewEnvironment { id: None, name: name.into(), made_by: Actor::Control };
        match self.store().create_environment(new).await.unwrap() {
            CreateEnvironment::Created(environment) => environment.id,
            other => panic!("a new id is not taken, and the machine's own operator makes it: {other:?}"),
        }
    }

    pub(crate) fn new_webhook(environment: EnvironmentId) -> NewWebhook {
        NewWebhook {
            environment_id: environment,
            scope: Scope::Environment,
            display_name: "Orders".into(),
            description: String::new(),
            url: EndpointUrl::parse("https://example.com/hooks").unwrap(),
            secret: Secret::from_vendor("a very secret secret").unwrap(),
            signing: Signing::default(),
            event_keys: vec!["*".into()],
            filter: None,
            status: WebhookStatus::Active,
            sending: Sending::default(),
            shape: Shape::default(),
            access: Access::default(),
        }
    }

    pub(crate) async fn webhook(&self, environment: EnvironmentId) -> Arc<Webhook> {
        self.webhook_like(Self::new_webhook(environment)).await
    }

    pub(crate) async fn webhook_with(&self, environment: EnvironmentId, retry: RetryPolicy) -> Arc<Webhook> {
        let sending = Sending { retry, ..Sending::default() };
        self.webhook_like(NewWebhook { sending, ..Self::new_webhook(environment) }).await
    }

    pub(crate) async fn webhook_like(&self, new: NewWebhook) -> Arc<Webhook> {
        match self.store().create_webhook(new).await.unwrap() {
            CreateWebhook::Created(webhook) => webhook,
            other => panic!("{other:?}"),
        }
    }

    /// An event to be, with a delivery to each of the webhooks. Each is made a little later than the one before.
    pub(crate) fn event(&self, environment: EnvironmentId, key: &str, tenant: Option<&str>) -> Event {
        let now = self.advance(Duration::from_millis(1));
        Event {
            id: EventId::new(now, self.entropy.as_ref()),
            environment_id: environment,
            key: EventKey::parse(key).unwrap(),
            tenant_id: tenant.map(|t| TenantId::parse(t).unwrap()),
            user_id: None,
            application_id: None,
            occurred_at: None,
            accepted_at: now,
            body: Bytes::from(format!(r#"{{"eventKey":"{key}"}}"#)),
            room: Room::uncounted(),
        }
    }

    pub(crate) fn for_webhooks(&self, event: Event, webhooks: &[Arc<Webhook>]) -> NewEvent {
        let delivery = |w: &Arc<Webhook>| NewDelivery {
            id: DeliveryId::new(self.now(), self.entropy.as_ref()),
            webhook: w.clone(),
            order_key: w.sending.order_by.as_ref().map(|by| by.key(&event)),
        };
        NewEvent { deliveries: webhooks.iter().map(delivery).collect(), event: Arc::new(event), notes: None }
    }

    pub(crate) async fn accept_event(&self, event: Event, webhooks: &[Arc<Webhook>]) -> Accepted {
        let new = self.for_webhooks(event, webhooks);
        let accepted = Accepted { event: new.event.clone(), deliveries: new.deliveries.iter().map(|d| d.id).collect() };
        let outcome = self.accept_batch(vec![new], None).await.unwrap();
        let count = u32::try_from(accepted.deliveries.len()).unwrap();
        assert_eq!(outcome, AcceptOutcome::Accepted(vec![(accepted.event.id, count)]));
        accepted
    }

    /// Accepts an event without a tenant for these webhooks.
    pub(crate) async fn accept(&self, webhooks: &[Arc<Webhook>]) -> Accepted {
        let environment = webhooks.first().expect("a webhook").environment_id;
        self.accept_event(self.event(environment, "order.made", None), webhooks).await
    }

    pub(crate) async fn accept_batch(
        &self,
        events: Vec<NewEvent>,
        idempotency: Option<Idempotency>,
    ) -> Result<AcceptOutcome, StoreError> {
        self.store().accept(AcceptBatch { events, idempotency }).await
    }

    pub(crate) async fn row(&self, environment: EnvironmentId, id: DeliveryId) -> DeliveryRow {
        self.store().delivery(environment, id).await.unwrap().expect("the delivery is there")
    }

    pub(crate) async fn state(&self, environment: EnvironmentId, id: DeliveryId) -> DeliveryState {
        self.row(environment, id).await.delivery.state
    }

    pub(crate) fn known(&self, id: WebhookId) -> Arc<Webhook> {
        self.store().directory().webhook(id).expect("the webhook is there")
    }

    /// What the outcome of an attempt that is made now makes of the delivery.
    pub(crate) fn settlement(&self, event: &Arc<Event>, row: &DeliveryRow, outcome: &Outcome) -> Settlement {
        let delivery = &row.delivery;
        let policy = self
            .store()
            .directory()
            .webhook(delivery.webhook_id)
            .map_or(RetryPolicy::Standard, |webhook| webhook.sending.retry.clone());
        let step = next(delivery.attempts, delivery.state.fault(), outcome, &policy, self.now(), 0.5);
        let result = match outcome {
            Outcome::Answered { status, .. } => Some(AttemptResult::Answered {
                status: *status,
                headers: KeptHeaders::of(
                    [("x-answer", format!("to \"{}\"", delivery.attempts + 1).as_bytes())],
                    RESPONSE_HEADERS_KEPT,
                ),
                body: Bytes::from_static(b"\xff\x00 as received"),
                body_end: BodyEnd::Complete,
            }),
            Outcome::Failed(kind) => {
                Some(AttemptResult::Failed { kind: *kind, message: "nothing listens there".into() })
            }
            Outcome::Ours(_) | Outcome::MovedFrom | Outcome::Unrenderable => None,
        };
        let attempt = result.map(|result| Attempt {
            id: AttemptId::new(self.now(), self.entropy.as_ref()),
            delivery_id: delivery.id,
            number: delivery.attempts + 1,
            started_at: self.now(),
            result,
            url: "https://example.com/hooks".into(),
            settings: self.store().directory().webhook(delivery.webhook_id).map(|webhook| webhook.settings),
            remote_address: "2001:db8::7".parse().ok(),
            timings: Timings {
                tls: Some(Duration::from_micros(7)),
                total: Duration::from_millis(12),
                ..Timings::default()
            },
        });
        Settlement {
            delivery: delivery.id,
            environment_id: event.environment_id,
            webhook_id: delivery.webhook_id,
            event: event.clone(),
            order_key: delivery.order_key,
            attempt,
            step,
            problem: None,
        }
    }

    /// Records the outcome of an attempt of that delivery and waits for the commit. Returns the state as committed.
    pub(crate) async fn settle(&self, event: &Arc<Event>, id: DeliveryId, outcome: Outcome) -> DeliveryState {
        let row = self.row(event.environment_id, id).await;
        self.record(self.settlement(event, &row, &outcome)).await
    }

    pub(crate) async fn record(&self, settlement: Settlement) -> DeliveryState {
        let id = settlement.delivery;
        let before = self.commits.settlements_of(id).len();
        self.store().record(settlement);
        self.commits.wait_until(|commits| commits.settlements_of(id).len() > before).await;
        self.commits.settlements_of(id)[before]
    }

    /// Sweeps to the end.
    pub(crate) async fn sweep(&self) {
        while self.store().sweep_bite().await.unwrap() == Upkeep::More {}
    }

    /// Brings forward to the end what a clock that was ahead has put off, and returns whose that was.
    pub(crate) async fn bring_forward(&self) -> Vec<WebhookId> {
        let mut webhooks = Vec::new();
        loop {
            let bite = self.store().bring_forward_bite().await.unwrap();
            webhooks.extend(bite.webhooks);
            if bite.upkeep == Upkeep::Done {
                return webhooks;
            }
        }
    }

    /// Expires to the end what was accepted before a moment, unless environments keep it for another time, and returns the number of
    /// bites.
    pub(crate) async fn expire(&self, before: Timestamp) -> usize {
        let kept = self.now().since(before);
        let mut bites = 1;
        while self.store().expire_bite(kept).await.unwrap() == Upkeep::More {
            bites += 1;
            assert!(bites < 1_000, "expiring comes to an end");
        }
        bites
    }
}

pub(crate) fn answered(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

pub(crate) fn failed() -> Outcome {
    Outcome::Failed(FailureKind::ConnectionRefused)
}

pub(crate) fn ours() -> Outcome {
    Outcome::Ours(OurFault::Resolver)
}
