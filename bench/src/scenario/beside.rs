//! A healthy tenant's latency without and with a burden beside it (dead endpoints, a replay), on one stage, one after the other.
//!
//! The relay keeps nothing that could wait or be replayed, so it has no burden: its second figure shows how much the machine's own
//! mood changes between the two. A burden that did not weigh fails the measure.

use std::time::{Duration, Instant};

use super::{
    Audience, Paired, STEADY_RATE, Scenario, Setting, Stage,
    stage::{Figures, real},
};
use crate::{
    api::{Api, Job},
    bars,
    error::{Error, Result},
    load::Load,
    report::{Report, Row},
    stats::median,
};

/// How soon requests must wait at the dead endpoints, once there are events for them.
const FIRST_REQUESTS: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);

/// What the healthy are measured beside.
#[derive(Debug)]
pub(super) enum Burden {
    /// Dead endpoints, at which so many requests must wait.
    Hanging(u64),
    /// A replay that makes so many deliveries a second.
    Replay { job: Job, rate: u32 },
}

/// Figures of the healthy alone.
#[derive(Debug)]
struct Beside {
    without: Figures,
    with: Figures,
    /// Deliveries that a replay made meanwhile.
    replayed: Option<u64>,
}

/// Measures without a burden, lets `begin` make one, and measures again beside it.
pub(super) async fn run(
    scenario: Scenario,
    name: &str,
    setting: &Setting,
    report: &mut Report,
    duration: Duration,
    begin: impl AsyncFn(&Stage, &Api) -> Result<Burden>,
    healthy: Audience,
) -> Result<()> {
    let load = Load::Open { rate: STEADY_RATE, duration };
    let paired = setting
        .rounds(name, async |subject| {
            let stage = Stage::open(setting, subject, healthy).await?;
            stage.warm_up(load).await?;
            let without = stage.measure(load).await?;
            let Some(api) = &stage.api else {
                return Ok(Beside { without, with: stage.measure(load).await?, replayed: None });
            };
            let burden = stage.server.explain(begin(&stage, api).await)?;
            let (with, replayed) = match burden {
                Burden::Hanging(count) => {
                    stage.server.explain(wait_until_requests_hang(&stage, count).await)?;
                    (stage.measure(load).await?, None)
                }
                Burden::Replay { job, rate } => {
                    let before = stage.server.explain(api.job(&job.id).await)?;
                    let started = Instant::now();
                    let with = stage.measure(load).await?;
                    let after = stage.server.explain(api.job(&job.id).await)?;
                    (with, Some(stage.server.explain(made(&before, &after, rate, started.elapsed()))?))
                }
            };
            Ok(Beside { without, with, replayed })
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
    if let Some(replayed) = median(paired.postrider.iter().filter_map(|beside| beside.replayed).map(real)) {
        let scenario = name.to_owned();
        let measure = "replayed deliveries made beside it";
        report.rows.push(Row { scenario, measure, relay: None, postrider: Some(replayed), ratio: None, bar: None });
    }
    Ok(())
}

/// How many deliveries a replay made between two looks at it; an error where these are fewer than four fifths of what its rate allows.
fn made(before: &Job, after: &Job, rate: u32, elapsed: Duration) -> Result<u64> {
    let made = after.done.saturating_sub(before.done);
    let (due, seconds) = (u64::from(rate) * elapsed.as_secs(), elapsed.as_secs_f64());
    let went_on = matches!(after.state.as_str(), "running" | "completed");
    if went_on && made * 5 >= due * 4 {
        Ok(made)
    } else {
        Err(Error::ReplayTooSlow { made, due, seconds, state: after.state.clone() })
    }
}

type Figure = fn(&Figures) -> f64;

const FIGURES: [([&str; 2], Figure); 2] =
    [(["p50 without, ms", "p50 with, ms"], Figures::p50), (["p99 without, ms", "p99 with, ms"], Figures::p99)];

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_that_hardly_ran_is_no_burden() {
        let job = |state: &str, done| Job { id: String::new(), state: state.to_owned(), done };
        let before = job("running", 100);
        let made = |state, done| made(&before, &job(state, done), 1_000, Duration::from_millis(10_400));
        assert_eq!(made("running", 8_100).unwrap(), 8_000);
        assert_eq!(made("completed", 10_100).unwrap(), 10_000);
        for (state, done) in [("running", 8_099), ("running", 100), ("completed", 7_000), ("paused", 10_100)] {
            assert!(matches!(made(state, done), Err(Error::ReplayTooSlow { due: 10_000, .. })), "{state} {done}");
        }
    }
}
