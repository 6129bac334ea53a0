//! The program `postrider`: commands, configuration, composition, life cycle.
//!
//! Owns what surrounds the crates of this workspace: the command line ([`cli`]), the layers of configuration ([`config`]), the
//! server's start and end ([`serve`]), the system's clock and randomness ([`system`]), and what is printed ([`output`]). Does not own
//! what the server does: that is `postrider-api` over `postrider-engine` over `postrider-store` and `postrider-egress`.

mod cli;
mod client;
mod commands;
mod config;
mod failure;
mod output;
mod serve;
mod system;
mod telemetry;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;

use cli::{Action, Cli};
use failure::{Failure, UNREADABLE};
use output::{BAD, Form, styled};

/// Many small short-lived objects on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return unread(&error),
    };
    let form = if cli.json { Form::Json } else { Form::Text };
    match run(cli.command, form) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = failure.message() {
                match form {
                    Form::Text => output::note(format_args!("{}: {message}", styled(BAD, "postrider"))),
                    Form::Json => output::note(failure.report(&message)),
                }
            }
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Ends with clap's own words (help and version are some of them), unless they are a refusal that a program is to read: the command line
/// itself says so only once it can be read.
fn unread(error: &clap::Error) -> ExitCode {
    let mut given = std::env::args_os().skip(1).take_while(|argument| *argument != "--");
    if !error.use_stderr() || !given.any(|argument| argument == "--json") {
        error.exit();
    }
    let said = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Its words are the whole help.
        "the command is not complete; see --help".to_owned()
    } else {
        let whole = error.render().to_string();
        let before = |tail: &str| whole.find(tail).unwrap_or(whole.len());
        let end = before("\n\nUsage:").min(before("\n\nFor more information"));
        whole[..end].trim_start_matches("error: ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    output::note(serde_json::json!({ "error": said }));
    ExitCode::from(UNREADABLE)
}

fn run(action: Action, form: Form) -> Result<(), Failure> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .expect("nothing before this line chose a provider of cryptography");
    match action {
        Action::Serve(given) => serve::run(given, form),
        Action::Verify { what } => commands::verify::run(what, form),
        Action::Config { what } => commands::config::run(what, form),
        Action::Trigger(given) => wait_for(commands::trigger::run(given, form)),
        Action::EventTypes { what } => wait_for(commands::event_types::run(what, form)),
        Action::Listen(given) => wait_for(commands::listen::run(given, form)),
        Action::Events { what } => wait_for(commands::events::run(what, form)),
        Action::Deliveries { what } => wait_for(commands::deliveries::run(what, form)),
        Action::Replay(given) => wait_for(commands::replay::run(given, form)),
        Action::Jobs { what } => wait_for(commands::jobs::run(what, form)),
        Action::Statistics(given) => wait_for(commands::statistics::run(given, form)),
        Action::Portal { what } => wait_for(commands::portal::run(what, form)),
        Action::Retention(given) => wait_for(commands::retention::run(given, form)),
        Action::Doctor(given) => wait_for(commands::doctor::run(given, form)),
        Action::Environment { what } => wait_for(commands::operator::environment(what, form)),
        Action::Credential { what } => wait_for(commands::operator::credential(what, form)),
        Action::OperatorToken { what } => wait_for(commands::operator::operator_token(what, form)),
    }
}

/// Runs a command that talks to a server: one thread is enough.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::said(format!("the runtime cannot be started: {error}")))?.block_on(command)
}
