//! How requests of a webhook are signed besides with its secret, as it lies in the database: JSON, sealed as a whole.
//!
//! Also forgets what signs no longer, so that no secret is kept that nobody needs.

use std::sync::Arc;

use postrider_core::limits::UPKEEP_BITE;
use postrider_core::signature::{PreviousKey, PreviousSecret, PrivateKey, Scheme, Secret, Signing};
use postrider_core::webhook::Webhook;
use postrider_core::{Timestamp, WebhookId};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::Sqlite;
use super::rows::{Result, unreadable};
use super::tx::{Failure, Tx};
use super::webhooks::PUT_SIGNING;
use crate::directory::DirectoryChange;
use crate::seal::{Place, Seal};
use crate::{StoreError, Upkeep};

/// Times are microseconds since 1970.
#[derive(Serialize, Deserialize)]
struct Stored {
    scheme: String,
    previous: Option<StoredSecret>,
    key: Option<[u8; 32]>,
    previous_key: Option<StoredKey>,
}

#[derive(Serialize, Deserialize)]
struct StoredSecret {
    secret: String,
    until: i64,
    in_header_until: i64,
}

#[derive(Serialize, Deserialize)]
struct StoredKey {
    key: [u8; 32],
    until: i64,
}

fn place(id: &WebhookId) -> Place<'_> {
    Place { column: "webhooks.signing", row: id.as_bytes() }
}

/// What the column holds; none for what most webhooks have.
pub(super) fn sealed(seal: &Seal, id: &WebhookId, signing: &Signing) -> Result<Option<Vec<u8>>> {
    if *signing == Signing::default() {
        return Ok(None);
    }
    let Signing { scheme, previous, key, previous_key } = signing;
    let stored = Stored {
        scheme: scheme.name().to_owned(),
        previous: previous.as_ref().map(|previous| StoredSecret {
            secret: previous.secret.expose().to_owned(),
            until: previous.until.as_micros(),
            in_header_until: previous.in_header_until.as_micros(),
        }),
        key: key.as_ref().map(|key| *key.expose()),
        previous_key: previous_key
            .as_ref()
            .map(|previous| StoredKey { key: *previous.key.expose(), until: previous.until.as_micros() }),
    };
    let json = serde_json::to_vec(&stored).map_err(|_| unreadable("webhooks.signing"))?;
    Ok(Some(seal.seal(place(id), &json)))
}

/// Reads the column `signing` of that webhook's row.
pub(super) fn opened(row: &Row<'_>, seal: &Seal, id: &WebhookId) -> Result<Signing> {
    let wrong = || unreadable("webhooks.signing");
    let Some(sealed) = row.get_ref("signing")?.as_blob_or_null().map_err(|_| wrong())? else {
        return Ok(Signing::default());
    };
    let json = seal.open(place(id), sealed).ok_or_else(wrong)?;
    let stored: Stored = serde_json::from_slice(&json).map_err(|_| wrong())?;
    let previous = match stored.previous {
        None => None,
        Some(StoredSecret { secret, until, in_header_until }) => Some(PreviousSecret {
            secret: Secret::from_vendor(&secret).ok().flatten().ok_or_else(wrong)?,
            until: Timestamp::from_micros(until),
            in_header_until: Timestamp::from_micros(in_header_until),
        }),
    };
    Ok(Signing {
        scheme: Scheme::from_name(&stored.scheme).ok_or_else(wrong)?,
        previous,
        key: stored.key.map(PrivateKey::from_bytes),
        previous_key: stored.previous_key.map(|StoredKey { key, until }| PreviousKey {
            key: PrivateKey::from_bytes(key),
            until: Timestamp::from_micros(until),
        }),
    })
}

impl Sqlite {
    /// Forgets rotated secrets and keys whose overlap has ended.
    pub(crate) async fn end_overlaps_bite(&self) -> std::result::Result<Upkeep, StoreError> {
        // Most of the time there are none, and the writer is not troubled.
        if self.directory.with_ended_overlaps(self.clock.now(), 1).is_empty() {
            return Ok(Upkeep::Done);
        }
        self.change(end_overlaps).await
    }
}

fn end_overlaps(tx: &mut Tx<'_, '_>) -> std::result::Result<Upkeep, Failure> {
    let ended = tx.directory.with_ended_overlaps(tx.now, UPKEEP_BITE);
    let upkeep = if ended.len() < UPKEEP_BITE { Upkeep::Done } else { Upkeep::More };
    for (key, webhook) in ended {
        let mut signing = webhook.signing.clone();
        signing.forget_ended(tx.now);
        tx.prepare(PUT_SIGNING)?.execute((key, sealed(tx.seal, &webhook.id, &signing)?))?;
        let webhook = Arc::new(Webhook { signing, ..Webhook::clone(&webhook) });
        tx.changes.push(DirectoryChange::PutWebhook { key, webhook });
    }
    Ok(upkeep)
}
