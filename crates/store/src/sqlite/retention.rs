//! What environments keep no longer: each has its events, and what belongs to them, for a time of its own.
//!
//! An environment's old events are a range of ids, for which there is an index: a look at one in which nothing is old finds nothing
//! to read. A round goes through the environments one after the other, in bites; the next begins anew. What waits may be much, and
//! for long: it is passed by once, and looked at again after [`EXPIRY_LOOKS_AGAIN`]. So are deleted webhooks that deliveries tell of. One
//! that none tells of goes soon, however long events are kept: else whoever makes and deletes webhooks all day would fill the disk.
//!
//! Invariants: what waits is never deleted, nor the event that it is of; what a shorter time of one environment deletes takes
//! nothing away from another's lists; nothing old stays because something that is derived from it cannot be read or written, nor because
//! another environment's cannot be deleted.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use postrider_core::limits::{DELETED_WEBHOOK_KEPT, EXPIRY_LOOKS_AGAIN, UPKEEP_BITE};
use postrider_core::retention::Retention;
use postrider_core::{EnvironmentId, EventId, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use super::Sqlite;
use super::following::Following;
use super::rows::limit;
use super::search::OLDEST_EVENT_OF;
use super::search::postings::Of;
use super::search::thinning::Thinning;
use super::tx::{Failure, Tx};
use super::upkeep::{
    DELETE_TALLIES, DELETE_WEBHOOK, END_SWEEP, FORGET_SHAPES, HAS_DELIVERIES, HAS_DELIVERIES_BEHIND, OLD_WEBHOOKS,
    OLDEST_EVENT, WAITS, delete_event,
};
use super::{request_settings, shapes};
use crate::{StoreError, Upkeep};

pub(super) const OLD_EVENTS: &str =
    "SELECT key, id FROM events WHERE environment = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4";
/// The last event of the segments in which no event has an id from one on. Their reach ascends from segment to segment.
pub(super) const NONE_UP_TO: &str = "SELECT last_event FROM segments WHERE reach_of_events < ?1 \
     ORDER BY reach_of_events DESC, last_event DESC LIMIT 1";

/// How far rounds have come. Their beginning by default.
#[derive(Debug, Clone, Default)]
pub(super) struct Rounds {
    /// The environment that the present round is in; 0: it is before the first.
    environment: i64,
    /// Where it is in that one.
    place: Place,
    /// By environment.
    looked: BTreeMap<i64, Looked>,
    /// The first failure of the present round.
    failure: Option<StoreError>,
}

/// Where a round is in an environment. What lies between two places succeeds or fails by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Among its events.
    #[default]
    Events,
    /// Among what is kept of webhooks for them.
    Webhooks(WebhookPlace),
    End,
}

/// How far an environment's old events and deleted webhooks were looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    /// Events up to this one are gone, or waited.
    up_to: [u8; 16],
    /// Webhooks up to this one are gone, or had deliveries.
    webhooks: WebhookPlace,
    /// When those that stayed are looked at again; none: a look at all of them is under way.
    again_at: Option<Timestamp>,
}

/// A place among an environment's deleted webhooks, in the order of their deletion. Before all of them by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WebhookPlace {
    deleted_at: i64,
    webhook: i64,
}

impl Default for WebhookPlace {
    fn default() -> Self {
        Self { deleted_at: i64::MIN, webhook: 0 }
    }
}

impl Rounds {
    /// The round comes to an environment, or goes on in it.
    fn enter(&mut self, environment: i64, now: Timestamp) {
        if self.environment == environment {
            return;
        }
        (self.environment, self.place) = (environment, Place::Events);
        let looked = self.looked.entry(environment).or_default();
        // A clock that was set back does not put it off.
        if looked.again_at.is_some_and(|at| at <= now || now + EXPIRY_LOOKS_AGAIN < at) {
            *looked = Looked::default();
        }
    }

    /// The round is through with where it is in its environment.
    fn pass(&mut self) {
        self.place = match self.place {
            Place::Events => {
                let looked = self.looked.get(&self.environment).copied().unwrap_or_default();
                Place::Webhooks(looked.webhooks)
            }
            Place::Webhooks(_) | Place::End => Place::End,
        };
    }

