//! What an HTTP/2 receiver may send that no library sends: its frames are written by hand.

use postrider_core::attempt::FailureKind;
use postrider_core::limits;
use postrider_egress::{OutboundRequest, Repeat};
use postrider_testkit::certificates::{Identity, RECEIVER_NAME};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::{PATIENCE, answer, egress, failure, post};

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 204`, as the table that all know has it.
const NO_CONTENT: &[u8] = b"\x89";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A receiver's end of a connection.
struct Connection(TlsStream<TcpStream>);

impl Connection {
    async fn accept(listener: &TcpListener) -> Self {
        let acceptor = TlsAcceptor::from(Identity::Honest.server_config(true));
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        let mut connection = Self(stream);
        connection.send(&frame(SETTINGS, 0, 0, &[])).await;
        connection
    }

    async fn send(&mut self, frames: &[u8]) {
        self.0.write_all(frames).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Waits for the head of the next request; tells its stream.
    async fn request(&mut self) -> u32 {
        loop {
            let mut head = [0; 9];
            self.0.read_exact(&mut head).await.unwrap();
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
            let mut payload = vec![0; usize::try_from(length).unwrap()];
            self.0.read_exact(&mut payload).await.unwrap();
            if head[3] == HEADERS {
                return u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            }
        }
    }

    async fn answer(&mut self, stream: u32) {
        self.send(&frame(HEADERS, END_HEADERS | END_STREAM, stream, NO_CONTENT)).await;
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{RECEIVER_NAME}:{}/", listener.local_addr().unwrap().port());
    (listener, url)
}

#[tokio::test]
async fn what_a_receiver_did_not_look_at_before_it_closed_is_sent_again() {
    let (egress, (listener, url)) = (egress(), listen().await);
    let serving = tokio::spawn(async move {
        let mut connection = Connection::accept(&listener).await;
        let first = connection.request().await;
        connection.answer(first).await;
        connection.request().await;
        // The last stream that it looked at, and that nothing is wrong.
        let goodbye = [first.to_be_bytes(), [0; 4]].concat();
        connection.send(&frame(GOAWAY, 0, 0, &goodbye)).await;
        let mut next = Connection::accept(&listener).await;
        let stream = next.request().await;
        next.answer(stream).await;
        (connection, next)
    });
    for _ in 0..2 {
        let once = OutboundRequest { repeat: Repeat::IfUnsent, ..post(&url) };
        assert_eq!(answer(egress.send(once).await).status, 204);
    }
    serving.await.unwrap();
}

#[tokio::test]
async fn interim_answers_without_end_are_given_up() {
    let (egress, (listener, url)) = (egress(), listen().await);
    // `:status: 100`, its name from the table.
    let interim = |stream: u32| frame(HEADERS, END_HEADERS, stream, b"\x08\x03100").repeat(1_000);
    let rounds = 2 * limits::HTTP2_EXCHANGE_BYTES / interim(1).len() + 1;
    let flooding = async {
        let mut connection = Connection::accept(&listener).await;
        for _ in 0..rounds {
            let stream = connection.request().await;
            connection.send(&interim(stream)).await;
            connection.answer(stream).await;
        }
        let stream = connection.request().await;
        while connection.0.write_all(&interim(stream)).await.is_ok() {}
    };
    let sending = async {
        for _ in 0..rounds {
            let status = answer(egress.send(post(&url)).await).status;
            assert_eq!(status, 204, "some are passed over, for each request anew");
        }
        let (kind, message) = failure(egress.send(post(&url)).await);
        assert_eq!(kind, FailureKind::Protocol, "{message}");
        assert!(message.ends_with("without end"), "{message}");
    };
    let both = async { tokio::join!(flooding, sending) };
    tokio::time::timeout(PATIENCE, both).await.expect("the connection is closed");
}
