//! Client id and secret: the credential that they are, and how often one may guess.
//!
//! What costs nothing to check is checked always, so that nobody who guesses keeps out those who know: generated secrets, which cannot
//! be guessed, and chosen ones that were right before. A wrong secret is looked up among chosen ones only as long as there were not too
//! many before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use postrider_core::environment::Credential;
use postrider_core::limits::{SIGN_IN_FAILURES, SIGN_IN_REGAINED};
use postrider_core::{EnvironmentId, Timestamp};

use crate::error::{ApiError, Code};
use crate::state::ApiState;

/// Wrong secrets of late, by environment: when each will be forgotten. Of environments that exist alone, so it stays small.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<EnvironmentId, Timestamp>>);

impl Failures {
    fn are_too_many(&self, environment: EnvironmentId, now: Timestamp) -> bool {
        let forgotten = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&environment).copied();
        forgotten.is_some_and(|at| at > now + SIGN_IN_REGAINED * (SIGN_IN_FAILURES - 1))
    }

    fn note(&self, environment: EnvironmentId, now: Timestamp) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let forgotten = all.entry(environment).or_insert(now);
        *forgotten = (*forgotten).max(now) + SIGN_IN_REGAINED;
    }
}

/// The credential of that client id and secret.
pub(crate) async fn credential(state: &ApiState, client_id: &str, secret: &str) -> Result<Arc<Credential>, ApiError> {
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
    if state.failures().are_too_many(environment_id, state.now()) {
        return Err(ApiError::new(
            Code::TooManyAttempts,
            "too many wrong secrets were given for this client id; wait a little",
        ));
    }
    if let Some(credential) = state.secrets().find_chosen(&credentials, secret).await? {
        return Ok(Arc::clone(credential));
    }
    state.failures().note(environment_id, state.now());
    Err(wrong())
}
