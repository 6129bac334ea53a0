//! A lane: what waits for one webhook, in memory and in the database, and what is in flight to it.
//!
//! A lane's deliveries wait in flows, one for each tenant of the events. What a lane does not hold in memory is in the database; the
//! lane knows for certain whether anything that is due may be there ([`Stored`]).

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::{Delivery, Fault, Origin};
use postrider_core::event::{Event, TenantId};
use postrider_core::limits::{PACED_DELIVERIES, PACED_SECONDS, WAIT_MOST};
use postrider_core::order::OrderKey;
use postrider_core::rate::Pace;
use postrider_core::shape::ShapeRevision;
use postrider_core::{DeliveryId, Timestamp, WebhookId};
use postrider_store::{LanePosition, Waiting};

use super::OVERHEAD_BYTES;
use super::health::{Class, Health};
use super::ring::{Arena, Links, Members, Ring};
use super::tenant::TenantKey;

/// Tenants whose backlog a lane tells apart, what is new and what is sent again counted apart; with more, everybody's new deliveries of the lane wait in the database.
const TENANTS_WITH_BACKLOG: usize = 8;
/// How long a lane waits to read again after a page that could not be read, or that there was no memory for.
pub(super) const READ_AGAIN: Duration = Duration::from_millis(100);
/// So often that doubles for an endpoint that does not answer while there is no memory: ten thousand of them may wait for some.
const READ_AGAIN_DOUBLINGS: u32 = 4;
/// Lanes that lack memory at the same time look again at so many different times.
const LOOKS_APART: u32 = 32;
/// After so many, a lane reads whether there is memory or not: what it lacked memory for may have ended otherwise.
const LOOKS_UNTIL_DOUBTFUL: u32 = 32;

/// Deliveries that a flow keeps space for when it has none.
const KEPT_CAPACITY: usize = 32;

/// A delivery that waits for its attempt.
#[derive(Debug, Clone)]
pub(crate) struct Ready {
    /// Which one.
    pub(crate) id: DeliveryId,
    /// What is delivered.
    pub(crate) event: Arc<Event>,
    /// Attempts that counted so far.
    pub(crate) attempts: u32,
    /// The fault of our own that it waited for.
    pub(crate) fault: Option<Fault>,
    /// Whose attempts must not overlap with its own.
    pub(crate) order_key: Option<OrderKey>,
    /// The revision of the webhook's shape that it keeps.
    pub(crate) shape: Option<ShapeRevision>,
    /// What brought it about.
    pub(crate) traffic: Traffic,
}

/// What brings deliveries about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Traffic {
    /// Events, as they are accepted.
    Live,
    /// People who want something sent again.
    Again,
}

impl From<Origin> for Traffic {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Event => Self::Live,
            Origin::Resend | Origin::Replay => Self::Again,
        }
    }
}

impl Ready {
    /// What it holds of the memory, in bytes.
    pub(super) fn cost(&self) -> usize {
        self.event.body.len() + OVERHEAD_BYTES
    }

    /// One that is new and waits for nobody.
    pub(crate) const fn new(id: DeliveryId, event: Arc<Event>, shape: Option<ShapeRevision>) -> Self {
        Self { id, event, attempts: 0, fault: None, order_key: None, shape, traffic: Traffic::Live }
    }
}

impl From<Waiting> for Ready {
    fn from(Waiting { delivery, event }: Waiting) -> Self {
        let Delivery { id, attempts, state, order_key, shape, origin, .. } = delivery;
        Self { id, event, attempts, fault: state.fault(), order_key, shape, traffic: origin.into() }
    }
}

/// Whether a lane's deliveries are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// They are.
    Active,
    /// The webhook is disabled: what waits is left to the sweep.
    Off,
    /// The webhook is deleted: the same, and the lane is forgotten.
    Gone,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub(super) webhook: WebhookId,
    pub(super) standing: Standing,
    pub(super) health: Health,
    pub(super) class: Class,
    /// By tenant.
    pub(super) flows: HashMap<u32, u32>,
    /// Flows that wait until the lane has room.
    pub(super) parked: Ring,
    /// Stands among the lanes that have room for flows which are still parked.
    pub(super) thawing: bool,
    pub(super) queued: usize,
    pub(super) in_flight: usize,
    /// Ended, and not committed yet.
    pub(super) unsettled: usize,
    /// What its deliveries hold of the memory.
    pub(super) bytes: usize,
    pub(super) stored: Stored,
    pub(super) alarm: Option<Timestamp>,
    /// What it has started of late, where it has a rate limit.
    pub(super) pace: Option<Box<Pace>>,
}

