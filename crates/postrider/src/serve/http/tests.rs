//! The rules of connections, over streams in memory: time passes as fast as the tests want it to.

use axum::Router;
use axum::routing::{get, post};
use futures_util::stream;
use http::header;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::Instant;

use super::*;

/// Connections that a test makes.
struct InMemory(Mutex<Receiver<(DuplexStream, Option<IpAddr>)>>);

impl Listener for InMemory {
    type Stream = DuplexStream;

    async fn accept(&self) -> io::Result<(DuplexStream, Option<IpAddr>)> {
        match self.0.lock().await.recv().await {
            Some(connection) => Ok(connection),
            None => std::future::pending().await,
        }
    }
}

struct Served {
    connections: Connections,
    connect: Sender<(DuplexStream, Option<IpAddr>)>,
}

fn served(connections: usize) -> Served {
    let router = Router::new()
        .route("/", get(async || "hello"))
        .route("/large", get(async || "x".repeat(1024 * 1024)))
        .route("/refuse", post(async || "refused"))
        .route("/slow", get(async || tokio::time::sleep(Duration::from_secs(3)).await))
        .route(
            "/stream",
            get(async || {
                let endless = Body::from_stream(stream::pending::<Result<&str, io::Error>>());
                ([(header::CONTENT_TYPE, "text/event-stream")], endless)
            }),
        );
    let (connect, streams) = channel(16);
    let most = connections;
    let connections = Connections::default();
    connections.serve(InMemory(Mutex::new(streams)), router, most);
    Served { connections, connect }
}

impl Served {
    async fn connection(&self) -> DuplexStream {
        self.connection_that_holds(1024 * 1024).await
    }

    async fn connection_that_holds(&self, bytes: usize) -> DuplexStream {
        let (ours, theirs) = duplex(bytes);
        self.connect.send((theirs, None)).await.unwrap();
        ours
    }

    async fn connection_from(&self, peer: &str) -> DuplexStream {
        let (ours, theirs) = duplex(1024);
        self.connect.send((theirs, Some(peer.parse().unwrap()))).await.unwrap();
        ours
    }
}

async fn ask(stream: &mut DuplexStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: test\r\n\r\n").as_bytes()).await.unwrap();
}

