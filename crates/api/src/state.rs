//! What every handler has at hand.

use std::sync::Arc;

use postrider_core::event::TenantId;
use postrider_core::portal::is_loopback;
use postrider_core::{Clock, Entropy, EnvironmentId, Timestamp, limits};
use postrider_engine::Engine;
use postrider_store::{Directory, Store};
use url::Url;

use crate::auth::caller::{Member, Vendor};
use crate::auth::cookies::Transport;
use crate::auth::jwks::Jwks;
use crate::auth::portal_tokens::PortalTokens;
use crate::auth::proxies::TrustedProxies;
use crate::auth::secrets::Secrets;
use crate::auth::sign_in::Failures;
use crate::auth::signatures::RightSignatures;
use crate::auth::tokens::VendorTokens;
use crate::body::Requests;
use crate::error::ApiError;
use crate::lines::{Lines, Turn};
use crate::native::health::Readiness;
use crate::quota::Quota;
use crate::streams::Places;
use crate::turns::Turns;
use crate::web::{Web, WebFile, base_path};

/// Whose something is: a tenant's, or, without one, the vendor's.
pub(crate) type Whose = (EnvironmentId, Option<TenantId>);

/// Renders the metrics in Prometheus' text format.
pub type RenderMetrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the binary decides about the API.
#[derive(Clone, Default)]
pub struct ApiOptions {
    /// The URL at which callers reach this server, without a slash at its end; for the OpenAPI document.
    pub public_url: Option<String>,
    /// The URL at which programs on this machine reach this server, where it listens to nobody else.
    pub local_url: Option<String>,
    /// Addresses that requests to webhooks come from, as receivers see them, for their firewalls; those that the egress client
    /// binds to where none are given.
    pub source_addresses: Vec<String>,
    /// Reverse proxies whose word on where a call comes from is taken.
    pub trusted_proxies: TrustedProxies,
    /// Origins whose pages may call Frontegg's API from a browser, as browsers write them: `https://app.example.com`.
    pub cors_origins: Vec<String>,
    /// What `/metrics` answers; without it there is no such path.
    pub metrics: Option<RenderMetrics>,
    /// Streams that may be open at a time, where connections are fewer than [`limits::STREAMS`] would need.
    pub streams: Option<usize>,
    /// The web application; without files its pages say that it was not built.
    pub web: Vec<WebFile>,
}

impl std::fmt::Debug for ApiOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiOptions")
            .field("public_url", &self.public_url)
            .field("local_url", &self.local_url)
            .field("source_addresses", &self.source_addresses)
            .field("trusted_proxies", &self.trusted_proxies)
            .field("cors_origins", &self.cors_origins)
            .field("metrics", &self.metrics.is_some())
            .field("streams", &self.streams)
            .field("web", &self.web.len())
            .finish()
    }
}

/// Everything that calls are answered from. Clones share it.
#[derive(Clone)]
pub struct ApiState(Arc<Shared>);

struct Shared {
    engine: Engine,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    options: ApiOptions,
    vendor_tokens: VendorTokens,
    portal_tokens: PortalTokens,
    secrets: Secrets,
    failures: Failures,
    jwks: Jwks,
    right_signatures: RightSignatures,
    requests: Requests,
    turns: Turns,
    places: Places,
    counting: Arc<Quota<Whose>>,
    dear: Arc<Lines<Whose>>,
    tests: Arc<Quota<Whose>>,
    readiness: Readiness,
    web: Web,
}

impl ApiState {
    /// The state of an API over that engine and its store.
    pub fn new(engine: Engine, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, options: ApiOptions) -> Self {
        let key = engine.store().directory().token_key();
        let (vendor_tokens, portal_tokens) = (VendorTokens::new(&key), PortalTokens::new(&key));
        let secrets = Secrets::new(&*entropy);
        let places = options.streams.map_or(limits::STREAMS, |streams| streams.min(limits::STREAMS));
        let web = Web::new(options.web.clone(), &base_path(options.public_url.as_deref()));
        Self(Arc::new(Shared {
            engine,
            clock,
            entropy,
            options,
            vendor_tokens,
            portal_tokens,
            secrets,
            failures: Failures::default(),
            jwks: Jwks::default(),
            right_signatures: RightSignatures::default(),
            requests: Requests::default(),
            turns: Turns::default(),
            places: Places::new(places),
            counting: Quota::new(),
            dear: Lines::new(1, limits::DEAR_WAITING),
            tests: Quota::new(),
            readiness: Readiness::default(),
            web,
        }))
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.0.engine
    }

    pub(crate) fn store(&self) -> &Store {
        self.0.engine.store()
    }

    pub(crate) fn directory(&self) -> &Directory {
        self.store().directory()
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn entropy(&self) -> &Arc<dyn Entropy> {
        &self.0.entropy
    }

    pub(crate) fn options(&self) -> &ApiOptions {
        &self.0.options
    }

    pub(crate) fn vendor_tokens(&self) -> &VendorTokens {
        &self.0.vendor_tokens
    }

    /// How callers reach this server, as far as cookies care.
    pub(crate) fn transport(&self) -> Transport {
        Transport::of(self.0.options.public_url.as_deref())
    }

    /// What portal links begin with; none where a browser would not keep their cookies. Configured, never taken from a request, whose
    /// `Host` anybody can write.
    pub(crate) fn links_base(&self) -> Option<&str> {
        match &self.0.options.public_url {
            Some(url) => {
                let parsed = Url::parse(url).ok()?;
                (parsed.scheme() == "https" || is_loopback(&parsed)).then_some(url)
            }
            None => self.0.options.local_url.as_deref(),
        }
    }

    pub(crate) fn portal_tokens(&self) -> &PortalTokens {
        &self.0.portal_tokens
    }

    /// Wrong secrets of late.
    pub(crate) fn failures(&self) -> &Failures {
        &self.0.failures
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    pub(crate) fn jwks(&self) -> &Jwks {
        &self.0.jwks
    }

    /// Which key signed tokens of tenants' users.
    pub(crate) fn right_signatures(&self) -> &RightSignatures {
        &self.0.right_signatures
    }

    /// One place for each stream that may be open.
    pub(crate) fn places(&self) -> &Places {
        &self.0.places
    }

    /// A turn for something that takes long of what everybody shares: one at a time for a tenant, and for an environment's vendor.
    pub(crate) async fn dear_turn(&self, member: &Member) -> Result<Turn<Whose>, ApiError> {
        self.0.dear.turn(&member.whose()).await
    }

    /// The same for a call of the vendor's alone.
    pub(crate) async fn dear_turn_of(&self, vendor: Vendor) -> Result<Turn<Whose>, ApiError> {
        self.0.dear.turn(&(vendor.environment_id, None)).await
    }

    /// Counts of what a job would do that are under way.
    pub(crate) fn counting(&self) -> &Arc<Quota<Whose>> {
        &self.0.counting
    }

    /// Tests of endpoints that are under way.
    pub(crate) fn tests(&self) -> &Arc<Quota<Whose>> {
        &self.0.tests
    }

    /// Whether the store's writer commits, as was found last.
    pub(crate) fn readiness(&self) -> &Readiness {
        &self.0.readiness
    }

    pub(crate) fn web(&self) -> &Web {
        &self.0.web
    }

    /// Whose turn it is to change a webhook.
    pub(crate) fn turns(&self) -> &Turns {
        &self.0.turns
    }

    /// The memory for bodies that bring no events.
    pub(crate) fn requests(&self) -> &Requests {
        &self.0.requests
    }
}