    /// The round is at its end. Returns what failed in it first.
    fn end(&mut self) -> Option<StoreError> {
        (self.environment, self.place) = (0, Place::Events);
        self.failure.take()
    }
}

/// How long an environment keeps what has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeps {
    pub environment: i64,
    pub id: EnvironmentId,
    pub span: Duration,
}

/// How long each environment keeps what has ended, in the order of their numbers.
pub(super) fn keeps(tx: &Tx<'_, '_>, default: Duration) -> Vec<Keeps> {
    let span = |retention: Option<Retention>| retention.map_or(default, Retention::duration);
    let retentions = tx.directory.retentions().into_iter();
    retentions.map(|(environment, id, retention)| Keeps { environment, id, span: span(retention) }).collect()
}

impl Sqlite {
    pub(crate) async fn expire_bite(&self, default: Duration) -> Result<Upkeep, StoreError> {
        let from = self.expiry.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (upkeep, mut rounds) = self.change(move |tx| expire(tx, default, &from)).await?;
        let failure = if upkeep == Upkeep::Done { rounds.end() } else { None };
        *self.expiry.lock().unwrap_or_else(PoisonError::into_inner) = rounds;
        failure.map_or(Ok(upkeep), Err)
    }
}

/// Deletes a bite of what is old, from where the round has come to. Returns how far it has come then.
fn expire(tx: &mut Tx<'_, '_>, default: Duration, from: &Rounds) -> Result<(Upkeep, Rounds), Failure> {
    let keeps = keeps(tx, default);
    let longest = keeps.iter().map(|keeps| keeps.span).max().unwrap_or(default);
    let mut rounds = from.clone();
    let mut budget = UPKEEP_BITE;
    for keeps in keeps.into_iter().filter(|keeps| keeps.environment >= from.environment) {
        rounds.enter(keeps.environment, tx.now);
        while rounds.place != Place::End {
            if !expire_at(tx, keeps, longest, &mut rounds, &mut budget)? {
                return Ok((Upkeep::More, rounds));
            }
            rounds.pass();
        }
    }
    Ok((Upkeep::Done, rounds))
}

/// Deletes what is old where the round is. What fails there by itself is undone alone, and the round goes on behind it: neither another
/// environment's nor what has gone from this one before waits for it. False where the budget was used up before the end.
fn expire_at(
    tx: &mut Tx<'_, '_>,
    keeps: Keeps,
    longest: Duration,
    rounds: &mut Rounds,
    budget: &mut usize,
) -> Result<bool, Failure> {
    let before = tx.now - keeps.span;
    let (behind, looked) = (tx.hot.behind, rounds.looked.get(&keeps.environment).copied());
    tx.connection.execute_batch("SAVEPOINT place")?;
    let result = match rounds.place {
        // Where others keep theirs longer, the segments that have its ids stay.
        Place::Events if keeps.span < longest => expire_and_thin(tx, before, rounds, budget),
        Place::Events => expire_in(tx, before, rounds, budget, None),
        Place::Webhooks(place) => purge(tx, before, place, rounds, budget),
        Place::End => Ok(true),
    };
    match result {
        Ok(is_through) => {
            tx.connection.execute_batch("RELEASE place")?;
            Ok(is_through)
        }
        Err(failure) if failure.is_of_storage() => Err(failure),
        Err(failure) => {
            tx.connection.execute_batch("ROLLBACK TO place; RELEASE place")?;
            tx.hot.behind = behind;
            rounds.looked.extend(looked.map(|looked| (keeps.environment, looked)));
            let error = StoreError::from(failure);
            tracing::error!(
                environment.id = %keeps.id,
                %error,
                "what an environment keeps no longer cannot be deleted; the next round tries again, and other environments' is deleted"
            );
            rounds.failure.get_or_insert(error);
            Ok(true)
        }
    }
}

