//! An API under test, whose calls read like a story.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postrider_api::{Api, ApiOptions, ApiState, Peer, control_router, router};
use postrider_core::Timestamp;
use postrider_egress::{Egress, EgressOptions};
use postrider_engine::{Engine, EngineOptions};
use postrider_store::{Store, StoreOptions};
use postrider_testkit::receiver::{Behaviour, Reply};
use postrider_testkit::{ManualClock, SeededEntropy};
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Two servers in one test have different keys and ids.
static SEED: AtomicU64 = AtomicU64::new(7);
/// The secret that tests share with the issuer that they trust.
pub(crate) const ISSUER_SECRET: &str = "a secret that the issuer shares with us";

pub(crate) struct App {
    pub(crate) router: Api,
    pub(crate) control: Api,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) engine: Engine,
    _directory: tempfile::TempDir,
}

/// An environment and what opens it.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
}

impl App {
    /// An API that may send to loopback.
    pub(crate) async fn start() -> Self {
        Self::with_options(ApiOptions::default()).await
    }

    pub(crate) async fn with_egress(egress: EgressOptions) -> Self {
        Self::with(egress, ApiOptions::default()).await
    }

    /// An API with these options, that may send to loopback.
    pub(crate) async fn with_options(options: ApiOptions) -> Self {
        Self::with(loopback(), options).await
    }

