//! What the screens of a console ask for, with filters that match much, little and nothing.

use super::{ENDED_TENANT, TENANT};
use crate::{
    api::{Api, Page},
    error::Result,
    event::EVENT_KEY,
};

/// The webhooks to which deliveries have ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) delivered: String,
    pub(super) failed: String,
    pub(super) discarded: String,
}

/// Whom and what lists are asked for.
#[derive(Debug)]
pub(super) struct Subjects {
    ended: Ended,
    /// Those for which the backlog waits.
    waiting: Vec<String>,
    /// One of the oldest events and deliveries.
    event: String,
    delivery: String,
    /// The moment at which the newest was accepted.
    until: String,
}

impl Subjects {
    /// Looks up the ids that are asked for.
    pub(super) async fn find(api: &Api, ended: Ended, waiting: Vec<String>) -> Result<Self> {
        let first = async |path: String| -> Result<String> {
            let page: Page = api.get(&path).await?;
            Ok(page.items.into_iter().next().expect("what was accepted is listed").id)
        };
        let event = first(format!("/api/v1/events?tenantId={ENDED_TENANT}&limit=1")).await?;
        let delivery = first(format!("/api/v1/deliveries?webhookId={}&limit=1", ended.failed)).await?;
        let newest: Newest = api.get("/api/v1/events?limit=1").await?;
        let until = newest.items.into_iter().next().expect("what was accepted is listed").accepted_at;
        Ok(Self { ended, waiting, event, delivery, until })
    }
}

/// When events were accepted, newest first.
#[derive(Debug, serde::Deserialize)]
struct Newest {
    items: Vec<Accepted>,
}

#[derive(Debug, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Accepted {
    accepted_at: String,
}

/// Long ago, so that a range that begins then holds all, and one that ends then nothing.
const LONG_AGO: &str = "2000-01-01T00:00:00Z";

/// Lists and charts that indexes and segments serve, or of which a page looks at some thousand rows.
pub(super) fn lists(subjects: &Subjects) -> Vec<String> {
    let Subjects { ended, waiting, event, delivery, until } = subjects;
    let Ended { delivered, failed, discarded } = ended;
    let busy = &waiting[0];
    let deliveries = [
        String::new(),
        "limit=250".to_owned(),
        "state=pending".to_owned(),
        "state=delivered".to_owned(),
        "state=failed".to_owned(),
        "state=discarded".to_owned(),
        "state=failed,discarded".to_owned(),
        "statusCode=2xx".to_owned(),
        "statusCode=400".to_owned(),
        "statusCode=5xx".to_owned(),
        "statusCode=none".to_owned(),
        format!("tenantId={TENANT}&state=retrying"),
        format!("tenantId={ENDED_TENANT}"),
        format!("tenantId={ENDED_TENANT}&state=failed"),
        "tenantId=tenant-0".to_owned(),
        "tenantId=nobody".to_owned(),
        format!("eventKey={EVENT_KEY}"),
        format!("eventKey=nothing&tenantId={TENANT}"),
        format!("webhookId={busy}"),
        format!("webhookId={busy}&state=failed"),
        format!("webhookId={busy}&statusCode=4xx"),
        format!("webhookId={delivered}&state=delivered"),
        format!("webhookId={failed}&statusCode=4xx"),
        format!("webhookId={discarded}&state=discarded"),
        format!("from={LONG_AGO}&to={until}"),
        format!("from={until}"),
        format!("to={LONG_AGO}"),
        format!("webhookId={busy}&to={until}"),
        format!("tenantId={TENANT}&from={until}"),
        format!("id={delivery}"),
        format!("id={}", &delivery[..8]),
        "id=ffffffff".to_owned(),
        format!("eventId={event}"),
    ];
    let events = [
        String::new(),
        format!("eventKey={EVENT_KEY}"),
        format!("tenantId={ENDED_TENANT}"),
        "tenantId=nobody".to_owned(),
        "matched=false".to_owned(),
        "state=failed".to_owned(),
        "state=discarded".to_owned(),
        "state=pending".to_owned(),
        "statusCode=4xx".to_owned(),
        "statusCode=5xx".to_owned(),
        format!("webhookId={busy}"),
        format!("webhookId={busy}&state=delivered"),
        format!("webhookId={failed}&state=failed&statusCode=400"),
        format!("from={LONG_AGO}&to={until}"),
        format!("to={LONG_AGO}"),
        format!("id={event}"),
        format!("id={}", &event[..8]),
    ];
    let statistics = [
        "resolution=minute".to_owned(),
        format!("resolution=day&from={LONG_AGO}"),
        format!("tenantId={TENANT}"),
        format!("tenantId={TENANT}&resolution=minute"),
        format!("webhookId={busy}"),
        format!("webhookId={failed}&resolution=minute"),
        format!("eventKey={EVENT_KEY}"),
        format!("eventKey={EVENT_KEY}&resolution=day&from={LONG_AGO}"),
    ];
    let webhooks = [delivered, failed, discarded].into_iter().chain(waiting).map(String::as_str);
    let webhooks = webhooks.collect::<Vec<_>>().join(",");
    let queries = |path: &str, queries: &[String]| -> Vec<String> {
        queries.iter().map(|query| format!("/api/v1/{path}?{query}")).collect()
    };
    let mut paths = queries("deliveries", &deliveries);
    paths.extend(queries("events", &events));
    paths.extend(queries("statistics", &statistics));
    paths.extend([
        format!("/api/v1/deliveries/{delivery}"),
        format!("/api/v1/deliveries/{delivery}/attempts"),
        format!("/api/v1/events/{event}"),
        format!("/api/v1/events/{event}/deliveries"),
        format!("/api/v1/statistics/webhooks?webhookIds={webhooks}"),
        "/api/v1/statistics/summary".to_owned(),
    ]);
    paths
}

/// Searches for a text, each page of which reads up to 16 MiB of bodies: nothing is found, so that each reads as much as it may.
pub(super) fn searches(subjects: &Subjects) -> Vec<String> {
    let busy = &subjects.waiting[0];
    vec![
        "/api/v1/deliveries?text=nowhere-to-be-found".to_owned(),
        format!("/api/v1/deliveries?webhookId={busy}&text=nowhere-to-be-found"),
        format!("/api/v1/deliveries?tenantId={TENANT}&state=pending&text=nowhere-to-be-found"),
        "/api/v1/events?text=nowhere-to-be-found".to_owned(),
        format!("/api/v1/events?tenantId={ENDED_TENANT}&text=nowhere-to-be-found"),
    ]
}
