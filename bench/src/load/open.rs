//! The open loop: events at a fixed rate, whether or not earlier ones are answered. The times come from a timer of the kernel,
//! because the runtime's own timers are as coarse as what is measured (a millisecond).

use std::{
    collections::VecDeque,
    io,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fd::OwnedFd,
    time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime},
};
use tokio::{
    sync::mpsc::{self, UnboundedReceiver, UnboundedSender},
    task::JoinSet,
};

use super::{Connection, Target};
use crate::error::{Error, Result};

/// Connections that are opened before the first event; more follow when all are waiting for an answer. They are used in turn, as a
/// server closes one that it has not heard from for long.
const CONNECTIONS: usize = 32;
const NANOS: u32 = 1_000_000_000;

/// Sends `rate` events a second for `duration`.
pub(super) async fn run(target: &Target, rate: u32, duration: Duration) -> Result<u64> {
    let mut connections = VecDeque::with_capacity(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        connections.push_back(Connection::open(target.server).await?);
    }
    let idle = Arc::new(Mutex::new(connections));
    let period = Duration::from_nanos(u64::from(NANOS / rate));
    let mut ticks = Ticks::start(period)?;
    let (mut tasks, mut busy, mut sent) = (JoinSet::new(), 0, 0);
    let end = ticks.start + duration;
    loop {
        let due = ticks.next().await.ok_or_else(|| Error::io("read a timer")(io::ErrorKind::BrokenPipe.into()))?;
        if due > end {
            break;
        }
        let Some(claim) = target.ledger.claim(due) else { break };
        let (target, idle) = (target.clone(), Arc::clone(&idle));
        let mut request = target.requests[sent % target.requests.len()].clone();
        sent += 1;
        tasks.spawn(async move {
            let free = idle.lock().expect("no holder of the lock can panic").pop_front();
            let mut connection = match free {
                Some(connection) => connection,
                None => Connection::open(target.server).await?,
            };
            let busy = target.deliver(&mut connection, &mut request, claim).await?;
            idle.lock().expect("no holder of the lock can panic").push_back(connection);
            Ok::<_, Error>(busy)
        });
        while let Some(task) = tasks.try_join_next() {
            busy += task??;
        }
    }
    while let Some(task) = tasks.join_next().await {
        busy += task??;
    }
    Ok(busy)
}

/// Moments at equal distances, none left out however late it is noticed. A thread of their own waits for them, and ends after the
/// first moment for which nobody waits any more.
#[derive(Debug)]
struct Ticks {
    moments: UnboundedReceiver<Instant>,
    start: Instant,
}

impl Ticks {
    fn start(period: Duration) -> Result<Self> {
        let create = || {
            let interval = Timespec::try_from(period).map_err(io::Error::other)?;
            let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
            let start = Instant::now();
            let schedule = Itimerspec { it_interval: interval, it_value: interval };
            timerfd_settime(&timer, TimerfdTimerFlags::empty(), &schedule)?;
            let (sender, moments) = mpsc::unbounded_channel();
            thread::Builder::new().name("ticks".to_owned()).spawn(move || tick(&timer, start, period, &sender))?;
            Ok(Self { moments, start })
        };
        create().map_err(Error::io("start a timer"))
    }

    /// Waits for the next moment and says when it was; `None` when the timer failed.
    async fn next(&mut self) -> Option<Instant> {
        self.moments.recv().await
    }
}

fn tick(timer: &OwnedFd, start: Instant, period: Duration, moments: &UnboundedSender<Instant>) {
    let mut due = start;
    let mut count = [0; 8];
    while rustix::io::read(timer, &mut count).is_ok() {
        for _ in 0..u64::from_ne_bytes(count) {
            due += period;
            if moments.send(due).is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ticks_come_when_due_and_late_ones_are_not_lost() {
        let period = Duration::from_millis(2);
        let mut ticks = Ticks::start(period).unwrap();
        let first = ticks.next().await.unwrap();
        assert!(Instant::now() >= first);
        // Three periods pass unnoticed, as when the runtime is busy.
        while first.elapsed() < period * 3 {
            std::hint::spin_loop();
        }
        for n in 1..=3 {
            assert_eq!(ticks.next().await.unwrap(), first + period * n);
        }
    }
}
