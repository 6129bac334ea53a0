//! The hot path's commands: accepting events and settling deliveries, in statements that are prepared once.

use std::collections::HashMap;
use std::sync::Arc;

use postrider_core::attempt::{Attempt, AttemptResult, OurFault, Outcome};
use postrider_core::delivery::{DeliveryState, Fault, Step, next};
use postrider_core::limits::IDEMPOTENCY_KEPT;
use postrider_core::request::SettingsRevision;
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::ShapeRevision;
use postrider_core::{DeliveryId, EventId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Statement, ToSql, params};
use uuid::Uuid;

use super::Sqlite;
use super::beginning::Beginning;
use super::behind::{self, Behind};
use super::following::{Aside, Following};
use super::order::{self, Place};
use super::rows::{self, StateColumns, micros, unreadable};
use super::search::postings::{NOTE_LATE, Postings, Whose};
use super::shapes::Unused;
use super::statistics::{Counting, Journal, gaps};
use super::tx::{Failure, Tx};
use crate::{
    AcceptBatch, AcceptOutcome, AcceptedEvent, Idempotency, NewEvent, Receipt, Settled, Settlement, StoreError, Waiting,
};

/// The hot path's statements, and the numbers that the next event and attempt get.
pub(super) struct Statements<'c> {
    pub begin: Statement<'c>,
    pub commit: Statement<'c>,
    pub add_tallies: Statement<'c>,
    insert_event: Statement<'c>,
    insert_delivery: Statement<'c>,
    insert_attempt: Statement<'c>,
    settle: Statement<'c>,
    next_event: i64,
    next_attempt: i64,
    /// Set back by the writer where a transaction fails.
    pub behind: Behind,
    /// These two are told by the writer what becomes of a transaction.
    pub journal: Journal,
    pub postings: Postings,
    /// By webhook: what the sweep has left to attempts under way since it began to go through what waits for the last time. Of a webhook that
    /// is not among them it is not known.
    pub spared: HashMap<i64, Vec<DeliveryId>>,
    /// What is not written any more.
    pub aside: Aside,
    pub unused_shapes: Unused,
}

/// As they stand in the statements below, for the test that prepares everything.
pub(super) const BEGIN: &str = "BEGIN IMMEDIATE";
const ADD_TALLIES: &str = "UPDATE webhook_tallies SET invocations = invocations + ?2, attempts = attempts + ?3, waiting = waiting + ?4 \
     WHERE webhook = ?1";
const INSERT_EVENT: &str = "INSERT INTO events (key, id, environment, event_key, tenant, user_id, application_id, \
     occurred_at, accepted_at, deliveries, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
const INSERT_DELIVERY: &str = "INSERT INTO deliveries (environment, id, event, webhook, state, due_at, ended_at, \
     reason, attempts, origin, resend_of, created_at, shape) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11, ?12)";
const INSERT_IN_ORDER: &str = "INSERT INTO deliveries (environment, id, event, webhook, state, due_at, ended_at, \
     reason, attempts, origin, resend_of, created_at, shape, order_key, order_place) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, ?10, ?11, ?12, ?13, ?14)";
const INSERT_ATTEMPT: &str = "INSERT INTO attempts (key, id, webhook, delivery, previous, number, started_at, status, \
     body_end, failure, message, url, address, dns_us, connect_us, tls_us, first_byte_us, total_us, headers, body, \
     settings_revision) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
const SETTLE: &str = "UPDATE deliveries SET state = ?3, due_at = ?4, fault = ?5, fault_since = ?10, ended_at = ?6, \
     reason = ?7, attempts = ?8, last_attempt = coalesce(?9, last_attempt), problem = ?11 \
     WHERE environment = ?1 AND id = ?2 AND state <= 1";
const LAST_ATTEMPT: &str = "SELECT last_attempt FROM deliveries WHERE environment = ?1 AND id = ?2";
const NOTE_LATE_ATTEMPT: &str = "UPDATE deliveries SET attempts = attempts + 1, last_attempt = ?3 \
     WHERE environment = ?1 AND id = ?2";
