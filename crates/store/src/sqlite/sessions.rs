//! Sessions of the console and of portals: opening, using and ending them.
//!
//! Invariant: a link is opened once. The writer runs one change at a time and brings the directory up to date before the next, so the
//! second of two who open it finds it opened.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::event::{TenantId, UserId};
use postrider_core::limits::{
    CONSOLE_SESSION_ENVIRONMENTS, CONSOLE_SESSIONS_PER_CREDENTIAL, PORTAL_LINK_LIFETIME,
    PORTAL_SESSIONS_PER_ENVIRONMENT, PORTAL_SESSIONS_PER_TENANT, UPKEEP_BITE,
};
use postrider_core::permission::{Permission, PermissionSet};
use postrider_core::portal::{PortalSession, PortalStage, Purpose, ReturnUrl, Theme};
use postrider_core::session::{ConsoleSession, SignIn};
use postrider_core::{ConsoleSessionId, CredentialId, EnvironmentId, PortalSessionId, Timestamp};
use rusqlite::{Row, params};
use uuid::Uuid;

use super::Sqlite;
use super::load::{Environments, environment_of};
use super::rows::{Result, parsed, parsed_if_any, time, time_if_any, unreadable, uuid};
use super::tx::{Failure, Tx};
use crate::directory::DirectoryChange;
use crate::{
    Actor, CreatePortalLink, Found, NewPortalLink, NewSignIn, OpenPortalLink, SignInOutcome, StoreError, Upkeep,
};

/// How often the moment of a session's last use is written.
const USE_IS_NOTED_EVERY: Duration = Duration::from_mins(1);

pub(super) const CONSOLE: &str = "SELECT id, hash, sign_ins, last_used_at FROM console_sessions";
pub(super) const PORTAL: &str = "SELECT id, environment, tenant, user_id, permissions, purpose, theme, return_url, \
     credential, created_at, lifetime_us, hash, link_until, opened_at, last_used_at FROM portal_sessions";
pub(super) const PUT_CONSOLE: &str =
    "INSERT OR REPLACE INTO console_sessions (id, hash, sign_ins, last_used_at) VALUES (?1, ?2, ?3, ?4)";
pub(super) const DELETE_CONSOLE: &str = "DELETE FROM console_sessions WHERE id = ?1";
pub(super) const TOUCH_CONSOLE: &str = "UPDATE console_sessions SET last_used_at = ?2 WHERE id = ?1";
pub(super) const INSERT_LINK: &str = "INSERT INTO portal_sessions (id, environment, tenant, user_id, permissions, \
     purpose, theme, return_url, credential, created_at, lifetime_us, hash, link_until) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
pub(super) const OPEN_LINK: &str = "UPDATE portal_sessions SET hash = ?2, link_until = NULL, opened_at = ?3, \
     last_used_at = ?3 WHERE id = ?1 AND link_until IS NOT NULL";
pub(super) const TOUCH_PORTAL: &str =
    "UPDATE portal_sessions SET last_used_at = ?2 WHERE id = ?1 AND opened_at IS NOT NULL";
pub(super) const DELETE_PORTAL: &str = "DELETE FROM portal_sessions WHERE id = ?1";

impl Sqlite {
    pub(crate) async fn sign_in(&self, new: NewSignIn) -> std::result::Result<SignInOutcome, StoreError> {
        self.change(move |tx| sign_in(tx, &new)).await
    }

    pub(crate) async fn sign_out(
        &self,
        id: ConsoleSessionId,
        environment: Option<EnvironmentId>,
    ) -> std::result::Result<Option<Arc<ConsoleSession>>, StoreError> {
        self.change(move |tx| {
            let Some(old) = tx.directory.console_session(id) else { return Ok(None) };
            let kept = |sign_in: &&SignIn| environment.is_some_and(|left| sign_in.environment_id != left);
            let sign_ins: Vec<SignIn> = old.sign_ins.iter().filter(kept).copied().collect();
            if sign_ins.is_empty() {
                delete_console(tx, id)?;
                return Ok(None);
            }
            put_console(tx, ConsoleSession { sign_ins, ..ConsoleSession::clone(&old) }).map(Some)
        })
        .await
    }

