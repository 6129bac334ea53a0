//! Deliveries: where each event stands with each webhook.

use axum::Json as Answer;
use axum::extract::State;
use http::StatusCode;
use postrider_core::delivery::{Delivery as Stored, DeliveryState, Origin, StateKind};
use postrider_core::permission::Permission;
use postrider_core::{DeliveryId, EnvironmentId, WebhookId};
use postrider_engine::Content;
use postrider_store::{DeliveryFilter, DeliveryRow, LastAnswer, PageRequest, ResendOutcome, Walk};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::body::Ignored;
use crate::error::{ApiError, Code, Problem};
use crate::extract::{Ids, Params};
use crate::native::events::read::{event_key, range, tenant};
use crate::native::jobs;
use crate::native::webhooks::shape::MethodForm;
use crate::native::wire::{self, Page, SearchPage, Time};
use crate::native::words;
use crate::state::ApiState;

/// An event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Delivery {
    /// Its id.
    id: Uuid,
    /// What is delivered.
    event_id: Uuid,
    /// The event's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_key: Option<String>,
    /// The event's tenant.
    tenant_id: Option<String>,
    /// To whom.
    webhook_id: Uuid,
    /// What brought it about.
    #[schema(value_type = words::DeliveryOrigin)]
    origin: &'static str,
    /// The delivery that this one repeats.
    resend_of: Option<Uuid>,
    /// Where it stands; nothing follows `delivered`, `failed` and `discarded`.
    #[schema(value_type = words::DeliveryState)]
    state: &'static str,
    /// Why it failed or was discarded.
    #[schema(value_type = Option<words::DeliveryReason>)]
    reason: Option<&'static str>,
    /// Why it failed, in words, where the reason alone does not say: for `template_error`, what is wrong, and where in the template.
    problem: Option<String>,
    /// What it waits for besides the time of its next attempt: `turn`, as deliveries before it with its order key have not ended; or a fault
    /// of this server's to pass, which has used up no attempt.
    #[schema(value_type = Option<words::WaitingFor>)]
    waiting_for: Option<&'static str>,
    /// When its next attempt is due.
    next_attempt_at: Option<Time>,
    /// When it ended.
    ended_at: Option<Time>,
    /// Attempts that counted so far.
    attempts: u32,
    /// The newest attempt.
    last_attempt: Option<LastAttempt>,
    /// When it was made.
    created_at: Time,
}

/// The newest attempt of a delivery, in short.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LastAttempt {
    /// Its id.
    id: Uuid,
    /// When it began.
    started_at: Time,
    /// The endpoint's status code, where it answered.
    status_code: Option<u16>,
    /// Why it did not, where it did not.
    #[schema(value_type = Option<words::FailureKind>)]
    failure: Option<&'static str>,
}

impl Delivery {
    fn new(delivery: &Stored) -> Self {
        let (reason, waiting_for, ended_at) = match delivery.state {
            DeliveryState::Behind => (None, Some(words::TURN), None),
            DeliveryState::Pending { fault, .. } | DeliveryState::Retrying { fault, .. } => {
                (None, fault.map(|fault| fault.kind.name()), None)
            }
            DeliveryState::Delivered { at } => (None, None, Some(at)),
            DeliveryState::Failed { at, reason } => (Some(reason.name()), None, Some(at)),
            DeliveryState::Discarded { at, reason } => (Some(reason.name()), None, Some(at)),
        };
        Self {
            id: delivery.id.as_uuid(),
            event_id: delivery.event_id.as_uuid(),
            event_key: None,
            tenant_id: delivery.tenant_id.as_ref().map(|id| id.as_str().to_owned()),
            webhook_id: delivery.webhook_id.as_uuid(),
            origin: Origin::name(delivery.origin),
            resend_of: delivery.resend_of.map(DeliveryId::as_uuid),
            state: delivery.state.name(),
            reason,
            problem: delivery.problem.clone(),
            waiting_for,
            next_attempt_at: delivery.state.due_at().map(Into::into),
            ended_at: ended_at.map(Into::into),
            attempts: delivery.attempts,
            last_attempt: None,
            created_at: delivery.created_at.into(),
        }
    }
}