const STATE: &str = "SELECT state, due_at, fault, fault_since, ended_at, reason FROM deliveries \
     WHERE environment = ?1 AND id = ?2";
const FIND_KEY: &str = "SELECT body_hash, receipt, created_at FROM idempotency WHERE environment = ?1 AND key = ?2";
const KEEP_KEY: &str = "INSERT OR REPLACE INTO idempotency (environment, key, body_hash, receipt, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";
const INSERT_NOTES: &str = "INSERT INTO event_notes (event, notes) VALUES (?1, ?2)";

/// Another value than before: SQLite does not write a row again that stays the same.
const PROBE: &str = "INSERT INTO meta (name, value) VALUES ('probe', randomblob(8)) \
     ON CONFLICT (name) DO UPDATE SET value = excluded.value";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[
    BEGIN,
    ADD_TALLIES,
    INSERT_EVENT,
    INSERT_DELIVERY,
    INSERT_IN_ORDER,
    INSERT_ATTEMPT,
    SETTLE,
    LAST_ATTEMPT,
    NOTE_LATE_ATTEMPT,
    STATE,
    FIND_KEY,
    KEEP_KEY,
    INSERT_NOTES,
    PROBE,
];

impl<'c> Statements<'c> {
    pub(super) fn prepare(connection: &'c Connection, beginning: Beginning) -> rusqlite::Result<Self> {
        let Beginning { next_event, next_attempt, behind, journal, postings, aside } = beginning;
        Ok(Self {
            begin: connection.prepare(BEGIN)?,
            commit: connection.prepare("COMMIT")?,
            add_tallies: connection.prepare(ADD_TALLIES)?,
            insert_event: connection.prepare(INSERT_EVENT)?,
            insert_delivery: connection.prepare(INSERT_DELIVERY)?,
            insert_attempt: connection.prepare(INSERT_ATTEMPT)?,
            settle: connection.prepare(SETTLE)?,
            next_event,
            next_attempt,
            behind,
            journal,
            postings,
            spared: HashMap::new(),
            aside,
            unused_shapes: Unused::default(),
        })
    }

    /// Writes a delivery that is new. Final from birth where the state is. `place`: where it stands among those of its order key.
    pub(super) fn insert_delivery(
        &mut self,
        connection: &Connection,
        environment: i64,
        event: i64,
        webhook: i64,
        delivery: &postrider_core::delivery::Delivery,
        place: Option<Place>,
    ) -> rusqlite::Result<()> {
        if let Some(revision) = delivery.shape {
            self.unused_shapes.take(revision);
        }
        let state = StateColumns::from(&delivery.state);
        let id = delivery.id.as_bytes();
        let (origin, created_at) = (delivery.origin.name(), delivery.created_at.as_micros());
        let resend_of = delivery.resend_of.as_ref().map(DeliveryId::as_bytes);
        let shape = delivery.shape.map(ShapeRevision::get);
        let StateColumns { state, due_at, ended_at, reason, .. } = state;
        let columns = params![
            environment,
            id,
            event,
            webhook,
            state,
            due_at,
            ended_at,
            reason,
            origin,
            resend_of,
            created_at,
            shape
        ];
        match place {
            None => self.insert_delivery.execute(columns)?,
            Some(Place { key, number }) => {
                let (key, number): (&dyn ToSql, &dyn ToSql) = (&key.as_bytes(), &number);
                connection.prepare_cached(INSERT_IN_ORDER)?.execute(&*[columns, &[key, number]].concat())?
            }
        };
        self.behind.deliveries += 1;
        Ok(())
    }

    /// The number that the next event gets.
    pub(super) fn next_event(&self) -> i64 {
        self.next_event
    }

