//! The command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use http::Uri;

use crate::scenario::Scenario;

/// Measures Postrider beside a bare relay on this machine, verifies that every event arrived, and prints one table.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) part: Option<Part>,
    #[command(flatten)]
    pub(crate) options: Options,
}

/// Parts of the benchmark that run in processes of their own.
#[derive(Debug, Subcommand)]
pub(crate) enum Part {
    /// The bare relay; started by the benchmark itself.
    #[command(hide = true)]
    Relay {
        #[arg(long)]
        listen: SocketAddr,
        #[arg(long = "receiver")]
        receivers: Vec<Uri>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The server to measure; default: `postrider` beside this program
    #[arg(long, value_name = "PROGRAM")]
    pub(crate) postrider: Option<PathBuf>,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIO,...")]
    pub(crate) only: Vec<Scenario>,
    /// Seconds of a measurement, after a second of warming up
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) seconds: u64,
    /// Rounds, relay and server in turn; figures are medians over them
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) rounds: u32,
    /// Numbers of producers at saturation
    #[arg(long, value_delimiter = ',', default_values_t = [16, 64, 256], value_name = "N,...")]
    pub(crate) producers: Vec<usize>,
    /// Where the servers' data goes, on a disk; default: beside this program
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Compare the server with another build of it, in turns of half a second, instead of holding it against bars
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["only", "rounds", "json", "enforce", "relay_only"])]
    pub(crate) against: Option<PathBuf>,
    /// Print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Fail when a bar is missed
    #[arg(long)]
    pub(crate) enforce: bool,
    /// Measure the relay alone: what this machine can do at all
    #[arg(long, conflicts_with_all = ["postrider", "enforce"])]
    pub(crate) relay_only: bool,
}
