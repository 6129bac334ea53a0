//! What environments keep no longer: each has its events, and what belongs to them, for a time of its own.
//!
//! An environment's old events are a range of ids, for which there is an index: a look at one in which nothing is old finds nothing
//! to read. A round goes through the environments one after the other, in bites; the next begins anew.
//!
//! Invariants: what waits is never deleted, nor the event that it is of; what a shorter time of one environment deletes takes
//! nothing away from another's lists.

use std::sync::PoisonError;
use std::time::Duration;

use postrider_core::limits::UPKEEP_BITE;
use postrider_core::retention::Retention;
use postrider_core::{EventId, Timestamp};
use rusqlite::params;

use super::Sqlite;
use super::request_settings;
use super::rows::limit;
use super::search::postings::Of;
use super::search::thinning::Thinning;
use super::tx::{Failure, Tx};
use super::upkeep::{
    DELETE_TALLIES, DELETE_WEBHOOK, END_SWEEP, FORGET_SHAPES, OLD_WEBHOOKS, OLDEST_EVENT, WAITS, delete_event,
};
use crate::{StoreError, Upkeep};

pub(super) const OLD_EVENTS: &str =
    "SELECT key, id FROM events WHERE environment = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4";

/// Where a round has come to: up to that event of that environment. The beginning by default.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    environment: i64,
    event: [u8; 16],
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
        let from = *self.expired_up_to.lock().unwrap_or_else(PoisonError::into_inner);
        let (upkeep, place) = self.change(move |tx| expire(tx, default, from)).await?;
        *self.expired_up_to.lock().unwrap_or_else(PoisonError::into_inner) = place;
        Ok(upkeep)
    }
}

/// Deletes a bite of what is old, from a place on. Returns where to go on.
fn expire(tx: &mut Tx<'_, '_>, default: Duration, from: Place) -> Result<(Upkeep, Place), Failure> {
    let keeps = keeps(tx, default);
    let longest = keeps.iter().map(|keeps| keeps.span).max().unwrap_or(default);
    let mut place = from;
    let mut budget = UPKEEP_BITE;
    let mut thinning = Thinning::default();
    let mut is_through = true;
    for Keeps { environment, span } in keeps.iter().filter(|keeps| keeps.environment >= from.environment) {
        if *environment > place.environment {
            place = Place { environment: *environment, ..Place::default() };
        }
        let before = tx.now - *span;
        // Where others keep theirs longer, the segments that have its ids stay.
        let thinning = (*span < longest).then_some(&mut thinning);
        is_through = expire_in(tx, before, &mut place, &mut budget, thinning)?;
        if !is_through {
            break;
        }
    }
    thinning.write(tx.connection)?;
    if !is_through {
        return Ok((Upkeep::More, place));
    }
    purge_webhooks(tx, &keeps, default, budget)?;
    Ok((Upkeep::Done, Place::default()))
}

/// Deletes events of one environment that were accepted before a moment and whose deliveries have all ended. False where the budget
/// was used up before the end.
fn expire_in(
    tx: &mut Tx<'_, '_>,
    before: Timestamp,
    place: &mut Place,
    budget: &mut usize,
    mut thinning: Option<&mut Thinning>,
) -> Result<bool, Failure> {
    // Looking costs, too.
    *budget = budget.saturating_sub(1);
    let below = EventId::first_at(before);
    let events: Vec<(i64, [u8; 16])> = tx
        .prepare(OLD_EVENTS)?
        .query_map(params![place.environment, place.event, below.as_bytes(), limit(*budget)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_, _>>()?;
    for (event, id) in events {
        *budget = budget.saturating_sub(1);
        if !tx.prepare(WAITS)?.query_row([event], |row| row.get(0))? {
            if let Some(thinning) = thinning.as_deref_mut() {
                thinning.begin(tx.connection, event)?;
            }
            if !delete_event(tx, event, budget, thinning.as_deref_mut())? {
                return Ok(false);
            }
            if let Some(thinning) = thinning.as_deref_mut() {
                thinning.take(Of::Events, id);
            }
        }
        place.event = id;
        if *budget == 0 {
            return Ok(false);
        }
    }
    // As many were read as there was budget for, and each cost something: what is left says that there are no more.
    Ok(*budget > 0)
}

/// Deleted webhooks stay as long as something in the log tells of them, shapes and settings that were replaced as long as deliveries
/// and attempts may have them.
fn purge_webhooks(tx: &mut Tx<'_, '_>, keeps: &[Keeps], default: Duration, budget: usize) -> Result<(), Failure> {
    let oldest: Option<i64> = tx.prepare(OLDEST_EVENT)?.query_row([], |row| row.get(0))?;
    for forget in [FORGET_SHAPES, request_settings::FORGET] {
        tx.prepare(forget)?.execute((oldest.unwrap_or(i64::MAX), limit(budget)))?;
    }
    tx.hot.index_deliveries(tx.connection)?;
    let shortest = keeps.iter().map(|keeps| keeps.span).min().unwrap_or(default);
    let default_us = i64::try_from(default.as_micros()).unwrap_or(i64::MAX);
    let webhooks: Vec<i64> = tx
        .prepare(OLD_WEBHOOKS)?
        .query_map(((tx.now - shortest).as_micros(), tx.now.as_micros(), default_us, limit(budget)), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for webhook in webhooks {
        tx.prepare(END_SWEEP)?.execute([webhook])?;
        tx.prepare(DELETE_TALLIES)?.execute([webhook])?;
        tx.prepare(request_settings::DELETE_ALL)?.execute([webhook])?;
        tx.prepare(DELETE_WEBHOOK)?.execute([webhook])?;
    }
    Ok(())
}
