//! Taking ids out of segments whose other ids stay.
//!
//! A segment is deleted as a whole when its last event has expired. Where one environment keeps its events longer than another, its
//! events hold segments that are for the most part the other's: so ids of those that keep theirs for less are taken out with their
//! rows, those of a list all at once. Deliveries that were made later than their event lie in later segments than it does. Theirs
//! stay, and are passed by who reads, until the segment goes.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _};

use super::forward::POSTED;
use super::postings::{Numbering, Of, Subject, whose};
use crate::sqlite::rows::{Result, unreadable};

pub(in crate::sqlite) const SEGMENT_OF: &str =
    "SELECT segment FROM segments WHERE last_event >= ?1 ORDER BY last_event, segment LIMIT 1";
pub(in crate::sqlite) const WHOSE: &str = "SELECT environment, tenant, event_key FROM events WHERE key = ?1";
pub(in crate::sqlite) const REPLACE: &str = "UPDATE postings SET ids = ?3 WHERE segment = ?1 AND subject = ?2";
pub(in crate::sqlite) const DELETE: &str = "DELETE FROM postings WHERE segment = ?1 AND subject = ?2";

/// What is to be taken out of which lists.
#[derive(Debug, Default)]
pub(in crate::sqlite) struct Thinning {
    /// The segment of the event that is being deleted, and whose lists it is in; none: it is in none yet.
    event: Option<(i64, Vec<Subject>)>,
    /// By segment and subject.
    gone: BTreeMap<(i64, i64), BTreeSet<[u8; 16]>>,
}

impl Thinning {
    /// An event that is about to be deleted.
    pub(in crate::sqlite) fn begin(&mut self, connection: &Connection, event: i64) -> Result<()> {
        let segment = connection.prepare_cached(SEGMENT_OF)?.query_row([event], |row| row.get(0)).optional()?;
        self.event = match segment {
            None => None,
            Some(segment) => {
                let numbering = Numbering::read(connection)?;
                let subjects = connection.prepare_cached(WHOSE)?.query_row([event], |row| {
                    whose(row, |whose| {
                        let deliveries = whose.subjects(numbering, Of::Deliveries);
                        Ok(deliveries.chain(whose.subjects(numbering, Of::Events)).collect())
                    })
                })?;
                Some((segment, subjects))
            }
        };
        Ok(())
    }

    /// The event itself, or one of its deliveries, is deleted.
    pub(in crate::sqlite) fn take(&mut self, of: Of, id: [u8; 16]) {
        let Some((segment, subjects)) = &self.event else { return };
        for subject in subjects.iter().filter(|subject| subject.of() == of) {
            self.gone.entry((*segment, subject.number())).or_default().insert(id);
        }
    }

    /// Takes all of it out of the segments.
    pub(in crate::sqlite) fn write(self, connection: &Connection) -> Result<()> {
        let mut posted = connection.prepare_cached(POSTED)?;
        for ((segment, subject), gone) in self.gone {
            let left = posted
                .query_row((segment, subject), |row| {
                    let ids = row.get_ref(0)?.as_blob().map_err(|_| unreadable("ids"))?;
                    let (ids, _) = ids.as_chunks::<16>();
                    Ok(ids.iter().filter(|id| !gone.contains(*id)).flatten().copied().collect::<Vec<u8>>())
                })
                .optional()?;
            match left {
                None => {}
                Some(left) if left.is_empty() => {
                    connection.prepare_cached(DELETE)?.execute((segment, subject))?;
                }
                Some(left) => {
                    connection.prepare_cached(REPLACE)?.execute((segment, subject, left))?;
                }
            }
        }
        Ok(())
    }
}
