//! Portal links: a tenant's portal, opened once by whoever the vendor gives the link to.

use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::event::{TenantId, UserId};
use postrider_core::limits::{
    LINK_PERMISSIONS, PORTAL_SESSION_LIFETIME, PORTAL_SESSION_LIFETIME_LEAST, PORTAL_SESSION_LIFETIME_MOST,
};
use postrider_core::permission::{Permission, PermissionSet};
use postrider_core::portal::{PortalSettings, Purpose, ReturnUrl, Theme as StoredTheme, Visibility};
use postrider_store::{CreatePortalLink, NewPortalLink};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Vendor;
use crate::auth::ticket::NewTicket;
use crate::auth::tokens;
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::native::theme::Theme;
use crate::native::wire::{Time, object};
use crate::state::ApiState;

/// A portal link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewPortalLink)]
pub(crate) struct Form {
    /// The tenant whose portal it opens.
    tenant_id: String,
    /// The user who opens it, by the vendor's own id; shown in the list of sessions.
    user_id: Option<String>,
    /// What may be done there: names of permissions, wildcards among them. `fe.connectivity.*` is everything that a portal can do:
    /// events are reported by no portal, whatever is named.
    permissions: Vec<String>,
    /// Seconds that the portal stays open, from its opening: 60 to 86400, 3600 where it is left out. The link itself can be opened within
    /// 5 minutes.
    expires_in_seconds: Option<u64>,
    /// `tenant`, or `support`: the vendor looks at a tenant's portal to help, and the portal says so.
    #[serde(default)]
    purpose: PurposeName,
    /// What looks different from the environment's theme. Its logo must come from the origin of the environment's.
    #[serde(default, deserialize_with = "object")]
    #[schema(value_type = Option<Theme>)]
    theme: Option<Theme>,
    /// A page that the portal leads back to, of an origin in the settings' `allowedOrigins`.
    return_url: Option<String>,
}

/// Why a portal is opened.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum PurposeName {
    /// By a user of the tenant.
    #[default]
    Tenant,
    /// By the vendor, to help.
    Support,
}

impl From<Purpose> for PurposeName {
    fn from(purpose: Purpose) -> Self {
        match purpose {
            Purpose::Tenant => Self::Tenant,
            Purpose::Support => Self::Support,
        }
    }
}

impl From<PurposeName> for Purpose {
    fn from(name: PurposeName) -> Self {
        match name {
            PurposeName::Tenant => Self::Tenant,
            PurposeName::Support => Self::Support,
        }
    }
}

/// A portal link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalLink {
    /// Its id; of the session that it opens, too.
    id: Uuid,
    /// Where to send the browser, or what to frame. It opens the portal once; its secret part travels behind `#` and reaches no server's log.
    url: String,
    /// When it can no more be opened.
    expires_at: Time,
}

