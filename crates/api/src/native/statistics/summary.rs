//! `GET /api/v1/statistics/summary`

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::limits::STATISTICS_SUMMARY_HOURS;
use postrider_core::statistics::{Counts as Counted, Resolution};
use postrider_core::webhook::{DisableReason, Webhook, WebhookStatus};
use postrider_core::{Timestamp, WebhookId};
use postrider_store::{StatisticsOf, StatisticsQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{Counts, success_rate};
use crate::auth::caller::Vendor;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::webhooks::failures::Failures;
use crate::native::wire::Time;
use crate::native::words;
use crate::state::ApiState;

/// Webhooks that fail most.
const TOP_FAILING: usize = 10;
/// Webhooks that are named as needing attention; the others are counted.
const ATTENTION: usize = 20;

/// Over how long.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SummaryQuery {
    /// Hours, the current one included: 1 to 168, 24 where it is left out.
    hours: Option<u32>,
}

/// How an environment is doing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    /// When the first hour begins.
    from: Time,
    /// When the last one ends: it is the current one.
    to: Time,
    /// What happened in these hours.
    total: Counts,
    /// Of the deliveries that were delivered or failed, the share that was delivered; `null`: there were none.
    success_rate: Option<f64>,
    /// Deliveries that wait at the moment, for their first attempt or a retry.
    waiting: u64,
    /// Its webhooks.
    webhooks: WebhookCounts,
    /// The webhooks with most failed attempts in these hours.
    top_failing: Vec<FailingWebhook>,
    /// What needs attention at the moment, the worst first: 20 at most.
    attention: Vec<Attention>,
    /// How many webhooks need attention.
    attention_count: usize,
}

/// Webhooks by how they are doing at the moment.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct WebhookCounts {
    /// All of them.
    total: usize,
    /// Those that get events.
    active: usize,
    /// Those that do not.
    disabled: usize,
    /// Active ones that are paused, or whose last deliveries, or at least three last attempts, failed: those whose `health` has `isFailing`.
    failing: usize,
    /// Active ones to which nothing is sent for a while, as their endpoint does not answer, or says that it is unwell.
    paused: usize,
}

/// A webhook with failed attempts.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailingWebhook {
    /// The webhook.
    webhook_id: Uuid,
    /// Its name.
    display_name: String,
    /// Its tenant.
    tenant_id: Option<String>,
    /// `active` or `disabled`.
    status: &'static str,
    /// Why it is disabled.
    #[schema(value_type = Option<words::DisabledReason>)]
    disabled_reason: Option<&'static str>,
    /// Deliveries that ended as failed.
    failed: u64,
    /// Attempts that did not deliver.
    failed_attempts: u64,
    /// All attempts.
    attempts: u64,
    /// Deliveries that wait at the moment.
    waiting: u64,
    /// Since when attempts or deliveries have failed with no success between. Attempts from before the server started are not known.
    failing_since: Option<Time>,
    /// How many have, of attempts or deliveries whichever are more.
    failures_in_a_row: u32,
}

/// A webhook that needs attention.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attention {
    /// `webhook_disabled`: the server disabled it. `webhook_paused`: its endpoint does not answer, or says that it is unwell.
    /// `webhook_failing`: its attempts fail, whatever it answers.
    kind: &'static str,
    /// The webhook.
    webhook_id: Uuid,
    /// Its name.
    display_name: String,
    /// Its tenant.
    tenant_id: Option<String>,
    /// Since when it has failed, where that is known.
    since: Option<Time>,
    /// Why it was disabled.
    #[schema(value_type = Option<words::DisabledReason>)]
    reason: Option<&'static str>,
    /// Attempts or deliveries that failed with no success between, whichever are more.
    failures_in_a_row: u32,
}

/// Get a summary
///
/// What an overview shows: the last hours in numbers, what waits, who fails, what needs attention.
#[utoipa::path(get, path = "/api/v1/statistics/summary", tag = "statistics", params(SummaryQuery), responses(
    (status = 200, description = "The summary.", body = Summary),
    (status = 400, description = "A parameter cannot be read.", body = Problem)))]
