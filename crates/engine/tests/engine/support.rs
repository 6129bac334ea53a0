//! A server without sockets: store and engine in a temporary directory, receivers in memory, and crashes.

use std::future::pending;
use std::net::IpAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method};
use postrider_core::attempt::{BodyEnd, FailureKind, OurFault, Timings};
use postrider_core::delivery::Delivery;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{Access, Shape};
use postrider_core::signature::{Secret, Signing};
use postrider_core::webhook::{EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{Clock, EnvironmentId, EventId, Timestamp, WebhookId};
use postrider_egress::{
    Answer, Egress, EgressOptions, Exchange, OutboundRequest, Resolve, ResolveError, Resolving, SendError,
};
use postrider_engine::{AcceptError, Engine, EngineOptions, IncomingEvent, Transport};
use postrider_store::{
    AcceptOutcome, Actor, CreateEnvironment, CreateWebhook, DeliveryFilter, NewEnvironment, NewWebhook, PageRequest,
    Store, StoreOptions, WebhookPatch,
};
use postrider_testkit::{ManualClock, SeededEntropy};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

/// How long a test waits for anything.
const DEADLINE: Duration = Duration::from_mins(1);
/// How often it looks.
const GLANCE: Duration = Duration::from_millis(2);

/// What a receiver does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Status(u16),
    Fails(FailureKind),
    Ours(OurFault),
    /// Never answers; times out when [`Receivers::release`] is called.
    Hangs,
    /// Answers with that status when [`Receivers::release`] is called.
    Late(u16),
}

impl Reply {
    pub(crate) fn is_success(self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// A request that reached a receiver.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) at: Timestamp,
    pub(crate) url: String,
    pub(crate) event: EventId,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) reply: Reply,
    /// When it came, and when its exchange was over, among all that came and was over.
    pub(crate) came: usize,
    pub(crate) over: Option<usize>,
}

type Plan = Box<dyn FnMut(&OutboundRequest) -> Reply + Send>;

/// Everybody who receives, and what they got.
pub(crate) struct Receivers {
    clock: Arc<ManualClock>,
    plan: Mutex<Plan>,
    log: Mutex<Vec<Received>>,
    steps: AtomicUsize,
    tokens: Mutex<Vec<(HeaderMap, Bytes)>>,
    released: Notify,
}

impl Receivers {
    pub(crate) fn log(&self) -> Vec<Received> {
        self.log.lock().unwrap().clone()
    }

    fn step(&self) -> usize {
        self.steps.fetch_add(1, Ordering::SeqCst)
    }

    /// Nothing comes from that life any more, and whatever was under way is over.
    fn cut(&self, wire: &AtomicBool) {
        let mut log = self.log.lock().unwrap();
        wire.store(true, Ordering::SeqCst);
        for request in log.iter_mut().filter(|request| request.over.is_none()) {
            request.over = Some(self.step());
        }
    }

    pub(crate) fn all(&self, reply: Reply) {
        self.plan(move |_| reply);
    }

    pub(crate) fn plan(&self, mut plan: impl FnMut(&str) -> Reply + Send + 'static) {
        self.plan_by_request(move |request| plan(request.url.as_str()));
    }

