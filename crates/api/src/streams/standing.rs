//! Who opened a stream, kept so that it can be looked at again.

use std::convert::Infallible;

use axum::extract::{FromRequestParts, MatchedPath};
use http::Request;
use http::request::Parts;
use postrider_core::event::{TenantId, UserId};
use postrider_core::{CredentialId, EnvironmentId};
use uuid::Uuid;

use crate::auth::caller::{Caller, FromControlSocket};
use crate::auth::session;
use crate::error::ApiError;
use crate::state::ApiState;

/// Marks a request that is looked at again: that is no use of its session, whose idle time goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OnlyLooking;

/// What of a request says who made it.
#[derive(Debug)]
pub(crate) struct Standing(Parts);

impl FromRequestParts<ApiState> for Standing {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Infallible> {
        let (mut kept, ()) = Request::new(()).into_parts();
        kept.method = parts.method.clone();
        kept.uri = parts.uri.clone();
        kept.headers = parts.headers.clone();
        if let Some(from) = parts.extensions.get::<FromControlSocket>() {
            kept.extensions.insert(*from);
        }
        // What the scope of a credential opens is told by the route.
        if let Some(route) = parts.extensions.get::<MatchedPath>() {
            kept.extensions.insert(route.clone());
        }
        kept.extensions.insert(OnlyLooking);
        Ok(Self(kept))
    }
}

/// Whose stream it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Opener {
    /// A vendor's, with a token of that credential.
    Credential(EnvironmentId, CredentialId),
    /// A person's at the console.
    Console(EnvironmentId, Uuid),
    /// An operator's on this machine.
    Operator,
    /// A portal's that a link opened.
    Portal(EnvironmentId, TenantId, Uuid),
    /// A tenant's user's, with a token that names one or not.
    User(EnvironmentId, TenantId, Option<UserId>),
}

impl Standing {
    /// The caller, as a call that is made now would find it.
    pub(crate) async fn caller<C: FromRequestParts<ApiState, Rejection = ApiError>>(
        &mut self,
        state: &ApiState,
    ) -> Result<C, ApiError> {
        C::from_request_parts(&mut self.0, state).await
    }

    /// Whose stream it is, as far as places are counted.
    pub(super) async fn opener(&self, state: &ApiState) -> Result<Opener, ApiError> {
        Ok(match Caller::of(&self.0, state).await? {
            Caller::Control | Caller::Operator(_) => Opener::Operator,
            Caller::Portal(session) => {
                Opener::Portal(session.environment_id, session.tenant_id.clone(), session.id.as_uuid())
            }
            Caller::TenantUser(user) => Opener::User(user.environment_id, user.tenant_id, user.user_id),
            Caller::PassedOn(user) => Opener::User(user.environment_id, user.tenant_id, None),
            Caller::Vendor(vendor) => match (session::console(&self.0.headers, state), vendor.credential_id) {
                // A token comes before a cookie.
                (_, Some(credential)) if self.0.headers.contains_key(http::header::AUTHORIZATION) => {
                    Opener::Credential(vendor.environment_id, credential)
                }
                (Ok(console), _) => Opener::Console(vendor.environment_id, console.session.id.as_uuid()),
                (Err(_), Some(credential)) => Opener::Credential(vendor.environment_id, credential),
                (Err(_), None) => Opener::Operator,
            },
        })
    }
}
