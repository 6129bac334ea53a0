//! The ledger: for each event when it was due, under which id it was accepted, and which webhooks it has arrived at.
//!
//! Events are known by a sequence number that they carry in their body, so that an entry is one indexed write into a table
//! allocated beforehand; nothing is compared or looked up while a measurement runs. [`Ledger::verify`] does that afterwards.
//!
//! Invariants: an entry counts as complete once, when the last of its webhooks has received it; the time of its last new
//! arrival is stored before that. A repeat is counted and changes nothing.

use std::{
    ops::Range,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use uuid::Uuid;

/// The most webhooks an event can match here: their arrivals share a word.
pub(crate) const MAX_FAN_OUT: u32 = 63;

/// The table of all events of one measurement.
#[derive(Debug)]
pub(crate) struct Ledger {
    epoch: Instant,
    entries: Box<[Entry]>,
    all_webhooks: u64,
    claimed: AtomicU64,
    accepted: AtomicU64,
    complete: AtomicU64,
    duplicates: AtomicU64,
    strangers: AtomicU64,
}

#[derive(Debug, Default)]
struct Entry {
    due: AtomicU64,
    accepted_as: AtomicU64,
    arrived_as: AtomicU64,
    arrived: AtomicU64,
    webhooks: AtomicU64,
}

/// An event that a producer is about to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) sequence: u64,
}

/// What a range of the ledger says once every event of it has arrived.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) events: u64,
    /// From the first event's due time to the last arrival.
    pub(crate) elapsed: Duration,
    /// Nanoseconds from due time to the last arrival, sorted.
    pub(crate) latencies: Vec<u64>,
}

/// How what arrived differs from what was accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "of {accepted} accepted events {missing} have not arrived everywhere, {misnamed} arrived under another id, {unaccepted} \
     arrived without being accepted, {strangers} requests belong to no event or lack true signatures; first wrong sequence \
     number: {first:?}"
)]
pub(crate) struct Discrepancy {
    pub(crate) accepted: u64,
    pub(crate) missing: u64,
    pub(crate) misnamed: u64,
    pub(crate) unaccepted: u64,
    pub(crate) strangers: u64,
    pub(crate) first: Option<u64>,
}

impl Ledger {
    /// A ledger for up to `capacity` events that match `fan_out` webhooks each.
    pub(crate) fn new(capacity: usize, fan_out: u32) -> Self {
        assert!((1..=MAX_FAN_OUT).contains(&fan_out), "the fan-out is fixed by the scenario");
        Self {
            epoch: Instant::now(),
            entries: std::iter::repeat_with(Entry::default).take(capacity).collect(),
            all_webhooks: (1 << fan_out) - 1,
            claimed: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            complete: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            strangers: AtomicU64::new(0),
        }
    }

    /// Takes the next sequence number for an event that is due at `due`; `None` when the table is full.
    pub(crate) fn claim(&self, due: Instant) -> Option<Claim> {
        let sequence = self.claimed.fetch_add(1, Ordering::AcqRel);
        let Some(entry) = self.entry(sequence) else {
            self.claimed.fetch_sub(1, Ordering::AcqRel);
            return None;
        };
        entry.due.store(self.nanos(due), Ordering::Release);
        Some(Claim { sequence })
    }

