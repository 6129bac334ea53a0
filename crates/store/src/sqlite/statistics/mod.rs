//! Statistics as they are written: counted in memory by each transaction, made durable with it, added up behind.
//!
//! A commit writes what it has counted as one row of a journal, however many webhooks and tenants it concerns. When enough has
//! gathered, a commit adds all of it to the rows of the statistics and empties the journal, in the same transaction; a webhook or
//! tenant that many commits have counted costs one row then. Who reads statistics reads the journal besides.
//!
//! Invariants: statistics and journal together are complete in every snapshot, after a crash too, but for what [`gaps`] tells; the
//! journal is short.

mod counting;
pub(super) mod gaps;
pub(super) mod read;
pub(super) mod upkeep;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use postrider_core::Timestamp;
use postrider_core::statistics::{Counts, Dimension, Resolution};
use rusqlite::{Connection, OptionalExtension as _};

pub(super) use self::counting::Counting;
use super::rows::{Result, unreadable};

/// Commits that the journal holds at most, about: each is read by everyone who reads statistics.
const JOURNAL_COMMITS: usize = 256;
/// What they have counted, at most, about: all of it is added up in one commit.
const JOURNAL_ENTRIES: usize = 1_024;
/// How old the journal becomes while there are commits.
const JOURNAL_AGE: Duration = Duration::from_secs(1);

pub(super) const JOURNAL: &str = "SELECT at, entries FROM statistics_journal ORDER BY number";
pub(super) const WRITE_JOURNAL: &str = "INSERT INTO statistics_journal (at, entries) VALUES (?1, ?2)";
pub(super) const EMPTY_JOURNAL: &str = "DELETE FROM statistics_journal";
pub(super) const ROW: &str = "SELECT counts FROM statistics \
     WHERE resolution = ?1 AND environment = ?2 AND dimension = ?3 AND at = ?4 AND subject = ?5";
pub(super) const PUT_ROW: &str = "INSERT OR REPLACE INTO statistics (resolution, environment, dimension, at, subject, counts) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

/// The spans that are counted as things happen. Days are made of hours later.
const COUNTED: [Resolution; 2] = [Resolution::Minute, Resolution::Hour];

/// Where a row of the statistics stands: resolution, environment, dimension, the span's beginning, subject.
type Place = (Resolution, i64, Dimension, i64, Vec<u8>);

/// What the writer knows of the journal.
#[derive(Debug)]
pub(super) struct Journal {
    /// What it holds, added up, by minute.
    gathered: BTreeMap<i64, Counting>,
    commits: usize,
    entries: usize,
    /// The minute of its first row.
    since: Option<Timestamp>,
    /// What the transaction under way has done.
    step: Step,
}

#[derive(Debug)]
enum Step {
    Nothing,
    /// Wrote this to the journal, of that minute.
    Wrote(i64, Counting),
    /// Added everything up and emptied the journal.
    Emptied,
}

impl Journal {
    /// Of which nothing is known.
    pub(super) fn empty() -> Self {
        Self { gathered: BTreeMap::new(), commits: 0, entries: 0, since: None, step: Step::Nothing }
    }

