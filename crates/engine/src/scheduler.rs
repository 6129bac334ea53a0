//! Which delivery is sent next, and what waits where until then.
//!
//! # Cast
//!
//! A *lane* is a webhook's: it has a share of the slots, a breaker, and a part of its deliveries in memory. A lane's deliveries of one
//! tenant are a *flow*. A *tenant* (the event's, or its environment where it concerns none) waits for its turn on *seats*. A *slot* is
//! taken by a launch and given back when the attempt's result is committed: so results that wait for the disk are bounded too.
//!
//! A lane with a rate limit has room only as that allows; what waits for it waits as for a slot, and takes none.
//!
//! # Turns
//!
//! A launch takes the next seat of the best tier that may have a slot, the seat's next flow whose lane has room, and the flow's first
//! delivery; endpoints that do not answer are tried at a pace of their own beside those that do. Seat and flow then go to the back.
//! Seats take turns by deficit round robin: a large body uses up several turns.
//! Flows whose lane has no room are parked at the lane when their turn comes and are offered again when it has; so a lane with
//! thousands of tenants costs a launch no more than one with a single tenant.
//!
//! Pure and synchronous: nothing here does I/O, reads a clock or draws a random number.
//!
//! Invariants, checked after each step of the tests: no delivery is held twice; what is in flight keeps within the limits, what is in
//! memory within its bytes; a lane with room has no parked flow, or stands among those that are thawed; what a lane was told of and
//! does not hold, it knows to be in the database.

mod health;
mod lane;
mod order;
mod paging;
mod ring;
mod tenant;
mod trickle;
mod turns;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::time::Duration;

use postrider_core::delivery::DeliveryState;
use postrider_core::limits;
use postrider_core::rate::{Pace, RateLimit};
use postrider_core::{DeliveryId, Timestamp, WebhookId};

use self::health::Class;
pub(crate) use self::health::Signal;
use self::lane::{Flow, Lane, Place};
pub(crate) use self::lane::{Ready, Standing};
use self::order::Order;
pub(crate) use self::paging::{PageRequest, PageRows};
use self::ring::{Arena, Ring};
use self::tenant::{Tenant, TenantKey};
use self::trickle::Trickle;

/// What an event or delivery costs in memory besides the event's body.
pub(crate) const OVERHEAD_BYTES: usize = 512;
/// Bytes of a body that make a delivery count for one turn more.
const TURN_BYTES: usize = 16 * 1024;
/// How far the clock may go back before lanes look at what they wait for anew.
const CLOCK_STEP: Duration = Duration::from_secs(1);
/// Deliveries of a paused lane that stay in memory: its next probe.
const PAUSED_LANE_DELIVERIES: usize = 1;
/// Parked flows that are offered again in one step, so that no step is long.
const THAWED_AT_ONCE: usize = 32;

/// How much there may be of everything.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Slots in all.
    pub(crate) in_flight: usize,
    /// The largest share of a lane.
    pub(crate) per_webhook: usize,
    /// Bytes of what is queued, in flight or not yet committed.
    pub(crate) memory: usize,
    /// Deliveries queued in one lane.
    pub(crate) lane: usize,
}

impl Limits {
    /// Slots for all lanes together that do not answer.
    fn troubled(&self) -> usize {
        (self.in_flight / 2).max(1)
    }

    /// Slots of a tenant while others wait.
    fn tenant_cap(&self) -> usize {
        (self.in_flight / limits::TENANT_SHARE).max(2)
    }

    /// How many of them may be with lanes that do not answer.
    fn tenant_troubled_cap(&self) -> usize {
        self.tenant_cap() / 2
    }

    /// Bytes for all lanes together that do not answer: what they hold stays for long, and must leave room for those that do.
    fn troubled_memory(&self) -> usize {
        self.memory / 2
    }

    /// The same for lanes of tenants that hold little: an endpoint is only heard of by being sent something.
    fn newcomers_memory(&self) -> usize {
        self.memory / 4 * 3
    }

