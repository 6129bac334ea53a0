//! `PATCH /api/v1/jobs/{jobId}`: how fast a job goes.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::JobId;
use postrider_store::Control;
use serde::Deserialize;
use utoipa::ToSchema;

use super::control::control;
use super::{Job, checked_rate};
use crate::auth::caller::Member;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::state::ApiState;

/// What of a job can be changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = JobChanges)]
pub(crate) struct Changes {
    /// Deliveries that it makes a second from now on: 1 to 5,000; for a tenant's user, to 500.
    rate_per_second: u32,
}

/// Change a job's rate
///
/// Takes effect at once; of a paused job, when it is resumed.
#[utoipa::path(patch, path = "/api/v1/jobs/{jobId}", tag = "jobs", request_body = Changes,
    params(("jobId" = Uuid, Path, description = "The job.")), responses(
    (status = 200, description = "The job, with its new rate.", body = Job),
    (status = 400, description = "The body cannot be read.", body = Problem),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It has ended.", body = Problem),
    (status = 422, description = "The rate is outside what it can be.", body = Problem)))]
pub(crate) async fn change_job(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<JobId>,
    Json(changes): Json<Changes>,
) -> Result<Answer<Job>, ApiError> {
    let rate = checked_rate(&member, changes.rate_per_second)?;
    control(&state, &member, id, Control::Rate(rate)).await
}
