//! A stage: one fresh server with its webhooks, the sink behind it and the ledger between them; and what is measured on it.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::Setting;
use crate::{
    api::{Api, BatchAnswer},
    error::{Error, Result},
    event::EventRequest,
    ledger::Ledger,
    load::{Load, Target},
    server::{Server, Subject},
    sink::{Demand, Sink},
    stats::percentile,
};

/// Before a measurement counts, connections are opened and caches filled for so long.
const WARM_UP: Duration = Duration::from_secs(1);
/// After the last event is accepted, all must have arrived within this time.
const ARRIVAL: Duration = Duration::from_mins(1);
/// A batch must be accepted within this time, however often the server is busy.
const INTAKE: Duration = Duration::from_mins(1);
const BUSY_PAUSE: Duration = Duration::from_millis(200);
const POLL: Duration = Duration::from_millis(5);
/// More events a second than any server here can accept: the ledger is made for so many.
const LEDGER_RATE: u64 = 150_000;

/// The healthy tenants and how many webhooks each has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Audience {
    pub(super) tenants: u32,
    pub(super) fan_out: u32,
}

/// What the healthy tenants' webhooks do with an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shaping {
    /// They get it as it is.
    Plain,
    /// Every second one has a filter, which lets all events through, and a template.
    Half,
}

/// A server ready to be measured.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) sink: Sink,
    pub(super) server: Server,
    /// For Postrider alone: a relay has nothing to set up.
    pub(super) api: Option<Api>,
    target: Target,
}

/// What one measurement gave, or several on one stage together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) events: u64,
    pub(crate) deliveries: u64,
    pub(crate) duplicates: u64,
    pub(crate) busy: u64,
    /// From the first event's due time to the last arrival.
    pub(super) seconds: f64,
    /// Nanoseconds from due time (open loop) or start of the POST (closed loop) to receipt, at the last of an event's webhooks; sorted.
    pub(super) latencies: Vec<u64>,
    /// The server's own processor time.
    pub(super) cpu: Duration,
    /// The server's peak memory in megabytes.
    pub(super) memory: f64,
}

impl Stage {
    /// Starts the subject and gives the audience its webhooks, all of them plain.
    pub(super) async fn open(setting: &Setting, subject: Subject, audience: Audience) -> Result<Self> {
        Self::open_with(setting, subject, audience, Shaping::Plain).await
    }

    /// Starts the subject and gives the audience its webhooks.
    pub(super) async fn open_with(
        setting: &Setting,
        subject: Subject,
        audience: Audience,
        shaping: Shaping,
    ) -> Result<Self> {
        let capacity = (setting.duration + WARM_UP).as_secs() * 2 * LEDGER_RATE;
        let ledger = Arc::new(Ledger::new(usize::try_from(capacity).unwrap_or(usize::MAX), audience.fan_out));
        let demand = match subject {
            Subject::Relay => Demand::Nothing,
            Subject::Postrider => Demand::BothSignatures,
        };
        let sink = Sink::start(Arc::clone(&ledger), demand)?;
        let urls: Vec<_> = (0..audience.fan_out).map(|webhook| sink.healthy_url(webhook)).collect();
        let tenants = (0..audience.tenants).map(|number| format!("tenant-{number}"));
        let (server, api) = match (subject, &setting.postrider) {
            (Subject::Postrider, Some(program)) => {
                let server = Server::start_postrider(program, &setting.data).await?;
                let api = server.explain(subscribe(&server, tenants.clone(), &urls, shaping).await)?;
                (server, Some(api))
            }
            _ => (Server::start_relay(&setting.data, &urls).await?, None),
        };
        // The relay reads no token; it gets one of usual length, so that both read requests of one size.
        let token = api.as_ref().map_or_else(|| "-".repeat(300), |api| api.token().to_owned());
        let requests = tenants.map(|tenant| EventRequest::new(server.address(), &token, &tenant)).collect();
        let target = Target { server: server.address(), requests, fan_out: audience.fan_out.into(), ledger };
        Ok(Self { sink, server, api, target })
    }

    /// Opens connections and fills caches with a second of the same load; its events are verified like all others.
    pub(super) async fn warm_up(&self, load: Load) -> Result<()> {
        self.measure(load.lasting(WARM_UP)).await.map(drop)
    }

    /// Applies `load`, waits until all that was accepted has arrived, verifies it, and says what it took.
    pub(super) async fn measure(&self, load: Load) -> Result<Figures> {
        self.server.explain(self.try_measure(load).await)
    }

