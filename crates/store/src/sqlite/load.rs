//! Filling the directory from the database, on opening.

use std::collections::HashMap;
use std::sync::Arc;

use postrider_core::delivery::DiscardReason;
use postrider_core::environment::{
    Credential, CredentialHash, CredentialScope, Environment, IssuerKey, OperatorToken, TrustedIssuer,
};
use postrider_core::event::EventKey;
use postrider_core::event_type::{Audience, Category, Deprecation, EventType, SchemaMode};
use postrider_core::health::FailureStreak;
use postrider_core::portal::PortalSettings;
use postrider_core::request::SettingsRevision;
use postrider_core::retention::Retention;
use postrider_core::shape::{Access, PinnedShape, Shape, ShapeRevision};
use postrider_core::signature::Secret;
use postrider_core::source::Source;
use postrider_core::webhook::{DisableReason, EndpointUrl, Scope, Sending, Webhook, WebhookStatus};
use postrider_core::{CategoryId, CredentialId, DeliveryId, EnvironmentId, EventTypeId, OperatorTokenId, WebhookId};
use rusqlite::{Connection, Row};
use uuid::Uuid;

use super::rows::{Result, count, event_key, parsed, parsed_if_any, tenant, time, time_if_any, unreadable, uuid};
use super::{environments, sessions, signing, webhooks};
use crate::directory::{Directory, DirectoryChange, Sweep};
use crate::seal::Seal;

/// The statements of this module, for the test that prepares everything.
pub(super) const ENVIRONMENTS: &str = "SELECT n.key, n.id, n.name, n.portal, n.retention_days, n.created_at, i.issuer, \
     i.audience, i.key_kind, i.key AS issuer_key, i.tenant_claim, i.permissions_claim \
     FROM environments AS n LEFT JOIN trusted_issuers AS i ON i.environment = n.key";
pub(super) const CREDENTIALS: &str = "SELECT id, environment, name, scope, sha256, argon2id, created_by, created_at, \
     last_used_at, revoked_at FROM credentials";
pub(super) const OPERATOR_TOKENS: &str = "SELECT id, name, hash, created_at, revoked_at FROM operator_tokens";
pub(super) const CATEGORIES: &str = "SELECT id, environment, name, created_at, updated_at FROM categories";
pub(super) const EVENT_TYPES: &str = "SELECT id, environment, event_key, category, display_name, description, \
     schema, schema_version, schema_mode, sample, audience, deprecated_at, replaced_by, created_at, updated_at \
     FROM event_types";
pub(super) const HIDDEN_KEYS: &str = "SELECT environment, event_key FROM hidden_keys";
pub(super) const WEBHOOKS: &str = "SELECT w.key, w.id, w.environment, w.tenant, w.display_name, w.description, \
     w.url, w.secret, w.signing, w.event_keys, w.disabled, w.filter, w.sending, w.created_at, w.updated_at, \
     t.invocations, \
     t.streak_count, t.streak_first_at, t.streak_last_at, w.shape, h.shape AS shape_text, w.access, \
     w.settings_revision \
     FROM webhooks AS w JOIN webhook_tallies AS t ON t.webhook = w.key LEFT JOIN webhook_shapes AS h ON h.key = w.shape WHERE w.deleted_at IS NULL";
pub(super) const SWEEPS: &str =
    "SELECT w.id, s.up_to, s.reason FROM sweeps AS s JOIN webhooks AS w ON w.key = s.webhook";

pub(super) type Environments = HashMap<i64, EnvironmentId>;

