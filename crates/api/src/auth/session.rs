//! Callers with a cookie: the console's pages and the portal's.
//!
//! A page of the portal names its session in a header (`postrider-session`) and is then that session, whatever other cookies the browser
//! sends along: a tenant's page never acts with the console's cookie, nor the other way round. Cookies count on the native API alone, and
//! only where [`csrf`] lets the call pass.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use postrider_core::portal::{PortalSession, PortalStage};
use postrider_core::session::{ConsoleSession, SignIn};
use postrider_core::{ConsoleSessionId, PortalSessionId};

use crate::auth::caller::{Caller, ENVIRONMENT_HEADER, Vendor, portal_of};
use crate::auth::cookies;
use crate::auth::csrf;
use crate::auth::ticket::Ticket;
use crate::error::{ApiError, Code};
use crate::state::ApiState;
use crate::streams::OnlyLooking;

/// The header by which a page of the portal names its session.
const SESSION_HEADER: &str = "postrider-session";

/// Whether sessions of browsers count at that path: at those of the native API alone.
pub(crate) fn counts_at(path: &str) -> bool {
    path.starts_with("/api/v1/")
}

/// Whoever calls with a cookie; none where there is no cookie that counts here.
pub(crate) fn caller(parts: &Parts, state: &ApiState) -> Result<Option<Caller>, ApiError> {
    if !counts_at(parts.uri.path()) {
        return Ok(None);
    }
    if let Some(id) = portal_session_named(&parts.headers)? {
        csrf::check(parts, state)?;
        let session = portal_by_cookie(parts, id, state)?;
        portal_of(&parts.headers, session.environment_id)?;
        return Ok(Some(Caller::Portal(session)));
    }
    if cookies::console(&parts.headers, state.transport()).is_none() {
        return Ok(None);
    }
    csrf::check(parts, state)?;
    let console = console(&parts.headers, state)?;
    let sign_in = console.sign_in_meant(&parts.headers)?;
    if parts.extensions.get::<OnlyLooking>().is_none() {
        state.store().touch_console_session(console.session.id, state.now());
    }
    let credential = state.directory().credential(sign_in.credential_id).ok_or_else(ended)?;
    Vendor::with(&credential, parts).map(|vendor| Some(Caller::Vendor(vendor)))
}

fn ended() -> ApiError {
    ApiError::new(Code::SessionEnded, "the session has ended; sign in again, or open the portal again")
}

/// A session of the console, with what of it still counts.
#[derive(Debug, Clone)]
pub(crate) struct Console {
    pub(crate) session: Arc<ConsoleSession>,
    /// At least one.
    pub(crate) sign_ins: Vec<SignIn>,
}

impl Console {
    /// The environment that a call means: the one that a header names, or the only one there is.
    fn sign_in_meant(&self, headers: &HeaderMap) -> Result<SignIn, ApiError> {
        let Some(value) = headers.get(ENVIRONMENT_HEADER) else {
            return match self.sign_ins.as_slice() {
                [only] => Ok(*only),
                _ => Err(ApiError::at(
                    Code::InvalidParameter,
                    ENVIRONMENT_HEADER,
                    "name the environment in this header, as the session has several",
                )),
            };
        };
        let id = value.to_str().ok().and_then(|text| text.parse().ok());
        let id = id.ok_or_else(|| {
            ApiError::at(Code::InvalidParameter, ENVIRONMENT_HEADER, "is not the id of an environment")
        })?;
        let found = self.sign_ins.iter().find(|sign_in| sign_in.environment_id == id);
        found.copied().ok_or_else(|| {
            ApiError::new(Code::ScopeForeign, format!("the session is not signed in to the environment {id}"))
        })
    }
}

/// The session of the console that a browser has.
pub(crate) fn console(headers: &HeaderMap, state: &ApiState) -> Result<Console, ApiError> {
    let value = cookies::console(headers, state.transport())
        .ok_or_else(|| ApiError::new(Code::TokenMissing, "nobody is signed in; POST /api/v1/session signs in"))?;
    let ticket = Ticket::parse(value).ok_or_else(ended)?;
    let session = state.directory().console_session(ConsoleSessionId::from_uuid(ticket.id)).ok_or_else(ended)?;
    let now = state.now();
    if !ticket.proves(&session.hash) || now >= session.until() {
        return Err(ended());
    }
    let sign_ins = state.directory().live_sign_ins(&session, now);
    if sign_ins.is_empty() {
        return Err(ended());
    }
    Ok(Console { session, sign_ins })
}

/// The portal session that a page names.
pub(crate) fn portal_session_named(headers: &HeaderMap) -> Result<Option<PortalSessionId>, ApiError> {
    let Some(value) = headers.get(SESSION_HEADER) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    id.map(Some).ok_or_else(|| ApiError::at(Code::InvalidParameter, SESSION_HEADER, "is not the id of a session"))
}

fn portal_by_cookie(parts: &Parts, id: PortalSessionId, state: &ApiState) -> Result<Arc<PortalSession>, ApiError> {
    let value = cookies::portal(&parts.headers, state.transport(), id).ok_or_else(ended)?;
    let ticket = Ticket::parse(value).filter(|ticket| ticket.id == id.as_uuid()).ok_or_else(ended)?;
    let session = open_portal(parts, id, state)?;
    if ticket.proves(&session.hash()) { Ok(session) } else { Err(ended()) }
}

/// The portal session of that id, where it is open; it is used by that, unless it is only
/// looked at.
pub(crate) fn open_portal(
    parts: &Parts,
    id: PortalSessionId,
    state: &ApiState,
) -> Result<Arc<PortalSession>, ApiError> {
    let now = state.now();
    let session = state.directory().live_portal_session(id, now).ok_or_else(ended)?;
    // A link's hash is its code's: that opens nothing but the link.
    if !matches!(session.stage, PortalStage::Open { .. }) {
        return Err(ended());
    }
    if parts.extensions.get::<OnlyLooking>().is_none() {
        state.store().touch_portal_session(id, now);
    }
    Ok(session)
}
