//! Events about which a webhook's filter could not tell: how many, and why the last of them.
//!
//! Owns what whoever runs the webhook needs to know of its filter, and cannot see at its deliveries: there are none. It is kept in memory,
//! an entry for each webhook whose filter was ever undecided, and begins anew with the server and with each filter.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use postrider_core::source::Source;
use postrider_core::webhook::Webhook;
use postrider_core::{Timestamp, WebhookId};

/// What a filter could not decide since the server started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided {
    /// How many events.
    pub count: u64,
    /// When the last of them was accepted.
    pub last_at: Timestamp,
    /// Why it could not be decided, as a sentence without a full stop.
    pub last_reason: String,
}

#[derive(Default)]
pub(crate) struct UndecidedFilters {
    of_webhooks: Mutex<HashMap<WebhookId, (Source, Undecided)>>,
}

impl UndecidedFilters {
    fn locked(&self) -> MutexGuard<'_, HashMap<WebhookId, (Source, Undecided)>> {
        self.of_webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds events that the webhook's filter could not decide. `exists`: whether there still is such a webhook.
    pub(crate) fn note(&self, webhook: &Webhook, mut undecided: Undecided, exists: impl FnOnce() -> bool) {
        let Some(filter) = &webhook.filter else { return };
        let mut all = self.locked();
        let known = all.get(&webhook.id);
        // Asked under the lock that `forget` takes, once there is no such webhook: what is noted then is forgotten in any case.
        if known.is_none() && !exists() {
            return;
        }
        if let Some((of, before)) = known
            && of == filter
        {
            undecided.count += before.count;
        }
        all.insert(webhook.id, (filter.clone(), undecided));
    }

    /// What the filter that the webhook has now could not decide.
    pub(crate) fn of(&self, webhook: &Webhook) -> Option<Undecided> {
        let all = self.locked();
        let (filter, undecided) = all.get(&webhook.id)?;
        (webhook.filter.as_ref() == Some(filter)).then(|| undecided.clone())
    }

    /// Forgets a webhook that is gone.
    pub(crate) fn forget(&self, webhook: WebhookId) {
        self.locked().remove(&webhook);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signing::tests::webhook;

    #[test]
    fn what_is_noted_after_its_webhook_has_gone_is_not_kept() {
        let webhook = Webhook { filter: Some(Source::new("event.a > 1")), ..webhook() };
        let undecided = UndecidedFilters::default();
        let one = Undecided { count: 1, last_at: Timestamp::from_micros(1), last_reason: "there is no a".into() };
        let note = |exists: bool| undecided.note(&webhook, one.clone(), || exists);
        let count = || undecided.of(&webhook).map(|undecided| undecided.count);
        note(true);
        // Of one that is counted already it is not asked: it is forgotten with the rest.
        note(false);
        assert_eq!(count(), Some(2));
        undecided.forget(webhook.id);
        note(false);
        assert_eq!(count(), None);
    }
}
