//! A receiver on loopback that behaves, or misbehaves, as it is told.
//!
//! Owns both the honest receiver (answers, keeps connections open, speaks TLS and HTTP/2) and the hostile one (hangs, drips, resets,
//! floods, lies about its identity). It speaks HTTP/1 by hand, because no library can be talked into what is needed here. It records
//! every request, also those it then mistreats, before it answers.
//!
//! Invariant: dropping a [`Receiver`] ends its listener and all of its connections.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use crate::certificates::Identity;

mod http2;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code, written as it is: 600 to 999 too.
    pub status: u16,
    /// Headers besides `content-length`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// What is done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Behaviour {
    /// Answer.
    Answer(Reply),
    /// Send interim answers (1XX) first, then answer.
    Interim(Vec<u16>, Reply),
    /// Send interim answers without end.
    EndlessInterim,
    /// Say nothing until the client gives up.
    Hang,
    /// Close the connection instead of answering.
    Close,
    /// Reset the connection (RST), or the request's stream in HTTP/2, instead of answering.
    Reset,
    /// Send these bytes, whatever they are, and close.
    Raw(Bytes),
    /// Send the headers one byte at a time.
    DripHeaders(Reply, Duration),
    /// Send the headers at once and the body one byte at a time.
    DripBody(Reply, Duration),
    /// Promise the whole body, send half of it, and reset the connection.
    ResetInBody(Reply),
    /// Promise the whole body, send half of it, and close the connection.
    CloseInBody(Reply),
    /// Send a body that never ends.
    EndlessBody(u16),
    /// Send a header of so many bytes.
    HugeHeader(usize),
    /// Send so many headers.
    ManyHeaders(usize),
    /// Answer, and close the connection without having announced it.
    AnswerThenClose(Reply),
    /// Answer by what the request is like.
    Demand(Demand),
}

/// What a choosy endpoint wants: anything else gets 401 or 400.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Demand {
    /// The header that lets in, by name and value: 401 without it.
    pub header: Option<(String, String)>,
    /// The members of the body, a JSON object, that it knows: 400 where there is another, or one is missing.
    pub members: Vec<String>,
    /// What it answers to whoever gets it right.
    pub reply: Reply,
}

impl Demand {
    fn answer_to(self, received: &Received) -> Reply {
        if let Some((name, value)) = &self.header
            && received.headers.get(name).is_none_or(|given| given != value.as_str())
        {
            return Reply::new(401, "who are you?");
        }
        let body: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_slice(&received.body).ok();
        let mut names: Vec<_> = body.unwrap_or_default().into_iter().map(|(name, _)| name).collect();
        let mut known = self.members;
        names.sort();
        known.sort();
        if names == known { self.reply } else { Reply::new(400, format!("unknown or missing: {names:?}")) }
    }
}

/// What is done about a connection before a request is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnAccept {
    /// Serve it.
    #[default]
    Serve,
    /// Accept it and do nothing.
    Hang,
    /// Reset it.
    Reset,
    /// Serve so many requests, then close it when the next one has arrived, unanswered.
    CloseAfter(usize),
}

/// How a receiver is set up.
#[derive(Debug, Clone, Default)]
pub struct ReceiverOptions {
    /// Whom it claims to be in TLS; without, it speaks plain HTTP.
    pub identity: Option<Identity>,
    /// Whether it offers HTTP/2 in TLS.
    pub http2: bool,
    /// Whether it lets in only those who show a certificate in TLS, by the trusted authority.
    pub demands_certificate: bool,
    /// What it does about connections.
    pub on_accept: OnAccept,
}

/// A request as it was received.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query as on the wire.
    pub target: String,
    /// The headers; names in lower case.
    pub headers: HeaderMap,
    /// The names of the headers as on the wire, in order; HTTP/1 only.
    pub header_names: Vec<String>,
    /// The body, byte for byte.
    pub body: Bytes,
    /// Which connection it came on; the first is 1.
    pub connection: usize,
    /// When it was complete.
    pub at: Instant,
    /// Whether it came by HTTP/2.
    pub http2: bool,
}

/// A running receiver.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    scheme: &'static str,
    listening: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Shared {
    options: ReceiverOptions,
    scripts: Mutex<HashMap<String, VecDeque<Behaviour>>>,
    received: Mutex<Vec<Received>>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    changed: Notify,
}

