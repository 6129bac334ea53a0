//! Requests of a tenant's users that a vendor's own server passes on with the vendor's token.
//!
//! Frontegg's middlewares do so with whatever a browser asks for, below the path where they are mounted; in headers they say whose request
//! it is. The token is then the vendor's and the will is the user's, who gets what a user of the tenant gets. Owns how such a request
//! is known, and what it allows.
//!
//! Visibility to tenants is not asked for: it is the vendor's own server that lets the user in.

use http::HeaderMap;
use postrider_core::EnvironmentId;
use postrider_core::event::TenantId;
use postrider_core::permission::{Permission, PermissionSet};
use postrider_core::portal::Visibility;

use crate::error::{ApiError, Code};
use crate::frontegg::scope::{TENANT, header};
use crate::state::ApiState;

/// What the user may do, by the vendor's word: names with commas between them.
const PERMISSIONS: &str = "frontegg-user-permissions";
/// Headers that nothing but a middleware sends. Not all of them do.
const OF_MIDDLEWARES: [&str; 3] = [PERMISSIONS, "frontegg-middleware-client", "frontegg-middleware-request"];
/// All middlewares send this one, and so do some clients with calls of their own; these name no user.
const HOST: &str = "frontegg-vendor-host";
const USER: &str = "frontegg-user-id";
/// What a middleware sends for a user of no tenant, where it sends no empty value.
const NO_TENANT: &str = "WITHOUT_TENANT_ID";

/// Whom a request is passed on for.
#[derive(Debug, Clone)]
pub(crate) struct PassedOn {
    pub(crate) environment_id: EnvironmentId,
    pub(crate) tenant_id: TenantId,
    pub(crate) permissions: PermissionSet,
}

/// Whom a vendor passes the request on for; none: it is the vendor's own, or one of a vendor's user that has the whole environment as its
/// tenant. `most`: what the vendor's token allows.
pub(crate) fn user(
    headers: &HeaderMap,
    environment_id: EnvironmentId,
    most: PermissionSet,
    state: &ApiState,
) -> Result<Option<PassedOn>, ApiError> {
    let is_known = OF_MIDDLEWARES.iter().any(|name| headers.contains_key(*name));
    let is_passed_on = is_known || (headers.contains_key(HOST) && headers.contains_key(USER));
    if !is_passed_on {
        return Ok(None);
    }
    let Some(tenant) = header(headers, TENANT)?.filter(|tenant| *tenant != NO_TENANT) else {
        return Err(ApiError::new(Code::ScopeMissing, "Tenant ID is not specified"));
    };
    if tenant.parse() == Ok(environment_id) {
        return Ok(None);
    }
    let tenant_id = TenantId::parse(tenant).map_err(|error| ApiError::at(Code::InvalidParameter, TENANT, error))?;
    let granted = match header(headers, PERMISSIONS)? {
        Some(names) => PermissionSet::from_names(names.split(',').map(str::trim)),
        None if headers.contains_key(PERMISSIONS) => PermissionSet::default(),
        // Not every middleware names any: what it lets through, the user may do.
        None => PermissionSet::management(),
    };
    let environment = state.directory().environment(environment_id);
    let granted = match environment.map(|environment| environment.portal.webhooks) {
        Some(Visibility::Always) => granted.or(PermissionSet::management()),
        _ => granted,
    };
    // Events are the product's word, and where a middleware names no permissions it passes on those that a browser has made up.
    let permissions = granted.and(most).without(Permission::WriteTriggerEvent);
    Ok(Some(PassedOn { environment_id, tenant_id, permissions }))
}
