//! What requests of webhooks were made from, by revision: written with each change of a webhook, read for its log.
//!
//! The rows serve the log alone: no webhook stays as it is because they cannot be written, and no log is closed because one of them cannot
//! be read. But who hides a value relies on it: nothing is changed where what is hidden cannot be taken out of the rows.
//!
//! Invariants: a webhook's own revision has a row while the webhook is there, unless it could not be written or read; a value that is
//! hidden by now is in no row, sealed or not; a webhook has at most [`SETTINGS_REVISIONS`] rows, as far as they can be deleted.

use std::collections::HashMap;
use std::sync::Arc;

use postrider_core::limits::SETTINGS_REVISIONS;
use postrider_core::request::{RequestSettings, SettingsRevision};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, WebhookId};
use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::Sqlite;
use super::following::Following;
use super::rows::{Result, environment_key, unreadable, webhook_key};
use super::tx::{Failure, Tx};
use crate::StoreError;
use crate::directory::Directory;
use crate::seal::{Place, Seal};

pub(super) const INSERT: &str = "INSERT INTO request_settings (webhook, revision, environment, settings) \
     VALUES (?1, ?2, (SELECT environment FROM webhooks WHERE key = ?1), ?3)";
pub(super) const REPLACE: &str = "UPDATE request_settings SET until_event = ?3 WHERE webhook = ?1 AND revision = ?2";
pub(super) const REWRITE: &str = "UPDATE request_settings SET settings = ?3 WHERE webhook = ?1 AND revision = ?2";
pub(super) const OF_WEBHOOK: &str = "SELECT revision, settings FROM request_settings WHERE webhook = ?1";
pub(super) const ONE: &str = "SELECT settings FROM request_settings WHERE webhook = ?1 AND revision = ?2";
pub(super) const DELETE_ONE: &str = "DELETE FROM request_settings WHERE webhook = ?1 AND revision = ?2";
pub(super) const DELETE_OLDEST: &str = "DELETE FROM request_settings WHERE webhook = ?1 AND revision <= ?2";
pub(super) const DELETE_ALL: &str = "DELETE FROM request_settings WHERE webhook = ?1";
pub(super) const FORGET: &str = "DELETE FROM request_settings WHERE (webhook, revision) IN \
     (SELECT webhook, revision FROM request_settings WHERE environment = ?1 AND until_event <= ?2 LIMIT ?3)";
/// Of webhooks that were made before there were rows.
pub(super) const MISSING: &str = "SELECT w.key, w.id FROM webhooks AS w WHERE w.deleted_at IS NULL AND NOT EXISTS \
     (SELECT 1 FROM request_settings WHERE webhook = w.key AND revision = w.settings_revision)";

fn place(webhook: &WebhookId) -> Place<'_> {
    Place { column: "request_settings.settings", row: webhook.as_bytes() }
}

fn sealed(seal: &Seal, webhook: &WebhookId, settings: &RequestSettings) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(settings).map_err(|_| unreadable("request_settings.settings"))?;
    Ok(seal.seal(place(webhook), &json))
}

fn opened(seal: &Seal, webhook: &WebhookId, sealed: &[u8]) -> Result<RequestSettings> {
    let json = seal.open(place(webhook), sealed);
    let settings = json.and_then(|json| serde_json::from_slice(&json).ok());
    settings.ok_or_else(|| unreadable("request_settings.settings"))
}

/// Writes what requests of a webhook are made from that is new.
pub(super) fn write(tx: &mut Tx<'_, '_>, key: i64, webhook: &Webhook) -> std::result::Result<(), Failure> {
    let settings = sealed(tx.seal, &webhook.id, &RequestSettings::of(webhook))?;
    tx.execute_derived(Following::Settings, INSERT, (key, webhook.settings.get(), settings))?;
    Ok(())
}

