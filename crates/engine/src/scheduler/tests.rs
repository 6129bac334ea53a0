//! The scheduler against a model of the database, and its promises of fairness in numbers.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_core::delivery::{DeliveryState, DiscardReason, OUR_FAULT_DELAY};
use postrider_core::event::{Event, EventKey, Room, TenantId};
use postrider_core::order::OrderKey;
use postrider_core::rate::Period;
use postrider_core::{EnvironmentId, EventId, limits};
use postrider_store::LanePosition;
use proptest::prelude::*;

use super::lane::{Place, READ_AGAIN, Traffic};
use super::*;

const START: Timestamp = Timestamp::from_micros(1_767_225_600_000_000);

fn uuid(kind: u64, number: usize) -> uuid::Uuid {
    uuid::Uuid::from_u64_pair(kind, (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

fn webhook(number: usize) -> WebhookId {
    WebhookId::from_uuid(uuid(1, number))
}

fn event(tenant: usize, bytes: usize) -> Arc<Event> {
    Arc::new(Event {
        id: EventId::from_uuid(uuid(2, tenant)),
        environment_id: EnvironmentId::from_uuid(uuid(3, 0)),
        key: EventKey::parse("it.happened").unwrap(),
        tenant_id: Some(TenantId::parse(&format!("tenant {tenant}")).unwrap()),
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: START,
        body: Bytes::from(vec![b' '; bytes]),
        room: Room::uncounted(),
    })
}

fn ready(number: usize, tenant: usize) -> Ready {
    Ready::new(DeliveryId::from_uuid(uuid(4, number)), event(tenant, 0), None)
}

fn tenant_name(launch: &Launch) -> String {
    launch.delivery.event.tenant_id.as_ref().unwrap().to_string()
}

impl Scheduler {
    fn launch_all(&mut self, now: Timestamp) -> Vec<Launch> {
        let mut launches = Vec::new();
        while self.launch(now, 64, &mut launches) {}
        launches
    }

    /// Recounts everything.
    fn check(&self, now: Timestamp) {
        let stages = |stage| self.held.values().filter(move |held| held.stage == stage).count();
        assert_eq!(self.totals.queued, stages(Stage::Queued));
        assert_eq!(self.totals.in_flight(), stages(Stage::InFlight));
        assert_eq!(self.totals.slots, stages(Stage::InFlight) + stages(Stage::Unsettled));
        assert_eq!(self.totals.bytes, self.held.values().map(|held| held.bytes as usize).sum::<usize>());
        let held_by = |index: u32| self.held.values().filter(move |held| self.flows[held.flow].lane == index);
        let bytes_of = |index: u32| held_by(index).map(|held| held.bytes as usize).sum::<usize>();
        assert!(self.lanes.iter().all(|(index, lane)| lane.bytes == bytes_of(index)));
        let troubled = self.lanes.iter().filter(|(_, lane)| lane.class == Class::Troubled);
        assert_eq!(self.totals.troubled_bytes, troubled.map(|(_, lane)| lane.bytes).sum::<usize>());
        assert_eq!(self.totals.paused, self.lanes.iter().filter(|(_, lane)| lane.health.is_paused()).count());
        assert!(self.totals.slots <= self.limits.in_flight && self.totals.bytes <= self.limits.memory);
        for (index, lane) in self.lanes.iter() {
            let flows: Vec<&Flow> = lane.flows.values().map(|flow| &self.flows[*flow]).collect();
            assert_eq!(lane.queued, flows.iter().map(|flow| flow.queue.len()).sum::<usize>());
            assert_eq!(lane.in_flight, flows.iter().map(|flow| flow.in_flight).sum::<usize>());
            assert_eq!(lane.unsettled, flows.iter().map(|flow| flow.unsettled).sum::<usize>());
            assert!(lane.queued <= self.limits.lane);
            let is_parked = flows.iter().any(|flow| flow.place == Place::Parked);
            assert_eq!(is_parked, !lane.parked.is_empty());
            let is_about_to_wake = lane.alarm.is_some_and(|at| at <= now);
            assert!(!is_parked || lane.room(now) == 0 || lane.thawing || is_about_to_wake, "parked in spite of room");
            assert!(flows.iter().all(|flow| (flow.place == Place::Nowhere) == flow.queue.is_empty()));
            assert_eq!(lane.alarm, self.alarms.iter().find(|(_, lane)| *lane == index).map(|(at, _)| *at));
        }
        for (index, tenant) in self.tenants.iter() {
            for class in Class::BOTH {
                let seat = &tenant.seats[class as usize];
                let flows: Vec<&Flow> = self
                    .flows
                    .iter()
                    .map(|(_, flow)| flow)
                    .filter(|flow| flow.tenant == index && self.lanes[flow.lane].class == class)
                    .collect();
                assert_eq!(seat.in_flight, flows.iter().map(|flow| flow.in_flight).sum::<usize>());
                let is_offering = flows.iter().any(|flow| flow.place == Place::Offered);
                assert_eq!(seat.tier, is_offering.then(|| tenant.tier(class, &self.limits)));
            }
        }
    }
}

// --- against a model of the database ---

#[derive(Debug, Clone, Copy)]
enum Step {
    Accept { webhook: usize, tenant: usize, bytes: usize, key: Option<u8> },
    Launch,
    Finish { which: usize, signal: Signal },
    Settle { which: usize, retry: bool },
    Release { which: usize },
    BeginRead,
    EndRead { which: usize, fails: bool },
    Wait { millis: u64 },
    Switch { webhook: usize, standing: Standing },
    Skip { which: usize },
    Limit { limit: Option<u32> },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = 0..1_000usize;
    let signal = prop_oneof![
        3 => Just(Signal::Well),
        1 => Just(Signal::Refused),
        3 => Just(Signal::Unwell),
        1 => Just(Signal::Ours),
        1 => Just(Signal::Nothing),
    ];
    let standing = prop_oneof![Just(Standing::Active), Just(Standing::Off)];
    let step = prop_oneof![
        8 => (0..4usize, 0..5usize, prop_oneof![9 => Just(0usize), 1 => 0..3_000usize], proptest::option::of(0..3u8))
            .prop_map(|(webhook, tenant, bytes, key)| Step::Accept { webhook, tenant, bytes, key }),
        6 => Just(Step::Launch),
        6 => (which.clone(), signal).prop_map(|(which, signal)| Step::Finish { which, signal }),
        6 => (which.clone(), any::<bool>()).prop_map(|(which, retry)| Step::Settle { which, retry }),
        1 => which.clone().prop_map(|which| Step::Release { which }),
        3 => Just(Step::BeginRead),
        3 => (which, proptest::bool::weighted(0.1)).prop_map(|(which, fails)| Step::EndRead { which, fails }),
        3 => (1..3_000u64).prop_map(|millis| Step::Wait { millis }),
        1 => (0..4usize, standing).prop_map(|(webhook, standing)| Step::Switch { webhook, standing }),
        2 => (0..1_000usize).prop_map(|which| Step::Skip { which }),
        1 => proptest::option::of(1..20u32).prop_map(|limit| Step::Limit { limit }),
    ];
    proptest::collection::vec(step, 1..400)
}

struct Row {
    webhook: WebhookId,
    ready: Ready,
    due_at: Timestamp,
    /// In the order of acceptance.
    place: usize,
}

/// The webhook with a rate limit.
const PACED: usize = 3;

struct World {
    scheduler: Scheduler,
    now: Timestamp,
    accepted: usize,
    /// What has not ended.
    rows: BTreeMap<DeliveryId, Row>,
    in_flight: Vec<DeliveryId>,
    unsettled: Vec<DeliveryId>,
    reads: Vec<(WebhookId, PageRows)>,
    /// What was launched, also where it has ended meanwhile.
    launched: HashMap<DeliveryId, (WebhookId, Option<OrderKey>)>,
    /// The limit of the one that has one, and its launches since.
    limit: Option<RateLimit>,
    starts: Vec<Timestamp>,
}

impl World {
    fn new() -> Self {
        let limits = Limits { in_flight: 24, per_webhook: 6, memory: 20 * OVERHEAD_BYTES, lane: 12 };
        Self {
            scheduler: Scheduler::new(limits),
            now: START,
            accepted: 0,
            rows: BTreeMap::new(),
            in_flight: Vec::new(),
            unsettled: Vec::new(),
            reads: Vec::new(),
            launched: HashMap::new(),
            limit: None,
            starts: Vec::new(),
        }
    }

    /// Whether the store lets it be seen: no other of its key is before it.
    fn is_first(&self, row: &Row) -> bool {
        let others = || self.rows.values().filter(|other| other.webhook == row.webhook && other.place < row.place);
        row.ready.order_key.is_none() || !others().any(|other| other.ready.order_key == row.ready.order_key)
    }

    /// A delivery of that key has ended: the store tells of the next.
    fn let_next_go(&mut self, webhook: WebhookId, key: Option<OrderKey>) {
        if key.is_none() {
            return;
        }
        let of_key = self.rows.values_mut().filter(|row| row.webhook == webhook && row.ready.order_key == key);
        let Some(next) = of_key.min_by_key(|row| row.place) else { return };
        next.due_at = next.due_at.max(self.now);
        if next.due_at == self.now {
            self.scheduler.push(webhook, next.ready.clone(), self.now);
        }
    }

    /// The promise of the rate limit, over every stretch of time since it was set.
    fn check_rate(&self) {
        let Some(limit) = self.limit else { return };
        for (count, first) in (1..).zip(self.starts.iter().rev()) {
            let length = self.starts.last().expect("there is one").since(*first).as_micros();
            let allowed = u128::from(limit.burst()) * 1_000_000 + length * u128::from(limit.limit());
            assert!(count * 1_000_000 <= allowed, "{count} within {length} microseconds under {limit:?}");
        }
    }

    fn skip(&mut self, which: usize) {
        if self.rows.is_empty() {
            return;
        }
        let id = *self.rows.keys().nth(which % self.rows.len()).unwrap();
        let Row { webhook, ready, .. } = self.rows.remove(&id).unwrap();
        let state = DeliveryState::Discarded { at: self.now, reason: DiscardReason::Skipped };
        self.scheduler.settled(webhook, id, state, self.now);
        self.let_next_go(webhook, ready.order_key);
    }

    fn apply(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Accept { webhook: number, tenant, bytes, key } => {
                self.accepted += 1;
                let mut ready = ready(self.accepted, tenant);
                ready.event = event(tenant, bytes);
                let webhook = webhook(number);
                ready.order_key = key.map(|key| OrderKey::from_bytes([key; 16]));
                let row = Row { webhook, ready: ready.clone(), due_at: now, place: self.accepted };
                let is_first = self.is_first(&row);
                self.rows.insert(ready.id, row);
                if is_first {
                    self.scheduler.push(webhook, ready, now);
                }
            }
            Step::Launch => {
                for launch in self.scheduler.launch_all(now) {
                    let id = launch.delivery.id;
                    let row = &self.rows[&id];
                    assert!(row.webhook == launch.webhook && row.due_at <= now);
                    assert!(!self.in_flight.contains(&id) && !self.unsettled.contains(&id), "launched twice");
                    assert!(self.is_first(row), "launched before its turn");
                    let (webhook, key) = (row.webhook, row.ready.order_key);
                    let beside = self.in_flight.iter().any(|other| self.launched[other] == (webhook, key));
                    assert!(key.is_none() || !beside, "two of a key at a time");
                    self.launched.insert(id, (webhook, key));
                    self.in_flight.push(id);
                    if webhook == self::webhook(PACED) {
                        self.starts.push(launch.at);
                        self.check_rate();
                    }
                }
            }
            Step::Finish { which, signal } => {
                if let Some(id) = take(&mut self.in_flight, which) {
                    self.unsettled.push(id);
                    self.scheduler.finished(id, signal, now, 0.5);
                }
            }
            Step::Settle { which, retry } => {
                if let Some(id) = take(&mut self.unsettled, which) {
                    let due_at = now + OUR_FAULT_DELAY;
                    let (webhook, key) = self.launched[&id];
                    let Some(row) = self.rows.get_mut(&id) else {
                        // It had ended before: the attempt is noted, nothing else.
                        let state = DeliveryState::Discarded { at: now, reason: DiscardReason::Skipped };
                        self.scheduler.settled(webhook, id, state, now);
                        return;
                    };
                    let state = if retry {
                        row.due_at = due_at;
                        row.ready.attempts += 1;
                        DeliveryState::Retrying { due_at, fault: None }
                    } else {
                        self.rows.remove(&id);
                        DeliveryState::Delivered { at: now }
                    };
                    self.scheduler.settled(webhook, id, state, now);
                    if state.is_final() {
                        self.let_next_go(webhook, key);
                    }
                }
            }
            Step::Skip { which } => self.skip(which),
            Step::Limit { limit } => {
                self.limit = limit.map(|limit| RateLimit::new(limit, Period::Second, limit.div_ceil(4)).unwrap());
                self.starts.clear();
                self.scheduler.limit_rate(webhook(PACED), self.limit, Before::Unknown, now);
            }
            Step::Release { which } => {
                if let Some(id) = take(&mut self.in_flight, which) {
                    self.scheduler.released(id, now);
                }
            }
            Step::BeginRead => {
                if let Some(request) = self.scheduler.page_wanted(now) {
                    let page = self.page(request);
                    self.reads.push((request.webhook, page));
                }
            }
            Step::EndRead { which, fails } => {
                if let Some((webhook, page)) = take(&mut self.reads, which) {
                    self.scheduler.paged(webhook, (!fails).then_some(page), now);
                }
            }
            Step::Wait { millis } => self.now = now + Duration::from_millis(millis),
            Step::Switch { webhook: number, standing } => {
                self.scheduler.webhook_stands(webhook(number), standing, now);
            }
        }
        self.scheduler.check(self.now);
        // As the engine does: whoever brings news also launches.
        let not_ended = self.in_flight.iter().filter(|id| self.rows.contains_key(id)).count();
        assert!(not_ended <= self.scheduler.totals.in_flight());
    }

    /// What the database answers at this moment; small pages, so that passes have several.
    fn page(&self, request: PageRequest) -> PageRows {
        let of_lane = || self.rows.values().filter(|row| row.webhook == request.webhook);
        let mut rows: Vec<(LanePosition, Ready)> = of_lane()
            .filter(|row| row.due_at <= self.now && self.is_first(row))
            .map(|row| (LanePosition { due_at: row.due_at, delivery: row.ready.id }, row.ready.clone()))
            .collect();
        rows.sort_by_key(|(position, _)| *position);
        match request.by_chance {
            // A quarter of them are passed by for each quarter of the chance.
            Some(chance) => {
                let quarters = [0.25, 0.5, 0.75].iter().filter(|part| chance >= **part).count();
                drop(rows.drain(..rows.len() * quarters / 4));
            }
            None => rows.retain(|(position, _)| request.after.is_none_or(|after| *position > after)),
        }
        let limit = request.limit.min(5);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_due =
            of_lane().filter(|row| self.is_first(row)).map(|row| row.due_at).filter(|due_at| *due_at > self.now).min();
        PageRows { rows, next_due, more }
    }

    /// Lets everything go well from here on.
    fn end_well(&mut self) {
        for number in 0..4 {
            self.scheduler.webhook_stands(webhook(number), Standing::Active, self.now);
        }
        for _ in 0..10_000 {
            // What was skipped has ended, while an attempt of it may still be under way.
            if self.rows.is_empty() && self.in_flight.is_empty() && self.unsettled.is_empty() {
                return;
            }
            self.apply(Step::Launch);
            let launched = !self.in_flight.is_empty();
            while !self.in_flight.is_empty() {
                self.apply(Step::Finish { which: 0, signal: Signal::Well });
            }
            // An end lets the next of its key go, which is launched in the next round.
            let settled = !self.unsettled.is_empty();
            while !self.unsettled.is_empty() {
                self.apply(Step::Settle { which: 0, retry: false });
            }
            self.apply(Step::BeginRead);
            let read = !self.reads.is_empty();
            while !self.reads.is_empty() {
                self.apply(Step::EndRead { which: 0, fails: false });
            }
            if !launched && !settled && !read {
                // Nothing but time can help: the scheduler must know when.
                match self.scheduler.next_wake(self.now) {
                    Some(at) => self.now = self.now.max(at),
                    None => assert!(self.rows.is_empty(), "{} deliveries forgotten", self.rows.len()),
                }
            }
        }
        panic!("{} deliveries never end", self.rows.len());
    }
}

fn take<T>(from: &mut Vec<T>, which: usize) -> Option<T> {
    (!from.is_empty()).then(|| from.remove(which % from.len()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, max_shrink_iters: 4_000, ..ProptestConfig::default() })]

    /// Nothing is launched twice, nothing is forgotten, and every limit holds, whatever happens in whatever order.
    #[test]
    fn everything_accepted_is_launched_once_at_a_time_and_to_its_end(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
        }
        world.end_well();
        let paused = world.scheduler.totals.paused;
        prop_assert_eq!(world.scheduler.totals, Totals { paused, ..Totals::default() });
        prop_assert_eq!(world.scheduler.order.len(), 0);
    }
}

