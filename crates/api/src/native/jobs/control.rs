//! `POST /api/v1/jobs/{jobId}/pause`, `/resume` and `/cancel`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::JobId;
use postrider_core::permission::Permission;
use postrider_store::{Control, ControlJob};

use super::list::within_reach;
use super::{Job, inactive};
use crate::auth::caller::Member;
use crate::body::Ignored;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Ids;
use crate::state::ApiState;

/// Pause a job
///
/// It makes no more deliveries until it is resumed. What it has made is delivered all the same.
#[utoipa::path(post, path = "/api/v1/jobs/{jobId}/pause", tag = "jobs",
    params(("jobId" = Uuid, Path, description = "The job.")), responses(
    (status = 200, description = "The job, paused.", body = Job),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It has ended.", body = Problem)))]
pub(crate) async fn pause_job(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<JobId>,
    _: Ignored,
) -> Result<Answer<Job>, ApiError> {
    control(&state, &member, id, Control::Pause).await
}

/// Resume a job
#[utoipa::path(post, path = "/api/v1/jobs/{jobId}/resume", tag = "jobs",
    params(("jobId" = Uuid, Path, description = "The job.")), responses(
    (status = 200, description = "The job, running.", body = Job),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It has ended, or a webhook that it sends to is disabled.", body = Problem)))]
pub(crate) async fn resume_job(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<JobId>,
    _: Ignored,
) -> Result<Answer<Job>, ApiError> {
    control(&state, &member, id, Control::Resume).await
}

/// Cancel a job
///
/// It ends. What it has made is delivered all the same.
#[utoipa::path(post, path = "/api/v1/jobs/{jobId}/cancel", tag = "jobs",
    params(("jobId" = Uuid, Path, description = "The job.")), responses(
    (status = 200, description = "The job, cancelled.", body = Job),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "It has completed.", body = Problem)))]
pub(crate) async fn cancel_job(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<JobId>,
    _: Ignored,
) -> Result<Answer<Job>, ApiError> {
    control(&state, &member, id, Control::Cancel).await
}

pub(super) async fn control(
    state: &ApiState,
    member: &Member,
    id: JobId,
    control: Control,
) -> Result<Answer<Job>, ApiError> {
    member.require(Permission::WriteWebhook)?;
    within_reach(state, member, id).await?;
    match state.store().control_job(member.environment_id, id, control).await? {
        ControlJob::Done(job) => Ok(Answer(Job::from(&*job))),
        ControlJob::Ended => Err(ApiError::new(Code::JobEnded, "the job has ended; start another one")),
        ControlJob::WebhookInactive => Err(inactive()),
        ControlJob::NotFound => Err(ApiError::not_found("job")),
    }
}
