//! What environments keep no longer: each has its events, and what belongs to them, for a time of its own.
//!
//! An environment's old events are a range of ids, for which there is an index: a look at one in which nothing is old finds nothing
//! to read. A round goes through the environments one after the other, in bites; the next begins anew. What waits may be much, and
//! for long: it is passed by once, and looked at again after [`EXPIRY_LOOKS_AGAIN`].
//!
//! Invariants: what waits is never deleted, nor the event that it is of; what a shorter time of one environment deletes takes
//! nothing away from another's lists; nothing old stays because something that is derived from it cannot be read or written.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use postrider_core::limits::{EXPIRY_LOOKS_AGAIN, UPKEEP_BITE};
use postrider_core::retention::Retention;
use postrider_core::{EventId, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use super::Sqlite;
use super::following::Following;
use super::request_settings;
use super::rows::limit;
use super::search::OLDEST_EVENT_OF;
use super::search::postings::Of;
use super::search::thinning::Thinning;
use super::tx::{Failure, Tx, is_of_storage};
use super::upkeep::{
    DELETE_TALLIES, DELETE_WEBHOOK, END_SWEEP, FORGET_SHAPES, HAS_DELIVERIES, OLD_WEBHOOKS, OLDEST_EVENT, WAITS,
    delete_event,
};
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
    /// Where it is among that one's deleted webhooks; none: it is among its events.
    webhooks: Option<WebhookPlace>,
    /// By environment.
    looked: BTreeMap<i64, Looked>,
}

/// How far an environment's old events were looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Looked {
    /// Those up to this one are gone, or waited.
    up_to: [u8; 16],
    /// When those that waited are looked at again; none: a look at all of them is under way.
    again_at: Option<Timestamp>,
}

/// A place among an environment's deleted webhooks, in the order of their deletion.
#[derive(Debug, Clone, Copy)]
struct WebhookPlace {
    deleted_at: i64,
    webhook: i64,
}

impl WebhookPlace {
    const BEGINNING: Self = Self { deleted_at: i64::MIN, webhook: 0 };
}

impl Rounds {
    /// The round comes to an environment, or goes on in it.
    fn enter(&mut self, environment: i64, now: Timestamp) {
        if self.environment == environment {
            return;
        }
        (self.environment, self.webhooks) = (environment, None);
        let looked = self.looked.entry(environment).or_default();
        // A clock that was set back does not put it off.
        if looked.again_at.is_some_and(|at| at <= now || now + EXPIRY_LOOKS_AGAIN < at) {
            *looked = Looked::default();
        }
    }

    /// The round is at its end.
    fn end(&mut self) {
        (self.environment, self.webhooks) = (0, None);
    }
}

/// How long an environment keeps what has ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keeps {
    pub environment: i64,
    pub span: Duration,
}

/// How long each environment keeps what has ended, in the order of their numbers.
pub(super) fn keeps(tx: &Tx<'_, '_>, default: Duration) -> Vec<Keeps> {
    let span = |retention: Option<Retention>| retention.map_or(default, Retention::duration);
    let retentions = tx.directory.retentions().into_iter();
    retentions.map(|(environment, retention)| Keeps { environment, span: span(retention) }).collect()
}

impl Sqlite {
    pub(crate) async fn expire_bite(&self, default: Duration) -> Result<Upkeep, StoreError> {
        let from = self.expiry.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (upkeep, rounds) = self.change(move |tx| expire(tx, default, &from)).await?;
        *self.expiry.lock().unwrap_or_else(PoisonError::into_inner) = rounds;
        Ok(upkeep)
    }
}

/// Deletes a bite of what is old, from where the round has come to. Returns how far it has come then.
fn expire(tx: &mut Tx<'_, '_>, default: Duration, from: &Rounds) -> Result<(Upkeep, Rounds), Failure> {
    let keeps = keeps(tx, default);
    let longest = keeps.iter().map(|keeps| keeps.span).max().unwrap_or(default);
    let mut rounds = from.clone();
    let mut budget = UPKEEP_BITE;
    let mut thinning = Thinning::default();
    let mut is_through = true;
    for Keeps { environment, span } in keeps.into_iter().filter(|keeps| keeps.environment >= from.environment) {
        rounds.enter(environment, tx.now);
        let before = tx.now - span;
        // Where others keep theirs longer, the segments that have its ids stay.
        let thins = span < longest && !tx.hot.aside.has(Following::Thinning);
        is_through = expire_in(tx, before, &mut rounds, &mut budget, thins.then_some(&mut thinning))?
            && purge(tx, before, &mut rounds, &mut budget)?;
        if !is_through {
            break;
        }
    }
    let thinned = thinning.write(tx.connection);
    derived(tx, Following::Thinning, thinned)?;
    if !is_through {
        return Ok((Upkeep::More, rounds));
    }
    rounds.end();
    Ok((Upkeep::Done, rounds))
}

/// What came of something that is derived. None: it failed by itself and is set aside, and what is old goes without it.
fn derived<T>(tx: &mut Tx<'_, '_>, part: Following, result: rusqlite::Result<T>) -> Result<Option<T>, Failure> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_of_storage(&error) => Err(error.into()),
        Err(error) => {
            if tx.hot.set_aside(part) {
                tracing::error!(%error, "{} cannot be written; {}", part.name(), part.consequence());
            }
            Ok(None)
        }
    }
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
    if rounds.webhooks.is_some() {
        return Ok(true);
    }
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
                && derived(tx, Following::Thinning, thinning_begun)?.is_none()
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
    rounds.webhooks = Some(WebhookPlace::BEGINNING);
    Ok(true)
}

/// Forgets shapes and settings of the environment's webhooks that were replaced, as soon as no delivery and no attempt can have them, and
/// webhooks that were deleted before a moment, as soon as nothing in the log tells of them. False where the budget was used up before the
/// end.
fn purge(tx: &mut Tx<'_, '_>, before: Timestamp, rounds: &mut Rounds, budget: &mut usize) -> Result<bool, Failure> {
    let environment = rounds.environment;
    let first = first_kept(tx, environment)?;
    for forget in [FORGET_SHAPES, request_settings::FORGET] {
        *budget -= tx.prepare(forget)?.execute((environment, first, limit(*budget)))?.min(*budget);
        if *budget == 0 {
            return Ok(false);
        }
    }
    let place = rounds.webhooks.unwrap_or(WebhookPlace::BEGINNING);
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
    if derived(tx, Following::Indexes, indexed)?.is_none() {
        // Whether anything tells of them cannot be said.
        return Ok(true);
    }
    for place in old {
        *budget = budget.saturating_sub(1);
        let webhook = place.webhook;
        if !tx.prepare(HAS_DELIVERIES)?.query_row([webhook], |row| row.get(0))? {
            tx.prepare(END_SWEEP)?.execute([webhook])?;
            tx.prepare(DELETE_TALLIES)?.execute([webhook])?;
            let settings = tx.prepare(request_settings::DELETE_ALL)?.execute([webhook])?;
            tx.prepare(DELETE_WEBHOOK)?.execute([webhook])?;
            *budget = budget.saturating_sub(settings);
        }
        rounds.webhooks = Some(place);
        if *budget == 0 {
            return Ok(false);
        }
    }
    Ok(true)
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
    let none_up_to = derived(tx, Following::Thinning, none_up_to)?.flatten();
    Ok(of_all.unwrap_or(0).max(none_up_to.map_or(0, |last| last + 1)))
}
