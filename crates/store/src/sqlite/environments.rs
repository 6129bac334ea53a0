//! Changes of environments, their settings and credentials, and of operators' tokens.

use std::sync::Arc;

use postrider_core::environment::{Credential, CredentialHash, Environment, IssuerKey, OperatorToken, TrustedIssuer};
use postrider_core::limits::CREDENTIALS_PER_ENVIRONMENT;
use postrider_core::portal::PortalSettings;
use postrider_core::retention::Retention;
use postrider_core::{CredentialId, EnvironmentId, OperatorTokenId, Timestamp};
use rusqlite::{OptionalExtension as _, params};

use super::rows::unreadable;
use super::tx::{Failure, Tx};
use super::{Sqlite, event_types};
use crate::directory::DirectoryChange;
use crate::seal::Place;
use crate::{
    Actor, CreateCredential, CreateEnvironment, Found, NewCredential, NewEnvironment, PutPortalSettings, PutRetention,
    PutTrustedIssuer, RenameEnvironment, RevokeCredential, StoreError,
};

/// How often the moment of a credential's last use is written.
const USE_IS_NOTED_EVERY: std::time::Duration = std::time::Duration::from_mins(1);

pub(super) const INSERT: &str = "INSERT INTO environments (id, name, portal, created_at) VALUES (?1, ?2, ?3, ?4)";
pub(super) const RENAME: &str = "UPDATE environments SET name = ?2 WHERE key = ?1";
pub(super) const PUT_PORTAL: &str = "UPDATE environments SET portal = ?2 WHERE key = ?1";
pub(super) const PUT_RETENTION: &str = "UPDATE environments SET retention_days = ?2 WHERE key = ?1";
pub(super) const ISSUER_OWNER: &str = "SELECT environment FROM trusted_issuers WHERE issuer = ?1 AND audience = ?2";
pub(super) const DELETE_ISSUER: &str = "DELETE FROM trusted_issuers WHERE environment = ?1";
pub(super) const INSERT_ISSUER: &str = "INSERT INTO trusted_issuers (environment, issuer, audience, key_kind, key, \
     tenant_claim, permissions_claim) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
pub(super) const INSERT_CREDENTIAL: &str = "INSERT INTO credentials (id, environment, name, scope, sha256, argon2id, \
     created_by, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
pub(super) const REVOKE_CREDENTIAL: &str = "UPDATE credentials SET revoked_at = ?2 WHERE id = ?1";
pub(super) const TOUCH_CREDENTIAL: &str = "UPDATE credentials SET last_used_at = ?2 WHERE id = ?1";
pub(super) const INSERT_TOKEN: &str =
    "INSERT INTO operator_tokens (id, name, hash, created_at) VALUES (?1, ?2, ?3, ?4)";
pub(super) const REVOKE_TOKEN: &str = "UPDATE operator_tokens SET revoked_at = ?2 WHERE id = ?1";

/// The place of an issuer's key.
pub(super) fn issuer_place(environment: &EnvironmentId) -> Place<'_> {
    Place { column: "trusted_issuers.key", row: environment.as_bytes() }
}

impl Sqlite {
    pub(crate) async fn create_environment(&self, new: NewEnvironment) -> Result<CreateEnvironment, StoreError> {
        self.change(move |tx| create(tx, &new)).await
    }

    pub(crate) async fn rename_environment(
        &self,
        id: EnvironmentId,
        name: String,
        by: Actor,
    ) -> Result<RenameEnvironment, StoreError> {
        self.change(move |tx| {
            let Some((key, old)) = known(tx, id) else { return Ok(RenameEnvironment::NoSuchEnvironment) };
            if !tx.still_acts_on(id, by) {
                return Ok(RenameEnvironment::CallerRevoked);
            }
            tx.prepare(RENAME)?.execute((key, &name))?;
            let renamed = put(tx, key, Environment { name: name.clone(), ..Environment::clone(&old) });
            Ok(RenameEnvironment::Renamed(renamed))
        })
        .await
    }

    pub(crate) async fn put_portal_settings(
        &self,
        id: EnvironmentId,
        portal: PortalSettings,
        by: Actor,
    ) -> Result<PutPortalSettings, StoreError> {
        self.change(move |tx| {
            let Some((key, old)) = known(tx, id) else { return Ok(PutPortalSettings::NoSuchEnvironment) };
            if !tx.still_acts_on(id, by) {
                return Ok(PutPortalSettings::CallerRevoked);
            }
            tx.prepare(PUT_PORTAL)?.execute((key, portal_json(&portal)?))?;
            put(tx, key, Environment { portal: portal.clone(), ..Environment::clone(&old) });
            Ok(PutPortalSettings::Put)
        })
        .await
    }

