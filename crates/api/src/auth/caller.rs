//! The caller of a request, and the kinds of caller that calls ask for.
//!
//! A handler names the kind it serves in its signature: [`Vendor`], [`Member`] (a vendor, or a tenant's user within its tenant and
//! permissions) or [`Operator`]. What a signature does not let in, the handler never sees.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use postrider_core::environment::{Credential, CredentialScope};
use postrider_core::event::{Event, EventKey, TenantId};
use postrider_core::permission::{Permission, PermissionSet};
use postrider_core::portal::{PortalSession, Visibility};
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{CredentialId, EnvironmentId, OperatorTokenId};
use postrider_store::Actor;

use crate::auth::issuer::{self, TenantUser};
use crate::auth::portal_tokens::PortalTokens;
use crate::auth::{scopes, secrets, session, tokens};
use crate::edge::Surface;
use crate::error::{ApiError, Code};
use crate::frontegg::passed_on::{self, PassedOn};
use crate::state::{ApiState, Whose};

/// The header by which an operator on the control socket, or a page of the console or the portal, names an environment.
pub(crate) const ENVIRONMENT_HEADER: &str = "postrider-environment";

/// Where Frontegg's clients put a token.
const ACCESS_TOKEN: &str = "x-access-token";

/// Marks requests that came through the control socket, which only the operator's account can open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FromControlSocket;

/// Who calls.
#[derive(Debug, Clone)]
pub(crate) enum Caller {
    /// A program of the vendor's, with a token of an environment, or a page of the console.
    Vendor(Vendor),
    /// A user of a tenant. Permissions are those of the token; visibility has not been looked at.
    TenantUser(TenantUser),
    /// A user of a tenant, whose request the vendor's own server passes on. In the Frontegg API alone.
    PassedOn(PassedOn),
    /// A tenant's portal that a link opened. Visibility has not been looked at.
    Portal(Arc<PortalSession>),
    /// An operator, with that token.
    Operator(OperatorTokenId),
    /// An operator, through the control socket.
    Control,
}

impl Caller {
    /// Authenticates a request.
    pub(crate) async fn of(parts: &Parts, state: &ApiState) -> Result<Self, ApiError> {
        if parts.extensions.get::<FromControlSocket>().is_some() {
            return Ok(Self::Control);
        }
        let surface = Surface::of(parts.uri.path());
        let token = match token(&parts.headers, surface) {
            Ok(token) => token,
            Err(missing) => return session::caller(parts, state)?.ok_or(missing),
        };
        if secrets::is_operator_token(token) {
            return match state.directory().operator_token(&secrets::sha256(token)) {
                Some(known) => Ok(Self::Operator(known.id)),
                None => Err(tokens::no_operator()),
            };
        }
        if PortalTokens::is_one(token) {
            let id = state.portal_tokens().check(token, state.now())?;
            // Like the cookie that it stands in for.
            if !session::counts_at(parts.uri.path()) {
                let detail = "a token of a portal's session opens the native API alone";
                return Err(ApiError::new(Code::TokenInvalid, detail));
            }
            let session = session::open_portal(parts, id, state)?;
            portal_of(&parts.headers, session.environment_id)?;
            return Ok(Self::Portal(session));
        }
        if let Some(credential) = state.vendor_tokens().check(token, state.directory(), state.now())? {
            let vendor = Vendor::with(&credential, parts)?;
            let user = match surface {
                Surface::Frontegg => {
                    passed_on::user(&parts.headers, vendor.environment_id, vendor.scope.permissions(), state)?
                }
                Surface::Native => None,
            };
            return Ok(user.map_or(Self::Vendor(vendor), Self::PassedOn));
        }
        // Apart, because it is large and no vendor's: a look-up of keys would otherwise take room in every call.
        let user = Box::pin(issuer::check(state, token)).await?;
        portal_of(&parts.headers, user.environment_id)?;
        Ok(Self::TenantUser(user))
    }
}

/// Refuses a page of the portal that was served for another environment than the caller's. Who may frame such a page, and how it looks,
/// is that other environment's to say, so it must not show anything of this one. Programs need not name the environment.
pub(crate) fn portal_of(headers: &HeaderMap, environment_id: EnvironmentId) -> Result<(), ApiError> {
    match headers.get(ENVIRONMENT_HEADER) {
        Some(named) if named.to_str().ok().and_then(|text| text.parse().ok()) != Some(environment_id) => {
            let detail = format!("{ENVIRONMENT_HEADER} is not the environment of the portal's session or token");
            Err(ApiError::new(Code::ScopeForeign, detail))
        }
        _ => Ok(()),
    }
}

