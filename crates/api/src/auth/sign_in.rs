//! Client id and secret: the credential that they are, and how often one may guess.
//!
//! What costs nothing to check is checked always: generated secrets, which cannot be guessed, and chosen ones that were right before. Other
//! secrets are looked up among chosen ones, and who gives too many wrong ones waits.
//!
//! Invariant: nobody who guesses keeps out anybody else. Only the address that gave the wrong secrets is refused (behind a reverse proxy
//! that the operator trusts, the one that it speaks for), and none that can be a reverse proxy's, behind which is everybody; all that
//! guessing does to others is that a secret which was not given before takes a moment longer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use http::request::Parts;
use postrider_core::environment::Credential;
use postrider_core::limits::{SIGN_IN_FAILURES, SIGN_IN_PAUSE, SIGN_IN_PEERS, SIGN_IN_REGAINED};
use postrider_core::{EnvironmentId, Timestamp, net};

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// The address that a request's connection comes from. Whoever accepts connections puts it among a request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Whom wrong secrets are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Guesser(IpAddr);

/// Where a call comes from, as far as wrong secrets are counted against it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CalledFrom(Option<Guesser>);

impl CalledFrom {
    /// Whom it is counted against; none: an address that many share.
    pub(crate) fn guesser(self) -> Option<Guesser> {
        self.0
    }
}

impl FromRequestParts<ApiState> for CalledFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Infallible> {
        let proxies = &state.options().trusted_proxies;
        let address = parts.extensions.get::<Peer>().and_then(|peer| proxies.origin(peer.0, &parts.headers));
        Ok(Self(address.and_then(net::counted_as).map(Guesser)))
    }
}

/// Wrong secrets of late: when each that is counted will be forgotten.
#[derive(Debug)]
struct Counts<K>(Mutex<HashMap<K, Timestamp>>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Counts<K> {
    fn are_too_many(&self, key: &K, now: Timestamp) -> bool {
        let forgotten = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied();
        forgotten.is_some_and(|at| at > now + SIGN_IN_REGAINED * (SIGN_IN_FAILURES - 1))
    }

    fn note(&self, key: K, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= SIGN_IN_PEERS && !all.contains_key(&key) {
            all.retain(|_, forgotten| *forgotten > now);
            // Whoever has that many addresses is only slowed.
            if all.len() >= SIGN_IN_PEERS {
                all.clear();
            }
        }
        let forgotten = all.entry(key).or_insert(now);
        *forgotten = (*forgotten).max(now) + SIGN_IN_REGAINED;
    }
}

/// Wrong secrets of late, for environments that exist.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    by_guesser: Counts<(EnvironmentId, Guesser)>,
    by_environment: Counts<EnvironmentId>,
}

/// The credential of that client id and secret.
pub(crate) async fn credential(
    state: &ApiState,
    CalledFrom(guesser): CalledFrom,
    client_id: &str,
    secret: &str,
) -> Result<Arc<Credential>, ApiError> {
    let wrong = || ApiError::new(Code::CredentialsInvalid, "client id or secret are wrong");
    let environment_id: EnvironmentId = client_id.trim().parse().map_err(|_| wrong())?;
    let mut credentials = state.directory().credentials(environment_id);
    credentials.retain(|credential| credential.revoked_at.is_none());
    if credentials.is_empty() {
        return Err(wrong());
    }
    if let Some(credential) = state.secrets().find_known(&credentials, secret) {
        return Ok(Arc::clone(credential));
    }
    let failures = state.failures();
    let guesser = guesser.map(|guesser| (environment_id, guesser));
    if guesser.is_some_and(|guesser| failures.by_guesser.are_too_many(&guesser, state.now())) {
        return Err(ApiError::new(
            Code::TooManyAttempts,
            "too many wrong secrets were given from this address for this client id; wait a little",
        ));
    }
    if failures.by_environment.are_too_many(&environment_id, state.now()) {
        tokio::time::sleep(SIGN_IN_PAUSE).await;
    }
    if let Some(credential) = state.secrets().find_chosen(&credentials, secret).await? {
        return Ok(Arc::clone(credential));
    }
    if let Some(guesser) = guesser {
        failures.by_guesser.note(guesser, state.now());
    }
    failures.by_environment.note(environment_id, state.now());
    Err(wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_bounded() {
        let counts = Counts::default();
        let now = Timestamp::from_micros(0);
        for key in 0..=SIGN_IN_PEERS {
            counts.note(key, now);
        }
        assert!(counts.0.lock().expect("whole").len() <= SIGN_IN_PEERS);
    }
}
