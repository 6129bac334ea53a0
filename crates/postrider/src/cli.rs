//! The command line: which commands there are and what they take.
//!
//! Owns names and help texts. Does not own what a command does. The flags of settings are made from the table of settings, so
//! that no setting lacks one; `docs/commands.md` is verified against this tree by a test.

mod deliveries;
mod events;
mod portal;
mod statistics;
mod trigger;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::builder::RangedI64ValueParser;
use clap::error::Error;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, Parser, Subcommand, ValueEnum};
use postrider_core::limits::{JOB_RATE_MOST, RETENTION_DAYS_LEAST, RETENTION_DAYS_MOST};
use postrider_core::signature::PublicKey;
use postrider_core::{CredentialId, EnvironmentId, EventId, JobId, OperatorTokenId, Timestamp, WebhookId};
use serde::Serialize;
use url::Url;

pub(crate) use self::deliveries::{Deliveries, DeliveryFilter, DeliveryMarks, Listed, Resend, Tail};
pub(crate) use self::events::{EventFilter, Events};
pub(crate) use self::portal::{Portal, PortalLink};
pub(crate) use self::statistics::Statistics;
pub(crate) use self::trigger::{Change, Trigger};
use self::values::moment;
use crate::config::setting::SETTINGS;

/// A self-hosted webhook service: signed, retried, logged.
#[derive(Debug, Parser)]
#[command(
    name = "postrider",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Action,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Run the server
    Serve(Serve),
    /// Send the sample of an event type
    Trigger(Trigger),
    /// Forward an environment's events, as they happen, to a program on this machine
    Listen(Listen),
    /// Find events, and show one with what became of it
    Events {
        #[command(subcommand)]
        what: Events,
    },
    /// Find deliveries, watch them, and repeat many
    Deliveries {
        #[command(subcommand)]
        what: Deliveries,
    },
    /// Send the events of a range of time once more
    Replay(Replay),
    /// Look at bulk resends and replays, and steer them
    Jobs {
        #[command(subcommand)]
        what: Jobs,
    },
    /// Show what happened in each minute, hour or day
    Statistics(Statistics),
    /// Open tenants' portals, see who has them open, and say what tenants see
    Portal {
        #[command(subcommand)]
        what: Portal,
    },
    /// Import and export event types
    EventTypes {
        #[command(subcommand)]
        what: EventTypes,
    },
    /// Show and change how long an environment keeps its events
    Retention(Retention),
    /// Check a signature or a token, and say what is wrong with it
    Verify {
        #[command(subcommand)]
        what: Verify,
    },
    /// Check the machine, the configuration and the server
    Doctor(Doctor),
    /// Show the configuration
    Config {
        #[command(subcommand)]
        what: Config,
    },
    /// List and make environments (as the operator)
    Environment {
        #[command(subcommand)]
        what: Environment,
    },
    /// List, make and revoke the secrets of an environment (as the operator)
    Credential {
        #[command(subcommand)]
        what: Credential,
    },
    /// List, make and revoke the tokens that open the operator's API (on the server's own machine)
    OperatorToken {
        #[command(subcommand)]
        what: OperatorToken,
    },
}

/// `serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Also start a receiver on loopback that verifies and prints what it gets, and send sample events, unless other webhooks of the
    /// environment would get them, too
    #[arg(long)]
    pub(crate) demo: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// `listen`.
#[derive(Debug, Args)]
pub(crate) struct Listen {
    /// Where events are posted to, with the headers that a webhook would get
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) forward_to: Url,
    /// Only events of this tenant
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Sign what is forwarded with this secret, instead of one that is made up for each stream
    #[arg(long, value_name = "SECRET")]
    pub(crate) sign_with: Option<String>,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// How a job is started.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Only count what would be done
    #[arg(long)]
    pub(crate) preview: bool,
    /// Do not wait for the end
    #[arg(long)]
    pub(crate) detach: bool,
    /// Deliveries a second, 1 to 5000 [default: 200]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=i64::from(JOB_RATE_MOST)))]
    pub(crate) rate: Option<u32>,
    /// Make a repetition of this command harmless: the job that was started the first time is followed
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
}

/// `replay`.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Events accepted at this moment (RFC 3339) or later
    #[arg(long, value_name = "TIME", required_unless_present = "event", value_parser = moment)]
    pub(crate) from: Option<String>,
    /// That event alone
    #[arg(long, value_name = "UUID")]
    pub(crate) event: Option<EventId>,
    /// Events accepted before this moment (RFC 3339), instead of all up to now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) to: Option<String>,
    /// To this webhook; can be given several times
    #[arg(long, value_name = "UUID", required = true)]
    pub(crate) webhook: Vec<WebhookId>,
    /// Only events of that key
    #[arg(long, value_name = "KEY")]
    pub(crate) event_key: Option<String>,
    /// Only events of that tenant
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// Only events that the webhook has not got
    #[arg(long)]
    pub(crate) undelivered: bool,
    #[command(flatten)]
    pub(crate) job: JobArgs,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// `jobs`.
