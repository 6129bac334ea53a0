//! Changes of webhooks by people. What the writer itself does to them (counting, disabling) lies in `tx`.

use std::sync::Arc;

use postrider_core::delivery::DiscardReason;
use postrider_core::limits::{WEBHOOKS_PER_ENVIRONMENT, WEBHOOKS_PER_TENANT};
use postrider_core::request::SettingsRevision;
use postrider_core::shape::Access;
use postrider_core::signature::Secret;
use postrider_core::source::Source;
use postrider_core::webhook::{DisableReason, Scope, Webhook, WebhookStatus};
use postrider_core::{EnvironmentId, Timestamp, WebhookId};
use rusqlite::params;

use super::rows::unreadable;
use super::tx::{Failure, Tx, write_streak};
use super::{Sqlite, jobs, request_settings, retention, shapes, signing};
use crate::directory::DirectoryChange;
use crate::seal::Place;
use crate::{CreateWebhook, Found, NewWebhook, StoreError, WebhookChange, WebhookPatch};

pub(super) const INSERT: &str = "INSERT INTO webhooks (id, environment, tenant, display_name, description, url, \
     secret, event_keys, disabled, sending, created_at, updated_at, signing, filter, access) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14)";
pub(super) const INSERT_TALLIES: &str = "INSERT INTO webhook_tallies (webhook) VALUES (?1)";
pub(super) const UPDATE: &str = "UPDATE webhooks SET display_name = ?2, description = ?3, url = ?4, secret = ?5, \
     event_keys = ?6, disabled = ?7, sending = ?8, updated_at = ?9, signing = ?10, filter = ?11, shape = ?12, \
     access = ?13, settings_revision = ?14 WHERE key = ?1";
pub(super) const PUT_SIGNING: &str = "UPDATE webhooks SET signing = ?2 WHERE key = ?1";
pub(super) const SET_SHAPE: &str = "UPDATE webhooks SET shape = ?2 WHERE key = ?1";
pub(super) const DELETE: &str =
    "UPDATE webhooks SET deleted_at = ?2, secret = NULL, signing = NULL, access = NULL WHERE key = ?1";

/// The place of a webhook's secret.
pub(super) fn secret_place(id: &WebhookId) -> Place<'_> {
    Place { column: "webhooks.secret", row: id.as_bytes() }
}

/// The place of what a webhook's requests show.
pub(super) fn access_place(id: &WebhookId) -> Place<'_> {
    Place { column: "webhooks.access", row: id.as_bytes() }
}

impl Sqlite {
    pub(crate) async fn create_webhook(&self, new: NewWebhook) -> Result<CreateWebhook, StoreError> {
        self.change(move |tx| create(tx, &new)).await
    }

    pub(crate) async fn update_webhook(
        &self,
        environment: EnvironmentId,
        scope: Option<&Scope>,
        id: WebhookId,
        patch: WebhookPatch,
    ) -> Result<Option<Arc<Webhook>>, StoreError> {
        let scope = scope.cloned();
        self.change(move |tx| update(tx, environment, scope.as_ref(), id, &patch)).await
    }

    pub(crate) async fn delete_webhook(&self, environment: EnvironmentId, id: WebhookId) -> Result<Found, StoreError> {
        self.change(move |tx| {
            let known = tx.directory.current_webhook(id);
            let Some((key, webhook)) = known.filter(|(_, w)| w.environment_id == environment) else {
                return Ok(Found::No);
            };
            tx.prepare(DELETE)?.execute((key, tx.now.as_micros()))?;
            shapes::replace(tx, webhook.shape.as_ref())?;
            request_settings::replace(tx, key, webhook.settings)?;
            retention::forget_what_nothing_tells_of(tx, key)?;
            tx.begin_sweep(key, id, DiscardReason::WebhookDeleted)?;
            jobs::ending::cancel_those_to(tx, environment, id)?;
            tx.changes.push(DirectoryChange::DeleteWebhook(id));
            tx.commit.webhooks.push(WebhookChange::Deleted(id));
            Ok(Found::Yes)
        })
        .await
    }
}

fn put(tx: &mut Tx<'_, '_>, key: i64, webhook: Webhook) -> Arc<Webhook> {
    let webhook = Arc::new(webhook);
    tx.changes.push(DirectoryChange::PutWebhook { key, webhook: Arc::clone(&webhook) });
    tx.commit.webhooks.push(WebhookChange::Put(Arc::clone(&webhook)));
    webhook
}

fn sealed(tx: &Tx<'_, '_>, id: &WebhookId, secret: Option<&Secret>) -> Option<Vec<u8>> {
    secret.map(|secret| tx.seal.seal(secret_place(id), secret.expose().as_bytes()))
}

fn sealed_access(tx: &Tx<'_, '_>, id: &WebhookId, access: Option<&Arc<Access>>) -> Result<Option<Vec<u8>>, Failure> {
    let Some(access) = access else { return Ok(None) };
    let clear = json(&**access, "access")?;
    Ok(Some(tx.seal.seal(access_place(id), clear.as_bytes())))
}

fn shared(access: &Access) -> Option<Arc<Access>> {
    (!access.is_empty()).then(|| Arc::new(access.clone()))
}

fn disabled(status: WebhookStatus) -> Option<&'static str> {
    match status {
        WebhookStatus::Active => None,
        WebhookStatus::Disabled(reason) => Some(reason.name()),
    }
}

fn json<T: serde::Serialize>(value: &T, column: &'static str) -> Result<String, Failure> {
    Ok(serde_json::to_string(value).map_err(|_| unreadable(column))?)
}

