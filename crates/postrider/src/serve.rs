//! `postrider serve`: puts the server together, runs it, and takes it apart in order.
//!
//! # A start
//!
//! the configuration, with what the machine has against it, and the address (either stops a start before it changes anything) → store →
//! egress → engine → first environment → API → control socket → "Listening on".
//!
//! # An end
//!
//! The first SIGTERM, SIGINT or SIGHUP: no more connections, requests in flight finish, attempts in flight finish and are recorded, the store is
//! closed; all within the configured patience, or a second or two where that is shorter. What is not done by then is given up. The
//! second: at once. Either way nothing accepted is lost: what is not settled is sent again. Should
//! the store's writer end by a defect, the server stops as well, and fails: a supervisor's new start sends what waits, where a server
//! without a store would only refuse.

mod bootstrap;
pub(crate) mod control;
mod demo;
pub(crate) mod files;
mod http;
mod signals;
mod welcome;

use std::sync::Arc;
use std::time::Duration;

use postrider_api::{ApiOptions, ApiState, TrustedProxies, WebFile};
use postrider_core::{Clock, Entropy, limits};
use postrider_egress::{Egress, EgressOptions, OwnAddresses};
use postrider_engine::{Engine, EngineOptions};
use postrider_store::{Store, StoreOptions};
use rustix::fs::Mode;
use tokio::time::Instant;

use crate::cli::Serve;
use crate::client::local_url;
use crate::config::{Layers, Settings, Sources, unknown_variable};
use crate::failure::{FAILED, Failure, with_causes};
use crate::output::{self, Form};
use crate::system::{SystemClock, SystemEntropy};
use crate::telemetry;
use http::Connections;
use signals::Signals;
use welcome::IsFirstStart;

/// How often histograms are folded, so that nobody who never asks for metrics pays for them with memory.
const METRICS_UPKEEP: Duration = Duration::from_secs(5);
/// The part of the patience that is the callers', one in so many; what they leave of it is for attempts in flight.
const CALLERS_PART: u32 = 4;
/// The part that is for closing connections and the store.
const CLOSING_PART: u32 = 8;
/// The least time for that, and the most that it is worth: what the log still holds, the next start copies back.
const CLOSING_LEAST: Duration = Duration::from_secs(1);
/// See [`CLOSING_LEAST`].
const CLOSING_MOST: Duration = Duration::from_secs(5);

/// Runs the server until it is told to stop.
pub(crate) fn run(given: Serve, form: Form) -> Result<(), Failure> {
    let layers = Layers::read(&Sources::of_process(given.settings.file, given.settings.flags));
    let unknown = layers.unknown_variables.clone();
    let settings = layers.settings_here()?;
    // Goes last, so that nothing is lost of what was logged up to the end.
    let _logs = telemetry::start_logs(&settings.log, settings.log_format)
        .map_err(|error| Failure::said(format!("the thread that writes the log cannot be started: {error}")))?;
    for name in unknown {
        let what = unknown_variable(&name);
        // Who logs errors alone has not asked for silence on this.
        if tracing::enabled!(tracing::Level::WARN) {
            tracing::warn!("{what}");
        } else {
            output::note(what);
        }
    }
    // What the server makes is its owner's alone, also in a data directory that others can enter.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let shares = share_files()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::said(format!("the runtime cannot be started: {error}")))?;
    let ended = runtime.block_on(async {
        let mut signals =
            Signals::catch().map_err(|error| Failure::said(format!("signals cannot be caught: {error}")))?;
        // Also while it starts: whoever loses patience then gets what he wants.
        let server = tokio::select! {
            started = Server::start(settings, shares, given.demo, form) => started?,
            _ = signals.next() => return Ok(()),
        };
        let ended = tokio::select! {
            signal = signals.next() => {
                tracing::info!(signal, "stopping; once more stops at once");
                Ok(())
            }
            () = server.store.ended() => {
                tracing::error!("stopping, as nothing can be written any more; the next start sends what waits");
                Err(Failure::Told(FAILED))
            }
        };
        tokio::select! {
            () = server.stop() => ended,
            signal = signals.next() => {
                tracing::warn!(signal, "stopped at once");
                Err(Failure::Told(FAILED))
            }
        }
    });
    // What still runs by now was given up.
    runtime.shutdown_background();
    ended
}

/// Shares out the files that may be open, unless they are too few for a server.
fn share_files() -> Result<files::Shares, Failure> {
    let files = files::raise_limit();
    match files::reach(files) {
        files::Reach::Far => {}
        files::Reach::Short => tracing::warn!(
            "only {files} files may be open: connections and attempts may fail for it; raise the hard limit with {}",
            files::ADVICE
        ),
        files::Reach::TooShort => {
            return Err(Failure::said(format!(
                "only {files} files may be open, and a server needs {} at least: raise the hard limit with {}",
                files::LEAST,
                files::ADVICE
            )));
        }
    }
    Ok(files::shares(files))
}

/// A running server.
struct Server {
    connections: Connections,
    engine: Engine,
    egress: Egress,
    store: Store,
    demo: Option<demo::Demo>,
    patience: Duration,
    socket_file: control::SocketFile,
}

impl Server {
    async fn start(settings: Settings, shares: files::Shares, with_demo: bool, form: Form) -> Result<Self, Failure> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        let listener = http::bind(settings.listen).await.map_err(Failure::Said)?;
        let address = listener.local_addr().map_err(|error| Failure::said(format!("the socket failed: {error}")))?;
        let url = local_url(address);
        let receiver = if with_demo { Some(demo::Receiver::bind().await?) } else { None };

