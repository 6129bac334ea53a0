//! Two builds of the server, loaded in turns: what a change is worth on a machine whose moods are worth more.
//!
//! A mood lasts for seconds and minutes, so turns are short. And two processes of one program differ by some percent for as long as they
//! live, depending on where their memory lies, so each build has two: a difference between builds that is smaller than the one between
//! twins says nothing.

use std::{
    fmt::{self, Display, Formatter},
    path::Path,
    time::Duration,
};

use super::stage::real;
use super::{Audience, Figures, Setting, Stage, Subject, fanout};
use crate::{error::Result, load::Load, report::progress};

const TURN: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(20);
/// Servers of each build.
const TWINS: usize = 2;

/// What the comparison gave, as a table.
pub(crate) struct Comparison(Vec<Compared>);

struct Compared {
    name: String,
    against: [Total; TWINS],
    own: [Total; TWINS],
}

/// All turns of a server together.
#[derive(Debug, Clone, Copy, Default)]
struct Total {
    deliveries: f64,
    seconds: f64,
    /// The server's own processor time, in microseconds.
    cpu: f64,
}

impl Total {
    fn add(&mut self, figures: &Figures) {
        let deliveries = real(figures.deliveries);
        self.deliveries += deliveries;
        self.seconds += figures.seconds;
        self.cpu += figures.cpu * deliveries;
    }

    fn rate(&self) -> f64 {
        self.deliveries / self.seconds
    }

    fn cpu_a_delivery(&self) -> f64 {
        self.cpu / self.deliveries
    }
}

type Measure = (&'static str, fn(&Total) -> f64);

const MEASURES: [Measure; 2] = [("deliveries/s", Total::rate), ("CPU a delivery, µs", Total::cpu_a_delivery)];

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
    let mut servers = Vec::new();
    for _ in 0..TWINS {
        for setting in [&other, setting] {
            let stage = Stage::open(setting, Subject::Postrider, Audience { tenants: 1, fan_out }).await?;
            stage.warm_up(Load::Closed { producers, duration: setting.duration }).await?;
            servers.push((stage, Total::default()));
        }
    }
    let count = servers.len();
    let turns = setting.duration.as_millis().div_ceil(TURN.as_millis());
    for turn in 0..usize::try_from(turns).unwrap_or(usize::MAX) {
        for place in 0..count {
            // Nobody is always the one who comes after the same other.
            let at = if turn % 2 == 0 { (place + turn) % count } else { (2 * count + turn - place) % count };
            let (stage, total) = &mut servers[at];
            total.add(&stage.measure(Load::Closed { producers, duration: TURN }).await?);
            // What one has put off is not to fall into another's turn.
            tokio::time::sleep(PAUSE).await;
        }
    }
    let totals = |first: usize| std::array::from_fn(|twin| servers[first + 2 * twin].1);
    Ok(Compared { name, against: totals(0), own: totals(1) })
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:14}  {:18}  {:>17}  {:>17}  {:>6}", "", "", "against", "postrider", "ratio")?;
        for Compared { name, against, own } in &self.0 {
            for (measure, figure) in MEASURES {
                let pair = |totals: &[Total; TWINS]| {
                    let [first, second] = totals.each_ref().map(figure);
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
    fn turns_count_by_what_they_carried() {
        let mut total = Total::default();
        for (deliveries, seconds, cpu) in [(1_000, 0.5, 60.0), (3_000, 0.5, 40.0)] {
            total.add(&Figures {
                events: deliveries,
                deliveries,
                duplicates: 0,
                busy: 0,
                seconds,
                p50: 0.0,
                p99: 0.0,
                cpu,
                memory: 0.0,
            });
        }
        assert!((total.rate() - 4_000.0).abs() < 1e-9);
        assert!((total.cpu_a_delivery() - 45.0).abs() < 1e-9);
        let own = Total { seconds: total.seconds / 2.0, ..total };
        let table = Comparison(vec![Compared { name: "64 producers".into(), against: [total; 2], own: [own; 2] }]);
        let table = table.to_string();
        assert!(
            table.contains("4000.0   4000.0") && table.contains("8000.0   8000.0") && table.contains(" 2.000"),
            "{table}"
        );
        assert!(table.contains(" 1.000"), "{table}");
    }
}
