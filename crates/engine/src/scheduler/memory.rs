//! What is in memory: how deliveries come in, what room there is for them, and how they leave.

use postrider_core::{DeliveryId, Timestamp, WebhookId};

use super::health::Class;
use super::lane::{Flow, Lane, Place, Standing};
use super::tenant::{Tenant, TenantKey};
use super::{Held, PAUSED_LANE_DELIVERIES, Ready, Scheduler, Stage, Totals};

impl Scheduler {
    pub(super) fn lane(&mut self, webhook: WebhookId) -> u32 {
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
    pub(super) fn has_memory_for(&self, lane: u32, delivery: &Ready, now: Timestamp) -> bool {
        self.has_memory_of(lane, &TenantKey::of(delivery), delivery.cost(), now)
    }

    /// The same for one of that tenant that needs so many bytes.
    pub(super) fn has_memory_of(&self, lane: u32, tenant: &TenantKey, bytes: usize, now: Timestamp) -> bool {
        let tenant = self.tenant_of.get(tenant).copied();
        let lane = &self.lanes[lane];
        let most = if lane.health.is_paused() && lane.quiet_until(now).is_some() {
            PAUSED_LANE_DELIVERIES
        } else {
            lane.most(self.limits.lane)
        };
        let flow = tenant.and_then(|tenant| lane.flows.get(&tenant)).map_or(0, |flow| self.flows[*flow].queue.len());
        lane.queued < most && flow < 2 * (most - lane.queued) && self.has_bytes_for(lane, tenant, bytes)
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

    pub(super) fn queue(&mut self, lane: u32, delivery: Ready, now: Timestamp) {
        let flow = self.flow(lane, &delivery);
        let bytes = delivery.cost();
        let size = u32::try_from(bytes).expect("an event has some kilobytes");
        self.held.insert(delivery.id, Held { flow, bytes: size, stage: Stage::Queued, awaited: false });
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
    pub(super) fn forget(&mut self, delivery: DeliveryId, held: Held, now: Timestamp) {
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
        self.landed |= held.awaited;
        self.give_back(held.flow, held.bytes);
        self.drop_flow_if_over(held.flow);
    }

    /// None of its key is here any more: the next may come.
    pub(super) fn leave_order(&mut self, delivery: DeliveryId, now: Timestamp) {
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
    pub(super) fn shed(&mut self, lane: u32, keep: usize) {
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
    pub(super) fn drop_lane_if_over(&mut self, index: u32) {
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
