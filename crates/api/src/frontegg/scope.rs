//! The scope of a call: which tenant's webhooks it is about, or the environment's.
//!
//! For a vendor's token the headers say so; for a token of a tenant's user the token does, and headers can only agree.

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;
use postrider_core::permission::Permission;
use postrider_core::webhook::Scope;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::state::ApiState;

pub(super) const TENANT: &str = "frontegg-tenant-id";
const ENVIRONMENT: &str = "frontegg-environment-id";

/// A caller and the scope that its call is about.
#[derive(Debug, Clone)]
pub(crate) struct Scoped {
    pub(crate) member: Member,
    pub(crate) scope: Scope,
}

impl Scoped {
    /// The environment of both.
    pub(crate) fn environment_id(&self) -> EnvironmentId {
        self.member.environment_id
    }

    /// Refuses a caller that may not do it.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), ApiError> {
        self.member.require(permission)
    }
}

impl FromRequestParts<ApiState> for Scoped {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let member = Member::from_request_parts(parts, state).await?;
        let scope = scope(&parts.headers, &member)?;
        Ok(Self { member, scope })
    }
}

fn scope(headers: &HeaderMap, member: &Member) -> Result<Scope, ApiError> {
    let own = |text: &str| text.parse() == Ok(member.environment_id);
    let environment = header(headers, ENVIRONMENT)?;
    if environment.is_some_and(|id| !own(id)) {
        return Err(ApiError::new(Code::ScopeForeign, format!("{ENVIRONMENT} is not the environment of the token")));
    }
    let tenant = header(headers, TENANT)?;
    if let Some(user_of) = &member.tenant {
        return match tenant {
            Some(id) if id != user_of.as_str() => {
                Err(ApiError::new(Code::ScopeForeign, format!("{TENANT} is not the tenant of the token")))
            }
            _ => Ok(Scope::Tenant(user_of.clone())),
        };
    }
    match (tenant, environment) {
        (Some(id), _) if own(id) => Ok(Scope::Environment),
        (Some(id), _) => {
            TenantId::parse(id).map(Scope::Tenant).map_err(|error| ApiError::at(Code::InvalidParameter, TENANT, error))
        }
        (None, Some(_)) => Ok(Scope::Environment),
        (None, None) => Err(ApiError::new(Code::ScopeMissing, "Tenant ID is not specified")),
    }
}

/// A header's value; an empty one counts as absent. Texts outside ASCII are taken as UTF-8. Of two, neither is the one that is meant.
pub(super) fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, ApiError> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(ApiError::at(Code::InvalidParameter, name, "is given twice, with different values"));
    }
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| ApiError::at(Code::InvalidParameter, name, "is not UTF-8"))?;
    Ok(Some(text).filter(|text| !text.is_empty()))
}