#[derive(Debug, Subcommand)]
pub(crate) enum Jobs {
    /// List jobs, newest first
    List {
        /// The most that are listed
        #[arg(long, value_name = "COUNT", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        target: EnvironmentTarget,
    },
    /// Show a job
    Show(OneJob),
    /// Let a job make no more deliveries until it is resumed
    Pause(OneJob),
    /// Let a paused job go on
    Resume(OneJob),
    /// End a job; what it has made is delivered all the same
    Cancel(OneJob),
    /// Change how fast a job goes
    Rate {
        #[command(flatten)]
        job: OneJob,
        /// Deliveries a second from now on, 1 to 5000
        #[arg(value_parser = clap::value_parser!(u32).range(1..=i64::from(JOB_RATE_MOST)))]
        count: u32,
    },
}

/// Which job.
#[derive(Debug, Args)]
pub(crate) struct OneJob {
    /// The job's id, as listed
    pub(crate) id: JobId,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// `event-types`.
#[derive(Debug, Subcommand)]
pub(crate) enum EventTypes {
    /// Make and change event types as the webhooks of an OpenAPI 3.1 document describe them
    Import(EventTypesImport),
    /// Print the event types as an OpenAPI 3.1 or AsyncAPI 3.0 document
    Export(EventTypesExport),
}

/// `event-types import`.
#[derive(Debug, Args)]
pub(crate) struct EventTypesImport {
    /// The document, in JSON (`-` is standard input)
    pub(crate) file: PathBuf,
    /// Only say what would be made and changed
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// `event-types export`.
#[derive(Debug, Args)]
pub(crate) struct EventTypesExport {
    /// The kind of document
    #[arg(long, value_enum, default_value_t)]
    pub(crate) format: DocumentFormat,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

/// A kind of document.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub(crate) enum DocumentFormat {
    /// OpenAPI 3.1
    #[default]
    Openapi,
    /// AsyncAPI 3.0
    Asyncapi,
}

/// `retention`.
#[derive(Debug, Args)]
pub(crate) struct Retention {
    /// Keep events, deliveries and attempts for so many days, 1 to 3650; what is older is deleted
    #[arg(long, value_name = "COUNT", value_parser = retention_days())]
    pub(crate) days: Option<u16>,
    /// Keep them as long as the server's configuration says
    #[arg(long, conflicts_with = "days")]
    pub(crate) default: bool,
    #[command(flatten)]
    pub(crate) target: EnvironmentTarget,
}

fn retention_days() -> RangedI64ValueParser<u16> {
    clap::value_parser!(u16).range(i64::from(RETENTION_DAYS_LEAST)..=i64::from(RETENTION_DAYS_MOST))
}

/// `verify`.
#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    /// Check the value of an `x-webhook-secret` header
    Jwt(VerifyJwt),
    /// Check the `webhook-signature` of a request
    Webhook(VerifyWebhook),
}

/// `verify jwt`.
#[derive(Debug, Args)]
pub(crate) struct VerifyJwt {
    /// The header's value
    pub(crate) token: String,
    /// The webhook's secret, as it was typed
    #[arg(long, value_name = "SECRET")]
    pub(crate) secret: String,
    /// Judge as of this moment (RFC 3339) instead of now
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub(crate) at: Option<Timestamp>,
}

/// `verify webhook`.
#[derive(Debug, Args)]
pub(crate) struct VerifyWebhook {
    /// The webhook's secret, as it was typed; for `v1` signatures
    #[arg(long, value_name = "SECRET", required_unless_present = "public_key", conflicts_with = "public_key")]
    pub(crate) secret: Option<String>,
    /// The webhook's public key, `whpk_...`; for `v1a` signatures
    #[arg(long, value_name = "KEY", value_parser = PublicKey::parse)]
    pub(crate) public_key: Option<PublicKey>,
    /// The value of the header `webhook-id`
    #[arg(long, value_name = "ID")]
    pub(crate) id: String,
    /// The value of the header `webhook-timestamp`
    #[arg(long, value_name = "SECONDS")]
    pub(crate) timestamp: String,
    /// The value of the header `webhook-signature`
    #[arg(long, value_name = "SIGNATURES")]
    pub(crate) signature: String,
    /// The file that holds the body, byte for byte; `-` reads standard input
    #[arg(long, value_name = "FILE", required_unless_present = "body", conflicts_with = "body")]
    pub(crate) body_file: Option<PathBuf>,
    /// The body itself
    #[arg(long, value_name = "TEXT")]
    pub(crate) body: Option<String>,
    /// How far the timestamp may be from now, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub(crate) tolerance: u32,
    /// Judge as of this moment (RFC 3339) instead of now
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub(crate) at: Option<Timestamp>,
}

/// `doctor`.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// The server's URL [env: POSTRIDER_URL]; without it, the address that the configuration names
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) url: Option<Url>,
    /// Leave out what needs the Internet: host names, and the clock
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
}

/// `config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print each setting's value and where it comes from, with secrets hidden
    Show {
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Print the reference of all settings, as Markdown
    Reference,
}

