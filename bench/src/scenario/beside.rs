//! A healthy tenant's latency without and with dead endpoints beside it, on one stage, one after the other.
//!
//! The relay keeps nothing that could wait, so it has no dead endpoints: its second figure shows how much the machine's own
//! mood changes between the two.

use std::time::{Duration, Instant};

use super::{Audience, Paired, STEADY_RATE, Scenario, Setting, Stage, stage::Figures};
use crate::{
    api::Api,
    bars,
    error::{Error, Result},
    load::Load,
    report::Report,
    stats::median,
};

/// How soon requests must wait at the dead endpoints, once there are events for them.
const FIRST_REQUESTS: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);

/// Figures of the healthy alone.
#[derive(Debug)]
struct Beside {
    without: Figures,
    with: Figures,
}

/// Measures without dead endpoints, lets `kill` make them and their events, waits until `waiting` requests wait there, and measures
/// again.
pub(super) async fn run(
    scenario: Scenario,
    name: &str,
    setting: &Setting,
    report: &mut Report,
    waiting: u64,
    kill: impl AsyncFn(&Stage, &Api) -> Result<()>,
    healthy: Audience,
) -> Result<()> {
    let load = Load::Open { rate: STEADY_RATE, duration: setting.duration };
    let paired = setting
        .rounds(name, async |subject| {
            let stage = Stage::open(setting, subject, healthy).await?;
            stage.warm_up(load).await?;
            let without = stage.measure(load).await?;
            if let Some(api) = &stage.api {
                stage.server.explain(kill(&stage, api).await)?;
                stage.server.explain(wait_until_requests_hang(&stage, waiting).await)?;
            }
            Ok(Beside { without, with: stage.measure(load).await? })
        })
        .await?;
    report.tally(scenario, paired.all().flat_map(|beside| [&beside.without, &beside.with]));
    for (measure, figure) in FIGURES {
        let [without, with] = measure;
        report.rows.push(paired.row(name, without, |beside| figure(&beside.without)));
        let row = paired.row(name, with, |beside| figure(&beside.with));
        report.rows.push(match growth(&paired, figure) {
            Some(growth) => row.against(|_, _| bars::isolation(growth)),
            None => row,
        });
    }
    report.rows.push(paired.row(name, "peak memory, MB", |beside| beside.with.memory));
    Ok(())
}

type Figure = fn(&Figures) -> f64;

const FIGURES: [([&str; 2], Figure); 2] = [
    (["p50 without, ms", "p50 with, ms"], |figures| figures.p50),
    (["p99 without, ms", "p99 with, ms"], |figures| figures.p99),
];

fn growth(paired: &Paired<Beside>, figure: Figure) -> Option<f64> {
    median(paired.postrider.iter().map(|beside| figure(&beside.with) / figure(&beside.without)))
}

async fn wait_until_requests_hang(stage: &Stage, count: u64) -> Result<()> {
    let deadline = Instant::now() + FIRST_REQUESTS;
    while stage.sink.waiting() < count {
        if Instant::now() > deadline {
            return Err(Error::NothingHangs(FIRST_REQUESTS));
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
