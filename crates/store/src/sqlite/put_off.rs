//! What a clock that was ahead has put off: once it is set back, what waits is due further on than it was meant to be. A look through all
//! lanes, in bites, brings it forward.
//!
//! What was never attempted waits for nothing but its turn. A retry waits for as long as it was meant to, from now on, if its attempt ended
//! at a moment that is still to come; after a fault of our own that is not known, so it waits for no longer than any does. What was put
//! off by the clock as it is stays where it is.
//!
//! The newest delivery and attempt stay ahead of the clock until it has caught up, so each start until then would look again, and shorten
//! what the one before has set right. So it is noted in the database how far the attempts had come when a look began: a start passes over
//! the retries of attempts up to there. A clock that is seen to be set back once more is another matter, and they are looked at.
//!
//! Invariant: a look only makes things due earlier, and one that has begun is gone through to its end, by the next start if need be.

use std::sync::{MutexGuard, PoisonError};

use postrider_core::delivery::OUR_FAULT_DELAY;
use postrider_core::limits::UPKEEP_BITE;
use postrider_core::{DeliveryId, Timestamp, WebhookId};
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::Sqlite;
use super::lanes::NEXT_LANE;
use super::rows::limit;
use super::tx::{Failure, Tx};
use crate::directory::Directory;
use crate::{BroughtForward, StoreError, Upkeep};

pub(super) const NEWEST_DELIVERY: &str = "SELECT max(id) FROM deliveries WHERE environment = ?1";
pub(super) const NEWEST_ATTEMPT: &str = "SELECT started_at FROM attempts WHERE key = (SELECT max(key) FROM attempts)";
pub(super) const PUT_OFF: &str = "SELECT d.environment, d.id, d.due_at, d.state, d.fault IS NOT NULL, \
     d.last_attempt, a.started_at, a.total_us FROM deliveries AS d INDEXED BY deliveries_waiting LEFT JOIN attempts AS a ON a.key = d.last_attempt \
     WHERE d.webhook = ?1 AND d.state <= 1 AND (d.due_at, d.id) > (?2, ?3) AND d.due_at < 9223372036854775807 \
     AND d.id > ?4 ORDER BY d.due_at, d.id LIMIT ?5";
pub(super) const NEWEST_ATTEMPT_KEY: &str = "SELECT coalesce(max(key), 0) FROM attempts";
/// How far the attempts had come when the look that is under way began, and the last one that was gone through.
pub(super) const BEGUN: &str = "look_begun";
pub(super) const THROUGH: &str = "look_through";
pub(super) const MARK: &str = "SELECT value FROM meta WHERE name = ?1";
pub(super) const SET_MARK: &str =
    "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
pub(super) const CLEAR_MARK: &str = "DELETE FROM meta WHERE name = ?1";
pub(super) const BRING_FORWARD: &str =
    "UPDATE deliveries SET due_at = ?3 WHERE environment = ?1 AND id = ?2 AND state <= 1";

/// How far a look has come.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// How many were begun: what a bite of one comes to is of no matter to the next.
    begun: u64,
    /// Where it goes on; none: none is under way.
    from: Option<Place>,
    /// Whether retries are looked at that a look has been through.
    again: bool,
}

/// A place in a look.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Those of lower numbers have been looked at.
    lane: i64,
    /// The last row of that lane that has been.
    after: Option<(i64, [u8; 16])>,
}

impl Look {
    /// The look that a start begins where the newest delivery, or the newest attempt, is of a moment that is still to come.
    pub(super) fn at_start(connection: &Connection, directory: &Directory, now: Timestamp) -> rusqlite::Result<Self> {
        let mut look = Self::default();
        if mark(connection, BEGUN)?.is_some() || is_ahead(connection, directory, now)? {
            look.begin();
        }
        Ok(look)
    }

    fn begin(&mut self) {
        self.begun += 1;
        self.from = Some(Place { lane: i64::MIN, after: None });
    }
}