/// The token of a request. `x-access-token` is the Frontegg API's alone: Frontegg's middlewares add it to whatever a tenant's user asks for,
/// beside what the user's browser sends as `Authorization`. The native API has nothing that may be passed on like that.
fn token(headers: &HeaderMap, surface: Surface) -> Result<&str, ApiError> {
    // Bytes outside ASCII make a token that is not valid, not one that is missing.
    let text = |name: &str| headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    });
    let access = text(ACCESS_TOKEN).filter(|_| surface == Surface::Frontegg);
    let given = [access, bearer].into_iter().flatten().map(str::trim);
    given.into_iter().find(|token| !token.is_empty()).ok_or_else(|| {
        let elsewhere = if surface == Surface::Native && headers.contains_key(ACCESS_TOKEN) {
            format!("; {ACCESS_TOKEN} counts in Frontegg's API alone")
        } else {
            String::new()
        };
        let detail = format!("send a token as `Authorization: Bearer <token>`{elsewhere}; POST /auth/vendor gives one");
        ApiError::new(Code::TokenMissing, detail)
    })
}

/// The environment that an operator on the control socket means: the one that a header names, or the only one there is.
fn environment_of_control(headers: &HeaderMap, state: &ApiState) -> Result<EnvironmentId, ApiError> {
    let at = ENVIRONMENT_HEADER;
    if let Some(value) = headers.get(at) {
        let id = value.to_str().ok().and_then(|text| text.parse().ok());
        let id: EnvironmentId =
            id.ok_or_else(|| ApiError::at(Code::InvalidParameter, at, "is not the id of an environment"))?;
        return match state.directory().environment(id) {
            Some(_) => Ok(id),
            None => Err(ApiError::not_found("environment")),
        };
    }
    match state.directory().environments().as_slice() {
        [only] => Ok(only.id),
        _ => Err(ApiError::at(Code::InvalidParameter, at, "name the environment in this header, as there are several")),
    }
}

/// A vendor, in its environment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vendor {
    pub(crate) environment_id: EnvironmentId,
    /// The credential that opened it; none: the caller is an operator on the control socket.
    pub(crate) credential_id: Option<CredentialId>,
    /// What that opens; an operator is held back by none.
    scope: CredentialScope,
}

impl Vendor {
    /// Whoever calls with that credential, where its scope opens the call.
    pub(crate) fn with(credential: &Credential, parts: &Parts) -> Result<Self, ApiError> {
        scopes::check(credential.scope, parts)?;
        Ok(Self {
            environment_id: credential.environment_id,
            credential_id: Some(credential.id),
            scope: credential.scope,
        })
    }

    /// By what the caller acts.
    pub(crate) fn actor(self) -> Actor {
        self.credential_id.map_or(Actor::Control, Actor::Credential)
    }

    /// An operator on the control socket, in the environment that is meant.
    fn at_control(headers: &HeaderMap, state: &ApiState) -> Result<Self, ApiError> {
        let environment_id = environment_of_control(headers, state)?;
        Ok(Self { environment_id, credential_id: None, scope: CredentialScope::Full })
    }
}

impl FromRequestParts<ApiState> for Vendor {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match Caller::of(parts, state).await? {
            Caller::Vendor(vendor) => Ok(vendor),
            Caller::Control => Self::at_control(&parts.headers, state),
            Caller::TenantUser(_) | Caller::PassedOn(_) | Caller::Portal(_) => Err(vendors_alone()),
            Caller::Operator(_) => Err(operator_elsewhere()),
        }
    }
}

fn vendors_alone() -> ApiError {
    ApiError::forbidden("this call is the vendor's: a tenant's user cannot make it")
}

fn hidden() -> ApiError {
    ApiError::new(Code::PortalHidden, "the vendor has not switched webhooks on for tenants")
}

fn operator_elsewhere() -> ApiError {
    ApiError::forbidden(
        "an operator's token manages environments and credentials; this call takes a token of an environment",
    )
}

/// A vendor, or a tenant's user within its tenant and permissions.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) environment_id: EnvironmentId,
    /// The tenant, where the caller is a user of one: nothing outside it exists for the caller.
    pub(crate) tenant: Option<TenantId>,
    permissions: PermissionSet,
}

impl Member {
    /// A user of a tenant, as far as the vendor's portal settings let it in.
    pub(crate) fn of_user(user: TenantUser, state: &ApiState) -> Result<Self, ApiError> {
        let environment = state.directory().environment(user.environment_id);
        let permissions = match environment.map(|environment| environment.portal.webhooks) {
            None | Some(Visibility::Hidden) => return Err(hidden()),
            // Managing webhooks is the vendor's to open to all. Events are the product's word, which a token alone may lend.
            Some(Visibility::Always) if user.permissions.allows(Permission::WriteTriggerEvent) => PermissionSet::all(),
            Some(Visibility::Always) => PermissionSet::management(),
            Some(Visibility::ByPermissions) => user.permissions,
        };
        Ok(Self { environment_id: user.environment_id, tenant: Some(user.tenant_id), permissions })
    }

