//! One request and its answer on one connection.
//!
//! Owns the two kinds of connection and how far an answer is read. An HTTP/1 connection has no task of its own: whoever sends on
//! it drives it, in the same poll, so that an exchange costs no hand-over between tasks and an idle connection costs nothing. An
//! HTTP/2 connection is shared and therefore has a task.
//!
//! Invariants: an answer's status stands as soon as its headers are complete, whatever becomes of its body; a connection is given
//! back only when its answer was read to the end.

use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor as _;
use hyper_util::rt::TokioIo;
use postrider_core::attempt::{BodyEnd, FailureKind};
use postrider_core::limits;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::error::{SendError, flood, of_exchange};
use crate::wire::{Arrivals, Stream, Wire};

/// What is sent: the signed bytes, shared with the delivery.
pub(crate) type Body = Full<Bytes>;

/// What came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 100 to 999, as received.
    pub status: u16,
    /// As received, at most [`limits::RESPONSE_HEADERS_READ`] bytes.
    pub headers: HeaderMap,
    /// Its first bytes, as many as the request wants, as received: never decompressed.
    pub body: Bytes,
    /// How the body ended.
    pub body_end: BodyEnd,
}

/// Why there was no answer on this connection.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: SendError,
    pub(crate) reached: Reached,
}

/// How far a request came that was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reached {
    /// The receiver had nothing of it, or says that it did not look at it.
    Nobody,
    /// Not a byte of an answer came, and not for lack of time: on a connection that was idle before, which may have been dead already.
    PerhapsNobody,
    /// The receiver, as far as one knows.
    Receiver,
}

/// The end of the time for an attempt, and how much of its answer is kept.
pub(crate) struct Deadline<'a> {
    pub(crate) keep: usize,
    pub(crate) sleep: Pin<&'a mut Sleep>,
    pub(crate) span: Duration,
    pub(crate) started: Instant,
    /// Set when the answer's headers are complete.
    pub(crate) first_byte: Option<Duration>,
}

/// What is known of a connection.
#[derive(Debug, Clone)]
pub(crate) struct About {
    /// The `host` header of all its requests.
    pub(crate) host: HeaderValue,
    pub(crate) address: IpAddr,
    pub(crate) opened: Instant,
}

/// A connection for one exchange at a time.
pub(crate) struct Http1 {
    sender: http1::SendRequest<Body>,
    /// Absent once the connection has ended: dropped at once, so that a request it had not yet taken up comes back.
    driver: Option<http1::Connection<TokioIo<Wire>, Body>>,
    arrivals: Arrivals,
    pub(crate) about: About,
    /// How long the receiver said it keeps the connection, less a margin.
    pub(crate) kept_for: Duration,
}

/// A connection for many exchanges at once.
pub(crate) struct Http2 {
    sender: http2::SendRequest<Body>,
    arrivals: Arrivals,
    pub(crate) about: About,
    active: AtomicUsize,
    /// How many exchanges the receiver permits at once.
    permitted: Arc<AtomicUsize>,
    unwell: AtomicBool,
    /// Ends the connection's tasks with the last user.
    _stop: DropGuard,
}

/// A place on a shared connection.
pub(crate) struct Seat(Arc<Http2>);

/// Turns a stream into an HTTP/1 connection.
pub(crate) async fn http1_over(stream: Stream, about: About) -> Result<Box<Http1>, hyper::Error> {
    let arrivals = Arrivals::up_to(limits::HTTP1_HEADS_BYTES);
    let wire = TokioIo::new(Wire::new(stream, arrivals.clone()));
    let (sender, driver) = http1::Builder::new()
        .max_header_size(limits::RESPONSE_HEADERS_READ)
        .max_buf_size(limits::RESPONSE_HEADERS_READ)
        .handshake::<_, Body>(wire)
        .await?;
    let kept_for = limits::CONNECTION_IDLE;
    Ok(Box::new(Http1 { sender, driver: Some(driver), arrivals, about, kept_for }))
}

