//! The program `postrider`: commands, configuration, composition, life cycle.
//!
//! Owns what surrounds the crates of this workspace: the command line ([`cli`]), the layers of configuration ([`config`]), the
//! server's start and end ([`serve`]), the system's clock and randomness ([`system`]), and what is printed ([`output`]). Does not own
//! what the server does: that is `postrider-api` over `postrider-engine` over `postrider-store` and `postrider-egress`.

mod cli;
mod commands;
mod config;
mod failure;
mod output;
mod system;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Action, Cli};
use failure::Failure;
use output::{BAD, Form, styled};

/// Many small short-lived objects on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let form = if cli.json { Form::Json } else { Form::Text };
    match run(cli.command, form) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                output::note(format_args!("{}: {message}", styled(BAD, "postrider")));
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(action: Action, form: Form) -> Result<(), Failure> {
    match action {
        Action::Verify { what } => commands::verify::run(what, form),
        Action::Config { what } => commands::config::run(what, form),
        _ => Ok(()),
    }
}
