//! `GET /api/v1/statistics/webhooks`

use std::collections::HashMap;

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::limits::STATISTICS_WEBHOOKS;
use postrider_core::permission::Permission;
use postrider_core::statistics::{Counts as Counted, Resolution};
use postrider_core::{Timestamp, WebhookId};
use postrider_store::StatisticsPoint;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::success_rate;
use crate::auth::caller::Member;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::wire::{self, Time};
use crate::state::ApiState;

/// Hours that are told.
const HOURS: u64 = 24;

/// Which webhooks.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WebhooksQuery {
    /// Ids of 1 to 250 webhooks, with commas between. Those that are not within reach are left out of the answer.
    webhook_ids: String,
}

/// What several webhooks did in the last 24 hours.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfWebhooks {
    /// When the first hour begins.
    from: Time,
    /// When the last one ends: it is the current one.
    to: Time,
    /// In the order asked for.
    items: Vec<OfWebhook>,
}

/// What one webhook did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OfWebhook {
    /// The webhook.
    webhook_id: Uuid,
    /// Deliveries made.
    deliveries: u64,
    /// Deliveries that ended as delivered.
    delivered: u64,
    /// Deliveries that ended as failed.
    failed: u64,
    /// Deliveries that ended as discarded.
    discarded: u64,
    /// Attempts.
    attempts: u64,
    /// Attempts that did not deliver.
    failed_attempts: u64,
    /// Of the deliveries that were delivered or failed, the share that was delivered; `null`: there were none.
    success_rate: Option<f64>,
    /// Deliveries that wait at the moment.
    waiting: u64,
    /// Each hour, oldest first.
    hours: Vec<HourOfWebhook>,
}

/// What a webhook did in an hour.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HourOfWebhook {
    /// When it begins.
    at: Time,
    /// Deliveries that ended as delivered.
    delivered: u64,
    /// Deliveries that ended as failed.
    failed: u64,
    /// Attempts that did not deliver.
    failed_attempts: u64,
}

/// Get the statistics of several webhooks
///
/// The last 24 hours by hour, in one call for a whole list.
#[utoipa::path(get, path = "/api/v1/statistics/webhooks", tag = "statistics", params(WebhooksQuery), responses(
    (status = 200, description = "What each did.", body = OfWebhooks),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn get_statistics_of_webhooks(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<WebhooksQuery>,
) -> Result<Answer<OfWebhooks>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let ids: Vec<&str> = query.webhook_ids.split(',').filter(|id| !id.is_empty()).collect();
    if !(1..=STATISTICS_WEBHOOKS).contains(&ids.len()) {
        let detail = format!("names 1 to {STATISTICS_WEBHOOKS} webhooks");
        return Err(ApiError::at(Code::InvalidParameter, "webhookIds", detail));
    }
    let mut webhooks: Vec<WebhookId> = Vec::with_capacity(ids.len());
    for id in ids {
        let id = wire::id("webhookIds", Some(id))?.expect("an id was given");
        if state.directory().webhook(id).is_some_and(|webhook| member.sees(&webhook)) {
            webhooks.push(id);
        }
    }
    let to = Resolution::Hour.floor(state.now()) + Resolution::Hour.span();
    let from = to - std::time::Duration::from_hours(HOURS);
    let waiting = state.store().waiting(member.environment_id).await?;
    let series = state.store().statistics_of_webhooks(member.environment_id, webhooks.clone(), from, to).await?;
    let items = webhooks.into_iter().zip(series).map(|(webhook, points)| of_webhook(webhook, &points, from, &waiting));
    Ok(Answer(OfWebhooks { from: from.into(), to: to.into(), items: items.collect() }))
}

fn of_webhook(
    webhook: WebhookId,
    points: &[StatisticsPoint],
    from: Timestamp,
    waiting: &HashMap<WebhookId, u64>,
) -> OfWebhook {
    let mut total = Counted::default();
    for point in points {
        total.add(&point.counts);
    }
    let nothing = Counted::default();
    let hour = |number: u64| {
        let at = from + std::time::Duration::from_hours(number);
        let counts = points.iter().find(|point| point.at == at).map_or(&nothing, |point| &point.counts);
        let (delivered, failed) = (counts.delivered, counts.failed);
        HourOfWebhook { at: at.into(), delivered, failed, failed_attempts: counts.failed_attempts() }
    };
    OfWebhook {
        webhook_id: webhook.as_uuid(),
        deliveries: total.deliveries,
        delivered: total.delivered,
        failed: total.failed,
        discarded: total.discarded,
        attempts: total.attempts(),
        failed_attempts: total.failed_attempts(),
        success_rate: success_rate(&total),
        waiting: waiting.get(&webhook).copied().unwrap_or(0),
        hours: (0..HOURS).map(hour).collect(),
    }
}