/// What the database says.
pub(super) fn directory(connection: &Connection, seal: &Seal, token_key: [u8; 32]) -> Result<Directory> {
    let directory = Directory::new(token_key);
    let mut ids = Environments::new();
    let environments = all(connection, ENVIRONMENTS, |row| {
        let key = row.get("key")?;
        let environment = environment(row, seal)?;
        ids.insert(key, environment.id);
        Ok(DirectoryChange::PutEnvironment { key, environment: Arc::new(environment) })
    })?;
    directory.apply(environments);
    let mut changes = Vec::new();
    changes
        .extend(all(connection, CREDENTIALS, |r| Ok(DirectoryChange::PutCredential(Arc::new(credential(r, &ids)?))))?);
    changes.extend(all(connection, OPERATOR_TOKENS, |r| {
        Ok(DirectoryChange::PutOperatorToken(Arc::new(operator_token(r)?)))
    })?);
    changes.extend(all(connection, CATEGORIES, |r| Ok(DirectoryChange::PutCategory(Arc::new(category(r, &ids)?))))?);
    changes
        .extend(all(connection, EVENT_TYPES, |r| Ok(DirectoryChange::PutEventType(Arc::new(event_type(r, &ids)?))))?);
    changes.extend(all(connection, HIDDEN_KEYS, |r| {
        Ok(DirectoryChange::HideKey(environment_of(r, &ids)?, event_key(r)?))
    })?);
    changes.extend(all(connection, WEBHOOKS, |r| {
        Ok(DirectoryChange::PutWebhook { key: r.get("key")?, webhook: Arc::new(webhook(r, &ids, seal)?) })
    })?);
    changes.extend(all(connection, SWEEPS, |r| {
        let id = WebhookId::from_uuid(uuid(r, "id")?);
        let up_to = DeliveryId::from_uuid(uuid(r, "up_to")?);
        let reason = parsed(r, "reason", DiscardReason::from_name)?;
        Ok(DirectoryChange::SetSweep(id, Some(Sweep { up_to, reason })))
    })?);
    changes.extend(all(connection, sessions::CONSOLE, |r| {
        Ok(DirectoryChange::PutConsoleSession(Arc::new(sessions::console_session(r)?)))
    })?);
    changes.extend(all(connection, sessions::PORTAL, |r| {
        Ok(DirectoryChange::PutPortalSession(Arc::new(sessions::portal_session(r, &ids)?)))
    })?);
    directory.apply(changes);
    Ok(directory)
}

