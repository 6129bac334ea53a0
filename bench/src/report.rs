//! The report: one row a figure, as a table for people or as JSON for programs. The table goes to standard output, progress to
//! standard error.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    thread,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;

use crate::{bars::Bar, scenario::Figures, scenario::Scenario};

/// One figure of the relay and of Postrider, medians over the rounds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Row {
    pub(crate) scenario: String,
    pub(crate) measure: &'static str,
    pub(crate) relay: Option<f64>,
    pub(crate) postrider: Option<f64>,
    /// The median over the rounds of Postrider's figure divided by the relay's.
    pub(crate) ratio: Option<f64>,
    pub(crate) bar: Option<Bar>,
}

/// What was sent and verified, of all scenarios together.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tally {
    events: u64,
    deliveries: u64,
    duplicates: u64,
    /// How often a server asked a producer to come back later.
    busy: u64,
    /// Deliveries that were accepted for endpoints that never answer, and so wait by design.
    waiting: u64,
}

/// Everything that was found out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    machine: String,
    processors: usize,
    sync_ms: f64,
    seconds: u64,
    rounds: u32,
    pub(crate) rows: Vec<Row>,
    tallies: BTreeMap<&'static str, Tally>,
}

impl Report {
    /// An empty report of measurements of `duration` each.
    pub(crate) fn new(sync: Duration, duration: Duration, rounds: u32) -> Self {
        Self {
            machine: machine(),
            processors: thread::available_parallelism().map_or(1, usize::from),
            sync_ms: sync.as_secs_f64() * 1e3,
            seconds: duration.as_secs(),
            rounds,
            rows: Vec::new(),
            tallies: BTreeMap::new(),
        }
    }

    /// Counts measurements whose every event was verified to have arrived.
    pub(crate) fn tally<'a>(&mut self, scenario: Scenario, measurements: impl Iterator<Item = &'a Figures>) {
        let tally = self.tallies.entry(scenario.name()).or_default();
        for figures in measurements {
            tally.events += figures.events;
            tally.deliveries += figures.deliveries;
            tally.duplicates += figures.duplicates;
            tally.busy += figures.busy;
        }
    }

    /// Counts deliveries that were accepted and wait.
    pub(crate) fn count_waiting(&mut self, scenario: Scenario, deliveries: u64) {
        self.tallies.entry(scenario.name()).or_default().waiting += deliveries;
    }

    /// How many bars were missed.
    pub(crate) fn missed(&self) -> usize {
        self.rows.iter().filter(|row| row.bar.as_ref().is_some_and(|bar| !bar.is_met)).count()
    }

    /// Writes the report as JSON.
    pub(crate) fn write_json(&self, mut out: impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut out, self)?;
        writeln!(out)
    }

    /// Writes the report as a table.
    pub(crate) fn write_table(&self, mut out: impl Write) -> io::Result<()> {
        let Self { machine, processors, sync_ms, seconds, rounds, .. } = self;
        writeln!(out, "{machine}, {processors} processors; relay, server, load generator and sink share them.")?;
        writeln!(
            out,
            "Median sync of the data's disk: {sync_ms:.3} ms. Medians of {rounds} rounds of {seconds} s each.\n"
        )?;
        let scenario_width = self.rows.iter().map(|row| row.scenario.chars().count()).max().unwrap_or(0);
        let measure_width = self.rows.iter().map(|row| row.measure.chars().count()).max().unwrap_or(0);
        let header = format!(
            "{:scenario_width$}  {:measure_width$}  {:>10}  {:>10}  {:>6}  bar",
            "", "", "relay", "postrider", "ratio"
        );
        writeln!(out, "{header}\n{}", "-".repeat(header.chars().count() + 34))?;
        let mut last = "";
        for row in &self.rows {
            let scenario = if row.scenario == last { "" } else { &row.scenario };
            last = &row.scenario;
            let ratio = row.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
            write!(out, "{scenario:scenario_width$}  {:measure_width$}  ", row.measure)?;
            write!(out, "{:>10}  {:>10}  {ratio:>6}", figure(row.relay), figure(row.postrider))?;
            if let Some(bar) = &row.bar {
                let (word, colour) = if bar.is_met { ("met", AnsiColor::Green) } else { ("missed", AnsiColor::Red) };
                let style = Style::new().fg_color(Some(colour.into()));
                write!(out, "  {style}{word:6}{style:#}  {}", bar.text)?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "\nLatency runs from the start of the POST, at 300 events/s from the moment the event was due, to its receipt."
        )?;
        writeln!(out, "Memory is VmHWM: anonymous, file and shared pages. Rates run to the last arrival.")?;
        for (scenario, Tally { events, deliveries, duplicates, busy, waiting }) in &self.tallies {
            if *waiting > 0 {
                writeln!(out, "{scenario}: {waiting} deliveries accepted, which wait for endpoints that never answer")?;
            } else {
                write!(
                    out,
                    "{scenario}: {events} events accepted and verified to have arrived, {deliveries} deliveries"
                )?;
                writeln!(out, " ({duplicates} repeated, server busy {busy} times)")?;
            }
        }
        Ok(())
    }
}

/// Tells the person at the terminal what is going on.
pub(crate) fn progress(what: &str) {
    anstream::eprintln!("{what}");
}

fn figure(value: Option<f64>) -> String {
    value.map_or_else(
        || "-".to_owned(),
        |value| match value {
            1_000.0.. => format!("{value:.0}"),
            10.0.. => format!("{value:.1}"),
            _ => format!("{value:.2}"),
        },
    )
}

fn machine() -> String {
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".to_owned(), |(_, name)| name.to_owned())
}