impl Lane {
    pub(super) fn new(webhook: WebhookId, share_most: usize) -> Self {
        Self {
            webhook,
            standing: Standing::Active,
            health: Health::unknown(share_most),
            class: Class::Troubled,
            flows: HashMap::new(),
            parked: Ring::default(),
            thawing: false,
            queued: 0,
            in_flight: 0,
            unsettled: 0,
            bytes: 0,
            stored: Stored::default(),
            alarm: None,
            pace: None,
        }
    }

    pub(super) fn room(&self, now: Timestamp) -> usize {
        let room = self.health.room(self.in_flight, now);
        self.pace.as_ref().map_or(room, |pace| room.min(pace.room(now)))
    }

    /// When its rate limit lets what is queued go on, if that is to come.
    pub(super) fn next_start(&self, now: Timestamp) -> Option<Timestamp> {
        self.pace.as_ref().filter(|_| self.queued > 0)?.next(now)
    }

    /// The most deliveries that it holds, of those that it may: with a rate limit no more than it can send soon, as they would only take
    /// the memory away from others; but a few in any case, so that a backlog does not fill it.
    pub(super) fn most(&self, most: usize) -> usize {
        let paced = |pace: &Pace| pace.limit().within(PACED_SECONDS).max(PACED_DELIVERIES);
        self.pace.as_deref().map_or(most, |pace| most.min(paced(pace)))
    }

    /// The moment before which nothing is sent, if it is to come.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.health.quiet_until().filter(|until| *until > now)
    }

    /// Nothing of it is in memory or on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.queued == 0 && self.in_flight == 0 && self.unsettled == 0 && self.stored.reading.is_none()
    }
}

/// Where a flow waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: nothing is queued in it.
    Nowhere,
    /// Among its tenant's flows.
    Offered,
    /// Among its lane's flows, until that has room.
    Parked,
}

/// A tenant's deliveries to one webhook, in order of arrival.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) lane: u32,
    pub(super) tenant: u32,
    pub(super) queue: VecDeque<Ready>,
    pub(super) in_flight: usize,
    /// Ended, and not committed yet.
    pub(super) unsettled: usize,
    pub(super) place: Place,
    links: Links,
}

impl Flow {
    pub(super) fn new(lane: u32, tenant: u32) -> Self {
        Self {
            lane,
            tenant,
            queue: VecDeque::new(),
            in_flight: 0,
            unsettled: 0,
            place: Place::Nowhere,
            links: Links::default(),
        }
    }
}

impl Flow {
    /// Frees the space that many deliveries took, so that ten thousand quiet lanes do not keep that of their busiest moments.
    pub(super) fn give_space_back(&mut self) {
        if self.queue.capacity() > KEPT_CAPACITY {
            self.queue.shrink_to(self.queue.len());
        }
    }
}

impl Members for Arena<Flow> {
    fn links(&mut self, index: u32) -> &mut Links {
        &mut self[index].links
    }
}

/// What is known of a lane's deliveries that are in the database alone.
///
/// They are read in passes from the first due one on. A pass is a consistent view of its moment: what is accepted later comes to
/// the lane directly, and is either taken or noted in `missed`. So when a pass has come to its end, everything it saw was taken and
/// nothing was missed since it began, nothing that is due is in the database alone.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// Whose deliveries may be there and are due.
    pub(super) backlog: Backlog,
    /// When the earliest of the others will be due.
    pub(super) next_due: Option<Timestamp>,
    /// A page is being read.
    pub(super) reading: Option<Reading>,
    /// Stands in the queue for reading.
    pub(super) hungry: bool,
    /// The last row of this pass that was taken.
    cursor: Option<LanePosition>,
    /// Something was left to the database since the pass began.
    missed: bool,
    /// Not to be read again before.
    pub(super) not_before: Option<Timestamp>,
    /// What there is no memory for.
    short_of: Option<Shortage>,
    /// The next page begins at a row by chance, which goes from 0 up to 1: another probe.
    pub(super) by_chance: Option<f64>,
    /// The last that did began among the later half of the rows.
    was_late: bool,
}

