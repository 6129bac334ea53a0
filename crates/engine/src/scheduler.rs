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

mod bounds;
mod health;
mod lane;
mod memory;
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
use postrider_core::rate::{Pace, RateLimit};
use postrider_core::{DeliveryId, Timestamp, WebhookId};

pub(crate) use self::bounds::{Limits, Totals};
use self::health::Class;
pub(crate) use self::health::Signal;
use self::lane::{Flow, Lane};
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
    /// Attempts that have failed since the last success, whatever the endpoint answered. As of the start of the server: what was
    /// before is not known.
    pub consecutive_failures: u32,
    /// When the first of them ended.
    pub failing_since: Option<Timestamp>,
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
    /// Whether somebody waits for the end of its attempt.
    awaited: bool,
}

/// Ids are random in their last six bytes, so these are hash enough: the table looks at the hash's lowest and highest bits.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*last).rotate_left(32);
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length that precedes the bytes.
    }
}

type IdMap<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// See the module.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each tells of something of its own, in any combination")]
pub(crate) struct Scheduler {
    limits: Limits,
    totals: Totals,
    stopped: bool,
    /// Nothing is launched, as what comes of it could not be recorded.
    unrecordable: bool,
    lanes: Arena<Lane>,
    lane_of: IdMap<WebhookId, u32>,
    flows: Arena<Flow>,
    tenants: Arena<Tenant>,
    tenant_of: HashMap<TenantKey, u32>,
    held: IdMap<DeliveryId, Held>,
    /// Whether an attempt that somebody waited for is over.
    landed: bool,
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
    /// The clock was set back, and nobody has asked since.
    set_back: bool,
}

impl Scheduler {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            totals: Totals::default(),
            stopped: false,
            unrecordable: false,
            lanes: Arena::default(),
            lane_of: IdMap::default(),
            flows: Arena::default(),
            tenants: Arena::default(),
            tenant_of: HashMap::new(),
            held: IdMap::default(),
            landed: false,
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
            set_back: false,
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
            failing_since: lane.health.failing_since(),
            next_start_at: lane.next_start(now),
        }
    }

    /// No launches and no reads from now on.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// Whether what comes of attempts can be recorded. While it cannot, nothing is launched: after a restart it would be sent once more.
    pub(crate) fn records(&mut self, works: bool) {
        self.unrecordable = !works;
    }

    /// Whether the clock was set back since this was asked last: then what waits in the database is due later than it was meant to be.
    pub(crate) fn was_set_back(&mut self) -> bool {
        std::mem::take(&mut self.set_back)
    }

    /// When time alone will make something possible.
    pub(crate) fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let alarm = self.alarms.first().map(|(at, _)| *at);
        let rested = self
            .trickle
            .troubled_rest_until(now)
            .filter(|_| !self.unrecordable && self.next_seat(Class::Troubled).is_some());
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
            let stored = &mut self.lanes[index].stored;
            if stored.has_nothing_due(now) {
                stored.lack_memory(&delivery);
            }
            stored.leave(&delivery);
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
            Standing::Active => {
                self.lanes[index].health.forget_failures();
                self.lanes[index].stored.leave_unknown();
            }
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
        if self.stopped || self.unrecordable {
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

    /// Whether an attempt of that delivery is under way, or its result on its way to the store. Whoever asks waits for its end.
    pub(crate) fn is_under_way(&mut self, delivery: DeliveryId) -> bool {
        let held = self.held.get_mut(&delivery).filter(|held| held.stage != Stage::Queued);
        let Some(held) = held else { return false };
        held.awaited = true;
        true
    }

    /// Whether an attempt that somebody waited for is over since this was asked last.
    pub(crate) fn take_landed(&mut self) -> bool {
        std::mem::take(&mut self.landed)
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
        } else if is_paused {
            // An endpoint may fail at this delivery and take others, so the next probe is another of those that are due.
            self.shed(index, 0);
            self.lanes[index].stored.try_another(jitter);
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
        lane.stored.settle(delivery);
        if let Some(due_at) = state.due_at()
            && lane.standing == Standing::Active
        {
            lane.stored.expect(due_at);
        }
        self.consider(index, now);
        self.drop_lane_if_over(index);
    }
}

#[cfg(test)]
mod tests;
