//! `GET /api/v1/deliveries/stream`: deliveries as they are made and change, jobs as they come forward, and numbers, for a screen that is
//! kept up to date.
//!
//! A stream tells the state that a delivery has when it is told, not each state that it had: what changes often is told when it has
//! settled for a moment. What comes faster than that is missed, and said to be.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use postrider_core::event::TenantId;
use postrider_core::permission::Permission;
use postrider_core::statistics::{Counts, Resolution};
use postrider_core::{DeliveryId, WebhookId};
use postrider_engine::Change;
use postrider_store::{StatisticsOf, StatisticsQuery};
use serde::{Deserialize, Serialize};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::auth::caller::Member;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::deliveries::{Delivery, webhook_within_reach};
use crate::native::events::read::tenant;
use crate::native::jobs::Job;
use crate::native::statistics::Point;
use crate::native::wire;
use crate::state::ApiState;

/// How often a silent stream shows that it lives, so that nothing between closes it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How long changes gather before they are told.
const GATHERING: Duration = Duration::from_millis(200);
/// Deliveries that are told at once; those beyond are missed.
const AT_ONCE: usize = 100;
/// How long the numbers stay as they were told.
const NUMBERS_EVERY: Duration = Duration::from_secs(1);

/// Which deliveries, and what else.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// To that webhook. A tenant's user must name one.
    webhook_id: Option<String>,
    /// Of events of that tenant.
    tenant_id: Option<String>,
    /// Whether the numbers of the current minute are told as well: `statistics`. The vendor's alone.
    #[serde(default)]
    statistics: bool,
}

/// `event: missed`: changes came faster than they are told.
#[derive(Debug, Serialize)]
struct Missed {
    /// How many, at least and before filters: the list is to be loaded anew.
    deliveries: u64,
}

/// Watch deliveries
///
/// Server-sent events. First `open`. Then `delivery`, each as in the list, whenever one was made or has changed; `job` for each job that
/// was started or has changed; with `statistics=true` also `statistics`, the environment's numbers of the current minute, at most once a
/// second; and `missed` with `{"deliveries": <count>}` where changes came faster than they are told: a list is to be loaded anew then.
#[utoipa::path(get, path = "/api/v1/deliveries/stream", tag = "deliveries", params(StreamQuery), responses(
    (status = 200, description = "The stream.", content_type = "text/event-stream", body = String),
    (status = 404, description = "There is no webhook of that id within reach.", body = Problem),
    (status = 503, description = "There are as many streams as there can be.", body = Problem)))]
pub(crate) async fn stream_deliveries(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<StreamQuery>,
) -> Result<Response, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let webhook = wire::id("webhookId", query.webhook_id.as_deref())?;
    match webhook {
        Some(webhook) => webhook_within_reach(&state, &member, webhook)?,
        None if member.tenant.is_some() => {
            let detail = "a tenant's user names the webhook whose deliveries to watch";
            return Err(ApiError::at(Code::InvalidParameter, "webhookId", detail));
        }
        None => {}
    }
    if query.statistics {
        member.require_vendor()?;
    }
    let place = Arc::clone(state.streams()).try_acquire_owned();
    let place = place.map_err(|_| ApiError::new(Code::Overloaded, "there are as many streams as there can be"))?;
    let watching = Watching {
        changes: state.engine().watch_changes(member.environment_id),
        tenant: tenant(query.tenant_id.as_deref())?,
        webhook,
        member,
        state,
        numbers: query.statistics.then(Numbers::default),
        messages: VecDeque::from([message("open", &serde_json::json!({}))]),
        _place: place,
    };
    let messages = stream::unfold(watching, |mut watching| async move {
        let message = watching.next().await?;
        Some((Ok::<_, Infallible>(message), watching))
    });
    Ok(Sse::new(messages).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
}

