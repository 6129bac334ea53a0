//! Environments: the operator's to make, and the vendor's to name its own.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::EnvironmentId;
use postrider_core::environment::Environment as Stored;
use postrider_store::{Actor, CreateEnvironment, NewEnvironment, RenameEnvironment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::{Member, Operator, Vendor};
use crate::auth::tokens;
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::native::wire::{Page, Time};
use crate::rules;
use crate::state::ApiState;

/// An isolated space of a vendor.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Environment {
    /// Its id; the client id, and `vendorId` in the Frontegg API.
    id: Uuid,
    /// Its name for people.
    name: String,
    /// When it was made.
    created_at: Time,
}

impl From<&Stored> for Environment {
    fn from(environment: &Stored) -> Self {
        Self { id: environment.id.as_uuid(), name: environment.name.clone(), created_at: environment.created_at.into() }
    }
}

/// An environment's name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct EnvironmentName {
    /// Its name for people.
    name: String,
}

/// List environments
///
/// All of them, oldest first. For operators.
#[utoipa::path(get, path = "/api/v1/environments", tag = "environments", responses(
    (status = 200, description = "The environments.", body = Page<Environment>),
    (status = 403, description = "The caller is no operator.", body = Problem)))]
pub(crate) async fn list_environments(State(state): State<ApiState>, _: Operator) -> Answer<Page<Environment>> {
    let mut environments = state.directory().environments();
    // A chosen id says nothing of when.
    environments.sort_by_key(|environment| (environment.created_at, environment.id));
    Answer(Page { items: environments.iter().map(|environment| (&**environment).into()).collect(), next_cursor: None })
}

/// Create an environment
///
/// It starts with the built-in event types and no credentials. For operators.
#[utoipa::path(post, path = "/api/v1/environments", tag = "environments", request_body = EnvironmentName, responses(
    (status = 201, description = "The environment.", body = Environment),
    (status = 403, description = "The caller is no operator.", body = Problem)))]
pub(crate) async fn create_environment(
    State(state): State<ApiState>,
    Operator(made_by): Operator,
    Json(new): Json<EnvironmentName>,
) -> Result<(StatusCode, Answer<Environment>), ApiError> {
    let name = rules::name("/name", new.name)?;
    match state.store().create_environment(NewEnvironment { id: None, name, made_by }).await? {
        CreateEnvironment::Created(environment) => Ok((StatusCode::CREATED, Answer((&*environment).into()))),
        CreateEnvironment::IdTaken => Err(ApiError::new(Code::Conflict, "there is an environment of that id")),
        CreateEnvironment::MakerRevoked => Err(tokens::no_longer(made_by)),
    }
}

/// Get an environment
///
/// The caller's own; any for operators.
#[utoipa::path(get, path = "/api/v1/environments/{environmentId}", tag = "environments",
    params(("environmentId" = Uuid, Path, description = "The environment.")), responses(
    (status = 200, description = "The environment.", body = Environment),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_environment(
    State(state): State<ApiState>,
    reach: Reach,
    Ids(id): Ids<EnvironmentId>,
) -> Result<Answer<Environment>, ApiError> {
    reach.require(id)?;
    let environment = state.directory().environment(id).ok_or_else(|| ApiError::not_found("environment"))?;
    Ok(Answer((&*environment).into()))
}

/// Rename an environment
///
/// The caller's own; any for operators.
#[utoipa::path(patch, path = "/api/v1/environments/{environmentId}", tag = "environments",
    params(("environmentId" = Uuid, Path, description = "The environment.")),
    request_body = EnvironmentName, responses(
    (status = 200, description = "The environment.", body = Environment),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn rename_environment(
    State(state): State<ApiState>,
    reach: Reach,
    Ids(id): Ids<EnvironmentId>,
    Json(new): Json<EnvironmentName>,
) -> Result<Answer<Environment>, ApiError> {
    reach.require(id)?;
    let name = rules::name("/name", new.name)?;
    let by = reach.actor();
    match state.store().rename_environment(id, name, by).await? {
        RenameEnvironment::Renamed(environment) => Ok(Answer((&*environment).into())),
        RenameEnvironment::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        RenameEnvironment::CallerRevoked => Err(tokens::no_longer(by)),
    }
}

/// The environments within a caller's reach: a vendor's own, every one for an operator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach {
    /// The vendor's alone.
    Own(Vendor),
    /// All, of the operator who acts by that.
    Every(Actor),
}

impl Reach {
    /// An environment out of reach does not exist.
    pub(crate) fn require(self, id: EnvironmentId) -> Result<(), ApiError> {
        match self {
            Self::Own(own) if own.environment_id != id => Err(ApiError::not_found("environment")),
            _ => Ok(()),
        }
    }

    /// By what the caller acts.
    pub(crate) fn actor(self) -> Actor {
        match self {
            Self::Own(vendor) => vendor.actor(),
            Self::Every(actor) => actor,
        }
    }
}

impl axum::extract::FromRequestParts<ApiState> for Reach {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &ApiState) -> Result<Self, ApiError> {
        use crate::auth::caller::Caller;
        match Caller::of(parts, state).await? {
            Caller::Operator(token) => Ok(Self::Every(Actor::Token(token))),
            Caller::Control => Ok(Self::Every(Actor::Control)),
            Caller::Vendor(vendor) => Ok(Self::Own(vendor)),
            Caller::PassedOn(_) => Err(ApiError::not_found("environment")),
            Caller::Portal(session) => {
                Member::of_session(&session, state)?.require_vendor()?;
                Err(ApiError::not_found("environment"))
            }
            Caller::TenantUser(user) => {
                // Says first what is wrong with the user's own standing.
                Member::of_user(user, state)?.require_vendor()?;
                Err(ApiError::not_found("environment"))
            }
        }
    }
}