// --- fairness, in numbers ---

fn full_size() -> Scheduler {
    Scheduler::new(Limits {
        in_flight: limits::IN_FLIGHT,
        per_webhook: limits::IN_FLIGHT_PER_WEBHOOK,
        memory: limits::MEMORY_BUDGET / 2,
        lane: limits::LANE_DELIVERIES,
    })
}

/// Sends one delivery after the other until the webhook counts as one that answers.
fn prove(scheduler: &mut Scheduler, number: usize, tenant: usize, next: &mut usize) {
    *next += 1;
    scheduler.push(webhook(number), ready(*next, tenant), START);
    let launches = scheduler.launch_all(START);
    assert_eq!(launches.len(), 1);
    let id = launches[0].delivery.id;
    scheduler.finished(id, Signal::Well, START, 0.5);
    scheduler.settled(webhook(number), id, DeliveryState::Delivered { at: START }, START);
}

/// 10,000 webhooks of 50 tenants, one tenant after the other, that were never heard of, with far more to send than fits into the memory,
/// and none ever answers.
fn with_hanging_webhooks(scheduler: &mut Scheduler, next: &mut usize) -> Vec<Launch> {
    let mut hanging = Vec::new();
    for number in 0..10_000 {
        for _ in 0..6 {
            *next += 1;
            let large = Ready { event: event(1_000 + number / 200, 700), ..ready(*next, 0) };
            scheduler.push(webhook(100_000 + number), large, START);
        }
        scheduler.launch(START, 64, &mut hanging);
    }
    hanging.extend(scheduler.launch_all(START));
    assert!(hanging.len() <= limits::IN_FLIGHT / 2);
    assert!(hanging.len() > limits::IN_FLIGHT / 2 - limits::IN_FLIGHT / 32, "slots are not left unused either");
    hanging
}

