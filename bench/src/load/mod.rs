//! The load generator: producers that wait for their answers (closed loop), or events at a fixed rate whatever the answers
//! do (open loop). It enters what it sends and what is accepted in the ledger, and takes any answer but "accepted" or "busy"
//! for the end of the benchmark.

mod closed;
mod connection;
mod open;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

pub(crate) use connection::{Answer, Connection};

use crate::{
    error::{Error, Result},
    event::EventRequest,
    ledger::{Claim, Ledger},
};

/// An event that the server has no time for so often in a row ends the benchmark.
const MAX_BUSY: u64 = 100;

/// How events are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Load {
    /// Each of `producers` sends the next event when the last one is answered; latency runs from the start of the POST.
    Closed { producers: usize, duration: Duration },
    /// `rate` events a second, each on a connection that is free; latency runs from the moment when the event was due.
    Open { rate: u32, duration: Duration },
}

/// Where events go and where they are entered.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) server: SocketAddr,
    /// A request for each tenant; events take them in turn.
    pub(crate) requests: Arc<[EventRequest]>,
    /// How many deliveries the server must make of an event.
    pub(crate) fan_out: u64,
    pub(crate) ledger: Arc<Ledger>,
}

impl Load {
    /// The same load for another time.
    pub(crate) fn lasting(self, duration: Duration) -> Self {
        match self {
            Self::Closed { producers, .. } => Self::Closed { producers, duration },
            Self::Open { rate, .. } => Self::Open { rate, duration },
        }
    }

    /// Sends events to `target` until the time is over and all are answered; says how often the server was busy.
    pub(crate) async fn run(self, target: &Target) -> Result<u64> {
        match self {
            Self::Closed { producers, duration } => closed::run(target, producers, duration).await,
            Self::Open { rate, duration } => open::run(target, rate, duration).await,
        }
    }
}

impl Target {
    /// Sends one event until it is accepted; says how often the server was busy.
    async fn deliver(&self, connection: &mut Connection, request: &mut EventRequest, claim: Claim) -> Result<u64> {
        let bytes = request.stamp(claim.sequence);
        let (mut busy, since) = (0, Instant::now());
        loop {
            match connection.send(bytes).await? {
                Answer::Accepted { id, deliveries } if deliveries == self.fan_out => {
                    self.ledger.accept(claim, id);
                    return Ok(busy);
                }
                Answer::Accepted { deliveries, .. } => {
                    return Err(Error::Deliveries { deliveries, expected: self.fan_out });
                }
                Answer::Busy { .. } if busy == MAX_BUSY => return Err(Error::AlwaysBusy(since.elapsed())),
                Answer::Busy { retry_after } => {
                    busy += 1;
                    tokio::time::sleep(retry_after).await;
                }
            }
        }
    }
}