    pub(crate) fn plan_by_request(&self, plan: impl FnMut(&OutboundRequest) -> Reply + Send + 'static) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }

    /// Answers a request for a token as planned for its URL: the n-th one is `token-n`.
    fn grant(&self, request: &OutboundRequest) -> Exchange {
        let reply = (self.plan.lock().unwrap())(request);
        let mut asked = self.tokens.lock().unwrap();
        asked.push((request.headers.clone(), request.body.clone()));
        let token = format!(r#"{{"access_token":"token-{}","token_type":"Bearer","expires_in":3600}}"#, asked.len());
        let (status, body) = match reply {
            Reply::Status(status @ 200..=299) => (status, Bytes::from(token)),
            Reply::Status(status) => (status, Bytes::from_static(br#"{"error":"invalid_client"}"#)),
            _ => (500, Bytes::new()),
        };
        let answer = Answer { status, headers: HeaderMap::new(), body, body_end: BodyEnd::Complete };
        Exchange { result: Ok(answer), timings: Timings::default(), remote_address: None }
    }

    /// Headers and bodies of the requests for tokens.
    pub(crate) fn tokens_asked(&self) -> Vec<(HeaderMap, Bytes)> {
        self.tokens.lock().unwrap().clone()
    }

    pub(crate) fn release(&self) {
        self.released.notify_waiters();
    }
}

/// The way from one life of the server to the receivers. Cut at its end: nothing goes out, and no answer comes in.
struct Wire {
    receivers: Arc<Receivers>,
    cut: Arc<AtomicBool>,
}

impl Wire {
    /// False where the life is over.
    fn arrives(&self, request: Received) -> bool {
        let mut log = self.receivers.log.lock().unwrap();
        let is_cut = self.cut.load(Ordering::SeqCst);
        if !is_cut {
            log.push(request);
        }
        !is_cut
    }

    /// False where the life is over.
    fn ends(&self, came: usize) -> bool {
        let mut log = self.receivers.log.lock().unwrap();
        if self.cut.load(Ordering::SeqCst) {
            return false;
        }
        let over = self.receivers.step();
        log.iter_mut().rev().find(|request| request.came == came).unwrap().over = Some(over);
        true
    }
}

impl Transport for Wire {
    fn send(&self, request: OutboundRequest) -> postrider_engine::Sending<'_> {
        Box::pin(async move {
            let released = self.receivers.released.notified();
            tokio::task::yield_now().await;
            let reply = (self.receivers.plan.lock().unwrap())(&request);
            if request.url.path() == "/token" {
                return self.receivers.grant(&request);
            }
            let event = request.headers["webhook-id"].to_str().unwrap().parse().unwrap();
            let url = request.url.to_string();
            let received = Received {
                at: self.receivers.clock.now(),
                url,
                event,
                method: request.method,
                headers: request.headers,
                body: request.body,
                reply,
                came: self.receivers.step(),
                over: None,
            };
            let came = received.came;
            if !self.arrives(received) {
                return pending().await;
            }
            if matches!(reply, Reply::Hangs | Reply::Late(_)) {
                released.await;
            }
            let result = match reply {
                Reply::Status(status) | Reply::Late(status) => {
                    let body = Bytes::from_static(b"thanks");
                    Ok(Answer { status, headers: HeaderMap::new(), body, body_end: BodyEnd::Complete })
                }
                Reply::Fails(kind) => Err(SendError::Endpoint { kind, message: "as planned".into() }),
                Reply::Ours(fault) => Err(SendError::Ours { fault, message: "as planned".into() }),
                Reply::Hangs => Err(SendError::Endpoint { kind: FailureKind::Timeout, message: "as planned".into() }),
            };
            tokio::task::yield_now().await;
            if !self.ends(came) {
                return pending().await;
            }
            let timings = Timings { total: Duration::from_millis(1), ..Timings::default() };
            Exchange { result, timings, remote_address: Some(IpAddr::from([192, 0, 2, 1])) }
        })
    }
}

struct NoNames;

impl Resolve for NoNames {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        let error = ResolveError::NotFound { host: host.to_owned() };
        Box::pin(async move { Err(error) })
    }
}

struct Life {
    engine: Engine,
    cut: Arc<AtomicBool>,
    runtime: Runtime,
    directory: tempfile::TempDir,
}

/// A server, in one life after the other.
pub(crate) struct Server {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) entropy: Arc<SeededEntropy>,
    pub(crate) receivers: Arc<Receivers>,
    options: EngineOptions,
    environment: EnvironmentId,
    life: Option<Life>,
}

impl Server {
    /// Starts in an empty directory; every receiver answers 200.
    pub(crate) fn start(seed: u64, options: EngineOptions) -> Self {
        let clock = Arc::new(ManualClock::default());
        let receivers = Arc::new(Receivers {
            clock: clock.clone(),
            plan: Mutex::new(Box::new(|_| Reply::Status(200))),
            log: Mutex::default(),
            steps: AtomicUsize::new(0),
            tokens: Mutex::default(),
            released: Notify::new(),
        });
        let entropy = Arc::new(SeededEntropy::new(seed));
        let environment = EnvironmentId::new(clock.now(), &*entropy);
        let mut server = Self { clock, entropy, receivers, options, environment, life: None };
        server.live_in(tempfile::tempdir().unwrap());
        let new = NewEnvironment { id: Some(environment), name: "Development".into(), made_by: Actor::Control };
        let created = server.wait(server.store().create_environment(new)).unwrap();
        assert!(matches!(created, CreateEnvironment::Created(_)));
        server
    }

