//! Postrider's benchmark: starts the real server, a bare relay and a sink, loads them, verifies that every event arrived, and
//! prints one table.
//!
//! # Cast
//!
//! The *load generator* sends events and the *sink* receives deliveries; both live in this process and share the *ledger*. The
//! *subject* is measured: the server, or the *relay*, a second process of this program that accepts and forwards over the same
//! HTTP libraries and does nothing else. All share the machine's processors, as the bars say.
//!
//! Invariants: a figure is printed only when each accepted event was verified to have arrived; every process that was started
//! is ended, however this one ends short of SIGKILL.

#[cfg(not(target_os = "linux"))]
compile_error!("the benchmark reads /proc and uses timerfd: it runs on Linux");

mod api;
mod bars;
mod cli;
mod disk;
mod error;
mod event;
mod files;
mod ledger;
mod load;
mod process;
mod relay;
mod report;
mod scenario;
mod server;
mod signature;
mod sink;
mod stats;

use std::{
    env,
    error::Error as _,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

use cli::{Cli, Options, Part};
use error::{Error, Result};
use report::{Report, progress};
use scenario::{Scenario, Setting};

/// The allocator of the server, so that the relay does not win or lose by another.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.part {
        Some(Part::Relay { listen, receivers }) => relay::serve(listen, receivers).await.map(|()| ExitCode::SUCCESS),
        None => run_unless_interrupted(cli.options).await,
    };
    outcome.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            anstream::eprintln!("  because: {cause}");
            source = cause.source();
        }
        ExitCode::FAILURE
    })
}

/// An interrupt drops the benchmark where it stands, and with it the processes it has started.
async fn run_unless_interrupted(options: Options) -> Result<ExitCode> {
    let listen = |kind| signal(kind).map_err(Error::io("listen for signals"));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    tokio::select! {
        outcome = run(options) => outcome,
        _ = interrupt.recv() => Err(Error::Interrupted),
        _ = terminate.recv() => Err(Error::Interrupted),
    }
}

async fn run(options: Options) -> Result<ExitCode> {
    let own = env::current_exe().map_err(Error::io("find the benchmark's own program"))?;
    let beside = own.parent().unwrap_or(Path::new("."));
    let data = absolute(options.data_dir.as_deref().unwrap_or(beside))?;
    disk::refuse_memory(&data)?;
    let postrider = if options.relay_only {
        None
    } else {
        Some(server_program(options.postrider.unwrap_or_else(|| beside.join("postrider")))?)
    };
    files::raise_limit()?;
    progress("timing the disk");
    let sync = disk::median_sync(&data)?;
    let duration = Duration::from_secs(options.seconds);
    let setting = Setting { postrider, data, duration, rounds: options.rounds, producers: options.producers, sync };
    if let Some(against) = options.against {
        let table = scenario::compare(&setting, &server_program(against)?).await?;
        anstream::print!("{table}");
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = Report::new(sync, duration, options.rounds);
    let scenarios = if options.only.is_empty() { Scenario::value_variants() } else { &options.only };
    for scenario in scenarios {
        scenario.run(&setting, &mut report).await?;
    }
    let out = anstream::stdout().lock();
    let written = if options.json { report.write_json(out) } else { report.write_table(out) };
    written.map_err(Error::io("print the report"))?;
    Ok(if options.enforce && report.missed() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn server_program(program: PathBuf) -> Result<PathBuf> {
    if program.is_file() { absolute(&program) } else { Err(Error::NoServer(program)) }
}

/// The servers run in folders of their own, where a relative path would mean something else.
fn absolute(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(Error::io(format!("find {}", path.display())))
}