#[test]
fn lanes_that_answer_do_not_wait_for_ten_thousand_that_hang() {
    let (mut scheduler, mut next) = (full_size(), 0);
    for number in 0..20 {
        prove(&mut scheduler, number, number, &mut next);
    }
    with_hanging_webhooks(&mut scheduler, &mut next);
    for _ in 0..100 {
        for number in 0..20 {
            next += 1;
            scheduler.push(webhook(number), ready(next, number), START);
            let launches = scheduler.launch_all(START);
            assert_eq!(launches.iter().map(|launch| launch.webhook).collect::<Vec<_>>(), [webhook(number)]);
            let id = launches[0].delivery.id;
            assert_eq!(scheduler.launch_all(START).len(), 0);
            scheduler.finished(id, Signal::Well, START, 0.5);
            scheduler.settled(webhook(number), id, DeliveryState::Delivered { at: START }, START);
        }
    }
}

#[test]
fn nothing_is_launched_while_what_comes_of_it_cannot_be_recorded() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    scheduler.records(false);
    scheduler.push(webhook(0), ready(1_000, 0), START);
    assert_eq!(scheduler.launch_all(START).len(), 0);
    assert_eq!(scheduler.next_wake(START), None, "only news changes that");
    scheduler.records(true);
    assert_eq!(scheduler.launch_all(START).len(), 1);
}

