//! `GET /api/v1/statistics`

use std::collections::BTreeMap;

use axum::Json as Answer;
use axum::extract::State;
use postrider_core::Timestamp;
use postrider_core::limits::STATISTICS_POINTS;
use postrider_core::permission::Permission;
use postrider_core::statistics::{Counts as Counted, Dimension, Resolution};
use postrider_store::{StatisticsGap, StatisticsOf, StatisticsQuery};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Counts, Point};
use crate::auth::caller::Member;
use crate::error::{ApiError, Code, Problem};
use crate::extract::Params;
use crate::native::deliveries::webhook_within_reach;
use crate::native::events::read::{event_key, moment, tenant};
use crate::native::wire::{self, Time};
use crate::native::words;
use crate::state::ApiState;

/// What a series covers unless asked otherwise.
const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// Which statistics.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct SeriesQuery {
    /// From the span on that this moment lies in, RFC 3339; 24 hours before `to` where it is left out. A series begins no earlier than
    /// what is kept.
    from: Option<String>,
    /// Up to this moment, RFC 3339; now where it is left out.
    to: Option<String>,
    /// `minute`, `hour` or `day`; `hour` where it is left out.
    resolution: Option<String>,
    /// Of that webhook. A tenant's user must name one.
    webhook_id: Option<String>,
    /// Of events of that tenant.
    tenant_id: Option<String>,
    /// Of events of that key.
    event_key: Option<String>,
}

/// A series of statistics.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Series {
    /// The length of each span.
    #[schema(value_type = words::StatisticsResolution)]
    resolution: &'static str,
    /// When the first span begins.
    from: Time,
    /// When the last one ends.
    to: Time,
    /// Every span, oldest first, those in which nothing happened included.
    points: Vec<Point>,
    /// All of them together.
    total: Counts,
    /// Stretches of time that overlap the series and that its numbers lack: things happened that are not counted. Empty, but for a server
    /// that could not write its statistics.
    incomplete: Vec<Gap>,
}

/// A stretch of time that statistics lack.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatisticsGap)]
pub(crate) struct Gap {
    /// When the first thing happened that is not counted.
    from: Time,
    /// From when on things are counted again; `null`: they are not yet.
    to: Option<Time>,
}

impl From<StatisticsGap> for Gap {
    fn from(gap: StatisticsGap) -> Self {
        Self { from: gap.from.into(), to: gap.to.map(Into::into) }
    }
}

/// Get statistics
///
/// Of the environment, or of one webhook, tenant or event type. A thing counts in the span in which it was recorded: a delivery is
/// made in one and may end in another. Minutes are kept for 48 hours, those of tenants for 3 hours; hours for 35 days, days for 400 days.
#[utoipa::path(get, path = "/api/v1/statistics", tag = "statistics", params(SeriesQuery), responses(
    (status = 200, description = "The series.", body = Series),
    (status = 400, description = "A parameter cannot be read, or the range ends before it begins or has too many spans.", body = Problem),
    (status = 404, description = "There is no webhook of that id within reach.", body = Problem)))]
pub(crate) async fn get_statistics(
    State(state): State<ApiState>,
    member: Member,
    Params(query): Params<SeriesQuery>,
) -> Result<Answer<Series>, ApiError> {
    member.require(Permission::ReadWebhookLogs)?;
    let resolution = resolution(query.resolution.as_deref())?;
    let of = subject(&state, &member, &query)?;
    let (from, to) = range(&query, of.dimension(), resolution, state.now())?;
    let asked = StatisticsQuery { of, resolution, from, to };
    let found = state.store().statistics(member.environment_id, asked).await?;
    let gaps = state.store().statistics_gaps(from, to).await?;
    let mut found: BTreeMap<_, _> = found.into_iter().map(|point| (point.at, point.counts)).collect();
    let mut total = Counted::default();
    let mut points = Vec::new();
    let mut at = from;
    while at < to {
        let counts = found.remove(&at).unwrap_or_default();
        total.add(&counts);
        points.push(Point { at: at.into(), counts: (&counts).into() });
        at = at + resolution.span();
    }
    Ok(Answer(Series {
        resolution: resolution.name(),
        from: from.into(),
        to: to.into(),
        points,
        total: (&total).into(),
        incomplete: gaps.into_iter().map(Into::into).collect(),
    }))
}

fn resolution(name: Option<&str>) -> Result<Resolution, ApiError> {
    let Some(name) = name else { return Ok(Resolution::Hour) };
    Resolution::from_name(name)
        .ok_or_else(|| ApiError::at(Code::InvalidParameter, "resolution", "is `minute`, `hour` or `day`"))
}

fn subject(state: &ApiState, member: &Member, query: &SeriesQuery) -> Result<StatisticsOf, ApiError> {
    let webhook = wire::id("webhookId", query.webhook_id.as_deref())?;
    let of = match (webhook, tenant(query.tenant_id.as_deref())?, event_key(query.event_key.as_deref())?) {
        (None, None, None) => StatisticsOf::Environment,
        (Some(webhook), None, None) => StatisticsOf::Webhook(webhook),
        (None, Some(tenant), None) => StatisticsOf::Tenant(tenant),
        (None, None, Some(key)) => StatisticsOf::EventType(key),
        _ => {
            let detail = "statistics are of one webhook, one tenant or one event type: name one of them";
            return Err(ApiError::new(Code::InvalidParameter, detail));
        }
    };
    match &of {
        StatisticsOf::Webhook(webhook) => webhook_within_reach(state, member, *webhook)?,
        _ if member.tenant.is_some() => {
            let detail = "a tenant's user names the webhook whose statistics to get";
            return Err(ApiError::at(Code::InvalidParameter, "webhookId", detail));
        }
        _ => {}
    }
    Ok(of)
}

/// Whole spans, within what is kept.
fn range(
    query: &SeriesQuery,
    dimension: Dimension,
    resolution: Resolution,
    now: Timestamp,
) -> Result<(Timestamp, Timestamp), ApiError> {
    // The current span is told as far as it has come.
    let end = resolution.floor(now) + resolution.span();
    let (first, last) = (moment("from", query.from.as_deref())?, moment("to", query.to.as_deref())?);
    if first.is_some_and(|first| first >= last.unwrap_or(end)) {
        let detail = "is before `to`, or before now where that is left out";
        return Err(ApiError::at(Code::InvalidParameter, "from", detail));
    }
    // Nothing has happened yet after now.
    let to = last.map_or(end, |to| resolution.ceil(to)).min(end);
    let from = resolution.floor(first.unwrap_or(to - DAY));
    // What was before this is gone, or lies in days. Of a range beside both nothing is left.
    let from = from.max(dimension.kept_since(resolution, now)).min(to);
    let spans = to.since(from).as_secs() / resolution.span().as_secs();
    if spans > STATISTICS_POINTS as u64 {
        let detail = format!("the range has {spans} spans; {STATISTICS_POINTS} are told at once");
        return Err(ApiError::at(Code::InvalidParameter, "from", detail));
    }
    Ok((from, to))
}
