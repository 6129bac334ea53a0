//! `GET /metadata`: whether Frontegg's admin box shows webhooks to tenants.

use axum::Json as Answer;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use postrider_core::EnvironmentId;
use postrider_core::portal::Visibility;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::IntoParams;

use crate::auth::caller::{Caller, Vendor};
use crate::error::{ApiError, FronteggErrors};
use crate::extract::Params;
use crate::state::ApiState;

/// The one entity there is metadata of.
const ADMIN_BOX: &str = "adminBox";

/// Which metadata. Other parameters are ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// `adminBox`; there is none of any other.
    entity_name: Option<String>,
}

/// Rows of metadata.
#[derive(Debug, Serialize)]
pub(crate) struct Rows {
    rows: Vec<Value>,
}

/// The environment of whoever calls. A user of a tenant may ask whether webhooks are hidden, also while they are.
#[derive(Debug)]
pub(crate) struct Anyone(EnvironmentId);

impl FromRequestParts<ApiState> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match Caller::of(parts, state).await? {
            Caller::TenantUser(user) => Ok(Self(user.environment_id)),
            Caller::PassedOn(user) => Ok(Self(user.environment_id)),
            Caller::Portal(session) => Ok(Self(session.environment_id)),
            _ => Vendor::from_request_parts(parts, state).await.map(|vendor| Self(vendor.environment_id)),
        }
    }
}

/// Get metadata
#[utoipa::path(get, path = "/metadata", operation_id = "frontegg_metadata", tag = "frontegg", params(Query), responses(
    (status = 200, description = "Whether webhooks are shown, in the first row.", body = Object),
    (status = 401, description = "The token is missing or not valid.", body = FronteggErrors)))]
pub(crate) async fn get(
    State(state): State<ApiState>,
    Anyone(environment_id): Anyone,
    Params(query): Params<Query>,
) -> Answer<Rows> {
    if query.entity_name.as_deref() != Some(ADMIN_BOX) {
        return Answer(Rows { rows: Vec::new() });
    }
    let visibility = state.directory().environment(environment_id).map_or(Visibility::Hidden, |e| e.portal.webhooks);
    let configuration = json!({ "navigation": { "webhooks": { "visibility": visibility } } });
    Answer(Rows { rows: vec![json!({ "configuration": configuration })] })
}
