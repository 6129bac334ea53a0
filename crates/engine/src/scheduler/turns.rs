//! Turns: who is launched next, and the moves between the rings that keep it so.

use postrider_core::{DeliveryId, Timestamp};

use super::health::Class;
use super::lane::Place;
use super::tenant::{Tier, seat, tenant_of};
use super::{CLOCK_STEP, Launch, Scheduler, Stage, Standing, THAWED_AT_ONCE, TURN_BYTES};

impl Scheduler {
    pub(super) fn has_slot(&self) -> bool {
        self.totals.slots < self.limits.in_flight
    }

    /// The next launch, if anybody whose turn it can be has something to send.
    pub(super) fn launch_next(&mut self, now: Timestamp) -> Option<Launch> {
        // The classes take turns, so that neither waits for the other to be idle.
        for class in [self.turn, self.turn.other()] {
            if class == Class::Troubled && self.trickle.troubled_rest_until(now).is_some() {
                continue;
            }
            while let Some(seat) = self.next_seat(class) {
                let tenant = tenant_of(seat);
                let credit = &mut self.tenants[tenant].seats[class as usize].credit;
                *credit = (*credit + 1).min(1);
                if *credit < 1 {
                    self.requeue_seat(tenant, class);
                    continue;
                }
                // None: the tenant's flows are all parked, and it has left the ring.
                if let Some(flow) = self.next_flow(tenant, class, now) {
                    self.turn = class.other();
                    return Some(self.launch_from(flow, tenant, class, now));
                }
            }
        }
        None
    }

    pub(super) fn next_seat(&self, class: Class) -> Option<u32> {
        Tier::ALL
            .into_iter()
            .filter(|tier| tier.is_admitted(class, &self.totals, &self.limits))
            .find_map(|tier| self.seats[class as usize][tier as usize].front())
    }

    /// The next of a tenant's flows whose lane has room. Those met on the way that have none are parked.
    fn next_flow(&mut self, tenant: u32, class: Class, now: Timestamp) -> Option<u32> {
        while let Some(flow) = self.tenants[tenant].seats[class as usize].flows.front() {
            let lane = self.flows[flow].lane;
            // A lane that has kept silent for long leaves the class of those that answer here.
            self.reclass(lane, now);
            if self.lanes[lane].class != class {
                continue;
            }
            if self.lanes[lane].room(now) > 0 {
                return Some(flow);
            }
            self.withdraw(flow);
            self.park(flow);
        }
        None
    }

    fn launch_from(&mut self, flow: u32, tenant: u32, class: Class, now: Timestamp) -> Launch {
        let index = self.flows[flow].lane;
        let delivery = self.flows[flow].queue.pop_front().expect("a flow on offer has something queued");
        self.held.get_mut(&delivery.id).expect("what is queued is held").stage = Stage::InFlight;
        let lane = &mut self.lanes[index];
        lane.health.launched(lane.in_flight, now);
        if let Some(pace) = &mut lane.pace {
            pace.start(now);
        }
        lane.queued -= 1;
        lane.in_flight += 1;
        self.flows[flow].in_flight += 1;
        self.totals.queued -= 1;
        self.totals.slots += 1;
        self.totals.in_flight[class as usize] += 1;
        self.trickle.launched(class, now);

        let turns = 1 + delivery.event.body.len() / TURN_BYTES;
        let seat = &mut self.tenants[tenant].seats[class as usize];
        seat.in_flight += 1;
        seat.credit -= i64::try_from(turns).expect("a body has some kilobytes");
        seat.flows.requeue(&mut self.flows, flow);
        self.requeue_seat(tenant, class);
        if self.flows[flow].queue.is_empty() {
            self.flows[flow].give_space_back();
            self.withdraw(flow);
            self.thaw(index, now);
        }
        self.retier(tenant);
        let webhook = self.lanes[index].webhook;
        if self.lanes[index].stored.next_read().is_some() || self.lanes[index].pace.is_some() {
            self.consider(index, now);
        }
        Launch { webhook, delivery, at: now }
    }

    fn requeue_seat(&mut self, tenant: u32, class: Class) {
        if let Some(tier) = self.tenants[tenant].seats[class as usize].tier {
            self.seats[class as usize][tier as usize].requeue(&mut self.tenants, seat(tenant, class));
        }
    }

    // --- after an attempt ---