fn all<T>(connection: &Connection, sql: &str, read: impl FnMut(&Row<'_>) -> Result<T>) -> Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}

pub(super) fn environment_of(row: &Row<'_>, ids: &Environments) -> Result<EnvironmentId> {
    ids.get(&row.get("environment")?).copied().ok_or_else(|| unreadable("environment"))
}

fn environment(row: &Row<'_>, seal: &Seal) -> Result<Environment> {
    let id = EnvironmentId::from_uuid(uuid(row, "id")?);
    Ok(Environment {
        id,
        name: row.get("name")?,
        portal: parsed(row, "portal", |t| serde_json::from_str::<PortalSettings>(t).ok())?,
        trusted_issuer: trusted_issuer(row, seal, id)?,
        retention: retention(row)?,
        created_at: time(row, "created_at")?,
    })
}

fn retention(row: &Row<'_>) -> Result<Option<Retention>> {
    let Some(days) = row.get::<_, Option<u16>>("retention_days")? else { return Ok(None) };
    Retention::from_days(days.into()).map(Some).ok_or_else(|| unreadable("retention_days"))
}

fn trusted_issuer(row: &Row<'_>, seal: &Seal, environment: EnvironmentId) -> Result<Option<TrustedIssuer>> {
    let Some(issuer) = row.get("issuer")? else { return Ok(None) };
    let sealed = row.get_ref("issuer_key")?.as_blob().map_err(|_| unreadable("trusted_issuers.key"))?;
    let clear = seal.open(environments::issuer_place(&environment), sealed);
    let text = clear.and_then(|c| String::from_utf8(c).ok()).ok_or_else(|| unreadable("trusted_issuers.key"))?;
    let kind: String = row.get("key_kind")?;
    let key = match kind.as_str() {
        "jwks_url" => IssuerKey::JwksUrl(text),
        "public_key" => IssuerKey::PublicKey(text),
        "secret" => IssuerKey::Secret(text),
        _ => return Err(unreadable("key_kind")),
    };
    Ok(Some(TrustedIssuer {
        issuer,
        audience: row.get("audience")?,
        key,
        tenant_claim: row.get("tenant_claim")?,
        permissions_claim: row.get("permissions_claim")?,
    }))
}

fn credential(row: &Row<'_>, ids: &Environments) -> Result<Credential> {
    let hash = match row.get::<_, Option<[u8; 32]>>("sha256")? {
        Some(hash) => CredentialHash::Sha256(hash),
        None => CredentialHash::Argon2id(row.get("argon2id")?),
    };
    let created_by: Option<[u8; 16]> = row.get("created_by")?;
    Ok(Credential {
        id: CredentialId::from_uuid(uuid(row, "id")?),
        environment_id: environment_of(row, ids)?,
        name: row.get("name")?,
        scope: parsed(row, "scope", CredentialScope::from_name)?,
        hash,
        created_by: created_by.map(|bytes| CredentialId::from_uuid(Uuid::from_bytes(bytes))),
        created_at: time(row, "created_at")?,
        last_used_at: time_if_any(row, "last_used_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
    })
}

fn operator_token(row: &Row<'_>) -> Result<OperatorToken> {
    Ok(OperatorToken {
        id: OperatorTokenId::from_uuid(uuid(row, "id")?),
        name: row.get("name")?,
        hash: row.get("hash")?,
        created_at: time(row, "created_at")?,
        revoked_at: time_if_any(row, "revoked_at")?,
    })
}

fn category(row: &Row<'_>, ids: &Environments) -> Result<Category> {
    Ok(Category {
        id: CategoryId::from_uuid(uuid(row, "id")?),
        environment_id: environment_of(row, ids)?,
        name: row.get("name")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn event_type(row: &Row<'_>, ids: &Environments) -> Result<EventType> {
    Ok(EventType {
        id: EventTypeId::from_uuid(uuid(row, "id")?),
        environment_id: environment_of(row, ids)?,
        key: event_key(row)?,
        category_id: CategoryId::from_uuid(uuid(row, "category")?),
        display_name: row.get("display_name")?,
        description: row.get("description")?,
        schema: parsed_if_any(row, "schema", |t| Some(Source::new(t)))?,
        schema_version: row.get("schema_version")?,
        schema_mode: parsed(row, "schema_mode", SchemaMode::from_name)?,
        sample: row.get("sample")?,
        audience: parsed(row, "audience", Audience::from_name)?,
        deprecation: match time_if_any(row, "deprecated_at")? {
            None => None,
            Some(at) => {
                Some(Deprecation { at, replaced_by: parsed_if_any(row, "replaced_by", |t| EventKey::parse(t).ok())? })
            }
        },
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

fn pinned_shape(row: &Row<'_>) -> Result<Option<PinnedShape>> {
    let Some(revision) = row.get::<_, Option<i64>>("shape")?.and_then(ShapeRevision::new) else { return Ok(None) };
    let shape = parsed(row, "shape_text", |t| serde_json::from_str::<Shape>(t).ok())?;
    Ok(Some(PinnedShape { revision, shape: Arc::new(shape) }))
}

fn access(row: &Row<'_>, seal: &Seal, id: WebhookId) -> Result<Option<Arc<Access>>> {
    let Some(sealed) = row.get_ref("access")?.as_blob_or_null().map_err(|_| unreadable("access"))? else {
        return Ok(None);
    };
    let clear = seal.open(webhooks::access_place(&id), sealed);
    let access = clear.and_then(|clear| serde_json::from_slice::<Access>(&clear).ok());
    access.map(|access| Some(Arc::new(access))).ok_or_else(|| unreadable("webhooks.access"))
}

fn webhook(row: &Row<'_>, ids: &Environments, seal: &Seal) -> Result<Webhook> {
    let id = WebhookId::from_uuid(uuid(row, "id")?);
    let secret = match row.get_ref("secret")?.as_blob_or_null().map_err(|_| unreadable("secret"))? {
        None => None,
        Some(sealed) => {
            let clear = seal.open(webhooks::secret_place(&id), sealed).and_then(|c| String::from_utf8(c).ok());
            let secret = clear.and_then(|text| Secret::from_vendor(&text).ok().flatten());
            Some(secret.ok_or_else(|| unreadable("webhooks.secret"))?)
        }
    };
    let disabled = parsed_if_any(row, "disabled", DisableReason::from_name)?;
    let streak = match row.get::<_, Option<u32>>("streak_count")? {
        None => None,
        Some(count) => Some(FailureStreak {
            count,
            first_at: time(row, "streak_first_at")?,
            last_at: time(row, "streak_last_at")?,
        }),
    };
    Ok(Webhook {
        id,
        environment_id: environment_of(row, ids)?,
        scope: Scope::of(tenant(row, "tenant")?),
        display_name: row.get("display_name")?,
        description: row.get("description")?,
        url: parsed(row, "url", |t| EndpointUrl::parse(t).ok())?,
        secret,
        signing: signing::opened(row, seal, &id)?,
        event_keys: parsed(row, "event_keys", |t| serde_json::from_str(t).ok())?,
        filter: parsed_if_any(row, "filter", |t| Some(Source::new(t)))?,
        status: disabled.map_or(WebhookStatus::Active, WebhookStatus::Disabled),
        sending: parsed(row, "sending", |t| serde_json::from_str::<Sending>(t).ok())?,
        settings: SettingsRevision::new(row.get("settings_revision")?)
            .ok_or_else(|| unreadable("settings_revision"))?,
        shape: pinned_shape(row)?,
        access: access(row, seal, id)?,
        invocations: count(row, "invocations")?,
        streak,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
