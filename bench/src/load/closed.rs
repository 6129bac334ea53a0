//! The closed loop: producers that each wait for the answer before they send the next event.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::{Connection, Target};
use crate::error::Result;

/// Sends with `producers` for `duration`.
pub(super) async fn run(target: &Target, producers: usize, duration: Duration) -> Result<u64> {
    let mut connections = Vec::with_capacity(producers);
    for _ in 0..producers {
        connections.push(Connection::open(target.server).await?);
    }
    let end = Instant::now() + duration;
    let mut tasks = JoinSet::new();
    for (producer, connection) in connections.into_iter().enumerate() {
        tasks.spawn(produce(target.clone(), producer, connection, end));
    }
    let mut busy = 0;
    while let Some(task) = tasks.join_next().await {
        busy += task??;
    }
    Ok(busy)
}

async fn produce(target: Target, producer: usize, mut connection: Connection, end: Instant) -> Result<u64> {
    let mut request = target.requests[producer % target.requests.len()].clone();
    let mut busy = 0;
    loop {
        let now = Instant::now();
        if now >= end {
            return Ok(busy);
        }
        let Some(claim) = target.ledger.claim(now) else { return Ok(busy) };
        busy += target.deliver(&mut connection, &mut request, claim).await?;
    }
}