    pub(crate) fn touch_console_session(&self, id: ConsoleSessionId, at: Timestamp) {
        let is_new = move |session: &ConsoleSession| at >= session.last_used_at + USE_IS_NOTED_EVERY;
        if !self.directory.console_session(id).is_some_and(|session| is_new(&session)) {
            return;
        }
        self.change_unwatched(move |tx| {
            // Many uses of the same minute may have gathered before the first is written.
            let Some(old) = tx.directory.console_session(id).filter(|session| is_new(session)) else { return Ok(()) };
            tx.prepare(TOUCH_CONSOLE)?.execute((id.as_bytes(), at.as_micros()))?;
            let touched = ConsoleSession { last_used_at: at, ..ConsoleSession::clone(&old) };
            tx.changes.push(DirectoryChange::PutConsoleSession(Arc::new(touched)));
            Ok(())
        });
    }

    pub(crate) async fn create_portal_link(
        &self,
        new: NewPortalLink,
    ) -> std::result::Result<CreatePortalLink, StoreError> {
        self.change(move |tx| create_link(tx, &new)).await
    }

    pub(crate) async fn open_portal_link(
        &self,
        id: PortalSessionId,
        code_hash: [u8; 32],
        secret_hash: [u8; 32],
    ) -> std::result::Result<OpenPortalLink, StoreError> {
        self.change(move |tx| {
            let Some(link) = tx.directory.live_portal_session(id, tx.now) else { return Ok(OpenPortalLink::Gone) };
            if !matches!(link.stage, PortalStage::Link { code_hash: kept, .. } if kept == code_hash) {
                return Ok(OpenPortalLink::Gone);
            }
            tx.prepare(OPEN_LINK)?.execute((id.as_bytes(), secret_hash, tx.now.as_micros()))?;
            let stage = PortalStage::Open { secret_hash, since: tx.now, last_used_at: tx.now };
            let session = Arc::new(PortalSession { stage, ..PortalSession::clone(&link) });
            tx.changes.push(DirectoryChange::PutPortalSession(Arc::clone(&session)));
            Ok(OpenPortalLink::Opened(session))
        })
        .await
    }

    pub(crate) fn touch_portal_session(&self, id: PortalSessionId, at: Timestamp) {
        let touched = move |session: &PortalSession| match session.stage {
            PortalStage::Open { secret_hash, since, last_used_at } if at >= last_used_at + USE_IS_NOTED_EVERY => {
                let stage = PortalStage::Open { secret_hash, since, last_used_at: at };
                Some(PortalSession { stage, ..session.clone() })
            }
            _ => None,
        };
        if self.directory.portal_session(id).and_then(|session| touched(&session)).is_none() {
            return;
        }
        self.change_unwatched(move |tx| {
            let touched = tx.directory.portal_session(id).and_then(|session| touched(&session));
            let Some(touched) = touched else { return Ok(()) };
            tx.prepare(TOUCH_PORTAL)?.execute((id.as_bytes(), at.as_micros()))?;
            tx.changes.push(DirectoryChange::PutPortalSession(Arc::new(touched)));
            Ok(())
        });
    }

    pub(crate) async fn end_portal_session(
        &self,
        environment: EnvironmentId,
        id: PortalSessionId,
    ) -> std::result::Result<Found, StoreError> {
        self.change(move |tx| {
            let session = tx.directory.live_portal_session(id, tx.now);
            if session.is_none_or(|session| session.environment_id != environment) {
                return Ok(Found::No);
            }
            delete_portal(tx, id)?;
            Ok(Found::Yes)
        })
        .await
    }

    pub(crate) async fn end_portal_sessions(
        &self,
        environment: EnvironmentId,
        tenant: TenantId,
        user: Option<UserId>,
    ) -> std::result::Result<usize, StoreError> {
        self.change(move |tx| {
            let mut sessions = tx.directory.portal_sessions(environment, Some(&tenant));
            sessions.retain(|session| user.is_none() || session.user_id == user);
            for session in &sessions {
                delete_portal(tx, session.id)?;
            }
            let is_live =
                |session: &&Arc<PortalSession>| tx.directory.live_portal_session(session.id, tx.now).is_some();
            Ok(sessions.iter().filter(is_live).count())
        })
        .await
    }

