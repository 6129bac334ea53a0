//! The console's session: signing in with an environment's client id and secret, and out again.

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use postrider_core::EnvironmentId;
use postrider_core::environment::CredentialScope as Scope;
use postrider_store::{NewSignIn, SignInOutcome};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::cookies;
use crate::auth::csrf::FromOwnPage;
use crate::auth::session::{self, Console};
use crate::auth::sign_in::{self, CalledFrom};
use crate::auth::ticket::NewTicket;
use crate::body::OpenJson;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::credentials::CredentialScope;
use crate::native::wire::{self, Time};
use crate::state::ApiState;

/// Who is signed in to the console.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    /// The environments that the session is signed in to, in order of signing in.
    environments: Vec<SessionEnvironment>,
    /// When it ends by itself, if nothing more is done with it.
    expires_at: Time,
    /// What portal links of this server begin with, without a slash at its end; `null`: it makes none, for want of a public URL with https.
    portal_base: Option<String>,
}

/// An environment that a session is signed in to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionEnvironment {
    /// The environment's id, for the header `postrider-environment`.
    id: Uuid,
    /// Its name for people.
    name: String,
    /// The credential that was given; the session ends with it.
    credential_id: Uuid,
    /// What people call that.
    credential_name: String,
    /// What it opens: `full`, or `read`, with which nothing can be changed.
    scope: CredentialScope,
    /// When.
    signed_in_at: Time,
}

impl Session {
    fn new(state: &ApiState, console: &Console) -> Self {
        let environments = console.sign_ins.iter().filter_map(|sign_in| {
            let environment = state.directory().environment(sign_in.environment_id)?;
            let credential = state.directory().credential(sign_in.credential_id)?;
            Some(SessionEnvironment {
                id: environment.id.as_uuid(),
                name: environment.name.clone(),
                credential_id: credential.id.as_uuid(),
                credential_name: credential.name.clone(),
                scope: credential.scope.into(),
                signed_in_at: sign_in.at.into(),
            })
        });
        Self {
            environments: environments.collect(),
            expires_at: console.session.until().into(),
            portal_base: state.links_base().map(ToOwned::to_owned),
        }
    }
}

/// Client id and secret.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The environment's id.
    client_id: String,
    /// One of its secrets.
    secret: String,
}

/// Sign in to the console
///
/// Sets a cookie that opens the environment, as far as the credential's scope goes, until it is signed out of, for at most 7 days, or 12
/// hours without a call. A browser that is signed in already is then signed in to both. For pages of this server: the call takes the header
/// `x-postrider-csrf: 1`.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()), request_body = Credentials, responses(
    (status = 200, description = "The session.", body = Session),
    (status = 401, description = "Client id or secret are wrong.", body = Problem),
    (status = 403, description = "The credential reports events alone, or another origin's page made the call.", body = Problem),
    (status = 409, description = "The session has as many environments as it can have.", body = Problem),
    (status = 429, description = "Too many wrong secrets were given.", body = Problem)))]
pub(crate) async fn sign_in(
    State(state): State<ApiState>,
    _: FromOwnPage,
    from: CalledFrom,
    headers: HeaderMap,
    OpenJson(given): OpenJson<Credentials>,
) -> Result<Response, ApiError> {
    let credential = sign_in::credential(&state, from, &given.client_id, &given.secret).await?;
    if credential.scope == Scope::Events {
        return Err(ApiError::new(
            Code::InsufficientScope,
            "this credential has the scope `events`: it reports events and shows nothing; sign in with one of the scope `full` or `read`",
        ));
    }
    state.store().touch_credential(credential.id, state.now());
    let ticket = NewTicket::new(&**state.entropy());
    let new = NewSignIn {
        replaces: session::console(&headers, &state).ok().map(|console| console.session.id),
        hash: ticket.hash(),
        environment_id: credential.environment_id,
        credential_id: credential.id,
    };
    let session = match state.store().sign_in(new).await? {
        SignInOutcome::SignedIn(session) => session,
        SignInOutcome::Revoked => {
            return Err(ApiError::new(Code::CredentialsInvalid, "client id or secret are wrong"));
        }
        SignInOutcome::LimitReached => {
            return Err(ApiError::new(Code::LimitReached, "sign out of an environment first: there are too many"));
        }
    };
    let sign_ins = state.directory().live_sign_ins(&session, state.now());
    let value = ticket.text(session.id.as_uuid());
    let mut response = Answer(Session::new(&state, &Console { session, sign_ins })).into_response();
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    cookies::set_console(response.headers_mut(), state.transport(), origin, &value);
    Ok(response)
}

/// Get the console's session
///
/// Of the browser that asks: which environments it is signed in to.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", security(()), responses(
    (status = 200, description = "The session.", body = Session),
    (status = 401, description = "Nobody is signed in, or the session has ended.", body = Problem)))]
pub(crate) async fn get_session(
    State(state): State<ApiState>,
    _: FromOwnPage,
    headers: HeaderMap,
) -> Result<Answer<Session>, ApiError> {
    let console = session::console(&headers, &state)?;
    Ok(Answer(Session::new(&state, &console)))
}

/// What to sign out of.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SignOutQuery {
    /// Of this environment alone; left out: of all.
    environment_id: Option<String>,
}

/// Sign out of the console
///
/// Also where nobody is signed in. The session cannot be used again, by whoever has its cookie.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", security(()), params(SignOutQuery), responses(
    (status = 204, description = "Signed out."),
    (status = 403, description = "Another origin's page made the call.", body = Problem)))]
pub(crate) async fn sign_out(
    State(state): State<ApiState>,
    _: FromOwnPage,
    headers: HeaderMap,
    Params(query): Params<SignOutQuery>,
) -> Result<Response, ApiError> {
    let environment: Option<EnvironmentId> = wire::id("environmentId", query.environment_id.as_deref())?;
    let left = match session::console(&headers, &state) {
        Ok(console) => state.store().sign_out(console.session.id, environment).await?,
        Err(_) => None,
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    if left.is_none() {
        cookies::clear_console(response.headers_mut(), state.transport());
    }
    Ok(response)
}