fn is_ahead(connection: &Connection, directory: &Directory, now: Timestamp) -> rusqlite::Result<bool> {
    let attempted: Option<i64> = connection.query_row(NEWEST_ATTEMPT, [], |row| row.get(0)).optional()?;
    if attempted.is_some_and(|at| at > now.as_micros()) {
        return Ok(true);
    }
    let mut statement = connection.prepare(NEWEST_DELIVERY)?;
    for key in directory.environments().iter().filter_map(|environment| directory.environment_key(environment.id)) {
        let newest: Option<[u8; 16]> = statement.query_row([key], |row| row.get(0))?;
        if newest.is_some_and(|id| DeliveryId::from_uuid(Uuid::from_bytes(id)).made_at() > now) {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Sqlite {
    fn look(&self) -> MutexGuard<'_, Look> {
        self.put_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn clock_was_set_back(&self) {
        let mut look = self.look();
        look.begin();
        look.again = true;
    }

    pub(crate) async fn bring_forward_bite(&self) -> Result<BroughtForward, StoreError> {
        let (begun, from, again) = {
            let look = self.look();
            (look.begun, look.from, look.again)
        };
        let Some(from) = from else { return Ok(BroughtForward { webhooks: Vec::new(), upkeep: Upkeep::Done }) };
        let (webhooks, next) = self.change(move |tx| bring_forward(tx, from, again)).await?;
        let mut look = self.look();
        if look.begun == begun {
            look.from = next;
            look.again &= next.is_some();
        }
        let upkeep = if look.from.is_some() { Upkeep::More } else { Upkeep::Done };
        Ok(BroughtForward { webhooks, upkeep })
    }
}

struct LaneRow {
    key: i64,
    id: WebhookId,
    /// What a sweep takes up to there, and what waits for a webhook that is off, is on its way out.
    swept: [u8; 16],
    is_off: bool,
}

/// A delivery that is due later than now.
struct LaterRow {
    environment: i64,
    id: [u8; 16],
    due_at: i64,
    is_retry: bool,
    has_fault: bool,
    last_attempt: Option<i64>,
    /// When its newest attempt began, and the microseconds that it took.
    attempt: Option<(i64, i64)>,
}

impl LaterRow {
    /// When it is to be due instead; none: it has not been put off, or a look has been through its attempt.
    fn forward(&self, now: i64, through: i64) -> Option<i64> {
        let is_through = self.last_attempt.is_some_and(|attempt| attempt <= through);
        let wait = match self.attempt {
            _ if self.is_retry && is_through => return None,
            _ if self.has_fault => i64::try_from(2 * OUR_FAULT_DELAY.as_micros()).ok()?,
            _ if !self.is_retry => 0,
            Some((began, took)) if began <= self.due_at && began.saturating_add(took) > now => {
                self.due_at.saturating_sub(began.saturating_add(took)).max(0)
            }
            _ => return None,
        };
        Some(now.saturating_add(wait)).filter(|due_at| *due_at < self.due_at)
    }
}

/// A bite of a look. Returns the webhooks of which something was brought forward, and where the look goes on.
fn bring_forward(tx: &Tx<'_, '_>, from: Place, again: bool) -> Result<(Vec<WebhookId>, Option<Place>), Failure> {
    let now = tx.now.as_micros();
    if from.lane == i64::MIN {
        let newest: i64 = tx.prepare(NEWEST_ATTEMPT_KEY)?.query_row([], |row| row.get(0))?;
        tx.prepare(SET_MARK)?.execute((BEGUN, newest.to_be_bytes()))?;
    }
    let through = if again { None } else { mark(tx.connection, THROUGH)? }.unwrap_or(0);
    let (mut webhooks, mut place, mut budget) = (Vec::new(), from, UPKEEP_BITE);
    while budget > 0 {
        let Some(lane) = next_lane(tx, place.lane)? else {
            if let Some(begun) = mark(tx.connection, BEGUN)? {
                tx.prepare(SET_MARK)?.execute((THROUGH, begun.to_be_bytes()))?;
                tx.prepare(CLEAR_MARK)?.execute([BEGUN])?;
            }
            return Ok((webhooks, None));
        };
        budget -= 1;
        let not_due = (now, [0xff; 16]);
        let after = place.after.filter(|_| lane.key == place.lane).map_or(not_due, |after| after.max(not_due));
        let rows = if lane.is_off { Vec::new() } else { later(tx, &lane, after, budget)? };
        let mut is_touched = false;
        for row in &rows {
            if let Some(due_at) = row.forward(now, through) {
                tx.prepare(BRING_FORWARD)?.execute((row.environment, row.id, due_at))?;
                is_touched = true;
            }
        }
        if is_touched {
            webhooks.push(lane.id);
        }
        place = match rows.last() {
            _ if lane.is_off || rows.len() < budget => Place { lane: lane.key.saturating_add(1), after: None },
            Some(last) => Place { lane: lane.key, after: Some((last.due_at, last.id)) },
            None => Place { lane: lane.key, after: Some(after) },
        };
        budget -= rows.len();
    }
    Ok((webhooks, Some(place)))
}

/// The number of an attempt that is noted under that name.
fn mark(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let value: Option<[u8; 8]> = connection.prepare_cached(MARK)?.query_row([name], |row| row.get(0)).optional()?;
    Ok(value.map(i64::from_be_bytes))
}

/// The first lane with that number or a higher one.
fn next_lane(tx: &Tx<'_, '_>, from: i64) -> Result<Option<LaneRow>, Failure> {
    let lane = tx.prepare(NEXT_LANE)?.query_row([from.saturating_sub(1)], |row| {
        let swept: Option<[u8; 16]> = row.get(3)?;
        let id = WebhookId::from_uuid(Uuid::from_bytes(row.get(2)?));
        Ok(LaneRow { key: row.get(0)?, id, swept: swept.unwrap_or_default(), is_off: row.get(4)? })
    });
    Ok(lane.optional()?)
}

fn later(
    tx: &Tx<'_, '_>,
    lane: &LaneRow,
    (due_at, id): (i64, [u8; 16]),
    most: usize,
) -> Result<Vec<LaterRow>, Failure> {
    let mut statement = tx.prepare(PUT_OFF)?;
    let rows = statement.query_map((lane.key, due_at, id, lane.swept, limit(most)), |row| {
        let (began, took): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
        Ok(LaterRow {
            environment: row.get(0)?,
            id: row.get(1)?,
            due_at: row.get(2)?,
            is_retry: row.get::<_, i64>(3)? == 1,
            has_fault: row.get(4)?,
            last_attempt: row.get(5)?,
            attempt: began.zip(took),
        })
    })?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
