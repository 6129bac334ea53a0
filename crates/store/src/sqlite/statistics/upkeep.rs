//! Upkeep of statistics, in bites: what grows old is forgotten, and hours become days.

use std::collections::BTreeMap;

use postrider_core::Timestamp;
use postrider_core::limits::{STATISTICS_DAYS, UPKEEP_BITE};
use postrider_core::statistics::{Counts, Dimension, Resolution};

use super::{Place, add, counts, gaps};
use crate::sqlite::Sqlite;
use crate::sqlite::rows::limit;
use crate::sqlite::tx::{Failure, Tx};
use crate::{StoreError, Upkeep};

pub(in crate::sqlite) const OLD: &str = "SELECT at, subject, counts FROM statistics \
     WHERE resolution = ?1 AND environment = ?2 AND dimension = ?3 AND at < ?4 ORDER BY at, subject LIMIT ?5";
pub(in crate::sqlite) const FORGET: &str = "DELETE FROM statistics \
     WHERE resolution = ?1 AND environment = ?2 AND dimension = ?3 AND at = ?4 AND subject = ?5";

impl Sqlite {
    pub(crate) async fn statistics_bite(&self) -> Result<Upkeep, StoreError> {
        self.change(bite).await
    }
}

fn bite(tx: &mut Tx<'_, '_>) -> Result<Upkeep, Failure> {
    // There are few: for each run of a server in which something went wrong, and for each span of which something was lost.
    tx.prepare(gaps::FORGET)?.execute([(tx.now - STATISTICS_DAYS).as_micros()])?;
    for environment in tx.directory.environments() {
        let environment = tx.environment_key(environment.id)?;
        for resolution in Resolution::ALL {
            for dimension in Dimension::ALL {
                if retire(tx, resolution, environment, dimension)? == Upkeep::More {
                    return Ok(Upkeep::More);
                }
            }
        }
    }
    Ok(Upkeep::Done)
}

/// Forgets the oldest rows that have had their time; those of hours become a part of their day.
fn retire(
    tx: &mut Tx<'_, '_>,
    resolution: Resolution,
    environment: i64,
    dimension: Dimension,
) -> Result<Upkeep, Failure> {
    let before = dimension.kept_since(resolution, tx.now).as_micros();
    let stand = (resolution as u8, environment, dimension as u8);
    let old: Vec<(i64, Vec<u8>, Option<Counts>)> = tx
        .prepare(OLD)?
        .query_map((stand.0, stand.1, stand.2, before, limit(UPKEEP_BITE)), |row| {
            let at: i64 = row.get(0)?;
            // What only goes is not looked into; and what nobody can read goes, too.
            let becomes_a_part = (resolution == Resolution::Hour).then(|| counts(row).ok()).flatten();
            if resolution == Resolution::Hour && becomes_a_part.is_none() {
                tracing::error!(
                    environment,
                    ?dimension,
                    at,
                    "an hour of the statistics cannot be read; its day lacks it, and the statistics say so"
                );
            }
            Ok((at, row.get(1)?, becomes_a_part))
        })?
        .collect::<Result<_, _>>()?;
    let mut days: BTreeMap<Place, Counts> = BTreeMap::new();
    let mut forget = tx.prepare(FORGET)?;
    let count = old.len();
    for (at, subject, counts) in old {
        forget.execute((stand.0, stand.1, stand.2, at, &subject))?;
        if resolution == Resolution::Hour && counts.is_none() {
            gaps::note_loss(tx.connection, resolution, at)?;
        }
        if let Some(counts) = counts {
            let day = Resolution::Day.floor(Timestamp::from_micros(at)).as_micros();
            days.entry((Resolution::Day, environment, dimension, day, subject)).or_default().add(&counts);
        }
    }
    for (place, counts) in days {
        add(tx.connection, &place, counts)?;
    }
    Ok(if count == UPKEEP_BITE { Upkeep::More } else { Upkeep::Done })
}