struct Watching {
    state: ApiState,
    member: Member,
    webhook: Option<WebhookId>,
    tenant: Option<TenantId>,
    changes: Receiver<Change>,
    numbers: Option<Numbers>,
    /// Those that wait to be read.
    messages: VecDeque<Message>,
    _place: OwnedSemaphorePermit,
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

/// What has gathered since the last messages.
#[derive(Default)]
struct Gathered {
    deliveries: Vec<DeliveryId>,
    jobs: Vec<Arc<postrider_core::job::Job>>,
    missed: u64,
}

impl Watching {
    /// The next message; none when the server stops.
    async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Some(message);
            }
            let numbers_due = self.numbers.as_ref().and_then(Numbers::due);
            let numbers = async {
                match numbers_due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            let mut gathered = Gathered::default();
            tokio::select! {
                change = self.changes.recv() => match change {
                    Ok(change) => self.gather(change, &mut gathered),
                    Err(RecvError::Lagged(changes)) => gathered.missed += changes,
                    Err(RecvError::Closed) => return None,
                },
                () = numbers => {
                    self.tell_numbers().await;
                    continue;
                }
            }
            tokio::time::sleep(GATHERING).await;
            loop {
                match self.changes.try_recv() {
                    Ok(change) => self.gather(change, &mut gathered),
                    Err(TryRecvError::Lagged(changes)) => gathered.missed += changes,
                    Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                }
            }
            if let Some(numbers) = &mut self.numbers {
                numbers.are_stale = true;
            }
            self.tell(gathered).await;
        }
    }

    fn gather(&self, change: Change, gathered: &mut Gathered) {
        match change {
            Change::Deliveries(deliveries) => {
                let wanted = |of: WebhookId| self.webhook.is_none_or(|webhook| webhook == of);
                gathered.deliveries.extend(deliveries.iter().filter(|(_, of)| wanted(*of)).map(|(id, _)| *id));
            }
            Change::Job(job) => {
                if self.member.tenant.is_none() || self.member.tenant == job.tenant_id {
                    // The newest word on each is enough.
                    gathered.jobs.retain(|other| other.id != job.id);
                    gathered.jobs.push(job);
                }
            }
        }
    }

    async fn tell(&mut self, gathered: Gathered) {
        let Gathered { deliveries, jobs, mut missed } = gathered;
        // The newest change of each, and of too many the newest.
        let mut ids = Vec::new();
        let mut seen = HashSet::new();
        for id in deliveries.into_iter().rev() {
            if seen.insert(id) {
                ids.push(id);
            }
        }
        missed += ids.len().saturating_sub(AT_ONCE) as u64;
        ids.truncate(AT_ONCE);
        for id in ids.into_iter().rev() {
            match self.state.store().delivery(self.member.environment_id, id).await {
                Ok(Some(row)) => {
                    let of = row.delivery.webhook_id;
                    let is_reached = self.member.tenant.is_none()
                        || self.state.directory().webhook(of).is_some_and(|webhook| self.member.sees(&webhook));
                    if is_reached && (self.tenant.is_none() || self.tenant == row.delivery.tenant_id) {
                        self.messages.push_back(message("delivery", &Delivery::from(&row)).id(id.to_string()));
                    }
                }
                // Another environment's, or expired.
                Ok(None) => {}
                Err(_) => missed += 1,
            }
        }
        self.messages.extend(jobs.iter().map(|job| message("job", &Job::from(&**job))));
        if missed > 0 {
            self.messages.push_back(message("missed", &Missed { deliveries: missed }));
        }
    }

    async fn tell_numbers(&mut self) {
        let now = self.state.now();
        let at = Resolution::Minute.floor(now);
        let (of, resolution) = (StatisticsOf::Environment, Resolution::Minute);
        let asked = StatisticsQuery { of, resolution, from: at, to: at + resolution.span() };
        let found = self.state.store().statistics(self.member.environment_id, asked).await;
        let Some(numbers) = &mut self.numbers else { return };
        (numbers.told_at, numbers.are_stale) = (Some(Instant::now()), false);
        // Without an answer the next change asks again.
        let Ok(found) = found else { return };
        let counts = found.into_iter().next().map(|point| point.counts).unwrap_or_default();
        if numbers.told.as_ref() != Some(&(at, counts.clone())) {
            self.messages.push_back(message("statistics", &Point { at: at.into(), counts: (&counts).into() }));
            numbers.told = Some((at, counts));
        }
    }
}

fn message(name: &str, data: &impl Serialize) -> Message {
    let data = serde_json::to_string(data).expect("strings and numbers can be written as JSON");
    Message::default().event(name).data(data)
}
