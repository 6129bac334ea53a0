//! Strict order and rate limits over hours of a server's life: failures, faults of our own, crashes, people who skip, resend and change their
//! minds, from a seed. And what a rotated secret does to requests.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::delivery::{Delivery, DeliveryState, DiscardReason, Origin};
use postrider_core::limits::SKIP_PATIENCE;
use postrider_core::order::{OrderBy, OrderKey, Pointer};
use postrider_core::rate::{Period, RateLimit};
use postrider_core::retry::RetryPolicy;
use postrider_core::signature::{
    PrivateKey, Scheme, Secret, SigningChange, verify_asymmetric, verify_jwt, verify_standard,
};
use postrider_core::webhook::{Scope, Sending, Webhook};
use postrider_core::{Clock as _, Entropy as _, EventId};
use postrider_engine::{EngineOptions, IncomingEvent};
use postrider_store::{ResendOutcome, SkipOutcome, WebhookPatch};
use postrider_testkit::SeededEntropy;

use crate::support::{Received, Reply, Server, event};

fn short() -> RetryPolicy {
    RetryPolicy::Delays(vec![1, 5].try_into().unwrap())
}

fn pace() -> RateLimit {
    RateLimit::new(2, Period::Second, 2).unwrap()
}

fn about(tenant: &str, number: usize) -> IncomingEvent {
    IncomingEvent { body: Bytes::from(format!(r#"{{"order":{{"id":{number}}}}}"#)), ..event(Some(tenant)) }
}

struct Simulation {
    server: Server,
    dice: SeededEntropy,
    /// How likely a receiver is to do well, and whether it hangs else.
    moods: Arc<Mutex<HashMap<String, (f64, bool)>>>,
    webhooks: Vec<Arc<Webhook>>,
    /// In the order of acceptance.
    accepted: Vec<EventId>,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let options = EngineOptions { in_flight: 16, memory_budget: 64 * 1024, ..EngineOptions::default() };
        let server = Server::start(seed, options);
        let member = OrderBy::Member(Pointer::parse("/order/id").unwrap());
        let make = |name: &str, order_by, rate_limit| {
            let sending = Sending { retry: short(), order_by, rate_limit, ..Sending::default() };
            server.create_webhook_like(name, Scope::Environment, sending, None)
        };
        let webhooks = vec![
            make("by-tenant", Some(OrderBy::Tenant), None),
            make("by-member", Some(member), None),
            make("paced", Some(OrderBy::User), Some(pace())),
            make("free", None, None),
        ];
        let moods: Arc<Mutex<HashMap<String, (f64, bool)>>> = Arc::default();
        let (known, throws) = (moods.clone(), SeededEntropy::new(seed ^ 0xd1ce));
        server.receivers.plan(move |url| {
            let (well, hangs) = known.lock().unwrap().get(url).copied().unwrap_or((1.0, false));
            match throws.unit() {
                luck if luck < well => Reply::Status(200),
                _ if hangs => Reply::Hangs,
                _ => [Reply::Status(404), Reply::Fails(FailureKind::ConnectionLost), Reply::Ours(OurFault::NoRoute)]
                    [throws.below(3)],
            }
        });
        Self { server, dice: SeededEntropy::new(seed ^ 0x5eed), moods, webhooks, accepted: Vec::new() }
    }

    fn a_webhook(&self) -> &Arc<Webhook> {
        &self.webhooks[self.dice.below(self.webhooks.len())]
    }

    /// One of the last deliveries.
    fn a_delivery(&self) -> Option<Delivery> {
        let recent = self.accepted.len().min(30);
        let event = self.accepted.get(self.accepted.len() - recent + self.dice.below(recent.max(1)))?;
        let mut deliveries = self.server.deliveries_of(*event);
        Some(deliveries.swap_remove(self.dice.below(deliveries.len())))
    }

    fn step(&mut self) {
        let (server, dice) = (&self.server, &self.dice);
        match dice.below(100) {
            0..35 => {
                let tenant = ["a", "b"][dice.below(2)];
                let events = (0..=dice.below(5)).map(|_| about(tenant, dice.below(3))).collect();
                self.accepted.extend(server.accept(events).into_iter().map(|(id, _)| id));
            }
            35..60 => server.advance(Duration::from_millis([5, 300, 2_000, 20_000, 400_000][dice.below(5)])),
            60..70 => {
                let mood = ([1.0, 0.6, 0.3, 0.0][dice.below(4)], dice.below(2) == 0);
                self.moods.lock().unwrap().insert(self.a_webhook().url.url().to_string(), mood);
            }
            70..76 => server.receivers.release(),
            76..82 => {
                let Some(delivery) = self.a_delivery() else { return };
                // Nobody waits for a receiver that hangs.
                let skip = server.engine().skip(server.environment(), delivery.id);
                let skipped = server.wait(async { tokio::time::timeout(Duration::from_millis(100), skip).await });
                assert!(matches!(skipped, Ok(Ok(SkipOutcome::Skipped | SkipOutcome::Ended)) | Err(_)), "{skipped:?}");
            }
            82..86 => {
                // Of those that were sent: what is sent for the first time is to follow the order of acceptance.
                let Some(delivery) = self.a_delivery().filter(|delivery| delivery.attempts > 0) else { return };
                let outcome = server.wait(server.engine().resend(server.environment(), delivery.id)).unwrap();
                assert!(matches!(outcome, ResendOutcome::Resent(_) | ResendOutcome::WebhookDisabled), "{outcome:?}");
            }
            86..89 => {
                let by = [None, Some(OrderBy::Tenant), Some(OrderBy::Member(Pointer::parse("/order/id").unwrap()))];
                let order_by = by[dice.below(3)].clone();
                let webhook = [&self.webhooks[0], &self.webhooks[3]][dice.below(2)];
                let sending = Sending { retry: short(), order_by, ..Sending::default() };
                server.change(webhook.id, WebhookPatch { sending: Some(sending), ..WebhookPatch::default() });
            }
            89..94 => server.switch(self.a_webhook().id, dice.below(3) > 0),
            94..96 => {
                server.receivers.release();
                self.server.restart();
            }
            _ => self.server.crash(),
        }
    }

    fn end(&self) {
        self.moods.lock().unwrap().clear();
        self.server.receivers.release();
        let ids: Vec<_> = self.webhooks.iter().map(|webhook| webhook.id).collect();
        self.server.until("all ends", || {
            self.server.receivers.release();
            self.server.advance(Duration::from_millis(500));
            self.server.finish(&ids);
            let ended = |id: &EventId| self.server.deliveries_of(*id).iter().all(|d| d.state.is_final());
            self.accepted.iter().all(ended)
        });
    }

    fn check(&self) {
        let log = self.server.receivers.log();
        // Whose key an event had at a webhook when it was accepted.
        let mut keys: HashMap<(EventId, &str), OrderKey> = HashMap::new();
        for id in &self.accepted {
            for delivery in self.server.deliveries_of(*id) {
                let webhook = self.webhooks.iter().find(|webhook| webhook.id == delivery.webhook_id).unwrap();
                let key = delivery.order_key.filter(|_| delivery.origin == Origin::Event);
                keys.extend(key.map(|key| ((*id, webhook.url.url().as_str()), key)));
            }
        }
        let mut of_keys: HashMap<(&str, OrderKey), Vec<&Received>> = HashMap::new();
        for request in &log {
            if let Some(key) = keys.get(&(request.event, request.url.as_str())) {
                of_keys.entry((&request.url, *key)).or_default().push(request);
            }
        }
        assert!(of_keys.values().any(|requests| requests.len() > 10), "something is to be seen");
        let place = |event: EventId| self.accepted.iter().position(|id| *id == event).unwrap();
        for ((url, key), requests) in of_keys {
            let mut seen = HashSet::new();
            let first: Vec<_> = requests.iter().map(|r| r.event).filter(|id| seen.insert(*id)).map(place).collect();
            assert!(first.is_sorted(), "{url} {key:?}: {first:?}");
        }
        self.check_that_nothing_overlaps(&log);
        self.check_rate(&log);
    }

    /// No two requests of deliveries with the same key were under way at a time, whatever the events.
    fn check_that_nothing_overlaps(&self, log: &[Received]) {
        let mut deliveries = HashMap::new();
        for id in &self.accepted {
            for delivery in self.server.deliveries_of(*id) {
                let attempts = self.server.store().attempts(self.server.environment(), delivery.id);
                for attempt in self.server.wait(attempts).unwrap() {
                    deliveries.insert(attempt.id.to_string(), delivery.clone());
                }
            }
        }
        let mut under_way: HashMap<_, Vec<(usize, usize)>> = HashMap::new();
        for request in log {
            // Attempts that a crash kept from being recorded are of nobody.
            let attempt = request.headers["frontegg-trace-id"].to_str().unwrap();
            let Some(delivery) = deliveries.get(attempt) else { continue };
            let Some(key) = delivery.order_key else { continue };
            let over = request.over.expect("all is over");
            under_way.entry((delivery.webhook_id, key)).or_default().push((request.came, over));
        }
        for (key, mut spans) in under_way {
            spans.sort_unstable();
            for pair in spans.windows(2) {
                assert!(pair[0].1 < pair[1].0, "{key:?}: two at a time");
            }
        }
    }

    /// Attempts carry the moment of their start, to the millisecond, in their ids.
    fn check_rate(&self, log: &[Received]) {
        let paced = self.webhooks[2].url.url().as_str();
        let started = |request: &Received| {
            let id = uuid::Uuid::parse_str(request.headers["frontegg-trace-id"].to_str().unwrap()).unwrap();
            id.as_u128() >> 80
        };
        let mut starts: Vec<u128> = log.iter().filter(|request| request.url == paced).map(started).collect();
        starts.sort_unstable();
        let limit = pace();
        for first in 0..starts.len() {
            for last in first + 1..starts.len() {
                let millis = starts[last] - starts[first] + 1;
                let allowed = u128::from(limit.burst()) * 1_000 + millis * u128::from(limit.limit());
                let count = (last - first + 1) as u128;
                assert!(count * 1_000 <= allowed, "{count} attempts within {millis} ms");
            }
        }
    }
}

#[test]
fn order_and_rate_hold_whatever_happens() {
    for seed in 0..4 {
        let mut simulation = Simulation::new(seed);
        for _ in 0..80 {
            simulation.step();
        }
        simulation.end();
        simulation.check();
    }
}

#[test]
fn a_failing_head_blocks_its_own_key_alone_and_can_be_skipped() {
    let server = Server::start(1, EngineOptions::default());
    let sending = Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() };
    let webhook = server.create_webhook_like("ordered", Scope::Environment, sending, None);
    server.receivers.all(Reply::Status(400));
    let (head, _) = server.accept(vec![event(Some("a"))])[0];
    server.until("the head fails", || server.delivery_of(head).attempts == 1);
    server.receivers.all(Reply::Status(200));
    let next = server.accept(vec![event(Some("a")), event(Some("a"))]);
    let (other, _) = server.accept(vec![event(Some("b"))])[0];
    server.until("the other key goes on", || server.delivery_of(other).state.is_final());
    assert_eq!(server.delivery_of(next[0].0).state, DeliveryState::Behind);
    let id = server.delivery_of(head).id;
    assert_eq!(server.wait(server.engine().skip(server.environment(), id)).unwrap(), SkipOutcome::Skipped);
    server.until("the next go on", || next.iter().all(|(id, _)| server.delivery_of(*id).state.is_final()));
    let state = server.delivery_of(head).state;
    assert!(matches!(state, DeliveryState::Discarded { reason: DiscardReason::Skipped, .. }), "{state:?}");
    let order: Vec<_> = server.receivers.log().iter().map(|request| request.event).collect();
    assert_eq!(order, [head, other, next[0].0, next[1].0]);
    assert_eq!(server.engine().lane(webhook.id).in_flight, 0);
}

#[test]
fn a_skip_waits_no_longer_than_its_patience_and_changes_nothing_then() {
    let server = Server::start(1, EngineOptions::default());
    let sending = Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() };
    server.create_webhook_like("ordered", Scope::Environment, sending, None);
    server.receivers.all(Reply::Late(200));
    let (head, _) = server.accept(vec![event(Some("a"))])[0];
    server.until("it is asked", || server.receivers.log().len() == 1);
    let id = server.delivery_of(head).id;
    // Where nothing else is going on, a clock that stands still goes on to the end of what is waited for.
    let patience = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let began = patience.block_on(async { tokio::time::Instant::now() });
    let skipped = patience.block_on(server.engine().skip(server.environment(), id));
    assert_eq!(skipped, Ok(SkipOutcome::UnderWay));
    assert_eq!(patience.block_on(async { began.elapsed() }).as_secs(), SKIP_PATIENCE.as_secs());
    server.receivers.release();
    server.until("it is answered", || server.delivery_of(head).state.is_final());
    let delivery = server.delivery_of(head);
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }), "{delivery:?}");
    assert_eq!(delivery.attempts, 1);
}

