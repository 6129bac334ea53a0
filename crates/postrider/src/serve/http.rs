//! The server's sockets: accepting connections, speaking HTTP/1.1 on them, and letting them go in order.
//!
//! Owns limits on connections, in all and from one address, and on the heads of requests. Does not own what is answered: that is the
//! router's. Bodies are limited where they are read.

mod linger;
mod peers;
mod stall;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use postrider_api::{Peer, TrustedProxies};
use postrider_core::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use linger::{Lingering, Noted, Noting};
use peers::Peers;
use stall::Unstalled;

/// How long accepting rests after the system refused, mostly for lack of files: trying again at once would take a whole processor.
const ACCEPT_REST: Duration = Duration::from_millis(100);

/// Something that connections come from.
pub(crate) trait Listener: Send + Sync + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Waits for the next one. With the address that it comes from, where it comes from another machine or may.
    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Option<IpAddr>)> {
        let (stream, peer) = Self::accept(self).await?;
        // An answer is one write; waiting for more to fill a segment only delays it.
        stream.set_nodelay(true)?;
        Ok((stream, Some(peer.ip())))
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<(UnixStream, Option<IpAddr>)> {
        Ok((Self::accept(self).await?.0, None))
    }
}

/// What answers requests.
pub(crate) trait Answers:
    Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

impl<S> Answers for S where
    S: Service<Request<Body>, Response = Response, Error = Infallible, Future: Send> + Clone + Send + Sync + 'static
{
}

/// Connections that are being served, and the word that ends them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connections {
    tasks: TaskTracker,
    stop: CancellationToken,
    proxies: TrustedProxies,
}

impl Connections {
    /// Connections that come through these proxies, too: as everybody's they are not limited.
    pub(crate) fn behind(proxies: TrustedProxies) -> Self {
        Self { proxies, ..Self::default() }
    }

    /// Serves whatever comes from the listener until the end, up to `most` connections at a time: each listener has its own, so that
    /// whoever fills one up keeps nobody from another.
    pub(crate) fn serve<S: Answers>(&self, listener: impl Listener, service: S, most: usize) {
        self.tasks.spawn(self.clone().accept(listener, service, most));
    }

    async fn accept<L: Listener, S: Answers>(self, listener: L, service: S, most: usize) {
        let slots = Arc::new(Semaphore::new(most));
        let peers = Peers::sharing(most, self.proxies.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits::REQUEST_HEAD_TIMEOUT)
            .max_buf_size(limits::REQUEST_HEAD_BYTES);
        loop {
            let accepted = async {
                // Whoever comes when all slots are taken waits in the system's queue.
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot.expect("the semaphore is never closed"), listener.accept().await)
            };
            let (slot, accepted) = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = accepted => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Ok(place) = peers.take_place(peer) else {
                        tracing::debug!("a connection was closed: its address has as many as one may have");
                        continue;
                    };
                    let noted = Noted::default();
                    let stream = TokioIo::new(Lingering::new(Unstalled::new(stream), noted.clone()));
                    let service = Noting::new(service.clone(), peer.map(Peer), noted.clone(), self.stop.clone());
                    let connection = http.serve_connection(stream, service);
                    // A token of its own, which is looked at whenever the connection is: the common one has a lock for all of them.
                    let stop = self.stop.child_token();
                    self.tasks.spawn(async move {
                        let _held = (slot, place);
                        let mut connection = pin!(connection);
                        // An error ends the connection and is the caller's: it went away, or did not speak HTTP.
                        tokio::select! {
                            _ended = connection.as_mut() => return,
                            () = noted.silence() => return,
                            () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
                        }
                        let _ended = connection.await;
                    });
                }
                Err(error) if is_of_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(error = %error, "accepting connections rests for a moment");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    /// Stops accepting, lets requests in flight finish, and returns when the last is done, or the patience is at its end.
    pub(crate) async fn drain(&self, patience: Duration) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(patience, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "requests in flight are given up: the patience is at its end"
            );
        }
    }
}

/// Whether it concerns only the connection that was being accepted.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, InvalidInput, NotConnected};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | InvalidInput | NotConnected)
}

/// Takes the address, or says plainly why not.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "another program listens on {address} already; stop it, or choose another address with --listen or POSTRIDER_LISTEN"
        ),
        io::ErrorKind::PermissionDenied => {
            format!("this user may not listen on {address}; ports below 1024 need a privilege, choose another with --listen")
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("{} is no address of this machine; choose another with --listen or POSTRIDER_LISTEN", address.ip())
        }
        _ => format!("nothing can listen on {address}: {error}"),
    })
}

#[cfg(test)]
mod tests;
