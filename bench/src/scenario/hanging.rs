//! 10,000 webhooks of 50 tenants that never answer, each with events waiting, beside ten healthy tenants.

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    Audience, Scenario, Setting,
    beside::{self, Burden},
    stage::accept_all,
};
use crate::{
    error::{Error, Result},
    files,
    report::Report,
};

const TENANTS: u32 = 50;
const WEBHOOKS_EACH: u32 = 200;
const EVENTS_EACH: u64 = 5;
const HEALTHY: Audience = Audience { tenants: 10, fan_out: 1 };
/// Before the healthy are measured, as many requests as there are dead tenants must wait.
const WAITING_REQUESTS: u64 = TENANTS as u64;
/// Webhooks are made so many at a time.
const CONCURRENCY: usize = 32;
/// A connection for each dead webhook, should the server open them all, and some hundreds for everything else.
const FILES: u64 = (TENANTS * WEBHOOKS_EACH) as u64 + 1_000;

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    files::require(FILES)?;
    beside::run(
        Scenario::Hanging,
        "10,000 dead endpoints",
        setting,
        report,
        setting.duration,
        async |stage, api| {
            let webhooks = (0..TENANTS * WEBHOOKS_EACH).map(Ok::<_, Error>);
            stream::iter(webhooks)
                .try_for_each_concurrent(CONCURRENCY, async |number| {
                    api.create_webhook(&tenant(number % TENANTS), &stage.sink.dead_url(number)).await.map(drop)
                })
                .await?;
            stream::iter(0..TENANTS)
                .map(Ok)
                .try_for_each_concurrent(CONCURRENCY, async |number| {
                    accept_all(api, &tenant(number), EVENTS_EACH, WEBHOOKS_EACH).await
                })
                .await?;
            Ok(Burden::Hanging(WAITING_REQUESTS))
        },
        HEALTHY,
    )
    .await
}

fn tenant(number: u32) -> String {
    format!("tenant-of-dead-endpoints-{number}")
}
