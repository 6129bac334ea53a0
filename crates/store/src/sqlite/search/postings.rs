//! Postings: the ids of the deliveries and events of each tenant and event type, written behind in segments.
//!
//! Successive rows are of any tenant, so an index by tenant would touch a page for nearly each row; with thousands of tenants one
//! that is written behind by tenant would, too. So the ids are gathered, sorted by what they have in common, and added as a segment
//! at the end of one table. Who reads looks into one segment after the other, and besides at what is in none yet.
//!
//! Invariants: segments and what lies beyond the last one are complete together in every snapshot, and that is short. What is in a
//! segment and not in its table any more has expired. Numbers of events that a segment has passed are not given again.

use std::hash::Hasher as _;

use postrider_core::event::{EventKey, TenantId};
use rusqlite::{Connection, OptionalExtension as _, Row};
use siphasher::sip::SipHasher13;

use crate::sqlite::Sqlite;
use crate::sqlite::rows::{Result, event_key, limit, tenant};
use crate::sqlite::tx::{Failure, Tx};
use crate::{StoreError, Upkeep};

/// Postings of a segment, about: readers look at so many that are in none yet.
const SEGMENT: usize = 8_192;
/// Events that are read at once when a database is opened that lacks segments.
const EVENTS_READ: usize = 1_024;

pub(in crate::sqlite) const NEWEST: &str = "SELECT segment, last_event, reach_of_deliveries, reach_of_events \
     FROM segments ORDER BY segment DESC LIMIT 1";
pub(in crate::sqlite) const INSERT_SEGMENT: &str = "INSERT INTO segments (segment, last_event, first_delivery, \
     first_event, reach_of_deliveries, reach_of_events) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(in crate::sqlite) const INSERT_POSTINGS: &str = "INSERT INTO postings (segment, subject, ids) VALUES (?1, ?2, ?3)";
pub(in crate::sqlite) const NUMBERING: &str = "SELECT value FROM meta WHERE name = 'postings_key'";
pub(in crate::sqlite) const NOTE_LATE: &str = "INSERT INTO late_deliveries (environment, id) VALUES (?1, ?2)";
pub(in crate::sqlite) const FORGET_LATE: &str = "DELETE FROM late_deliveries";
/// What is in no segment yet.
pub(in crate::sqlite) const NEW_EVENTS: &str = "SELECT key, environment, id, tenant, event_key FROM events \
     WHERE key > ?1 ORDER BY key LIMIT ?2";
pub(in crate::sqlite) const OF_EVENT: &str = "SELECT id FROM deliveries WHERE event = ?1";
pub(in crate::sqlite) const LATE: &str = "SELECT l.environment, l.id, e.tenant, e.event_key FROM late_deliveries AS l \
     CROSS JOIN deliveries AS d ON d.environment = l.environment AND d.id = l.id \
     CROSS JOIN events AS e ON e.key = d.event";
pub(in crate::sqlite) const OLDEST: &str = "SELECT segment FROM segments WHERE last_event < \
     (SELECT min(key) FROM events) AND segment < (SELECT max(segment) FROM segments) ORDER BY segment LIMIT 1";
pub(in crate::sqlite) const DELETE_POSTINGS: &str = "DELETE FROM postings WHERE segment = ?1";
pub(in crate::sqlite) const DELETE_SEGMENT: &str = "DELETE FROM segments WHERE segment = ?1";

impl Sqlite {
    pub(crate) async fn postings_bite(&self) -> std::result::Result<Upkeep, StoreError> {
        self.change(bite).await
    }
}

/// Deletes a segment of which all events have expired, and with them all deliveries.
fn bite(tx: &mut Tx<'_, '_>) -> std::result::Result<Upkeep, Failure> {
    let oldest: Option<i64> = tx.prepare(OLDEST)?.query_row([], |row| row.get(0)).optional()?;
    let Some(oldest) = oldest else { return Ok(Upkeep::Done) };
    tx.prepare(DELETE_POSTINGS)?.execute([oldest])?;
    tx.prepare(DELETE_SEGMENT)?.execute([oldest])?;
    Ok(Upkeep::More)
}

/// What ids are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sqlite) enum Of {
    Deliveries,
    Events,
}

/// What the ids of a list have in common, as a number that stays the same. Two can have the same number, though nobody can choose them
/// so: rows are looked at besides. Lists of deliveries and of events never have the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sqlite) struct Subject {
    number: i64,
    of: Of,
}

impl Subject {
    pub(super) fn number(self) -> i64 {
        self.number
    }

    pub(super) fn of(self) -> Of {
        self.of
    }
}

/// How subjects get their numbers: by a hash with a key that the database keeps, since tenants and event types are chosen by others.
#[derive(Clone, Copy)]
pub(in crate::sqlite) struct Numbering {
    key: [u8; 16],
}

impl std::fmt::Debug for Numbering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Numbering").finish_non_exhaustive()
    }
}