/// All that comes until the server closes the connection.
async fn rest(stream: &mut DuplexStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_in_time() {
    let served = served(8);
    let begun = Instant::now();
    let (mut silent, mut slow, mut idle) =
        (served.connection().await, served.connection().await, served.connection().await);
    slow.write_all(b"GET / HTTP/1.1\r\nhost: te").await.unwrap();
    ask(&mut idle, "/").await;
    for (stream, patience) in [
        (&mut silent, limits::FIRST_HEAD_TIMEOUT),
        (&mut slow, limits::FIRST_HEAD_TIMEOUT),
        (&mut idle, limits::REQUEST_HEAD_TIMEOUT),
    ] {
        rest(stream).await;
        assert_eq!(begun.elapsed().as_secs(), patience.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn one_address_does_not_take_all_slots() {
    let served = served(160);
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(served.connection_from("192.0.2.1").await);
    }
    let mut refused = served.connection_from("192.0.2.1").await;
    assert_eq!(refused.read(&mut [0]).await.unwrap(), 0, "closed at once");
    let mut other = served.connection_from("192.0.2.2").await;
    ask(&mut other, "/").await;
    other.read_exact(&mut [0]).await.unwrap();
    drop(held);
    // Their ends are noticed before the next one is accepted.
    tokio::time::sleep(Duration::from_millis(1)).await;
    let mut again = served.connection_from("192.0.2.1").await;
    ask(&mut again, "/").await;
    again.read_exact(&mut [0]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_head_that_is_too_long_is_refused() {
    let served = served(8);
    let mut stream = served.connection().await;
    // The limit is checked when a read ends, so that a read can go beyond it.
    let head = format!("GET / HTTP/1.1\r\nhost: test\r\nlong: {}\r\n\r\n", "x".repeat(3 * limits::REQUEST_HEAD_BYTES));
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_when_all_slots_are_taken_waits_for_one() {
    let served = served(1);
    let mut first = served.connection().await;
    let mut second = served.connection().await;
    ask(&mut second, "/").await;
    let mut one = [0];
    let early = tokio::time::timeout(Duration::from_secs(1), second.read_exact(&mut one)).await;
    assert!(early.is_err(), "the second was served beside the first");
    ask(&mut first, "/").await;
    drop(first);
    second.read_exact(&mut one).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_an_answer_unread_gives_the_slot_up() {
    let served = served(1);
    let mut unread = served.connection_that_holds(4_096).await;
    let mut next = served.connection().await;
    ask(&mut next, "/").await;
    ask(&mut unread, "/large").await;
    let begun = Instant::now();
    let mut some = [0; 4_096];
    tokio::time::sleep(limits::ANSWER_STALL / 2).await;
    unread.read_exact(&mut some).await.unwrap();
    let mut one = [0];
    next.read_exact(&mut one).await.unwrap();
    assert_eq!(begun.elapsed(), limits::ANSWER_STALL * 3 / 2, "since something was read for the last time");
}

#[tokio::test(start_paused = true)]
async fn an_end_waits_for_requests_but_neither_for_idle_connections_nor_for_streams() {
    let served = served(8);
    let mut idle = served.connection().await;
    let mut slow = served.connection().await;
    let mut streaming = served.connection().await;
    ask(&mut idle, "/").await;
    ask(&mut slow, "/slow").await;
    ask(&mut streaming, "/stream").await;
    let mut one = [0];
    for stream in [&mut idle, &mut streaming] {
        stream.read_exact(&mut one).await.unwrap();
    }
    let begun = Instant::now();
    served.connections.drain(Duration::from_hours(1)).await;
    assert_eq!(begun.elapsed().as_secs(), 3, "as long as the slow request takes");
    assert!(rest(&mut slow).await.starts_with("HTTP/1.1 200"));
    assert!(rest(&mut streaming).await.ends_with("0\r\n\r\n"), "the stream ends in order");
}

#[tokio::test(start_paused = true)]
async fn patience_has_an_end() {
    let served = served(8);
    let mut slow = served.connection().await;
    ask(&mut slow, "/slow").await;
    tokio::task::yield_now().await;
    let begun = Instant::now();
    served.connections.drain(Duration::from_secs(1)).await;
    assert_eq!(begun.elapsed().as_secs(), 1);
}

#[tokio::test(start_paused = true)]
async fn whoever_is_answered_while_still_sending_can_send_to_the_end_and_read_the_answer() {
    let served = served(8);
    let mut stream = served.connection().await;
    // More than the stream holds: somebody must read it.
    let body = vec![b'x'; 8 * 1024 * 1024];
    let head = format!("POST /refuse HTTP/1.1\r\nhost: test\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body).await.unwrap();
    stream.shutdown().await.unwrap();
    assert!(rest(&mut stream).await.ends_with("refused"));
}

/// Sends a request that is answered before it is read, with so much of its body.
async fn send_to_be_refused(stream: &mut DuplexStream, headers: &str, sent: usize) {
    stream.write_all(format!("POST /refuse HTTP/1.1\r\nhost: test\r\n{headers}\r\n\r\n").as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; sent]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_on_after_an_early_answer_or_is_said_to_end() {
    let served = served(8);
    for (bytes, goes_on) in
        [(100, true), (200_000, true), (limits::UNREAD_BYTES, true), (limits::UNREAD_BYTES + 1, false)]
    {
        let mut stream = served.connection().await;
        send_to_be_refused(&mut stream, &format!("content-length: {bytes}"), bytes).await;
        let mut answer = String::new();
        while !answer.ends_with("refused") {
            answer.push(char::from(stream.read_u8().await.unwrap()));
        }
        assert_eq!(answer.contains("connection: close"), !goes_on, "{bytes}: {answer}");
        if goes_on {
            stream.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
            assert!(rest(&mut stream).await.ends_with("hello"), "{bytes}");
        } else {
            assert_eq!(rest(&mut stream).await, "");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_early_answer_waits_a_moment_for_a_body_and_not_at_all_for_one_that_was_not_asked_for() {
    let served = served(8);
    for (headers, waits) in [
        ("content-length: 1000", limits::UNREAD_TIME),
        ("transfer-encoding: chunked", limits::UNREAD_TIME),
        ("content-length: 1000\r\nexpect: 100-continue", Duration::ZERO),
    ] {
        let begun = Instant::now();
        let mut stream = served.connection().await;
        send_to_be_refused(&mut stream, headers, 0).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(first, *b"HTTP/1.1 200");
        assert_eq!(begun.elapsed().as_secs(), waits.as_secs(), "{headers}");
        assert!(rest(&mut stream).await.contains("connection: close"), "{headers}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_keeps_a_connection_by_sending_on() {
    let served = served(2);
    let (mut endless, mut silent) = (served.connection().await, served.connection().await);
    for stream in [&mut endless, &mut silent] {
        let head = "POST /refuse HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await.unwrap();
    }
    let piece = [b'x'; 1024];
    let mut sent = 0;
    while endless.write_all(&piece).await.is_ok() {
        sent += piece.len();
        assert!(sent < 2 * limits::LINGER_BYTES, "reads without end");
    }
    let begun = Instant::now();
    rest(&mut silent).await;
    let mut next = served.connection().await;
    ask(&mut next, "/").await;
    next.read_exact(&mut [0]).await.unwrap();
    assert!(begun.elapsed() <= limits::UNREAD_TIME + limits::LINGER_TIME);
}
