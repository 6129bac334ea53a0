//! Ten webhooks for each event, at saturation.

use super::{Audience, Figures, Scenario, Setting, turns};
use crate::{bars, error::Result, report::Report};

pub(super) const FAN_OUT: u32 = 10;
pub(super) const PRODUCERS: usize = 64;

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let name = format!("fan-out {FAN_OUT}");
    let paired = turns::saturate(setting, &name, PRODUCERS, Audience { tenants: 1, fan_out: FAN_OUT }).await?;
    report.tally(Scenario::Fanout, paired.all());
    report.rows.extend([
        paired
            .row(&name, "deliveries/s", Figures::deliveries_per_second)
            .against(|_, ratio| bars::half_of_relay(ratio)),
        paired.row(&name, "CPU a delivery, µs", Figures::cpu_a_delivery),
        paired.row(&name, "peak memory, MB", |figures| figures.memory),
    ]);
    Ok(())
}