#[test]
fn endpoints_that_do_not_answer_are_tried_a_few_at_a_time_beside_others_that_do() {
    let (mut scheduler, mut next, mut now) = (full_size(), 0, START);
    prove(&mut scheduler, 0, 0, &mut next);
    let answers = |scheduler: &mut Scheduler, number: usize, now| {
        scheduler.push(webhook(0), ready(number, 0), now);
        let launches = scheduler.launch_all(now);
        let of_this = launches.iter().filter(|launch| launch.webhook == webhook(0)).count();
        assert_eq!(of_this, 1, "at once");
        scheduler.finished(ready(number, 0).id, Signal::Well, now, 0.5);
        scheduler.settled(webhook(0), ready(number, 0).id, DeliveryState::Delivered { at: now }, now);
        launches.len() - of_this
    };
    answers(&mut scheduler, 1_000, now);
    for number in 1..=50 {
        next += 1;
        scheduler.push(webhook(number), ready(next, number), now);
    }
    // A step in which nothing was launched to anybody else yet.
    now = now + limits::TROUBLED_STEP;
    let mut tried = 0;
    while tried < 40 {
        let launched = scheduler.launch_all(now).len();
        assert_eq!(launched, limits::TROUBLED_LAUNCHES);
        assert_eq!(answers(&mut scheduler, 2_000 + tried, now), 0, "no more in this step");
        tried += launched;
        let wakes = scheduler.next_wake(now).expect("the rest is to come");
        assert_eq!(wakes, now + limits::TROUBLED_STEP);
        now = wakes;
    }
    now = now + Duration::from_secs(1);
    assert_eq!(scheduler.launch_all(now).len(), 10, "nobody is there who would have to wait");
}