    fn live_in(&mut self, directory: tempfile::TempDir) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = Store::open(StoreOptions {
            data_dir: directory.path().to_owned(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            master_key: None,
        })
        .unwrap();
        let cut = Arc::new(AtomicBool::new(false));
        let wire = Wire { receivers: self.receivers.clone(), cut: cut.clone() };
        let engine = {
            let _entered = runtime.enter();
            let egress = Egress::with_resolver(EgressOptions::default(), Arc::new(NoNames)).unwrap();
            let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
            Engine::start_over(Arc::new(wire), store, egress, clock, entropy, self.options.clone())
        };
        self.life = Some(Life { engine, cut, runtime, directory });
    }

    /// Ends this life as a power cut does, and begins the next from what the disk held at that moment.
    pub(crate) fn crash(&mut self) {
        let Life { engine, cut, runtime, directory } = self.life.take().unwrap();
        self.receivers.cut(&cut);
        let image = tempfile::tempdir().unwrap();
        copy_image(directory.path(), image.path());
        drop(engine);
        runtime.shutdown_background();
        self.live_in(image);
    }

    /// Ends this life in order, and begins the next.
    pub(crate) fn restart(&mut self) {
        let Life { engine, cut, runtime, directory } = self.life.take().unwrap();
        runtime.block_on(async {
            engine.shutdown().await;
            engine.store().close().await;
        });
        self.receivers.cut(&cut);
        drop(engine);
        runtime.shutdown_background();
        self.live_in(directory);
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.life.as_ref().unwrap().engine
    }

    pub(crate) fn store(&self) -> &Store {
        self.engine().store()
    }

    pub(crate) fn environment(&self) -> EnvironmentId {
        self.environment
    }

    /// Waits for an answer.
    pub(crate) fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        let runtime = &self.life.as_ref().unwrap().runtime;
        runtime.block_on(async { tokio::time::timeout(DEADLINE, answer).await.expect("an answer in time") })
    }

