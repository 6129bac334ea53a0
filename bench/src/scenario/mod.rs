//! The scenarios, one a file: each says who sends what to whom, and which rows of the report come of it.
//!
//! A measurement is made on a [`Stage`]: a fresh server, sink and ledger. Rounds alternate between relay and Postrider, and at saturation
//! both are loaded in [`turns`], so that both meet the machine in the same moods.

mod backlog;
mod beside;
mod fanout;
mod hanging;
mod isolation;
mod latency;
mod replay;
mod saturation;
mod shaped;
mod stage;
mod turns;

use std::{path::PathBuf, time::Duration};

use clap::ValueEnum;

use crate::{
    bars::Bar,
    error::Result,
    report::{Report, Row, progress},
    server::Subject,
    stats::median,
};
use stage::{Audience, Stage};

pub(crate) use stage::Figures;
pub(crate) use turns::compare;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Events a second and latency with producers that send as fast as they can
    Saturation,
    /// Latency at 300 events a second
    Latency,
    /// Deliveries a second with ten webhooks for each event
    Fanout,
    /// Cost of a delivery to 1,000 webhooks of which half have filters and templates
    Shaped,
    /// Latency while 1,000 events of another tenant wait for an endpoint that never answers
    Isolation,
    /// Latency beside 10,000 webhooks of 50 tenants that never answer
    Hanging,
    /// Latency beside a replay of 100,000 events at 1,000 a second
    Replay,
    /// Memory, lists and charts with 1,000,000 deliveries waiting
    Backlog,
}

/// What all scenarios share.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    /// The server; `None`: the relay alone is measured.
    pub(crate) postrider: Option<PathBuf>,
    pub(crate) data: PathBuf,
    pub(crate) duration: Duration,
    pub(crate) rounds: u32,
    pub(crate) producers: Vec<usize>,
    /// The median sync of the data's disk.
    pub(crate) sync: Duration,
}

/// Events a second where latency is measured.
const STEADY_RATE: u32 = 300;

impl Scenario {
    /// Its name in the report, the one that `--only` takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Saturation => "saturation",
            Self::Latency => "latency",
            Self::Fanout => "fanout",
            Self::Shaped => "shaped",
            Self::Isolation => "isolation",
            Self::Hanging => "hanging",
            Self::Replay => "replay",
            Self::Backlog => "backlog",
        }
    }

    /// Measures and adds to `report`.
    pub(crate) async fn run(self, setting: &Setting, report: &mut Report) -> Result<()> {
        match self {
            Self::Saturation => saturation::run(setting, report).await,
            Self::Latency => latency::run(setting, report).await,
            Self::Fanout => fanout::run(setting, report).await,
            Self::Shaped => shaped::run(setting, report).await,
            Self::Isolation => isolation::run(setting, report).await,
            Self::Hanging => hanging::run(setting, report).await,
            Self::Replay => replay::run(setting, report).await,
            Self::Backlog => backlog::run(setting, report).await,
        }
    }
}

impl Setting {
    /// Measures relay and Postrider in turn, round by round.
    async fn rounds<T>(&self, scenario: &str, measure: impl AsyncFn(Subject) -> Result<T>) -> Result<Paired<T>> {
        let mut paired = Paired { relay: Vec::new(), postrider: Vec::new() };
        for round in 1..=self.rounds {
            progress(&format!("{scenario}: round {round} of {}, relay", self.rounds));
            paired.relay.push(measure(Subject::Relay).await?);
            if self.postrider.is_some() {
                progress(&format!("{scenario}: round {round} of {}, postrider", self.rounds));
                paired.postrider.push(measure(Subject::Postrider).await?);
            }
        }
        Ok(paired)
    }
}

/// What all rounds gave.
#[derive(Debug)]
struct Paired<T> {
    relay: Vec<T>,
    postrider: Vec<T>,
}

impl<T> Paired<T> {
    /// A row of medians; the ratio is the median of each round's own.
    fn row(&self, scenario: &str, measure: &'static str, figure: impl Fn(&T) -> f64) -> Row {
        let ratios = self.postrider.iter().zip(&self.relay).map(|(postrider, relay)| figure(postrider) / figure(relay));
        Row {
            scenario: scenario.to_owned(),
            measure,
            relay: median(self.relay.iter().map(&figure)),
            postrider: median(self.postrider.iter().map(&figure)),
            ratio: median(ratios),
            bar: None,
        }
    }

    fn all(&self) -> impl Iterator<Item = &T> {
        self.relay.iter().chain(&self.postrider)
    }
}

impl Row {
    /// Holds Postrider's figure and ratio, where it was measured, against a bar.
    fn against(mut self, bar: impl FnOnce(f64, f64) -> Bar) -> Self {
        self.bar = self.postrider.zip(self.ratio).map(|(figure, ratio)| bar(figure, ratio));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_is_of_postrider_to_the_relay_of_the_same_round() {
        let paired = Paired { relay: vec![10.0, 40.0, 20.0], postrider: vec![5.0, 30.0, 12.0] };
        let row = paired.row("scenario", "measure", |figure| *figure);
        assert_eq!((row.relay, row.postrider, row.ratio), (Some(20.0), Some(12.0), Some(0.6)));
        let alone = Paired { relay: vec![10.0], postrider: Vec::new() }.row("scenario", "measure", |figure| *figure);
        assert_eq!((alone.postrider, alone.ratio), (None, None));
        assert!(alone.against(|_, _| unreachable!("nothing was measured")).bar.is_none());
    }
}