impl Numbering {
    pub(in crate::sqlite) fn read(connection: &Connection) -> Result<Self> {
        Ok(Self { key: connection.prepare_cached(NUMBERING)?.query_row([], |row| row.get(0))? })
    }

    pub(in crate::sqlite) fn tenant(&self, of: Of, environment: i64, tenant: &TenantId) -> Subject {
        self.subject(of, 0, environment, tenant.as_str())
    }

    pub(in crate::sqlite) fn event_type(&self, of: Of, environment: i64, key: &EventKey) -> Subject {
        self.subject(of, 1, environment, key.as_str())
    }

    fn subject(&self, of: Of, kind: u8, environment: i64, text: &str) -> Subject {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&[kind]);
        hasher.write(&environment.to_le_bytes());
        hasher.write(text.as_bytes());
        let number = (hasher.finish() & !1) | of as u64;
        Subject { number: number.cast_signed(), of }
    }
}

/// Whom a row is of.
#[derive(Debug, Clone, Copy)]
pub(in crate::sqlite) struct Whose<'a> {
    pub(in crate::sqlite) environment: i64,
    pub(in crate::sqlite) tenant: Option<&'a TenantId>,
    pub(in crate::sqlite) event_key: &'a EventKey,
}

impl Whose<'_> {
    pub(super) fn subjects(self, numbering: Numbering, of: Of) -> impl Iterator<Item = Subject> {
        let tenant = self.tenant.map(|tenant| numbering.tenant(of, self.environment, tenant));
        [numbering.event_type(of, self.environment, self.event_key)].into_iter().chain(tenant)
    }

    fn is(self, numbering: Numbering, subject: Subject) -> bool {
        self.subjects(numbering, subject.of).any(|other| other == subject)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Posting {
    subject: Subject,
    id: [u8; 16],
}

/// The greatest ids of deliveries and of events so far.
#[derive(Debug, Clone, Copy)]
struct Reach([[u8; 16]; 2]);

/// What the writer has gathered for the next segment.
#[derive(Debug)]
pub(in crate::sqlite) struct Postings {
    numbering: Numbering,
    gathered: Vec<Posting>,
    /// How many of them are committed.
    committed: usize,
    /// The number and the reach of the newest segment.
    newest: (i64, Reach),
    /// The same of the one that the transaction under way has written.
    written: Option<(i64, Reach)>,
    /// Nothing more is gathered: the next start does it again.
    is_aside: bool,
}

impl Postings {
    /// Set aside, as nothing can be read.
    pub(in crate::sqlite) fn aside(numbering: Numbering) -> Self {
        let newest = (0, Reach([[0; 16]; 2]));
        Self { numbering, gathered: Vec::new(), committed: 0, newest, written: None, is_aside: true }
    }

    /// As the last server left it. Of a database that lacks segments they are written, each in a transaction of its own.
    pub(in crate::sqlite) fn read(connection: &Connection, numbering: Numbering) -> Result<Self> {
        let newest = connection
            .query_row(NEWEST, [], |row| Ok((row.get(0)?, row.get(1)?, Reach([row.get(2)?, row.get(3)?]))))
            .optional()?;
        let (segment, mut mark, reach): (i64, i64, _) = newest.unwrap_or((0, 0, Reach([[0; 16]; 2])));
        let newest = (segment, reach);
        let mut postings =
            Self { numbering, gathered: Vec::new(), committed: 0, newest, written: None, is_aside: false };
        late(connection, |whose, id| postings.delivery(whose, id))?;
        loop {
            let before = mark;
            let count = events_after(connection, before, EVENTS_READ, |key, whose, id| {
                postings.event(whose, id);
                mark = key;
                deliveries_of(connection, key, |id| postings.delivery(whose, id))
            })?;
            if postings.gathered.len() >= SEGMENT {
                connection.execute_batch("BEGIN IMMEDIATE")?;
                postings.write(connection, mark)?;
                connection.execute_batch("COMMIT")?;
            }
            postings.committed();
            if count < EVENTS_READ {
                return Ok(postings);
            }
        }
    }

    pub(in crate::sqlite) fn event(&mut self, whose: Whose<'_>, id: [u8; 16]) {
        self.gather(whose, Of::Events, id);
    }

    pub(in crate::sqlite) fn delivery(&mut self, whose: Whose<'_>, id: [u8; 16]) {
        self.gather(whose, Of::Deliveries, id);
    }

    fn gather(&mut self, whose: Whose<'_>, of: Of, id: [u8; 16]) {
        if !self.is_aside {
            self.gathered.extend(whose.subjects(self.numbering, of).map(|subject| Posting { subject, id }));
        }
    }

    /// Writes no segments any more: what is in none stays to be read row by row until the next start writes them.
    pub(in crate::sqlite) fn set_aside(&mut self) {
        self.is_aside = true;
        self.gathered = Vec::new();
        self.committed = 0;
    }

    /// Writes a segment where enough has gathered. `last_event` is the newest of all.
    pub(in crate::sqlite) fn catch_up(&mut self, connection: &Connection, last_event: i64) -> Result<()> {
        if self.gathered.len() < SEGMENT {
            return Ok(());
        }
        self.write(connection, last_event)
    }

    fn write(&mut self, connection: &Connection, last_event: i64) -> Result<()> {
        let (segment, Reach(mut reach)) = (self.newest.0 + 1, self.newest.1);
        let mut first = [[0xff; 16]; 2];
        let mut sorted = self.gathered.clone();
        sorted.sort_unstable();
        // A delivery that was made late, of an event that is in no segment yet, is found twice when a database is opened.
        sorted.dedup();
        let mut insert = connection.prepare_cached(INSERT_POSTINGS)?;
        for list in sorted.chunk_by(|a, b| a.subject == b.subject) {
            let ids: Vec<u8> = list.iter().flat_map(|posting| posting.id).collect();
            let subject = list[0].subject;
            insert.execute((segment, subject.number, ids))?;
            let of = subject.of as usize;
            first[of] = first[of].min(list[0].id);
            reach[of] = reach[of].max(list[list.len() - 1].id);
        }
        connection
            .prepare_cached(INSERT_SEGMENT)?
            .execute((segment, last_event, first[0], first[1], reach[0], reach[1]))?;
        connection.prepare_cached(FORGET_LATE)?.execute([])?;
        self.written = Some((segment, Reach(reach)));
        Ok(())
    }

    /// The transaction is committed.
    pub(in crate::sqlite) fn committed(&mut self) {
        if let Some(newest) = self.written.take() {
            self.newest = newest;
            self.gathered.clear();
        }
        self.committed = self.gathered.len();
    }

    /// Nothing of the transaction has happened.
    pub(in crate::sqlite) fn rolled_back(&mut self) {
        self.written = None;
        self.gathered.truncate(self.committed);
    }
}

/// The events after one, in order. Returns how many.
fn events_after(
    connection: &Connection,
    after: i64,
    most: usize,
    mut take: impl FnMut(i64, Whose<'_>, [u8; 16]) -> Result<()>,
) -> Result<usize> {
    let mut statement = connection.prepare_cached(NEW_EVENTS)?;
    let mut rows = statement.query((after, limit(most)))?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        whose(row, |whose| take(row.get("key")?, whose, row.get("id")?))?;
        count += 1;
    }
    Ok(count)
}

fn deliveries_of(connection: &Connection, event: i64, mut take: impl FnMut([u8; 16])) -> Result<()> {
    let mut statement = connection.prepare_cached(OF_EVENT)?;
    for id in statement.query_map([event], |row| row.get(0))? {
        take(id?);
    }
    Ok(())
}

/// The deliveries in no segment yet that were made later than their events.
fn late(connection: &Connection, mut take: impl FnMut(Whose<'_>, [u8; 16])) -> Result<()> {
    let mut statement = connection.prepare_cached(LATE)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        whose(row, |whose| {
            take(whose, row.get("id")?);
            Ok(())
        })?;
    }
    Ok(())
}

pub(super) fn whose<T>(row: &Row<'_>, take: impl FnOnce(Whose<'_>) -> Result<T>) -> Result<T> {
    let (tenant, event_key) = (tenant(row, "tenant")?, event_key(row)?);
    take(Whose { environment: row.get("environment")?, tenant: tenant.as_ref(), event_key: &event_key })
}