#[test]
fn a_tenant_with_nothing_in_flight_gets_a_slot_at_once_beside_ten_thousand_that_hang() {
    let (mut scheduler, mut next) = (full_size(), 0);
    with_hanging_webhooks(&mut scheduler, &mut next);
    for quiet in 0..10 {
        next += 1;
        scheduler.push(webhook(quiet), ready(next, quiet), START);
        let launches = scheduler.launch_all(START);
        assert_eq!(launches.iter().map(|launch| launch.webhook).collect::<Vec<_>>(), [webhook(quiet)]);
    }
}

#[test]
fn a_tenant_has_an_eighth_while_others_wait() {
    let mut scheduler = Scheduler::new(Limits { in_flight: 64, per_webhook: 128, memory: 1 << 30, lane: 1_024 });
    let mut next = 0;
    for number in 0..40 {
        prove(&mut scheduler, number, number / 4, &mut next);
    }
    // Ten tenants with four webhooks each, a hundred deliveries for each webhook.
    for _ in 0..100 {
        for number in 0..40 {
            next += 1;
            scheduler.push(webhook(number), ready(next, number / 4), START);
        }
    }
    let mut in_flight: HashMap<String, usize> = HashMap::new();
    let launches = scheduler.launch_all(START);
    for launch in &launches {
        *in_flight.entry(tenant_name(launch)).or_default() += 1;
    }
    assert_eq!(in_flight.len(), 10);
    assert!(in_flight.values().all(|slots| *slots <= 64 / limits::TENANT_SHARE), "{in_flight:?}");
    assert!(launches.len() >= 64 - 64 / 32, "{}", launches.len());
}

#[test]
fn a_lane_serves_its_tenants_in_turn_however_much_one_of_them_sends() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    for _ in 0..1_000 {
        next += 1;
        scheduler.push(webhook(0), ready(next, 0), START);
    }
    // Far more tenants than the lane has room for.
    for tenant in 1..=300 {
        next += 1;
        scheduler.push(webhook(0), ready(next, tenant), START);
    }
    let mut waiting: HashSet<String> = (1..=300).map(|tenant| format!("tenant {tenant}")).collect();
    let mut in_flight = scheduler.launch_all(START);
    let mut launched = 0;
    while !waiting.is_empty() {
        let launch = in_flight.remove(0);
        launched += 1;
        waiting.remove(&tenant_name(&launch));
        scheduler.finished(launch.delivery.id, Signal::Well, START, 0.5);
        scheduler.settled(webhook(0), launch.delivery.id, DeliveryState::Delivered { at: START }, START);
        in_flight.extend(scheduler.launch_all(START));
        scheduler.check(START);
        assert!(launched <= 2 * 301 + limits::IN_FLIGHT_PER_WEBHOOK, "{} tenants wait still", waiting.len());
    }
}

#[test]
fn a_quiet_tenant_passes_the_backlog_of_a_noisy_one() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    for _ in 0..100_000 {
        next += 1;
        scheduler.push(webhook(0), ready(next, 0), START);
    }
    assert!(scheduler.totals().queued < limits::LANE_DELIVERIES);
    next += 1;
    let quiet = ready(next, 1);
    scheduler.push(webhook(0), quiet.clone(), START);
    let launches = scheduler.launch_all(START);
    assert!(launches.iter().any(|launch| launch.delivery.id == quiet.id));
}

#[test]
fn what_is_new_passes_what_is_sent_again_of_the_same_tenant() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    for _ in 0..100_000 {
        next += 1;
        let again = Ready { traffic: Traffic::Again, ..ready(next, 0) };
        scheduler.push(webhook(0), again, START);
    }
    next += 1;
    let new = ready(next, 0);
    scheduler.push(webhook(0), new.clone(), START);
    let launches = scheduler.launch_all(START);
    assert!(launches.iter().any(|launch| launch.delivery.id == new.id));
}

#[test]
fn a_lane_that_answers_reads_before_ten_thousand_that_were_never_heard_of() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    for number in 1..10_000 {
        scheduler.stored(webhook(number), START, START);
    }
    scheduler.stored(webhook(0), START, START);
    for _ in 0..3 {
        let request = scheduler.page_wanted(START).unwrap();
        if request.webhook == webhook(0) {
            return;
        }
        let page = PageRows { rows: Vec::new(), next_due: None, more: false };
        scheduler.paged(request.webhook, Some(page), START);
    }
    panic!("it waits behind the others");
}

/// Eight small deliveries fit into the memory, six where no endpoint was heard of.
fn with_little_memory() -> Scheduler {
    Scheduler::new(Limits { in_flight: 8, per_webhook: 8, memory: 8 * OVERHEAD_BYTES, lane: 8 })
}

