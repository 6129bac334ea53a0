//! Turns: changes of one webhook are made one after the other, so that none is computed from what another is just replacing.

use postrider_core::WebhookId;
use tokio::sync::{Mutex, MutexGuard};

/// Webhooks share them, so that they need no upkeep; two that do wait for each other for no more than a commit.
const TURNS: usize = 64;

/// One turn for some webhooks each.
#[derive(Debug)]
pub(crate) struct Turns([Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Mutex::default()))
    }
}

impl Turns {
    /// Waits until nobody else changes the webhook. It is to be read after that.
    pub(crate) async fn of(&self, webhook: WebhookId) -> MutexGuard<'_, ()> {
        let place = webhook.as_uuid().as_u128() % TURNS as u128;
        self.0[usize::try_from(place).expect("a small number")].lock().await
    }
}
