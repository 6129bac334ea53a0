//! What is left of a request that was answered before all of it was read.
//!
//! Its body may be too large, or its token wrong. Where little is left, within [`limits::UNREAD_BYTES`] and [`limits::UNREAD_TIME`], it is
//! read and thrown away before the answer goes out, and the connection can be used again. Else the answer says `Connection: close`, and
//! the connection is closed so that the answer arrives: a system that closes a connection on which something unread lies tells the other
//! side to drop what it has received, and with it the answer, which the caller has not yet looked at while it still sends. So what still
//! comes is read and thrown away for a moment, within [`limits::LINGER_TIME`] and [`limits::LINGER_BYTES`].
//!
//! Owns nothing of the connection's other life but the end of answers that never end by themselves, and nothing where all of a request
//! was read.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderValue, Request, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::Service;
use postrider_api::Peer;
use postrider_core::limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use tokio_util::sync::CancellationToken;

/// Bytes that are thrown away at a time.
const PIECE: usize = 16 * 1024;

/// What is noted of a connection's requests.
#[derive(Debug, Clone, Default)]
pub(super) struct Noted(Arc<Notes>);

#[derive(Debug, Default)]
struct Notes {
    /// One has come.
    heard: AtomicBool,
    /// The last one was left before it was read.
    unread: AtomicBool,
    rest: Mutex<Rest>,
}

/// What is left of the body of the last one.
#[derive(Debug, Default)]
enum Rest {
    /// Nobody awaits it: it was answered, or who sends it waits to be asked, and is not asked once there is an answer.
    #[default]
    Unwanted,
    /// It is awaited.
    Awaited,
    /// This much.
    Left(Incoming),
}

impl Noted {
    /// Puts this in the place of what was left, which is returned.
    fn replace_rest(&self, rest: Rest) -> Rest {
        std::mem::replace(&mut *self.0.rest.lock().unwrap_or_else(PoisonError::into_inner), rest)
    }

    /// Ends when the time for the first request is over and none has come; else never.
    pub(super) async fn silence(&self) {
        tokio::time::sleep(limits::FIRST_HEAD_TIMEOUT).await;
        if self.0.heard.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// A service that notes that it was called, and what it leaves unread.
pub(super) struct Noting<S> {
    service: S,
    peer: Option<Peer>,
    noted: Noted,
    stop: CancellationToken,
}

impl<S> Noting<S> {
    /// Answers that never end by themselves end with `stop`. `peer`: where the connection comes from, which requests tell the service.
    pub(super) fn new(service: S, peer: Option<Peer>, noted: Noted, stop: CancellationToken) -> Self {
        Self { service, peer, noted, stop }
    }
}

impl<S> Service<Request<Incoming>> for Noting<S>
where
    S: tower::Service<Request<axum::body::Body>, Response = Response, Error = Infallible> + Clone + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        self.noted.0.heard.store(true, Ordering::Relaxed);
        // What was left of the one before has been read, or this one would not have come.
        self.noted.0.unread.store(false, Ordering::Relaxed);
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        let is_awaited = !request.headers().contains_key(header::EXPECT);
        self.noted.replace_rest(if is_awaited { Rest::Awaited } else { Rest::Unwanted });
        let watched = |body| axum::body::Body::new(Watched { body: Some(body), noted: self.noted.clone() });
        // The service is always ready: what holds callers up is within its answers.
        let answer = self.service.clone().call(request.map(watched));
        let (noted, stop) = (self.noted.clone(), self.stop.clone());
        Box::pin(async move {
            let Ok(answer) = answer.await;
            let answer = end_with_the_request(answer, &noted).await;
            Ok(end_with_the_server(answer, &stop))
        })
    }
}

/// Lets an answer say that its connection ends with it, where too much of the request is left to be read.
async fn end_with_the_request(mut answer: Response, noted: &Noted) -> Response {
    let rest = noted.replace_rest(Rest::Unwanted);
    if !noted.0.unread.load(Ordering::Relaxed) {
        return answer;
    }
    let is_read = match rest {
        Rest::Left(rest) => is_read_through(rest).await,
        // It failed, or is awaited to be asked for.
        Rest::Awaited | Rest::Unwanted => false,
    };
    if is_read {
        noted.0.unread.store(false, Ordering::Relaxed);
    } else {
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    answer
}

/// Reads what is left of a body where that is little, and comes soon. Whether it has come to its end.
async fn is_read_through(mut rest: Incoming) -> bool {
    if rest.size_hint().lower() > limits::UNREAD_BYTES as u64 {
        return false;
    }
    let reading = async {
        let mut bytes = 0;
        while let Some(frame) = rest.frame().await {
            let Ok(frame) = frame else { return false };
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if bytes > limits::UNREAD_BYTES {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(limits::UNREAD_TIME, reading).await.unwrap_or(false)
}

/// Lets an answer that never ends by itself end when the server stops, so that nobody's patience is spent on it.
fn end_with_the_server(answer: Response, stop: &CancellationToken) -> Response {
    const STREAM: HeaderValue = HeaderValue::from_static("text/event-stream");
    if answer.headers().get(header::CONTENT_TYPE) != Some(&STREAM) {
        return answer;
    }
    let stopped = stop.clone().cancelled_owned();
    answer.map(|body| axum::body::Body::from_stream(body.into_data_stream().take_until(stopped)))
}

/// A body that says when it is dropped whether something of it was left, and hands that on to whoever awaits it.
struct Watched {
    /// There until its end.
    body: Option<Incoming>,
    noted: Noted,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        match &frame {
            Some(Ok(_)) => {}
            Some(Err(_)) => drop(self.noted.replace_rest(Rest::Unwanted)),
            None => self.body = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else { return };
        self.noted.0.unread.store(true, Ordering::Relaxed);
        let mut rest = self.noted.0.rest.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*rest, Rest::Awaited) {
            *rest = Rest::Left(body);
        }
    }
}

/// A stream that lingers when it is closed with something unread.
pub(super) struct Lingering<S> {
    stream: S,
    noted: Noted,
    closing: Option<Closing>,
}

/// Our side of the stream is closed, and the other's is awaited.
struct Closing {
    until: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> Lingering<S> {
    pub(super) fn new(stream: S, noted: Noted) -> Self {
        Self { stream, noted, closing: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !this.noted.0.unread.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
        }
        let closing = this.closing.get_or_insert_with(|| Closing {
            until: Box::pin(tokio::time::sleep(limits::LINGER_TIME)),
            left: limits::LINGER_BYTES,
        });
        loop {
            if closing.until.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut piece = [std::mem::MaybeUninit::uninit(); PIECE];
            let mut piece = ReadBuf::uninit(&mut piece);
            let read = ready!(Pin::new(&mut this.stream).poll_read(context, &mut piece));
            let bytes = piece.filled().len();
            // The other side has closed, or has gone, or sends without end.
            if read.is_err() || bytes == 0 || bytes > closing.left {
                return Poll::Ready(Ok(()));
            }
            closing.left -= bytes;
        }
    }
}
