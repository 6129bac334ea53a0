//! Reads from the database: which lane reads next, and what becomes of a page.

use postrider_core::limits::{LANE_PAGE, WAIT_MOST};
use postrider_core::{Timestamp, WebhookId};
use postrider_store::LanePosition;

use super::lane::{Lane, Reached, Reading};
use super::{PAUSED_LANE_DELIVERIES, Ready, Scheduler, Standing};

/// Pages that are read at once: readers are few, and others read too.
const READS: usize = 2;

/// A page that a lane wants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PageRequest {
    pub(crate) webhook: WebhookId,
    /// The row after which it begins.
    pub(crate) after: Option<LanePosition>,
    /// It begins at a row by chance instead, which goes from 0 up to 1.
    pub(crate) by_chance: Option<f64>,
    /// The most rows.
    pub(crate) limit: usize,
}

/// What a page has brought.
#[derive(Debug)]
pub(crate) struct PageRows {
    /// In the order of their positions.
    pub(crate) rows: Vec<(LanePosition, Ready)>,
    /// When the earliest that is not due yet will be.
    pub(crate) next_due: Option<Timestamp>,
    /// Whether further ones are due.
    pub(crate) more: bool,
}

impl Scheduler {
    /// Work of unknown extent is in the database, the earliest of it due then.
    pub(crate) fn stored(&mut self, webhook: WebhookId, due_at: Timestamp, now: Timestamp) {
        let index = self.lane(webhook);
        // Nothing waits longer than that, unless the clock was set back since.
        self.lanes[index].stored.expect(if due_at > now + WAIT_MOST { now } else { due_at });
        self.consider(index, now);
    }

    /// The next page to be read; each is answered with [`Self::paged`]. None: nobody wants one, or enough are being read.
    pub(crate) fn page_wanted(&mut self, now: Timestamp) -> Option<PageRequest> {
        if self.stopped || self.reads >= READS {
            return None;
        }
        while let Some(index) = self.next_hungry() {
            self.lanes[index].stored.hungry = false;
            // Whatever made it hungry may be over; if not, it queues again behind the others.
            let lane = &self.lanes[index];
            let is_due = lane.stored.next_read().is_some_and(|at| at <= now);
            if lane.standing != Standing::Active
                || !is_due
                || lane.quiet_until(now).is_some()
                || lane.queued > self.low_water(index)
            {
                self.consider(index, now);
                self.drop_lane_if_over(index);
                continue;
            }
            // As long as there is no memory for what it would bring, the database need not be asked.
            if let Some((tenant, bytes)) = self.lanes[index].stored.short_of()
                && !self.has_memory_of(index, tenant, bytes, now)
            {
                let lane = &mut self.lanes[index];
                lane.stored.wait_for_memory(lane.class, index, now);
                self.consider(index, now);
                continue;
            }
            self.reads += 1;
            let limit = if lane.health.is_paused() { PAUSED_LANE_DELIVERIES } else { lane.most(LANE_PAGE) };
            let lane = &mut self.lanes[index];
            let by_chance = lane.stored.by_chance.take().filter(|_| lane.health.is_paused());
            let after = lane.stored.begin_read(now, by_chance.is_some());
            return Some(PageRequest { webhook: lane.webhook, after, by_chance, limit });
        }
        None
    }

    /// The classes take turns, so that a lane that answers does not wait behind ten thousand that retry.
    fn next_hungry(&mut self) -> Option<u32> {
        let first = self.read_turn;
        self.read_turn = first.other();
        self.hungry[first as usize].pop_front().or_else(|| self.hungry[first.other() as usize].pop_front())
    }

    /// A page has been read, or could not be.
    pub(crate) fn paged(&mut self, webhook: WebhookId, page: Option<PageRows>, now: Timestamp) {
        self.reads -= 1;
        let Some(&index) = self.lane_of.get(&webhook) else { return };
        let Some(reading) = self.lanes[index].stored.reading.take() else { return };
        match page {
            _ if self.lanes[index].standing != Standing::Active => {}
            Some(page) if !reading.stale => self.take_page(index, page, &reading, now),
            _ => self.lanes[index].stored.give_read_up(now),
        }
        self.consider(index, now);
        self.drop_lane_if_over(index);
    }

    fn take_page(&mut self, index: u32, page: PageRows, reading: &Reading, now: Timestamp) {
        let mut reached = if page.more { Reached::More } else { Reached::End };
        let (mut taken, mut last, mut short_of) = (0, None, None);
        for (position, ready) in page.rows {
            let is_known = self.held.contains_key(&ready.id) || reading.settled.contains(&ready.id);
            let must_wait =
                !is_known && ready.order_key.is_some_and(|key| self.order.must_wait(self.lanes[index].webhook, key));
            if !is_known && !must_wait {
                if !self.has_memory_for(index, &ready, now) {
                    reached = Reached::More;
                    short_of = Some(ready);
                    break;
                }
                self.queue(index, ready, now);
                taken += 1;
            }
            last = Some(position);
        }
        let Lane { stored, class, .. } = &mut self.lanes[index];
        if let Some(due_at) = page.next_due {
            stored.expect(due_at);
        }
        if reading.is_by_chance {
            stored.end_read_by_chance(last);
            return;
        }
        stored.end_read(taken, last, reached);
        if let Some(next) = short_of
            && last.is_none()
        {
            stored.lack_memory(&next);
            stored.wait_for_memory(*class, index, now);
        }
    }

    /// A lane reads when no more than so many are queued.
    pub(super) fn low_water(&self, index: u32) -> usize {
        let lane = &self.lanes[index];
        if lane.health.is_paused() { 0 } else { (lane.most(self.limits.lane) / 8).min(LANE_PAGE / 2) }
    }
}
