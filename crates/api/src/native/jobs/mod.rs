//! Jobs: resending many deliveries, and replaying events, as all of their calls take and answer it.

use std::collections::HashSet;
use std::time::Duration;

use postrider_core::delivery::StateKind;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::job::{Include, Job as Stored, JobState, Replay, Resend, Work};
use postrider_core::limits::{
    JOB_RATE, JOB_RATE_MOST, JOB_RATE_MOST_OF_TENANT, JOB_WEBHOOKS, SEARCH_TEXT_CHARS_LEAST, SEARCH_TEXT_CHARS_MOST,
};
use postrider_core::{EventId, Timestamp, WebhookId};
use postrider_store::LastAnswer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code};
use crate::native::deliveries::webhook_within_reach;
use crate::native::wire::{Time, bound};
use crate::native::words;
use crate::state::ApiState;

pub(crate) mod control;
mod counting;
pub(crate) mod list;
pub(crate) mod preview;
pub(crate) mod rate;
pub(crate) mod start;

/// The length of the moments that ids and ranges know.
const MOMENT: Duration = Duration::from_millis(1);

/// What a job is to do.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct JobRequest {
    /// `resend`: repeat the deliveries that `filter` takes. `replay`: send the events of a range of time to `webhookIds`.
    kind: Kind,
    /// Of a resend: which deliveries. Of those, it repeats the ones that have ended and that no later one repeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<ResendFilter>,
    /// Of a replay: to which webhooks, 1 to 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_ids: Option<Vec<Uuid>>,
    /// Of a replay: that event alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<Uuid>,
    /// Of a replay: events accepted at this moment or later; not needed with `eventId`.
    #[serde(default, deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    /// Of a replay: events accepted before this moment; all up to now where it is left out.
    #[serde(default, deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    /// Of a replay: events of that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_key: Option<String>,
    /// Of a replay: events of that tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    /// Of a replay: `all` events of the range, whatever became of them before, or those that a webhook has not got
    /// (`undelivered`); `all` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(inline)]
    include: Option<IncludeName>,
    /// Deliveries that it makes a second: 1 to 5,000, for a tenant's user to 500; 200 where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = JobKind)]
pub(crate) enum Kind {
    /// Deliveries once more.
    Resend,
    /// Events once more.
    Replay,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum IncludeName {
    /// All.
    All,
    /// Those that the webhook has not got, and that are not on their way to it.
    Undelivered,
}

/// Which deliveries to repeat; what is left out does not matter.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ResendFilter {
    /// In one of these states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    state: Vec<String>,
    /// Whose last attempt came to that: a status code, `2xx` to `5xx`, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    status_code: Option<String>,
    /// To that webhook. A tenant's user must name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<Uuid>,
    /// Of events of that tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    /// Of events of that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    event_key: Option<String>,
    /// Made at this moment or later.
    #[serde(default, deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    from: Option<Time>,
    /// Made before this moment.
    #[serde(default, deserialize_with = "bound", skip_serializing_if = "Option::is_none")]
    to: Option<Time>,
    /// With that text in the event's body: 2 to 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// A bulk resend or a replay.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    /// Its id.
    id: Uuid,
    /// What it does.
    kind: Kind,
    /// Where it stands; nothing follows `cancelled` and `completed`. It is cancelled by itself, too: when a webhook that it names is
    /// deleted, and after seven days of pause.
    #[schema(value_type = words::JobState)]
    state: &'static str,
    /// Why it is paused: `by_user`, or `webhook_inactive`: a webhook that it sends to was disabled.
    #[schema(value_type = Option<words::JobPauseReason>)]
    paused_because: Option<&'static str>,
    /// What there was to look at when it was started; `null`: too much to count.
    total: Option<u64>,
    /// Deliveries that it has made.
    done: u64,
    /// What it has looked at and had no need to send: repeated already, still on its way, or delivered.
    skipped: u64,
    /// What it could not send, as the webhook is disabled or deleted.
    failed: u64,
    /// Deliveries that it makes a second.
    rate_per_second: u32,
    /// The tenant whose user started it; `null`: the vendor did.
    tenant_id: Option<String>,
    /// What it was asked to do.
    request: JobRequest,
    /// When it was started.
    created_at: Time,
    /// When it last changed.
    updated_at: Time,
    /// When it ended.
    ended_at: Option<Time>,
}