    /// Writes what was counted, and brings up to date what is written behind, where enough has gathered. `following`: the part that is
    /// under way.
    pub(super) fn follow(
        &mut self,
        connection: &Connection,
        counting: Counting,
        now: Timestamp,
        following: &mut Option<Following>,
    ) -> rusqlite::Result<()> {
        let (last_event, last_attempt) = (self.next_event - 1, self.next_attempt - 1);
        if self.aside.has(Following::Statistics) {
            if !counting.is_empty() && !self.aside.has(Following::Gaps) {
                *following = Some(Following::Gaps);
                gaps::begin(connection, now)?;
            }
        } else {
            *following = Some(Following::Statistics);
            self.journal.write(connection, counting, now)?;
        }
        if !self.aside.has(Following::Indexes) {
            *following = Some(Following::Indexes);
            self.behind.catch_up(connection, last_event, last_attempt)?;
        }
        if !self.aside.has(Following::Segments) {
            *following = Some(Following::Segments);
            self.postings.catch_up(connection, last_event)?;
        }
        Ok(())
    }

    /// Has a part of what follows from every commit not written any more; false where it was not written anyway.
    pub(super) fn set_aside(&mut self, part: Following) -> bool {
        if part == Following::Segments {
            self.postings.set_aside();
        }
        self.aside.put(part)
    }

    /// Brings the index of deliveries up to date, however little has gathered.
    pub(super) fn index_deliveries(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.behind.index_deliveries(connection, self.next_event - 1)
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self, now: Timestamp) {
        self.journal.committed(now);
        self.postings.committed();
    }

    /// Nothing of the transaction has happened.
    pub(super) fn rolled_back(&mut self) {
        self.journal.rolled_back();
        self.postings.rolled_back();
        self.spared.clear();
    }

    /// Writes a delivery of an event that was accepted before: the index may have passed that event already.
    pub(super) fn insert_late_delivery(
        &mut self,
        connection: &Connection,
        environment: i64,
        event: i64,
        webhook: i64,
        delivery: &postrider_core::delivery::Delivery,
        place: Option<Place>,
    ) -> rusqlite::Result<()> {
        self.insert_delivery(connection, environment, event, webhook, delivery, place)?;
        connection.prepare_cached(NOTE_LATE)?.execute((environment, delivery.id.as_bytes()))?;
        if event <= self.behind.event_mark {
            self.behind.deliveries -= 1;
            connection.prepare_cached(behind::INDEX_DELIVERY)?.execute((webhook, delivery.id.as_bytes()))?;
        }
        Ok(())
    }

    fn insert_attempt(
        &mut self,
        key: i64,
        webhook: i64,
        previous: Option<i64>,
        attempt: &Attempt,
    ) -> Result<(), Failure> {
        let (status, body_end, headers, body, failure, message) = match &attempt.result {
            AttemptResult::Answered { status, headers, body, body_end } => {
                (Some(*status), Some(body_end.name()), Some(headers.as_json()), Some(&body[..]), None, None)
            }
            AttemptResult::Failed { kind, message } => (None, None, None, None, Some(kind.name()), Some(&message[..])),
        };
        let timings = &attempt.timings;
        self.insert_attempt.execute(params![
            key,
            attempt.id.as_bytes(),
            webhook,
            attempt.delivery_id.as_bytes(),
            previous,
            attempt.number,
            attempt.started_at.as_micros(),
            status,
            body_end,
            failure,
            message,
            attempt.url,
            attempt.remote_address.map(|a| a.to_string()),
            timings.dns.map(micros),
            timings.connect.map(micros),
            timings.tls.map(micros),
            timings.first_byte.map(micros),
            micros(timings.total),
            headers,
            body,
            attempt.settings.map(SettingsRevision::get),
        ])?;
        self.behind.attempts += 1;
        Ok(())
    }
}