/// Turns a stream into an HTTP/2 connection whose tasks run on `executor` until `stop` is dropped.
pub(crate) async fn http2_over(
    stream: Stream,
    about: About,
    executor: Spawner,
    stop: DropGuard,
) -> Result<Arc<Http2>, hyper::Error> {
    let arrivals = Arrivals::up_to(limits::HTTP2_EXCHANGE_BYTES);
    let wire = TokioIo::new(Wire::new(stream, arrivals.clone()));
    let window = u32::try_from(limits::RESPONSE_BODY_READ).expect("a limit of some kilobytes");
    let (sender, mut driver) = http2::Builder::new(executor.clone())
        .max_header_list_size(u32::try_from(limits::RESPONSE_HEADERS_READ).expect("a limit of some kilobytes"))
        // No more of an answer is wanted than is read; windows this size keep a flood out of memory.
        .initial_stream_window_size(window)
        .initial_connection_window_size(window * 16)
        .handshake::<_, Body>(wire)
        .await?;
    let permitted = Arc::new(AtomicUsize::new(driver.current_max_send_streams()));
    let noted = permitted.clone();
    // Runs with every request that is sent, by when the receiver's settings have come. Should more requests be seated before, they
    // queue within the connection.
    executor.execute(std::future::poll_fn(move |cx| {
        let polled = Pin::new(&mut driver).poll(cx);
        noted.store(driver.current_max_send_streams(), Ordering::Relaxed);
        polled
    }));
    let (active, unwell) = (AtomicUsize::new(0), AtomicBool::new(false));
    Ok(Arc::new(Http2 { sender, arrivals, about, active, permitted, unwell, _stop: stop }))
}

/// Runs the tasks of an HTTP/2 connection until they are told to stop.
#[derive(Clone)]
pub(crate) struct Spawner {
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Spawner
where
    F: Future + Send + 'static,
{
    fn execute(&self, task: F) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = stop.cancelled_owned() => {}
                _ = task => {}
            }
        });
    }
}

impl Http1 {
    /// Whether an idle connection is still open, as far as is known here. Costs no system call unless something arrived.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }

    fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(driver) = &mut self.driver
            && Pin::new(driver).poll(cx).is_ready()
        {
            self.driver = None;
        }
    }

    /// Sends a request and reads the answer. The connection comes back if it can be used again.
    pub(crate) async fn exchange(
        mut self: Box<Self>,
        request: Request<Body>,
        host: &str,
        deadline: &mut Deadline<'_>,
    ) -> Result<(Answer, Option<Box<Self>>), Failure> {
        self.arrivals.forget();
        // Interim answers are passed over where they are read, so only their bytes bound them. A body is bounded by who reads it.
        self.arrivals.allow(limits::HTTP1_HEADS_BYTES);
        let response = self.response(request, host, deadline).await?;
        self.arrivals.allow(usize::MAX);
        let (head, body) = response.into_parts();
        deadline.first_byte = Some(deadline.started.elapsed());
        check_header_count(&head.headers, host)?;
        let mut reading = Reading::keeping(deadline.keep);
        let stopped = self.read_body(body, &mut reading, deadline).await;
        let answer = reading.into_answer(head.status.as_u16(), head.headers, stopped);
        let again = stopped == Stopped::AtEnd && self.is_alive() && self.may_be_kept(&answer.headers);
        Ok((answer, again.then_some(self)))
    }

    async fn response(
        &mut self,
        request: Request<Body>,
        host: &str,
        deadline: &mut Deadline<'_>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut response = pin!(self.sender.try_send_request(request));
        // The driver is polled first and with the real waker: whatever wakes the answer happened in there. The answer itself then
        // needs to wake nobody.
        std::future::poll_fn(|cx| {
            let mut idle = Context::from_waker(Waker::noop());
            self.drive(cx);
            if let Poll::Ready(response) = response.as_mut().poll(&mut idle) {
                return Poll::Ready(response.map_err(|mut failed| {
                    if self.arrivals.were_too_many() {
                        return Failure::flood(host);
                    }
                    let reached = match failed.take_message() {
                        Some(_unsent) => Reached::Nobody,
                        None if !self.arrivals.any() => Reached::PerhapsNobody,
                        None => Reached::Receiver,
                    };
                    Failure { error: of_exchange(failed.error(), host), reached }
                }));
            }
            deadline.sleep.as_mut().poll(cx).map(|()| Err(Failure::timeout(deadline.span)))
        })
        .await
    }

    async fn read_body(&mut self, body: Incoming, reading: &mut Reading, deadline: &mut Deadline<'_>) -> Stopped {
        let mut body = pin!(body);
        std::future::poll_fn(|cx| {
            let mut idle = Context::from_waker(Waker::noop());
            let mut driven = false;
            loop {
                match body.as_mut().poll_frame(&mut idle) {
                    Poll::Ready(frame) => {
                        if let Some(stopped) = reading.take(frame) {
                            return Poll::Ready(stopped);
                        }
                    }
                    Poll::Pending if driven && self.driver.is_none() => return Poll::Ready(Stopped::Broken),
                    Poll::Pending if driven => return deadline.sleep.as_mut().poll(cx).map(|()| Stopped::TimedOut),
                    Poll::Pending => {
                        driven = true;
                        self.drive(cx);
                    }
                }
            }
        })
        .await
    }

    /// Heeds `keep-alive: timeout=5`: one second earlier the receiver cannot yet have closed.
    fn may_be_kept(&mut self, headers: &HeaderMap) -> bool {
        if let Some(announced) = headers.get("keep-alive").and_then(announced_timeout) {
            self.kept_for = announced.saturating_sub(Duration::from_secs(1)).min(limits::CONNECTION_IDLE);
        }
        !self.kept_for.is_zero() && self.about.opened.elapsed() < limits::CONNECTION_AGE
    }
}

