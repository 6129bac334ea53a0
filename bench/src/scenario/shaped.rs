//! A thousand webhooks at saturation, first all plain, then half of them with a filter and a template of their own: what these two
//! add to the cost of a delivery.
//!
//! The relay knows neither; its figures are those of the same load without.

use super::{Audience, Figures, Scenario, Setting, Stage, stage::Shaping};
use crate::{bars, error::Result, load::Load, report::Report, server::Subject, stats::median};

/// Ten webhooks for each event, a hundred tenants: a thousand webhooks.
const AUDIENCE: Audience = Audience { tenants: 100, fan_out: 10 };
const PRODUCERS: usize = 64;

/// Figures of the same load on two fresh servers.
#[derive(Debug)]
struct Both {
    plain: Figures,
    half: Figures,
}

pub(super) async fn run(setting: &Setting, report: &mut Report) -> Result<()> {
    let name = "1,000 webhooks";
    let load = Load::Closed { producers: PRODUCERS, duration: setting.duration };
    let measure = async |subject, shaping| {
        let stage = Stage::open_with(setting, subject, AUDIENCE, shaping).await?;
        stage.warm_up(load).await?;
        stage.measure(load).await
    };
    let paired = setting
        .rounds(name, async |subject| {
            let plain = measure(subject, Shaping::Plain).await?;
            let half = match subject {
                Subject::Relay => plain.clone(),
                Subject::Postrider => measure(subject, Shaping::Half).await?,
            };
            Ok(Both { plain, half })
        })
        .await?;
    let plain = paired.all().map(|both| &both.plain);
    report.tally(Scenario::Shaped, plain.chain(paired.postrider.iter().map(|both| &both.half)));
    let growth = median(paired.postrider.iter().map(|both| both.half.cpu_a_delivery() / both.plain.cpu_a_delivery()));
    let row = paired.row(name, "CPU a delivery, half shaped, µs", |both| both.half.cpu_a_delivery());
    report.rows.extend([
        paired.row(name, "deliveries/s, plain", |both| both.plain.deliveries_per_second()),
        paired.row(name, "deliveries/s, half shaped", |both| both.half.deliveries_per_second()),
        paired.row(name, "CPU a delivery, plain, µs", |both| both.plain.cpu_a_delivery()),
        match growth {
            Some(growth) => row.against(|_, _| bars::shaping(growth)),
            None => row,
        },
        paired.row(name, "peak memory, half shaped, MB", |both| both.half.memory),
    ]);
    Ok(())
}