/// Writes what its requests are made from now, which is something else than before.
pub(super) fn change(
    tx: &mut Tx<'_, '_>,
    key: i64,
    before: &Webhook,
    now: &Webhook,
) -> std::result::Result<(), Failure> {
    replace(tx, key, before.settings)?;
    write(tx, key, now)?;
    let oldest = now.settings.get().saturating_sub(SETTINGS_REVISIONS);
    tx.execute_derived(Following::Settings, DELETE_OLDEST, (key, oldest))?;
    let (earlier, present) = (RequestSettings::of(before), RequestSettings::of(now));
    if present.hides_more_than(&earlier) {
        hide(tx, key, &now.id, &present)?;
    }
    Ok(())
}

/// Notes that no attempt of an event that is accepted from now on is made from them. Attempts under way are of earlier ones.
pub(super) fn replace(tx: &mut Tx<'_, '_>, key: i64, revision: SettingsRevision) -> std::result::Result<(), Failure> {
    let next_event = tx.hot.next_event();
    tx.execute_derived(Following::Settings, REPLACE, (key, revision.get(), next_event))?;
    Ok(())
}

/// Drops what is hidden from now on from whatever is kept of before.
fn hide(tx: &Tx<'_, '_>, key: i64, id: &WebhookId, present: &RequestSettings) -> std::result::Result<(), Failure> {
    let rows: Vec<(u32, Vec<u8>)> =
        tx.prepare(OF_WEBHOOK)?.query_map([key], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    for (revision, row) in rows {
        let Ok(mut settings) = opened(tx.seal, id, &row) else {
            tracing::error!(
                webhook.id = %id,
                revision,
                "what requests were made from cannot be read; it is dropped, as something in it may have to be hidden"
            );
            tx.prepare(DELETE_ONE)?.execute((key, revision))?;
            continue;
        };
        if settings.hide(present) {
            tx.prepare(REWRITE)?.execute((key, revision, sealed(tx.seal, id, &settings)?))?;
        }
    }
    Ok(())
}

/// Writes the rows of webhooks that have none yet, on opening. They serve the log alone: nothing else stops where this fails.
pub(super) fn complete(connection: &mut Connection, seal: &Seal, directory: &Directory) -> Result<()> {
    let missing: Vec<(i64, [u8; 16])> =
        connection.prepare(MISSING)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    if missing.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for (key, id) in missing {
        let id = WebhookId::from_uuid(Uuid::from_bytes(id));
        let Some(webhook) = directory.webhook(id) else { continue };
        let settings = sealed(seal, &id, &RequestSettings::of(&webhook))?;
        transaction.execute(INSERT, (key, webhook.settings.get(), settings))?;
    }
    transaction.commit()
}

impl Sqlite {
    pub(crate) async fn request_settings(
        &self,
        environment: EnvironmentId,
        webhook: WebhookId,
        revisions: Vec<SettingsRevision>,
    ) -> std::result::Result<HashMap<SettingsRevision, RequestSettings>, StoreError> {
        let seal = Arc::clone(&self.seal);
        self.api
            .read(move |connection| {
                let mut found = HashMap::new();
                let Some(environment) = environment_key(connection, environment)? else { return Ok(found) };
                let Some(key) = webhook_key(connection, environment, webhook)? else { return Ok(found) };
                let mut statement = connection.prepare_cached(ONE)?;
                for revision in revisions {
                    let row: Option<Vec<u8>> =
                        statement.query_row((key, revision.get()), |row| row.get(0)).optional()?;
                    match row.map(|row| opened(&seal, &webhook, &row)) {
                        None => {}
                        Some(Ok(settings)) => {
                            found.insert(revision, settings);
                        }
                        Some(Err(error)) => tracing::error!(
                            webhook.id = %webhook,
                            revision = revision.get(),
                            %error,
                            "what requests were made from cannot be read; the log does not tell it"
                        ),
                    }
                }
                Ok(found)
            })
            .await
    }
}
