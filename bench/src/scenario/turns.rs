//! Servers that are loaded in turns, since the machine's moods are worth more than what is measured.
//!
//! A mood lasts for seconds and minutes, so turns are short: the relay and the server under saturation, and two builds of the server
//! where the question is what a change is worth. Two processes of one program differ by some percent for as long as they
//! live, depending on where their memory lies, so each build has two: a difference between builds that is smaller than the one between
//! twins says nothing.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
    time::Duration,
};

use super::{Audience, Figures, Paired, Setting, Stage, Subject, fanout};
use crate::{error::Result, load::Load, report::progress};

const TURN: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(20);
/// Servers of each build.
const TWINS: usize = 2;

/// What the comparison gave, as a table.
pub(crate) struct Comparison(Vec<Compared>);

struct Compared {
    name: String,
    against: [Figures; TWINS],
    own: [Figures; TWINS],
}

type Measure = (&'static str, fn(&Figures) -> f64);

const MEASURES: [Measure; 2] =
    [("deliveries/s", Figures::deliveries_per_second), ("CPU a delivery, µs", Figures::cpu_a_delivery)];

/// Measures relay and Postrider at saturation, each of the rounds on fresh servers.
pub(super) async fn saturate(
    setting: &Setting,
    name: &str,
    producers: usize,
    audience: Audience,
) -> Result<Paired<Figures>> {
    let mut paired = Paired { relay: Vec::new(), postrider: Vec::new() };
    for round in 1..=setting.rounds {
        let mut stages = vec![open(setting, Subject::Relay, producers, audience).await?];
        if setting.postrider.is_some() {
            progress(&format!("{name}: round {round} of {}, relay and postrider in turns", setting.rounds));
            stages.push(open(setting, Subject::Postrider, producers, audience).await?);
        } else {
            progress(&format!("{name}: round {round} of {}, relay", setting.rounds));
        }
        let mut figures = take_turns(&stages, setting.duration, producers).await?.into_iter();
        paired.relay.extend(figures.next());
        paired.postrider.extend(figures.next());
    }
    Ok(paired)
}

/// Compares the server with `against`, at saturation with each number of producers and at the fan-out of the benchmark. Each server is
/// loaded for as long as a measurement lasts.
pub(crate) async fn compare(setting: &Setting, against: &Path) -> Result<Comparison> {
    let mut compared = Vec::new();
    for &producers in &setting.producers {
        let name = format!("{producers} producers");
        compared.push(compare_at(setting, against, name, producers, 1).await?);
    }
    let name = format!("fan-out {}", fanout::FAN_OUT);
    compared.push(compare_at(setting, against, name, fanout::PRODUCERS, fanout::FAN_OUT).await?);
    Ok(Comparison(compared))
}

async fn compare_at(
    setting: &Setting,
    against: &Path,
    name: String,
    producers: usize,
    fan_out: u32,
) -> Result<Compared> {
    progress(&format!("{name}: both builds in turn"));
    let other = Setting { postrider: Some(against.to_owned()), ..setting.clone() };
    let mut stages = Vec::new();
    for _ in 0..TWINS {
        for setting in [&other, setting] {
            stages.push(open(setting, Subject::Postrider, producers, Audience { tenants: 1, fan_out }).await?);
        }
    }
    let figures = take_turns(&stages, setting.duration, producers).await?;
    let twins = |first: usize| std::array::from_fn(|twin| figures[first + 2 * twin].clone());
    Ok(Compared { name, against: twins(0), own: twins(1) })
}

/// A stage that has been warmed up.
async fn open(setting: &Setting, subject: Subject, producers: usize, audience: Audience) -> Result<Stage> {
    let stage = Stage::open(setting, subject, audience).await?;
    stage.warm_up(Load::Closed { producers, duration: setting.duration }).await?;
    Ok(stage)
}

/// Loads the stages in turns until each has been loaded for `duration`; what each gave.
async fn take_turns(stages: &[Stage], duration: Duration, producers: usize) -> Result<Vec<Figures>> {
    let mut figures = vec![Figures::default(); stages.len()];
    let count = stages.len();
    let turns = duration.as_millis().div_ceil(TURN.as_millis());
    for turn in 0..usize::try_from(turns).unwrap_or(usize::MAX) {
        for place in 0..count {
            // Nobody is always the one who comes after the same other.
            let at = if turn % 2 == 0 { (place + turn) % count } else { (2 * count + turn - place) % count };
            figures[at].add(stages[at].measure(Load::Closed { producers, duration: TURN }).await?);
            // What one has put off is not to fall into another's turn.
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(figures)
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:14}  {:18}  {:>17}  {:>17}  {:>6}", "", "", "against", "postrider", "ratio")?;
        for Compared { name, against, own } in &self.0 {
            for (measure, figure) in MEASURES {
                let pair = |twins: &[Figures; TWINS]| {
                    let [first, second] = twins.each_ref().map(figure);
                    (format!("{first:8.1} {second:8.1}"), f64::midpoint(first, second))
                };
                let ((against, base), (own, now)) = (pair(against), pair(own));
                writeln!(f, "{name:14}  {measure:18}  {against:>17}  {own:>17}  {:>6.3}", now / base)?;
            }
        }
        writeln!(
            f,
            "\nTwo servers of each build, loaded in turns of half a second. What is less than the difference between twins says nothing."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn builds_are_compared_by_the_middle_of_their_twins() {
        let twin = |deliveries| Figures {
            deliveries,
            seconds: 1.0,
            cpu: Duration::from_micros(45 * deliveries),
            ..Figures::default()
        };
        let (against, own) = ([twin(4_000), twin(4_000)], [twin(7_000), twin(9_000)]);
        let table = Comparison(vec![Compared { name: "64 producers".into(), against, own }]).to_string();
        assert!(table.contains("4000.0   4000.0") && table.contains("7000.0   9000.0"), "{table}");
        assert!(table.contains(" 2.000") && table.contains(" 1.000"), "{table}");
    }
}