/// Writes a batch of events with their deliveries, unless its idempotency key was used before. For a batch without events something is
/// written, too, so that its answer tells whether anything can be.
pub(super) fn accept(tx: &mut Tx<'_, '_>, batch: &AcceptBatch) -> Result<AcceptOutcome, Failure> {
    if batch.events.is_empty() {
        tx.prepare(PROBE)?.execute([])?;
    }
    if let Some(idempotency) = &batch.idempotency
        && let Some(outcome) = earlier_outcome(tx, idempotency)?
    {
        return Ok(outcome);
    }
    let mut receipt = Receipt::with_capacity(batch.events.len());
    for new in &batch.events {
        let deliveries = accept_event(tx, new)?;
        receipt.push((new.event.id, deliveries));
    }
    if let Some(idempotency) = &batch.idempotency {
        let environment = tx.environment_key(idempotency.environment_id)?;
        tx.prepare(KEEP_KEY)?.execute(params![
            environment,
            idempotency.key,
            idempotency.body_hash,
            encode_receipt(&receipt),
            tx.now.as_micros(),
        ])?;
    }
    Ok(AcceptOutcome::Accepted(receipt))
}

fn accept_event(tx: &mut Tx<'_, '_>, new: &NewEvent) -> Result<u32, Failure> {
    use postrider_core::delivery::{Delivery, Origin};

    let event = &new.event;
    let environment = tx.environment_key(event.environment_id)?;
    let count = u32::try_from(new.deliveries.len()).unwrap_or(u32::MAX);
    let key = tx.hot.next_event;
    tx.hot.next_event += 1;
    tx.hot.insert_event.execute(params![
        key,
        event.id.as_bytes(),
        environment,
        event.key.as_str(),
        event.tenant_id.as_ref().map(postrider_core::event::TenantId::as_str),
        event.user_id.as_ref().map(postrider_core::event::UserId::as_str),
        event.application_id.as_ref().map(postrider_core::event::ApplicationId::as_str),
        event.occurred_at.map(Timestamp::as_micros),
        event.accepted_at.as_micros(),
        count,
        &event.body[..],
    ])?;
    tx.counting.of(environment, None, event.tenant_id.as_ref(), &event.key).events += 1;
    let whose = Whose { environment, tenant: event.tenant_id.as_ref(), event_key: &event.key };
    tx.hot.postings.event(whose, *event.id.as_bytes());
    if let Some(notes) = &new.notes {
        let notes = serde_json::to_string(notes).map_err(|_| unreadable("notes"))?;
        tx.prepare(INSERT_NOTES)?.execute((key, notes))?;
    }
    let (mut waiting, mut discarded) = (Vec::with_capacity(new.deliveries.len()), Vec::new());
    let now = tx.now;
    for to in &new.deliveries {
        let touched = tx.webhook(to.webhook.id)?;
        let webhook = touched.key;
        let mut shape = None;
        let (place, state) = if let Some(reason) = touched.refuses(to.id) {
            discarded.push((to.id, to.webhook.id));
            (None, DeliveryState::Discarded { at: now, reason })
        } else {
            touched.invocations += 1;
            touched.waiting += 1;
            shape = touched.shape();
            match to.order_key {
                None => {
                    waiting.push((to.id, to.webhook.id, shape));
                    (None, DeliveryState::Pending { due_at: event.accepted_at, fault: None })
                }
                Some(key) => {
                    let (place, state) = order::join(tx, webhook, key, event.accepted_at)?;
                    (Some(place), state)
                }
            }
        };
        let delivery = Delivery {
            id: to.id,
            event_id: event.id,
            webhook_id: to.webhook.id,
            environment_id: event.environment_id,
            tenant_id: place.and_then(|_| event.tenant_id.clone()),
            origin: Origin::Event,
            resend_of: None,
            order_key: place.map(|place| place.key),
            state,
            attempts: 0,
            shape,
            problem: None,
            created_at: event.accepted_at,
        };
        tx.hot.insert_delivery(tx.connection, environment, key, webhook, &delivery, place)?;
        tx.made(environment, event, &delivery);
        if place.is_some() && state.due_at().is_some() {
            tx.commit.in_turn.push(Waiting { delivery, event: Arc::clone(event) });
        }
    }
    tx.commit.accepted.push(AcceptedEvent { event: Arc::clone(event), waiting, discarded, deliveries: count });
    Ok(count)
}

