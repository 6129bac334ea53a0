//! Whether and how tenants see webhooks.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::limits::ALLOWED_ORIGINS;
use postrider_core::portal::{AllowedOrigin, PortalSettings as Stored, Visibility};
use postrider_store::PutPortalSettings;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::auth::tokens;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::native::theme::Theme;
use crate::native::wire::object;
use crate::native::words;
use crate::state::ApiState;

/// What tenants see of webhooks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct PortalSettings {
    /// `hidden`: nothing, every call of a tenant's user is refused. `always`: every user of a tenant sees and manages them, portal
    /// links keep to the permissions that they name; reporting events takes the permission in the token all the same.
    /// `byPermissions`: those whose tokens have the permissions.
    #[schema(value_type = words::WebhookVisibility)]
    webhooks: Visibility,
    /// Whose pages may frame the portal, and where links of the portal may lead back to: `https://app.example.com`, or
    /// `https://*.example.com` for every host below it; `http` on localhost alone. At most 50.
    #[serde(default)]
    allowed_origins: Vec<String>,
    /// How the portal looks.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Theme>)]
    theme: Option<Theme>,
}

impl From<&Stored> for PortalSettings {
    fn from(stored: &Stored) -> Self {
        Self {
            webhooks: stored.webhooks,
            allowed_origins: stored.allowed_origins.iter().map(|origin| origin.as_str().to_owned()).collect(),
            theme: Some((&stored.theme).into()),
        }
    }
}

impl PortalSettings {
    fn parsed(self) -> Result<Stored, ApiError> {
        if self.allowed_origins.len() > ALLOWED_ORIGINS {
            return Err(ApiError::value("/allowedOrigins", format!("has at most {ALLOWED_ORIGINS} entries")));
        }
        let mut allowed_origins = Vec::new();
        for (index, text) in self.allowed_origins.iter().enumerate() {
            let origin = AllowedOrigin::parse(text)
                .map_err(|error| ApiError::value(format!("/allowedOrigins/{index}"), error))?;
            if !allowed_origins.contains(&origin) {
                allowed_origins.push(origin);
            }
        }
        let theme = self.theme.unwrap_or_default().parsed("/theme")?;
        Ok(Stored { webhooks: self.webhooks, allowed_origins, theme })
    }
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
    Ok(Answer((&environment.portal).into()))
}

/// Set the portal settings
///
/// All of them: what is left out goes back to its default. Enforced on every call of a tenant's user, also with sessions that are open.
#[utoipa::path(put, path = "/api/v1/portal-settings", tag = "portal", request_body = PortalSettings, responses(
    (status = 200, description = "The settings as they are now.", body = PortalSettings),
    (status = 400, description = "The settings cannot be read.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn put_portal_settings(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(settings): Json<PortalSettings>,
) -> Result<Answer<PortalSettings>, ApiError> {
    let stored = settings.parsed()?;
    match state.store().put_portal_settings(vendor.environment_id, stored.clone(), vendor.actor()).await? {
        PutPortalSettings::Put => Ok(Answer((&stored).into())),
        PutPortalSettings::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutPortalSettings::CallerRevoked => Err(tokens::revoked()),
    }
}