    /// Bytes that are little for a tenant.
    fn newcomer_bytes(&self) -> usize {
        self.memory / 512
    }
}

/// What a webhook has started before it got a rate limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// It is new.
    Nothing,
    /// Whatever it may have.
    Unknown,
}

/// An attempt to be made.
#[derive(Debug)]
pub(crate) struct Launch {
    pub(crate) webhook: WebhookId,
    pub(crate) delivery: Ready,
    /// When: what the rate limit counts.
    pub(crate) at: Timestamp,
}

/// What the scheduler holds in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Deliveries that wait in memory.
    pub(crate) queued: usize,
    /// Slots taken: in flight, or ended and not committed yet.
    pub(crate) slots: usize,
    /// Exchanges under way, by class.
    in_flight: [usize; 2],
    /// Bytes held.
    pub(crate) bytes: usize,
    /// Those of them that lanes hold which do not answer.
    troubled_bytes: usize,
    /// Lanes whose breaker is open.
    pub(crate) paused: usize,
}

impl Totals {
    /// Exchanges under way.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight[0] + self.in_flight[1]
    }
}

/// How a lane stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneReport {
    /// Deliveries that wait in memory; more may wait in the database.
    pub waiting_in_memory: usize,
    /// Attempts under way.
    pub in_flight: usize,
    /// Attempts that may be under way at once.
    pub share: usize,
    /// Until when nothing is sent because the endpoint does not answer.
    pub paused_until: Option<Timestamp>,
    /// Until when nothing is sent because of faults of our own.
    pub held_until: Option<Timestamp>,
    /// Attempts in a row that said the endpoint is unwell.
    pub consecutive_failures: u32,
    /// When the rate limit lets the next attempt start, of a lane in which one waits for it.
    pub next_start_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    InFlight,
    Unsettled,
}

/// A delivery in memory.
#[derive(Debug, Clone, Copy)]
struct Held {
    flow: u32,
    bytes: u32,
    stage: Stage,
}

/// Ids are random in their last eight bytes, so these are hash enough.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length that precedes the bytes.
    }
}

type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Scheduler {
    limits: Limits,
    totals: Totals,
    stopped: bool,
    lanes: Arena<Lane>,
    lane_of: IdMap<WebhookId, u32>,
    flows: Arena<Flow>,
    tenants: Arena<Tenant>,
    tenant_of: HashMap<TenantKey, u32>,
    held: IdMap<DeliveryId, Held>,
    order: Order,
    /// Seats with flows on offer, by class and tier.
    seats: [[Ring; 3]; 2],
    /// The class whose turn it is.
    turn: Class,
    trickle: Trickle,
    /// Lanes that have room while flows of theirs are parked.
    thawing: VecDeque<u32>,
    /// Lanes that want a page, by the class they were of when they queued.
    hungry: [VecDeque<u32>; 2],
    /// The class whose turn it is to read.
    read_turn: Class,
    reads: usize,
    alarms: BTreeSet<(Timestamp, u32)>,
    /// The latest that it was told it is.
    latest: Timestamp,
}