/// Create a portal link
///
/// A URL that opens a tenant's portal once. It can be refused later, and its session ended: `DELETE /api/v1/portal-sessions/{id}`.
#[utoipa::path(post, path = "/api/v1/portal-links", tag = "portal", request_body = Form, responses(
    (status = 201, description = "The link.", body = PortalLink),
    (status = 403, description = "Webhooks are hidden from tenants.", body = Problem),
    (status = 409, description = "The server has no public URL with https, or the environment has too many sessions.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem)))]
pub(crate) async fn create_portal_link(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(form): Json<Form>,
) -> Result<(StatusCode, Answer<PortalLink>), ApiError> {
    let environment = state.directory().environment(vendor.environment_id);
    let environment = environment.ok_or_else(|| ApiError::not_found("environment"))?;
    let base = state.links_base().ok_or_else(|| {
        ApiError::new(
            Code::PublicUrlNeeded,
            "a browser keeps the portal's cookie only with https: set POSTRIDER_PUBLIC_URL to this server's https:// address",
        )
    })?;
    if environment.portal.webhooks == Visibility::Hidden {
        return Err(ApiError::new(
            Code::PortalHidden,
            "webhooks are hidden from tenants; switch them on with `postrider portal settings --webhooks always`, or with PUT \
             /api/v1/portal-settings",
        ));
    }
    let ticket = NewTicket::new(&**state.entropy());
    let new = form.parsed(vendor, &environment.portal, &ticket)?;
    match state.store().create_portal_link(new).await? {
        CreatePortalLink::Created(link) => {
            let (id, code) = (link.id, ticket.text(link.id.as_uuid()));
            let url = format!("{base}/portal/{}?session={id}#code={code}", vendor.environment_id);
            Ok((StatusCode::CREATED, Answer(PortalLink { id: id.as_uuid(), url, expires_at: link.until().into() })))
        }
        CreatePortalLink::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        CreatePortalLink::MakerRevoked => Err(tokens::revoked()),
        CreatePortalLink::LimitReached => Err(ApiError::new(
            Code::LimitReached,
            "the environment has too many open portals; end some, or make them shorter",
        )),
    }
}

impl Form {
    fn parsed(self, vendor: Vendor, settings: &PortalSettings, ticket: &NewTicket) -> Result<NewPortalLink, ApiError> {
        let tenant_id = TenantId::parse(&self.tenant_id).map_err(|error| ApiError::value("/tenantId", error))?;
        if self.tenant_id.parse() == Ok(vendor.environment_id) {
            return Err(ApiError::value("/tenantId", "is the environment's own id, which is no tenant"));
        }
        let user_id = self.user_id.as_deref().map(UserId::parse).transpose();
        let user_id = user_id.map_err(|error| ApiError::value("/userId", error))?;
        let return_url = self.return_url.map(|text| ReturnUrl::parse(&text, &settings.allowed_origins)).transpose();
        let return_url = return_url.map_err(|error| ApiError::value("/returnUrl", error))?;
        Ok(NewPortalLink {
            environment_id: vendor.environment_id,
            tenant_id,
            user_id,
            permissions: permissions(&self.permissions)?,
            purpose: self.purpose.into(),
            theme: theme(self.theme, settings)?,
            return_url,
            credential_id: vendor.credential_id,
            lifetime: lifetime(self.expires_in_seconds)?,
            code_hash: ticket.hash(),
        })
    }
}

fn permissions(names: &[String]) -> Result<PermissionSet, ApiError> {
    if names.is_empty() || names.len() > LINK_PERMISSIONS {
        return Err(ApiError::value("/permissions", format!("has 1 to {LINK_PERMISSIONS} names")));
    }
    for (index, name) in names.iter().enumerate() {
        if in_portal([name]).is_empty() {
            let detail =
                "is no permission that a portal can have, like fe.connectivity.read.webhooks or fe.connectivity.*";
            return Err(ApiError::value(format!("/permissions/{index}"), detail));
        }
    }
    Ok(in_portal(names))
}

/// What names allow in a portal: reporting events is the product's.
fn in_portal<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> PermissionSet {
    PermissionSet::from_names(names).without(Permission::WriteTriggerEvent)
}

fn lifetime(seconds: Option<u64>) -> Result<Duration, ApiError> {
    let lifetime = seconds.map_or(PORTAL_SESSION_LIFETIME, Duration::from_secs);
    if (PORTAL_SESSION_LIFETIME_LEAST..=PORTAL_SESSION_LIFETIME_MOST).contains(&lifetime) {
        return Ok(lifetime);
    }
    let (least, most) = (PORTAL_SESSION_LIFETIME_LEAST.as_secs(), PORTAL_SESSION_LIFETIME_MOST.as_secs());
    Err(ApiError::value("/expiresInSeconds", format!("is {least} to {most}")))
}

/// The theme of a link. The page's policy, which is written before anybody knows the link, lets pictures of one origin in.
fn theme(theme: Option<Theme>, settings: &PortalSettings) -> Result<StoredTheme, ApiError> {
    let theme = theme.map(|theme| theme.parsed("/theme")).transpose()?.unwrap_or_default();
    let origin = |theme: &StoredTheme| theme.logo_url.as_ref().map(postrider_core::portal::LogoUrl::origin);
    if theme.logo_url.is_some() && origin(&theme) != origin(&settings.theme) {
        return Err(ApiError::value("/theme/logoUrl", "is of another origin than the logo in the portal's settings"));
    }
    Ok(theme)
}