#[test]
fn a_lane_without_memory_asks_the_database_again_only_when_there_is_some() {
    let mut scheduler = with_little_memory();
    for number in 0..8 {
        scheduler.push(webhook(number), ready(number, number), START);
    }
    let mut hanging = scheduler.launch_all(START);
    let lacking = webhook(100);
    let read = |scheduler: &mut Scheduler, now| {
        let request = scheduler.page_wanted(now)?;
        let stored = ready(100, 100);
        let row = (LanePosition { due_at: START, delivery: stored.id }, stored);
        let rows = if request.webhook == lacking { vec![row] } else { Vec::new() };
        scheduler.paged(request.webhook, Some(PageRows { rows, next_due: None, more: false }), now);
        Some(request.webhook)
    };
    assert_eq!(read(&mut scheduler, START), None, "what was just left to the database is known");
    scheduler.stored(lacking, START, START);
    assert_eq!(read(&mut scheduler, START), Some(lacking));
    let (mut now, mut looks, mut reads) = (START, 0, 0);
    while now < START + Duration::from_mins(1) {
        now = scheduler.next_wake(now).expect("it looks again");
        assert_eq!(scheduler.launch_all(now).len(), 0);
        while let Some(webhook) = read(&mut scheduler, now) {
            reads += usize::from(webhook == lacking);
        }
        scheduler.check(now);
        looks += 1;
    }
    // Three lanes do, some forty times each.
    assert!(
        (2 * 40..4 * 40).contains(&looks),
        "they look less often than at first, and not all at once: {looks} times"
    );
    assert!(reads == 1, "it reads only where what it noted is old: {reads} times");
    while let Some(Launch { webhook, delivery, .. }) = hanging.pop() {
        scheduler.finished(delivery.id, Signal::Well, now, 0.5);
        scheduler.settled(webhook, delivery.id, DeliveryState::Delivered { at: now }, now);
    }
    let freed = now;
    while scheduler.launch_all(now).iter().all(|launch| launch.webhook != lacking) {
        read(&mut scheduler, now);
        now = scheduler.next_wake(now).unwrap_or(now);
        assert!(now <= freed + Duration::from_secs(2), "it does not notice that there is memory");
    }
}

#[test]
fn a_lane_reads_again_when_what_it_lacked_memory_for_has_ended_otherwise() {
    let mut scheduler = with_little_memory();
    for number in 0..6 {
        scheduler.push(webhook(number), ready(number, number), START);
    }
    let skipped = ready(6, 6);
    scheduler.push(webhook(6), skipped.clone(), START);
    scheduler.launch_all(START);
    assert_eq!(scheduler.page_wanted(START), None);
    let state = DeliveryState::Discarded { at: START, reason: DiscardReason::Skipped };
    scheduler.settled(webhook(6), skipped.id, state, START);
    let wake = scheduler.next_wake(START).expect("it looks again");
    scheduler.launch_all(wake);
    assert_eq!(scheduler.page_wanted(wake).map(|page| page.webhook), Some(webhook(6)));
}

#[test]
fn a_lane_that_answers_looks_for_memory_as_often_as_at_first() {
    let (mut scheduler, mut next) = (with_little_memory(), 100);
    prove(&mut scheduler, 0, 0, &mut next);
    prove(&mut scheduler, 1, 1, &mut next);
    for number in 0..8 {
        scheduler.push(webhook(0), ready(number, number), START);
    }
    scheduler.push(webhook(1), ready(8, 8), START);
    assert!(scheduler.launch_all(START).iter().all(|launch| launch.webhook == webhook(0)));
    let mut now = START;
    for _ in 0..20 {
        assert_eq!(scheduler.page_wanted(now), None);
        let wake = scheduler.next_wake(now).expect("it looks again");
        assert_eq!(wake.since(now), READ_AGAIN);
        now = wake;
        scheduler.launch_all(now);
    }
}

#[test]
fn a_large_body_counts_for_several_turns() {
    let mut scheduler = Scheduler::new(Limits { in_flight: 1, per_webhook: 128, memory: 1 << 30, lane: 1_024 });
    for number in 0..100 {
        let mut large = ready(number, 0);
        large.event = event(0, 4 * TURN_BYTES - 1);
        scheduler.push(webhook(0), large, START);
        scheduler.push(webhook(1), ready(1_000 + number, 1), START);
    }
    let mut sent: HashMap<WebhookId, usize> = HashMap::new();
    for _ in 0..50 {
        let launch = scheduler.launch_all(START).pop().unwrap();
        *sent.entry(launch.webhook).or_default() += 1;
        scheduler.finished(launch.delivery.id, Signal::Well, START, 0.5);
        scheduler.settled(launch.webhook, launch.delivery.id, DeliveryState::Delivered { at: START }, START);
    }
    let large = sent[&webhook(0)];
    assert!((10..=11).contains(&large), "{large}");
}

#[test]
fn a_lane_that_stops_answering_keeps_few_in_memory_and_sends_one_probe() {
    let (mut scheduler, mut next, mut now) = (full_size(), 0, START);
    for _ in 0..500 {
        next += 1;
        scheduler.push(webhook(0), ready(next, 0), START);
    }
    for _ in 0..2 {
        for launch in scheduler.launch_all(now) {
            scheduler.finished(launch.delivery.id, Signal::Unwell, now, 0.0);
            let retry = DeliveryState::Retrying { due_at: now + Duration::from_mins(5), fault: None };
            scheduler.settled(webhook(0), launch.delivery.id, retry, now);
        }
    }
    assert!(scheduler.report(webhook(0), START).waiting_in_memory <= PAUSED_LANE_DELIVERIES);
    assert_eq!(scheduler.launch_all(now).len(), 0);
    assert_eq!(scheduler.page_wanted(now), None, "nothing is read for a lane that pauses");
    now = scheduler.next_wake(now).unwrap();
    assert_eq!(Some(now), scheduler.report(webhook(0), START).paused_until);
    let probe = scheduler.launch_all(now).pop().unwrap().delivery.id;
    assert_eq!(scheduler.totals().bytes, scheduler.totals().queued * OVERHEAD_BYTES + OVERHEAD_BYTES);

    // It fails: the next is another one, by chance, and after that whatever comes first.
    scheduler.finished(probe, Signal::Unwell, now, 0.25);
    let retry = DeliveryState::Retrying { due_at: now + Duration::from_mins(5), fault: None };
    scheduler.settled(webhook(0), probe, retry, now);
    assert_eq!(scheduler.totals().queued, 0);
    now = scheduler.next_wake(now).unwrap();
    let request = scheduler.page_wanted(now).unwrap();
    assert_eq!((request.by_chance, request.limit), (Some(0.625), PAUSED_LANE_DELIVERIES));
    scheduler.paged(webhook(0), Some(PageRows { rows: Vec::new(), next_due: None, more: false }), now);
    let request = scheduler.page_wanted(now).unwrap();
    assert_eq!((request.by_chance, request.after), (None, None), "chance found nothing");
}

