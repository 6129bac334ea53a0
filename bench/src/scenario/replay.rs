//! A replay of 100,000 stored events at 1,000 a second to another tenant's webhook.

use std::time::Duration;

use super::{
    Audience, Scenario, Setting,
    beside::{self, Burden},
    stage::accept_all,
};
use crate::{error::Result, report::Report};

const BATCHES: u64 = 100;
const BATCH_EVENTS: u64 = 1_000;
const RATE: u32 = 1_000;
const TENANT: &str = "tenant-of-the-replay";
/// So long at least the healthy are measured: the replay does the same work in each second, and is to be seen at it for some.
const SHORTEST: Duration = Duration::from_secs(10);
/// The replay goes on for longer than it is looked at, by this much.
const SPARE: Duration = Duration::from_secs(30);

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let duration = setting.duration.max(SHORTEST);
    let batches = BATCHES.max((duration + SPARE).as_secs() * u64::from(RATE) / BATCH_EVENTS);
    beside::run(
        Scenario::Replay,
        "a replay",
        setting,
        report,
        duration,
        async |stage, api| {
            // They were there before the webhook.
            for _ in 0..batches {
                accept_all(api, TENANT, BATCH_EVENTS, 0).await?;
            }
            let webhook = api.create_webhook(TENANT, &stage.sink.apart_url()).await?;
            Ok(Burden::Replay { job: api.replay(&webhook, RATE).await?, rate: RATE })
        },
        Audience { tenants: 1, fan_out: 1 },
    )
    .await
}
