//! `POST /api/v1/jobs`

use axum::Json as Answer;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use postrider_core::limits::JOBS_OF_TENANTS;
use postrider_core::permission::Permission;
use postrider_store::{NewJob, StartJob};

use super::counting::total;
use super::{Job, JobRequest, inactive};
use crate::auth::caller::Member;
use crate::auth::secrets;
use crate::body::Json;
use crate::error::{ApiError, Code, Problem};
use crate::native::events::{REPLAYED, idempotency_key};
use crate::state::ApiState;

/// Start a job
///
/// It runs in the background, at its rate, and goes on after a restart where it stood. The header `Idempotency-Key` makes it safe to
/// start twice: the same key with the same body answers with the same job, for as long as it is kept. What there is to do is counted
/// first, for `total`; where another count is under way, or there is too much to count, the job starts without one.
#[utoipa::path(post, path = "/api/v1/jobs", tag = "jobs", request_body = JobRequest,
    params(("Idempotency-Key" = String, Header, description = "1 to 255 characters, unique to this job.")), responses(
    (status = 202, description = "The job.", body = Job),
    (status = 400, description = "The body cannot be read, or there is no idempotency key.", body = Problem),
    (status = 404, description = "There is no webhook, or no event, of that id within reach.", body = Problem),
    (status = 409, description = "A webhook is disabled, or there are as many jobs as there can be.", body = Problem),
    (status = 422, description = "A value is outside what it can be, or the idempotency key was used with another body.",
        body = Problem),
    (status = 429, description = "The tenants together have as many jobs as there can be.", body = Problem)))]
pub(crate) async fn start_job(
    State(state): State<ApiState>,
    member: Member,
    headers: HeaderMap,
    Json(request): Json<JobRequest>,
) -> Result<Response, ApiError> {
    member.require(Permission::WriteWebhook)?;
    let key = idempotency_key(&headers)?.ok_or_else(|| {
        ApiError::at(Code::InvalidParameter, "Idempotency-Key", "makes it safe to start a job twice: give one")
    })?;
    let outcome = start(&state, &member, key, request).await?;
    let (job, is_repeated) = match outcome {
        StartJob::Started(job) => (job, false),
        StartJob::Repeated(job) => (job, true),
        StartJob::KeyReused => {
            let detail = "this idempotency key was used with another body; take a new key for a new job";
            return Err(ApiError::new(Code::IdempotencyKeyReused, detail));
        }
        StartJob::WebhookInactive => return Err(inactive()),
        StartJob::LimitReached => {
            let whose = if member.tenant.is_some() { "the tenant has" } else { "the vendor has" };
            let detail =
                format!("{whose} as many jobs as can run or be paused at a time; wait for one to end, or cancel one");
            return Err(ApiError::new(Code::LimitReached, detail));
        }
        StartJob::TenantsLimitReached => {
            let detail = format!(
                "the tenants of this environment together have {JOBS_OF_TENANTS} jobs that run or are paused, as many as there can be; \
                 try again when some have ended"
            );
            return Err(ApiError::new(Code::TooManyAtOnce, detail));
        }
    };
    let mut response = (StatusCode::ACCEPTED, Answer(Job::from(&*job))).into_response();
    if is_repeated {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

async fn start(state: &ApiState, member: &Member, key: String, request: JobRequest) -> Result<StartJob, ApiError> {
    let (environment_id, tenant_id) = (member.environment_id, member.tenant.clone());
    let written = serde_json::to_vec(&request).expect("a request can be written as JSON");
    let request_hash = secrets::sha256_of(&written);
    // First: what a job was started for may be gone by the time that its start is repeated.
    let earlier = state.store().earlier_job(environment_id, tenant_id.clone(), key.clone(), request_hash).await?;
    if let Some(earlier) = earlier {
        return Ok(earlier);
    }
    let (work, rate) = request.work(state, member).await?;
    let mut new = NewJob { environment_id, tenant_id, idempotency_key: key, request_hash, work, rate, total: None };
    // Counting is dear, and for nothing where the job cannot be started.
    if let Some(obstacle) = state.store().obstacle_to_job(new.clone()).await? {
        return Ok(obstacle);
    }
    new.total = total(state, member, &new.work).await?;
    Ok(state.store().start_job(new).await?)
}