    /// Waits for a state.
    pub(crate) fn until(&self, state: &str, mut is_reached: impl FnMut() -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !is_reached() {
            assert!(Instant::now() < deadline, "{state}: not reached in time");
            self.wait(async { tokio::time::sleep(GLANCE).await });
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.engine().wake();
    }

    pub(crate) fn create_webhook(&self, name: &str, scope: Scope, retry: RetryPolicy) -> Arc<Webhook> {
        self.create_signed_webhook(name, scope, retry, None)
    }

    pub(crate) fn create_signed_webhook(
        &self,
        name: &str,
        scope: Scope,
        retry: RetryPolicy,
        secret: Option<&str>,
    ) -> Arc<Webhook> {
        self.create_webhook_like(name, scope, Sending { retry, ..Sending::default() }, secret)
    }

    pub(crate) fn create_webhook_like(
        &self,
        name: &str,
        scope: Scope,
        sending: Sending,
        secret: Option<&str>,
    ) -> Arc<Webhook> {
        let new = NewWebhook {
            environment_id: self.environment,
            scope,
            display_name: name.into(),
            description: String::new(),
            url: EndpointUrl::parse(&format!("https://{name}.example/hooks")).unwrap(),
            secret: secret.map(|secret| Secret::from_vendor(secret).unwrap().unwrap()),
            signing: Signing::default(),
            event_keys: vec!["*".into()],
            filter: None,
            status: WebhookStatus::Active,
            sending,
            shape: Shape::default(),
            access: Access::default(),
        };
        match self.wait(self.store().create_webhook(new)).unwrap() {
            CreateWebhook::Created(webhook) => webhook,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn reshape(&self, webhook: WebhookId, shape: Shape, access: Access) {
        let patch = WebhookPatch { shape: Some(shape), access: Some(access), ..WebhookPatch::default() };
        self.wait(self.store().update_webhook(self.environment, None, webhook, patch)).unwrap().unwrap();
    }

    pub(crate) fn switch(&self, webhook: WebhookId, active: bool) {
        self.change(webhook, WebhookPatch { active: Some(active), ..WebhookPatch::default() });
    }

    pub(crate) fn change(&self, webhook: WebhookId, patch: WebhookPatch) {
        self.wait(self.store().update_webhook(self.environment, None, webhook, patch)).unwrap().unwrap();
    }

    pub(crate) fn try_accept(&self, events: Vec<IncomingEvent>) -> Result<AcceptOutcome, AcceptError> {
        self.wait(self.engine().accept(self.environment, events, None))
    }

    pub(crate) fn accept(&self, events: Vec<IncomingEvent>) -> Vec<(EventId, u32)> {
        match self.try_accept(events).unwrap() {
            AcceptOutcome::Accepted(receipt) => receipt,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn deliveries_of(&self, event: EventId) -> Vec<Delivery> {
        let filter = DeliveryFilter { event: Some(event), ..DeliveryFilter::default() };
        let page = PageRequest { limit: 100, before: None };
        let page = self.wait(self.store().deliveries(self.environment, filter, page)).unwrap();
        page.rows.into_iter().map(|row| row.delivery).collect()
    }

    /// The only delivery of an event.
    pub(crate) fn delivery_of(&self, event: EventId) -> Delivery {
        let mut deliveries = self.deliveries_of(event);
        assert_eq!(deliveries.len(), 1);
        deliveries.remove(0)
    }

    /// Whether everything that could be sent now has been, and is recorded; else, when something will be due.
    fn rest(&self, webhooks: &[WebhookId]) -> Rest {
        let now = self.clock.now();
        let mut next = None;
        for webhook in webhooks {
            let lane = self.engine().lane(*webhook);
            let page = self.wait(self.store().page_lane(*webhook, now, None, 1)).unwrap();
            let paused_until = lane.paused_until.max(lane.held_until).filter(|until| *until > now);
            let has_due = !page.waiting.is_empty();
            let waits = paused_until.is_some() || lane.next_start_at.is_some_and(|at| at > now);
            if lane.in_flight > 0 || (!waits && has_due) {
                return Rest::Busy;
            }
            let next_start = lane.next_start_at.filter(|at| *at > now);
            let moment = if has_due { paused_until.max(next_start) } else { page.next_due };
            next = next.into_iter().chain(moment).min();
        }
        next.map_or(Rest::Over, Rest::Until)
    }

    /// Waits until all that could be sent was. Time passes slowly meanwhile. Returns when there is more to do, if ever.
    pub(crate) fn quiesce(&self, webhooks: &[WebhookId]) -> Option<Timestamp> {
        let mut rest = Rest::Busy;
        self.until("rest", || {
            rest = self.rest(webhooks);
            if rest == Rest::Busy {
                self.advance(Duration::from_millis(20));
            }
            rest != Rest::Busy
        });
        match rest {
            Rest::Until(at) => Some(at),
            Rest::Over | Rest::Busy => None,
        }
    }

    /// Lets the time pass, as much as is needed, until nothing is left to do.
    pub(crate) fn finish(&self, webhooks: &[WebhookId]) {
        for _ in 0..1_000 {
            let Some(next) = self.quiesce(webhooks) else { return };
            if next > self.clock.now() {
                self.clock.set(next);
            }
            self.engine().wake();
        }
        panic!("it never ends");
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Busy,
    Until(Timestamp),
    Over,
}

/// Copies a database in use. The file first and the log after it: the log only grows in tests this short, and a half-written
/// record at its end is what a power cut leaves, too.
fn copy_image(from: &Path, to: &Path) {
    let mut names: Vec<_> = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort_by_key(|name| name.to_string_lossy().ends_with("-wal"));
    for name in names {
        let text = name.to_string_lossy();
        if !text.ends_with("-shm") && !text.ends_with(".lock") {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}

pub(crate) fn tenant(name: &str) -> Scope {
    Scope::Tenant(TenantId::parse(name).unwrap())
}

pub(crate) fn event(tenant: Option<&str>) -> IncomingEvent {
    event_of(tenant, 2)
}

pub(crate) fn event_of(tenant: Option<&str>, bytes: usize) -> IncomingEvent {
    IncomingEvent {
        key: EventKey::parse("it.happened").unwrap(),
        tenant_id: tenant.map(|tenant| TenantId::parse(tenant).unwrap()),
        user_id: None,
        application_id: None,
        occurred_at: None,
        body: Bytes::from(format!("{{{}}}", " ".repeat(bytes - 2))),
    }
}
