//! The portal's own session: what its page asks first. A link's code for a session, what the session is, its end.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse as _, Response};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use postrider_core::EnvironmentId;
use postrider_core::PortalSessionId;
use postrider_core::environment::Environment;
use postrider_core::permission::Permission;
use postrider_core::portal::{PortalSession as Stored, Theme as StoredTheme};
use postrider_store::OpenPortalLink;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::{Caller, Member, portal_of};
use crate::auth::cookies;
use crate::auth::csrf::FromOwnPage;
use crate::auth::issuer::TenantUser;
use crate::auth::ticket::{NewTicket, Ticket};
use crate::body::{Ignored, OpenJson};
use crate::error::{ApiError, Code, Problem};
use crate::native::portal_links::PurposeName;
use crate::native::theme::Theme;
use crate::native::wire::Time;
use crate::state::ApiState;

/// Who has a tenant's portal open, and how it looks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalSession {
    /// Its id, for the header `postrider-session`; `null`: the caller has a token of the vendor's identity provider.
    id: Option<Uuid>,
    /// How it was opened.
    kind: SessionKind,
    /// The environment.
    environment_id: Uuid,
    /// Its name for people.
    environment_name: String,
    /// The tenant.
    tenant_id: String,
    /// The user, where one is named.
    user_id: Option<String>,
    /// What may be done, wildcards resolved.
    permissions: Vec<&'static str>,
    /// Why it is open.
    purpose: PurposeName,
    /// How it looks: the environment's theme with the link's over it.
    theme: Theme,
    /// A page to lead back to.
    return_url: Option<String>,
    /// When it ends by itself.
    expires_at: Option<Time>,
}

/// How a portal is opened.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SessionKind {
    /// By a portal link.
    Link,
    /// By a token of the identity provider that the environment trusts.
    UserToken,
}

/// A user of a tenant, in either way.
pub(crate) enum Holder {
    Session(Arc<Stored>),
    User(TenantUser),
}

impl Holder {
    fn environment_id(&self) -> EnvironmentId {
        match self {
            Self::Session(session) => session.environment_id,
            Self::User(user) => user.environment_id,
        }
    }

    fn member(&self, state: &ApiState) -> Result<Member, ApiError> {
        match self {
            Self::Session(session) => Member::of_session(session, state),
            Self::User(user) => Member::of_user(user.clone(), state),
        }
    }
}

impl FromRequestParts<ApiState> for Holder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match Caller::of(parts, state).await? {
            Caller::Portal(session) => Ok(Self::Session(session)),
            Caller::TenantUser(user) => Ok(Self::User(user)),
            Caller::Vendor(_) | Caller::PassedOn(_) | Caller::Operator(_) | Caller::Control => {
                Err(ApiError::forbidden("this call is the portal's: a session of a tenant's portal makes it"))
            }
        }
    }
}

impl PortalSession {
    fn new(state: &ApiState, environment: &Environment, holder: &Holder) -> Result<Self, ApiError> {
        // Also refuses where webhooks are hidden by now.
        let member = holder.member(state)?;
        let permissions = member.permissions().iter().map(Permission::name).collect();
        let settings = &environment.portal;
        let shown = |theme: &StoredTheme| Theme::from(&settings.theme.with(theme));
        let (environment_id, environment_name) = (environment.id.as_uuid(), environment.name.clone());
        Ok(match holder {
            Holder::Session(session) => Self {
                id: Some(session.id.as_uuid()),
                kind: SessionKind::Link,
                environment_id,
                environment_name,
                tenant_id: session.tenant_id.as_str().to_owned(),
                user_id: session.user_id.as_ref().map(|id| id.as_str().to_owned()),
                permissions,
                purpose: session.purpose.into(),
                theme: shown(&session.theme),
                // The vendor may have taken the origin off its list since.
                return_url: session
                    .return_url
                    .as_ref()
                    .filter(|url| url.is_allowed_by(&settings.allowed_origins))
                    .map(|url| url.as_str().to_owned()),
                expires_at: Some(session.until().into()),
            },
            Holder::User(user) => Self {
                id: None,
                kind: SessionKind::UserToken,
                environment_id,
                environment_name,
                tenant_id: user.tenant_id.as_str().to_owned(),
                user_id: user.user_id.as_ref().map(|id| id.as_str().to_owned()),
                permissions,
                purpose: PurposeName::Tenant,
                theme: shown(&StoredTheme::default()),
                return_url: None,
                expires_at: Some(user.expires_at.into()),
            },
        })
    }
}

fn environment(state: &ApiState, id: EnvironmentId) -> Result<Arc<Environment>, ApiError> {
    state.directory().environment(id).ok_or_else(|| ApiError::not_found("environment"))
}

/// A link's code.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LinkCode {
    /// What stands behind `#code=` in a portal link.
    code: String,
}

/// A portal that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OpenedPortal {
    session: PortalSession,
    #[serde(flatten)]
    token: PortalToken,
}

