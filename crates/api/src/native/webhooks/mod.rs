//! Webhooks: the record that all of their calls answer with, and the settings of sending.

use postrider_core::WebhookId;
use postrider_core::permission::Permission;
use postrider_core::retry::{RetryDelays, RetryPolicy};
use postrider_core::shape::{Access, Shape};
use postrider_core::webhook::{Deadline, Sending, Webhook as Stored, WebhookStatus};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::error::ApiError;
use crate::native::webhooks::failures::Failures;
use crate::native::webhooks::ordering::OrderingForm;
use crate::native::webhooks::rate_limit::RateLimitForm;
use crate::native::webhooks::shape::{AuthenticationForm, CertificateForm, HeaderForm, MethodForm, PayloadForm};
use crate::native::webhooks::signing::{PreviousSecretShown, SignatureName};
use crate::native::wire::{Given, Time};
use crate::native::words;
use crate::state::ApiState;

pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod failures;
pub(crate) mod get;
pub(crate) mod hidden;
pub(crate) mod list;
pub(crate) mod ordering;
pub(crate) mod public_keys;
pub(crate) mod rate_limit;
pub(crate) mod rotate;
pub(crate) mod shape;
pub(crate) mod signing;
pub(crate) mod update;

/// A subscription to events.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Webhook {
    /// Its id.
    id: Uuid,
    /// The environment it belongs to.
    environment_id: Uuid,
    /// The tenant whose events it gets; `null`: it is the environment's, and gets the events of every tenant.
    tenant_id: Option<String>,
    /// Its name for people.
    display_name: String,
    /// What it is for.
    description: String,
    /// Where events are sent.
    url: String,
    /// Whether requests are signed.
    is_signed: bool,
    /// What requests are signed with. Left out in lists, and for callers that may not write webhooks.
    #[serde(skip_serializing_if = "Given::is_absent")]
    #[schema(value_type = Option<String>)]
    secret: Given<String>,
    /// The secret before the present one, while it signs beside it. Left out in lists, and for callers that may not write webhooks.
    #[serde(skip_serializing_if = "Given::is_absent")]
    #[schema(value_type = Option<PreviousSecretShown>)]
    previous_secret: Given<PreviousSecretShown>,
    /// Which signatures `webhook-signature` carries.
    signature: SignatureName,
    /// What `v1a` signatures are checked with, where the webhook has a key: `whpk_` and base64.
    public_key: Option<String>,
    /// What it subscribes to: keys, `prefix.*`, `*`, `Category.*`, ids of event types and categories.
    event_keys: Vec<String>,
    /// Which of those it gets: a condition in the Common Expression Language; `null`: all.
    filter: Option<String>,
    /// Whether it gets events.
    is_active: bool,
    /// Why it does not.
    #[schema(value_type = Option<words::DisabledReason>)]
    disabled_reason: Option<&'static str>,
    /// When failed attempts are repeated.
    retry_policy: RetryPolicyForm,
    /// Seconds that an attempt may take.
    deadline_seconds: u32,
    /// Days over which deliveries must have failed before the webhook is disabled; `null`: never.
    disable_after_days: Option<u16>,
    /// What deliveries are strictly ordered by.
    ordering: OrderingForm,
    /// How many attempts may start in how much time; `null`: as many as the endpoint takes well.
    rate_limit: Option<RateLimitForm>,
    /// The method of its requests.
    method: MethodForm,
    /// What is sent instead of the event's body; `null`: the event's body.
    payload: Option<PayloadForm>,
    /// Headers besides those that every request has.
    headers: Vec<HeaderForm>,
    /// How requests authenticate to the receiver.
    authentication: Option<AuthenticationForm>,
    /// The certificate that is shown to a receiver that asks for one.
    client_certificate: Option<CertificateForm>,
    /// Deliveries so far that came from events. Those that were discarded on acceptance, as the webhook was disabled, do not count, and
    /// neither do resends and replays.
    invocations: u64,
    /// How it is doing.
    health: Health,
    /// When it was made.
    created_at: Time,
    /// When a person last changed it.
    updated_at: Time,
}