        let patience = settings.shutdown_patience;
        let egress = open_egress(&settings, shares, receiver.as_ref())?;
        let store = open_store(&settings, &clock, &entropy).await?;
        let socket = control::open(&settings.data_dir).map_err(Failure::Said)?;
        let metrics = telemetry::start_metrics()
            .map_err(|error| Failure::said(format!("metrics cannot be collected: {}", with_causes(&error))))?;
        let options =
            EngineOptions { in_flight: shares.in_flight, retention: settings.retention, ..EngineOptions::default() };
        let engine = Engine::start(store.clone(), egress.clone(), Arc::clone(&clock), Arc::clone(&entropy), options);

        let first = bootstrap::ensure(&store, settings.bootstrap, Arc::clone(&entropy))
            .await
            .map_err(|error| Failure::said(with_causes(&error)))?;
        let is_first_start = if first.is_some() { IsFirstStart::Yes } else { IsFirstStart::No };
        if let Some(first) = first {
            // The environment exists; a server that ends now would take the only copy of its secret along for nothing.
            if let Err(error) = welcome::credentials(&first, form) {
                tracing::warn!(error = %error, "the first secret could not be printed; make another with `postrider credential create`");
            }
        }

        let proxies = TrustedProxies::new(settings.trusted_proxies.clone());
        let connections = Connections::behind(proxies.clone());
        tokio::spawn(fold_histograms(metrics.clone()));
        let api = ApiState::new(
            engine.clone(),
            clock,
            entropy,
            ApiOptions {
                public_url: settings.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned()),
                local_url: address.ip().is_loopback().then(|| url.as_str().trim_end_matches('/').to_owned()),
                source_addresses: Vec::new(),
                trusted_proxies: proxies,
                cors_origins: settings.cors_origins.clone(),
                metrics: Some(Arc::new(move || metrics.render())),
                streams: Some(shares.streams()),
                web: web_files(),
            },
        );
        let (socket_listener, socket_file) = socket;
        connections.serve(socket_listener, postrider_api::control_router(api.clone()), limits::CONTROL_CONNECTIONS);
        connections.serve(listener, postrider_api::router(api), shares.incoming);

        if let Err(error) = welcome::listening(&url, is_first_start, form) {
            tracing::warn!(error = %error, server.url = %url, "listening, which could not be printed");
        }
        // The oldest: the one that the first start made.
        let oldest = store.directory().environments().into_iter().min_by_key(|environment| environment.created_at);
        let demo = match (receiver, oldest) {
            (Some(receiver), Some(environment)) => {
                Some(demo::Demo::start(receiver, &settings.data_dir, environment.id, form).await?)
            }
            _ => None,
        };
        Ok(Self { connections, engine, egress, store, demo, patience, socket_file })
    }

    async fn stop(self) {
        let begun = Instant::now();
        let closing_patience = (self.patience / CLOSING_PART).clamp(CLOSING_LEAST, CLOSING_MOST);
        if let Some(demo) = self.demo {
            demo.stop().await;
        }
        self.connections.drain(self.patience / CALLERS_PART).await;
        self.engine.shutdown_within(self.patience.saturating_sub(begun.elapsed() + closing_patience)).await;
        let (egress, store) = (&self.egress, &self.store);
        let closed = async {
            egress.close().await;
            store.close().await;
        };
        if tokio::time::timeout(closing_patience, closed).await.is_err() {
            tracing::warn!("stopped before everything was closed; nothing is lost, and the next start tidies up");
        }
        drop(self.socket_file);
        tracing::info!("stopped");
    }
}

fn web_files() -> Vec<WebFile> {
    let files = postrider_assets::FILES.iter();
    files
        .map(|&postrider_assets::File { path, plain, brotli, gzip, tag }| WebFile { path, plain, brotli, gzip, tag })
        .collect()
}

pub(crate) fn open_egress(
    settings: &Settings,
    shares: files::Shares,
    receiver: Option<&demo::Receiver>,
) -> Result<Egress, Failure> {
    let extra_roots_pem = match &settings.egress_extra_roots {
        Some(path) => Some(std::fs::read(path).map_err(|error| {
            Failure::said(format!("egress_extra_roots: {} cannot be read: {error}", path.display()))
        })?),
        None => None,
    };
    Egress::new(EgressOptions {
        allow: settings.egress_allow.clone(),
        allow_exactly: receiver.map(demo::Receiver::address).into_iter().collect(),
        own_addresses: OwnAddresses::of_system(),
        source_addresses: settings.egress_source_addresses.clone(),
        proxy: settings.egress_proxy.clone(),
        extra_roots_pem,
        idle_connections: Some(shares.idle),
        user_agent: None,
    })
    .map_err(|error| Failure::said(with_causes(&error)))
}

async fn open_store(settings: &Settings, clock: &Arc<dyn Clock>, entropy: &Arc<dyn Entropy>) -> Result<Store, Failure> {
    let options = StoreOptions {
        data_dir: settings.data_dir.clone(),
        clock: Arc::clone(clock),
        entropy: Arc::clone(entropy),
        master_key: settings.master_key.clone(),
    };
    // Migrations and the recovery of a log read and write files.
    tokio::task::spawn_blocking(move || Store::open(options))
        .await
        .map_err(|error| Failure::said(format!("opening the store broke off: {error}")))?
        .map_err(|error| Failure::said(with_causes(&error)))
}

async fn fold_histograms(metrics: metrics_exporter_prometheus::PrometheusHandle) {
    let mut often = tokio::time::interval(METRICS_UPKEEP);
    loop {
        often.tick().await;
        metrics.run_upkeep();
    }
}
