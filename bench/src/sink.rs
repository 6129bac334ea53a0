//! The sink: the receivers of all webhooks. One listener answers 200 at once and enters each arrival in the ledger; another,
//! for the dead endpoints, reads requests and never answers.
//!
//! It lives in the generator's process, so that one clock tells both ends of a latency.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

use crate::{
    error::{Error, Result},
    event,
    ledger::Ledger,
    signature::SignatureCheck,
};

/// Connections that may wait to be accepted; the kernel lowers it to its own limit.
const LISTEN_BACKLOG: u32 = 4096;
/// The path of what is no part of a measurement.
const APART: &str = "/apart";
/// The path of an endpoint that refuses everything.
const REFUSED: &str = "/refused";
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Of so many events one has its signatures verified.
const SIGNATURE_SAMPLE: u64 = 256;

/// What the sink demands of a delivery besides its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Demand {
    /// The relay signs nothing.
    Nothing,
    BothSignatures,
}

/// The running sink; dropping it closes all its connections.
#[derive(Debug)]
pub(crate) struct Sink {
    healthy: SocketAddr,
    dead: SocketAddr,
    waiting: Arc<AtomicU64>,
    _listeners: JoinSet<()>,
}

impl Sink {
    /// Starts both listeners on loopback.
    pub(crate) fn start(ledger: Arc<Ledger>, demand: Demand) -> Result<Self> {
        let (healthy, healthy_listener) = listen()?;
        let (dead, dead_listener) = listen()?;
        let waiting = Arc::new(AtomicU64::new(0));
        let mut listeners = JoinSet::new();
        let receiver = Arc::new(Receiver { ledger, demand, check: SignatureCheck::new() });
        listeners.spawn(accept(healthy_listener, move |stream| serve(stream, Arc::clone(&receiver))));
        let counter = Arc::clone(&waiting);
        listeners.spawn(accept(dead_listener, move |stream| hang(stream, Arc::clone(&counter))));
        Ok(Self { healthy, dead, waiting, _listeners: listeners })
    }

    /// The URL of the healthy webhook number `webhook`.
    pub(crate) fn healthy_url(&self, webhook: u32) -> String {
        format!("http://{}/{webhook}", self.healthy)
    }

    /// The URL of an endpoint that takes everything and enters nothing.
    pub(crate) fn apart_url(&self) -> String {
        format!("http://{}{APART}", self.healthy)
    }

    /// The URL of an endpoint that answers 400 to everything and enters nothing.
    pub(crate) fn refusing_url(&self) -> String {
        format!("http://{}{REFUSED}", self.healthy)
    }

    /// The URL of a dead endpoint, told from others by its number.
    pub(crate) fn dead_url(&self, number: u32) -> String {
        format!("http://{}/{number}", self.dead)
    }

    /// How many requests wait for an answer that will not come.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn listen() -> Result<(SocketAddr, TcpListener)> {
    let bind = || {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let listener = socket.listen(LISTEN_BACKLOG)?;
        Ok((listener.local_addr()?, listener))
    };
    bind().map_err(Error::io("listen on loopback"))
}

async fn accept<F: Future<Output = ()> + Send + 'static>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) {
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(connections.spawn(serve(stream))),
            // The connection broke, or too many files are open: what it was to deliver will be missing, unless the server tries again.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

#[derive(Debug)]
struct Receiver {
    ledger: Arc<Ledger>,
    demand: Demand,
    check: SignatureCheck,
}

async fn serve(stream: TcpStream, receiver: Arc<Receiver>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = service_fn(|request| receiver.receive(request));
    // An error here is a connection that the server gave up; what it meant to deliver will be missing.
    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

impl Receiver {
    async fn receive(&self, request: Request<Incoming>) -> std::result::Result<Response<Empty<Bytes>>, Infallible> {
        let (head, body) = request.into_parts();
        let mut response = Response::new(Empty::new());
        match body.collect().await {
            Ok(body) => {
                let body = body.to_bytes();
                match head.uri.path() {
                    APART => {}
                    REFUSED => *response.status_mut() = StatusCode::BAD_REQUEST,
                    _ if self.enter(&head, &body).is_some() => {}
                    _ => {
                        self.ledger.stranger();
                        *response.status_mut() = StatusCode::BAD_REQUEST;
                    }
                }
            }
            Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
        }
        Ok(response)
    }

    fn enter(&self, head: &http::request::Parts, body: &[u8]) -> Option<()> {
        let webhook = head.uri.path().strip_prefix('/')?.parse().ok()?;
        let id = Uuid::try_parse_ascii(head.headers.get("webhook-id")?.as_bytes()).ok()?;
        let sequence = event::sequence(body)?;
        if self.demand == Demand::BothSignatures {
            let headers = &head.headers;
            let is_sample = sequence.is_multiple_of(SIGNATURE_SAMPLE);
            let is_signed =
                if is_sample { self.check.are_true(headers, body) } else { SignatureCheck::are_present(headers) };
            is_signed.then_some(())?;
        }
        self.ledger.arrive(sequence, webhook, id);
        Some(())
    }
}

/// Counts one waiting request for as long as it waits.
struct Waiting(Arc<AtomicU64>);

impl Waiting {
    fn new(counter: &Arc<AtomicU64>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(counter))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn hang(stream: TcpStream, counter: Arc<AtomicU64>) {
    let service = service_fn(|_request: Request<Incoming>| {
        let waiting = Waiting::new(&counter);
        async move {
            let _waiting = waiting;
            std::future::pending::<std::result::Result<Response<Empty<Bytes>>, Infallible>>().await
        }
    });
    // Ends when the server's patience does.
    let _closed = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use http_body_util::Full;
    use hyper_util::{client::legacy::Client, rt::TokioExecutor};

    use super::*;

    const ID: &str = "01900000-0000-7000-8000-000000000001";

    /// Sends event 1 to a sink with this demand, without signatures; says how it was answered and what was entered.
    async fn deliver_unsigned(demand: Demand) -> (StatusCode, Arc<Ledger>) {
        let ledger = Arc::new(Ledger::new(2, 1));
        for _ in 0..2 {
            let claim = ledger.claim(Instant::now()).unwrap();
            ledger.accept(claim, ID.parse().unwrap());
        }
        let sink = Sink::start(Arc::clone(&ledger), demand).unwrap();
        let body = Full::new(Bytes::from(event::body("tenant", 1)));
        let request = Request::post(sink.healthy_url(0)).header("webhook-id", ID).body(body).unwrap();
        let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        (response.status(), ledger)
    }

    #[tokio::test]
    async fn an_arrival_is_entered_under_its_number() {
        let (status, ledger) = deliver_unsigned(Demand::Nothing).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(ledger.verify(1..2).unwrap().events, 1);
        assert_eq!(ledger.verify(0..2).unwrap_err().first, Some(0));
    }

    #[tokio::test]
    async fn what_is_refused_is_no_stranger() {
        let ledger = Arc::new(Ledger::new(1, 1));
        let sink = Sink::start(Arc::clone(&ledger), Demand::BothSignatures).unwrap();
        let request = Request::post(sink.refusing_url()).body(Full::new(Bytes::new())).unwrap();
        let response = Client::builder(TokioExecutor::new()).build_http().request(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        assert!(!ledger.has_strangers());
    }

    #[tokio::test]
    async fn an_unsigned_delivery_is_no_arrival_where_signatures_are_due() {
        let (status, ledger) = deliver_unsigned(Demand::BothSignatures).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(ledger.has_strangers() && ledger.verify(1..2).is_err());
    }
}