/// A token of a portal session, for a page whose cookies the browser blocks. To be kept in memory alone.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PortalToken {
    /// For `Authorization: Bearer`.
    token: String,
    /// When it ends; it is renewed before by `POST /api/v1/portal-session/token`.
    token_expires_at: Time,
}

impl PortalToken {
    fn new(state: &ApiState, session: &Stored) -> Self {
        let (token, until) = state.portal_tokens().issue(session.id, state.now(), session.until());
        Self { token, token_expires_at: until.into() }
    }
}

/// Open a portal
///
/// Exchanges a link's code for a session, once: sets the session's cookie. For pages of this server: the call takes the header
/// `x-postrider-csrf: 1`. Like every call of a portal's page it may name the page's environment in `postrider-environment`, and is refused
/// where the link is another's.
#[utoipa::path(post, path = "/api/v1/portal-session", tag = "portal", security(()), request_body = LinkCode, responses(
    (status = 200, description = "The session.", body = OpenedPortal),
    (status = 401, description = "The link was opened before, its time is over, or it never was.", body = Problem),
    (status = 403, description = "Webhooks are hidden, the link is another environment's, or another origin's page made the call.",
        body = Problem)))]
pub(crate) async fn open_portal(
    State(state): State<ApiState>,
    _: FromOwnPage,
    headers: HeaderMap,
    OpenJson(given): OpenJson<LinkCode>,
) -> Result<Response, ApiError> {
    let gone = || {
        ApiError::new(
            Code::LinkInvalid,
            "the link was opened before, or its time is over; go back and ask for a new one",
        )
    };
    let code = Ticket::parse(given.code.trim()).ok_or_else(gone)?;
    let id = PortalSessionId::from_uuid(code.id);
    // Looked up in memory first, so that texts that somebody makes up never reach the writer.
    let link = state.directory().live_portal_session(id, state.now()).filter(|link| code.proves(&link.hash()));
    let link = link.ok_or_else(gone)?;
    // While webhooks are hidden the link is not used up, nor by a page of another environment's portal.
    Member::of_session(&link, &state)?;
    portal_of(&headers, link.environment_id)?;
    let ticket = NewTicket::new(&**state.entropy());
    let session = match state.store().open_portal_link(id, code.hash, ticket.hash()).await? {
        OpenPortalLink::Opened(session) => session,
        OpenPortalLink::Gone => return Err(gone()),
    };
    let value = ticket.text(id.as_uuid());
    let token = PortalToken::new(&state, &session);
    let lifetime = session.lifetime;
    let environment = environment(&state, session.environment_id)?;
    let session = PortalSession::new(&state, &environment, &Holder::Session(session))?;
    let mut response = Answer(OpenedPortal { session, token }).into_response();
    cookies::set_portal(response.headers_mut(), state.transport(), &headers, id, &value, lifetime);
    Ok(response)
}

/// Get the portal's session
///
/// Of whoever asks: a session that a link opened, or a user with a token of the identity provider.
#[utoipa::path(get, path = "/api/v1/portal-session", tag = "portal", responses(
    (status = 200, description = "The session.", body = PortalSession),
    (status = 401, description = "There is none, or it has ended.", body = Problem),
    (status = 403, description = "Webhooks are hidden, or the caller is no tenant's user.", body = Problem)))]
pub(crate) async fn get_portal_session(
    State(state): State<ApiState>,
    holder: Holder,
) -> Result<Answer<PortalSession>, ApiError> {
    let environment = environment(&state, holder.environment_id())?;
    PortalSession::new(&state, &environment, &holder).map(Answer)
}

/// Renew a token of the portal's session
///
/// For pages whose cookies the browser blocks.
#[utoipa::path(post, path = "/api/v1/portal-session/token", tag = "portal", responses(
    (status = 200, description = "A token.", body = PortalToken),
    (status = 401, description = "There is no session, or it has ended.", body = Problem),
    (status = 403, description = "Webhooks are hidden, or the caller has no session of a link.", body = Problem)))]
pub(crate) async fn renew_portal_token(
    State(state): State<ApiState>,
    holder: Holder,
    _: Ignored,
) -> Result<Answer<PortalToken>, ApiError> {
    holder.member(&state)?;
    match holder {
        Holder::Session(session) => Ok(Answer(PortalToken::new(&state, &session))),
        Holder::User(_) => Err(ApiError::forbidden("a token of the identity provider is renewed there")),
    }
}

/// Close a portal
///
/// Ends the session that asks. A token of the identity provider ends by itself, and nothing is done about it here.
#[utoipa::path(delete, path = "/api/v1/portal-session", tag = "portal", responses(
    (status = 204, description = "It has ended."),
    (status = 401, description = "There is none, or it has ended.", body = Problem)))]
pub(crate) async fn close_portal(State(state): State<ApiState>, holder: Holder) -> Result<Response, ApiError> {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Holder::Session(session) = holder {
        state.store().end_portal_session(session.environment_id, session.id).await?;
        cookies::clear_portal(response.headers_mut(), state.transport(), session.id);
    }
    Ok(response)
}
