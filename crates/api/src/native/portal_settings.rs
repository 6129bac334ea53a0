//! Whether and how tenants see webhooks.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::environment::{PortalSettings as Stored, Visibility};
use postrider_store::Found;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::state::ApiState;

/// What tenants see of webhooks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortalSettings {
    /// `hidden`: nothing, every call of a tenant's user is refused. `always`: every user of a tenant sees and manages them.
    /// `byPermissions`: those whose tokens have the permissions.
    #[schema(value_type = String, example = "always")]
    webhooks: Visibility,
}

/// Get the portal settings
#[utoipa::path(get, path = "/api/v1/portal-settings", tag = "portal", responses(
    (status = 200, description = "The settings.", body = PortalSettings)))]
pub(crate) async fn get_portal_settings(
    State(state): State<ApiState>,
    vendor: Vendor,
) -> Result<Answer<PortalSettings>, ApiError> {
    let environment = state.directory().environment(vendor.environment_id);
    let environment = environment.ok_or_else(|| ApiError::not_found("environment"))?;
    Ok(Answer(PortalSettings { webhooks: environment.portal.webhooks }))
}

/// Set the portal settings
///
/// Enforced on every call with a token of a tenant's user.
#[utoipa::path(put, path = "/api/v1/portal-settings", tag = "portal", request_body = PortalSettings, responses(
    (status = 200, description = "The settings as they are now.", body = PortalSettings),
    (status = 400, description = "The settings cannot be read.", body = Problem)))]
pub(crate) async fn put_portal_settings(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(settings): Json<PortalSettings>,
) -> Result<Answer<PortalSettings>, ApiError> {
    let stored = Stored { webhooks: settings.webhooks };
    match state.store().put_portal_settings(vendor.environment_id, stored).await? {
        Found::Yes => Ok(Answer(settings)),
        Found::No => Err(ApiError::not_found("environment")),
    }
}