    async fn try_measure(&self, load: Load) -> Result<Figures> {
        let ledger = &self.target.ledger;
        let (first, duplicates, cpu) = (ledger.next(), ledger.duplicates(), self.server.cpu_time()?);
        let busy = load.run(&self.target).await?;
        let deadline = Instant::now() + ARRIVAL;
        while !ledger.is_even() && !ledger.has_strangers() && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
        let account = ledger.verify(first..ledger.next())?;
        Ok(Figures {
            events: account.events,
            deliveries: account.events * self.target.fan_out,
            duplicates: ledger.duplicates() - duplicates,
            busy,
            seconds: account.elapsed.as_secs_f64(),
            latencies: account.latencies,
            cpu: self.server.cpu_time()?.saturating_sub(cpu),
            memory: megabytes(self.server.memory()?.peak),
        })
    }
}

impl Figures {
    /// Adds another measurement of the same server.
    pub(super) fn add(&mut self, other: Self) {
        self.events += other.events;
        self.deliveries += other.deliveries;
        self.duplicates += other.duplicates;
        self.busy += other.busy;
        self.seconds += other.seconds;
        self.latencies.extend(other.latencies);
        self.latencies.sort_unstable();
        self.cpu += other.cpu;
        self.memory = self.memory.max(other.memory);
    }

    /// Milliseconds that half of the events took at most.
    pub(super) fn p50(&self) -> f64 {
        percentile(&self.latencies, 50).as_secs_f64() * 1e3
    }

    /// Milliseconds that 99 % of the events took at most.
    pub(super) fn p99(&self) -> f64 {
        percentile(&self.latencies, 99).as_secs_f64() * 1e3
    }

    /// Microseconds of the server's own processor time.
    pub(super) fn cpu_a_delivery(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / real(self.deliveries)
    }

    pub(super) fn events_per_second(&self) -> f64 {
        real(self.events) / self.seconds
    }

    pub(super) fn deliveries_per_second(&self) -> f64 {
        real(self.deliveries) / self.seconds
    }
}

async fn subscribe(
    server: &Server,
    tenants: impl Iterator<Item = String>,
    urls: &[String],
    shaping: Shaping,
) -> Result<Api> {
    let api = Api::sign_in(server.address()).await?;
    for tenant in tenants {
        for (number, url) in urls.iter().enumerate() {
            match shaping {
                Shaping::Half if number % 2 == 1 => api.create_shaped_webhook(&tenant, url).await?,
                Shaping::Half | Shaping::Plain => api.create_webhook(&tenant, url).await?,
            };
        }
    }
    Ok(api)
}

/// Reports `events` of `tenant`, trying again while the server is busy; fails unless each makes `fan_out` deliveries.
pub(super) async fn accept_all(api: &Api, tenant: &str, events: u64, fan_out: u32) -> Result<()> {
    let expected = events * u64::from(fan_out);
    let deadline = Instant::now() + INTAKE;
    loop {
        match api.report(tenant, events).await? {
            BatchAnswer::Accepted { deliveries } if deliveries == expected => return Ok(()),
            BatchAnswer::Accepted { deliveries } => return Err(Error::Deliveries { deliveries, expected }),
            BatchAnswer::Busy if Instant::now() > deadline => return Err(Error::AlwaysBusy(INTAKE)),
            BatchAnswer::Busy => tokio::time::sleep(BUSY_PAUSE).await,
        }
    }
}

/// Bytes as millions of them.
pub(super) fn megabytes(bytes: u64) -> f64 {
    real(bytes) / 1e6
}

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "counts here stay far below 2^52")]
pub(super) fn real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measurements_of_one_server_count_by_what_they_carried() {
        let mut all = Figures::default();
        for (deliveries, cpu, latency) in [(1_000, 60, 9_000_000), (3_000, 40, 2_000_000)] {
            all.add(Figures {
                events: deliveries,
                deliveries,
                seconds: 0.5,
                latencies: vec![latency],
                cpu: Duration::from_micros(cpu * deliveries),
                ..Figures::default()
            });
        }
        let close = |left: f64, right: f64| (left - right).abs() < 1e-9;
        assert!(close(all.deliveries_per_second(), 4_000.0) && close(all.events_per_second(), 4_000.0));
        assert!(close(all.cpu_a_delivery(), 45.0), "{}", all.cpu_a_delivery());
        assert!(close(all.p50(), 2.0) && close(all.p99(), 9.0), "{all:?}");
    }
}
