//! Search: lists of ids by what rows have in common, what several of them share, and text in bodies.
//!
//! Each filter that an index serves is a list of ids, newest first ([`ids`]); what combined filters match is what their lists share,
//! found without a look at the rows. Filters that no index serves, and text, are looked for in the rows that are left.

pub(super) mod forward;
pub(super) mod ids;
pub(super) mod postings;
mod text;
pub(super) mod thinning;

use postrider_core::limits::{PAGE_ROWS_SEEN, SEARCH_BYTES};
use rusqlite::Connection;

use self::postings::Of;
use self::text::Needle;
use super::rows::{Result, unreadable};

pub(super) const BODY: &str = "SELECT body FROM events WHERE key = ?1";
pub(super) const OLDEST_EVENT_OF: &str = "SELECT min(id) FROM events WHERE environment = ?1";
pub(super) const OLDEST_DELIVERY_OF: &str = "SELECT min(id) FROM deliveries WHERE environment = ?1";

/// The least id of an environment's; beyond all ids where it has none. Segments reach back to the oldest event of all environments,
/// and need not be looked into for one that keeps its events for less.
pub(super) fn oldest(connection: &Connection, of: Of, environment: i64) -> Result<u128> {
    let sql = match of {
        Of::Events => OLDEST_EVENT_OF,
        Of::Deliveries => OLDEST_DELIVERY_OF,
    };
    let oldest: Option<[u8; 16]> = connection.prepare_cached(sql)?.query_row([environment], |row| row.get(0))?;
    Ok(oldest.map_or(u128::MAX, u128::from_be_bytes))
}

/// How much a page has looked at, and the text that it looks for.
pub(super) struct Seen {
    needle: Option<Needle>,
    rows: usize,
    bytes: usize,
}

impl Seen {
    pub(super) fn new(text: Option<&str>) -> Self {
        Self { needle: text.map(Needle::new), rows: 0, bytes: 0 }
    }

    pub(super) fn row(&mut self) {
        self.rows += 1;
    }

    /// Whether the rest is left to the next page.
    pub(super) fn is_enough(&self) -> bool {
        self.rows >= PAGE_ROWS_SEEN || self.bytes >= SEARCH_BYTES
    }

    /// Whether the body of an event has the text that is looked for, if any is.
    pub(super) fn finds(&mut self, connection: &Connection, event: i64) -> Result<bool> {
        let Some(needle) = &self.needle else { return Ok(true) };
        connection.prepare_cached(BODY)?.query_row([event], |row| {
            let body = row.get_ref(0)?.as_blob().map_err(|_| unreadable("body"))?;
            self.bytes += body.len();
            Ok(needle.is_in(body))
        })
    }
}