#[test]
fn a_webhook_that_a_person_changes_is_probed_at_once() {
    let (mut scheduler, mut now) = (full_size(), START);
    for number in 0..4 {
        scheduler.push(webhook(0), ready(number, 0), now);
    }
    while scheduler.report(webhook(0), START).paused_until.is_none_or(|until| until <= now) {
        for launch in scheduler.launch_all(now) {
            let id = launch.delivery.id;
            scheduler.finished(id, Signal::Unwell, now, 0.5);
            let due_at = now + Duration::from_hours(1);
            scheduler.settled(webhook(0), id, DeliveryState::Retrying { due_at, fault: None }, now);
        }
    }
    assert_eq!(scheduler.launch_all(now).len(), 0, "it pauses");
    now = now + Duration::from_millis(1);
    scheduler.webhook_stands(webhook(0), Standing::Active, now);
    let probes = scheduler.launch_all(now);
    assert_eq!(probes.len(), 1, "one probe, and no more before its answer");
    scheduler.finished(probes[0].delivery.id, Signal::Unwell, now, 0.0);
    let paused_until = scheduler.report(webhook(0), START).paused_until.expect("a pause");
    assert_eq!(paused_until.since(now), Duration::from_secs(10), "the pause goes on growing");
}

#[test]
fn failures_are_forgotten_when_a_webhook_is_switched_on_again_and_not_when_it_is_changed() {
    let mut scheduler = full_size();
    for number in 0..3 {
        scheduler.push(webhook(0), ready(number, 0), START);
        let id = scheduler.launch_all(START)[0].delivery.id;
        scheduler.finished(id, Signal::Refused, START, 0.5);
        let retry = DeliveryState::Retrying { due_at: START + Duration::from_hours(1), fault: None };
        scheduler.settled(webhook(0), id, retry, START);
    }
    let told = |scheduler: &Scheduler| {
        let report = scheduler.report(webhook(0), START);
        (report.consecutive_failures, report.failing_since)
    };
    scheduler.webhook_stands(webhook(0), Standing::Active, START);
    assert_eq!(told(&scheduler), (3, Some(START)));
    scheduler.webhook_stands(webhook(0), Standing::Off, START);
    assert_eq!(told(&scheduler), (3, Some(START)), "why it was switched off");
    scheduler.webhook_stands(webhook(0), Standing::Active, START);
    assert_eq!(told(&scheduler), (0, None));
}

#[test]
fn a_clock_that_is_set_back_stops_no_lane() {
    let (mut scheduler, mut now) = (full_size(), START + Duration::from_hours(24 * 365));
    for number in 0..4 {
        scheduler.push(webhook(0), ready(number, 0), now);
    }
    for _ in 0..2 {
        for launch in scheduler.launch_all(now) {
            let id = launch.delivery.id;
            scheduler.finished(id, Signal::Unwell, now, 0.0);
            let retry = DeliveryState::Retrying { due_at: now + Duration::from_secs(5), fault: None };
            scheduler.settled(webhook(0), id, retry, now);
        }
    }
    assert_eq!(scheduler.launch_all(now).len(), 0, "it pauses");
    assert!(!scheduler.was_set_back());
    now = START;
    assert_eq!(scheduler.launch_all(now).len(), 0);
    assert!(scheduler.was_set_back());
    assert!(!scheduler.was_set_back(), "it is told once");
    let wake = scheduler.next_wake(now).expect("it waits");
    assert!(wake.since(now) <= Duration::from_secs(5), "the pause is as long as it was");
    assert_eq!(scheduler.launch_all(wake).len(), 1);
    // Another lane, of which the database says that something is due a year from now.
    scheduler.stored(webhook(1), START + Duration::from_hours(24 * 365), now);
    assert_eq!(scheduler.page_wanted(now).map(|page| page.webhook), Some(webhook(1)));
}

#[test]
fn whoever_asks_what_is_under_way_is_told_when_it_is_over() {
    let mut scheduler = full_size();
    let (flies, waits) = (ready(11, 0), ready(12, 0));
    scheduler.push(webhook(0), flies.clone(), START);
    scheduler.push(webhook(0), waits.clone(), START);
    assert_eq!(scheduler.launch_all(START).len(), 1);
    assert_eq!([flies.id, waits.id].map(|id| scheduler.is_under_way(id)), [true, false]);
    scheduler.finished(flies.id, Signal::Well, START, 0.5);
    assert!(scheduler.is_under_way(flies.id), "its result is not stored");
    assert!(!scheduler.take_landed());
    scheduler.settled(webhook(0), flies.id, DeliveryState::Delivered { at: START }, START);
    assert_eq!([scheduler.take_landed(), scheduler.take_landed()], [true, false]);
    assert!(!scheduler.is_under_way(flies.id));
    // Nor is one missed that is given up.
    assert_eq!(scheduler.launch_all(START).len(), 1);
    assert!(scheduler.is_under_way(waits.id));
    scheduler.released(waits.id, START);
    assert!(scheduler.take_landed());
}

// --- order and rate ---

