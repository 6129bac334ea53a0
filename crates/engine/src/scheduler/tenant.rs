//! A tenant's seats: where it waits for its turn, one seat in each class of lanes.
//!
//! Seats stand in rings by tier, and the tiers go first that hold least: a tenant with nothing in flight, then one below its cap,
//! then one that has its share. Each tier may use up fewer of the free slots than the one before, so that some are always left for
//! those who come later with nothing in flight. A tenant's seats are two, so that its endpoints that do not answer stand in the way
//! of others like them, and not of those that answer.

use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;

use super::health::Class;
use super::lane::{Ready, Traffic};
use super::ring::{Arena, Links, Members, Ring};
use super::{Limits, Totals};

/// Whose events they are: a tenant's, or those of an environment that concern no tenant. What is sent again waits as if another
/// tenant's, so that what is new does not wait behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct TenantKey {
    environment: EnvironmentId,
    tenant: Option<TenantId>,
    traffic: Traffic,
}

impl TenantKey {
    pub(super) fn of(delivery: &Ready) -> Self {
        let event = &delivery.event;
        Self { environment: event.environment_id, tenant: event.tenant_id.clone(), traffic: delivery.traffic }
    }
}

/// How much of its class a tenant holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    /// Nothing.
    Fresh,
    /// Less than its cap.
    Under,
    /// Its cap, or more.
    Over,
}

impl Tier {
    pub(super) const ALL: [Self; 3] = [Self::Fresh, Self::Under, Self::Over];

    /// Whether a tenant of this tier may take one more slot of the class.
    pub(super) fn is_admitted(self, class: Class, totals: &Totals, limits: &Limits) -> bool {
        let free = limits.in_flight.saturating_sub(totals.slots);
        let kept_free = |of: usize| match self {
            Self::Fresh => 0,
            Self::Under => of / 32,
            Self::Over => of / 8,
        };
        let within_all = free > kept_free(limits.in_flight);
        match class {
            Class::Well => within_all,
            Class::Troubled => {
                let half = limits.troubled();
                let free = half.saturating_sub(totals.in_flight[Class::Troubled as usize]);
                within_all && free > kept_free(half)
            }
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Seat {
    pub(super) flows: Ring,
    /// Where it stands, while it has flows.
    pub(super) tier: Option<Tier>,
    /// What it may send before its turn is over; below zero after something large.
    pub(super) credit: i64,
    pub(super) in_flight: usize,
    links: Links,
}

#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) key: TenantKey,
    pub(super) seats: [Seat; 2],
    /// Flows that there are, empty ones included.
    pub(super) flows: usize,
    /// What its deliveries hold of the memory.
    pub(super) bytes: usize,
}

impl Tenant {
    pub(super) fn new(key: TenantKey) -> Self {
        Self { key, seats: Default::default(), flows: 0, bytes: 0 }
    }

    pub(super) fn tier(&self, class: Class, limits: &Limits) -> Tier {
        let [well, troubled] = self.seats.each_ref().map(|seat| seat.in_flight);
        let (held, cap) = match class {
            Class::Well => (well, limits.tenant_cap() - troubled.min(limits.tenant_troubled_cap())),
            Class::Troubled => (troubled, limits.tenant_troubled_cap()),
        };
        match held {
            0 => Tier::Fresh,
            held if held < cap => Tier::Under,
            _ => Tier::Over,
        }
    }
}

/// A seat's index in the rings.
pub(super) fn seat(tenant: u32, class: Class) -> u32 {
    tenant * 2 + class as u32
}

/// The tenant whose seat it is.
pub(super) fn tenant_of(seat: u32) -> u32 {
    seat / 2
}

impl Members for Arena<Tenant> {
    fn links(&mut self, index: u32) -> &mut Links {
        &mut self[index / 2].seats[(index % 2) as usize].links
    }
}
