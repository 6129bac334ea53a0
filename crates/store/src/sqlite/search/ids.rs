//! Lists of ids, newest first, and what several of them share.
//!
//! A list is asked for its greatest id up to some id, again and again, downwards. Where several lists are to agree, each is asked for
//! the id that the one before has named, until all name the same: rows that only some of them have are passed over without being
//! looked at.

use std::collections::VecDeque;

use postrider_core::limits::PAGE_IDS_SEEN;
use rusqlite::Connection;

use super::oldest;
use super::postings::{Of, Subject, tail};
use crate::sqlite::rows::{Result, limit, unreadable};

/// Ids that are read at once.
const CHUNK: usize = 512;
/// Segments that are looked into at once.
const SEGMENTS_READ: usize = 32;

pub(in crate::sqlite) const OF_WEBHOOK: &str = "SELECT delivery FROM deliveries_of_webhooks \
     WHERE webhook = ?1 AND delivery >= ?2 AND delivery <= ?3 ORDER BY delivery DESC LIMIT ?4";
pub(in crate::sqlite) const OF_STATE: &str = "SELECT id FROM deliveries WHERE environment = ?1 AND state = ?5 \
     AND (state = 1 OR state >= 3) AND id >= ?2 AND id <= ?3 ORDER BY id DESC LIMIT ?4";
pub(in crate::sqlite) const OF_JOB: &str = "SELECT delivery FROM job_deliveries \
     WHERE job = ?1 AND delivery >= ?2 AND delivery <= ?3 ORDER BY delivery DESC LIMIT ?4";
pub(in crate::sqlite) const SEGMENTS: &str = "SELECT s.segment, s.first_delivery, s.first_event, \
     s.reach_of_deliveries, s.reach_of_events, p.ids FROM segments AS s LEFT JOIN postings AS p \
     ON p.segment = s.segment AND p.subject = ?1 WHERE s.segment < ?2 ORDER BY s.segment DESC LIMIT ?3";

/// A list of ids within a range.
pub(in crate::sqlite) enum Ids<'c> {
    Index(Index<'c>),
    /// Ascending.
    Given(Vec<u128>),
    Posted(Posted<'c>),
    /// Whatever any of them has.
    Any(Vec<Self>),
}

impl<'c> Ids<'c> {
    /// The deliveries of a webhook. `tail`: those that its index lacks.
    pub(in crate::sqlite) fn of_webhook(
        connection: &'c Connection,
        webhook: i64,
        mut tail: Vec<u128>,
        from: u128,
    ) -> Self {
        tail.sort_unstable();
        let index = Index::new(connection, OF_WEBHOOK, webhook, None, from);
        Self::Any(vec![Self::Index(index), Self::Given(tail)])
    }

    /// Deliveries in a state that has an index: retrying, failed or discarded.
    pub(in crate::sqlite) fn of_state(connection: &'c Connection, environment: i64, state: u8, from: u128) -> Self {
        Self::Index(Index::new(connection, OF_STATE, environment, Some(state), from))
    }

    /// The deliveries that a job has made.
    pub(in crate::sqlite) fn of_job(connection: &'c Connection, job: i64, from: u128) -> Self {
        Self::Index(Index::new(connection, OF_JOB, job, None, from))
    }

    /// What is of a tenant or an event type of an environment.
    pub(in crate::sqlite) fn of_subject(
        connection: &'c Connection,
        environment: i64,
        subject: Subject,
        from: u128,
    ) -> Result<Self> {
        let from = from.max(oldest(connection, subject.of(), environment)?);
        let mut pool: Vec<_> = tail(connection, subject)?.into_iter().map(u128::from_be_bytes).collect();
        pool.retain(|id| *id >= from);
        pool.sort_unstable();
        pool.dedup();
        let unread = VecDeque::new();
        Ok(Self::Posted(Posted { connection, subject, from, pool, unread, before: i64::MAX, is_over: false }))
    }

    /// The greatest id up to that one, which is no greater than any asked for before.
    fn up_to(&mut self, most: u128) -> Result<Option<u128>> {
        match self {
            Self::Index(index) => index.up_to(most),
            Self::Posted(posted) => posted.up_to(most),
            Self::Given(ids) => {
                ids.truncate(ids.partition_point(|id| *id <= most));
                Ok(ids.last().copied())
            }
            Self::Any(lists) => {
                let mut greatest = None;
                for list in lists {
                    greatest = greatest.max(list.up_to(most)?);
                }
                Ok(greatest)
            }
        }
    }
}

/// The ids of an index of SQLite's, or of one that is written as a table.
pub(in crate::sqlite) struct Index<'c> {
    connection: &'c Connection,
    sql: &'static str,
    entry: i64,
    state: Option<u8>,
    from: u128,
    /// Ascending.
    read: Vec<u128>,
    is_over: bool,
}

