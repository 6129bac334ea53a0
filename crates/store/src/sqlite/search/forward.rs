//! The events of a subject, oldest first: what a replay of a tenant's, or of an event type's, walks through, without a look at others'.

use rusqlite::Connection;

use super::postings::{Subject, tail};
use crate::sqlite::rows::{Result, unreadable};

/// Segments that are looked into at once.
const SEGMENTS_READ: usize = 64;

/// Segments that can have ids in a range. There is one for some thousand events.
pub(in crate::sqlite) const SPANS: &str = "SELECT segment, first_event FROM segments \
     WHERE reach_of_events > ?1 AND first_event < ?2";
pub(in crate::sqlite) const POSTED: &str = "SELECT ids FROM postings WHERE segment = ?1 AND subject = ?2";

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sqlite) struct Onward {
    /// Ascending.
    pub(in crate::sqlite) ids: Vec<[u8; 16]>,
    /// Up to this id none was left out.
    pub(in crate::sqlite) reached: [u8; 16],
    /// Whether these are all.
    pub(in crate::sqlite) is_all: bool,
}

/// The ids of events of a subject after the one and before the other, at most so many. Some may have expired, or be another's.
pub(in crate::sqlite) fn events_after(
    connection: &Connection,
    subject: Subject,
    (after, below): ([u8; 16], [u8; 16]),
    most: usize,
) -> Result<Onward> {
    let range = u128::from_be_bytes(after).saturating_add(1)..u128::from_be_bytes(below);
    if range.is_empty() {
        return Ok(Onward { ids: Vec::new(), reached: after, is_all: true });
    }
    let mut statement = connection.prepare_cached(SPANS)?;
    let spans =
        statement.query_map((after, below), |row| Ok((u128::from_be_bytes(row.get(1)?), row.get::<_, i64>(0)?)))?;
    let mut spans: Vec<(u128, i64)> = spans.collect::<Result<_>>()?;
    spans.sort_unstable();
    let mut ids: Vec<u128> = tail(connection, subject)?.into_iter().map(u128::from_be_bytes).collect();
    ids.retain(|id| range.contains(id));
    // Below this all are known.
    let mut certain = range.end;
    let mut posted = connection.prepare_cached(POSTED)?;
    for (read, (first, segment)) in spans.into_iter().enumerate() {
        let is_enough = read >= SEGMENTS_READ || ids.iter().filter(|id| **id < first).count() >= most;
        // Segments overlap a little: one that begins before the range brings nothing forward.
        if is_enough && first > range.start {
            certain = first;
            break;
        }
        let mut rows = posted.query((segment, subject.number()))?;
        if let Some(row) = rows.next()? {
            let (posted, _) = row.get_ref(0)?.as_blob().map_err(|_| unreadable("ids"))?.as_chunks::<16>();
            ids.extend(posted.iter().map(|id| u128::from_be_bytes(*id)).filter(|id| range.contains(id)));
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| *id < certain);
    let is_cut = ids.len() > most;
    ids.truncate(most);
    let reached = match ids.last() {
        Some(last) if is_cut => *last,
        _ => certain - 1,
    };
    let ids = ids.into_iter().map(u128::to_be_bytes).collect();
    Ok(Onward { ids, reached: reached.to_be_bytes(), is_all: !is_cut && certain == range.end })
}
