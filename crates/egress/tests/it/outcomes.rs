//! What comes of a request, whatever the receiver does.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{self, HeaderValue};
use postrider_core::attempt::{BodyEnd, FailureKind};
use postrider_core::limits;
use postrider_testkit::certificates::{Identity, RECEIVER_NAME};
use postrider_testkit::receiver::{Behaviour, OnAccept, Receiver, ReceiverOptions, Reply};

use super::{PATIENCE, answer, egress, failure, post};

/// How long the drips and hangs are waited for.
const SHORT: Duration = Duration::from_millis(400);
/// Between the bytes of a drip: too slow to finish in `SHORT`, fast enough to never be silent.
const DRIP: Duration = Duration::from_millis(20);

fn long_reply() -> Reply {
    Reply::new(200, vec![b'x'; 200])
}

#[tokio::test]
async fn every_status_is_reported_as_it_came() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let statuses = [
        200, 201, 202, 204, 205, 226, 299, 300, 301, 302, 303, 304, 307, 308, 399, 400, 401, 403, 404, 409, 410, 413,
        418, 422, 429, 451, 499, 500, 501, 502, 503, 504, 511, 599, 600, 700, 999,
    ];
    for status in statuses {
        receiver.on("/", Behaviour::Answer(Reply::new(status, "")));
        let answer = answer(egress.send(post(&receiver.url("/"))).await);
        assert_eq!((answer.status, answer.body_end), (status, BodyEnd::Complete), "{status}");
    }
    assert_eq!(receiver.received().len(), statuses.len(), "one request for each");
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    receiver.on("/", Behaviour::Interim(vec![100, 102, 103, 199], Reply::new(202, "later")));
    let answer = answer(egress.send(post(&receiver.url("/"))).await);
    assert_eq!((answer.status, &answer.body[..]), (202, &b"later"[..]));
    assert!(!answer.headers.contains_key("x-interim"));
    // 101 ends HTTP on the connection: it is the answer, and not a success.
    receiver.on("/", Behaviour::Interim(vec![101], Reply::new(200, "")));
    assert_eq!(super::answer(egress.send(post(&receiver.url("/"))).await).status, 101);
}

#[tokio::test]
async fn interim_answers_are_bounded_for_each_answer() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    // Each has some forty bytes.
    receiver.on("/", Behaviour::Interim(vec![103; 1_000], Reply::new(200, vec![b'x'; limits::RESPONSE_BODY_READ])));
    for _ in 0..2 {
        let answer = answer(egress.send(post(&receiver.url("/"))).await);
        assert_eq!((answer.status, answer.body_end), (200, BodyEnd::Cut), "the body counts apart");
    }
    receiver.on("/", Behaviour::EndlessInterim);
    let (kind, message) = failure(egress.send(post(&receiver.url("/"))).await);
    assert_eq!(kind, FailureKind::Protocol);
    assert_eq!(message, "127.0.0.1 sends interim answers (1XX), or what belongs to no answer, without end");
    receiver.wait_for_open_connections(0, PATIENCE).await;
    assert_eq!(receiver.received().len(), 3, "nor is it asked again");
}

#[tokio::test]
async fn redirects_are_reported_and_never_followed() {
    let (egress, receiver, inward) = (egress(), Receiver::start().await, Receiver::start().await);
    for status in [301, 302, 303, 307, 308] {
        receiver.on("/", Behaviour::Answer(Reply::new(status, "").header("location", &inward.url("/secret"))));
        let answer = answer(egress.send(post(&receiver.url("/"))).await);
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers["location"], inward.url("/secret"));
    }
    assert_eq!((receiver.received().len(), inward.accepted()), (5, 0));
}