impl<'c> Index<'c> {
    fn new(connection: &'c Connection, sql: &'static str, entry: i64, state: Option<u8>, from: u128) -> Self {
        Self { connection, sql, entry, state, from, read: Vec::new(), is_over: false }
    }

    fn up_to(&mut self, most: u128) -> Result<Option<u128>> {
        self.read.truncate(self.read.partition_point(|id| *id <= most));
        if self.read.is_empty() && !self.is_over {
            let mut statement = self.connection.prepare_cached(self.sql)?;
            let (from, most) = (self.from.to_be_bytes(), most.to_be_bytes());
            let read = |row: &rusqlite::Row<'_>| Ok(u128::from_be_bytes(row.get(0)?));
            self.read = match self.state {
                Some(state) => {
                    statement.query_map((self.entry, from, most, limit(CHUNK), state), read)?.collect::<Result<_>>()?
                }
                None => statement.query_map((self.entry, from, most, limit(CHUNK)), read)?.collect::<Result<_>>()?,
            };
            self.is_over = self.read.len() < CHUNK;
            self.read.reverse();
        }
        Ok(self.read.last().copied())
    }
}

/// The ids of a subject in the segments, and beyond them.
pub(in crate::sqlite) struct Posted<'c> {
    connection: &'c Connection,
    subject: Subject,
    from: u128,
    /// Those that were read, ascending. Segments overlap a little, so only those are certain that no unread segment reaches.
    pool: Vec<u128>,
    unread: VecDeque<Segment>,
    /// The last segment that was asked for.
    before: i64,
    is_over: bool,
}

struct Segment {
    first: u128,
    reach: u128,
    ids: Vec<u8>,
}

impl Posted<'_> {
    fn up_to(&mut self, most: u128) -> Result<Option<u128>> {
        loop {
            self.pool.truncate(self.pool.partition_point(|id| *id <= most));
            let best = self.pool.last().copied();
            if self.unread.is_empty() && !self.is_over {
                self.read_segments()?;
            }
            let Some(segment) = self.unread.front() else { return Ok(best) };
            if segment.reach < self.from || best.is_some_and(|best| best > segment.reach) {
                return Ok(best);
            }
            if segment.first <= most {
                let (ids, _) = segment.ids.as_chunks::<16>();
                let within = self.from..=most;
                self.pool.extend(ids.iter().map(|id| u128::from_be_bytes(*id)).filter(|id| within.contains(id)));
                self.pool.sort_unstable();
                self.pool.dedup();
            }
            self.unread.pop_front();
        }
    }

    fn read_segments(&mut self) -> Result<()> {
        let (first, reach) = match self.subject.of() {
            Of::Deliveries => ("first_delivery", "reach_of_deliveries"),
            Of::Events => ("first_event", "reach_of_events"),
        };
        let mut statement = self.connection.prepare_cached(SEGMENTS)?;
        let mut rows = statement.query((self.subject.number(), self.before, limit(SEGMENTS_READ)))?;
        while let Some(row) = rows.next()? {
            let ids = row.get_ref("ids")?.as_blob_or_null().map_err(|_| unreadable("ids"))?;
            self.unread.push_back(Segment {
                first: u128::from_be_bytes(row.get(first)?),
                reach: u128::from_be_bytes(row.get(reach)?),
                ids: ids.unwrap_or_default().to_vec(),
            });
            self.before = row.get("segment")?;
        }
        self.is_over = self.unread.len() < SEGMENTS_READ;
        Ok(())
    }
}

/// What all of some lists have, newest first.
pub(in crate::sqlite) struct Common<'c> {
    lists: Vec<Ids<'c>>,
    /// Those below it are left.
    below: u128,
    /// How many more ids may be looked at.
    left: usize,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) enum Next {
    /// This id.
    Id(u128),
    /// So many were looked at that the rest is for another time: none from this id on was left out.
    Later(u128),
    /// Nothing.
    End,
}

impl<'c> Common<'c> {
    pub(in crate::sqlite) fn new(lists: Vec<Ids<'c>>, below: u128) -> Self {
        Self { lists, below, left: PAGE_IDS_SEEN }
    }

    pub(in crate::sqlite) fn next(&mut self) -> Result<Next> {
        let Some(mut id) = self.below.checked_sub(1) else { return Ok(Next::End) };
        loop {
            let asked = id;
            for list in &mut self.lists {
                match list.up_to(id)? {
                    None => return Ok(Next::End),
                    Some(greatest) => id = greatest,
                }
            }
            self.below = id;
            if id == asked || self.lists.len() == 1 {
                return Ok(Next::Id(id));
            }
            match self.left.checked_sub(1) {
                // The id itself was not decided on.
                None => return Ok(Next::Later(id.saturating_add(1))),
                Some(left) => self.left = left,
            }
        }
    }
}
