//! Where the writer begins: the numbers that come next, and what was left for later, as the last server left it.
//!
//! It is read when the store is opened, before anything is sent: without it nothing of what comes of attempts could be recorded. A part
//! that is derived and cannot be read is set aside as one is that cannot be written; whatever else cannot be read stops the start.

use rusqlite::{Connection, OptionalExtension as _};

use super::behind::Behind;
use super::following::{Aside, Following};
use super::rows::Result;
use super::search::postings::{self, Numbering, Postings};
use super::statistics::Journal;
use super::tx::is_of_storage;

const NEWEST_EVENT: &str = "SELECT max(key) FROM events";
const SEGMENTED: &str = "SELECT max(last_event) FROM segments";
const NEWEST_ATTEMPT: &str = "SELECT max(key) FROM attempts";

#[cfg(test)]
pub(super) const ALL: &[&str] = &[NEWEST_EVENT, SEGMENTED, NEWEST_ATTEMPT];

/// Numbers that are left out where it cannot be read which ones segments have passed: more than events can have come and expired since
/// the newest that is left.
const LEFT_OUT: i64 = 1 << 32;

/// Where the writer begins.
pub(super) struct Beginning {
    pub next_event: i64,
    pub next_attempt: i64,
    pub behind: Behind,
    pub journal: Journal,
    pub postings: Postings,
    /// What could not be read.
    pub aside: Aside,
}

impl Beginning {
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let mut derived = Derived { connection, aside: Aside::default() };
        let behind = Behind::read(connection)?;
        let newest = |sql: &str| {
            let newest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
            Ok::<_, rusqlite::Error>(newest.unwrap_or(0))
        };
        // A number that a mark or a segment has passed is not given again, even where nothing of it is left.
        let newest_event = newest(NEWEST_EVENT)?.max(behind.event_mark);
        let numbering = Numbering::read(connection)?;
        let (newest_event, postings) = match derived.part(Following::Segments, segmented(connection))? {
            None => (newest_event + LEFT_OUT, None),
            Some(segmented) => {
                let postings = derived.part(Following::Segments, Postings::read(connection, numbering))?;
                (newest_event.max(segmented), postings)
            }
        };
        let journal = derived.part(Following::Statistics, Journal::read(connection))?;
        Ok(Self {
            next_event: newest_event + 1,
            next_attempt: newest(NEWEST_ATTEMPT)?.max(behind.attempt_mark) + 1,
            behind,
            journal: journal.unwrap_or_else(Journal::empty),
            postings: postings.unwrap_or_else(|| Postings::aside(numbering)),
            aside: derived.aside,
        })
    }
}

/// The newest event that a segment has passed; none: 0. Where the index cannot be read, the newest segment says it, too.
fn segmented(connection: &Connection) -> Result<i64> {
    let newest: Option<i64> = match connection.query_row(SEGMENTED, [], |row| row.get(0)) {
        Err(error) if !is_of_storage(&error) => {
            connection.query_row(postings::NEWEST, [], |row| row.get("last_event")).optional()?
        }
        newest => newest?,
    };
    Ok(newest.unwrap_or(0))
}

/// Reads what is derived.
struct Derived<'a> {
    connection: &'a Connection,
    aside: Aside,
}

impl Derived<'_> {
    /// What was read of a part. None where that cannot be read for a reason of its own: then it is set aside.
    fn part<T>(&mut self, part: Following, read: Result<T>) -> Result<Option<T>> {
        match read {
            Err(error) if !is_of_storage(&error) => {
                if !self.connection.is_autocommit() {
                    self.connection.execute_batch("ROLLBACK")?;
                }
                self.aside.put(part);
                tracing::error!(
                    %error,
                    "{} cannot be read: nothing is added until a start can read it, and what is shown from it fails. Nothing else is \
                     concerned: events are accepted and delivered",
                    part.name()
                );
                Ok(None)
            }
            read => read.map(Some),
        }
    }
}