/// `environment`.
#[derive(Debug, Subcommand)]
pub(crate) enum Environment {
    /// List the environments
    List {
        #[command(flatten)]
        target: OperatorTarget,
    },
    /// Make an environment, and print its client id and secret once
    Create {
        /// Its name
        name: String,
        #[command(flatten)]
        target: OperatorTarget,
    },
}

/// `credential`.
#[derive(Debug, Subcommand)]
pub(crate) enum Credential {
    /// List an environment's secrets, without the secrets themselves
    List {
        #[command(flatten)]
        environment: EnvironmentChoice,
        #[command(flatten)]
        target: OperatorTarget,
    },
    /// Make another secret for an environment, and print it once
    Create {
        /// What people call it, for example the program that uses it
        name: String,
        /// What it opens; it stays so
        #[arg(long, value_enum, default_value_t)]
        scope: CredentialScope,
        #[command(flatten)]
        environment: EnvironmentChoice,
        #[command(flatten)]
        target: OperatorTarget,
    },
    /// Revoke a secret: tokens got with it are refused from then on
    Revoke {
        /// The secret's id, as listed
        id: CredentialId,
        #[command(flatten)]
        environment: EnvironmentChoice,
        #[command(flatten)]
        target: OperatorTarget,
    },
}

/// What a secret opens.
#[derive(Debug, Clone, Copy, Default, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CredentialScope {
    /// Everything in the environment
    #[default]
    Full,
    /// Reporting events, and nothing else
    Events,
    /// Looking at everything that shows no secret, and changing nothing
    Read,
}

/// `operator-token`.
#[derive(Debug, Subcommand)]
pub(crate) enum OperatorToken {
    /// List the tokens, without the tokens themselves
    List {
        #[command(flatten)]
        target: SocketTarget,
    },
    /// Make a token, and print it once
    Create {
        /// What people call it
        name: String,
        #[command(flatten)]
        target: SocketTarget,
    },
    /// Revoke a token
    Revoke {
        /// The token's id, as listed
        id: OperatorTokenId,
        #[command(flatten)]
        target: SocketTarget,
    },
}

/// Which environment an operator means.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentChoice {
    /// The environment, by its id; not needed where there is only one
    #[arg(long, value_name = "UUID")]
    pub(crate) environment: Option<EnvironmentId>,
}

/// Which server to talk to, and as which environment. Without any of these: the server of this machine, as its operator.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentTarget {
    /// The server's URL [env: POSTRIDER_URL]; without it, the server of this machine is found by its control socket
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) url: Option<Url>,
    /// The environment's client id [env: POSTRIDER_CLIENT_ID]
    #[arg(long, value_name = "UUID")]
    pub(crate) client_id: Option<EnvironmentId>,
    /// The environment's secret [env: POSTRIDER_SECRET]
    #[arg(long, value_name = "SECRET")]
    pub(crate) secret: Option<String>,
    /// The data directory whose server on this machine is meant; variables that name another are passed over
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["url", "client_id", "secret"])]
    pub(crate) data_dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) environment: EnvironmentChoice,
}

/// Which server to talk to as its operator. Without any of these: the server of this machine.
#[derive(Debug, Args)]
pub(crate) struct OperatorTarget {
    /// The server's URL [env: POSTRIDER_URL]; without it, the server of this machine is found by its control socket
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) url: Option<Url>,
    /// A token of the operator, made with `postrider operator-token create` [env: POSTRIDER_OPERATOR_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    pub(crate) operator_token: Option<String>,
    /// The data directory whose server on this machine is meant; variables that name another are passed over
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["url", "operator_token"])]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Which server of this machine is meant.
#[derive(Debug, Args)]
pub(crate) struct SocketTarget {
    /// The data directory whose server is meant
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) data_dir: Option<PathBuf>,
}

/// Reads where a server or a program is: HTTP is all that is spoken. `localhost:8400` would be a URL as well, of the scheme `localhost`.
pub(crate) fn web_address(text: &str) -> Result<Url, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(url),
        _ => Err("it is not a web address; write for example http://127.0.0.1:8400"),
    }
}

/// A flag for each setting that may have one, and the file's path.
#[derive(Debug, Default)]
pub(crate) struct SettingArgs {
    pub(crate) file: Option<PathBuf>,
    pub(crate) flags: BTreeMap<&'static str, String>,
}

impl Args for SettingArgs {
    fn augment_args(command: Command) -> Command {
        let file = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .value_parser(clap::value_parser!(PathBuf))
            .help("The configuration file, instead of postrider.toml in the working directory")
            .help_heading("Settings");
        SETTINGS.iter().fold(command.arg(file), |command, setting| {
            let Some(flag) = setting.flag() else { return command };
            let default = setting.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
            command.arg(
                Arg::new(setting.key)
                    .long(flag)
                    .value_name(setting.placeholder)
                    .help(format!("{}{default} [env: {}]", setting.summary, setting.variable()))
                    .help_heading("Settings"),
            )
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = |key| matches.try_get_one::<String>(key).ok().flatten().cloned();
        Ok(Self {
            file: matches.get_one("config").cloned(),
            flags: SETTINGS.iter().filter_map(|setting| Some((setting.key, given(setting.key)?))).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