impl Http2 {
    /// Whether new requests should go elsewhere.
    pub(crate) fn is_over(&self) -> bool {
        self.sender.is_closed()
            || self.unwell.load(Ordering::Relaxed)
            || self.about.opened.elapsed() >= limits::CONNECTION_AGE
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.active.load(Ordering::Acquire) == 0
    }

    /// A place for one more exchange, if the receiver permits as many. Callers take turns: the pool's lock is held.
    pub(crate) fn seat(self: &Arc<Self>) -> Option<Seat> {
        if self.active.load(Ordering::Acquire) >= self.permitted.load(Ordering::Relaxed) {
            return None;
        }
        let active = self.active.fetch_add(1, Ordering::AcqRel) + 1;
        // One more than there are: something may still be on its way of those that were given up.
        self.arrivals.allow_more(limits::HTTP2_EXCHANGE_BYTES, (active + 1) * limits::HTTP2_EXCHANGE_BYTES);
        Some(Seat(self.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.active.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Seat {
    pub(crate) fn about(&self) -> &About {
        &self.0.about
    }

    /// Sends a request and reads the answer.
    pub(crate) async fn exchange(
        self,
        request: Request<Body>,
        host: &str,
        deadline: &mut Deadline<'_>,
    ) -> Result<Answer, Failure> {
        self.0.arrivals.forget();
        let response = self.response(request, host, deadline).await?;
        let (head, body) = response.into_parts();
        deadline.first_byte = Some(deadline.started.elapsed());
        check_header_count(&head.headers, host)?;
        let mut reading = Reading::keeping(deadline.keep);
        let mut body = pin!(body);
        let stopped = std::future::poll_fn(|cx| {
            while let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
                if let Some(stopped) = reading.take(frame) {
                    return Poll::Ready(stopped);
                }
            }
            deadline.sleep.as_mut().poll(cx).map(|()| Stopped::TimedOut)
        })
        .await;
        Ok(reading.into_answer(head.status.as_u16(), head.headers, stopped))
    }

    async fn response(
        &self,
        request: Request<Body>,
        host: &str,
        deadline: &mut Deadline<'_>,
    ) -> Result<Response<Incoming>, Failure> {
        let mut sender = self.0.sender.clone();
        let mut response = pin!(sender.try_send_request(request));
        std::future::poll_fn(|cx| {
            if let Poll::Ready(response) = response.as_mut().poll(cx) {
                return Poll::Ready(response.map_err(|mut failed| {
                    let reached = match failed.take_message() {
                        Some(_unsent) => Reached::Nobody,
                        None if says_goodbye(failed.error()) => {
                            // It may be open for others for a while.
                            self.0.unwell.store(true, Ordering::Relaxed);
                            Reached::Nobody
                        }
                        None if self.0.arrivals.were_too_many() => return Failure::flood(host),
                        None => reached_by_http2(failed.error()),
                    };
                    Failure { error: of_exchange(failed.error(), host), reached }
                }));
            }
            deadline.sleep.as_mut().poll(cx).map(|()| {
                // Not even a ping's echo: the connection may be a dead one that nobody closed.
                if !self.0.arrivals.any() {
                    self.0.unwell.store(true, Ordering::Relaxed);
                }
                Err(Failure::timeout(deadline.span))
            })
        })
        .await
    }
}

impl Failure {
    /// There is nothing that could be sent, here or on another connection.
    pub(crate) fn unsendable(error: SendError) -> Self {
        Self { error, reached: Reached::Receiver }
    }

    /// The receiver sends on and on, and no answer.
    fn flood(host: &str) -> Self {
        Self { error: flood(host), reached: Reached::Receiver }
    }

    fn timeout(span: Duration) -> Self {
        Self { error: SendError::timeout(span, "waiting for the answer"), reached: Reached::Receiver }
    }
}

/// Whether the receiver closes the HTTP/2 connection and says that it did not look at the request. Those that it did look at, it answers
/// before.
fn says_goodbye(error: &hyper::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(|error| error.is_go_away() && error.is_remote())
}

/// How far an HTTP/2 request came: turned away unread, fallen with its connection, or answered by an error.
fn reached_by_http2(error: &hyper::Error) -> Reached {
    let source = std::error::Error::source(error);
    let fell = if let Some(error) = source.and_then(|source| source.downcast_ref::<h2::Error>()) {
        if error.reason() == Some(h2::Reason::REFUSED_STREAM) {
            return Reached::Nobody;
        }
        error.is_io() || error.is_go_away()
    } else {
        let broke = source.is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
        broke || error.is_canceled() || error.is_closed()
    };
    if fell { Reached::PerhapsNobody } else { Reached::Receiver }
}

fn check_header_count(headers: &HeaderMap, host: &str) -> Result<(), Failure> {
    if headers.len() <= limits::RESPONSE_HEADERS {
        return Ok(());
    }
    let message = format!("{host} answered with more than {} headers", limits::RESPONSE_HEADERS);
    Err(Failure { error: SendError::endpoint(FailureKind::Protocol, message), reached: Reached::Receiver })
}

fn announced_timeout(value: &HeaderValue) -> Option<Duration> {
    let parameters = value.to_str().ok()?;
    let seconds = parameters.split(',').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("timeout").then(|| value.trim().parse().ok())?
    })?;
    Some(Duration::from_secs(seconds))
}

/// Why no more of a body was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    AtEnd,
    TooLong,
    TimedOut,
    Broken,
}