/// How a webhook is doing at the moment.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Health {
    /// Deliveries that wait in memory; more may wait in the database.
    waiting_in_memory: usize,
    /// Attempts under way.
    in_flight: usize,
    /// Attempts that may be under way at once: it grows while the endpoint answers well.
    share: usize,
    /// Until when nothing is sent, because the endpoint does not answer or says that it is unwell.
    paused_until: Option<Time>,
    /// Whether it counts as failing: it is active, and it is paused, or deliveries or at least three attempts have failed since the last
    /// success.
    is_failing: bool,
    /// Since when attempts or deliveries have failed with no success between. Attempts from before the server started are not known.
    failing_since: Option<Time>,
    /// Attempts that failed since the last success, whatever the endpoint answered, and since the server started.
    consecutive_failures: u32,
    /// When the rate limit lets the next attempt start, while one waits for it.
    next_start_at: Option<Time>,
    /// Deliveries that failed since the last success.
    failed_deliveries: Option<FailedDeliveries>,
    /// Events that it did not get because its filter could not tell, since the server started or the filter was set.
    undecided: Option<UndecidedFilter>,
}

/// Events about which a filter could not tell.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UndecidedFilter {
    /// How many.
    count: u64,
    /// When the last of them was accepted.
    last_at: Time,
    /// Why the filter could not tell of it.
    last_reason: String,
}

/// Deliveries that failed with no success between.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailedDeliveries {
    /// How many.
    count: u32,
    /// When the first of them ended.
    first_at: Time,
    /// When the last of them ended.
    last_at: Time,
}

impl Webhook {
    /// The record as it stands in a list: whoever looks something up does not carry all secrets away.
    pub(crate) fn listed(state: &ApiState, member: &Member, webhook: &Stored) -> Self {
        Self { secret: Given::Absent, previous_secret: Given::Absent, ..Self::new(state, member, webhook) }
    }

    /// The record as that caller may see it.
    pub(crate) fn new(state: &ApiState, member: &Member, webhook: &Stored) -> Self {
        let lane = state.engine().lane(webhook.id);
        let failures = Failures::of(webhook, &lane);
        let (shape, access) = settings(webhook);
        let secret = match &webhook.secret {
            _ if !member.may(Permission::WriteWebhook) => Given::Absent,
            None => Given::Null,
            Some(secret) => Given::Value(secret.expose().to_owned()),
        };
        let now = state.now();
        let previous_secret = match webhook.signing.previous_at(now) {
            _ if !member.may(Permission::WriteWebhook) => Given::Absent,
            None => Given::Null,
            Some(previous) => Given::Value(PreviousSecretShown::new(previous, now)),
        };
        Self {
            id: webhook.id.as_uuid(),
            environment_id: webhook.environment_id.as_uuid(),
            tenant_id: webhook.scope.tenant().map(|tenant| tenant.as_str().to_owned()),
            display_name: webhook.display_name.clone(),
            description: webhook.description.clone(),
            url: webhook.url.as_str().to_owned(),
            is_signed: webhook.secret.is_some() || webhook.signing.scheme.has_ed25519(),
            secret,
            previous_secret,
            signature: webhook.signing.scheme.into(),
            public_key: webhook.signing.key.as_ref().map(|key| key.public_key().to_string()),
            event_keys: webhook.event_keys.clone(),
            filter: webhook.filter.as_ref().map(|filter| filter.as_str().to_owned()),
            is_active: webhook.status.is_active(),
            disabled_reason: match webhook.status {
                WebhookStatus::Active => None,
                WebhookStatus::Disabled(reason) => Some(reason.name()),
            },
            retry_policy: (&webhook.sending.retry).into(),
            deadline_seconds: webhook.sending.deadline.into(),
            disable_after_days: webhook.sending.disable_after_days,
            ordering: webhook.sending.order_by.as_ref().into(),
            rate_limit: webhook.sending.rate_limit.map(Into::into),
            method: shape.method.into(),
            payload: shape::payload_of(&shape),
            headers: shape::headers_of(&access),
            authentication: shape::authentication_of(&access),
            client_certificate: shape::certificate_of(&access),
            invocations: webhook.invocations,
            health: Health {
                waiting_in_memory: lane.waiting_in_memory,
                in_flight: lane.in_flight,
                share: lane.share,
                paused_until: lane.paused_until.map(Into::into),
                is_failing: failures.is_failing,
                failing_since: failures.since.map(Into::into),
                consecutive_failures: lane.consecutive_failures,
                next_start_at: lane.next_start_at.map(Into::into),
                failed_deliveries: webhook.streak.map(|streak| FailedDeliveries {
                    count: streak.count,
                    first_at: streak.first_at.into(),
                    last_at: streak.last_at.into(),
                }),
                undecided: state.engine().undecided(webhook).map(|undecided| UndecidedFilter {
                    count: undecided.count,
                    last_at: undecided.last_at.into(),
                    last_reason: undecided.last_reason,
                }),
            },
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
        }
    }
}