    /// The server has answered 2XX for the event and named it `id`.
    pub(crate) fn accept(&self, claim: Claim, id: Uuid) {
        if let Some(entry) = self.entry(claim.sequence) {
            entry.accepted_as.store(fingerprint(id), Ordering::Release);
            self.accepted.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Webhook number `webhook` has received the event as `id`.
    pub(crate) fn arrive(&self, sequence: u64, webhook: u32, id: Uuid) {
        let bit = 1_u64.checked_shl(webhook).unwrap_or(0) & self.all_webhooks;
        let Some(entry) = self.entry(sequence).filter(|_| bit != 0) else {
            self.stranger();
            return;
        };
        let now = self.nanos(Instant::now());
        let name = fingerprint(id);
        if let Err(first) = entry.arrived_as.compare_exchange(0, name, Ordering::AcqRel, Ordering::Acquire)
            && first != name
        {
            self.stranger();
            return;
        }
        if entry.webhooks.load(Ordering::Acquire) & bit == 0 {
            entry.arrived.fetch_max(now, Ordering::AcqRel);
        }
        let before = entry.webhooks.fetch_or(bit, Ordering::AcqRel);
        if before & bit != 0 {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
        } else if before | bit == self.all_webhooks {
            self.complete.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A request came that belongs to no event of this ledger, or is not signed as it must be: [`Self::verify`] will fail.
    pub(crate) fn stranger(&self) {
        self.strangers.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether [`Self::verify`] will fail whatever still arrives.
    pub(crate) fn has_strangers(&self) -> bool {
        self.strangers.load(Ordering::Relaxed) > 0
    }

    /// The sequence number of the next event.
    pub(crate) fn next(&self) -> u64 {
        self.claimed.load(Ordering::Acquire)
    }

    /// Whether as many events are complete as were accepted; [`Self::verify`] says whether they are the same.
    pub(crate) fn is_even(&self) -> bool {
        self.complete.load(Ordering::Acquire) >= self.accepted.load(Ordering::Acquire)
    }

    /// Repeated arrivals so far.
    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates.load(Ordering::Relaxed)
    }

    /// Compares what was accepted with what has arrived, event by event, and gives account of `range`.
    pub(crate) fn verify(&self, range: Range<u64>) -> Result<Account, Discrepancy> {
        let mut found = Discrepancy {
            accepted: 0,
            missing: 0,
            misnamed: 0,
            unaccepted: 0,
            strangers: self.strangers.load(Ordering::Relaxed),
            first: None,
        };
        let (mut start, mut end, mut latencies) = (u64::MAX, 0, Vec::new());
        for (sequence, entry) in range.clone().filter_map(|sequence| Some((sequence, self.entry(sequence)?))) {
            let accepted_as = entry.accepted_as.load(Ordering::Acquire);
            let arrived_as = entry.arrived_as.load(Ordering::Acquire);
            let wrong = if accepted_as == 0 {
                (arrived_as != 0).then_some(&mut found.unaccepted)
            } else {
                found.accepted += 1;
                if entry.webhooks.load(Ordering::Acquire) != self.all_webhooks {
                    Some(&mut found.missing)
                } else if arrived_as != accepted_as {
                    Some(&mut found.misnamed)
                } else {
                    let due = entry.due.load(Ordering::Acquire);
                    let arrived = entry.arrived.load(Ordering::Acquire);
                    start = start.min(due);
                    end = end.max(arrived);
                    latencies.push(arrived.saturating_sub(due));
                    None
                }
            };
            if let Some(count) = wrong {
                *count += 1;
                found.first.get_or_insert(sequence);
            }
        }
        if found.missing + found.misnamed + found.unaccepted + found.strangers > 0 || found.accepted == 0 {
            return Err(found);
        }
        latencies.sort_unstable();
        Ok(Account { events: found.accepted, elapsed: Duration::from_nanos(end.saturating_sub(start)), latencies })
    }

    fn entry(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(usize::try_from(sequence).ok()?)
    }

    fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// An event id in one word, never zero. Ids are UUIDv7: both halves are mixed, so that neither the same millisecond nor a
/// counter in one half makes two ids alike.
fn fingerprint(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    (high.rotate_left(32) ^ low) | 1 << 63
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n)
    }

    fn send(ledger: &Ledger, n: u128) -> Claim {
        let claim = ledger.claim(Instant::now()).unwrap();
        ledger.accept(claim, id(n));
        claim
    }

    #[test]
    fn account_is_given_when_every_webhook_received_every_event() {
        let ledger = Ledger::new(8, 2);
        for n in 0..3 {
            let claim = send(&ledger, n);
            ledger.arrive(claim.sequence, 1, id(n));
            assert!(!ledger.is_even(), "one of two webhooks is not all");
            ledger.arrive(claim.sequence, 0, id(n));
            assert!(ledger.is_even());
        }
        let account = ledger.verify(1..ledger.next()).unwrap();
        assert_eq!((account.events, account.latencies.len()), (2, 2));
    }

    #[test]
    fn latency_runs_from_the_due_time_to_the_last_webhook() {
        let ledger = Ledger::new(1, 2);
        let due = ledger.epoch;
        let claim = ledger.claim(due).unwrap();
        ledger.accept(claim, id(0));
        ledger.arrive(0, 0, id(0));
        let first = ledger.entries[0].arrived.load(Ordering::Acquire);
        while due.elapsed() < Duration::from_micros(200) {
            std::hint::spin_loop();
        }
        ledger.arrive(0, 1, id(0));
        ledger.arrive(0, 1, id(0));
        let account = ledger.verify(0..1).unwrap();
        assert!(account.latencies[0] > first && account.latencies[0] >= 200_000);
        assert_eq!(account.elapsed, Duration::from_nanos(account.latencies[0]));
        assert_eq!(ledger.duplicates(), 1);
    }

    #[test]
    fn a_repeat_does_not_stand_for_a_missing_event() {
        let ledger = Ledger::new(8, 1);
        send(&ledger, 0);
        send(&ledger, 1);
        ledger.arrive(0, 0, id(0));
        ledger.arrive(0, 0, id(0));
        assert!(!ledger.is_even());
        let found = ledger.verify(0..2).unwrap_err();
        assert_eq!((found.accepted, found.missing, found.first), (2, 1, Some(1)));
    }

    #[test]
    fn swapped_ids_unaccepted_events_and_strangers_are_found() {
        let ledger = Ledger::new(4, 1);
        let claim = send(&ledger, 0);
        ledger.arrive(claim.sequence, 0, id(7));
        let unaccepted = ledger.claim(Instant::now()).unwrap();
        ledger.arrive(unaccepted.sequence, 0, id(1));
        ledger.arrive(99, 0, id(2));
        ledger.arrive(0, 1, id(0));
        ledger.arrive(0, 64, id(0));
        let found = ledger.verify(0..2).unwrap_err();
        assert_eq!((found.misnamed, found.unaccepted, found.strangers), (1, 1, 3));
    }

    #[test]
    fn an_empty_range_is_no_success() {
        assert!(Ledger::new(4, 1).verify(0..4).is_err());
    }

    #[test]
    fn a_full_table_gives_no_claim() {
        let ledger = Ledger::new(1, 1);
        assert_eq!(ledger.claim(Instant::now()), Some(Claim { sequence: 0 }));
        assert_eq!(ledger.claim(Instant::now()), None);
        assert_eq!(ledger.next(), 1);
    }
}