fn in_order(number: usize, key: u8) -> Ready {
    Ready { order_key: Some(OrderKey::from_bytes([key; 16])), ..ready(number, 0) }
}

#[test]
fn a_skipped_delivery_is_not_overtaken_while_its_attempt_is_under_way() {
    let (mut scheduler, mut next) = (full_size(), 0);
    prove(&mut scheduler, 0, 0, &mut next);
    let (first, second, other) = (in_order(11, 1), in_order(12, 1), in_order(13, 2));
    scheduler.push(webhook(0), first.clone(), START);
    scheduler.push(webhook(0), other.clone(), START);
    assert_eq!(scheduler.launch_all(START).len(), 2);
    // A person skips the first: the second is due, and told of.
    let skipped = DeliveryState::Discarded { at: START, reason: DiscardReason::Skipped };
    scheduler.settled(webhook(0), first.id, skipped, START);
    scheduler.push(webhook(0), second.clone(), START);
    assert_eq!(scheduler.launch_all(START).len(), 0);
    assert_eq!(scheduler.page_wanted(START), None, "it is not asked for in vain");
    scheduler.finished(first.id, Signal::Well, START, 0.5);
    assert_eq!(scheduler.page_wanted(START).map(|page| page.webhook), Some(webhook(0)));
    let position = LanePosition { due_at: START, delivery: second.id };
    let page = PageRows { rows: vec![(position, second.clone())], next_due: None, more: false };
    scheduler.paged(webhook(0), Some(page), START);
    let launches = scheduler.launch_all(START);
    assert_eq!(launches.iter().map(|launch| launch.delivery.id).collect::<Vec<_>>(), [second.id]);
    scheduler.check(START);
}

#[test]
fn a_lane_that_waits_for_its_rate_limit_holds_no_slot_and_wakes_when_it_may_go_on() {
    let (mut scheduler, mut next) = (full_size(), 0);
    let limit = RateLimit::new(2, Period::Second, 1).unwrap();
    scheduler.limit_rate(webhook(0), Some(limit), Before::Nothing, START);
    prove(&mut scheduler, 0, 0, &mut next);
    prove(&mut scheduler, 1, 1, &mut next);
    let half = Duration::from_millis(500);
    for _ in 0..1_000 {
        next += 1;
        scheduler.push(webhook(0), ready(next, 0), START);
    }
    assert_eq!((scheduler.launch_all(START).len(), scheduler.totals.slots), (0, 0));
    assert!(scheduler.totals.queued <= limit.within(limits::PACED_SECONDS), "what it cannot send soon is not held");
    next += 1;
    scheduler.push(webhook(1), ready(next, 1), START);
    assert_eq!(scheduler.launch_all(START).len(), 1, "others go on");
    let mut now = START;
    for _ in 0..5 {
        assert!(scheduler.page_wanted(now).is_none());
        now = now + half;
        assert_eq!(scheduler.next_wake(now), Some(now));
        let launches = scheduler.launch_all(now);
        assert_eq!(launches.len(), 1);
        scheduler.check(now);
        scheduler.finished(launches[0].delivery.id, Signal::Well, now, 0.5);
        let delivered = DeliveryState::Delivered { at: now };
        scheduler.settled(webhook(0), launches[0].delivery.id, delivered, now);
        assert_eq!(scheduler.launch_all(now).len(), 0);
    }
    // Without a limit nothing holds the rest back.
    scheduler.limit_rate(webhook(0), None, Before::Unknown, now);
    assert!(scheduler.launch_all(now).len() > 1);
}

#[test]
fn what_is_new_passes_a_backlog_that_a_low_rate_limit_lets_go_slowly() {
    let (mut scheduler, mut next, mut now) = (full_size(), 0, START);
    let limit = RateLimit::new(5, Period::Minute, 1).unwrap();
    assert!(limit.within(limits::PACED_SECONDS) < limits::PACED_DELIVERIES);
    scheduler.limit_rate(webhook(0), Some(limit), Before::Nothing, now);
    prove(&mut scheduler, 0, 0, &mut next);
    let mut stored: Vec<(LanePosition, Ready)> = (1_000..1_100)
        .map(|number| {
            let again = Ready { traffic: Traffic::Again, ..ready(number, 0) };
            (LanePosition { due_at: START, delivery: again.id }, again)
        })
        .collect();
    stored.sort_by_key(|(position, _)| *position);
    let read = |scheduler: &mut Scheduler, now| {
        while let Some(request) = scheduler.page_wanted(now) {
            let after = stored.iter().filter(|(position, _)| request.after.is_none_or(|after| *position > after));
            let rows: Vec<_> = after.take(request.limit).cloned().collect();
            let more = rows.len() == request.limit;
            scheduler.paged(request.webhook, Some(PageRows { rows, next_due: None, more }), now);
        }
    };
    scheduler.stored(webhook(0), now, now);
    read(&mut scheduler, now);
    let (new, of_another) = (ready(2_000, 0), ready(2_001, 1));
    scheduler.push(webhook(0), new.clone(), now);
    scheduler.push(webhook(0), of_another.clone(), now);
    let mut launched = Vec::new();
    for _ in 0..3 {
        now = now + Duration::from_secs(12);
        let started = scheduler.launch_all(now);
        assert_eq!(started.len(), 1);
        let id = started[0].delivery.id;
        launched.push(id);
        scheduler.finished(id, Signal::Well, now, 0.5);
        scheduler.settled(webhook(0), id, DeliveryState::Delivered { at: now }, now);
        read(&mut scheduler, now);
        scheduler.check(now);
    }
    assert_eq!(launched[1..], [new.id, of_another.id]);
}