/// A body as far as it was read.
struct Reading {
    read: usize,
    kept: Vec<u8>,
    keep: usize,
}

impl Reading {
    fn keeping(keep: usize) -> Self {
        Self { read: 0, kept: Vec::new(), keep }
    }

    /// Takes the next piece; tells when to stop.
    fn take(&mut self, frame: Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>) -> Option<Stopped> {
        match frame {
            None => Some(Stopped::AtEnd),
            Some(Err(_)) => Some(Stopped::Broken),
            Some(Ok(frame)) => {
                // Trailers say nothing that we would keep.
                let Ok(piece) = frame.into_data() else { return None };
                self.read += piece.len();
                let room = self.keep - self.kept.len();
                // Copied, so that a short body does not hold on to a large read buffer for as long as it waits to be recorded.
                self.kept.extend_from_slice(&piece[..piece.len().min(room)]);
                (self.read > limits::RESPONSE_BODY_READ.max(self.keep)).then_some(Stopped::TooLong)
            }
        }
    }

    fn into_answer(self, status: u16, headers: HeaderMap, stopped: Stopped) -> Answer {
        let body_end = match stopped {
            Stopped::AtEnd if self.read == self.kept.len() => BodyEnd::Complete,
            Stopped::AtEnd | Stopped::TooLong => BodyEnd::Cut,
            Stopped::TimedOut => BodyEnd::TimedOut,
            Stopped::Broken => BodyEnd::Broken,
        };
        Answer { status, headers, body: self.kept.into(), body_end }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_timeouts_are_read_and_nonsense_is_not() {
        for (value, expected) in [
            ("timeout=5", Some(5)),
            ("timeout=5, max=100", Some(5)),
            ("max=100, Timeout = 75", Some(75)),
            ("max=100", None),
            ("timeout=", None),
            ("timeout=-1", None),
            ("", None),
        ] {
            let got = announced_timeout(&HeaderValue::from_static(value));
            assert_eq!(got, expected.map(Duration::from_secs), "{value}");
        }
    }
}
