//! Shapes of webhooks, by revision: made, replaced, read.
//!
//! A shape that is replaced stays for the deliveries that keep it, and goes with the last event that can have any. One that no delivery was
//! made under goes at once: else whoever changes a webhook all day would fill the disk. No index tells of deliveries by their shape, and
//! their ids and times say nothing of it, since a delivery gets both before its transaction decides which shape it keeps. But all
//! deliveries are made by the writer, which keeps in mind the shapes that were made since it started and that it made none under.
//!
//! Invariant: no shape is deleted that a delivery keeps. Whatever is not known counts as kept: all shapes from before the start, and those
//! that a transaction which failed had made a delivery under. Changes of webhooks are transactions of their own, so that no delivery is
//! made by the directory in one that has replaced the shape already.

use std::collections::HashSet;
use std::sync::Arc;

use postrider_core::shape::{PinnedShape, Shape, ShapeRevision};
use rusqlite::{OptionalExtension as _, params};

use super::Sqlite;
use super::rows::{parsed, unreadable};
use super::tx::{Failure, Tx};
use crate::StoreError;

pub(super) const INSERT: &str = "INSERT INTO webhook_shapes (webhook, environment, shape, created_at) \
     VALUES (?1, (SELECT environment FROM webhooks WHERE key = ?1), ?2, ?3)";
pub(super) const REPLACE: &str = "UPDATE webhook_shapes SET until_event = ?2 WHERE key = ?1";
pub(super) const DELETE: &str = "DELETE FROM webhook_shapes WHERE key = ?1";
pub(super) const DELETE_OF: &str = "DELETE FROM webhook_shapes WHERE key = (SELECT shape FROM webhooks WHERE key = ?1)";
pub(super) const ONE: &str = "SELECT shape FROM webhook_shapes WHERE key = ?1";

/// Shapes that were made since the start, are their webhooks' own, and that no delivery was made under.
#[derive(Debug, Default)]
pub(super) struct Unused(HashSet<ShapeRevision>);

impl Unused {
    /// Takes note of one that is made. Where its transaction fails, the next to be made gets its number, and is as unused.
    fn put(&mut self, revision: ShapeRevision) {
        self.0.insert(revision);
    }

    /// Takes one out: a delivery is made under it, or it is its webhook's own no longer. Returns whether it was there. It is not put back
    /// where that fails, and stays for longer then.
    pub(super) fn take(&mut self, revision: ShapeRevision) -> bool {
        self.0.remove(&revision)
    }
}

impl Sqlite {
    pub(crate) async fn shape(&self, revision: ShapeRevision) -> Result<Option<Shape>, StoreError> {
        self.lanes
            .read(move |connection| {
                let mut statement = connection.prepare_cached(ONE)?;
                let shape = |row: &rusqlite::Row<'_>| parsed(row, "shape", |text| serde_json::from_str(text).ok());
                statement.query_row([revision.get()], shape).optional()
            })
            .await
    }
}

/// Gives a webhook's shape its number. One that is plain has none.
pub(super) fn pin(tx: &mut Tx<'_, '_>, webhook: i64, shape: &Shape) -> Result<Option<PinnedShape>, Failure> {
    if shape.is_plain() {
        return Ok(None);
    }
    let text = serde_json::to_string(shape).map_err(|_| unreadable("shape"))?;
    tx.prepare(INSERT)?.execute(params![webhook, text, tx.now.as_micros()])?;
    let Some(revision) = ShapeRevision::new(tx.connection.last_insert_rowid()) else { return Ok(None) };
    tx.hot.unused_shapes.put(revision);
    Ok(Some(PinnedShape { revision, shape: Arc::new(shape.clone()) }))
}

/// Deletes a shape that no further delivery gets, if none has it; else notes that it can go with the events that there are by now.
pub(super) fn replace(tx: &mut Tx<'_, '_>, shape: Option<&PinnedShape>) -> Result<(), Failure> {
    let Some(revision) = shape.map(|pinned| pinned.revision) else { return Ok(()) };
    if tx.hot.unused_shapes.take(revision) {
        tx.prepare(DELETE)?.execute([revision.get()])?;
    } else {
        tx.prepare(REPLACE)?.execute((revision.get(), tx.hot.next_event()))?;
    }
    Ok(())
}
