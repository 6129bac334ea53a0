//! Ten webhooks for each event, at saturation.

use super::{Audience, Figures, Scenario, Setting, Stage};
use crate::{bars, error::Result, load::Load, report::Report};

pub(super) const FAN_OUT: u32 = 10;
pub(super) const PRODUCERS: usize = 64;

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let name = format!("fan-out {FAN_OUT}");
    let load = Load::Closed { producers: PRODUCERS, duration: setting.duration };
    let paired = setting
        .rounds(&name, async |subject| {
            let stage = Stage::open(setting, subject, Audience { tenants: 1, fan_out: FAN_OUT }).await?;
            stage.warm_up(load).await?;
            stage.measure(load).await
        })
        .await?;
    report.tally(Scenario::Fanout, paired.all());
    report.rows.extend([
        paired
            .row(&name, "deliveries/s", Figures::deliveries_per_second)
            .against(|_, ratio| bars::half_of_relay(ratio)),
        paired.row(&name, "CPU a delivery, µs", |figures| figures.cpu),
        paired.row(&name, "peak memory, MB", |figures| figures.memory),
    ]);
    Ok(())
}
