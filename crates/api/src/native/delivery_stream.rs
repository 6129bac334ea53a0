//! `GET /api/v1/deliveries/stream`: deliveries as they are made and change, jobs as they come forward, and numbers, for a screen that is
//! kept up to date.
//!
//! A stream tells the state that a delivery has when it is told, not each state that it had: what changes often is told when it has
//! settled for a moment. What comes faster than that is missed, and said to be.

use std::future::pending;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event as Message;
use postrider_core::event::TenantId;
use postrider_core::permission::Permission;
use postrider_core::statistics::{Counts, Resolution};
use postrider_core::{DeliveryId, EnvironmentId, JobId, WebhookId};
use postrider_engine::{Changes, ChangesWanted, HeldChanges, Watch};
use postrider_store::{StatisticsOf, StatisticsQuery};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::auth::caller::Member;
use crate::error::{ApiError, Problem};
use crate::extract::Params;
use crate::native::deliveries::{Delivery, webhook_within_reach};
use crate::native::events::read::tenant;
use crate::native::jobs::{self, Job};
use crate::native::statistics::Point;
use crate::native::wire;
use crate::state::ApiState;
use crate::streams::{self, Source, Standing, message};

/// How long changes gather before they are told.
const GATHERING: Duration = Duration::from_millis(200);
/// How long the numbers stay as they were told.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);

/// Which deliveries, and what else.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// To that webhook; for a tenant's user, where it is left out, to all of the tenant's.
    webhook_id: Option<String>,
    /// Of events of that tenant.
    tenant_id: Option<String>,
    /// Made by that job.
    job_id: Option<String>,
    /// Whether the numbers of the current minute are told as well: `statistics`. The vendor's alone.
    #[serde(default)]
    statistics: bool,
}

/// `event: missed`: changes came faster than they are told.
#[derive(Debug, Serialize)]
struct Missed {
    /// How many, at least: the list is to be loaded anew.
    deliveries: u64,
}

/// Watch deliveries
///
/// Server-sent events. First `open`. Then `delivery`, each as in the list, whenever one was made or has changed; `job` for each job that
/// was started or has changed; with `statistics=true` also `statistics`, the environment's numbers of the current minute, at most once a
/// second; and `missed` with `{"deliveries": <count>}` where changes came faster than they are told: a list is to be loaded anew then.
/// A tenant's user is told of the deliveries to the
/// tenant's webhooks and of the tenant's jobs. Last, where the caller's token, session, credential, permission or portal has ended, or the webhook was deleted, `ended` with
/// `{"reason", "status", "detail"}`: what a new call would be answered.
#[utoipa::path(get, path = "/api/v1/deliveries/stream", tag = "deliveries", params(StreamQuery), responses(
    (status = 200, description = "The stream.", content_type = "text/event-stream", body = String),
    (status = 404, description = "There is no webhook, or no job, of that id within reach.", body = Problem),
    (status = 429, description = "The session, credential, tenant or environment has as many streams open as it can have.",
        body = Problem),
    (status = 503, description = "The server has as many streams open as it can have.", body = Problem)))]
pub(crate) async fn stream_deliveries(
    State(state): State<ApiState>,
    member: Member,
    standing: Standing,
    Params(query): Params<StreamQuery>,
) -> Result<Response, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let job = wire::id("jobId", query.job_id.as_deref())?;
    if let Some(job) = job {
        jobs::list::within_reach(&state, &member, job).await?;
    }
    let (webhook, of) = (wire::id("webhookId", query.webhook_id.as_deref())?, tenant(query.tenant_id.as_deref())?);
    let wanted = ChangesWanted {
        webhook,
        webhooks_of: member.tenant.clone(),
        // To a tenant's webhooks go its own events alone.
        tenant: of.clone().or_else(|| member.tenant.clone()),
        jobs_of: member.tenant.clone(),
        anything: query.statistics,
    };
    let watching = Watching {
        changes: state.engine().watch_changes(member.environment_id, wanted),
        environment: member.environment_id,
        webhook,
        job,
        tenant: of,
        numbers: query.statistics.then(Numbers::default),
        has_changes: false,
        state: state.clone(),
    };
    watching.admit(&member)?;
    streams::open(&state, standing, message("open", &serde_json::json!({})), watching).await
}