    pub(crate) async fn put_retention(
        &self,
        id: EnvironmentId,
        retention: Option<Retention>,
        by: Actor,
    ) -> Result<PutRetention, StoreError> {
        self.change(move |tx| {
            let Some((key, old)) = known(tx, id) else { return Ok(PutRetention::NoSuchEnvironment) };
            if !tx.still_acts_on(id, by) {
                return Ok(PutRetention::CallerRevoked);
            }
            tx.prepare(PUT_RETENTION)?.execute((key, retention.map(Retention::days)))?;
            put(tx, key, Environment { retention, ..Environment::clone(&old) });
            Ok(PutRetention::Put)
        })
        .await
    }

    pub(crate) async fn put_trusted_issuer(
        &self,
        id: EnvironmentId,
        issuer: Option<TrustedIssuer>,
        by: Actor,
    ) -> Result<PutTrustedIssuer, StoreError> {
        self.change(move |tx| put_trusted_issuer(tx, id, issuer.as_ref(), by)).await
    }

    pub(crate) async fn create_credential(&self, new: NewCredential) -> Result<CreateCredential, StoreError> {
        self.change(move |tx| create_credential(tx, &new)).await
    }

    pub(crate) async fn revoke_credential(
        &self,
        environment: EnvironmentId,
        id: CredentialId,
        by: Actor,
    ) -> Result<RevokeCredential, StoreError> {
        self.change(move |tx| revoke_credential(tx, environment, id, by)).await
    }

    pub(crate) fn touch_credential(&self, id: CredentialId, at: Timestamp) {
        let is_new = move |last: Option<Timestamp>| last.is_none_or(|last| at >= last + USE_IS_NOTED_EVERY);
        if !self.directory.credential(id).is_some_and(|c| is_new(c.last_used_at)) {
            return;
        }
        self.change_unwatched(move |tx| {
            // Many uses of the same minute may have gathered before the first is written.
            let Some(old) = tx.directory.credential(id).filter(|c| is_new(c.last_used_at)) else { return Ok(()) };
            tx.prepare(TOUCH_CREDENTIAL)?.execute((id.as_bytes(), at.as_micros()))?;
            let touched = Credential { last_used_at: Some(at), ..Credential::clone(&old) };
            tx.changes.push(DirectoryChange::PutCredential(Arc::new(touched)));
            Ok(())
        });
    }

    pub(crate) async fn create_operator_token(
        &self,
        name: String,
        hash: [u8; 32],
    ) -> Result<Arc<OperatorToken>, StoreError> {
        self.change(move |tx| {
            let id = OperatorTokenId::new(tx.now, tx.entropy);
            let token = Arc::new(OperatorToken { id, name: name.clone(), hash, created_at: tx.now, revoked_at: None });
            tx.prepare(INSERT_TOKEN)?.execute((id.as_bytes(), &name, hash, tx.now.as_micros()))?;
            tx.changes.push(DirectoryChange::PutOperatorToken(Arc::clone(&token)));
            Ok(token)
        })
        .await
    }

    pub(crate) async fn revoke_operator_token(&self, id: OperatorTokenId) -> Result<Found, StoreError> {
        self.change(move |tx| {
            let Some(old) = tx.directory.operator_tokens().into_iter().find(|t| t.id == id) else {
                return Ok(Found::No);
            };
            if old.revoked_at.is_none() {
                tx.prepare(REVOKE_TOKEN)?.execute((id.as_bytes(), tx.now.as_micros()))?;
                let revoked = OperatorToken { revoked_at: Some(tx.now), ..OperatorToken::clone(&old) };
                tx.changes.push(DirectoryChange::PutOperatorToken(Arc::new(revoked)));
            }
            Ok(Found::Yes)
        })
        .await
    }
}

fn known(tx: &Tx<'_, '_>, id: EnvironmentId) -> Option<(i64, Arc<Environment>)> {
    Some((tx.directory.environment_key(id)?, tx.directory.environment(id)?))
}

fn put(tx: &mut Tx<'_, '_>, key: i64, environment: Environment) -> Arc<Environment> {
    let environment = Arc::new(environment);
    tx.changes.push(DirectoryChange::PutEnvironment { key, environment: Arc::clone(&environment) });
    environment
}

fn portal_json(portal: &PortalSettings) -> Result<String, Failure> {
    Ok(serde_json::to_string(portal).map_err(|_| unreadable("portal"))?)
}

fn create(tx: &mut Tx<'_, '_>, new: &NewEnvironment) -> Result<CreateEnvironment, Failure> {
    if !tx.still_operates(new.made_by) {
        return Ok(CreateEnvironment::MakerRevoked);
    }
    let now = tx.now;
    let id = new.id.unwrap_or_else(|| EnvironmentId::new(now, tx.entropy));
    if tx.directory.environment(id).is_some() {
        return Ok(CreateEnvironment::IdTaken);
    }
    let portal = PortalSettings::default();
    tx.prepare(INSERT)?.execute(params![id.as_bytes(), new.name, portal_json(&portal)?, now.as_micros()])?;
    let name = new.name.clone();
    let environment = Environment { id, name, portal, trusted_issuer: None, retention: None, created_at: now };
    let key = tx.connection.last_insert_rowid();
    let environment = put(tx, key, environment);
    event_types::insert_builtin(tx, key, id)?;
    Ok(CreateEnvironment::Created(environment))
}