impl From<&DeliveryRow> for Delivery {
    fn from(row: &DeliveryRow) -> Self {
        let last_attempt = row.last_attempt.map(|last| LastAttempt {
            id: last.id.as_uuid(),
            started_at: last.started_at.into(),
            status_code: last.status,
            failure: last.failure.map(postrider_core::attempt::FailureKind::name),
        });
        Self { event_key: Some(row.event_key.as_str().to_owned()), last_attempt, ..Self::new(&row.delivery) }
    }
}

/// A delivery with what is sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WholeDelivery {
    #[serde(flatten)]
    delivery: Delivery,
    /// The method of its requests.
    method: MethodForm,
    /// What the body is; `null` where there is none.
    content_type: Option<String>,
    /// The body that is sent, byte for byte; what is no JSON, as a string. `null` where there is none, where it cannot be rendered, and
    /// once the event's time of keeping is over.
    #[schema(value_type = Option<serde_json::Value>)]
    body: Option<Box<RawValue>>,
}

/// Which deliveries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// Of that event.
    event_id: Option<String>,
    /// To that webhook. A tenant's user must name one.
    webhook_id: Option<String>,
    /// Of events of that tenant.
    tenant_id: Option<String>,
    /// In that state: `pending`, `retrying`, `delivered`, `failed` or `discarded`; several with commas between.
    state: Option<String>,
    /// Whose last attempt came to that: a status code, a class of them (`2xx` to `5xx`), or `none`: it got no answer.
    status_code: Option<String>,
    /// Of events of that key.
    event_key: Option<String>,
    /// Made at this moment or later, RFC 3339.
    from: Option<String>,
    /// Made before this moment, RFC 3339.
    to: Option<String>,
    /// With that id, or with one that begins so: 4 hexadecimal digits at least.
    id: Option<String>,
    /// With that text in the event's body, ASCII letters in either case: 2 to 200 characters.
    text: Option<String>,
    /// Made by that job.
    job_id: Option<String>,
    /// Rows of the page: 1 to 250, 50 where it is left out.
    limit: Option<usize>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

/// List deliveries
///
/// Newest first. All filters combine. A search that finds little looks at a part of the list and says how far it came: go on with
/// `nextCursor`. Deliveries to a webhook that was deleted are told to the vendor as before, so that an id of none at all finds nothing.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "deliveries", params(DeliveryQuery), responses(
    (status = 200, description = "A page of deliveries.", body = SearchPage<Delivery>),
    (status = 400, description = "A parameter cannot be read, or the range ends before it begins.", body = Problem),
    (status = 404, description = "There is no job of that id within reach; to a tenant's user, no webhook either.", body = Problem),
    (status = 429, description = "With `text`: too many costly calls of the caller are under way.", body = Problem)))]