/// The next row of a lane, which there was no memory for.
#[derive(Debug)]
struct Shortage {
    delivery: DeliveryId,
    tenant: TenantKey,
    bytes: usize,
    /// How often that was found.
    looks: u32,
}

/// What happened while a page was being read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Deliveries whose results were committed: the page may still show them as they were.
    pub(super) settled: Vec<DeliveryId>,
    /// The lane was switched off, or forgot what it held: the page is of no use.
    pub(super) stale: bool,
    /// The page began at a row by chance.
    pub(super) is_by_chance: bool,
}

/// How a page came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// There are further rows that are due.
    More,
    /// It was the last page of the pass.
    End,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Backlog {
    #[default]
    None,
    Of(Vec<(Option<TenantId>, Traffic)>),
    Everybody,
}

impl Stored {
    /// Whether a new delivery must wait in the database, behind others of its tenant that are there.
    pub(super) fn is_behind_backlog(&self, delivery: &Ready) -> bool {
        let tenant = delivery.event.tenant_id.as_ref();
        match &self.backlog {
            Backlog::None => false,
            Backlog::Of(tenants) => {
                tenants.iter().any(|(other, traffic)| other.as_ref() == tenant && *traffic == delivery.traffic)
            }
            Backlog::Everybody => true,
        }
    }

    /// A delivery that is due now is left to the database.
    pub(super) fn leave(&mut self, delivery: &Ready) {
        self.missed = true;
        if self.is_behind_backlog(delivery) {
            return;
        }
        let whose = (delivery.event.tenant_id.clone(), delivery.traffic);
        match &mut self.backlog {
            Backlog::None => self.backlog = Backlog::Of(vec![whose]),
            Backlog::Of(tenants) if tenants.len() < TENANTS_WITH_BACKLOG => tenants.push(whose),
            Backlog::Of(_) | Backlog::Everybody => self.backlog = Backlog::Everybody,
        }
    }

    /// Anything may be in the database.
    pub(super) fn leave_unknown(&mut self) {
        self.missed = true;
        self.backlog = Backlog::Everybody;
        // Another row may be the next.
        self.short_of = None;
    }

    /// What is in the database is no longer this lane's.
    pub(super) fn forget(&mut self) {
        let reading = self.reading.take().map(|reading| Reading { stale: true, ..reading });
        // Its place in the queue for reading is given up when its turn comes.
        *self = Self { reading, hungry: self.hungry, ..Self::default() };
    }

