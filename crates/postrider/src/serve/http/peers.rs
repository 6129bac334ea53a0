//! How many connections one address may have.
//!
//! Somebody who opens connections and leaves them silent would otherwise take all slots. Addresses of this machine and of private
//! networks are not counted, nor are those of proxies that are trusted: there stands the reverse proxy through which everybody comes.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use postrider_api::TrustedProxies;
use postrider_core::net;

/// An address's part of all slots: one in so many.
const PART: usize = 8;
/// The fewest that an address may have, however few slots there are.
const LEAST: usize = 16;

/// The addresses that have connections.
#[derive(Debug, Clone)]
pub(super) struct Peers {
    open: Arc<Mutex<HashMap<IpAddr, usize>>>,
    most: usize,
    proxies: TrustedProxies,
}

/// A connection's place among those of its address.
#[derive(Debug)]
pub(super) struct Place(Option<(Peers, IpAddr)>);

/// The address has as many connections as it may have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Peers {
    /// Addresses that share so many slots, but for those of proxies.
    pub(super) fn sharing(slots: usize, proxies: TrustedProxies) -> Self {
        Self { open: Arc::default(), most: (slots / PART).max(LEAST), proxies }
    }

    /// A place for one more connection, until it is dropped.
    pub(super) fn take_place(&self, peer: Option<IpAddr>) -> Result<Place, Full> {
        let counted = peer.filter(|peer| !self.proxies.contains(*peer)).and_then(net::counted_as);
        let Some(peer) = counted else { return Ok(Place(None)) };
        let mut open = self.lock();
        let count = open.entry(peer).or_default();
        if *count >= self.most {
            return Err(Full);
        }
        *count += 1;
        drop(open);
        Ok(Place(Some((self.clone(), peer))))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((peers, peer)) = &self.0 else { return };
        if let Entry::Occupied(mut count) = peers.lock().entry(*peer) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_an_eighth_and_those_of_private_networks_are_not_counted() {
        let peers = Peers::sharing(8_192, TrustedProxies::default());
        let place = |text: &str| peers.take_place(Some(text.parse().unwrap()));
        let held: Vec<_> = (0..1_024).map(|_| place("192.0.2.1").unwrap()).collect();
        assert_eq!(place("192.0.2.1").map(drop), Err(Full));
        assert_eq!(place("::ffff:192.0.2.1").map(drop), Err(Full), "the same address");
        assert!(place("192.0.2.2").is_ok());
        drop(held);
        assert!(place("192.0.2.1").is_ok() && peers.lock().is_empty());

        let _network: Vec<_> = (0..1_024).map(|n| place(&format!("2001:db8::{n:x}")).unwrap()).collect();
        assert_eq!(place("2001:db8::ffff").map(drop), Err(Full), "a network counts as one");
        assert!(place("2001:db8:0:1::1").is_ok());
        let _proxies: Vec<_> = ["127.0.0.1", "10.1.2.3", "192.168.0.1", "100.64.0.1", "::1", "fd00::1"]
            .iter()
            .flat_map(|address| (0..2_000).map(|_| place(address).unwrap()))
            .collect();
    }

    #[test]
    fn a_proxy_that_is_trusted_is_not_counted() {
        let proxies = TrustedProxies::new(vec!["192.0.2.1/32".parse().unwrap()]);
        let peers = Peers::sharing(8_192, proxies);
        let place = |text: &str| peers.take_place(Some(text.parse().unwrap()));
        let _held: Vec<_> = (0..2_000).map(|_| place("192.0.2.1").unwrap()).collect();
        assert!(peers.lock().is_empty());
        let _others: Vec<_> = (0..1_024).map(|_| place("192.0.2.2").unwrap()).collect();
        assert_eq!(place("192.0.2.2").map(drop), Err(Full));
    }
}
