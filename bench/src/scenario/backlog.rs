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

struct Backlog {
    memory: f64,
    deliveries_per_second: f64,
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
    let bar = memory.postrider.map(|used| bars::memory(MEMORY_MB, used));
    report.rows.extend([
        row("intake in batches, deliveries/s", |backlog| backlog.deliveries_per_second),
        Row { bar, ..memory },
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
    Ok(Backlog { memory: megabytes(stage.server.memory()?.peak), deliveries_per_second })
}