fn put_trusted_issuer(
    tx: &mut Tx<'_, '_>,
    id: EnvironmentId,
    issuer: Option<&TrustedIssuer>,
    by: Actor,
) -> Result<PutTrustedIssuer, Failure> {
    let Some((key, old)) = known(tx, id) else { return Ok(PutTrustedIssuer::NoSuchEnvironment) };
    if !tx.still_acts_on(id, by) {
        return Ok(PutTrustedIssuer::CallerRevoked);
    }
    if let Some(issuer) = issuer {
        let owner: Option<i64> =
            tx.prepare(ISSUER_OWNER)?.query_row((&issuer.issuer, &issuer.audience), |row| row.get(0)).optional()?;
        if owner.is_some_and(|owner| owner != key) {
            return Ok(PutTrustedIssuer::Taken);
        }
    }
    tx.prepare(DELETE_ISSUER)?.execute([key])?;
    if let Some(issuer) = issuer {
        let (kind, text) = match &issuer.key {
            IssuerKey::JwksUrl(url) => ("jwks_url", url),
            IssuerKey::PublicKey(pem) => ("public_key", pem),
            IssuerKey::Secret(secret) => ("secret", secret),
        };
        let sealed = tx.seal.seal(issuer_place(&id), text.as_bytes());
        tx.prepare(INSERT_ISSUER)?.execute(params![
            key,
            issuer.issuer,
            issuer.audience,
            kind,
            sealed,
            issuer.tenant_claim,
            issuer.permissions_claim,
        ])?;
    }
    put(tx, key, Environment { trusted_issuer: issuer.cloned(), ..Environment::clone(&old) });
    Ok(PutTrustedIssuer::Put)
}

fn revoke_credential(
    tx: &mut Tx<'_, '_>,
    environment: EnvironmentId,
    id: CredentialId,
    by: Actor,
) -> Result<RevokeCredential, Failure> {
    // Of two that revoke each other, the one that comes second is revoked itself.
    if !tx.still_acts_on(environment, by) {
        return Ok(RevokeCredential::RevokerRevoked);
    }
    if by == Actor::Credential(id) {
        return Ok(RevokeCredential::RevokersOwn);
    }
    let old = tx.directory.credential(id);
    let Some(old) = old.filter(|c| c.environment_id == environment) else {
        return Ok(RevokeCredential::NoSuchCredential);
    };
    if old.revoked_at.is_none() {
        tx.prepare(REVOKE_CREDENTIAL)?.execute((id.as_bytes(), tx.now.as_micros()))?;
        let revoked = Credential { revoked_at: Some(tx.now), ..Credential::clone(&old) };
        tx.changes.push(DirectoryChange::PutCredential(Arc::new(revoked)));
    }
    Ok(RevokeCredential::Revoked)
}

fn create_credential(tx: &mut Tx<'_, '_>, new: &NewCredential) -> Result<CreateCredential, Failure> {
    let Some(environment) = tx.directory.environment_key(new.environment_id) else {
        return Ok(CreateCredential::NoSuchEnvironment);
    };
    if !tx.still_acts_on(new.environment_id, new.made_by) {
        return Ok(CreateCredential::MakerRevoked);
    }
    let maker = new.made_by.credential().and_then(|id| tx.directory.credential(id));
    if maker.is_some_and(|maker| !maker.scope.covers(new.scope)) {
        return Ok(CreateCredential::BeyondMaker);
    }
    let in_use = tx.directory.credentials(new.environment_id).iter().filter(|c| c.revoked_at.is_none()).count();
    if in_use >= CREDENTIALS_PER_ENVIRONMENT {
        return Ok(CreateCredential::LimitReached);
    }
    let (sha256, argon2id) = match &new.hash {
        CredentialHash::Sha256(hash) => (Some(hash), None),
        CredentialHash::Argon2id(text) => (None, Some(text)),
    };
    let credential = Credential {
        id: CredentialId::new(tx.now, tx.entropy),
        environment_id: new.environment_id,
        name: new.name.clone(),
        scope: new.scope,
        hash: new.hash.clone(),
        created_by: new.made_by.credential(),
        created_at: tx.now,
        last_used_at: None,
        revoked_at: None,
    };
    tx.prepare(INSERT_CREDENTIAL)?.execute(params![
        credential.id.as_bytes(),
        environment,
        credential.name,
        credential.scope.name(),
        sha256,
        argon2id,
        credential.created_by.as_ref().map(CredentialId::as_bytes),
        tx.now.as_micros(),
    ])?;
    let credential = Arc::new(credential);
    tx.changes.push(DirectoryChange::PutCredential(Arc::clone(&credential)));
    Ok(CreateCredential::Created(credential))
}
