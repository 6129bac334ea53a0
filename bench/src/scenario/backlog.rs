//! 1,000,000 deliveries that wait for endpoints that never answer, beside some thousand that have ended in every way: what they cost in
//! memory, and how long lists and charts of them take. A relay keeps nothing, so it has no figure here.

mod lists;

use std::time::{Duration, Instant};

use futures_util::{TryStreamExt, stream};

use lists::{Ended, Subjects};

use super::{
    Audience, Scenario, Setting, Stage,
    stage::{accept_all, megabytes, real},
};
use crate::{
    api::Api,
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
/// Of another tenant, each to three webhooks: one that takes them, one that refuses them, one that is disabled. The oldest of all.
const ENDED_BATCHES: u64 = 3;
const ENDED_WEBHOOKS: u32 = 3;
const ENDED_TENANT: &str = "tenant-whose-deliveries-have-ended";
/// Nobody subscribes to its events.
const UNHEARD_TENANT: &str = "tenant-without-webhooks";
/// What is delivered and refused must have ended by then.
const ENDING: Duration = Duration::from_mins(2);
const POLL: Duration = Duration::from_millis(100);

struct Backlog {
    memory: f64,
    deliveries_per_second: f64,
    /// The slowest of some lists and charts, in milliseconds: each the median of several calls.
    slowest: f64,
    /// The slowest search that reads the bodies of events.
    slowest_search: f64,
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
    let search = row("slowest search for a text, ms", |backlog| backlog.slowest_search);
    let bar = memory.postrider.map(|used| bars::memory(MEMORY_MB, used));
    report.rows.extend([
        row("intake in batches, deliveries/s", |backlog| backlog.deliveries_per_second),
        Row { bar, ..memory },
        Row { bar: lists.postrider.map(|slowest| bars::waiting(LISTS_MS, slowest)), ..lists },
        search,
    ]);
    Ok(())
}

async fn fill(setting: &Setting, stage: &Stage) -> Result<Backlog> {
    let api = stage.api.as_ref().expect("the stage is Postrider's");
    let ended = end_some(stage, api).await?;
    let mut waiting = Vec::new();
    for webhook in 0..WEBHOOKS {
        waiting.push(api.create_webhook(TENANT, &stage.sink.dead_url(webhook)).await?);
    }
    let start = Instant::now();
    stream::iter((0..BATCHES).map(Ok::<_, Error>))
        .try_for_each_concurrent(CONCURRENCY, async |_| accept_all(api, TENANT, BATCH_EVENTS, WEBHOOKS).await)
        .await?;
    let deliveries_per_second = real(DELIVERIES) / start.elapsed().as_secs_f64();
    // What the server does with its backlog afterwards counts as well.
    tokio::time::sleep(setting.duration).await;
    let memory = megabytes(stage.server.memory()?.peak);
    let subjects = Subjects::find(api, ended, waiting).await?;
    let slowest = slowest_of(api, &lists::lists(&subjects)).await?;
    let slowest_search = slowest_of(api, &lists::searches(&subjects)).await?;
    Ok(Backlog { memory, deliveries_per_second, slowest, slowest_search })
}

/// Lets some deliveries end in every way.
async fn end_some(stage: &Stage, api: &Api) -> Result<Ended> {
    let delivered = api.create_webhook(ENDED_TENANT, &stage.sink.apart_url()).await?;
    let failed = api.create_webhook_without_retries(ENDED_TENANT, &stage.sink.refusing_url()).await?;
    let discarded = api.create_webhook(ENDED_TENANT, &stage.sink.apart_url()).await?;
    api.disable(&discarded).await?;
    for _ in 0..ENDED_BATCHES {
        accept_all(api, ENDED_TENANT, BATCH_EVENTS, ENDED_WEBHOOKS).await?;
    }
    accept_all(api, UNHEARD_TENANT, 1, 0).await?;
    let deadline = Instant::now() + ENDING;
    while api.ended(ENDED_TENANT).await? < ENDED_BATCHES * BATCH_EVENTS * u64::from(ENDED_WEBHOOKS) {
        if Instant::now() > deadline {
            return Err(Error::NeverEnded(ENDING));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(Ended { delivered, failed, discarded })
}

/// The slowest of some calls, in milliseconds: each the median of several.
async fn slowest_of(api: &Api, paths: &[String]) -> Result<f64> {
    let mut slowest: f64 = 0.0;
    for path in paths {
        let mut times = Vec::new();
        for _ in 0..LIST_CALLS {
            times.push(api.time_to_get(path).await?.as_secs_f64() * 1e3);
        }
        let time = median(times).unwrap_or_default();
        progress(&format!("{path}: {time:.1} ms"));
        slowest = slowest.max(time);
    }
    Ok(slowest)
}
