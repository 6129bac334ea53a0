//! Hours and days of a server's life, with receivers that come and go and crashes between any two steps, from a seed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::delivery::DeliveryState;
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{Entropy as _, EventId};
use postrider_engine::EngineOptions;
use postrider_testkit::SeededEntropy;

use crate::support::{Reply, Server, event, tenant};

const IN_FLIGHT: usize = 16;

/// How a receiver behaves for a while.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Well,
    Flaky,
    Down,
    Hanging,
    OutOfReach,
}

const MOODS: [Mood; 5] = [Mood::Well, Mood::Flaky, Mood::Down, Mood::Hanging, Mood::OutOfReach];

impl Mood {
    fn reply(self, dice: &SeededEntropy) -> Reply {
        match self {
            Self::Well => Reply::Status(204),
            Self::Flaky if dice.unit() < 0.5 => Reply::Status(200),
            Self::Flaky => {
                [Reply::Status(404), Reply::Status(503), Reply::Fails(FailureKind::ConnectionLost)][dice.below(3)]
            }
            Self::Down => Reply::Fails(FailureKind::ConnectionRefused),
            Self::Hanging => Reply::Hangs,
            Self::OutOfReach => Reply::Ours(OurFault::NoRoute),
        }
    }
}

struct Simulation {
    server: Server,
    dice: SeededEntropy,
    moods: Arc<Mutex<HashMap<String, Mood>>>,
    webhooks: Vec<Arc<Webhook>>,
    accepted: Vec<(EventId, u32)>,
    crashes: usize,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let options = EngineOptions { in_flight: IN_FLIGHT, memory_budget: 64 * 1024, ..EngineOptions::default() };
        let server = Server::start(seed, options);
        let short = RetryPolicy::Delays(vec![1, 5, 5, 60].try_into().unwrap());
        let webhooks = vec![
            server.create_webhook("everything", Scope::Environment, RetryPolicy::Standard),
            server.create_signed_webhook("everything-again", Scope::Environment, short.clone(), Some("a secret")),
            server.create_webhook("of-a", tenant("a"), short),
            server.create_webhook("of-b", tenant("b"), RetryPolicy::Frontegg),
            server.create_webhook("of-b-too", tenant("b"), RetryPolicy::Standard),
        ];
        let moods: Arc<Mutex<HashMap<String, Mood>>> = Arc::default();
        let dice = SeededEntropy::new(seed ^ 0x5eed);
        let (known, throws) = (moods.clone(), SeededEntropy::new(seed ^ 0xd1ce));
        server.receivers.plan(move |url| known.lock().unwrap().get(url).copied().unwrap_or(Mood::Well).reply(&throws));
        Self { server, dice, moods, webhooks, accepted: Vec::new(), crashes: 0 }
    }

    fn step(&mut self) {
        match self.dice.below(100) {
            0..35 => {
                let tenant = [Some("a"), Some("b"), Some("c"), None][self.dice.below(4)];
                let many = if self.dice.below(5) == 0 { 40 } else { 1 + self.dice.below(4) };
                self.accepted.extend(self.server.accept(vec![event(tenant); many]));
            }
            35..65 => {
                let millis = [5, 300, 6_000, 40_000, 600_000, 10_000_000][self.dice.below(6)];
                self.server.advance(Duration::from_millis(millis));
            }
            65..77 => {
                let webhook = &self.webhooks[self.dice.below(self.webhooks.len())];
                let mood = MOODS[self.dice.below(MOODS.len())];
                self.moods.lock().unwrap().insert(webhook.url.url().to_string(), mood);
            }
            77..84 => self.server.receivers.release(),
            84..90 => {
                let webhook = &self.webhooks[self.dice.below(self.webhooks.len())];
                self.server.switch(webhook.id, self.dice.below(3) > 0);
            }
            90..92 => {
                self.server.receivers.release();
                self.server.restart();
            }
            _ => {
                self.server.crash();
                self.crashes += 1;
            }
        }
    }

    fn end(&mut self) {
        self.moods.lock().unwrap().clear();
        self.server.receivers.release();
        let ids: Vec<_> = self.webhooks.iter().map(|webhook| webhook.id).collect();
        self.server.finish(&ids);
        self.server.until("all ends", || {
            self.server.receivers.release();
            self.accepted.iter().all(|(id, _)| self.server.deliveries_of(*id).iter().all(|d| d.state.is_final()))
        });
    }

    fn check(&self) {
        let log = self.server.receivers.log();
        let mut taken: HashMap<(EventId, &str), usize> = HashMap::new();
        for request in log.iter().filter(|request| request.reply.is_success()) {
            *taken.entry((request.event, &request.url)).or_default() += 1;
        }
        let repeats: usize = taken.values().map(|times| times - 1).sum();
        assert!(repeats <= self.crashes * IN_FLIGHT, "{repeats} repeats after {} crashes", self.crashes);
        for (id, count) in &self.accepted {
            let deliveries = self.server.deliveries_of(*id);
            assert_eq!(deliveries.len(), *count as usize, "every delivery of the receipt is there");
            for delivery in deliveries {
                let webhook = self.webhooks.iter().find(|webhook| webhook.id == delivery.webhook_id).unwrap();
                let url = webhook.url.url().as_str();
                let attempts =
                    self.server.wait(self.server.store().attempts(self.server.environment(), delivery.id)).unwrap();
                assert_eq!(attempts.len(), delivery.attempts as usize);
                let (DeliveryState::Delivered { at }
                | DeliveryState::Failed { at, .. }
                | DeliveryState::Discarded { at, .. }) = delivery.state
                else {
                    panic!("{delivery:?} has not ended");
                };
                if matches!(delivery.state, DeliveryState::Delivered { .. }) {
                    assert!(taken.contains_key(&(*id, url)), "{delivery:?} was never taken");
                }
                let late = log.iter().find(|request| request.event == *id && request.url == url && request.at > at);
                assert!(late.is_none(), "sent after its end: {late:?}");
            }
        }
    }
}

fn simulate(seed: u64, steps: usize) {
    let mut simulation = Simulation::new(seed);
    for _ in 0..steps {
        simulation.step();
    }
    simulation.end();
    simulation.check();
}

#[test]
fn every_accepted_event_ends_in_a_named_state_whatever_happens() {
    for seed in 0..4 {
        simulate(seed, 60);
    }
}