#[test]
fn a_skip_waits_for_the_answer_to_what_is_under_way() {
    for (status, expected) in [(200, SkipOutcome::Ended), (500, SkipOutcome::Skipped)] {
        let server = Server::start(1, EngineOptions::default());
        let sending = Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() };
        server.create_webhook_like("ordered", Scope::Environment, sending, None);
        server.receivers.all(Reply::Late(status));
        let (head, _) = server.accept(vec![event(Some("a"))])[0];
        server.until("it is asked", || server.receivers.log().len() == 1);
        let id = server.delivery_of(head).id;
        let skip = server.engine().skip(server.environment(), id);
        let (skipped, ()) = server.wait(async { tokio::join!(skip, async { server.receivers.release() }) });
        assert_eq!(skipped, Ok(expected));
        let head = server.delivery_of(head);
        assert_eq!(head.attempts, 1);
        match head.state {
            DeliveryState::Delivered { .. } => assert_eq!(status, 200),
            DeliveryState::Discarded { reason, .. } => assert_eq!((status, reason), (500, DiscardReason::Skipped)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_webhook_with_a_rate_limit_waits_and_drops_nothing() {
    let mut server = Server::start(1, EngineOptions::default());
    let rate_limit = Some(RateLimit::new(60, Period::Minute, 1).unwrap());
    let sending = Sending { rate_limit, ..Sending::default() };
    let webhook = server.create_webhook_like("paced", Scope::Environment, sending, None);
    server.accept(vec![event(None); 5]);
    server.until("the first", || server.receivers.log().len() == 1);
    for count in 2..=3 {
        server.advance(Duration::from_millis(999));
        assert_eq!(server.quiesce(&[webhook.id]), Some(server.clock.now() + Duration::from_millis(1)));
        assert_eq!(server.receivers.log().len(), count - 1);
        server.advance(Duration::from_millis(1));
        server.until("one more", || server.receivers.log().len() == count);
    }
    // A restart forgets when the last one went, so it waits as long as after one.
    server.restart();
    server.until("its work is found", || server.quiesce(&[webhook.id]).is_some());
    assert_eq!(server.receivers.log().len(), 3);
    server.finish(&[webhook.id]);
    server.until("all", || server.receivers.log().len() == 5);
    let seconds: Vec<_> = server.receivers.log().iter().map(|request| request.at.as_seconds()).collect();
    assert!(seconds.is_sorted_by(|a, b| a < b), "{seconds:?}");
}

#[test]
fn rotated_secrets_and_keys_sign_side_by_side_until_their_overlap_ends() {
    let server = Server::start(1, EngineOptions::default());
    let webhook = server.create_webhook_like("signed", Scope::Environment, Sending::default(), Some("the first"));
    let secret = |text: &str| Secret::from_vendor(text).unwrap().unwrap();
    let (first, second) = (secret("the first"), secret("the second"));
    let (old, new) = (PrivateKey::from_bytes([1; 32]), PrivateKey::from_bytes([2; 32]));
    let now = server.clock.now();
    let (switch, until) = (now + Duration::from_mins(30), now + Duration::from_hours(1));
    let signing = vec![
        SigningChange::Scheme(Scheme::Both, old.clone()),
        SigningChange::RotateSecret { secret: second.clone(), until, in_header_until: switch },
        SigningChange::RotateKey { key: new.clone(), until },
    ];
    server.change(webhook.id, WebhookPatch { signing, ..WebhookPatch::default() });
    // Which of them a receiver finds: the old and the new secret, the old and the new key, and whose `x-webhook-secret` is.
    let found = || {
        let count = server.receivers.log().len();
        server.accept(vec![event(None)]);
        server.until("a request", || server.receivers.log().len() > count);
        let request = server.receivers.log().pop().unwrap();
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        let (id, stamp, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
        let (now, no_time) = (server.clock.now(), Duration::ZERO);
        let has = |secret| verify_standard(&id, &stamp, &signatures, &request.body, secret, now, no_time).is_ok();
        let key = |key: &PrivateKey| {
            verify_asymmetric(&id, &stamp, &signatures, &request.body, &key.public_key(), now, no_time).is_ok()
        };
        let jwt = header("x-webhook-secret");
        let is_firsts = verify_jwt(&jwt, &first, now).is_ok();
        assert_ne!(is_firsts, verify_jwt(&jwt, &second, now).is_ok());
        assert_eq!(
            signatures.split(' ').count(),
            [has(&first), has(&second), key(&old), key(&new)].iter().filter(|is| **is).count()
        );
        ([has(&first), has(&second)], [key(&old), key(&new)], is_firsts)
    };
    assert_eq!(found(), ([true, true], [true, true], true));
    server.advance(Duration::from_mins(30));
    assert_eq!(found(), ([true, true], [true, true], false));
    server.advance(Duration::from_mins(30));
    assert_eq!(found(), ([false, true], [false, true], false));
    // What signs no longer is not kept.
    server.wait(server.store().end_overlaps_bite()).unwrap();
    let signing = server.store().directory().webhook(webhook.id).unwrap().signing.clone();
    assert_eq!((signing.previous, signing.previous_key, signing.key), (None, None, Some(new)));
}
