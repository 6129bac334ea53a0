//! TCP connections: which local address they leave from, and which of several remote addresses answers first.
//!
//! Does not decide what may be dialled: it is given addresses that were checked, or a proxy's.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use postrider_core::attempt::OurFault;
use postrider_core::limits;
use tokio::net::{TcpSocket, TcpStream};

use crate::error::{SendError, of_connect};

/// How long an address may be silent before the next one is tried beside it. RFC 8305 recommends 250 ms.
const STAGGER: Duration = Duration::from_millis(250);

/// Opens TCP connections.
#[derive(Debug)]
pub(crate) struct Dialer {
    sources: Arc<[IpAddr]>,
    turn: AtomicUsize,
}

impl Dialer {
    /// A dialer whose connections leave from one of `sources` in turn, or from where the system likes if there are none. Fails
    /// with the first of them that is no address of this machine.
    pub(crate) fn new(sources: Vec<IpAddr>) -> Result<Self, (IpAddr, io::Error)> {
        for &source in &sources {
            std::net::TcpListener::bind(SocketAddr::new(source, 0)).map_err(|error| (source, error))?;
        }
        Ok(Self { sources: sources.into(), turn: AtomicUsize::new(0) })
    }

    pub(crate) fn sources(&self) -> &[IpAddr] {
        &self.sources
    }

    /// Connects to exactly this address.
    pub(crate) async fn connect(&self, to: SocketAddr) -> Result<TcpStream, SendError> {
        let socket = self.socket(to)?;
        let stream = socket.connect(to).await.map_err(|error| of_connect(&error, to))?;
        // A request is one write; waiting for more to fill a segment only delays it.
        stream.set_nodelay(true).map_err(|error| of_connect(&error, to))?;
        Ok(stream)
    }

    fn socket(&self, to: SocketAddr) -> Result<TcpSocket, SendError> {
        let socket = if to.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
            .map_err(|error| of_connect(&error, to))?;
        if let Some(source) = self.source_for(to)? {
            socket.bind(SocketAddr::new(source, 0)).map_err(|error| of_connect(&error, to))?;
        }
        Ok(socket)
    }

    /// The local address to leave from. Where some are configured, no connection leaves from another: receivers let only those in.
    fn source_for(&self, to: SocketAddr) -> Result<Option<IpAddr>, SendError> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let fitting = || self.sources.iter().filter(|source| source.is_ipv4() == to.is_ipv4());
        match fitting().count() {
            0 => Err(SendError::ours(
                OurFault::NoRoute,
                format!("none of the configured source addresses can reach {}: they are of the other family", to.ip()),
            )),
            count => Ok(fitting().nth(self.turn.fetch_add(1, Ordering::Relaxed) % count).copied()),
        }
    }
}

/// Puts addresses in the order in which they are tried: families in turn, beginning with the first one's, and not too many.
pub(crate) fn in_order_of_trial(addresses: &[IpAddr]) -> Vec<IpAddr> {
    let Some(first) = addresses.first() else { return Vec::new() };
    let (mut same, mut other): (Vec<_>, Vec<_>) = addresses.iter().partition(|ip| ip.is_ipv4() == first.is_ipv4());
    same.reverse();
    other.reverse();
    let mut ordered = Vec::with_capacity(limits::ADDRESSES_TRIED);
    while ordered.len() < limits::ADDRESSES_TRIED {
        let next = if ordered.len() % 2 == 0 {
            same.pop().or_else(|| other.pop())
        } else {
            other.pop().or_else(|| same.pop())
        };
        match next {
            Some(&address) if !ordered.contains(&address) => ordered.push(address),
            Some(_) => {}
            None => break,
        }
    }
    ordered
}

/// Tries addresses until one connects. The next one begins when one failed, or was silent for a while; the silent ones go on, so
/// that a dead first address costs a quarter of a second and a slow only one has all the time there is.
///
/// When all fail, the error is the endpoint's where any address says something about the endpoint.
pub(crate) async fn first_to_connect<T, F>(addresses: &[IpAddr], connect: impl Fn(IpAddr) -> F) -> Result<T, SendError>
where
    F: Future<Output = Result<T, SendError>>,
{
    let mut waiting = addresses.iter().copied();
    let mut trying = FuturesUnordered::new();
    let mut worst: Option<SendError> = None;
    trying.extend(waiting.next().map(&connect));
    loop {
        let more = waiting.len() > 0;
        tokio::select! {
            biased;
            finished = trying.next() => match finished {
                Some(Ok(connected)) => return Ok(connected),
                Some(Err(error)) => {
                    if error.blames_endpoint() || worst.is_none() {
                        worst = Some(error);
                    }
                    trying.extend(waiting.next().map(&connect));
                }
                None => {
                    return Err(worst.unwrap_or_else(|| SendError::ours(OurFault::Resolver, "there is no address to try")));
                }
            },
            () = tokio::time::sleep(STAGGER), if more => trying.extend(waiting.next().map(&connect)),
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_core::attempt::FailureKind;

    use super::*;

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_number_is_bounded() {
        let given = addresses(&["2600::1", "2600::2", "2600::1", "8.8.8.1", "8.8.8.2"]);
        assert_eq!(in_order_of_trial(&given), addresses(&["2600::1", "8.8.8.1", "2600::2", "8.8.8.2"]));
        let many: Vec<IpAddr> = (0..100).map(|n| IpAddr::from([8, 8, 8, n])).collect();
        assert_eq!(in_order_of_trial(&many), many[..limits::ADDRESSES_TRIED]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_address_does_not_hold_the_next_one_up() {
        let begun = tokio::time::Instant::now();
        let tried = addresses(&["8.8.8.1", "8.8.8.2"]);
        let won = first_to_connect(&tried, |address| async move {
            if address == IpAddr::from([8, 8, 8, 1]) {
                std::future::pending::<()>().await;
            }
            Ok(address)
        });
        assert_eq!(won.await, Ok(tried[1]));
        assert_eq!(begun.elapsed(), STAGGER);
    }

    #[tokio::test]
    async fn what_is_said_of_the_endpoint_outweighs_a_missing_route() {
        let tried = addresses(&["8.8.8.1", "2600::1"]);
        for reversed in [false, true] {
            let mut order = tried.clone();
            if reversed {
                order.reverse();
            }
            let failed = first_to_connect(&order, |address| async move {
                if address.is_ipv6() {
                    Err::<(), _>(SendError::ours(OurFault::NoRoute, "no route"))
                } else {
                    Err(SendError::endpoint(FailureKind::ConnectionRefused, "refused"))
                }
            });
            assert!(failed.await.unwrap_err().blames_endpoint());
        }
    }

    #[test]
    fn sources_take_turns_within_the_family() {
        let dialer =
            Dialer { sources: addresses(&["127.0.0.1", "::1", "127.0.0.2"]).into(), turn: AtomicUsize::new(0) };
        let to: SocketAddr = "8.8.8.8:80".parse().unwrap();
        let used: Vec<_> = (0..4).map(|_| dialer.source_for(to).unwrap().unwrap().to_string()).collect();
        assert_eq!(used, ["127.0.0.1", "127.0.0.2", "127.0.0.1", "127.0.0.2"]);
        let only_v6 = Dialer { sources: addresses(&["::1"]).into(), turn: AtomicUsize::new(0) };
        assert!(matches!(only_v6.source_for(to), Err(SendError::Ours { fault: OurFault::NoRoute, .. })));
    }
}