/// As [`expire_in`], and takes what goes out of the segments.
fn expire_and_thin(
    tx: &mut Tx<'_, '_>,
    before: Timestamp,
    rounds: &mut Rounds,
    budget: &mut usize,
) -> Result<bool, Failure> {
    if tx.hot.aside.has(Following::Thinning) {
        return expire_in(tx, before, rounds, budget, None);
    }
    let mut thinning = Thinning::default();
    let is_through = expire_in(tx, before, rounds, budget, Some(&mut thinning))?;
    let thinned = thinning.write(tx.connection);
    tx.derived(Following::Thinning, thinned)?;
    Ok(is_through)
}

/// Deletes events of the environment that were accepted before a moment and whose deliveries have all ended. False where the budget
/// was used up before the end.
fn expire_in(
    tx: &mut Tx<'_, '_>,
    before: Timestamp,
    rounds: &mut Rounds,
    budget: &mut usize,
    mut thinning: Option<&mut Thinning>,
) -> Result<bool, Failure> {
    let environment = rounds.environment;
    let looked = rounds.looked.entry(environment).or_default();
    // Looking costs, too.
    *budget = budget.saturating_sub(1);
    let below = EventId::first_at(before);
    let events: Vec<(i64, [u8; 16])> = tx
        .prepare(OLD_EVENTS)?
        .query_map(params![environment, looked.up_to, below.as_bytes(), limit(*budget)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (event, id) in events {
        *budget = budget.saturating_sub(1);
        if !tx.prepare(WAITS)?.query_row([event], |row| row.get(0))? {
            if let Some(thinning_begun) = thinning.as_deref_mut().map(|thinning| thinning.begin(tx.connection, event))
                && tx.derived(Following::Thinning, thinning_begun)?.is_none()
            {
                thinning = None;
            }
            if !delete_event(tx, event, budget, thinning.as_deref_mut())? {
                return Ok(false);
            }
            if let Some(thinning) = thinning.as_deref_mut() {
                thinning.take(Of::Events, id);
            }
        }
        looked.up_to = id;
        if *budget == 0 {
            return Ok(false);
        }
    }
    if *budget == 0 {
        return Ok(false);
    }
    // As many were read as there was budget for, and each cost something: what is left says that there are no more.
    looked.again_at.get_or_insert(tx.now + EXPIRY_LOOKS_AGAIN);
    Ok(true)
}

/// Forgets shapes and settings of the environment's webhooks that were replaced, as soon as no delivery and no attempt can have them, and
/// webhooks that were deleted before a moment, or [`DELETED_WEBHOOK_KEPT`] ago, as soon as nothing in the log tells of them. False where
/// the budget was used up before the end.
fn purge(
    tx: &mut Tx<'_, '_>,
    before: Timestamp,
    place: WebhookPlace,
    rounds: &mut Rounds,
    budget: &mut usize,
) -> Result<bool, Failure> {
    let environment = rounds.environment;
    // Where its events cannot be looked at to their end, nothing else says when.
    rounds.looked.entry(environment).or_default().again_at.get_or_insert(tx.now + EXPIRY_LOOKS_AGAIN);
    let first = first_kept(tx, environment)?;
    let shapes = tx.prepare(FORGET_SHAPES)?.execute((environment, first, limit(*budget)))?;
    *budget = budget.saturating_sub(shapes);
    let of_settings = (environment, first, limit(*budget));
    let settings = tx.execute_derived(Following::Settings, request_settings::FORGET, of_settings)?;
    *budget = budget.saturating_sub(settings.unwrap_or(0));
    if *budget == 0 {
        return Ok(false);
    }
    if tx.hot.aside.has(Following::Indexes) {
        // Whether anything tells of them cannot be said.
        return Ok(true);
    }
    let before = before.max(tx.now - DELETED_WEBHOOK_KEPT);
    let old: Vec<WebhookPlace> = tx
        .prepare(OLD_WEBHOOKS)?
        .query_map((environment, place.deleted_at, place.webhook, before.as_micros(), limit(*budget)), |row| {
            Ok(WebhookPlace { webhook: row.get(0)?, deleted_at: row.get(1)? })
        })?
        .collect::<Result<_, _>>()?;
    if old.is_empty() {
        return Ok(true);
    }
    let indexed = tx.hot.index_deliveries(tx.connection);
    if tx.derived(Following::Indexes, indexed)?.is_none() {
        return Ok(true);
    }
    let mut previous = place;
    for place in old {
        *budget = budget.saturating_sub(1);
        let webhook = place.webhook;
        let has_deliveries =
            tx.prepare(HAS_DELIVERIES).and_then(|mut statement| statement.query_row([webhook], |row| row.get(0)));
        let Some(has_deliveries) = tx.derived::<bool>(Following::Indexes, has_deliveries)? else { return Ok(true) };
        let deleted = if has_deliveries { None } else { delete_webhook(tx, webhook)? };
        *budget = budget.saturating_sub(deleted.unwrap_or(0));
        let looked = rounds.looked.entry(environment).or_default();
        // One that could not be deleted is tried again in the next round, and those behind it are looked at again.
        if looked.webhooks == previous && (has_deliveries || deleted.is_some()) {
            looked.webhooks = place;
        }
        previous = place;
        rounds.place = Place::Webhooks(place);
        if *budget == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Deletes a webhook that nothing tells of. Where something that is derived for it cannot be deleted, it stays: its number, which goes
/// with it, would be another's then. Returns how many rows it has cost; none: it stays.
fn delete_webhook(tx: &mut Tx<'_, '_>, webhook: i64) -> Result<Option<usize>, Failure> {
    let settings = tx.execute_derived(Following::Settings, request_settings::DELETE_ALL, [webhook])?;
    let Some(settings) = settings else { return Ok(None) };
    if tx.execute_derived(Following::Tallies, DELETE_TALLIES, [webhook])?.is_none() {
        return Ok(None);
    }
    tx.prepare(END_SWEEP)?.execute([webhook])?;
    tx.prepare(shapes::DELETE_OF)?.execute([webhook])?;
    tx.prepare(DELETE_WEBHOOK)?.execute([webhook])?;
    Ok(Some(settings))
}

/// Deletes shape and settings of a webhook that is being deleted, where no delivery tells of it: none can need them from now on. What is
/// left is small, and goes after [`DELETED_WEBHOOK_KEPT`].
pub(super) fn forget_what_nothing_tells_of(tx: &mut Tx<'_, '_>, webhook: i64) -> Result<(), Failure> {
    if tx.hot.aside.has(Following::Indexes) {
        return Ok(());
    }
    let has_deliveries = has_deliveries(tx, webhook);
    if tx.derived(Following::Indexes, has_deliveries)? == Some(false) {
        tx.execute_derived(Following::Settings, request_settings::DELETE_ALL, [webhook])?;
        tx.prepare(shapes::DELETE_OF)?.execute([webhook])?;
    }
    Ok(())
}

/// Whether a webhook has deliveries, in the index or beyond it.
fn has_deliveries(tx: &Tx<'_, '_>, webhook: i64) -> rusqlite::Result<bool> {
    let is_indexed: bool = tx.prepare(HAS_DELIVERIES)?.query_row([webhook], |row| row.get(0))?;
    if is_indexed {
        return Ok(true);
    }
    tx.prepare(HAS_DELIVERIES_BEHIND)?.query_row((tx.hot.behind.event_mark, webhook), |row| row.get(0))
}

/// A number that no event of the environment is below; the greatest of all where it has no event. Numbers do not follow the ids as strictly
/// as that the oldest id would have the least: clocks are set. But an event is in no segment, nor in one before it, whose reach its id is
/// beyond.
fn first_kept(tx: &mut Tx<'_, '_>, environment: i64) -> Result<i64, Failure> {
    let oldest: Option<[u8; 16]> = tx.prepare(OLDEST_EVENT_OF)?.query_row([environment], |row| row.get(0))?;
    let Some(oldest) = oldest else { return Ok(i64::MAX) };
    let of_all: Option<i64> = tx.prepare(OLDEST_EVENT)?.query_row([], |row| row.get(0))?;
    let none_up_to = tx
        .prepare(NONE_UP_TO)
        .and_then(|mut statement| statement.query_row([oldest], |row| row.get::<_, i64>(0)).optional());
    let none_up_to = tx.derived(Following::Thinning, none_up_to)?.flatten();
    Ok(of_all.unwrap_or(0).max(none_up_to.map_or(0, |last| last + 1)))
}
