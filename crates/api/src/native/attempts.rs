//! Attempts: each HTTP request of a delivery and its answer.

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::attempt::{Attempt as Stored, AttemptResult, Timings as StoredTimings};
use postrider_core::permission::Permission;
use postrider_core::{DeliveryId, WebhookId};
use postrider_engine::SentRequest as Sent;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::Ids;
use crate::native::deliveries::within_reach;
use crate::native::sent_requests::SentRequest;
use crate::native::wire::{Page, Time};
use crate::native::words;
use crate::state::ApiState;

/// One HTTP request of a delivery and its answer.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attempt {
    /// Its id.
    id: Uuid,
    /// 1 for the first.
    number: u32,
    /// When it began.
    started_at: Time,
    /// The URL that was asked, as the webhook had it at that moment.
    url: String,
    /// The address that was dialled, where one was.
    remote_address: Option<String>,
    /// What was sent; `null` where that is not kept: of attempts by a version that did not keep it, and after many changes of the webhook.
    request: Option<SentRequest>,
    #[serde(flatten)]
    result: ExchangeResult,
    /// Where the time went.
    timings: Timings,
}

/// What came of a request: an answer, or why there is none.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExchangeResult {
    /// The endpoint's status code, where it answered.
    pub(crate) status_code: Option<u16>,
    /// The headers of its answer, up to 8 KiB.
    pub(crate) headers: Vec<HeaderLine>,
    /// The beginning of the answer's body, up to 16 KiB, bytes that are no UTF-8 replaced.
    pub(crate) body: Option<String>,
    /// How the body ended. It decides nothing.
    #[schema(value_type = Option<words::BodyEnd>)]
    pub(crate) body_end: Option<&'static str>,
    /// Why the endpoint did not answer.
    #[schema(value_type = Option<words::ExchangeFailure>)]
    pub(crate) failure: Option<&'static str>,
    /// The same in plain words.
    pub(crate) error_message: Option<String>,
}

/// A header.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeaderLine {
    /// Its name.
    pub(crate) name: String,
    /// Its value.
    pub(crate) value: String,
}

/// How long each part took, in milliseconds. A part that did not happen (a connection was reused) is `null`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name on the wire")]
pub(crate) struct Timings {
    /// Looking the name up.
    dns_ms: Option<f64>,
    /// Connecting.
    connect_ms: Option<f64>,
    /// The TLS handshake.
    tls_ms: Option<f64>,
    /// From the start to the answer's headers.
    first_byte_ms: Option<f64>,
    /// All of it.
    total_ms: f64,
}

impl From<StoredTimings> for Timings {
    fn from(timings: StoredTimings) -> Self {
        // Whole microseconds, so that the number on the wire is a short one.
        #[expect(clippy::cast_precision_loss, reason = "an attempt takes less than 2^52 microseconds")]
        let ms = |span: Duration| span.as_micros() as f64 / 1_000.0;
        Self {
            dns_ms: timings.dns.map(ms),
            connect_ms: timings.connect.map(ms),
            tls_ms: timings.tls.map(ms),
            first_byte_ms: timings.first_byte.map(ms),
            total_ms: ms(timings.total),
        }
    }
}

impl From<&AttemptResult> for ExchangeResult {
    fn from(result: &AttemptResult) -> Self {
        match result {
            AttemptResult::Answered { status, headers, body, body_end } => Self {
                status_code: Some(*status),
                headers: headers.pairs().into_iter().map(|(name, value)| HeaderLine { name, value }).collect(),
                body: Some(String::from_utf8_lossy(body).into_owned()),
                body_end: Some(body_end.name()),
                failure: None,
                error_message: None,
            },
            AttemptResult::Failed { kind, message } => Self {
                status_code: None,
                headers: Vec::new(),
                body: None,
                body_end: None,
                failure: Some(kind.name()),
                error_message: Some(message.clone()),
            },
        }
    }
}

impl Attempt {
    fn new(state: &ApiState, webhook: WebhookId, attempt: &Stored, sent: Option<Sent>) -> Self {
        Self {
            id: attempt.id.as_uuid(),
            number: attempt.number,
            started_at: attempt.started_at.into(),
            url: attempt.url.clone(),
            remote_address: attempt.remote_address.map(|address| address.to_string()),
            request: sent.map(|sent| SentRequest::new(state, webhook, sent)),
            result: (&attempt.result).into(),
            timings: attempt.timings.into(),
        }
    }
}

/// List the attempts of a delivery
///
/// First to last. Each with its answer and with what it sent, besides the body. Values of the webhook's own headers are hidden from who
/// may not see webhooks.
#[utoipa::path(get, path = "/api/v1/deliveries/{deliveryId}/attempts", tag = "deliveries",
    params(("deliveryId" = Uuid, Path, description = "The delivery.")), responses(
    (status = 200, description = "The attempts.", body = Page<Attempt>),
    (status = 404, description = "There is no delivery of that id within reach.", body = Problem)))]
pub(crate) async fn list_attempts(
    State(state): State<ApiState>,
    member: Member,
    Ids(id): Ids<DeliveryId>,
) -> Result<Answer<Page<Attempt>>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let delivery = within_reach(&state, &member, id).await?.delivery;
    let attempts = state.store().attempts(member.environment_id, id).await?;
    let mut sent = state.engine().sent_requests(&delivery, &attempts).await?;
    if !member.may(Permission::ReadWebhooks) {
        sent.iter_mut().flatten().for_each(Sent::hide_own_headers);
    }
    let items = attempts.iter().zip(sent);
    let items = items.map(|(attempt, sent)| Attempt::new(&state, delivery.webhook_id, attempt, sent)).collect();
    Ok(Answer(Page { items, next_cursor: None }))
}
