//! Order keys whose deliveries are here: no two of a key at a time.
//!
//! The store makes a delivery due when those before it have ended, so mostly there is one of a key to be seen. But a person may have a
//! delivery sent anew while its attempt is under way, and a page may show the next one before the end of the one before it was heard of
//! here. So a delivery comes in only when no other of its key is here or has an attempt under way; what comes too early waits in the
//! database, and its lane looks there again.

use std::collections::HashMap;

use postrider_core::order::OrderKey;
use postrider_core::{DeliveryId, WebhookId};

use super::IdMap;

type Key = (WebhookId, OrderKey);

/// See the module. Empty as long as no webhook is ordered.
#[derive(Debug, Default)]
pub(super) struct Order {
    by_delivery: IdMap<DeliveryId, Key>,
    /// Keys of deliveries that are here, and whether another one came too early.
    keys: HashMap<Key, Awaited>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    No,
    Yes,
}

impl Order {
    /// Whether another of that key is here; then it is noted that one waits for it.
    pub(super) fn must_wait(&mut self, webhook: WebhookId, key: OrderKey) -> bool {
        match self.keys.get_mut(&(webhook, key)) {
            None => false,
            Some(awaited) => {
                *awaited = Awaited::Yes;
                true
            }
        }
    }

    /// A delivery has come in.
    pub(super) fn enter(&mut self, delivery: DeliveryId, webhook: WebhookId, key: OrderKey) {
        self.by_delivery.insert(delivery, (webhook, key));
        self.keys.insert((webhook, key), Awaited::No);
    }

    /// A delivery has left, and no attempt of it is under way. Returns its webhook where another one waits for that.
    pub(super) fn leave(&mut self, delivery: DeliveryId) -> Option<WebhookId> {
        if self.by_delivery.is_empty() {
            return None;
        }
        let key = self.by_delivery.remove(&delivery)?;
        (self.keys.remove(&key)? == Awaited::Yes).then_some(key.0)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.by_delivery.len(), self.keys.len());
        self.keys.len()
    }
}
