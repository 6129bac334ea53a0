//! 1,000,000 deliveries that wait for endpoints that never answer: what they cost in memory. A relay keeps nothing, so it has
//! no figure here.

use std::time::Instant;

use futures_util::{TryStreamExt, stream};

use super::{
    Audience, Scenario, Setting, Stage,
    stage::{accept_all, megabytes, real},
};
use crate::{
    bars,
    error::{Error, Result},
    report::{Report, Row, progress},
    server::Subject,
    stats::median,
};

const WEBHOOKS: u32 = 10;
const BATCHES: u64 = 100;
const BATCH_EVENTS: u64 = 1_000;
const DELIVERIES: u64 = BATCHES * BATCH_EVENTS * WEBHOOKS as u64;
/// Batches on their way at a time.
const CONCURRENCY: usize = 4;
const TENANT: &str = "tenant-with-a-backlog";
const MEMORY_MB: f64 = 200.0;
const LISTS_MS: f64 = 100.0;
const LIST_CALLS: usize = 5;
/// What the screens of a console ask for, with filters that match much, little and nothing.
const LISTS: &[&str] = &[
    "/api/v1/deliveries",
    "/api/v1/deliveries?limit=250",
    "/api/v1/deliveries?state=pending",
    "/api/v1/deliveries?state=failed,discarded",
    "/api/v1/deliveries?statusCode=5xx",
    "/api/v1/deliveries?tenantId=tenant-with-a-backlog&state=retrying",
    "/api/v1/deliveries?tenantId=tenant-0",
    "/api/v1/deliveries?tenantId=nobody",
    "/api/v1/deliveries?eventKey=nothing&tenantId=tenant-with-a-backlog",
    "/api/v1/events",
    "/api/v1/events?tenantId=nobody",
    "/api/v1/events?matched=false",
    "/api/v1/statistics?resolution=minute",
    "/api/v1/statistics?resolution=day&from=2000-01-01T00:00:00Z",
    "/api/v1/statistics?tenantId=tenant-with-a-backlog",
    "/api/v1/statistics/summary",
];

struct Backlog {
    memory: f64,
    deliveries_per_second: f64,
    /// The slowest of some lists and charts, in milliseconds: each the median of several calls.
    slowest: f64,
}

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let name = "1,000,000 waiting";
    if setting.postrider.is_none() {
        return Ok(());
    }
    let mut rounds = Vec::new();
    for round in 1..=setting.rounds {
        progress(&format!("{name}: round {round} of {}, postrider", setting.rounds));
        let stage = Stage::open(setting, Subject::Postrider, Audience { tenants: 1, fan_out: 1 }).await?;
        rounds.push(stage.server.explain(fill(setting, &stage).await)?);
    }
    report.count_waiting(Scenario::Backlog, u64::from(setting.rounds) * DELIVERIES);
    let row = |measure, figure: fn(&Backlog) -> f64| Row {
        scenario: name.to_owned(),
        measure,
        relay: None,
        postrider: median(rounds.iter().map(figure)),
        ratio: None,
        bar: None,
    };
    let memory = row("peak memory, MB", |backlog| backlog.memory);
    let lists = row("slowest of lists and charts, ms", |backlog| backlog.slowest);
    let bar = memory.postrider.map(|used| bars::memory(MEMORY_MB, used));
    report.rows.extend([
        row("intake in batches, deliveries/s", |backlog| backlog.deliveries_per_second),
        Row { bar, ..memory },
        Row { bar: lists.postrider.map(|slowest| bars::waiting(LISTS_MS, slowest)), ..lists },
    ]);
    Ok(())
}

async fn fill(setting: &Setting, stage: &Stage) -> Result<Backlog> {
    let api = stage.api.as_ref().expect("the stage is Postrider's");
    for webhook in 0..WEBHOOKS {
        api.create_webhook(TENANT, &stage.sink.dead_url(webhook)).await?;
    }
    let start = Instant::now();
    stream::iter((0..BATCHES).map(Ok::<_, Error>))
        .try_for_each_concurrent(CONCURRENCY, async |_| accept_all(api, TENANT, BATCH_EVENTS, WEBHOOKS).await)
        .await?;
    let deliveries_per_second = real(DELIVERIES) / start.elapsed().as_secs_f64();
    // What the server does with its backlog afterwards counts as well.
    tokio::time::sleep(setting.duration).await;
    let memory = megabytes(stage.server.memory()?.peak);
    let mut slowest: f64 = 0.0;
    for path in LISTS {
        let mut times = Vec::new();
        for _ in 0..LIST_CALLS {
            times.push(api.time_to_get(path).await?.as_secs_f64() * 1e3);
        }
        let time = median(times).unwrap_or_default();
        progress(&format!("{path}: {time:.1} ms"));
        slowest = slowest.max(time);
    }
    Ok(Backlog { memory, deliveries_per_second, slowest })
}
