//! The log of a webhook: every attempt of its deliveries, with what was sent.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::attempt::AttemptResult;
use postrider_core::delivery::Origin;
use postrider_core::limits::{LOG_OFFSET_MOST, PAGE_ROWS_MOST};
use postrider_core::permission::Permission;
use postrider_core::{AttemptId, EnvironmentId, WebhookId};
use postrider_store::LogRow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::body::Ignored;
use crate::error::{ApiError, Code, FronteggErrors};
use crate::extract::{Ids, Params};
use crate::frontegg::scope::Scoped;
use crate::frontegg::webhook::in_scope;
use crate::native::deliveries::{json_or_text, resend};
use crate::native::wire::Time;
use crate::state::ApiState;

/// Rows unless asked otherwise.
const ROWS: usize = 10;

/// Which part of which log. Other parameters are ignored.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogQuery {
    /// The webhook.
    id: Option<String>,
    /// Rows to pass over, 100,000 at most.
    offset: Option<usize>,
    /// Rows at most: up to 250, 10 where it is left out.
    limit: Option<usize>,
}

/// A part of a log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FronteggLogs)]
pub(crate) struct Logs {
    /// Rows in all.
    count: u64,
    /// Newest first.
    rows: Vec<Row>,
}

/// An attempt.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = FronteggLog)]
pub(crate) struct Row {
    id: Uuid,
    webhook_id: Uuid,
    /// The event's.
    tenant_id: Option<String>,
    vendor_id: Uuid,
    event_key: String,
    /// The endpoint's status code; "0" where it did not answer.
    status_code: String,
    /// What was sent, a string that holds JSON: what is no JSON, as a JSON string.
    body: String,
    /// When the attempt had ended: rows are in the order of this time.
    created_at: Time,
    /// `EVENT`: the first attempt; `RETRY`: every later one, automatic or not.
    trigger_type: &'static str,
    /// Why there was no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
}

impl Row {
    fn new(environment_id: EnvironmentId, row: &LogRow, body: String) -> Self {
        let (status, error_message) = match &row.attempt.result {
            AttemptResult::Answered { status, .. } => (*status, None),
            AttemptResult::Failed { message, .. } => (0, Some(message.clone())),
        };
        let is_first = row.origin == Origin::Event && row.attempt.number == 1;
        Self {
            id: row.attempt.id.as_uuid(),
            webhook_id: row.webhook_id.as_uuid(),
            tenant_id: row.tenant_id.as_ref().map(|tenant| tenant.as_str().to_owned()),
            vendor_id: environment_id.as_uuid(),
            event_key: row.event_key.as_str().to_owned(),
            status_code: status.to_string(),
            body,
            // A row comes to be when its attempt is recorded, which is what rows are ordered by; where the attempt began is the native
            // API's to tell.
            created_at: (row.attempt.started_at + row.attempt.timings.total).into(),
            trigger_type: if is_first { "EVENT" } else { "RETRY" },
            error_message,
        }
    }
}

/// Read a webhook's log
#[utoipa::path(get, path = "/webhook/logs", operation_id = "frontegg_list_logs", tag = "frontegg", params(LogQuery), responses(
    (status = 200, description = "A part of the log.", body = Logs),
    (status = 400, description = "A parameter is missing or wrong.", body = FronteggErrors),
    (status = 404, description = "There is no webhook of that id in the scope.", body = FronteggErrors)))]
pub(crate) async fn list(
    State(state): State<ApiState>,
    scoped: Scoped,
    Params(query): Params<LogQuery>,
) -> Result<Answer<Logs>, ApiError> {
    scoped.require(Permission::ReadWebhookLogs)?;
    let id = query.id.ok_or_else(|| ApiError::at(Code::InvalidParameter, "id", "names the webhook, and is missing"))?;
    let id: WebhookId = id.parse().map_err(|_| ApiError::not_found("webhook"))?;
    in_scope(&state, &scoped, id)?;
    let limit = at_most("limit", query.limit.unwrap_or(ROWS), PAGE_ROWS_MOST)?;
    let offset = at_most("offset", query.offset.unwrap_or(0), LOG_OFFSET_MOST)?;
    let page = state.store().log(scoped.environment_id(), id, offset, limit).await?;
    let mut rows = Vec::with_capacity(page.rows.len());
    for row in &page.rows {
        let body = body_of(&state, scoped.environment_id(), row).await?;
        rows.push(Row::new(scoped.environment_id(), row, body));
    }
    Ok(Answer(Logs { count: page.count, rows }))
}

/// Refuses what would be cut: whoever pages by what it asked for would pass over rows, or take the log for read.
fn at_most(name: &str, value: usize, most: usize) -> Result<usize, ApiError> {
    if value > most {
        return Err(ApiError::at(Code::InvalidParameter, name, format!("is at most {most}")));
    }
    Ok(value)
}

/// What was sent.
async fn body_of(state: &ApiState, environment_id: EnvironmentId, row: &LogRow) -> Result<String, ApiError> {
    let Some(shape) = row.shape else { return Ok(String::from_utf8_lossy(&row.body).into_owned()) };
    let content = state.engine().sent(environment_id, shape, row.event_id).await?;
    let body = content.map(|content| content.body).unwrap_or_default();
    Ok(Box::<str>::from(json_or_text(&body)).into())
}

/// A retry that is under way.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Retried {
    /// 202.
    status_code: u16,
}

/// Send again
///
/// What became of it appears in the log.
#[utoipa::path(post, path = "/webhook/logs/{logId}/retries", operation_id = "frontegg_retry", tag = "frontegg",
    params(("logId" = Uuid, Path, description = "A row of the log.")), responses(
    (status = 200, description = "It is under way.", body = Retried),
    (status = 404, description = "There is none of that id in the scope.", body = FronteggErrors),
    (status = 409, description = "The webhook is disabled.", body = FronteggErrors)))]
pub(crate) async fn retry(
    State(state): State<ApiState>,
    scoped: Scoped,
    Ids(id): Ids<AttemptId>,
    _: Ignored,
) -> Result<Answer<Retried>, ApiError> {
    scoped.require(Permission::WriteWebhook)?;
    let row = state.store().attempt(scoped.environment_id(), id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("log"))?;
    in_scope(&state, &scoped, row.webhook_id).map_err(|_| ApiError::not_found("log"))?;
    if !scoped.member.knows(&state, &row.event_key) {
        return Err(ApiError::not_found("log"));
    }
    resend(&state, scoped.environment_id(), row.attempt.delivery_id).await?;
    Ok(Answer(Retried { status_code: 202 }))
}