    pub(crate) async fn forget_sessions_bite(&self) -> std::result::Result<Upkeep, StoreError> {
        self.change(|tx| {
            let (console, portal) = tx.directory.ended_sessions(tx.now, UPKEEP_BITE);
            for id in &console {
                delete_console(tx, *id)?;
            }
            for id in &portal {
                delete_portal(tx, *id)?;
            }
            let is_full = console.len() + portal.len() >= UPKEEP_BITE;
            Ok(if is_full { Upkeep::More } else { Upkeep::Done })
        })
        .await
    }
}

fn sign_in(tx: &mut Tx<'_, '_>, new: &NewSignIn) -> std::result::Result<SignInOutcome, Failure> {
    let now = tx.now;
    let credential = tx.directory.credential(new.credential_id);
    if !credential.is_some_and(|c| c.environment_id == new.environment_id && c.revoked_at.is_none()) {
        return Ok(SignInOutcome::Revoked);
    }
    let old = new.replaces.and_then(|id| tx.directory.console_session(id));
    let mut sign_ins = old.as_ref().map(|old| tx.directory.live_sign_ins(old, now)).unwrap_or_default();
    sign_ins.retain(|sign_in| sign_in.environment_id != new.environment_id);
    if sign_ins.len() >= CONSOLE_SESSION_ENVIRONMENTS {
        return Ok(SignInOutcome::LimitReached);
    }
    sign_ins.push(SignIn { environment_id: new.environment_id, credential_id: new.credential_id, at: now });
    if let Some(old) = old {
        delete_console(tx, old.id)?;
    }
    let others = tx.directory.console_sessions_of(new.credential_id);
    let beyond = (others.len() + 1).saturating_sub(CONSOLE_SESSIONS_PER_CREDENTIAL);
    for id in others.into_iter().take(beyond) {
        delete_console(tx, id)?;
    }
    let id = ConsoleSessionId::new(now, tx.entropy);
    put_console(tx, ConsoleSession { id, hash: new.hash, sign_ins, last_used_at: now }).map(SignInOutcome::SignedIn)
}

fn put_console(tx: &mut Tx<'_, '_>, session: ConsoleSession) -> std::result::Result<Arc<ConsoleSession>, Failure> {
    let sign_ins = serde_json::to_string(&session.sign_ins).map_err(|_| unreadable("sign_ins"))?;
    let used = session.last_used_at.as_micros();
    tx.prepare(PUT_CONSOLE)?.execute((session.id.as_bytes(), session.hash, sign_ins, used))?;
    let session = Arc::new(session);
    tx.changes.push(DirectoryChange::PutConsoleSession(Arc::clone(&session)));
    Ok(session)
}

fn delete_console(tx: &mut Tx<'_, '_>, id: ConsoleSessionId) -> std::result::Result<(), Failure> {
    tx.prepare(DELETE_CONSOLE)?.execute([id.as_bytes()])?;
    tx.changes.push(DirectoryChange::DeleteConsoleSession(id));
    Ok(())
}

fn delete_portal(tx: &mut Tx<'_, '_>, id: PortalSessionId) -> std::result::Result<(), Failure> {
    tx.prepare(DELETE_PORTAL)?.execute([id.as_bytes()])?;
    tx.changes.push(DirectoryChange::DeletePortalSession(id));
    Ok(())
}