/// What the first use of the key came to; none where there was none, or it is forgotten by now.
fn earlier_outcome(tx: &mut Tx<'_, '_>, idempotency: &Idempotency) -> Result<Option<AcceptOutcome>, Failure> {
    let (environment, now) = (tx.environment_key(idempotency.environment_id)?, tx.now);
    Ok(outcome_of_key(&mut *tx.prepare(FIND_KEY)?, environment, idempotency, now)?)
}

impl Sqlite {
    /// What the first use of a key came to, without a wait for the writer.
    pub(crate) async fn earlier_outcome(
        &self,
        idempotency: Idempotency,
        now: Timestamp,
    ) -> Result<Option<AcceptOutcome>, StoreError> {
        self.api
            .read(move |connection| {
                let Some(environment) = rows::environment_key(connection, idempotency.environment_id)? else {
                    return Ok(None);
                };
                outcome_of_key(&mut *connection.prepare_cached(FIND_KEY)?, environment, &idempotency, now)
            })
            .await
    }
}

fn outcome_of_key(
    statement: &mut Statement<'_>,
    environment: i64,
    idempotency: &Idempotency,
    now: Timestamp,
) -> rusqlite::Result<Option<AcceptOutcome>> {
    let found = statement
        .query_row((environment, &idempotency.key), |row| {
            let receipt = decode_receipt(row.get_ref(1)?.as_blob().map_err(|_| unreadable("receipt"))?);
            Ok((row.get::<_, [u8; 32]>(0)?, receipt, Timestamp::from_micros(row.get(2)?)))
        })
        .optional()?;
    Ok(match found {
        Some((_, _, at)) if at + IDEMPOTENCY_KEPT <= now => None,
        Some((hash, receipt, _)) if hash == idempotency.body_hash => Some(AcceptOutcome::Repeated(receipt)),
        Some(_) => Some(AcceptOutcome::KeyReused),
        None => None,
    })
}

fn encode_receipt(receipt: &Receipt) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(receipt.len() * 20);
    for (event, deliveries) in receipt {
        bytes.extend_from_slice(event.as_bytes());
        bytes.extend_from_slice(&deliveries.to_le_bytes());
    }
    bytes
}

fn decode_receipt(bytes: &[u8]) -> Receipt {
    let (entries, _) = bytes.as_chunks::<20>();
    let entry = |entry: &[u8; 20]| {
        let (id, deliveries) = entry.split_first_chunk::<16>()?;
        let deliveries = u32::from_le_bytes(deliveries.try_into().ok()?);
        Some((EventId::from_uuid(Uuid::from_bytes(*id)), deliveries))
    };
    entries.iter().filter_map(entry).collect()
}

