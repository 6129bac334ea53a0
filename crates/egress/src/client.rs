//! The client: one request out, one answer or one reason back, within one deadline.
//!
//! Owns what a request looks like on the wire and when a second connection is tried. Does not retry a delivery, follow a redirect,
//! keep a cookie or decompress: it reports what came.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{Method, Request, Uri};
use http_body_util::Full;
use ipnet::IpNet;
use postrider_core::attempt::{FailureKind, OurFault, Timings};
use postrider_core::limits;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::{Position, Url};

use crate::connect::{Connector, Progress, Target, Version};
use crate::dial::Dialer;
use crate::error::SendError;
use crate::exchange::{About, Answer, Body, Deadline, Failure, Reached, Spawner, http1_over, http2_over};
use crate::own::OwnAddresses;
use crate::policy::AddressPolicy;
use crate::pool::{Key, Pool, PoolScope, Reused};
use crate::proxy::{ProxyUrl, Tunnels};
use crate::resolve::{Resolve, SystemResolver};
use crate::tls::{ClientIdentity, RootsError, Tls};

/// How requests leave.
#[derive(Debug, Clone, Default)]
pub struct EgressOptions {
    /// Networks that may be dialled although they are not public.
    pub allow: Vec<IpNet>,
    /// Single addresses, each on one port, that may be dialled although they are not public.
    pub allow_exactly: Vec<SocketAddr>,
    /// This machine's own addresses, which are not dialled, public or not, unless they are among those that may be.
    pub own_addresses: OwnAddresses,
    /// Local addresses that connections leave from, in turn; the system's choice where there are none.
    pub source_addresses: Vec<IpAddr>,
    /// The proxy that all connections go through.
    pub proxy: Option<ProxyUrl>,
    /// Root certificates (PEM) that are trusted besides the machine's own.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Connections that may wait for further requests, of each kind (HTTP/1.1, HTTP/2): each is an open file. None: as many as
    /// [`postrider_core::limits`] says.
    pub idle_connections: Option<usize>,
    /// The `user-agent` of requests that bring none.
    pub user_agent: Option<HeaderValue>,
}

/// Why there can be no client with these options.
#[derive(Debug, thiserror::Error)]
pub enum EgressSetupError {
    /// A source address that connections cannot leave from.
    #[error("connections cannot leave from {address}: it is no address of this machine")]
    SourceAddress {
        /// The address.
        address: IpAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The additional roots are unusable.
    #[error(transparent)]
    Roots(#[from] RootsError),
    /// The system's resolver configuration is unusable.
    #[error("the configuration of name servers cannot be used")]
    Resolver(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A request.
#[derive(Debug, Clone)]
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// Where to; `http` or `https`.
    pub url: Arc<Url>,
    /// The headers, names as they are sent. `host`, `content-length` and whatever governs the connection are set here, not there.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The time for everything, from looking the name up to the last byte of the answer that is read.
    pub deadline: Duration,
    /// Whose connections may be used.
    pub pool: PoolScope,
    /// Bytes of the answer's body that are kept.
    pub keep: usize,
    /// When it is sent a second time on another connection.
    pub repeat: Repeat,
    /// The certificate that is shown to a receiver that asks for one. Connections that were made with it serve no request without it.
    pub identity: Option<ClientIdentity>,
}

/// When a request that was sent on a connection that had waited is sent once more, on a new one. Receivers close connections that wait,
/// and a request that crosses such a close is lost with the connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repeat {
    /// Where not a byte of an answer came before the connection broke. The receiver may have had it in spite of that, and gets it twice.
    #[default]
    IfUnanswered,
    /// Only where nothing of it was sent, or the receiver says that it did not look at it. To cross no close, it takes no HTTP/1 connection
    /// that was idle for as long as [`limits::CONNECTION_IDLE_UNREPEATED`].
    IfUnsent,
}

/// What came of a request.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub result: Result<Answer, SendError>,
    /// Where the time went.
    pub timings: Timings,
    /// The address of the receiver that was dialled, or told to the proxy.
    pub remote_address: Option<IpAddr>,
}

/// What a client holds at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holdings {
    /// HTTP/1 connections that wait for a request.
    pub idle_connections: usize,
    /// Tasks: those of HTTP/2 connections, and the one that closes what waited too long.
    pub tasks: usize,
}

/// The client. Clones share everything.
#[derive(Clone)]
pub struct Egress {
    inner: Arc<Inner>,
}