pub(crate) async fn list_deliveries(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<DeliveryQuery>,
) -> Result<Answer<SearchPage<Delivery>>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let (from, to) = range(query.from.as_deref(), query.to.as_deref())?;
    let mut filter = DeliveryFilter {
        event: wire::id("eventId", query.event_id.as_deref())?,
        webhook: wire::id("webhookId", query.webhook_id.as_deref())?,
        tenant: tenant(query.tenant_id.as_deref())?,
        states: query.state.as_deref().map(state_kinds).transpose()?.unwrap_or_default(),
        answer: query.status_code.as_deref().map(last_answer).transpose()?,
        event_key: event_key(query.event_key.as_deref())?,
        from,
        to,
        ids: wire::ids(query.id.as_deref())?
            .map(|(first, last)| (DeliveryId::from_uuid(first), DeliveryId::from_uuid(last))),
        text: wire::text(query.text)?,
        job: wire::id("jobId", query.job_id.as_deref())?,
        walk: Walk::Environment,
    };
    let page = PageRequest { limit: wire::page_rows(query.limit)?, before: wire::cursor(query.cursor.as_deref())? };
    if let Some(job) = filter.job {
        jobs::list::within_reach(&state, &member, job).await?;
    }
    if let Some(own) = &member.tenant {
        // Deliveries to the environment's webhooks concern the tenant's events too, and are not the tenant's to see.
        let webhook = filter.webhook.ok_or_else(|| {
            ApiError::at(
                Code::InvalidParameter,
                "webhookId",
                "a tenant's user names the webhook whose deliveries to list",
            )
        })?;
        webhook_within_reach(&state, &member, webhook)?;
        // A tenant's webhook gets that tenant's events alone: of another's there are none, and nothing of theirs is looked at.
        if filter.tenant.take().is_some_and(|tenant| tenant != *own) {
            return Ok(Answer(SearchPage { items: Vec::new(), next_cursor: None, searched_until: None }));
        }
        filter.walk = Walk::Webhook;
    }
    // A text is looked for in bodies, and few can be read at a time.
    let _turn = match filter.text {
        Some(_) => Some(state.dear_turn(&member).await?),
        None => None,
    };
    let page = state.store().deliveries(member.environment_id, filter, page).await?;
    Ok(Answer(SearchPage {
        items: page.rows.iter().map(Into::into).collect(),
        next_cursor: page.next.map(|id| id.to_string()),
        searched_until: page.next.map(|id| id.made_at().into()),
    }))
}

/// Refuses a webhook that the caller does not see.
pub(crate) fn webhook_within_reach(state: &ApiState, member: &Member, id: WebhookId) -> Result<(), ApiError> {
    match state.directory().webhook(id) {
        Some(webhook) if member.sees(&webhook) => Ok(()),
        _ => Err(ApiError::not_found("webhook")),
    }
}

/// What a status code of a query means.
pub(crate) fn last_answer(text: &str) -> Result<LastAnswer, ApiError> {
    LastAnswer::parse(text).ok_or_else(|| {
        ApiError::at(Code::InvalidParameter, "statusCode", "is a status code, one of `2xx` to `5xx`, or `none`")
    })
}

/// The states of those names, each once however often it is named: each is looked for in a list of its own.
pub(crate) fn state_kinds(names: &str) -> Result<Vec<StateKind>, ApiError> {
    let mut kinds = Vec::new();
    for kind in names.split(',').map(state_kind) {
        let kind = kind?;
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    Ok(kinds)
}

fn state_kind(name: &str) -> Result<StateKind, ApiError> {
    StateKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = StateKind::ALL.iter().map(|kind| kind.name()).collect();
        ApiError::at(Code::InvalidParameter, "state", format!("is one of {}", names.join(", ")))
    })
}

/// A page of deliveries on the wire.
pub(crate) async fn deliveries_page(
    state: &ApiState,
    environment_id: EnvironmentId,
    filter: DeliveryFilter,
    page: PageRequest<DeliveryId>,
) -> Result<Page<Delivery>, ApiError> {
    let page = state.store().deliveries(environment_id, filter, page).await?;
    Ok(Page { items: page.rows.iter().map(Into::into).collect(), next_cursor: page.next.map(|id| id.to_string()) })
}

/// The delivery of that id, where it is within the caller's reach.
pub(crate) async fn within_reach(state: &ApiState, member: &Member, id: DeliveryId) -> Result<DeliveryRow, ApiError> {
    let row = state.store().delivery(member.environment_id, id).await?;
    let row = row.ok_or_else(|| ApiError::not_found("delivery"))?;
    // Of a webhook that was deleted nobody knows any more whose it was: the vendor alone sees its deliveries.
    let reached = member.tenant.is_none()
        || state.directory().webhook(row.delivery.webhook_id).is_some_and(|webhook| member.sees(&webhook));
    if reached { Ok(row) } else { Err(ApiError::not_found("delivery")) }
}

/// Get a delivery
///
/// With the body that is sent.
#[utoipa::path(get, path = "/api/v1/deliveries/{deliveryId}", tag = "deliveries",
    params(("deliveryId" = Uuid, Path, description = "The delivery.")), responses(
    (status = 200, description = "The delivery.", body = WholeDelivery),
    (status = 404, description = "There is none of that id within reach.", body = Problem)))]