impl Scheduler {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            totals: Totals::default(),
            stopped: false,
            lanes: Arena::default(),
            lane_of: IdMap::default(),
            flows: Arena::default(),
            tenants: Arena::default(),
            tenant_of: HashMap::new(),
            held: IdMap::default(),
            order: Order::default(),
            seats: Default::default(),
            turn: Class::Well,
            trickle: Trickle::default(),
            thawing: VecDeque::new(),
            hungry: Default::default(),
            read_turn: Class::Well,
            reads: 0,
            alarms: BTreeSet::new(),
            latest: Timestamp::from_micros(i64::MIN),
        }
    }

    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    /// How a webhook's lane stands; of one that has no lane, as a new one does.
    pub(crate) fn report(&self, webhook: WebhookId, now: Timestamp) -> LaneReport {
        let Some(&index) = self.lane_of.get(&webhook) else {
            return LaneReport {
                share: Lane::new(webhook, self.limits.per_webhook).health.share(),
                ..Default::default()
            };
        };
        let lane = &self.lanes[index];
        LaneReport {
            waiting_in_memory: lane.queued,
            in_flight: lane.in_flight,
            share: lane.health.share(),
            paused_until: lane.health.paused_until(),
            held_until: lane.health.held_until(),
            consecutive_failures: lane.health.failures_in_a_row(),
            next_start_at: lane.next_start(now),
        }
    }

    /// No launches and no reads from now on.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// When time alone will make something possible.
    pub(crate) fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let rested = self.trickle.troubled_rest_until(now).filter(|_| self.next_seat(Class::Troubled).is_some());
        alarm.into_iter().chain(rested).min()
    }

    /// A delivery waits, as the database does know, and is due.
    pub(crate) fn push(&mut self, webhook: WebhookId, delivery: Ready, now: Timestamp) {
        if self.held.contains_key(&delivery.id) {
            return;
        }
        let index = self.lane(webhook);
        if self.lanes[index].standing != Standing::Active {
            return;
        }
        if delivery.order_key.is_some_and(|key| self.order.must_wait(webhook, key)) {
            return;
        }
        let behind = self.lanes[index].stored.is_behind_backlog(&delivery);
        if behind || !self.has_memory_for(index, &delivery, now) {
            self.lanes[index].stored.leave(&delivery);
            self.consider(index, now);
        } else {
            self.queue(index, delivery, now);
            if self.lanes[index].health.quiet_until().is_some() || self.lanes[index].pace.is_some() {
                self.consider(index, now);
            }
        }
    }

    /// A webhook has that rate limit from now on. `before`: what it has started so far, of one that had no limit.
    pub(crate) fn limit_rate(&mut self, webhook: WebhookId, limit: Option<RateLimit>, before: Before, now: Timestamp) {
        let index = match (self.lane_of.get(&webhook), limit) {
            (Some(&index), _) => index,
            (None, Some(_)) => self.lane(webhook),
            (None, None) => return,
        };
        let lane = &mut self.lanes[index];
        match (&mut lane.pace, limit) {
            (None, None) => return,
            (pace, None) => *pace = None,
            (Some(pace), Some(limit)) => pace.change(limit, now),
            (pace, Some(limit)) => {
                *pace = Some(Box::new(match before {
                    Before::Nothing => Pace::fresh(limit),
                    Before::Unknown => Pace::unknown(limit, now),
                }));
            }
        }
        let most = lane.most(self.limits.lane);
        self.shed(index, most);
        self.thaw(index, now);
        self.consider(index, now);
    }

    /// A webhook was made, changed or deleted; from now on its deliveries are sent, or not.
    pub(crate) fn webhook_stands(&mut self, webhook: WebhookId, standing: Standing, now: Timestamp) {
        let Some(&index) = self.lane_of.get(&webhook) else { return };
        if standing == Standing::Active {
            self.lanes[index].health.probe_now(now);
        }
        if self.lanes[index].standing == standing {
            self.consider(index, now);
            return;
        }
        self.lanes[index].standing = standing;
        match standing {
            // What is there waits for the sweep; what the sweep leaves is for this lane.
            Standing::Active => self.lanes[index].stored.leave_unknown(),
            Standing::Off | Standing::Gone => {
                self.shed(index, 0);
                self.lanes[index].stored.forget();
            }
        }
        self.consider(index, now);
        self.drop_lane_if_over(index);
    }

    /// Launches what the limits allow, up to `most`; whether more might have followed.
    pub(crate) fn launch(&mut self, now: Timestamp, most: usize, launches: &mut Vec<Launch>) -> bool {
        self.look_at_the_clock(now);
        self.ring_alarms(now);
        if self.stopped {
            return false;
        }
        let end = launches.len() + most;
        while launches.len() < end {
            match self.launch_next(now) {
                Some(launch) => launches.push(launch),
                None if self.has_slot() && self.thaw_some(now) => {}
                None => {
                    // One step even when the slots are used up by others, so that no parked flow waits for them to be idle.
                    self.thaw_some(now);
                    return false;
                }
            }
        }
        self.thaw_some(now);
        true
    }

    /// Whether a fault of our own that an attempt of that webhook met is to be told: one a minute is.
    pub(crate) fn tells_fault(&mut self, webhook: WebhookId, now: Timestamp) -> bool {
        self.lane_of.get(&webhook).is_some_and(|&index| self.lanes[index].health.tells_fault(now))
    }

    /// An attempt has ended; its result is on its way to the store. `jitter` is from 0 up to 1.
    pub(crate) fn finished(&mut self, delivery: DeliveryId, signal: Signal, now: Timestamp, jitter: f64) {
        let Some(flow) = self.end_flight(delivery, Stage::Unsettled) else {
            // It had ended before its attempt did.
            self.leave_order(delivery, now);
            return;
        };
        let index = self.flows[flow].lane;
        let lane = &mut self.lanes[index];
        lane.unsettled += 1;
        self.flows[flow].unsettled += 1;
        let was_paused = lane.health.is_paused();
        lane.health.ended(signal, lane.in_flight + 1, now, jitter);
        let is_paused = lane.health.is_paused();
        self.totals.paused = self.totals.paused + usize::from(is_paused) - usize::from(was_paused);
        if is_paused && !was_paused {
            self.shed(index, PAUSED_LANE_DELIVERIES);
        }
        self.after_flight(index, flow, now);
    }

    /// An attempt was given up with nothing to record: the delivery waits in the database as before.
    pub(crate) fn released(&mut self, delivery: DeliveryId, now: Timestamp) {
        let Some(held) = self.held.get(&delivery).copied().filter(|held| held.stage == Stage::InFlight) else {
            self.leave_order(delivery, now);
            return;
        };
        let index = self.flows[held.flow].lane;
        if self.lanes[index].standing == Standing::Active {
            self.lanes[index].stored.leave_unknown();
        }
        self.forget(delivery, held, now);
        self.leave_order(delivery, now);
        self.consider(index, now);
    }

    /// A delivery's new state is committed.
    pub(crate) fn settled(&mut self, webhook: WebhookId, delivery: DeliveryId, state: DeliveryState, now: Timestamp) {
        if let Some(held) = self.held.get(&delivery).copied() {
            self.forget(delivery, held, now);
            // While its attempt is under way none of its key must be, even if a person has ended it.
            if held.stage != Stage::InFlight {
                self.leave_order(delivery, now);
            }
        }
        let index = match (self.lane_of.get(&webhook), state.is_final()) {
            (Some(&index), _) => index,
            (None, false) => self.lane(webhook),
            (None, true) => return,
        };
        let lane = &mut self.lanes[index];
        if let Some(reading) = &mut lane.stored.reading {
            reading.settled.push(delivery);
        }
        if let Some(due_at) = state.due_at()
            && lane.standing == Standing::Active
        {
            lane.stored.expect(due_at);
        }
        self.consider(index, now);
        self.drop_lane_if_over(index);
    }

    // --- in and out of memory ---

    fn lane(&mut self, webhook: WebhookId) -> u32 {
        let Self { lanes, lane_of, limits, .. } = self;
        *lane_of.entry(webhook).or_insert_with(|| lanes.put(Lane::new(webhook, limits.per_webhook)))
    }

    fn flow(&mut self, lane: u32, delivery: &Ready) -> u32 {
        // Most lanes have one tenant, whose flow is kept.
        let key = TenantKey::of(delivery);
        let known = self.tenant_of.get(&key).copied();
        let tenant = known.unwrap_or_else(|| {
            let tenant = self.tenants.put(Tenant::new(key.clone()));
            self.tenant_of.insert(key, tenant);
            tenant
        });
        if let Some(&flow) = self.lanes[lane].flows.get(&tenant) {
            return flow;
        }
        let flow = self.flows.put(Flow::new(lane, tenant));
        self.lanes[lane].flows.insert(tenant, flow);
        self.tenants[tenant].flows += 1;
        flow
    }

    /// Whether a lane and the memory have room for one more. Both leave the more to a newcomer the more others hold: a tenant may
    /// hold twice what is free.
    fn has_memory_for(&self, lane: u32, delivery: &Ready, now: Timestamp) -> bool {
        let tenant = self.tenant_of.get(&TenantKey::of(delivery)).copied();
        let lane = &self.lanes[lane];
        let most = if lane.health.is_paused() && lane.quiet_until(now).is_some() {
            PAUSED_LANE_DELIVERIES
        } else {
            lane.most(self.limits.lane)
        };
        let flow = tenant.and_then(|tenant| lane.flows.get(&tenant)).map_or(0, |flow| self.flows[*flow].queue.len());
        lane.queued < most && flow < 2 * (most - lane.queued) && self.has_bytes_for(lane, tenant, cost(delivery))
    }

    fn has_bytes_for(&self, lane: &Lane, tenant: Option<u32>, cost: usize) -> bool {
        let bytes = tenant.map_or(0, |tenant| self.tenants[tenant].bytes);
        let within = |held: usize, limit: usize| held + cost <= limit;
        let leaves_as_much = |held: usize, limit: usize| within(held, limit) && bytes <= 2 * (limit - held - cost);
        let Totals { bytes: held, troubled_bytes: troubled, .. } = self.totals;
        within(held, self.limits.memory)
            && match lane.class {
                Class::Well => leaves_as_much(held, self.limits.memory),
                Class::Troubled if bytes <= self.limits.newcomer_bytes() => {
                    within(troubled, self.limits.newcomers_memory())
                }
                Class::Troubled => leaves_as_much(troubled, self.limits.troubled_memory()),
            }
    }

    fn queue(&mut self, lane: u32, delivery: Ready, now: Timestamp) {
        let flow = self.flow(lane, &delivery);
        let bytes = cost(&delivery);
        let held =
            Held { flow, bytes: u32::try_from(bytes).expect("an event has some kilobytes"), stage: Stage::Queued };
        self.held.insert(delivery.id, held);
        if let Some(key) = delivery.order_key {
            self.order.enter(delivery.id, self.lanes[lane].webhook, key);
        }
        self.totals.bytes += bytes;
        self.totals.queued += 1;
        self.lanes[lane].bytes += bytes;
        if self.lanes[lane].class == Class::Troubled {
            self.totals.troubled_bytes += bytes;
        }
        self.tenants[self.flows[flow].tenant].bytes += bytes;
        self.lanes[lane].queued += 1;
        self.flows[flow].queue.push_back(delivery);
        if self.flows[flow].place == Place::Nowhere {
            // Behind those that are parked already, unless there is room for all.
            if self.lanes[lane].parked.is_empty() {
                self.offer(flow);
            } else {
                self.park(flow);
            }
            self.thaw(lane, now);
        }
    }

    /// The database's word on a delivery is newer than what is here of it.
    fn forget(&mut self, delivery: DeliveryId, held: Held, now: Timestamp) {
        let lane = self.flows[held.flow].lane;
        match held.stage {
            Stage::Unsettled => {
                self.lanes[lane].unsettled -= 1;
                self.flows[held.flow].unsettled -= 1;
                self.totals.slots -= 1;
            }
            Stage::InFlight => {
                self.end_flight(delivery, Stage::InFlight);
                self.totals.slots -= 1;
                self.after_flight(lane, held.flow, now);
            }
            Stage::Queued => self.unqueue(held.flow, delivery),
        }
        self.held.remove(&delivery);
        self.give_back(held.flow, held.bytes);
        self.drop_flow_if_over(held.flow);
    }

    /// None of its key is here any more: the next may come.
    fn leave_order(&mut self, delivery: DeliveryId, now: Timestamp) {
        let Some(webhook) = self.order.leave(delivery) else { return };
        if let Some(&index) = self.lane_of.get(&webhook)
            && self.lanes[index].standing == Standing::Active
        {
            self.lanes[index].stored.leave_unknown();
            self.consider(index, now);
        }
    }

    /// Takes a queued delivery out of its flow, wherever it stands in it.
    fn unqueue(&mut self, flow: u32, delivery: DeliveryId) {
        let before = self.flows[flow].queue.len();
        self.flows[flow].queue.retain(|ready| ready.id != delivery);
        let gone = before - self.flows[flow].queue.len();
        self.totals.queued -= gone;
        let lane = self.flows[flow].lane;
        self.lanes[lane].queued -= gone;
        if self.flows[flow].queue.is_empty() {
            self.withdraw(flow);
        }
    }

    /// Leaves all but some of a lane's queued deliveries to the database.
    fn shed(&mut self, lane: u32, keep: usize) {
        let mut keep = keep.min(self.lanes[lane].queued);
        if self.lanes[lane].queued <= keep {
            return;
        }
        let flows: Vec<u32> = self.lanes[lane].flows.values().copied().collect();
        for flow in flows {
            while self.flows[flow].queue.len() > keep {
                let ready = self.flows[flow].queue.pop_back().expect("longer than something");
                let held = self.held.remove(&ready.id).expect("what is queued is held");
                // Whoever waited for it is found in the database with it.
                self.order.leave(ready.id);
                self.lanes[lane].queued -= 1;
                self.totals.queued -= 1;
                self.give_back(flow, held.bytes);
            }
            self.flows[flow].give_space_back();
            keep -= self.flows[flow].queue.len();
            if self.flows[flow].queue.is_empty() {
                self.withdraw(flow);
                self.drop_flow_if_over(flow);
            }
        }
        self.lanes[lane].stored.leave_unknown();
    }

    fn give_back(&mut self, flow: u32, bytes: u32) {
        self.totals.bytes -= bytes as usize;
        let lane = &mut self.lanes[self.flows[flow].lane];
        lane.bytes -= bytes as usize;
        if lane.class == Class::Troubled {
            self.totals.troubled_bytes -= bytes as usize;
        }
        self.tenants[self.flows[flow].tenant].bytes -= bytes as usize;
    }

    /// Forgets a flow that nothing belongs to. A lane keeps its last one: most lanes only ever have one.
    fn drop_flow_if_over(&mut self, index: u32) {
        let flow = &self.flows[index];
        let is_over = flow.queue.is_empty() && flow.in_flight == 0 && flow.unsettled == 0;
        if is_over && self.lanes[flow.lane].flows.len() > 1 {
            self.drop_flow(index);
        }
    }

    fn drop_flow(&mut self, index: u32) {
        let flow = self.flows.take(index);
        self.lanes[flow.lane].flows.remove(&flow.tenant);
        self.tenants[flow.tenant].flows -= 1;
        if self.tenants[flow.tenant].flows == 0 {
            let tenant = self.tenants.take(flow.tenant);
            self.tenant_of.remove(&tenant.key);
        }
    }

    /// Forgets a lane whose webhook is gone and of which nothing is left.
    fn drop_lane_if_over(&mut self, index: u32) {
        let lane = &self.lanes[index];
        if lane.standing != Standing::Gone || !lane.is_empty() || lane.thawing || lane.stored.hungry {
            return;
        }
        let flows: Vec<u32> = lane.flows.values().copied().collect();
        for flow in flows {
            self.drop_flow(flow);
        }
        let lane = self.lanes.take(index);
        self.totals.paused -= usize::from(lane.health.is_paused());
        if let Some(at) = lane.alarm {
            self.alarms.remove(&(at, index));
        }
        self.lane_of.remove(&lane.webhook);
    }
}

fn cost(delivery: &Ready) -> usize {
    delivery.event.body.len() + OVERHEAD_BYTES
}

#[cfg(test)]
mod tests;
