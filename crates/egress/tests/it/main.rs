//! The client against receivers and proxies on loopback, honest and hostile.

#![expect(clippy::unwrap_used, reason = "a helper of a test that fails is a test that fails")]
#![expect(clippy::similar_names, reason = "a receiver has received what it received")]

mod addresses;
mod connections;
mod frames;
mod identities;
mod outcomes;
mod proxies;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method};
use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::limits::RESPONSE_BODY_KEPT;
use postrider_egress::{
    Answer, Egress, EgressOptions, Exchange, OutboundRequest, PoolScope, Repeat, Resolve, ResolveError, Resolving,
    SendError, Telling,
};
use postrider_testkit::certificates::{RECEIVER_NAME, authority_pem};

/// Long enough for a busy machine, short enough to notice a hang.
const PATIENCE: Duration = Duration::from_secs(10);

const SCOPE: PoolScope = PoolScope::new(1);

/// The answers to one lookup after the other.
type Rounds = Vec<Result<Vec<IpAddr>, ResolveError>>;

/// Name servers whose answers the test decides; each lookup takes the next answer, the last one stays.
#[derive(Default)]
struct Names {
    answers: Mutex<HashMap<String, Rounds>>,
    asked: Mutex<Vec<String>>,
    /// Whether others than the one that fails are answered for.
    answers_for_others: AtomicBool,
}

impl Names {
    fn new(answers: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let names = Self::default();
        for (host, rounds) in answers {
            let rounds = rounds.iter().map(|round| Ok(round.iter().map(|ip| ip.parse().unwrap()).collect())).collect();
            names.answers.lock().unwrap().insert((*host).to_owned(), rounds);
        }
        Arc::new(names)
    }

    fn fail(&self, host: &str, error: ResolveError) {
        self.answers.lock().unwrap().insert(host.to_owned(), vec![Err(error)]);
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = match self.answers.lock().unwrap().get_mut(host) {
            Some(rounds) if rounds.len() > 1 => rounds.remove(0),
            Some(rounds) => rounds[0].clone(),
            None => Err(ResolveError::NotFound { host: host.to_owned() }),
        };
        Box::pin(std::future::ready(answer))
    }

    fn answers_for_others<'a>(&'a self, _: &'a str) -> Telling<'a> {
        Box::pin(std::future::ready(self.answers_for_others.load(Ordering::SeqCst)))
    }
}

fn options() -> EgressOptions {
    EgressOptions {
        allow: vec!["127.0.0.0/8".parse().unwrap()],
        extra_roots_pem: Some(authority_pem().into_bytes()),
        ..EgressOptions::default()
    }
}

fn egress() -> Egress {
    egress_with(options(), Names::new(&[(RECEIVER_NAME, &[&["127.0.0.1"]])]))
}

fn egress_with(options: EgressOptions, names: Arc<Names>) -> Egress {
    Egress::with_resolver(options, names).unwrap()
}

fn post(url: &str) -> OutboundRequest {
    OutboundRequest {
        method: Method::POST,
        url: Arc::new(url.parse().unwrap()),
        headers: HeaderMap::new(),
        body: bytes::Bytes::from_static(b"{\"hello\":1}"),
        deadline: PATIENCE,
        pool: SCOPE,
        keep: RESPONSE_BODY_KEPT,
        repeat: Repeat::default(),
        identity: None,
    }
}

#[track_caller]
fn answer(exchange: Exchange) -> Answer {
    exchange.result.unwrap_or_else(|error| panic!("no answer: {error:?}"))
}

#[track_caller]
fn failure(exchange: Exchange) -> (FailureKind, String) {
    match exchange.result {
        Err(SendError::Endpoint { kind, message }) => (kind, message),
        other => panic!("not a failure of the endpoint: {other:?}"),
    }
}

#[track_caller]
fn fault(exchange: Exchange) -> (OurFault, String) {
    match exchange.result {
        Err(SendError::Ours { fault, message }) => (fault, message),
        other => panic!("not a fault of ours: {other:?}"),
    }
}