    /// Takes an attempt out of flight and marks its delivery with the stage that follows. None: it was not in flight.
    pub(super) fn end_flight(&mut self, delivery: DeliveryId, next: Stage) -> Option<u32> {
        let held = self.held.get_mut(&delivery).filter(|held| held.stage == Stage::InFlight)?;
        held.stage = next;
        let flow = held.flow;
        let lane = self.flows[flow].lane;
        let class = self.lanes[lane].class as usize;
        self.flows[flow].in_flight -= 1;
        self.lanes[lane].in_flight -= 1;
        self.tenants[self.flows[flow].tenant].seats[class].in_flight -= 1;
        self.totals.in_flight[class] -= 1;
        Some(flow)
    }

    /// Whatever has become possible for a lane with the end of an attempt.
    pub(super) fn after_flight(&mut self, lane: u32, flow: u32, now: Timestamp) {
        self.retier(self.flows[flow].tenant);
        self.reclass(lane, now);
        self.thaw(lane, now);
        self.consider(lane, now);
    }

    // --- moves ---

    /// Puts a flow with something queued among its tenant's.
    pub(super) fn offer(&mut self, flow: u32) {
        let (tenant, class) = (self.flows[flow].tenant, self.lanes[self.flows[flow].lane].class);
        self.flows[flow].place = Place::Offered;
        let tier = self.tenants[tenant].tier(class, &self.limits);
        let place = &mut self.tenants[tenant].seats[class as usize];
        place.flows.join(&mut self.flows, flow);
        if place.tier.is_none() {
            place.tier = Some(tier);
            self.seats[class as usize][tier as usize].join(&mut self.tenants, seat(tenant, class));
        }
    }

    /// Takes a flow out of the ring it stands in.
    pub(super) fn withdraw(&mut self, flow: u32) {
        let (lane, tenant) = (self.flows[flow].lane, self.flows[flow].tenant);
        match std::mem::replace(&mut self.flows[flow].place, Place::Nowhere) {
            Place::Nowhere => {}
            Place::Parked => self.lanes[lane].parked.leave(&mut self.flows, flow),
            Place::Offered => {
                let class = self.lanes[lane].class;
                let place = &mut self.tenants[tenant].seats[class as usize];
                place.flows.leave(&mut self.flows, flow);
                if place.flows.is_empty() {
                    // Credit is not saved up, and a debt not kept, by who wants nothing.
                    place.credit = 0;
                    let tier = place.tier.take().expect("a seat with flows stands in a tier");
                    self.seats[class as usize][tier as usize].leave(&mut self.tenants, seat(tenant, class));
                }
            }
        }
    }

    /// Lets a flow wait until its lane has room.
    pub(super) fn park(&mut self, flow: u32) {
        self.flows[flow].place = Place::Parked;
        let lane = self.flows[flow].lane;
        self.lanes[lane].parked.join(&mut self.flows, flow);
    }

    /// Offers as many parked flows as the lane has room for; should others be left and not all of the room be used, they follow
    /// bit by bit.
    pub(super) fn thaw(&mut self, lane: u32, now: Timestamp) {
        if self.lanes[lane].parked.is_empty() {
            return;
        }
        let room = self.lanes[lane].room(now);
        for _ in 0..room.min(THAWED_AT_ONCE) {
            let Some(flow) = self.lanes[lane].parked.front() else { break };
            self.withdraw(flow);
            self.offer(flow);
        }
        if room > 0 && !self.lanes[lane].parked.is_empty() && !self.lanes[lane].thawing {
            self.lanes[lane].thawing = true;
            self.thawing.push_back(lane);
        }
    }

    /// Offers some more parked flows of a lane that has room: those that were offered before may be of tenants that have to wait.
    /// Whether there were any.
    pub(super) fn thaw_some(&mut self, now: Timestamp) -> bool {
        while let Some(lane) = self.thawing.pop_front() {
            self.lanes[lane].thawing = false;
            if self.lanes[lane].room(now) == 0 || self.lanes[lane].parked.is_empty() {
                self.drop_lane_if_over(lane);
                continue;
            }
            for _ in 0..THAWED_AT_ONCE {
                let Some(flow) = self.lanes[lane].parked.front() else { break };
                self.withdraw(flow);
                self.offer(flow);
            }
            if !self.lanes[lane].parked.is_empty() {
                self.lanes[lane].thawing = true;
                self.thawing.push_back(lane);
            }
            return true;
        }
        false
    }