pub(crate) async fn get_delivery(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<DeliveryId>,
) -> Result<Answer<WholeDelivery>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let row = within_reach(&state, &member, id).await?;
    let (environment_id, event_id) = (member.environment_id, row.delivery.event_id);
    let content = match row.delivery.shape {
        Some(shape) => state.engine().sent(environment_id, shape, event_id).await?,
        None => state.store().event(environment_id, event_id).await?.map(|event| Content::plain(event.body)),
    };
    let delivery = (&row).into();
    Ok(Answer(match content {
        None => WholeDelivery { delivery, method: MethodForm::Post, content_type: None, body: None },
        Some(content) => WholeDelivery {
            delivery,
            method: content.method.into(),
            content_type: content.content_type.and_then(|value| Some(value.to_str().ok()?.to_owned())),
            body: content.method.has_body().then(|| json_or_text(&content.body)),
        },
    }))
}

/// Resend a delivery
///
/// Makes a new delivery of the same event to the same webhook. The one that is repeated stays as it is. In an ordered webhook the new one
/// comes last of its order key; but one that waits to be retried, with others behind it, ends (`resent`), and the new one has its place.
#[utoipa::path(post, path = "/api/v1/deliveries/{deliveryId}/resend", tag = "deliveries",
    params(("deliveryId" = Uuid, Path, description = "The delivery to repeat.")), responses(
    (status = 202, description = "The new delivery.", body = Delivery),
    (status = 404, description = "There is none of that id within reach.", body = Problem),
    (status = 409, description = "The webhook is disabled or deleted, or the delivery waits for its first turn.", body = Problem)))]
pub(crate) async fn resend_delivery(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<DeliveryId>,
    _: Ignored,
) -> Result<(StatusCode, Answer<Delivery>), ApiError> {
    member.require(Permission::WriteWebhook)?;
    let row = within_reach(&state, &member, id).await?;
    // What was delivered while its type was open to tenants stays in the log, and is not sent again.
    if !member.knows(&state, &row.event_key) {
        return Err(ApiError::not_found("delivery"));
    }
    let delivery = resend(&state, member.environment_id, id).await?;
    let event_key = Some(row.event_key.as_str().to_owned());
    Ok((StatusCode::ACCEPTED, Answer(Delivery { event_key, ..Delivery::new(&delivery) })))
}

/// Bytes as JSON: as they are where they are JSON, else as a string.
pub(crate) fn json_or_text(body: &[u8]) -> Box<RawValue> {
    let text = || serde_json::value::to_raw_value(&String::from_utf8_lossy(body));
    serde_json::from_slice(body).unwrap_or_else(|_| text().expect("strings can be written as JSON"))
}

/// Repeats a delivery that is within reach.
pub(crate) async fn resend(
    state: &ApiState,
    environment_id: EnvironmentId,
    id: DeliveryId,
) -> Result<Stored, ApiError> {
    match state.engine().resend(environment_id, id).await? {
        ResendOutcome::Resent(delivery) => Ok(delivery),
        ResendOutcome::NotFound => Err(ApiError::not_found("delivery")),
        ResendOutcome::WebhookDisabled => {
            Err(ApiError::new(Code::WebhookInactive, "the webhook is disabled; enable it, then resend"))
        }
        ResendOutcome::Behind => Err(ApiError::new(
            Code::DeliveryWaits,
            "the delivery was not sent yet: others of its order key come first; it is sent when they have ended",
        )),
        ResendOutcome::WebhookDeleted => Err(ApiError::new(Code::WebhookInactive, "the webhook was deleted")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_named_often_is_looked_for_once() {
        let names = "failed,delivered,".repeat(2_000) + "failed";
        assert_eq!(state_kinds(&names).expect("states"), [StateKind::Failed, StateKind::Delivered]);
        assert_eq!(state_kinds("failed,").expect_err("no state").code(), Code::InvalidParameter);
    }
}