/// Writes what an attempt, or a fault of our own, makes of a delivery. What had ended before stays so; its late attempt is logged.
pub(super) fn settle(tx: &mut Tx<'_, '_>, settlement: &Settlement) -> Result<(), Failure> {
    let environment = tx.environment_key(settlement.environment_id)?;
    let id = settlement.delivery;
    let step = &settlement.step;
    let now = tx.now;
    let touched = tx.webhook(settlement.webhook_id)?;
    let webhook = touched.key;
    let mut state = step.state;
    if !state.is_final()
        && let Some(reason) = touched.refuses(id)
    {
        state = DeliveryState::Discarded { at: now, reason };
    }
    let mut previous = None;
    if let Some(attempt) = &settlement.attempt
        && attempt.number > 1
    {
        let mut statement = tx.prepare(LAST_ATTEMPT)?;
        previous = statement.query_row((environment, id.as_bytes()), |row| row.get(0)).optional()?.flatten();
    }
    let key = settlement.attempt.as_ref().map(|_| tx.hot.next_attempt);
    let columns = StateColumns::from(&state);
    let changed = tx.hot.settle.execute(params![
        environment,
        id.as_bytes(),
        columns.state,
        columns.due_at,
        columns.fault,
        columns.ended_at,
        columns.reason,
        step.attempts,
        key,
        columns.fault_since,
        settlement.problem.as_ref().filter(|_| matches!(state, DeliveryState::Failed { .. })),
    ])?;
    let in_time = changed == 1;
    if !in_time {
        let Some(ended) = late(tx, environment, settlement, key, &mut previous)? else {
            tracing::warn!(delivery.id = %id, "a delivery that is no longer stored was settled");
            tx.commit.settled.push(Settled { delivery: id, webhook_id: settlement.webhook_id, state, ended: false });
            return Ok(());
        };
        state = ended;
    }
    if let (Some(attempt), Some(key)) = (&settlement.attempt, key) {
        tx.hot.next_attempt += 1;
        tx.hot.insert_attempt(key, webhook, previous, attempt)?;
        tx.webhook(settlement.webhook_id)?.attempts += 1;
    }
    let ended = in_time && state.is_final();
    if settlement.attempt.is_some() || ended {
        let event = &settlement.event;
        let webhook = Some(settlement.webhook_id);
        let counts = tx.counting.of(environment, webhook, event.tenant_id.as_ref(), &event.key);
        if let Some(attempt) = &settlement.attempt {
            counts.attempted(attempt);
        }
        if ended {
            counts.ended(&state, id.made_at());
            tx.webhook(settlement.webhook_id)?.waiting -= 1;
        }
    }
    if in_time {
        let asked = settlement.attempt.as_ref().map(|attempt| &attempt.url[..]);
        tx.judge(settlement.webhook_id, asked, step.verdict)?;
        if let Some(key) = settlement.order_key
            && state.is_final()
        {
            order::let_next_go(tx, environment, settlement.webhook_id, key)?;
        }
    }
    tx.commit.settled.push(Settled { delivery: id, webhook_id: settlement.webhook_id, state, ended });
    Ok(())
}

/// Lets a delivery wait whose settlement the database refuses: a fault of ours, which ends it if it does not pass.
pub(super) fn put_off(tx: &mut Tx<'_, '_>, refused: &Settlement) -> Result<(), Failure> {
    let environment = tx.environment_key(refused.environment_id)?;
    let mut statement = tx.prepare(STATE)?;
    let state = statement.query_row((environment, refused.delivery.as_bytes()), rows::state).optional()?;
    let step = step_of_refused(refused, state.and_then(|state| state.fault()), tx.now);
    settle(tx, &Settlement { attempt: None, problem: None, step, ..refused.clone() })
}

/// What follows from a refused settlement. Its attempt does not count, as it cannot be recorded.
pub(super) fn step_of_refused(refused: &Settlement, fault: Option<Fault>, now: Timestamp) -> Step {
    let before = refused.step.attempts - u32::from(refused.attempt.is_some());
    next(before, fault, &Outcome::Ours(OurFault::Store), &RetryPolicy::default(), now, 0.0)
}

/// The delivery had ended already: it keeps its state, and counts the attempt. None where it is not stored any more.
fn late(
    tx: &mut Tx<'_, '_>,
    environment: i64,
    settlement: &Settlement,
    attempt: Option<i64>,
    previous: &mut Option<i64>,
) -> Result<Option<DeliveryState>, Failure> {
    let id = settlement.delivery;
    let mut statement = tx.prepare(STATE)?;
    let state = statement.query_row((environment, id.as_bytes()), rows::state).optional()?;
    if let (Some(_), Some(attempt)) = (&state, attempt) {
        let mut statement = tx.prepare(LAST_ATTEMPT)?;
        *previous = statement.query_row((environment, id.as_bytes()), |row| row.get(0))?;
        tx.prepare(NOTE_LATE_ATTEMPT)?.execute((environment, id.as_bytes(), attempt))?;
    }
    Ok(state)
}
