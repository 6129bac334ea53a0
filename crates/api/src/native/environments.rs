//! Environments: the operator's to make, and the vendor's to name its own.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::environment::Environment as Stored;
use postrider_core::{CredentialId, EnvironmentId};
use postrider_store::{CreateEnvironment, NewEnvironment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::{Member, Operator, Vendor};
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
    _: Operator,
    Json(new): Json<EnvironmentName>,
) -> Result<(StatusCode, Answer<Environment>), ApiError> {
    let name = rules::name("/name", new.name)?;
    match state.store().create_environment(NewEnvironment { id: None, name }).await? {
        CreateEnvironment::Created(environment) => Ok((StatusCode::CREATED, Answer((&*environment).into()))),
        CreateEnvironment::IdTaken => Err(ApiError::new(Code::Conflict, "there is an environment of that id")),
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
    let environment = state.store().rename_environment(id, name).await?;
    Ok(Answer((&*environment.ok_or_else(|| ApiError::not_found("environment"))?).into()))
}

/// The environments within a caller's reach: a vendor's own, every one for an operator.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach {
    /// The vendor's alone.
    Own(Vendor),
    /// All.
    Every,
}

impl Reach {
    /// An environment out of reach does not exist.
    pub(crate) fn require(self, id: EnvironmentId) -> Result<(), ApiError> {
        match self {
            Self::Own(own) if own.environment_id != id => Err(ApiError::not_found("environment")),
            _ => Ok(()),
        }
    }

    /// The credential that the call was made with; an operator has none.
    pub(crate) fn credential_in_use(self) -> Option<CredentialId> {
        match self {
            Self::Own(vendor) => vendor.credential_id,
            Self::Every => None,
        }
    }
}

impl axum::extract::FromRequestParts<ApiState> for Reach {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut http::request::Parts, state: &ApiState) -> Result<Self, ApiError> {
        use crate::auth::caller::Caller;
        match Caller::of(parts, state).await? {
            Caller::Operator | Caller::Control => Ok(Self::Every),
            Caller::Vendor(vendor) => Ok(Self::Own(vendor)),
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
