//! A replay of 100,000 stored events at 1,000 a second to another tenant's webhook.

use super::{Audience, Scenario, Setting, beside, stage::accept_all};
use crate::{error::Result, report::Report};

const BATCHES: u64 = 100;
const BATCH_EVENTS: u64 = 1_000;
const RATE: u32 = 1_000;
const TENANT: &str = "tenant-of-the-replay";

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    beside::run(
        Scenario::Replay,
        "a replay",
        setting,
        report,
        0,
        async |stage, api| {
            // They were there before the webhook.
            for _ in 0..BATCHES {
                accept_all(api, TENANT, BATCH_EVENTS, 0).await?;
            }
            let webhook = api.create_webhook(TENANT, &stage.sink.apart_url()).await?;
            api.replay(&webhook, RATE).await
        },
        Audience { tenants: 1, fan_out: 1 },
    )
    .await
}