    /// Moves a lane to the class that its health puts it in.
    pub(super) fn reclass(&mut self, lane: u32, now: Timestamp) {
        let (old, new) = (self.lanes[lane].class, self.lanes[lane].health.class(self.lanes[lane].in_flight, now));
        if old == new {
            return;
        }
        let flows: Vec<u32> = self.lanes[lane].flows.values().copied().collect();
        let offered: Vec<u32> =
            flows.iter().copied().filter(|flow| self.flows[*flow].place == Place::Offered).collect();
        for flow in &offered {
            self.withdraw(*flow);
        }
        self.lanes[lane].class = new;
        match new {
            Class::Troubled => self.totals.troubled_bytes += self.lanes[lane].bytes,
            Class::Well => self.totals.troubled_bytes -= self.lanes[lane].bytes,
        }
        for flow in flows {
            let (tenant, in_flight) = (self.flows[flow].tenant, self.flows[flow].in_flight);
            self.tenants[tenant].seats[old as usize].in_flight -= in_flight;
            self.tenants[tenant].seats[new as usize].in_flight += in_flight;
            self.totals.in_flight[old as usize] -= in_flight;
            self.totals.in_flight[new as usize] += in_flight;
            self.retier(tenant);
        }
        for flow in offered {
            self.offer(flow);
        }
    }

    /// Moves a tenant's seats to the tiers that follow from what it has in flight.
    pub(super) fn retier(&mut self, tenant: u32) {
        for class in Class::BOTH {
            let Some(old) = self.tenants[tenant].seats[class as usize].tier else { continue };
            let new = self.tenants[tenant].tier(class, &self.limits);
            if old != new {
                self.seats[class as usize][old as usize].leave(&mut self.tenants, seat(tenant, class));
                self.tenants[tenant].seats[class as usize].tier = Some(new);
                self.seats[class as usize][new as usize].join(&mut self.tenants, seat(tenant, class));
            }
        }
    }

    // --- time ---

    /// Where the clock was set back, no lane waits longer than it meant to.
    pub(super) fn look_at_the_clock(&mut self, now: Timestamp) {
        if now + CLOCK_STEP >= self.latest {
            self.latest = self.latest.max(now);
            return;
        }
        self.latest = now;
        self.set_back = true;
        let lanes: Vec<u32> = self.lane_of.values().copied().collect();
        for lane in lanes {
            self.lanes[lane].health.set_back(now);
            self.lanes[lane].stored.set_back(now);
            self.consider(lane, now);
        }
    }

    /// Wakes the lanes whose moment has come.
    pub(super) fn ring_alarms(&mut self, now: Timestamp) {
        while let Some(&(at, lane)) = self.alarms.first().filter(|(at, _)| *at <= now) {
            self.alarms.remove(&(at, lane));
            self.lanes[lane].alarm = None;
            self.consider(lane, now);
        }
    }

    /// Looks what a lane waits for: a page, which it queues for, or a moment, which it sets its alarm to.
    pub(super) fn consider(&mut self, index: u32, now: Timestamp) {
        if let Some(pace) = &mut self.lanes[index].pace {
            pace.notice(now);
        }
        if self.lanes[index].health.quiet_until().is_some() || self.lanes[index].pace.is_some() {
            // The pause may be over, or the rate limit let one more go: time alone makes room.
            self.thaw(index, now);
        }
        let lane = &self.lanes[index];
        let alarm = match lane.quiet_until(now) {
            _ if lane.standing != Standing::Active => None,
            Some(until) => (lane.queued > 0 || lane.stored.next_read().is_some()).then_some(until),
            None if lane.queued > self.low_water(index) => None,
            None => lane.stored.next_read(),
        };
        // While it is quiet, there is nothing to be had from the rate limit.
        let may_start = lane.standing == Standing::Active && lane.quiet_until(now).is_none();
        let next_start = lane.next_start(now).filter(|_| may_start);
        if let Some(at) = alarm
            && at <= now
        {
            self.set_alarm(index, next_start);
            if !self.lanes[index].stored.hungry {
                self.lanes[index].stored.hungry = true;
                self.hungry[self.lanes[index].class as usize].push_back(index);
            }
        } else {
            self.set_alarm(index, alarm.into_iter().chain(next_start).min());
        }
    }

    fn set_alarm(&mut self, index: u32, alarm: Option<Timestamp>) {
        let lane = &mut self.lanes[index];
        if lane.alarm != alarm {
            if let Some(at) = lane.alarm {
                self.alarms.remove(&(at, index));
            }
            lane.alarm = alarm;
            if let Some(at) = alarm {
                self.alarms.insert((at, index));
            }
        }
    }
}
