//! One dead endpoint of another tenant, with 1,000 events waiting for it.

use super::{
    Audience, Scenario, Setting,
    beside::{self, Burden},
    stage::accept_all,
};
use crate::{error::Result, report::Report};

const WAITING_EVENTS: u64 = 1_000;
const DEAD_TENANT: &str = "tenant-of-the-dead-endpoint";

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    beside::run(
        Scenario::Isolation,
        "a dead endpoint",
        setting,
        report,
        setting.duration,
        async |stage, api| {
            api.create_webhook(DEAD_TENANT, &stage.sink.dead_url(0)).await?;
            accept_all(api, DEAD_TENANT, WAITING_EVENTS, 1).await?;
            Ok(Burden::Hanging(1))
        },
        Audience { tenants: 1, fan_out: 1 },
    )
    .await
}
