//! The byte stream to a receiver: bare, in TLS, or in TLS within the TLS of a proxy.
//!
//! Owns nothing but the stream and a note of what came back on it: whether anything did, which is what tells a connection that died
//! while it was idle from an answer that broke off, and how much more may, which ends a flood of what is passed over unseen.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicIsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A tunnel's or a receiver's byte stream.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    TlsInTls(Box<TlsStream<TlsStream<TcpStream>>>),
}

/// What arrived on a stream, and how much more may. Where a stream is read on when nothing more may come, it fails.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    any: AtomicBool,
    /// Bytes that may still come; below zero where the last read brought more.
    left: AtomicIsize,
    too_many: AtomicBool,
}

impl Arrivals {
    /// So many bytes may come.
    pub(crate) fn up_to(bytes: usize) -> Self {
        let left = AtomicIsize::new(signed(bytes));
        Self(Arc::new(Counts { any: AtomicBool::new(false), left, too_many: AtomicBool::new(false) }))
    }

    /// Forgets what came so far.
    pub(crate) fn forget(&self) {
        self.0.any.store(false, Ordering::Relaxed);
    }

    /// Whether anything came since then.
    pub(crate) fn any(&self) -> bool {
        self.0.any.load(Ordering::Relaxed)
    }

    /// So many bytes may come from now on.
    pub(crate) fn allow(&self, bytes: usize) {
        self.0.left.store(signed(bytes), Ordering::Relaxed);
    }

    /// So many bytes more may come, but no more than `most` in all.
    pub(crate) fn allow_more(&self, bytes: usize, most: usize) {
        let (bytes, most) = (signed(bytes), signed(most));
        let more = |left: isize| Some(left.saturating_add(bytes).min(most));
        self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).expect("it is always something");
    }

    /// Whether the stream failed because more came than may.
    pub(crate) fn were_too_many(&self) -> bool {
        self.0.too_many.load(Ordering::Relaxed)
    }

    fn note(&self, bytes: usize) {
        self.0.any.store(true, Ordering::Relaxed);
        self.0.left.fetch_sub(signed(bytes), Ordering::Relaxed);
    }
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

/// A stream that notes arrivals.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    arrivals: Arrivals,
}

impl Wire {
    pub(crate) fn new(stream: Stream, arrivals: Arrivals) -> Self {
        Self { stream, arrivals }
    }
}

macro_rules! on_stream {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Tls($inner) => $call,
            Stream::TlsInTls($inner) => $call,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), inner => Pin::new(inner).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), inner => Pin::new(inner).poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        on_stream!(self.get_mut(), inner => Pin::new(inner).poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        on_stream!(self, inner => inner.is_write_vectored())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), inner => Pin::new(inner).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(self.get_mut(), inner => Pin::new(inner).poll_shutdown(cx))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let this = self.get_mut();
        if this.arrivals.0.left.load(Ordering::Relaxed) <= 0 {
            this.arrivals.0.too_many.store(true, Ordering::Relaxed);
            return Poll::Ready(Err(io::Error::other("more came than an answer can have")));
        }
        let polled = Pin::new(&mut this.stream).poll_read(cx, buf);
        let came = buf.filled().len() - before;
        if came > 0 {
            this.arrivals.note(came);
        }
        polled
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