fn create(tx: &mut Tx<'_, '_>, new: &NewWebhook) -> Result<CreateWebhook, Failure> {
    let Some(environment) = tx.directory.environment_key(new.environment_id) else {
        return Ok(CreateWebhook::NoSuchEnvironment);
    };
    if tx.directory.webhook_count(new.environment_id) >= WEBHOOKS_PER_ENVIRONMENT {
        return Ok(CreateWebhook::LimitReached);
    }
    let is_of_tenant = new.scope.tenant().is_some();
    if is_of_tenant && tx.directory.webhook_count_of(new.environment_id, &new.scope) >= WEBHOOKS_PER_TENANT {
        return Ok(CreateWebhook::TenantLimitReached);
    }
    let mut webhook = Webhook {
        id: WebhookId::new(tx.now, tx.entropy),
        environment_id: new.environment_id,
        scope: new.scope.clone(),
        display_name: new.display_name.clone(),
        description: new.description.clone(),
        url: new.url.clone(),
        secret: new.secret.clone(),
        signing: new.signing.clone(),
        event_keys: new.event_keys.clone(),
        filter: new.filter.clone(),
        status: new.status,
        sending: new.sending.clone(),
        settings: SettingsRevision::FIRST,
        shape: None,
        access: shared(&new.access),
        invocations: 0,
        streak: None,
        created_at: tx.now,
        updated_at: tx.now,
    };
    tx.prepare(INSERT)?.execute(params![
        webhook.id.as_bytes(),
        environment,
        webhook.scope.tenant().map(postrider_core::event::TenantId::as_str),
        webhook.display_name,
        webhook.description,
        webhook.url.as_str(),
        sealed(tx, &webhook.id, webhook.secret.as_ref()),
        json(&webhook.event_keys, "event_keys")?,
        disabled(webhook.status),
        json(&webhook.sending, "sending")?,
        tx.now.as_micros(),
        signing::sealed(tx.seal, &webhook.id, &webhook.signing)?,
        webhook.filter.as_ref().map(Source::as_str),
        sealed_access(tx, &webhook.id, webhook.access.as_ref())?,
    ])?;
    let key = tx.connection.last_insert_rowid();
    webhook.shape = shapes::pin(tx, key, &new.shape)?;
    if let Some(pinned) = &webhook.shape {
        tx.prepare(SET_SHAPE)?.execute((key, pinned.revision.get()))?;
    }
    request_settings::write(tx, key, &webhook)?;
    tx.prepare(INSERT_TALLIES)?.execute([key])?;
    Ok(CreateWebhook::Created(put(tx, key, webhook)))
}

fn update(
    tx: &mut Tx<'_, '_>,
    environment: EnvironmentId,
    scope: Option<&Scope>,
    id: WebhookId,
    patch: &WebhookPatch,
) -> Result<Option<Arc<Webhook>>, Failure> {
    let known = tx.directory.current_webhook(id);
    let meant = |w: &Webhook| w.environment_id == environment && scope.is_none_or(|s| w.scope == *s);
    let Some((key, old)) = known.filter(|(_, w)| meant(w)) else { return Ok(None) };
    let mut new = patched(&old, patch, tx.now);
    new.updated_at = tx.now;
    match (old.status, patch.active) {
        (WebhookStatus::Disabled(_), Some(true)) => {
            new.status = WebhookStatus::Active;
            new.streak = None;
            write_streak(tx.connection, key, None)?;
        }
        (WebhookStatus::Active, Some(false)) => {
            new.status = WebhookStatus::Disabled(DisableReason::ByUser);
            tx.begin_sweep(key, id, DiscardReason::WebhookDisabled)?;
        }
        // It is so already. Who echoes a whole record back switches nothing.
        _ => {}
    }
    if let Some(shape) = &patch.shape
        && old.shape.as_ref().map_or_else(|| !shape.is_plain(), |pinned| *pinned.shape != *shape)
    {
        shapes::replace(tx, old.shape.as_ref())?;
        new.shape = shapes::pin(tx, key, shape)?;
    }
    if !new.sends_like(&old) {
        new.settings = old.settings.next();
        request_settings::change(tx, key, &old, &new)?;
    }
    tx.prepare(UPDATE)?.execute(params![
        key,
        new.display_name,
        new.description,
        new.url.as_str(),
        sealed(tx, &id, new.secret.as_ref()),
        json(&new.event_keys, "event_keys")?,
        disabled(new.status),
        json(&new.sending, "sending")?,
        new.updated_at.as_micros(),
        signing::sealed(tx.seal, &id, &new.signing)?,
        new.filter.as_ref().map(Source::as_str),
        new.shape.as_ref().map(|pinned| pinned.revision.get()),
        sealed_access(tx, &id, new.access.as_ref())?,
        new.settings.get(),
    ])?;
    Ok(Some(put(tx, key, new)))
}

/// The webhook as the patch wants it, its status and shape apart.
fn patched(old: &Webhook, patch: &WebhookPatch, now: Timestamp) -> Webhook {
    let mut new = old.clone();
    if let Some(name) = &patch.display_name {
        new.display_name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        new.description.clone_from(description);
    }
    if let Some(url) = &patch.url {
        new.url.clone_from(url);
    }
    if let Some(secret) = &patch.secret {
        // Who echoes the record back replaces nothing.
        if new.secret != *secret {
            new.secret.clone_from(secret);
            new.signing.previous = None;
        }
    }
    for change in &patch.signing {
        new.signing.change(&mut new.secret, change, now);
    }
    if let Some(event_keys) = &patch.event_keys {
        new.event_keys.clone_from(event_keys);
    }
    if let Some(filter) = &patch.filter {
        new.filter.clone_from(filter);
    }
    if let Some(sending) = &patch.sending {
        new.sending.clone_from(sending);
    }
    if let Some(access) = &patch.access
        && old.access.as_deref() != Some(access)
    {
        new.access = shared(access);
    }
    new
}
