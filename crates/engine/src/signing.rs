//! Signing keys of webhooks, and the headers that are made with them.
//!
//! Keys are made once for each secret. The JWT of `x-webhook-secret` says the second and nothing of the request, so all attempts to
//! a webhook within a second carry the same one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::HeaderValue;
use postrider_core::signature::{AsymmetricKey, Secret, Signing, SigningKey};
use postrider_core::webhook::Webhook;
use postrider_core::{EventId, Timestamp, WebhookId};

/// What a webhook's requests are signed with.
pub(crate) struct Signer {
    secret: Option<Secret>,
    signing: Signing,
    key: Option<SigningKey>,
    /// What only few webhooks have.
    more: Option<Box<More>>,
    /// The last JWT, its second, and whose it is.
    jwt: Mutex<Option<(i64, Whose, HeaderValue)>>,
}

#[derive(Default)]
struct More {
    previous: Option<SigningKey>,
    asymmetric: Option<AsymmetricKey>,
    previous_asymmetric: Option<AsymmetricKey>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// The secret's.
    Present,
    /// That of the one before.
    Previous,
}

impl Signer {
    /// What signs with that secret, and in these ways. None: such requests are not signed.
    pub(crate) fn new(secret: Option<Secret>, signing: Signing) -> Option<Self> {
        let key = secret.as_ref().map(SigningKey::new);
        let asymmetric = signing.key.as_ref().filter(|_| signing.scheme.has_ed25519());
        if key.is_none() && asymmetric.is_none() {
            return None;
        }
        let more = (signing != Signing::default()).then(|| {
            Box::new(More {
                previous: signing.previous.as_ref().map(|previous| SigningKey::new(&previous.secret)),
                asymmetric: asymmetric.map(AsymmetricKey::new),
                previous_asymmetric: signing.previous_key.as_ref().map(|previous| AsymmetricKey::new(&previous.key)),
            })
        });
        Some(Self { secret, signing, key, more, jwt: Mutex::default() })
    }

    /// The value of `x-webhook-secret`, where there is a secret.
    pub(crate) fn jwt(&self, now: Timestamp) -> Option<HeaderValue> {
        let previous = self.more.as_ref().and_then(|more| more.previous.as_ref());
        let counts = self.signing.previous_at(now).is_some_and(|previous| now < previous.in_header_until);
        let (whose, key) = match previous.filter(|_| counts) {
            Some(key) => (Whose::Previous, key),
            None => (Whose::Present, self.key.as_ref()?),
        };
        let second = now.as_seconds();
        let mut last = self.jwt.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((at, of, jwt)) if *at == second && *of == whose => Some(jwt.clone()),
            _ => {
                let mut jwt = HeaderValue::try_from(key.jwt(now)).expect("base64url and dots are visible ASCII");
                jwt.set_sensitive(true);
                Some(last.insert((second, whose, jwt)).2.clone())
            }
        }
    }

    /// The value of `webhook-signature`; none: this signs by the JWT alone.
    pub(crate) fn signatures(&self, event: EventId, now: Timestamp, body: &[u8]) -> Option<HeaderValue> {
        let mut text = String::new();
        self.sign(event, now, body, &mut text);
        let visible = "base64, commas and spaces are visible ASCII";
        (!text.is_empty()).then(|| HeaderValue::try_from(text).expect(visible))
    }

    /// Adds the value of `webhook-signature` to a text: the newest secret's first.
    pub(crate) fn sign(&self, event: EventId, now: Timestamp, body: &[u8], text: &mut String) {
        let scheme = self.signing.scheme;
        let begin = text.len();
        if let Some(key) = self.key.as_ref().filter(|_| scheme.has_hmac()) {
            key.standard_into(event, now, body, text);
        }
        if let Some(more) = &self.more {
            let mut add = |signature: Option<String>| {
                let Some(signature) = signature else { return };
                if text.len() > begin {
                    text.push(' ');
                }
                text.push_str(&signature);
            };
            let previous = more.previous.as_ref().filter(|_| self.signing.previous_at(now).is_some());
            add(previous.filter(|_| scheme.has_hmac()).map(|key| key.standard(event, now, body)));
            add(more.asymmetric.as_ref().map(|key| key.standard(event, now, body)));
            let previous = more.previous_asymmetric.as_ref().filter(|_| self.signing.previous_key_at(now).is_some());
            add(previous.filter(|_| scheme.has_ed25519()).map(|key| key.standard(event, now, body)));
        }
    }
}

/// The signers of webhooks that were sent to; at most one for each webhook that there is.
#[derive(Default)]
pub(crate) struct Signers(RwLock<HashMap<WebhookId, Arc<Signer>>>);

impl Signers {
    /// The signer of a webhook as it is at the moment; none: its requests are not signed. `exists`: whether there still is such a webhook.
    pub(crate) fn of(&self, webhook: &Webhook, exists: impl FnOnce() -> bool) -> Option<Arc<Signer>> {
        if webhook.secret.is_none() && webhook.signing.key.is_none() {
            return None;
        }
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner).get(&webhook.id).cloned();
        let is_his = |signer: &Arc<Signer>| signer.secret == webhook.secret && signer.signing == webhook.signing;
        if let Some(signer) = known.filter(is_his) {
            return Some(signer);
        }
        let signer = Arc::new(Signer::new(webhook.secret.clone(), webhook.signing.clone())?);
        let mut signers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Asked under the lock that `forget` takes, once there is no such webhook: what is kept then is forgotten in any case.
        if exists() {
            signers.insert(webhook.id, signer.clone());
        }
        Some(signer)
    }

    pub(crate) fn forget(&self, webhook: WebhookId) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(&webhook);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use postrider_core::EnvironmentId;
    use postrider_core::request::SettingsRevision;
    use postrider_core::webhook::{EndpointUrl, Scope, Sending, WebhookStatus};

    use super::*;

    pub(crate) fn webhook() -> Webhook {
        let now = Timestamp::from_micros(1);
        Webhook {
            id: WebhookId::from_uuid(uuid::Uuid::from_u128(1)),
            environment_id: EnvironmentId::from_uuid(uuid::Uuid::from_u128(2)),
            scope: Scope::Environment,
            display_name: String::new(),
            description: String::new(),
            url: EndpointUrl::parse("https://receiver.example/hooks").expect("a URL"),
            secret: Secret::from_vendor("a secret of some length").expect("a secret"),
            signing: Signing::default(),
            event_keys: vec!["*".into()],
            filter: None,
            status: WebhookStatus::Active,
            sending: Sending::default(),
            settings: SettingsRevision::FIRST,
            shape: None,
            access: None,
            invocations: 0,
            streak: None,
            created_at: now,
            updated_at: now,
        }
    }

    #[test]
    fn a_signer_that_is_made_after_its_webhook_has_gone_is_not_kept() {
        let (signers, webhook) = (Signers::default(), webhook());
        let first = signers.of(&webhook, || true).expect("it has a secret");
        let second = signers.of(&webhook, || unreachable!("it is at hand")).expect("it has a secret");
        assert!(Arc::ptr_eq(&first, &second));
        signers.forget(webhook.id);
        assert!(signers.of(&webhook, || false).is_some(), "the attempt that is under way is signed");
        assert!(signers.0.read().unwrap().is_empty());
    }
}