impl From<&Stored> for Job {
    fn from(job: &Stored) -> Self {
        Self {
            id: job.id.as_uuid(),
            kind: match job.work {
                Work::Resend(_) => Kind::Resend,
                Work::Replay(_) => Kind::Replay,
            },
            state: job.state.name(),
            paused_because: match job.state {
                JobState::Paused(reason) => Some(reason.name()),
                _ => None,
            },
            total: job.progress.total,
            done: job.progress.done,
            skipped: job.progress.skipped,
            failed: job.progress.failed,
            rate_per_second: job.rate,
            tenant_id: job.tenant_id.as_ref().map(|id| id.as_str().to_owned()),
            request: JobRequest::of(job),
            created_at: job.created_at.into(),
            updated_at: job.updated_at.into(),
            ended_at: job.state.ended_at().map(Into::into),
        }
    }
}

impl JobRequest {
    fn of(job: &Stored) -> Self {
        let nothing = Self {
            kind: Kind::Resend,
            filter: None,
            webhook_ids: None,
            event_id: None,
            from: None,
            to: None,
            event_key: None,
            tenant_id: None,
            include: None,
            rate_per_second: Some(job.rate),
        };
        match &job.work {
            Work::Resend(resend) => Self {
                filter: Some(ResendFilter {
                    state: resend.states.clone(),
                    status_code: resend.status_code.clone(),
                    webhook_id: resend.webhook.map(WebhookId::as_uuid),
                    tenant_id: resend.tenant.as_ref().map(|id| id.as_str().to_owned()),
                    event_key: resend.event_key.as_ref().map(|key| key.as_str().to_owned()),
                    from: resend.from.map(Into::into),
                    to: resend.to.map(Into::into),
                    text: resend.text.clone(),
                }),
                ..nothing
            },
            Work::Replay(replay) => Self {
                kind: Kind::Replay,
                webhook_ids: Some(replay.webhooks.iter().map(|id| id.as_uuid()).collect()),
                event_id: replay.event.map(EventId::as_uuid),
                from: Some(replay.from.into()),
                to: Some(replay.to.into()),
                event_key: replay.event_key.as_ref().map(|key| key.as_str().to_owned()),
                tenant_id: replay.tenant.as_ref().map(|id| id.as_str().to_owned()),
                include: Some(match replay.include {
                    Include::All => IncludeName::All,
                    Include::Undelivered => IncludeName::Undelivered,
                }),
                ..nothing
            },
        }
    }

    /// What it asks for, within the caller's reach, and at which rate.
    async fn work(self, state: &ApiState, member: &Member) -> Result<(Work, u32), ApiError> {
        let rate = checked_rate(member, self.rate_per_second.unwrap_or(JOB_RATE))?;
        if let (Kind::Replay, Some(event)) = (self.kind, self.event_id) {
            event_within_reach(state, member, EventId::from_uuid(event)).await?;
        }
        let work = match self.kind {
            Kind::Resend => Work::Resend(self.resend(state, member)?),
            Kind::Replay => Work::Replay(self.replay(state, member)?),
        };
        Ok((work, rate))
    }