impl Reply {
    /// An answer with that status and body and no header of its own.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn head(&self) -> String {
        use std::fmt::Write as _;
        let mut head = format!("HTTP/1.1 {} Something\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        // An answer without a body by definition must not announce one.
        if self.status >= 200 && self.status != 204 && self.status != 304 {
            let _ = write!(head, "content-length: {}\r\n", self.body.len());
        }
        head.push_str("\r\n");
        head
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Receiver {
    /// A receiver that speaks plain HTTP and answers 200 until told otherwise.
    pub async fn start() -> Self {
        Self::with(ReceiverOptions::default()).await
    }

    /// A receiver with these options.
    pub async fn with(options: ReceiverOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let scheme = if options.identity.is_some() { "https" } else { "http" };
        let acceptor = options
            .identity
            .as_ref()
            .map(|identity| TlsAcceptor::from(identity.server_config_with(options.http2, options.demands_certificate)));
        let shared = Arc::new(Shared { options, ..Shared::default() });
        let listening = tokio::spawn(listen(listener, acceptor, shared.clone()));
        Self { address, shared, scheme, listening }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a path, by the address.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    /// The URL of a path, by a host name.
    pub fn url_for(&self, host: &str, path: &str) -> String {
        format!("{}://{host}:{}{path}", self.scheme, self.address.port())
    }

    /// Does this about every request to `path` (query apart) from now on.
    pub fn on(&self, path: &str, behaviour: Behaviour) {
        self.script(path, [behaviour]);
    }

    /// Does these one after the other about requests to `path`, and the last one ever after.
    pub fn script(&self, path: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        lock(&self.shared.scripts).insert(path.to_owned(), behaviours.into_iter().collect());
    }

    /// All requests so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// Waits until `count` requests have come.
    ///
    /// # Panics
    ///
    /// When they have not come within `patience`.
    pub async fn wait_for(&self, count: usize, patience: Duration) -> Vec<Received> {
        self.wait_until(patience, &format!("{count} requests"), || lock(&self.shared.received).len() >= count).await;
        self.received()
    }

    /// Waits until `count` connections are open, no more and no fewer.
    ///
    /// # Panics
    ///
    /// When it does not come to that within `patience`.
    pub async fn wait_for_open_connections(&self, count: usize, patience: Duration) {
        self.wait_until(patience, &format!("{count} open connections"), || self.open_connections() == count).await;
    }

    async fn wait_until(&self, patience: Duration, what: &str, reached: impl Fn() -> bool) {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                if reached() {
                    return;
                }
                changed.await;
            }
        };
        if tokio::time::timeout(patience, waiting).await.is_err() {
            let (received, open) = (self.received().len(), self.open_connections());
            panic!("no {what} within {patience:?}; there are {received} requests and {open} open connections");
        }
    }
}

impl Shared {
    fn record(&self, received: Received) {
        lock(&self.received).push(received);
        self.changed.notify_waiters();
    }

    fn behaviour_for(&self, received: &Received) -> Behaviour {
        let target = received.target.as_str();
        let path = target.split('?').next().unwrap_or(target);
        let mut scripts = lock(&self.scripts);
        let behaviour = match scripts.get_mut(path) {
            Some(script) if script.len() > 1 => script.pop_front(),
            Some(script) => script.front().cloned(),
            None => None,
        };
        match behaviour {
            Some(Behaviour::Demand(demand)) => Behaviour::Answer(demand.answer_to(received)),
            Some(behaviour) => behaviour,
            None => Behaviour::Answer(Reply::new(200, "ok")),
        }
    }
}

/// Counts a connection as open for as long as it lives.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        shared.changed.notify_waiters();
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(listener: TcpListener, acceptor: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Dropped, and with it all connections, when this task is aborted.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        // A client that went away before it was accepted is no business of anybody's.
        let Ok((stream, _)) = accepted else { continue };
        let number = shared.accepted.fetch_add(1, Ordering::SeqCst) + 1;
        let open = Open::new(shared.clone());
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        connections.spawn(async move {
            let _open = open;
            // How a hostile conversation ends is of no interest; the tests look at what the client made of it.
            let _ = converse(stream, acceptor, number, shared).await;
        });
    }
}

async fn converse(
    stream: TcpStream,
    acceptor: Option<TlsAcceptor>,
    number: usize,
    shared: Arc<Shared>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match shared.options.on_accept {
        OnAccept::Hang => return hang(&mut { stream }).await,
        OnAccept::Reset => return stream.set_zero_linger(),
        OnAccept::Serve | OnAccept::CloseAfter(_) => {}
    }
    let Some(acceptor) = acceptor else { return serve(stream, number, &shared).await };
    let stream = acceptor.accept(stream).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, number, shared).await
    } else {
        serve(stream, number, &shared).await
    }
}

/// Says nothing until the client gives up.
async fn hang<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink()).await.map(|_| ())
}

/// A stream that can be reset.
trait Resettable: AsyncRead + AsyncWrite + Unpin {
    fn reset_when_dropped(&self) -> io::Result<()>;
}