#[tokio::test]
async fn without_an_answer_the_reason_is_named() {
    use FailureKind::{ConnectionLost, Protocol, Timeout};
    let cases = [
        (Behaviour::Hang, Timeout),
        (Behaviour::Close, ConnectionLost),
        (Behaviour::Reset, ConnectionLost),
        (Behaviour::DripHeaders(long_reply(), DRIP), Timeout),
        (Behaviour::Raw(Bytes::from_static(b"HTTP/1.1 200 O")), ConnectionLost),
        (Behaviour::Raw(Bytes::from_static(b"SSH-2.0-OpenSSH_9.6\r\n")), Protocol),
        (Behaviour::Raw(Bytes::from_static(b"HTTP/1.1 2x0 OK\r\n\r\n")), Protocol),
        (Behaviour::Raw(Bytes::from_static(b"HTTP/1.1 099 Low\r\n\r\n")), Protocol),
        (Behaviour::Raw(Bytes::from_static(b"\0\xff\xfe\x01garbage\r\n\r\n")), Protocol),
        (
            Behaviour::Raw(Bytes::from_static(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")),
            Protocol,
        ),
        (Behaviour::HugeHeader(limits::RESPONSE_HEADERS_READ), Protocol),
        (Behaviour::HugeHeader(8 * 1024 * 1024), Protocol),
        (Behaviour::ManyHeaders(limits::RESPONSE_HEADERS + 1), Protocol),
        (Behaviour::EndlessInterim, Protocol),
    ];
    let receiver = Receiver::start().await;
    for (behaviour, expected) in cases {
        let (egress, begun) = (egress(), Instant::now());
        receiver.on("/", behaviour.clone());
        let mut request = post(&receiver.url("/"));
        request.deadline = SHORT;
        let exchange = egress.send(request).await;
        assert_eq!(exchange.remote_address, Some(receiver.address().ip()));
        let (kind, message) = failure(exchange);
        assert_eq!(kind, expected, "{behaviour:?}: {message}");
        assert!(begun.elapsed() < PATIENCE / 2, "{behaviour:?} took {:?}", begun.elapsed());
        if kind == Timeout {
            assert_eq!(message, "no answer within 400 ms (waiting for the answer)");
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_refused_reset_or_ignored_is_told_apart() {
    let egress = egress();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (kind, message) = failure(egress.send(post(&format!("http://{closed}/"))).await);
    assert_eq!(kind, FailureKind::ConnectionRefused);
    assert_eq!(message, format!("nothing listens on port {} of 127.0.0.1", closed.port()));

    for (on_accept, expected) in
        [(OnAccept::Reset, FailureKind::ConnectionLost), (OnAccept::Hang, FailureKind::Timeout)]
    {
        let receiver = Receiver::with(ReceiverOptions { on_accept, ..ReceiverOptions::default() }).await;
        let mut request = post(&receiver.url("/"));
        request.deadline = SHORT;
        assert_eq!(failure(egress.send(request).await).0, expected, "{on_accept:?}");
    }
}

#[tokio::test]
async fn the_status_stands_whatever_becomes_of_the_body() {
    let kept = limits::RESPONSE_BODY_KEPT;
    let cases = [
        (Behaviour::Answer(Reply::new(200, vec![b'x'; kept])), BodyEnd::Complete, kept),
        (Behaviour::Answer(Reply::new(200, vec![b'x'; kept + 1])), BodyEnd::Cut, kept),
        (Behaviour::Answer(Reply::new(200, vec![b'x'; 1 << 20])), BodyEnd::Cut, kept),
        (Behaviour::EndlessBody(200), BodyEnd::Cut, kept),
        (Behaviour::ResetInBody(long_reply()), BodyEnd::Broken, 100),
        (Behaviour::CloseInBody(long_reply()), BodyEnd::Broken, 100),
    ];
    let (egress, receiver) = (egress(), Receiver::start().await);
    for (behaviour, expected, length) in cases {
        receiver.on("/", behaviour);
        let answer = answer(egress.send(post(&receiver.url("/"))).await);
        assert_eq!((answer.status, answer.body_end, answer.body.len()), (200, expected, length));
    }

    receiver.on("/", Behaviour::DripBody(long_reply(), DRIP));
    let mut request = post(&receiver.url("/"));
    request.deadline = SHORT;
    let exchange = egress.send(request).await;
    assert!(exchange.timings.total >= SHORT && exchange.timings.total < PATIENCE / 2, "{:?}", exchange.timings);
    let slow = answer(exchange);
    assert_eq!((slow.status, slow.body_end), (200, BodyEnd::TimedOut));
    assert!((1..200).contains(&slow.body.len()), "what came is kept: {}", slow.body.len());
}

#[tokio::test]
async fn compressed_bodies_stay_as_they_are() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let bomb = Bytes::from_static(b"\x1f\x8b\x08\x00not really");
    receiver.on("/", Behaviour::Answer(Reply::new(200, bomb.clone()).header("content-encoding", "gzip")));
    let answer = answer(egress.send(post(&receiver.url("/"))).await);
    assert_eq!(answer.body, bomb);
    assert!(!receiver.received()[0].headers.contains_key(header::ACCEPT_ENCODING));
}

#[tokio::test]
async fn each_kind_of_bad_certificate_is_told_in_words() {
    let cases = [
        (Identity::Expired, "the certificate of receiver.test expired on 2020-06-01"),
        (Identity::NotYetValid, "the certificate of receiver.test is not valid before 2090-01-01"),
        (Identity::WrongName, "the certificate is not for receiver.test but for somebody-else.test"),
        (Identity::SelfSigned, "the certificate of receiver.test is self-signed"),
        (
            Identity::UnknownIssuer,
            "the certificate of receiver.test was issued by \"CN=Some Other Authority\", whom this server does not trust; \
             it came without intermediate certificates",
        ),
    ];
    for (identity, words) in cases {
        let options = ReceiverOptions { identity: Some(identity), ..ReceiverOptions::default() };
        let receiver = Receiver::with(options).await;
        let (kind, message) = failure(egress().send(post(&receiver.url_for(RECEIVER_NAME, "/"))).await);
        assert_eq!((kind, message.as_str()), (FailureKind::Tls, words), "{identity:?}");
        assert!(receiver.received().is_empty(), "nothing is said to {identity:?}");
    }
}

#[tokio::test]
async fn what_does_not_speak_tls_is_told_in_words() {
    let plain = Receiver::start().await;
    plain.on("/", Behaviour::Hang);
    let url = plain.url_for(RECEIVER_NAME, "/").replace("http:", "https:");
    let mut request = post(&url);
    request.deadline = SHORT;
    // The receiver reads the ClientHello as a broken request and hangs up.
    assert_eq!(failure(egress().send(request).await).0, FailureKind::Tls);

    let silent = Receiver::with(ReceiverOptions { on_accept: OnAccept::Hang, ..ReceiverOptions::default() }).await;
    let mut request = post(&silent.url_for(RECEIVER_NAME, "/").replace("http:", "https:"));
    request.deadline = SHORT;
    let (kind, message) = failure(egress().send(request).await);
    assert_eq!((kind, message.as_str()), (FailureKind::Timeout, "no answer within 400 ms (in the TLS handshake)"));
}

#[tokio::test]
async fn an_honest_certificate_is_good_by_name_and_by_address() {
    let options = ReceiverOptions { identity: Some(Identity::Honest), ..ReceiverOptions::default() };
    let (egress, receiver) = (egress(), Receiver::with(options).await);
    for url in [receiver.url("/"), receiver.url_for(RECEIVER_NAME, "/"), receiver.url_for("receiver.test.", "/")] {
        // With a trailing dot the name is another one for DNS, and the same for certificates.
        let names = super::Names::new(&[(RECEIVER_NAME, &[&["127.0.0.1"]]), ("receiver.test.", &[&["127.0.0.1"]])]);
        let egress = if url.contains("test.:") { super::egress_with(super::options(), names) } else { egress.clone() };
        let exchange = egress.send(post(&url)).await;
        assert!(
            exchange.timings.tls.is_some()
                && exchange.timings.connect.is_some()
                && exchange.timings.first_byte.is_some()
        );
        assert_eq!(answer(exchange).status, 200, "{url}");
    }
}

#[tokio::test]
async fn the_request_is_sent_as_given_except_for_what_governs_the_connection() {
    let (egress, receiver) = (egress(), Receiver::start().await);
    let mut request = post(&receiver.url("/a/%7Bb%7D?c=d&e=%20#fragment"));
    for (name, value) in [
        ("webhook-id", "msg_1"),
        ("x-webhook-secret", "s"),
        ("host", "evil.test"),
        ("content-length", "3"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("keep-alive", "timeout=1"),
        ("expect", "100-continue"),
        ("upgrade", "h2c"),
    ] {
        request.headers.append(name, HeaderValue::from_static(value));
    }
    let body = request.body.clone();
    assert_eq!(answer(egress.send(request).await).status, 200);
    let received = &receiver.received()[0];
    assert_eq!((received.method.as_str(), received.target.as_str()), ("POST", "/a/%7Bb%7D?c=d&e=%20"));
    assert_eq!(received.body, body);
    assert_eq!(received.headers["host"], receiver.address().to_string());
    assert_eq!(received.headers["content-length"], body.len().to_string());
    assert_eq!(received.headers["user-agent"], concat!("Postrider/", env!("CARGO_PKG_VERSION")));
    let mut names = received.header_names.clone();
    names.sort();
    assert_eq!(names, ["content-length", "host", "user-agent", "webhook-id", "x-webhook-secret"]);
}

#[tokio::test]
async fn a_request_in_flight_takes_little_room() {
    let egress = egress();
    let sending = egress.send(post("http://127.0.0.1:9/"));
    let bytes = size_of_val(&sending) * limits::IN_FLIGHT;
    assert!(bytes <= 16 * 1024 * 1024, "{bytes} bytes for all that may be in flight");
}