    /// The clock was set back. What is due so late now that nothing is meant to be was so by the clock as it was; the rest is brought
    /// forward in the database, and told of when it is.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        self.not_before = self.not_before.map(|at| at.min(now + READ_AGAIN));
        self.next_due = self.next_due.map(|due_at| if due_at > now + WAIT_MOST { now } else { due_at });
    }

    /// Something in the database will be due then.
    pub(super) fn expect(&mut self, due_at: Timestamp) {
        self.next_due = Some(self.next_due.map_or(due_at, |other| other.min(due_at)));
    }

    /// When the database is to be read next, as far as this lane alone is concerned.
    pub(super) fn next_read(&self) -> Option<Timestamp> {
        if self.reading.is_some() {
            return None;
        }
        let wanted = match self.backlog {
            Backlog::None => self.next_due?,
            Backlog::Of(_) | Backlog::Everybody => Timestamp::from_micros(0),
        };
        Some(self.not_before.map_or(wanted, |not_before| wanted.max(not_before)))
    }

    /// Begins to read a page: after which row, where that is not left to chance.
    pub(super) fn begin_read(&mut self, now: Timestamp, is_by_chance: bool) -> Option<LanePosition> {
        if self.next_due.is_some_and(|due| due <= now) {
            // What has become due is behind rows of this pass, or in the next pass.
            self.next_due = None;
            if self.backlog == Backlog::None {
                self.backlog = Backlog::Of(Vec::new());
                self.cursor = None;
            }
            self.missed |= self.cursor.is_some();
        }
        self.reading = Some(Reading { is_by_chance, ..Reading::default() });
        if self.cursor.is_none() {
            self.missed = false;
        }
        self.cursor
    }

    /// A page was read, of which `taken` rows were new and the last one taken or known already is `last`.
    pub(super) fn end_read(&mut self, taken: usize, last: Option<LanePosition>, reached: Reached) {
        if last.is_some() {
            self.cursor = last;
        }
        self.not_before = None;
        if last.is_some() || reached == Reached::End {
            self.short_of = None;
        }
        if reached == Reached::More {
            return;
        }
        if !self.missed {
            self.backlog = Backlog::None;
            self.cursor = None;
        } else if taken == 0 {
            // Nothing new follows the cursor; what was missed may stand before it. This cannot go round in circles: for each further
            // pass, something must have been missed since the last one began.
            self.cursor = None;
        }
    }

    /// The next page begins somewhere else. Among the later half of the rows and among all in turn: where something has begun to fail of
    /// late, what comes after it is most likely to be taken. `chance` goes from 0 up to 1.
    pub(super) fn try_another(&mut self, chance: f64) {
        self.was_late = !self.was_late;
        self.by_chance = Some(if self.was_late { 0.5 + chance / 2.0 } else { chance });
    }

    /// A page that began at a row by chance was read, of which that was the last row. Should the endpoint take it, the pass goes on from
    /// there: what stands before may be what it fails at.
    pub(super) fn end_read_by_chance(&mut self, last: Option<LanePosition>) {
        self.cursor = last;
        self.missed = last.is_some();
        self.not_before = None;
    }

    /// There is no memory for the next row.
    pub(super) fn lack_memory(&mut self, next: &Ready) {
        let looks = self.short_of.as_ref().map_or(0, |shortage| shortage.looks);
        self.short_of = Some(Shortage { delivery: next.id, tenant: TenantKey::of(next), bytes: next.cost(), looks });
    }

    /// Whether nothing is due in the database alone: a delivery that is left to it now is the next to be read from it.
    pub(super) fn has_nothing_due(&self, now: Timestamp) -> bool {
        self.backlog == Backlog::None && self.reading.is_none() && self.next_due.is_none_or(|due_at| due_at > now)
    }

    /// Nothing but time helps a lane that lacks memory. Where endpoints answer, memory comes free soon; where they do not, less likely
    /// each time. `index`: the lane's, so that not all look at the same time.
    pub(super) fn wait_for_memory(&mut self, class: Class, index: u32, now: Timestamp) {
        let Some(shortage) = &mut self.short_of else { return };
        let pause = match class {
            Class::Well => READ_AGAIN,
            Class::Troubled => {
                let offset = READ_AGAIN * (index % LOOKS_APART) / LOOKS_APART;
                READ_AGAIN * 2_u32.pow(shortage.looks.min(READ_AGAIN_DOUBLINGS)) + offset
            }
        };
        self.not_before = Some(now + pause);
        shortage.looks += 1;
    }

    /// That delivery does not wait any more: what there was no memory for may be another.
    pub(super) fn settle(&mut self, delivery: DeliveryId) {
        if self.short_of.as_ref().is_some_and(|shortage| shortage.delivery == delivery) {
            self.short_of = None;
        }
        if let Some(reading) = &mut self.reading {
            reading.settled.push(delivery);
        }
    }

    /// Whose row there was no memory for, and how many bytes it needs. None where it is to be seen again whether it is still there.
    pub(super) fn short_of(&self) -> Option<(&TenantKey, usize)> {
        let shortage = self.short_of.as_ref()?;
        let is_doubtful = shortage.looks > 0 && shortage.looks.is_multiple_of(LOOKS_UNTIL_DOUBTFUL);
        (!is_doubtful).then_some((&shortage.tenant, shortage.bytes))
    }

    /// The page could not be read, or is of no use.
    pub(super) fn give_read_up(&mut self, now: Timestamp) {
        self.cursor = None;
        self.leave_unknown();
        self.not_before = Some(now + READ_AGAIN);
    }
}