    fn resend(self, state: &ApiState, member: &Member) -> Result<Resend, ApiError> {
        let others = [
            ("/webhookIds", self.webhook_ids.is_some()),
            ("/eventId", self.event_id.is_some()),
            ("/from", self.from.is_some()),
            ("/to", self.to.is_some()),
            ("/eventKey", self.event_key.is_some()),
            ("/tenantId", self.tenant_id.is_some()),
            ("/include", self.include.is_some()),
        ];
        if let Some((at, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
            return Err(ApiError::value(at, "is of a replay; a resend says in `filter` which deliveries it repeats"));
        }
        let mut filter =
            self.filter.ok_or_else(|| ApiError::value("/filter", "says which deliveries to repeat; `{}` means all"))?;
        if let Some(name) = filter.state.iter().find(|name| StateKind::from_name(name).is_none()) {
            let names: Vec<_> = StateKind::ALL.iter().map(|kind| kind.name()).collect();
            let detail = format!("`{name}` is no state; these are: {}", names.join(", "));
            return Err(ApiError::value("/filter/state", detail));
        }
        // Each once: each is looked for in a list of its own.
        let mut known = HashSet::new();
        filter.state.retain(|name| known.insert(name.clone()));
        if filter.status_code.as_ref().is_some_and(|text| LastAnswer::parse(text).is_none()) {
            let detail = "is a status code, one of `2xx` to `5xx`, or `none`";
            return Err(ApiError::value("/filter/statusCode", detail));
        }
        let lengths = SEARCH_TEXT_CHARS_LEAST..=SEARCH_TEXT_CHARS_MOST;
        if filter.text.as_ref().is_some_and(|text| !lengths.contains(&text.chars().count())) {
            let detail = format!("has {SEARCH_TEXT_CHARS_LEAST} to {SEARCH_TEXT_CHARS_MOST} characters");
            return Err(ApiError::value("/filter/text", detail));
        }
        let webhook = filter.webhook_id.map(WebhookId::from_uuid);
        match webhook {
            Some(webhook) => webhook_within_reach(state, member, webhook)?,
            None if member.tenant.is_some() => {
                let detail = "a tenant's user names the webhook whose deliveries to repeat";
                return Err(ApiError::value("/filter/webhookId", detail));
            }
            None => {}
        }
        Ok(Resend {
            states: filter.state,
            status_code: filter.status_code,
            webhook,
            tenant: tenant_of(member, "/filter/tenantId", filter.tenant_id.as_deref())?,
            event_key: event_key("/filter/eventKey", filter.event_key.as_deref())?,
            from: filter.from.map(|at| at.0),
            to: filter.to.map(|at| at.0),
            text: filter.text,
        })
    }

    fn replay(self, state: &ApiState, member: &Member) -> Result<Replay, ApiError> {
        if self.filter.is_some() {
            let detail =
                "is of a resend; a replay names its events by `eventId`, or by `from`, `to`, `eventKey` and `tenantId`";
            return Err(ApiError::value("/filter", detail));
        }
        let ids = self.webhook_ids.unwrap_or_default();
        if !(1..=JOB_WEBHOOKS).contains(&ids.len()) {
            return Err(ApiError::value("/webhookIds", format!("names 1 to {JOB_WEBHOOKS} webhooks")));
        }
        let mut webhooks: Vec<WebhookId> = Vec::with_capacity(ids.len());
        for id in ids.into_iter().map(WebhookId::from_uuid) {
            webhook_within_reach(state, member, id)?;
            if !webhooks.contains(&id) {
                webhooks.push(id);
            }
        }
        let event = self.event_id.map(EventId::from_uuid);
        let from = self.from.map(|from| from.0).or(event.map(EventId::made_at));
        let from =
            from.ok_or_else(|| ApiError::value("/from", "says from when on, unless `eventId` names one event"))?;
        // What is accepted from now on gets there by itself.
        let now = state.now() + MOMENT;
        let all = event.map_or(now, |event| event.made_at() + MOMENT);
        let to: Timestamp = self.to.map_or(all, |to| to.0.min(now));
        if from >= to {
            return Err(ApiError::value("/from", "is before `to`, and before now"));
        }
        Ok(Replay {
            webhooks,
            from,
            to,
            event,
            event_key: event_key("/eventKey", self.event_key.as_deref())?,
            tenant: tenant_of(member, "/tenantId", self.tenant_id.as_deref())?,
            include: match self.include {
                None | Some(IncludeName::All) => Include::All,
                Some(IncludeName::Undelivered) => Include::Undelivered,
            },
        })
    }
}

/// Refuses an event that there is not, or that the caller may not know of.
async fn event_within_reach(state: &ApiState, member: &Member, id: EventId) -> Result<(), ApiError> {
    match state.store().event(member.environment_id, id).await? {
        Some(event) if member.sees_event(state, &event) => Ok(()),
        _ => Err(ApiError::not_found("event")),
    }
}

/// The tenant whose events are meant: of a tenant's user, its own.
fn tenant_of(member: &Member, at: &str, text: Option<&str>) -> Result<Option<TenantId>, ApiError> {
    let named = text.map(TenantId::parse).transpose().map_err(|error| ApiError::value(at, error))?;
    match &member.tenant {
        None => Ok(named),
        Some(own) if named.as_ref().is_none_or(|named| named == own) => Ok(Some(own.clone())),
        Some(_) => Err(ApiError::new(Code::ScopeForeign, "the token is another tenant's")),
    }
}

/// A rate that the caller may give a job.
fn checked_rate(member: &Member, rate: u32) -> Result<u32, ApiError> {
    let most = if member.tenant.is_some() { JOB_RATE_MOST_OF_TENANT } else { JOB_RATE_MOST };
    if (1..=most).contains(&rate) {
        Ok(rate)
    } else {
        Err(ApiError::value("/ratePerSecond", format!("is 1 to {most}")))
    }
}

fn event_key(at: &str, text: Option<&str>) -> Result<Option<EventKey>, ApiError> {
    text.map(EventKey::parse).transpose().map_err(|error| ApiError::value(at, error))
}

/// A webhook that the job names is off.
fn inactive() -> ApiError {
    ApiError::new(Code::WebhookInactive, "a webhook of the job is disabled; enable it, then start or resume the job")
}