    /// As the last server left it.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut journal = Self::empty();
        let mut statement = connection.prepare(JOURNAL)?;
        let mut rows = statement.query([])?;
        let mut lost = BTreeSet::new();
        while let Some(row) = rows.next()? {
            let at: i64 = row.get(0)?;
            let Ok(counting) = entries(row) else {
                tracing::error!(
                    at,
                    "a row of the statistics' journal cannot be read; what it counted is missing from the statistics, which say so"
                );
                lost.insert(at);
                continue;
            };
            journal.step = Step::Wrote(at, counting);
            // How old it is matters little: the next commit adds it up.
            journal.committed(Timestamp::from_micros(at));
        }
        for at in lost {
            gaps::note_loss(connection, Resolution::Minute, at)?;
        }
        Ok(journal)
    }

    /// Makes what a transaction has counted a part of it.
    pub(super) fn write(&mut self, connection: &Connection, counted: Counting, now: Timestamp) -> Result<()> {
        self.step = Step::Nothing;
        if counted.is_empty() {
            return Ok(());
        }
        let minute = Resolution::Minute.floor(now).as_micros();
        let is_old = self.since.is_some_and(|since| now < since || since + JOURNAL_AGE <= now);
        if is_old || self.commits >= JOURNAL_COMMITS || self.entries + counted.len() >= JOURNAL_ENTRIES {
            self.add_up(connection, minute, &counted)?;
            self.step = Step::Emptied;
        } else {
            connection.prepare_cached(WRITE_JOURNAL)?.execute((minute, counted.encoded()))?;
            self.step = Step::Wrote(minute, counted);
        }
        Ok(())
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self, now: Timestamp) {
        match std::mem::replace(&mut self.step, Step::Nothing) {
            Step::Nothing => {}
            Step::Wrote(minute, counted) => {
                self.commits += 1;
                self.entries += counted.len();
                self.since.get_or_insert(now);
                self.gathered.entry(minute).or_default().take_in(counted);
            }
            Step::Emptied => {
                self.gathered.clear();
                (self.commits, self.entries, self.since) = (0, 0, None);
            }
        }
    }

    /// Nothing of the transaction has happened.
    pub(super) fn rolled_back(&mut self) {
        self.step = Step::Nothing;
    }

    /// Adds what has gathered, and what was counted besides, to the statistics, in the order of their rows.
    fn add_up(&self, connection: &Connection, minute: i64, counted: &Counting) -> Result<()> {
        let mut sums: BTreeMap<Place, Counts> = BTreeMap::new();
        let gathered = self.gathered.iter().map(|(minute, counting)| (*minute, counting));
        for (minute, counting) in gathered.chain([(minute, counted)]) {
            for entry in counting.entries() {
                for (dimension, subject) in entry.subjects() {
                    for resolution in COUNTED {
                        let at = resolution.floor(Timestamp::from_micros(minute)).as_micros();
                        let place = (resolution, entry.environment, dimension, at, subject.to_vec());
                        sums.entry(place).or_default().add(&entry.counts);
                    }
                }
            }
        }
        for (place, counts) in sums {
            add(connection, &place, counts)?;
        }
        connection.prepare_cached(EMPTY_JOURNAL)?.execute([])?;
        Ok(())
    }
}

/// Adds counts to a row, which is made where it is missing.
fn add(connection: &Connection, place: &Place, mut counts: Counts) -> Result<()> {
    let (span, environment, dimension, at, subject) = place;
    let (resolution, dimension) = (*span as u8, *dimension as u8);
    let place = (resolution, environment, dimension, at, subject);
    let before = connection.prepare_cached(ROW)?.query_row(place, |row| {
        let counts = self::counts(row);
        if counts.is_err() {
            tracing::error!(
                resolution,
                environment,
                dimension,
                at,
                "a row of the statistics cannot be read; it begins anew, and the statistics say that they lack something"
            );
        }
        Ok(counts.ok())
    });
    match before.optional()? {
        Some(Some(before)) => counts.add(&before),
        Some(None) => gaps::note_loss(connection, *span, *at)?,
        None => {}
    }
    let mut bytes = Vec::new();
    counts.encode(&mut bytes);
    connection.prepare_cached(PUT_ROW)?.execute((resolution, environment, dimension, at, subject, bytes))?;
    Ok(())
}

/// Reads the column `counts`.
fn counts(row: &rusqlite::Row<'_>) -> Result<Counts> {
    let mut bytes = row.get_ref("counts")?.as_blob().map_err(|_| unreadable("counts"))?;
    Counts::decode(&mut bytes).ok_or_else(|| unreadable("counts"))
}

/// Reads the column `entries` of the journal.
fn entries(row: &rusqlite::Row<'_>) -> Result<Counting> {
    let bytes = row.get_ref("entries")?.as_blob().map_err(|_| unreadable("entries"))?;
    Counting::decoded(bytes).ok_or_else(|| unreadable("entries"))
}