pub(crate) async fn get_summary(
    State(state): State<ApiState>,
    vendor: Vendor,
    Params(query): Params<SummaryQuery>,
) -> Result<Answer<Summary>, ApiError> {
    let hours = query.hours.unwrap_or(24);
    if !(1..=STATISTICS_SUMMARY_HOURS).contains(&hours) {
        return Err(ApiError::at(Code::InvalidParameter, "hours", format!("is 1 to {STATISTICS_SUMMARY_HOURS}")));
    }
    let to = Resolution::Hour.floor(state.now()) + Resolution::Hour.span();
    let from = to - Duration::from_hours(hours.into());
    let environment = vendor.environment_id;
    let asked = StatisticsQuery { of: StatisticsOf::Environment, resolution: Resolution::Hour, from, to };
    let mut total = Counted::default();
    for point in state.store().statistics(environment, asked).await? {
        total.add(&point.counts);
    }
    let waiting = state.store().waiting(environment).await?;
    let failing = state.store().failing_webhooks(environment, from, to, TOP_FAILING).await?;
    let webhooks = state.directory().webhooks(environment, None);
    let (counts, attention) = look_at(&state, &webhooks);
    let attention_count = attention.len();
    Ok(Answer(Summary {
        from: from.into(),
        to: to.into(),
        success_rate: success_rate(&total),
        total: (&total).into(),
        waiting: waiting.values().sum(),
        webhooks: counts,
        top_failing: failing
            .into_iter()
            // Of one that was deleted nothing can be done.
            .filter_map(|(id, counts)| {
                Some(failing_webhook(&state, &*state.directory().webhook(id)?, &counts, &waiting))
            })
            .collect(),
        attention: attention.into_iter().take(ATTENTION).map(|(_, attention)| attention).collect(),
        attention_count,
    }))
}

/// The worst first: what is off, what is paused, what fails, and of each the longest.
type Rank = (u8, Option<Timestamp>, WebhookId);

fn look_at(state: &ApiState, webhooks: &[Arc<Webhook>]) -> (WebhookCounts, Vec<(Rank, Attention)>) {
    let now = state.now();
    let mut counts = WebhookCounts { total: webhooks.len(), ..WebhookCounts::default() };
    let mut attention = Vec::new();
    for webhook in webhooks {
        let lane = state.engine().lane(webhook.id);
        let Failures { in_a_row, since, is_failing } = Failures::of(webhook, &lane);
        let about = |kind, reason: Option<DisableReason>| Attention {
            kind,
            webhook_id: webhook.id.as_uuid(),
            display_name: webhook.display_name.clone(),
            tenant_id: webhook.scope.tenant().map(|tenant| tenant.as_str().to_owned()),
            since: since.map(Into::into),
            reason: reason.map(DisableReason::name),
            failures_in_a_row: in_a_row,
        };
        match webhook.status {
            WebhookStatus::Disabled(reason) => {
                counts.disabled += 1;
                if reason != DisableReason::ByUser {
                    attention.push(((0, since, webhook.id), about("webhook_disabled", Some(reason))));
                }
            }
            WebhookStatus::Active => {
                counts.active += 1;
                let is_paused = lane.paused_until.is_some_and(|until| until > now);
                counts.paused += usize::from(is_paused);
                counts.failing += usize::from(is_failing);
                if is_paused {
                    attention.push(((1, since, webhook.id), about("webhook_paused", None)));
                } else if is_failing {
                    attention.push(((2, since, webhook.id), about("webhook_failing", None)));
                }
            }
        }
    }
    attention.sort_by_key(|((kind, since, id), _)| (*kind, since.is_none(), *since, *id));
    (counts, attention)
}

fn failing_webhook(
    state: &ApiState,
    webhook: &Webhook,
    counts: &Counted,
    waiting: &HashMap<WebhookId, u64>,
) -> FailingWebhook {
    let failures = Failures::of(webhook, &state.engine().lane(webhook.id));
    let (status, disabled_reason) = match webhook.status {
        WebhookStatus::Active => ("active", None),
        WebhookStatus::Disabled(reason) => ("disabled", Some(reason.name())),
    };
    FailingWebhook {
        webhook_id: webhook.id.as_uuid(),
        display_name: webhook.display_name.clone(),
        tenant_id: webhook.scope.tenant().map(|tenant| tenant.as_str().to_owned()),
        status,
        disabled_reason,
        failed: counts.failed,
        failed_attempts: counts.failed_attempts(),
        attempts: counts.attempts(),
        waiting: waiting.get(&webhook.id).copied().unwrap_or(0),
        failing_since: failures.since.map(Into::into),
        failures_in_a_row: failures.in_a_row,
    }
}
