//! Requests per second, and processor time per request, of [`Egress::send`] beside hyper-util's client, against one bare sink.
//!
//! Both clients and the sink share this process and its processors, so the figures compare; they are not limits of either. Rounds
//! alternate, because the machine's mood changes. Run it with `cargo run --release -p postrider-egress --example sending`.

#![expect(clippy::print_stdout, reason = "the figures are the purpose of the program")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use postrider_egress::{Egress, EgressOptions, OutboundRequest, PoolScope, Repeat};
use rustix::time::{ClockId, clock_gettime};

const ROUNDS: usize = 4;
const ROUND: Duration = Duration::from_secs(3);
const IN_FLIGHT: usize = 64;

type Legacy = legacy::Client<legacy::connect::HttpConnector, Full<Bytes>>;

#[derive(Clone)]
enum Client {
    Ours(Egress),
    Theirs(Box<Legacy>),
}

#[tokio::main]
async fn main() {
    let sink = sink().await;
    let options = EgressOptions { allow: vec!["127.0.0.0/8".parse().expect("a network")], ..EgressOptions::default() };
    let ours = Client::Ours(Egress::new(options).expect("the options are good"));
    let theirs = Client::Theirs(Box::new(legacy::Client::builder(TokioExecutor::new()).build_http()));
    for round in 1..=ROUNDS {
        for (name, client) in [("egress", &ours), ("hyper-util", &theirs)] {
            let (per_second, micros) = measure(client, sink).await;
            println!(
                "round {round}  {name:<10}  {per_second:>7.0} requests/s  {micros:>5.1} µs of CPU a request, sink included"
            );
        }
    }
}

/// Answers everything with 200 and nothing.
async fn sink() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("the socket is open");
            tokio::spawn(async move {
                let service = service_fn(|request: Request<hyper::body::Incoming>| async move {
                    // A body that breaks off is the end of the connection anyway.
                    let _ = request.into_body().collect().await;
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn measure(client: &Client, sink: SocketAddr) -> (f64, f64) {
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let senders: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let (client, done, stop) = (client.clone(), done.clone(), stop.clone());
            tokio::spawn(async move {
                let url = Arc::new(format!("http://{sink}/hook").parse().expect("a URL"));
                while !stop.load(Ordering::Relaxed) {
                    assert_eq!(client.send(&url).await, 200);
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(ROUND).await;
    stop.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.expect("the sender did not panic");
    }
    let done = u32::try_from(done.load(Ordering::Relaxed)).map(f64::from).expect("seconds, not days");
    (done / began.elapsed().as_secs_f64(), (cpu_seconds() - cpu) * 1e6 / done)
}

impl Client {
    async fn send(&self, url: &Arc<url::Url>) -> u16 {
        let body = Bytes::from_static(&[b'x'; 600]);
        match self {
            Self::Ours(egress) => {
                let (url, deadline) = (url.clone(), Duration::from_secs(15));
                let pool = PoolScope::new(1);
                let request = OutboundRequest {
                    method: Method::POST,
                    url,
                    headers: headers(),
                    body,
                    deadline,
                    pool,
                    keep: 0,
                    repeat: Repeat::default(),
                    identity: None,
                };
                egress.send(request).await.result.expect("the sink answers").status
            }
            Self::Theirs(client) => {
                let mut request = Request::post(url.as_str()).body(Full::new(body)).expect("a request");
                *request.headers_mut() = headers();
                // What a sender cannot do without: a deadline, and the answer's body.
                let exchange = async {
                    let response = client.request(request).await.expect("the sink answers");
                    let status = response.status().as_u16();
                    response.into_body().collect().await.expect("the sink ends its answers");
                    status
                };
                tokio::time::timeout(Duration::from_secs(15), exchange).await.expect("the sink answers in time")
            }
        }
    }
}

fn headers() -> HeaderMap {
    [
        ("content-type", "application/json"),
        ("user-agent", "Postrider/0.1.0"),
        ("webhook-id", "018f3c5e-7c1a-7b6e-9d2a-3f4b5c6d7e8f"),
        ("webhook-timestamp", "1767225600"),
        ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    .collect()
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0)).as_secs_f64()
}
