//! Through proxies: they are told the checked address, and their troubles are ours.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_core::attempt::{FailureKind, OurFault};
use postrider_egress::Egress;
use postrider_testkit::certificates::{Identity, RECEIVER_NAME};
use postrider_testkit::receiver::{Receiver, ReceiverOptions};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{Names, answer, egress_with, failure, fault, options, post};

/// What a proxy does when it is asked for a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Tunnel,
    /// Answer `CONNECT` with that status.
    Status(u16),
    /// Open the first tunnel and answer further ones with that status.
    LaterStatus(u16),
    /// Answer a SOCKS request with that reply.
    Reply(u8),
    /// Open the first tunnel and answer further requests with that reply.
    LaterReply(u8),
    Hang,
}

/// A proxy that speaks both protocols and records what it was told, byte for byte.
struct Proxy {
    address: SocketAddr,
    told: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Proxy {
    async fn start(mood: Mood, identity: Option<Identity>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let record = told.clone();
        let acceptor = identity.map(|identity| tokio_rustls::TlsAcceptor::from(identity.server_config(false)));
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (record, acceptor) = (record.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, mood, &record).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, mood, &record).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, told, serving }
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn client(&self, scheme_and_user: &str) -> Egress {
        let mut options = options();
        options.proxy = Some(format!("{scheme_and_user}{}", self.address).parse().unwrap());
        egress_with(options, Names::new(&[(RECEIVER_NAME, &[&["127.0.0.1"], &["10.0.0.1"]])]))
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, mood: Mood, record: &Mutex<Vec<String>>) {
    let mut first = [0];
    if stream.read_exact(&mut first).await.is_err() {
        return;
    }
    let target =
        if first == [5] { socks(&mut stream, mood, record).await } else { connect(&mut stream, mood, record).await };
    let Some(target) = target else { return };
    let mut onward = TcpStream::connect(target).await.unwrap();
    // The ends of tunnels do not matter here.
    let _ = tokio::io::copy_bidirectional(&mut stream, &mut onward).await;
}

async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mood: Mood,
    record: &Mutex<Vec<String>>,
) -> Option<String> {
    let mut request = vec![b'C'];
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let request = String::from_utf8(request).unwrap();
    record.lock().unwrap().push(request.clone());
    let is_first = record.lock().unwrap().len() == 1;
    let status = match mood {
        Mood::Hang => std::future::pending().await,
        Mood::Status(status) => status,
        Mood::LaterStatus(status) if !is_first => status,
        _ => 200,
    };
    stream.write_all(format!("HTTP/1.1 {status} Whatever\r\nvia: proxy\r\n\r\n").as_bytes()).await.ok()?;
    stream.flush().await.ok()?;
    (status == 200).then(|| request.split(' ').nth(1).unwrap().to_owned())
}

async fn socks<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mood: Mood,
    record: &Mutex<Vec<String>>,
) -> Option<String> {
    let mut methods = vec![0; usize::from(stream.read_u8().await.ok()?)];
    stream.read_exact(&mut methods).await.ok()?;
    stream.write_all(&[5, methods[0]]).await.ok()?;
    if methods[0] == 2 {
        stream.read_u8().await.ok()?;
        let mut parts = Vec::new();
        for _ in 0..2 {
            let mut part = vec![0; usize::from(stream.read_u8().await.ok()?)];
            stream.read_exact(&mut part).await.ok()?;
            parts.push(String::from_utf8(part).unwrap());
        }
        record.lock().unwrap().push(parts.join(":"));
        let refused = u8::from(parts[1] != "secret");
        stream.write_all(&[1, refused]).await.ok()?;
    }
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.ok()?;
    assert_eq!(head, [5, 1, 0, 1], "an IPv4 address, not a name");
    let (ip, port) = (stream.read_u32().await.ok()?, stream.read_u16().await.ok()?);
    let target = format!("{}:{port}", std::net::Ipv4Addr::from(ip));
    record.lock().unwrap().push(target.clone());
    let reply = match mood {
        Mood::Hang => std::future::pending().await,
        Mood::Reply(reply) => reply,
        Mood::LaterReply(reply) if record.lock().unwrap().len() > 1 => reply,
        _ => 0,
    };
    // A bound address given as a name: as long as it says, and of no interest.
    stream.write_all(&[5, reply, 0, 3, 2, b'h', b'i', 0, 80]).await.ok()?;
    stream.flush().await.ok()?;
    (reply == 0).then_some(target)
}

