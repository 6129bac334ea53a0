//! `GET /api/v1/jobs` and `GET /api/v1/jobs/{jobId}`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::JobId;
use postrider_core::job::Job as Stored;
use postrider_core::permission::Permission;
use postrider_store::PageRequest;

use super::Job;
use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::{Ids, Params};
use crate::native::events::read::PageQuery;
use crate::native::wire::{self, Page};
use crate::state::ApiState;

/// List jobs
///
/// Newest first; a tenant's user sees those of its tenant.
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(PageQuery), responses(
    (status = 200, description = "A page of jobs.", body = Page<Job>),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn list_jobs(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<PageQuery>,
) -> Result<Answer<Page<Job>>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let page = PageRequest { limit: wire::page_rows(query.limit)?, before: wire::cursor(query.cursor.as_deref())? };
    let page = state.store().jobs(member.environment_id, member.tenant.clone(), page).await?;
    Ok(Answer(Page {
        items: page.rows.iter().map(Into::into).collect(),
        next_cursor: page.next.map(|id: JobId| id.to_string()),
    }))
}

/// Get a job
#[utoipa::path(get, path = "/api/v1/jobs/{jobId}", tag = "jobs",
    params(("jobId" = Uuid, Path, description = "The job.")), responses(
    (status = 200, description = "The job.", body = Job),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_job(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<JobId>,
) -> Result<Answer<Job>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    Ok(Answer(Job::from(&within_reach(&state, &member, id).await?)))
}

/// The job of that id, where it is within the caller's reach.
pub(crate) async fn within_reach(state: &ApiState, member: &Member, id: JobId) -> Result<Stored, ApiError> {
    let job = state.store().job(member.environment_id, id).await?;
    let reached = job.filter(|job| member.tenant.is_none() || member.tenant == job.tenant_id);
    reached.ok_or_else(|| ApiError::not_found("job"))
}