struct Inner {
    connector: Connector,
    pool: Arc<Pool>,
    tasks: TaskTracker,
    stop: CancellationToken,
    user_agent: HeaderValue,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Egress {
    /// A client that looks names up as the system is configured to.
    pub fn new(options: EgressOptions) -> Result<Self, EgressSetupError> {
        let resolver = SystemResolver::new().map_err(|error| EgressSetupError::Resolver(error.into()))?;
        Self::with_resolver(options, Arc::new(resolver))
    }

    /// A client that looks names up with `resolver`.
    pub fn with_resolver(options: EgressOptions, resolver: Arc<dyn Resolve>) -> Result<Self, EgressSetupError> {
        let dialer = Dialer::new(options.source_addresses)
            .map_err(|(address, source)| EgressSetupError::SourceAddress { address, source })?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let connector = Connector {
            policy: AddressPolicy::new(options.allow)
                .and_exactly(options.allow_exactly)
                .refusing(options.own_addresses),
            resolver,
            dialer,
            proxy: options.proxy,
            tunnels: Tunnels::default(),
            tls: Tls::new(options.extra_roots_pem.as_deref())?,
        };
        let pool = Arc::new(Pool::new(options.idle_connections, tasks.clone(), stop.clone()));
        let user_agent =
            options.user_agent.unwrap_or(HeaderValue::from_static(concat!("Postrider/", env!("CARGO_PKG_VERSION"))));
        Ok(Self { inner: Arc::new(Inner { connector, pool, tasks, stop, user_agent }) })
    }

    /// Which addresses this client dials.
    pub fn policy(&self) -> &AddressPolicy {
        &self.inner.connector.policy
    }

    /// The local addresses that connections leave from; empty where the system chooses.
    pub fn source_addresses(&self) -> &[IpAddr] {
        self.inner.connector.dialer.sources()
    }

    /// What is held at the moment.
    pub fn holdings(&self) -> Holdings {
        Holdings { idle_connections: self.inner.pool.idle(), tasks: self.inner.tasks.len() }
    }

    /// Sends a request and waits for the answer, for no longer than its deadline. May be dropped at any time.
    pub async fn send(&self, request: OutboundRequest) -> Exchange {
        let started = Instant::now();
        let mut progress = Progress::default();
        let result = self.inner.send(request, started, &mut progress).await;
        progress.timings.total = started.elapsed();
        Exchange { result, timings: progress.timings, remote_address: progress.remote_address }
    }

    /// Closes all connections that wait and refuses further requests; returns when no task is left.
    pub async fn close(&self) {
        self.inner.tasks.close();
        self.inner.stop.cancel();
        self.inner.pool.clear();
        self.inner.tasks.wait().await;
    }
}

impl Inner {
    async fn send(
        &self,
        request: OutboundRequest,
        started: Instant,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        // Closed with the client, and asked without a lock.
        if self.tasks.is_closed() {
            return Err(SendError::ours(OurFault::ShuttingDown, "the server is stopping"));
        }
        let url = request.url.clone();
        let target = Target::of(&url)?;
        let identity = request.identity.as_ref();
        let scope = identity.map_or(request.pool, |identity| request.pool.showing(identity));
        let key = Key { scope, tls: target.tls, host: target.host, port: target.port };
        let until = started + request.deadline;
        let sleep = std::pin::pin!(tokio::time::sleep_until(until));
        let keep = request.keep;
        let mut deadline = Deadline { keep, sleep, span: request.deadline, started, first_byte: None };
        let outgoing = Outgoing::new(request, target, &self.user_agent);

        let result = self.exchange(outgoing, &key, until, &mut deadline, progress).await;
        progress.timings.first_byte = deadline.first_byte;
        result
    }

    async fn exchange(
        &self,
        mut outgoing: Outgoing<'_>,
        key: &Key<'_>,
        until: Instant,
        deadline: &mut Deadline<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        if let Some(reused) = self.pool.take(key, outgoing.takes_idle_for()) {
            // The first one goes: it has room for further headers.
            let again = outgoing.clone();
            match self
                .exchange_on_reused(reused, std::mem::replace(&mut outgoing, again), key, deadline, progress)
                .await
            {
                // It was closed while it waited; where the receiver had it all the same, every delivery names itself.
                Err(Failure { reached, .. }) if reached <= outgoing.repeats_up_to() => progress.remote_address = None,
                finished => return finished.map_err(|failure| failure.error),
            }
        }
        // Apart, because it is seldom and large: a look-up and two handshakes would otherwise take room in every request in flight.
        Box::pin(self.exchange_on_fresh(outgoing, key, until, deadline, progress)).await
    }