    /// Whoever has a tenant's portal open, as far as the vendor's portal settings let it in: with the permissions of the link, also
    /// where every user has all. No portal reports events.
    pub(crate) fn of_session(session: &PortalSession, state: &ApiState) -> Result<Self, ApiError> {
        let environment = state.directory().environment(session.environment_id);
        match environment.map(|environment| environment.portal.webhooks) {
            None | Some(Visibility::Hidden) => Err(hidden()),
            Some(Visibility::Always | Visibility::ByPermissions) => Ok(Self {
                environment_id: session.environment_id,
                tenant: Some(session.tenant_id.clone()),
                permissions: session.permissions.without(Permission::WriteTriggerEvent),
            }),
        }
    }

    fn of_passed_on(user: PassedOn) -> Self {
        Self { environment_id: user.environment_id, tenant: Some(user.tenant_id), permissions: user.permissions }
    }

    /// A vendor, with the permissions that its credential's scope has.
    fn of_vendor(vendor: Vendor) -> Self {
        Self { environment_id: vendor.environment_id, tenant: None, permissions: vendor.scope.permissions() }
    }

    /// With whom it is counted.
    pub(crate) fn whose(&self) -> Whose {
        (self.environment_id, self.tenant.clone())
    }

    /// Refuses a caller that may not do it.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), ApiError> {
        if self.permissions.allows(permission) {
            return Ok(());
        }
        Err(ApiError::forbidden(format!("the caller lacks the permission {}", permission.name())))
    }

    /// Refuses a tenant's user that may not do what is only tried. A vendor may try what its credential's scope opens.
    pub(crate) fn require_to_try(&self, permission: Permission) -> Result<(), ApiError> {
        if self.tenant.is_none() { Ok(()) } else { self.require(permission) }
    }

    /// What the caller may do.
    pub(crate) fn permissions(&self) -> PermissionSet {
        self.permissions
    }

    /// Whether the caller may do it.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.permissions.allows(permission)
    }

    /// Refuses a tenant's user: the call is about the environment.
    pub(crate) fn require_vendor(&self) -> Result<(), ApiError> {
        match self.tenant {
            None => Ok(()),
            Some(_) => Err(vendors_alone()),
        }
    }

    /// Whether webhooks of that scope are within the caller's reach.
    pub(crate) fn reaches(&self, scope: &Scope) -> bool {
        self.tenant.is_none() || self.tenant.as_ref() == scope.tenant()
    }

    /// Whether the caller may know of events of that key: a tenant's user does not of those that are for the vendor alone.
    pub(crate) fn knows(&self, state: &ApiState, key: &EventKey) -> bool {
        self.tenant.is_none() || state.directory().is_for_tenants(self.environment_id, key)
    }

    /// Whether that event is within the caller's reach: a webhook of the caller's could have got it.
    pub(crate) fn sees_event(&self, state: &ApiState, event: &Event) -> bool {
        event.environment_id == self.environment_id
            && (self.tenant.is_none() || self.tenant == event.tenant_id)
            && self.knows(state, &event.key)
    }

    /// Whether that webhook is.
    pub(crate) fn sees(&self, webhook: &Webhook) -> bool {
        webhook.environment_id == self.environment_id && self.reaches(&webhook.scope)
    }
}

impl FromRequestParts<ApiState> for Member {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let member = match Caller::of(parts, state).await? {
            Caller::Vendor(vendor) => Self::of_vendor(vendor),
            Caller::Control => Vendor::at_control(&parts.headers, state).map(Self::of_vendor)?,
            Caller::TenantUser(user) => Self::of_user(user, state)?,
            Caller::PassedOn(user) => Self::of_passed_on(user),
            Caller::Portal(session) => Self::of_session(&session, state)?,
            Caller::Operator(_) => return Err(operator_elsewhere()),
        };
        if member.tenant.is_some() {
            // Whoever reads the body counts it with the tenant.
            parts.extensions.insert(member.whose());
        }
        Ok(member)
    }
}

/// An operator, and by what he acts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator(pub(crate) Actor);

impl FromRequestParts<ApiState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match Caller::of(parts, state).await? {
            Caller::Operator(token) => Ok(Self(Actor::Token(token))),
            Caller::Control => Ok(Self(Actor::Control)),
            Caller::Vendor(_) | Caller::TenantUser(_) | Caller::PassedOn(_) | Caller::Portal(_) => {
                Err(ApiError::forbidden("this call is the operator's: it takes an operator's token"))
            }
        }
    }
}
