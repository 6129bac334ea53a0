//! The receiver's HTTP/2 side: the same record and the same behaviours, as far as they have a meaning there.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::server::TlsStream;

use super::{Behaviour, Received, Reply, Shared};

type Answer = Response<Either<Full<Bytes>, Endless>>;

/// The request is given up: its stream is reset.
#[derive(Debug, thiserror::Error)]
#[error("the receiver was told not to answer")]
struct GivenUp;

/// A body without an end.
struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096])))))
    }
}

pub(super) async fn serve(stream: TlsStream<TcpStream>, number: usize, shared: Arc<Shared>) -> io::Result<()> {
    let hang_up = Arc::new(Notify::new());
    let over = hang_up.clone();
    let service = service_fn(move |request| answer(request, number, shared.clone(), hang_up.clone()));
    let serving =
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        served = serving => served.map_err(io::Error::other),
        () = over.notified() => Ok(()),
    }
}

async fn answer(
    request: Request<Incoming>,
    connection: usize,
    shared: Arc<Shared>,
    hang_up: Arc<Notify>,
) -> Result<Answer, GivenUp> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| GivenUp)?.to_bytes();
    let target = head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let received = Received {
        method: head.method.to_string(),
        target,
        headers: head.headers,
        header_names: Vec::new(),
        body,
        connection,
        at: Instant::now(),
        http2: true,
    };
    let behaviour = shared.behaviour_for(&received);
    shared.record(received);
    match behaviour {
        Behaviour::Answer(reply) => Ok(plain(&reply)),
        Behaviour::EndlessBody(status) => Ok(with_status(status, Either::Right(Endless))),
        Behaviour::Hang => std::future::pending().await,
        Behaviour::Close => {
            hang_up.notify_one();
            std::future::pending().await
        }
        Behaviour::Reset => Err(GivenUp),
        other => panic!("{other:?} has no meaning in HTTP/2"),
    }
}

fn plain(reply: &Reply) -> Answer {
    let mut answer = with_status(reply.status, Either::Left(Full::new(reply.body.clone())));
    for (name, value) in &reply.headers {
        let name = http::HeaderName::try_from(name).expect("the test's header name is one");
        answer.headers_mut().append(name, value.parse().expect("the test's header value is one"));
    }
    answer
}

fn with_status(status: u16, body: Either<Full<Bytes>, Endless>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).expect("the test's status is one");
    answer
}