    async fn exchange_on_reused(
        &self,
        reused: Reused,
        outgoing: Outgoing<'_>,
        key: &Key<'_>,
        deadline: &mut Deadline<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, Failure> {
        match reused {
            Reused::Http1(connection) => {
                progress.remote_address = Some(connection.about.address);
                let request = outgoing.for_http1(&connection.about).map_err(Failure::unsendable)?;
                let (answer, again) = connection.exchange(request, key.host, deadline).await?;
                if let Some(connection) = again {
                    self.pool.put(key, connection);
                }
                Ok(answer)
            }
            Reused::Http2(seat) => {
                progress.remote_address = Some(seat.about().address);
                let request = outgoing.for_http2(seat.about()).map_err(Failure::unsendable)?;
                seat.exchange(request, key.host, deadline).await
            }
        }
    }

    async fn exchange_on_fresh(
        &self,
        outgoing: Outgoing<'_>,
        key: &Key<'_>,
        until: Instant,
        deadline: &mut Deadline<'_>,
        progress: &mut Progress,
    ) -> Result<Answer, SendError> {
        let connected = self
            .connector
            .connect(&outgoing.target, outgoing.identity.as_ref(), progress, until, deadline.span)
            .await?;
        let about = About { host: outgoing.host_header()?, address: connected.address, opened: Instant::now() };
        let not_http = |error: hyper::Error| crate::error::of_exchange(&error, key.host);
        match connected.version {
            Version::Http1 => {
                let connection = http1_over(connected.stream, about).await.map_err(not_http)?;
                let request = outgoing.for_http1(&connection.about)?;
                let exchanged = connection.exchange(request, key.host, deadline).await;
                let (answer, again) = exchanged.map_err(|failure| failure.error)?;
                if let Some(connection) = again {
                    self.pool.put(key, connection);
                }
                Ok(answer)
            }
            Version::Http2 => {
                let stop = self.stop.child_token();
                let executor = Spawner { tasks: self.tasks.clone(), stop: stop.clone() };
                let connection =
                    http2_over(connected.stream, about, executor, stop.drop_guard()).await.map_err(not_http)?;
                let seat = self.pool.share(key, &connection).ok_or_else(|| {
                    SendError::endpoint(FailureKind::Protocol, format!("{} permits no requests", key.host))
                })?;
                let request = outgoing.for_http2(seat.about())?;
                seat.exchange(request, key.host, deadline).await.map_err(|failure| failure.error)
            }
        }
    }
}

/// A request on its way, not yet bound to a version of HTTP.
#[derive(Clone)]
struct Outgoing<'a> {
    target: Target<'a>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    identity: Option<ClientIdentity>,
    repeat: Repeat,
}

impl<'a> Outgoing<'a> {
    fn new(request: OutboundRequest, target: Target<'a>, user_agent: &HeaderValue) -> Self {
        let mut headers = request.headers;
        remove_what_governs_the_connection(&mut headers);
        headers.entry(header::USER_AGENT).or_insert_with(|| user_agent.clone());
        let OutboundRequest { method, body, identity, repeat, .. } = request;
        Self { target, method, headers, body, identity, repeat }
    }

    /// How far it may have come and is sent again.
    fn repeats_up_to(&self) -> Reached {
        match self.repeat {
            Repeat::IfUnanswered => Reached::PerhapsNobody,
            Repeat::IfUnsent => Reached::Nobody,
        }
    }

    /// How long an HTTP/1 connection may have been idle that takes it.
    fn takes_idle_for(&self) -> Duration {
        match self.repeat {
            Repeat::IfUnanswered => limits::CONNECTION_IDLE,
            Repeat::IfUnsent => limits::CONNECTION_IDLE_UNREPEATED,
        }
    }

    /// The host, and the port where it is not the scheme's own.
    fn host_header(&self) -> Result<HeaderValue, SendError> {
        HeaderValue::from_str(&self.target.url[Position::BeforeHost..Position::AfterPort])
            .map_err(|_| SendError::endpoint(FailureKind::Protocol, "the URL's host cannot be sent"))
    }

    fn for_http1(self, about: &About) -> Result<Request<Body>, SendError> {
        let mut request = self.into_request()?;
        request.headers_mut().insert(header::HOST, about.host.clone());
        Ok(request)
    }

    fn for_http2(self, about: &About) -> Result<Request<Body>, SendError> {
        let authority = Authority::try_from(about.host.as_bytes())
            .map_err(|_| SendError::endpoint(FailureKind::Protocol, "the URL's host cannot be sent"))?;
        let mut request = self.into_request()?;
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(authority);
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path make a URI");
        Ok(request)
    }

    fn into_request(self) -> Result<Request<Body>, SendError> {
        let path = PathAndQuery::try_from(&self.target.url[Position::BeforePath..Position::AfterQuery]);
        let path = path.map_err(|error| {
            SendError::endpoint(FailureKind::Protocol, format!("the URL's path cannot be sent: {error}"))
        })?;
        let mut request = Request::new(Full::new(self.body));
        *request.method_mut() = self.method;
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = self.headers;
        Ok(request)
    }
}

/// Headers that say where a message ends, or what becomes of the connection, are ours alone: two opinions on them let one request
/// smuggle in another.
fn remove_what_governs_the_connection(headers: &mut HeaderMap) {
    const OURS: [HeaderName; 11] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::UPGRADE,
        header::TE,
        header::TRAILER,
        header::EXPECT,
        header::PROXY_AUTHORIZATION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
    ];
    // Most requests have none of them: one walk over the names instead of a search for each.
    while let Some(name) = headers.keys().find(|name| OURS.contains(name)).cloned() {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_that_a_url_can_have_can_be_sent() {
        let every: String = (' '..='~').filter(|c| *c != '#').collect();
        for url in [
            format!("http://h/{}", every.replace('?', "")),
            format!("http://h/?{every}"),
            "http://h//double".to_owned(),
            "http://h?q".to_owned(),
            "http://h/ü?ü#ü".to_owned(),
        ] {
            let url = Url::parse(&url).unwrap();
            let path = &url[Position::BeforePath..Position::AfterQuery];
            assert_eq!(PathAndQuery::try_from(path).unwrap().as_str(), path, "{url}");
        }
    }
}