fn create_link(tx: &mut Tx<'_, '_>, new: &NewPortalLink) -> std::result::Result<CreatePortalLink, Failure> {
    let Some(environment) = tx.directory.environment_key(new.environment_id) else {
        return Ok(CreatePortalLink::NoSuchEnvironment);
    };
    if !tx.still_acts_on(new.environment_id, new.credential_id.map_or(Actor::Control, Actor::Credential)) {
        return Ok(CreatePortalLink::MakerRevoked);
    }
    let (of_environment, of_tenant) = tx.directory.portal_session_counts(new.environment_id, &new.tenant_id);
    if of_tenant >= PORTAL_SESSIONS_PER_TENANT {
        let oldest = tx.directory.oldest_portal_session(new.environment_id, &new.tenant_id);
        if let Some(oldest) = oldest {
            delete_portal(tx, oldest)?;
        }
    } else if of_environment >= PORTAL_SESSIONS_PER_ENVIRONMENT {
        return Ok(CreatePortalLink::LimitReached);
    }
    let now = tx.now;
    let until = now + PORTAL_LINK_LIFETIME;
    let session = PortalSession {
        id: PortalSessionId::new(now, tx.entropy),
        environment_id: new.environment_id,
        tenant_id: new.tenant_id.clone(),
        user_id: new.user_id.clone(),
        permissions: new.permissions,
        purpose: new.purpose,
        theme: new.theme.clone(),
        return_url: new.return_url.clone(),
        credential_id: new.credential_id,
        created_at: now,
        lifetime: new.lifetime,
        stage: PortalStage::Link { code_hash: new.code_hash, until },
    };
    let names: Vec<_> = session.permissions.iter().map(Permission::name).collect();
    tx.prepare(INSERT_LINK)?.execute(params![
        session.id.as_bytes(),
        environment,
        session.tenant_id.as_str(),
        session.user_id.as_ref().map(UserId::as_str),
        serde_json::to_string(&names).map_err(|_| unreadable("permissions"))?,
        session.purpose.name(),
        serde_json::to_string(&session.theme).map_err(|_| unreadable("theme"))?,
        session.return_url.as_ref().map(ReturnUrl::as_str),
        session.credential_id.as_ref().map(CredentialId::as_bytes),
        now.as_micros(),
        i64::try_from(session.lifetime.as_micros()).map_err(|_| unreadable("lifetime_us"))?,
        new.code_hash,
        until.as_micros(),
    ])?;
    let session = Arc::new(session);
    tx.changes.push(DirectoryChange::PutPortalSession(Arc::clone(&session)));
    Ok(CreatePortalLink::Created(session))
}

/// Reads a row of [`CONSOLE`].
pub(super) fn console_session(row: &Row<'_>) -> Result<ConsoleSession> {
    Ok(ConsoleSession {
        id: ConsoleSessionId::from_uuid(uuid(row, "id")?),
        hash: row.get("hash")?,
        sign_ins: parsed(row, "sign_ins", |text| serde_json::from_str(text).ok())?,
        last_used_at: time(row, "last_used_at")?,
    })
}

/// Reads a row of [`PORTAL`].
pub(super) fn portal_session(row: &Row<'_>, ids: &Environments) -> Result<PortalSession> {
    let hash = row.get("hash")?;
    let stage = match (time_if_any(row, "link_until")?, time_if_any(row, "opened_at")?) {
        (Some(until), None) => PortalStage::Link { code_hash: hash, until },
        (None, Some(since)) => PortalStage::Open { secret_hash: hash, since, last_used_at: time(row, "last_used_at")? },
        _ => return Err(unreadable("opened_at")),
    };
    let lifetime = u64::try_from(row.get::<_, i64>("lifetime_us")?).map_err(|_| unreadable("lifetime_us"))?;
    let credential: Option<[u8; 16]> = row.get("credential")?;
    Ok(PortalSession {
        id: PortalSessionId::from_uuid(uuid(row, "id")?),
        environment_id: environment_of(row, ids)?,
        tenant_id: parsed(row, "tenant", |text| TenantId::parse(text).ok())?,
        user_id: parsed_if_any(row, "user_id", |text| UserId::parse(text).ok())?,
        permissions: parsed(row, "permissions", |text| {
            serde_json::from_str::<Vec<String>>(text).ok().map(PermissionSet::from_names)
        })?,
        purpose: parsed(row, "purpose", Purpose::from_name)?,
        theme: parsed(row, "theme", |text| serde_json::from_str::<Theme>(text).ok())?,
        return_url: parsed_if_any(row, "return_url", ReturnUrl::from_stored)?,
        credential_id: credential.map(|bytes| CredentialId::from_uuid(Uuid::from_bytes(bytes))),
        created_at: time(row, "created_at")?,
        lifetime: Duration::from_micros(lifetime),
        stage,
    })
}