struct Watching {
    state: ApiState,
    environment: EnvironmentId,
    webhook: Option<WebhookId>,
    job: Option<JobId>,
    tenant: Option<TenantId>,
    changes: Watch<HeldChanges>,
    numbers: Option<Numbers>,
    /// Whether changes have gathered for long enough.
    has_changes: bool,
}

/// The numbers as they were told last.
#[derive(Default)]
struct Numbers {
    told: Option<(postrider_core::Timestamp, Counts)>,
    told_at: Option<Instant>,
    /// Whether something has happened since.
    are_stale: bool,
}

impl Numbers {
    /// When they may be told again, if they are to be.
    fn due(&self) -> Option<Instant> {
        self.are_stale.then(|| self.told_at.map_or_else(Instant::now, |at| at + NUMBERS_EVERY))
    }
}

impl Source for Watching {
    type Caller = Member;

    fn admit(&self, member: &Member) -> Result<(), ApiError> {
        member.require(Permission::ReadWebhookLogs)?;
        if self.numbers.is_some() {
            member.require_vendor()?;
        }
        self.webhook.map_or(Ok(()), |webhook| webhook_within_reach(&self.state, member, webhook))
    }

    async fn news(&mut self) -> bool {
        let numbers_due = self.numbers.as_ref().and_then(Numbers::due);
        let numbers = async {
            match numbers_due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => pending().await,
            }
        };
        let changes = async {
            let goes_on = self.changes.news().await;
            if goes_on {
                tokio::time::sleep(GATHERING).await;
            }
            goes_on
        };
        tokio::select! {
            goes_on = changes => {
                self.has_changes = goes_on;
                goes_on
            }
            () = numbers => true,
        }
    }

    async fn tell(&mut self, member: &Member) -> Vec<Message> {
        let mut messages = Vec::new();
        if std::mem::take(&mut self.has_changes) {
            if let Some(numbers) = &mut self.numbers {
                numbers.are_stale = true;
            }
            let changes = self.changes.take();
            self.tell_changes(member, changes, &mut messages).await;
        }
        if self.numbers.as_ref().and_then(Numbers::due).is_some_and(|due| due <= Instant::now()) {
            messages.extend(self.tell_numbers().await);
        }
        messages
    }
}

impl Watching {
    async fn tell_changes(&self, member: &Member, changes: Changes, messages: &mut Vec<Message>) {
        let Changes { deliveries, jobs, mut missed } = changes;
        for id in deliveries {
            match self.state.store().delivery(self.environment, id).await {
                Ok(Some(row)) => {
                    let of = row.delivery.webhook_id;
                    let is_reached = member.tenant.is_none()
                        || self.state.directory().webhook(of).is_some_and(|webhook| member.sees(&webhook));
                    let is_wanted = is_reached && (self.tenant.is_none() || self.tenant == row.delivery.tenant_id);
                    if is_wanted && self.is_of_job(id).await {
                        messages.push(message("delivery", &Delivery::from(&row)).id(id.to_string()));
                    }
                }
                // Another environment's, or expired.
                Ok(None) => {}
                Err(_) => missed += 1,
            }
        }
        messages.extend(jobs.iter().map(|job| message("job", &Job::from(&**job))));
        if missed > 0 {
            messages.push(message("missed", &Missed { deliveries: missed }));
        }
    }

    async fn is_of_job(&self, id: DeliveryId) -> bool {
        match self.job {
            None => true,
            Some(job) => self.state.store().has_made(self.environment, job, id).await.unwrap_or(false),
        }
    }

    async fn tell_numbers(&mut self) -> Option<Message> {
        let now = self.state.now();
        let at = Resolution::Minute.floor(now);
        let (of, resolution) = (StatisticsOf::Environment, Resolution::Minute);
        let asked = StatisticsQuery { of, resolution, from: at, to: at + resolution.span() };
        let found = self.state.store().statistics(self.environment, asked).await;
        let numbers = self.numbers.as_mut()?;
        (numbers.told_at, numbers.are_stale) = (Some(Instant::now()), false);
        // Without an answer the next change asks again.
        let counts = found.ok()?.into_iter().next().map(|point| point.counts).unwrap_or_default();
        if numbers.told.as_ref() == Some(&(at, counts.clone())) {
            return None;
        }
        let told = message("statistics", &Point { at: at.into(), counts: (&counts).into() });
        numbers.told = Some((at, counts));
        Some(told)
    }
}