/// A retry policy: a preset or a list of delays, one of the two.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = RetryPolicy)]
pub(crate) struct RetryPolicyForm {
    /// `standard`: after 5 s, 30 s, 5 min, 30 min, 2 h, 5 h, 10 h and 14 h. `frontegg`: none, and the webhook is disabled after
    /// five failed deliveries in a row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    preset: Option<Preset>,
    /// The seconds before each retry: at most 30 entries of 1 to 86,400. Empty: no retries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    delays_in_seconds: Option<Vec<u32>>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Preset {
    /// Eight retries over some 31 hours.
    Standard,
    /// No retries.
    Frontegg,
}

impl From<&RetryPolicy> for RetryPolicyForm {
    fn from(policy: &RetryPolicy) -> Self {
        match policy {
            RetryPolicy::Standard => Self { preset: Some(Preset::Standard), delays_in_seconds: None },
            RetryPolicy::Frontegg => Self { preset: Some(Preset::Frontegg), delays_in_seconds: None },
            RetryPolicy::Delays(delays) => Self { preset: None, delays_in_seconds: Some(delays.clone().into()) },
        }
    }
}

impl RetryPolicyForm {
    fn parsed(self) -> Result<RetryPolicy, ApiError> {
        match (self.preset, self.delays_in_seconds) {
            (Some(Preset::Standard), None) => Ok(RetryPolicy::Standard),
            (Some(Preset::Frontegg), None) => Ok(RetryPolicy::Frontegg),
            (None, Some(delays)) => RetryDelays::try_from(delays)
                .map(RetryPolicy::Delays)
                .map_err(|error| ApiError::value("/retryPolicy/delaysInSeconds", error)),
            _ => Err(ApiError::value("/retryPolicy", "has either `preset` or `delaysInSeconds`")),
        }
    }
}

/// The settings of sending as a request gives them, over those there are. None where it gives none.
fn sending(
    before: &Sending,
    retry_policy: Option<RetryPolicyForm>,
    deadline_seconds: Option<u32>,
    disable_after_days: Given<u16>,
    ordering: Given<OrderingForm>,
    rate_limit: Given<RateLimitForm>,
) -> Result<Option<Sending>, ApiError> {
    if retry_policy.is_none()
        && deadline_seconds.is_none()
        && disable_after_days.is_absent()
        && ordering.is_absent()
        && rate_limit.is_absent()
    {
        return Ok(None);
    }
    let mut sending = before.clone();
    if let Some(policy) = retry_policy {
        sending.retry = policy.parsed()?;
    }
    if let Some(seconds) = deadline_seconds {
        sending.deadline = Deadline::try_from(seconds).map_err(|error| ApiError::value("/deadlineSeconds", error))?;
    }
    match disable_after_days {
        Given::Absent => {}
        Given::Null => sending.disable_after_days = None,
        Given::Value(0) => return Err(ApiError::value("/disableAfterDays", "is at least 1, or null for never")),
        Given::Value(days) => sending.disable_after_days = Some(days),
    }
    match ordering {
        Given::Absent => {}
        Given::Null => sending.order_by = None,
        Given::Value(form) => sending.order_by = form.parsed()?,
    }
    match rate_limit {
        Given::Absent => {}
        Given::Null => sending.rate_limit = None,
        Given::Value(form) => sending.rate_limit = Some(form.parsed()?),
    }
    Ok(Some(sending))
}

/// What a webhook sends, and what it shows to be let in.
pub(crate) fn settings(webhook: &Stored) -> (Arc<Shape>, Arc<Access>) {
    let shape = webhook.shape.as_ref().map(|pinned| Arc::clone(&pinned.shape));
    (shape.unwrap_or_default(), webhook.access.clone().unwrap_or_default())
}

/// The webhook of that id, where it is within the caller's reach.
pub(crate) fn within_reach(state: &ApiState, member: &Member, id: WebhookId) -> Result<Arc<Stored>, ApiError> {
    let not_found = || ApiError::not_found("webhook");
    let webhook = state.directory().webhook(id).filter(|webhook| member.sees(webhook)).ok_or_else(not_found)?;
    // Read by scope, as the count of invocations is then current.
    state.directory().webhook_in(member.environment_id, &webhook.scope, id).ok_or_else(not_found)
}
