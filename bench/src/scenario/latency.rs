//! A steady, light load: what one event takes from the moment it is due to its receipt.

use super::{Audience, Figures, STEADY_RATE, Scenario, Setting, Stage};
use crate::{bars, error::Result, load::Load, report::Report};

const P50_MS: f64 = 1.5;
const P99_MS: f64 = 4.0;

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let name = format!("{STEADY_RATE} events/s");
    let load = Load::Open { rate: STEADY_RATE, duration: setting.duration };
    let paired = setting
        .rounds(&name, async |subject| {
            let stage = Stage::open(setting, subject, Audience { tenants: 1, fan_out: 1 }).await?;
            stage.warm_up(load).await?;
            stage.measure(load).await
        })
        .await?;
    report.tally(Scenario::Latency, paired.all());
    report.rows.extend([
        paired.row(&name, "p50, ms", Figures::p50).against(|p50, _| bars::net_latency(P50_MS, p50, setting.sync)),
        paired.row(&name, "p99, ms", Figures::p99).against(|p99, _| bars::net_latency(P99_MS, p99, setting.sync)),
        paired.row(&name, "CPU a delivery, µs", Figures::cpu_a_delivery),
    ]);
    Ok(())
}