/// The ids of a subject that are in no segment yet.
pub(super) fn tail(connection: &Connection, subject: Subject) -> Result<Vec<[u8; 16]>> {
    let newest = connection.prepare_cached(NEWEST)?.query_row([], |row| row.get("last_event")).optional()?;
    let numbering = Numbering::read(connection)?;
    let mut ids = Vec::new();
    events_after(connection, newest.unwrap_or(0), usize::MAX, |key, whose, id| {
        match subject.of {
            _ if !whose.is(numbering, subject) => {}
            Of::Events => ids.push(id),
            Of::Deliveries => deliveries_of(connection, key, |id| ids.push(id))?,
        }
        Ok(())
    })?;
    if subject.of == Of::Deliveries {
        late(connection, |whose, id| {
            if whose.is(numbering, subject) {
                ids.push(id);
            }
        })?;
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_depend_on_the_key_and_differ_for_deliveries_and_events() {
        let (one, other) = (Numbering { key: [1; 16] }, Numbering { key: [2; 16] });
        for text in ["acme", "globex", "initech"] {
            let tenant = TenantId::parse(text).unwrap();
            let subject = one.tenant(Of::Deliveries, 1, &tenant);
            assert_eq!(subject, one.tenant(Of::Deliveries, 1, &tenant));
            assert_ne!(subject.number(), other.tenant(Of::Deliveries, 1, &tenant).number());
            assert_ne!(subject.number(), one.tenant(Of::Deliveries, 2, &tenant).number());
            assert_eq!((subject.number() & 1, one.tenant(Of::Events, 1, &tenant).number() & 1), (0, 1));
        }
    }
}
