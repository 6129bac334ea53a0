//! Who has portals of an environment's tenants open, for the vendor to see and to end.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::PortalSessionId;
use postrider_core::event::UserId;
use postrider_core::permission::Permission;
use postrider_core::portal::{PortalSession as Stored, PortalStage};
use postrider_store::Found;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::caller::Vendor;
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Ids, Params};
use crate::native::events::read::tenant;
use crate::native::portal_links::PurposeName;
use crate::native::wire::{self, Page, Time};
use crate::state::ApiState;

/// A portal session, or a link that nobody has opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PortalSessionRow)]
pub(crate) struct Row {
    /// Its id; the link's, too.
    id: Uuid,
    /// The tenant.
    tenant_id: String,
    /// The user, where the link named one.
    user_id: Option<String>,
    /// What may be done, wildcards resolved.
    permissions: Vec<&'static str>,
    /// Why it is open.
    purpose: PurposeName,
    /// When the link was made.
    created_at: Time,
    /// When it was opened; `null`: it was not.
    opened_at: Option<Time>,
    /// When it was last used, to the minute.
    last_used_at: Option<Time>,
    /// When it ends by itself.
    expires_at: Time,
}

impl From<&Stored> for Row {
    fn from(session: &Stored) -> Self {
        let (opened_at, last_used_at) = match session.stage {
            PortalStage::Link { .. } => (None, None),
            PortalStage::Open { since, last_used_at, .. } => (Some(since.into()), Some(last_used_at.into())),
        };
        Self {
            id: session.id.as_uuid(),
            tenant_id: session.tenant_id.as_str().to_owned(),
            user_id: session.user_id.as_ref().map(|id| id.as_str().to_owned()),
            permissions: session.permissions.iter().map(Permission::name).collect(),
            purpose: session.purpose.into(),
            created_at: session.created_at.into(),
            opened_at,
            last_used_at,
            expires_at: session.until().into(),
        }
    }
}

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SessionQuery {
    /// Of that tenant.
    tenant_id: Option<String>,
    /// Rows of the page: 1 to 250, 50 where it is left out.
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// List portal sessions
///
/// Those that are open, and links that nobody has opened yet; newest first.
#[utoipa::path(get, path = "/api/v1/portal-sessions", tag = "portal", params(SessionQuery), responses(
    (status = 200, description = "A page of sessions.", body = Page<Row>),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn list_portal_sessions(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<SessionQuery>,
) -> Result<Answer<Page<Row>>, ApiError> {
    let tenant = tenant(query.tenant_id.as_deref())?;
    let rows = wire::page_rows(query.limit)?;
    let before: Option<PortalSessionId> = wire::cursor(query.cursor.as_deref())?;
    let now = state.now();
    let sessions = state.directory().portal_sessions(vendor.environment_id, tenant.as_ref());
    let mut rest = sessions.iter().rev().filter(|session| {
        before.is_none_or(|before| session.id < before)
            && state.directory().live_portal_session(session.id, now).is_some()
    });
    let page: Vec<_> = rest.by_ref().take(rows).collect();
    let next_cursor = rest.next().and(page.last()).map(|session| session.id.to_string());
    let items = page.into_iter().map(|session| (&**session).into()).collect();
    Ok(Answer(Page { items, next_cursor }))
}

/// End a portal session
///
/// At once; a link that nobody has opened can no more be opened.
#[utoipa::path(delete, path = "/api/v1/portal-sessions/{portalSessionId}", tag = "portal",
    params(("portalSessionId" = Uuid, Path, description = "The session, or the link.")), responses(
    (status = 204, description = "It has ended."),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn end_portal_session(
    State(state): State<ApiState>,
    vendor: Vendor,
    Ids(id): Ids<PortalSessionId>,
) -> Result<StatusCode, ApiError> {
    match state.store().end_portal_session(vendor.environment_id, id).await? {
        Found::Yes => Ok(StatusCode::NO_CONTENT),
        Found::No => Err(ApiError::not_found("portal session")),
    }
}

/// Whose sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct EndQuery {
    /// Of that tenant. Required: nobody ends everything by leaving something out.
    #[param(required = true)]
    tenant_id: Option<String>,
    /// Of that user alone.
    user_id: Option<String>,
}

/// How many.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ended {
    /// Sessions and links that have ended by this.
    ended: usize,
}

/// End the portal sessions of a tenant
///
/// Of one of its users, or of all: for whoever leaves.
#[utoipa::path(delete, path = "/api/v1/portal-sessions", tag = "portal", params(EndQuery), responses(
    (status = 200, description = "They have ended.", body = Ended),
    (status = 400, description = "A parameter is missing or cannot be read.", body = Problem)))]
pub(crate) async fn end_portal_sessions(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<EndQuery>,
) -> Result<Answer<Ended>, ApiError> {
    let tenant = tenant(query.tenant_id.as_deref())?;
    let tenant =
        tenant.ok_or_else(|| ApiError::at(Code::InvalidParameter, "tenantId", "names the tenant, and is needed"))?;
    let user = query.user_id.as_deref().map(UserId::parse).transpose();
    let user = user.map_err(|error| ApiError::at(Code::InvalidParameter, "userId", error))?;
    let ended = state.store().end_portal_sessions(vendor.environment_id, tenant, user).await?;
    Ok(Answer(Ended { ended }))
}
