//! How long an environment keeps its events.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::limits::{RETENTION_DAYS_LEAST, RETENTION_DAYS_MOST};
use postrider_core::retention::Retention as Stored;
use postrider_store::PutRetention;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::caller::Vendor;
use crate::auth::tokens;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::state::ApiState;

/// For how many days events, deliveries, attempts and jobs are kept.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retention {
    /// The environment's own number; `null`: it has none.
    #[schema(required = true)]
    days: Option<u16>,
    /// The server's configuration: what environments keep that have no number of their own.
    default_days: u16,
    /// What applies.
    effective_days: u16,
}

impl Retention {
    fn of(own: Option<Stored>, state: &ApiState) -> Self {
        let default = state.engine().default_retention();
        Self {
            days: own.map(Stored::days),
            default_days: default.days(),
            effective_days: own.unwrap_or(default).days(),
        }
    }
}

/// For how many days they are to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RetentionSetting)]
pub(crate) struct Setting {
    /// A whole number, 1 to 3,650, or `null`: as the server's configuration says. It cannot be left out, so that nothing is deleted by an
    /// oversight.
    #[serde(deserialize_with = "Option::deserialize")]
    #[schema(required = true)]
    days: Option<u64>,
}

impl Setting {
    fn parsed(&self) -> Result<Option<Stored>, ApiError> {
        let Some(days) = self.days else { return Ok(None) };
        Stored::from_days(days).map(Some).ok_or_else(|| {
            let range = format!("{RETENTION_DAYS_LEAST} to {RETENTION_DAYS_MOST}");
            ApiError::value("/days", format!("is a whole number of days, {range}, or null for the server's own number"))
        })
    }
}

/// Get the retention
///
/// How long the environment keeps events, deliveries and attempts; jobs that have ended are forgotten at the same age.
#[utoipa::path(get, path = "/api/v1/retention", tag = "events", responses(
    (status = 200, description = "What applies, and why.", body = Retention)))]
pub(crate) async fn get_retention(
    State(state): State<ApiState>,
    vendor: Vendor,
) -> Result<Answer<Retention>, ApiError> {
    let environment = state.directory().environment(vendor.environment_id);
    let environment = environment.ok_or_else(|| ApiError::not_found("environment"))?;
    Ok(Answer(Retention::of(environment.retention, &state)))
}

/// Set the retention
///
/// What is older is deleted within minutes, and cannot be brought back. An event with a delivery that waits is kept until that has
/// ended, however old it is. Statistics are kept for times of their own.
#[utoipa::path(put, path = "/api/v1/retention", tag = "events", request_body = Setting, responses(
    (status = 200, description = "What applies from now on.", body = Retention),
    (status = 400, description = "The setting cannot be read.", body = Problem),
    (status = 422, description = "The number is outside what it can be.", body = Problem)))]
pub(crate) async fn put_retention(
    State(state): State<ApiState>,
    vendor: Vendor,
    Json(setting): Json<Setting>,
) -> Result<Answer<Retention>, ApiError> {
    let own = setting.parsed()?;
    match state.engine().put_retention(vendor.environment_id, own, vendor.actor()).await? {
        PutRetention::Put => Ok(Answer(Retention::of(own, &state))),
        PutRetention::NoSuchEnvironment => Err(ApiError::not_found("environment")),
        PutRetention::CallerRevoked => Err(tokens::revoked()),
    }
}
