//! Which addresses this machine has itself.
//!
//! What is sent to one of them never leaves the machine: it passes firewalls by and reaches whatever listens on all interfaces. Owns the
//! list and how long it counts; what follows from it [`crate::AddressPolicy`] decides.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use postrider_core::limits::OWN_ADDRESSES_KEPT;
use tokio::time::Instant;

type List = dyn Fn() -> io::Result<Vec<IpAddr>> + Send + Sync;

/// The addresses of this machine's interfaces. Clones share what was listed. By default none is known.
#[derive(Clone)]
pub struct OwnAddresses {
    list: Arc<List>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    addresses: Vec<IpAddr>,
    /// When they were asked for, or would have been had it not failed.
    asked_at: Option<Instant>,
    has_failed: bool,
}

impl OwnAddresses {
    /// Those that the system lists.
    pub fn of_system() -> Self {
        Self::listed_by(|| Ok(if_addrs::get_if_addrs()?.iter().map(if_addrs::Interface::ip).collect()))
    }

    /// Those that `list` says, which is asked again from time to time. Where it fails, those that it said before count on.
    pub fn listed_by(list: impl Fn() -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { list: Arc::new(list), known: Arc::default() }
    }

    /// Whether `address` is one of them, or was some seconds ago.
    pub(crate) fn contain(&self, address: IpAddr) -> bool {
        // Held while they are listed: nobody is judged by a list that is not there yet.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.asked_at.is_none_or(|at| at.elapsed() >= OWN_ADDRESSES_KEPT) {
            known.asked_at = Some(Instant::now());
            match (self.list)() {
                Ok(addresses) => known.addresses = addresses,
                Err(error) => {
                    if !std::mem::replace(&mut known.has_failed, true) {
                        tracing::warn!(
                            %error,
                            "this machine's own addresses cannot be listed; those of them that are public are not refused"
                        );
                    }
                }
            }
        }
        known.addresses.contains(&address)
    }
}

impl Default for OwnAddresses {
    fn default() -> Self {
        Self::listed_by(|| Ok(Vec::new()))
    }
}

impl fmt::Debug for OwnAddresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnAddresses").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_list_is_read_again_when_it_is_old_and_counts_on_where_that_fails() {
        let (first, second) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let own = OwnAddresses::listed_by(move || match counted.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(vec![first]),
            1 => Err(io::Error::other("not now")),
            _ => Ok(vec![second]),
        });
        for (contains_first, contains_second, times) in [(true, false, 1), (true, false, 2), (false, true, 3)] {
            for _ in 0..3 {
                assert_eq!((own.contain(first), own.clone().contain(second)), (contains_first, contains_second));
            }
            assert_eq!(asked.load(Ordering::SeqCst), times);
            tokio::time::advance(OWN_ADDRESSES_KEPT).await;
        }
    }

    #[test]
    fn the_systems_list_has_the_address_of_loopback() {
        let own = OwnAddresses::of_system();
        assert!(own.contain(IpAddr::from([127, 0, 0, 1])));
        assert!(!own.contain(IpAddr::from([192, 0, 2, 1])), "an address for documentation");
        assert!(!OwnAddresses::default().contain(IpAddr::from([127, 0, 0, 1])));
    }
}
