//! `POST /api/v1/jobs/preview`

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::permission::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use super::JobRequest;
use super::counting::count;
use crate::auth::caller::Member;
use crate::body::Json;
use crate::error::{ApiError, Problem};
use crate::state::ApiState;

/// What a job would do that is started now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JobPreview)]
pub(crate) struct Preview {
    /// Deliveries that it would make.
    deliveries: u64,
    /// What it would look at and not send: repeated already, still on its way, or delivered.
    skipped: u64,
    /// Whether everything was counted; else there are at least so many.
    complete: bool,
}

/// Preview a job
///
/// Counts what a job would do, and does nothing. At most a million rows are looked at; one count is under way at a time for the vendor, and for
/// each tenant.
#[utoipa::path(post, path = "/api/v1/jobs/preview", tag = "jobs", request_body = JobRequest, responses(
    (status = 200, description = "The count.", body = Preview),
    (status = 400, description = "The body cannot be read.", body = Problem),
    (status = 404, description = "There is no webhook, or no event, of that id within reach.", body = Problem),
    (status = 422, description = "A value is outside what it can be.", body = Problem),
    (status = 429, description = "Another count is under way.", body = Problem)))]
pub(crate) async fn preview_job(
    State(state): State<ApiState>,
    member: Member,
    Json(request): Json<JobRequest>,
) -> Result<Answer<Preview>, ApiError> {
    member.require_to_try(Permission::WriteWebhook)?;
    let (work, _) = request.work(&state, &member).await?;
    let count = count(&state, &member, &work).await?;
    Ok(Answer(Preview { deliveries: count.deliveries, skipped: count.skipped, complete: count.is_complete }))
}
