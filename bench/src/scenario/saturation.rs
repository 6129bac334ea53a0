//! Producers that send as fast as they are answered: events a second from the first POST to the last arrival, so that what a
//! server accepts sooner than it delivers is no gain.

use super::{Audience, Figures, Scenario, Setting, turns};
use crate::{bars, error::Result, report::Report};

const MEMORY_MB: f64 = 100.0;

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    for &producers in &setting.producers {
        let name = format!("{producers} producers");
        let paired = turns::saturate(setting, &name, producers, Audience { tenants: 1, fan_out: 1 }).await?;
        report.tally(Scenario::Saturation, paired.all());
        report.rows.extend([
            paired
                .row(&name, "events/s", Figures::events_per_second)
                .against(|events, ratio| bars::throughput(ratio, events)),
            paired.row(&name, "p50, ms", Figures::p50),
            paired.row(&name, "p99, ms", Figures::p99),
            paired.row(&name, "CPU a delivery, µs", Figures::cpu_a_delivery),
            paired
                .row(&name, "peak memory, MB", |figures| figures.memory)
                .against(|used, _| bars::memory(MEMORY_MB, used)),
        ]);
    }
    Ok(())
}