impl Resettable for TcpStream {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl Resettable for tokio_rustls::server::TlsStream<TcpStream> {
    fn reset_when_dropped(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// What follows an answer.
enum Then {
    GoOn,
    Close,
}

async fn serve<S: Resettable>(stream: S, number: usize, shared: &Shared) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    let mut served = 0;
    while let Some(received) = read_request(&mut stream, number).await? {
        let behaviour = shared.behaviour_for(&received);
        shared.record(received);
        if shared.options.on_accept == OnAccept::CloseAfter(served) {
            return Ok(());
        }
        if let Then::Close = act(&mut stream, behaviour).await? {
            return Ok(());
        }
        served += 1;
    }
    Ok(())
}

async fn act<S: Resettable>(stream: &mut BufStream<S>, behaviour: Behaviour) -> io::Result<Then> {
    match behaviour {
        Behaviour::Answer(reply) => {
            send(stream, &whole(&reply)).await?;
            return Ok(Then::GoOn);
        }
        Behaviour::Interim(statuses, reply) => {
            for status in statuses {
                send(stream, format!("HTTP/1.1 {status} Wait\r\nx-interim: yes\r\n\r\n").as_bytes()).await?;
            }
            send(stream, &whole(&reply)).await?;
            return Ok(Then::GoOn);
        }
        Behaviour::EndlessInterim => {
            let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
            loop {
                send(stream, interim.as_bytes()).await?;
            }
        }
        Behaviour::Hang => hang(stream).await?,
        Behaviour::Close => {}
        Behaviour::Reset => stream.get_ref().reset_when_dropped()?,
        Behaviour::Raw(bytes) => send(stream, &bytes).await?,
        Behaviour::DripHeaders(reply, interval) => {
            drip(stream, reply.head().as_bytes(), interval).await?;
            send(stream, &reply.body).await?;
            return Ok(Then::GoOn);
        }
        Behaviour::DripBody(reply, interval) => {
            send(stream, reply.head().as_bytes()).await?;
            drip(stream, &reply.body, interval).await?;
            return Ok(Then::GoOn);
        }
        Behaviour::ResetInBody(reply) => {
            send_half(stream, &reply).await?;
            stream.get_ref().reset_when_dropped()?;
        }
        Behaviour::CloseInBody(reply) => send_half(stream, &reply).await?,
        Behaviour::EndlessBody(status) => {
            let head = format!("HTTP/1.1 {status} Something\r\ntransfer-encoding: chunked\r\n\r\n");
            send(stream, head.as_bytes()).await?;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            loop {
                send(stream, chunk.as_bytes()).await?;
            }
        }
        Behaviour::HugeHeader(bytes) => {
            let head = format!("HTTP/1.1 200 OK\r\nx-huge: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(bytes));
            send(stream, head.as_bytes()).await?;
        }
        Behaviour::ManyHeaders(count) => {
            let mut reply = Reply::new(200, "");
            // `content-length` is one of them.
            reply.headers = (1..count).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
            send(stream, reply.head().as_bytes()).await?;
        }
        Behaviour::AnswerThenClose(reply) => send(stream, &whole(&reply)).await?,
        Behaviour::Demand(_) => unreachable!("it was made an answer when the request was known"),
    }
    Ok(Then::Close)
}

fn whole(reply: &Reply) -> Vec<u8> {
    let mut bytes = reply.head().into_bytes();
    bytes.extend_from_slice(&reply.body);
    bytes
}

async fn send<S: Resettable>(stream: &mut BufStream<S>, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

async fn send_half<S: Resettable>(stream: &mut BufStream<S>, reply: &Reply) -> io::Result<()> {
    send(stream, reply.head().as_bytes()).await?;
    send(stream, &reply.body[..reply.body.len() / 2]).await
}

async fn drip<S: Resettable>(stream: &mut BufStream<S>, bytes: &[u8], interval: Duration) -> io::Result<()> {
    let mut ticks = tokio::time::interval(interval);
    for byte in bytes {
        ticks.tick().await;
        send(stream, &[*byte]).await?;
    }
    Ok(())
}

/// Reads a request; `None` where the client closed the connection between two of them.
async fn read_request<S: Resettable>(stream: &mut BufStream<S>, connection: usize) -> io::Result<Option<Received>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let nonsense = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut words = line.trim_end().split(' ').map(str::to_owned);
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(nonsense("request line")) };
    let (mut headers, mut header_names) = (HeaderMap::new(), Vec::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| nonsense(line))?;
        header_names.push(name.to_owned());
        headers.append(
            HeaderName::try_from(name).map_err(|_| nonsense(name))?,
            HeaderValue::try_from(value.trim()).map_err(|_| nonsense(value))?,
        );
    }
    let length = headers.get("content-length").and_then(|value| value.to_str().ok()?.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    let (body, at) = (body.into(), Instant::now());
    Ok(Some(Received { method, target, headers, header_names, body, connection, at, http2: false }))
}
