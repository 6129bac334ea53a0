//! Signing keys of webhooks, and the headers that are made with them.
//!
//! Keys are made once for each secret. The JWT of `x-webhook-secret` says the second and nothing of the request, so all attempts to
//! a webhook within a second carry the same one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::HeaderValue;
use postrider_core::signature::{Secret, SigningKey};
use postrider_core::{Timestamp, WebhookId};

pub(crate) struct Signer {
    secret: Secret,
    pub(crate) key: SigningKey,
    /// The last JWT and its second.
    jwt: Mutex<Option<(i64, HeaderValue)>>,
}

impl Signer {
    pub(crate) fn new(secret: Secret) -> Self {
        let key = SigningKey::new(&secret);
        Self { secret, key, jwt: Mutex::default() }
    }

    pub(crate) fn jwt(&self, now: Timestamp) -> HeaderValue {
        let second = now.as_seconds();
        let mut last = self.jwt.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, jwt)) if *at == second => jwt.clone(),
            _ => {
                let mut jwt = HeaderValue::try_from(self.key.jwt(now)).expect("base64url and dots are visible ASCII");
                jwt.set_sensitive(true);
                last.insert((second, jwt)).1.clone()
            }
        }
    }
}

/// The signers of webhooks that were sent to; at most one for each webhook that there is.
#[derive(Default)]
pub(crate) struct Signers(RwLock<HashMap<WebhookId, Arc<Signer>>>);

impl Signers {
    /// The signer of a webhook that has that secret at the moment.
    pub(crate) fn of(&self, webhook: WebhookId, secret: &Secret) -> Arc<Signer> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&webhook).cloned();
        if let Some(signer) = known.filter(|signer| signer.secret == *secret) {
            return signer;
        }
        let signer = Arc::new(Signer::new(secret.clone()));
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(webhook, signer.clone());
        signer
    }

    pub(crate) fn forget(&self, webhook: WebhookId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }
}