#[tokio::test]
async fn a_connect_proxy_is_told_the_checked_address_and_tls_and_host_go_by_name() {
    let honest = ReceiverOptions { identity: Some(Identity::Honest), http2: true, ..ReceiverOptions::default() };
    for (identity, scheme) in [(None, "http://us%20er:pass@"), (Some(Identity::Honest), "https://us%20er:pass@")] {
        let proxy = Proxy::start(Mood::Tunnel, identity).await;
        for receiver in [Receiver::start().await, Receiver::with(honest.clone()).await] {
            let egress = proxy.client(scheme);
            let exchange = egress.send(post(&receiver.url_for(RECEIVER_NAME, "/"))).await;
            assert_eq!(exchange.remote_address, Some(receiver.address().ip()));
            assert_eq!(answer(exchange).status, 200);
            let address = receiver.address();
            assert_eq!(
                proxy.told().last().unwrap(),
                &format!(
                    "CONNECT {address} HTTP/1.1\r\nhost: {address}\r\nproxy-authorization: Basic dXMgZXI6cGFzcw==\r\n\r\n"
                )
            );
            let received = receiver.received();
            let host = format!("{RECEIVER_NAME}:{}", address.port());
            if !received[0].http2 {
                assert_eq!(received[0].headers["host"], host);
            }
            // The tunnel is used again.
            answer(egress.send(post(&receiver.url_for(RECEIVER_NAME, "/"))).await);
            assert_eq!(receiver.accepted(), 1);
        }
    }
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_checked_address() {
    let receiver = Receiver::start().await;
    for (scheme, authenticated) in [("socks5://", None), ("socks5://user:secret@", Some("user:secret"))] {
        let proxy = Proxy::start(Mood::Tunnel, None).await;
        let exchange = proxy.client(scheme).send(post(&receiver.url_for(RECEIVER_NAME, "/"))).await;
        assert_eq!(answer(exchange).status, 200);
        let expected: Vec<String> =
            authenticated.map(str::to_owned).into_iter().chain([receiver.address().to_string()]).collect();
        assert_eq!(proxy.told(), expected);
    }
}

#[tokio::test]
async fn the_guard_holds_before_any_proxy_is_asked() {
    let proxy = Proxy::start(Mood::Tunnel, None).await;
    let mut options = options();
    options.allow.clear();
    options.proxy = Some(format!("http://{}", proxy.address).parse().unwrap());
    let egress = egress_with(options, Names::new(&[("inward.test", &[&["8.8.8.8", "10.0.0.1"]])]));
    for url in ["http://inward.test/", "http://127.0.0.1/", "https://[::1]/"] {
        assert_eq!(failure(egress.send(post(url)).await).0, FailureKind::AddressRefused, "{url}");
    }
    assert!(proxy.told().is_empty());
}

#[tokio::test]
async fn what_a_proxy_says_is_ours_while_nothing_got_through_to_anybody() {
    use FailureKind::{ConnectionRefused, Timeout};
    let ours = Err(OurFault::Proxy);
    for (scheme, mood, expected) in [
        ("http://", Mood::Status(407), ours),
        ("http://", Mood::Status(403), ours),
        ("http://", Mood::Status(500), ours),
        ("http://", Mood::Status(302), ours),
        ("http://", Mood::Status(502), ours),
        ("http://", Mood::Status(503), ours),
        ("http://", Mood::Status(504), ours),
        ("http://", Mood::Hang, Ok(Timeout)),
        ("socks5://", Mood::Reply(1), ours),
        ("socks5://", Mood::Reply(2), ours),
        ("socks5://", Mood::Reply(3), ours),
        ("socks5://", Mood::Reply(4), ours),
        ("socks5://", Mood::Reply(5), Ok(ConnectionRefused)),
        ("socks5://", Mood::Reply(6), ours),
        ("socks5://", Mood::Reply(7), ours),
        ("socks5://", Mood::Reply(8), ours),
        ("socks5://", Mood::Reply(99), ours),
        ("socks5://user:wrong@", Mood::Tunnel, ours),
        // A proxy without TLS that is taken for one with it.
        ("https://", Mood::Tunnel, ours),
    ] {
        let proxy = Proxy::start(mood, None).await;
        let mut request = post("http://127.0.0.1:9/");
        request.deadline = Duration::from_millis(500);
        let exchange = proxy.client(scheme).send(request).await;
        match expected {
            Ok(kind) => assert_eq!(failure(exchange).0, kind, "{scheme} {mood:?}"),
            Err(expected) => assert_eq!(fault(exchange).0, expected, "{scheme} {mood:?}"),
        }
    }
}

#[tokio::test]
async fn what_a_proxy_that_works_for_others_says_of_a_target_is_the_targets() {
    use FailureKind::{ConnectFailed, Timeout};
    let receiver = Receiver::start().await;
    for (scheme, mood, expected) in [
        ("http://", Mood::LaterStatus(403), Ok(ConnectFailed)),
        ("http://", Mood::LaterStatus(500), Ok(ConnectFailed)),
        ("http://", Mood::LaterStatus(502), Ok(ConnectFailed)),
        ("http://", Mood::LaterStatus(504), Ok(Timeout)),
        ("http://", Mood::LaterStatus(407), Err(OurFault::Proxy)),
        ("socks5://", Mood::LaterReply(1), Ok(ConnectFailed)),
        ("socks5://", Mood::LaterReply(2), Ok(ConnectFailed)),
        ("socks5://", Mood::LaterReply(3), Ok(ConnectFailed)),
    ] {
        let proxy = Proxy::start(mood, None).await;
        let egress = proxy.client(scheme);
        answer(egress.send(post(&receiver.url("/"))).await);
        let exchange = egress.send(post("http://127.0.0.1:9/")).await;
        match expected {
            Ok(kind) => assert_eq!(failure(exchange).0, kind, "{scheme} {mood:?}"),
            Err(expected) => assert_eq!(fault(exchange).0, expected, "{scheme} {mood:?}"),
        }
    }
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_our_fault() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for proxy in [format!("http://{gone}"), "socks5://no-such-proxy.test:1080".to_owned()] {
        let mut options = options();
        options.proxy = Some(proxy.parse().unwrap());
        let egress = egress_with(options, Names::new(&[]));
        let (fault, message) = fault(egress.send(post("http://127.0.0.1:9/")).await);
        assert_eq!(fault, OurFault::Proxy);
        assert!(message.starts_with(&format!("the proxy {proxy} ")), "{message}");
    }
}