    #[expect(clippy::unused_async, reason = "the engine starts within a runtime")]
    async fn with(egress: EgressOptions, options: ApiOptions) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let now = Timestamp::parse("2026-01-31T12:00:00Z").expect("a time");
        let clock = Arc::new(ManualClock::at(now));
        let entropy = Arc::new(SeededEntropy::new(SEED.fetch_add(1, Ordering::Relaxed)));
        let store = Store::open(StoreOptions {
            data_dir: directory.path().to_owned(),
            clock: clock.clone(),
            entropy: entropy.clone(),
            master_key: None,
        })
        .expect("the store opens");
        let egress = Egress::new(egress).expect("a client");
        let engine = Engine::start(store, egress, clock.clone(), entropy.clone(), EngineOptions::default());
        let options = ApiOptions {
            metrics: Some(Arc::new(|| "up 1\n".to_owned())),
            local_url: Some("http://127.0.0.1:8400".to_owned()),
            ..options
        };
        let state = ApiState::new(engine.clone(), clock.clone(), entropy, options);
        Self { router: router(state.clone()), control: control_router(state), clock, engine, _directory: directory }
    }

    pub(crate) fn get(&self, path: &str) -> Call {
        Call::new(self.router.clone(), Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call {
        Call::new(self.router.clone(), Method::POST, path)
    }

    pub(crate) fn put(&self, path: &str) -> Call {
        Call::new(self.router.clone(), Method::PUT, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call {
        Call::new(self.router.clone(), Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call {
        Call::new(self.router.clone(), Method::DELETE, path)
    }

    pub(crate) fn call(&self, method: Method, path: &str) -> Call {
        Call::new(self.router.clone(), method, path)
    }

    /// A call through the control socket.
    pub(crate) fn operate(&self, method: Method, path: &str) -> Call {
        Call::new(self.control.clone(), method, path)
    }

    /// A new environment with a credential, logged in.
    pub(crate) async fn environment(&self, name: &str) -> Environment {
        let environment =
            self.operate(Method::POST, "/api/v1/environments").json(&json!({ "name": name })).expect(201).await;
        let id = text(&environment["id"]);
        let path = format!("/api/v1/environments/{id}/credentials");
        let credential = self.operate(Method::POST, &path).json(&json!({ "name": "test" })).expect(201).await;
        let secret = text(&credential["secret"]);
        let token = self.log_in(&id, &secret).await;
        Environment { id, secret, token }
    }

    pub(crate) async fn log_in(&self, id: &str, secret: &str) -> String {
        let login = json!({ "clientId": id, "secret": secret });
        text(&self.post("/auth/vendor").json(&login).expect(200).await["token"])
    }

    /// Trusts an issuer that shares [`ISSUER_SECRET`], whose audience is the environment's id.
    pub(crate) async fn trust_issuer(&self, environment: &Environment, visibility: &str) {
        let issuer = json!({ "issuer": "https://id.example", "audience": environment.id, "secret": ISSUER_SECRET });
        self.put("/api/v1/trusted-issuer").token(&environment.token).json(&issuer).expect(200).await;
        self.show(environment, visibility).await;
    }

    pub(crate) async fn show(&self, environment: &Environment, visibility: &str) {
        let settings = json!({ "webhooks": visibility });
        self.put("/api/v1/portal-settings").token(&environment.token).json(&settings).expect(200).await;
    }

    /// A token of a user of that tenant.
    pub(crate) fn user(&self, environment: &Environment, tenant: &str, permissions: &[&str]) -> String {
        let claims = json!({
            "iss": "https://id.example",
            "aud": [environment.id, "another"],
            "exp": self.seconds() + 3_600,
            "tenantId": tenant,
            "permissions": permissions,
        });
        sign(&claims)
    }

    pub(crate) fn seconds(&self) -> i64 {
        use postrider_core::Clock as _;
        self.clock.now().as_seconds()
    }

    /// A webhook in the scope of a tenant, or of the environment.
    pub(crate) async fn webhook(&self, environment: &Environment, tenant: Option<&str>, url: &str) -> Value {
        let form = json!({ "tenantId": tenant, "displayName": "Test", "url": url, "eventKeys": ["*"] });
        self.post("/api/v1/webhooks").token(&environment.token).json(&form).expect(201).await
    }

    /// Sends an event and waits until each of its deliveries has ended, or has failed once.
    pub(crate) async fn event(&self, environment: &Environment, tenant: Option<&str>) -> String {
        let event = json!({ "eventKey": "order.paid", "tenantId": tenant, "payload": { "order": { "total": 12.50 } } });
        let accepted = self.post("/api/v1/events").token(&environment.token).json(&event).expect(202).await;
        let id = text(&accepted["eventId"]);
        self.deliveries_attempted(environment, &id).await;
        id
    }

    pub(crate) async fn deliveries_attempted(&self, environment: &Environment, event: &str) -> Vec<Value> {
        let path = format!("/api/v1/events/{event}/deliveries");
        eventually(async || {
            let page = self.get(&path).token(&environment.token).expect(200).await;
            let deliveries = page["items"].as_array().expect("items").clone();
            deliveries.iter().all(|delivery| delivery["state"] != "pending").then_some(deliveries)
        })
        .await
    }
}

/// An egress client that may send to loopback.
fn loopback() -> EgressOptions {
    EgressOptions { allow: vec!["127.0.0.0/8".parse().expect("a network")], ..EgressOptions::default() }
}

/// Signs claims as the issuer that tests trust.
pub(crate) fn sign(claims: &Value) -> String {
    let key = EncodingKey::from_secret(ISSUER_SECRET.as_bytes());
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).expect("a token")
}

/// Waits for a state.
pub(crate) async fn eventually<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "the state did not come about in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string, not {value}")).to_owned()
}

/// Answers to everything at that path.
pub(crate) fn answers(status: u16, body: &str) -> Behaviour {
    Behaviour::Answer(Reply::new(status, body.to_owned()).header("content-type", "application/json"))
}

/// A call that is being put together.
#[must_use]
pub(crate) struct Call {
    router: Api,
    method: Method,
    path: String,
    headers: HeaderMap,
    peer: Option<Peer>,
    body: Body,
}

impl Call {
    fn new(router: Api, method: Method, path: &str) -> Self {
        Self { router, method, path: path.to_owned(), headers: HeaderMap::new(), peer: None, body: Body::empty() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
        self
    }

    /// The header once more.
    pub(crate) fn also(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(name, http::HeaderValue::from_bytes(value.as_bytes()).expect("a header's value"));
        self
    }

    /// A header of any bytes; none where HTTP has no such value.
    pub(crate) fn bytes(mut self, name: &'static str, value: &[u8]) -> Option<Self> {
        self.headers.insert(name, http::HeaderValue::from_bytes(value).ok()?);
        Some(self)
    }

    /// Over a connection from that address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.peer = Some(Peer(address.parse().expect("an address")));
        self
    }

    pub(crate) fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// In the scope of that tenant, or of the environment where it is its id.
    pub(crate) fn tenant(self, tenant: &str) -> Self {
        self.header("frontegg-tenant-id", tenant)
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.raw(body.to_string()).header("content-type", "application/json")
    }

    pub(crate) fn raw(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    pub(crate) async fn send(self) -> Answer {
        self.send_within(PATIENCE).await
    }

    pub(crate) async fn send_within(self, patience: Duration) -> Answer {
        let mut request = Request::builder().method(self.method).uri(self.path).body(self.body).expect("a request");
        *request.headers_mut() = self.headers;
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let response = tokio::time::timeout(patience, self.router.oneshot(request)).await.expect("an answer in time");
        let (head, body) = response.expect("never fails").into_parts();
        // A stream of events has no end to wait for.
        let is_stream = head.headers.get("content-type").is_some_and(|value| value == "text/event-stream");
        let body = if is_stream {
            Vec::new()
        } else {
            let body = tokio::time::timeout(PATIENCE, body.collect()).await.expect("a body in time");
            body.expect("a body").to_bytes().to_vec()
        };
        Answer { status: head.status, headers: head.headers, body }
    }

    /// Sends it, and gives the body of an answer that must be a stream.
    pub(crate) async fn stream(self) -> Body {
        let mut request = Request::builder().method(self.method).uri(self.path).body(self.body).expect("a request");
        *request.headers_mut() = self.headers;
        let response = self.router.oneshot(request).await.expect("never fails");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        response.into_body()
    }

    /// Sends it, and reads the JSON of an answer that must have that status.
    pub(crate) async fn expect(self, status: u16) -> Value {
        let what = format!("{} {}", self.method, self.path);
        let answer = self.send().await;
        assert_eq!(answer.status.as_u16(), status, "{what}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    /// Sends it, and reads the code of an answer that must be an error of the native API.
    pub(crate) async fn code(self, status: u16) -> String {
        text(&self.expect(status).await["code"])
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` where there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// The value with what differs from run to run replaced by its kind.
pub(crate) fn redacted(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() == 36 && text.parse::<uuid::Uuid>().is_ok() => json!("[uuid]"),
        Value::String(text) if text.starts_with("prsk_") => json!("[secret]"),
        Value::String(text) if text.starts_with("prop_") => json!("[token]"),
        Value::String(text) if text.starts_with("whsec_") => json!("[webhook secret]"),
        Value::String(text) if text.starts_with("eyJ") => json!("[jwt]"),
        Value::String(text) if text.starts_with("http://127.0.0.1:") => {
            let path = text.splitn(4, '/').nth(3).unwrap_or_default();
            json!(format!("http://[receiver]/{path}"))
        }
        Value::String(text) if text.starts_with('{') => match serde_json::from_str::<Value>(text) {
            Ok(inner) => json!({ "[a string of JSON]": redacted(&inner) }),
            Err(_) => value.clone(),
        },
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::Number(_) if name.ends_with("Ms") => json!("[ms]"),
                    // How a share grows is the engine's to tune.
                    Value::Number(_) if name == "share" => json!("[share]"),
                    value => redacted(value),
                };
                (name.clone(), value)
            })
            .collect(),
        other => other.clone(),
    }
}
