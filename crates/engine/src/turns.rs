//! Turns: of one webhook one thing is done at a time that costs much and is nobody's delivery, so that none takes all threads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use postrider_core::WebhookId;
use tokio::sync::OwnedMutexGuard;

/// The turns that somebody has or waits for; there are no more than calls under way.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<WebhookId, Weak<tokio::sync::Mutex<()>>>>);

impl Turns {
    /// Waits until it is nobody else's turn with that webhook.
    pub(crate) async fn of(&self, webhook: WebhookId) -> OwnedMutexGuard<()> {
        let turn = self.turn(webhook);
        turn.lock_owned().await
    }

    fn turn(&self, webhook: WebhookId) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(&webhook).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::default();
        turns.insert(webhook, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn webhook(number: u128) -> WebhookId {
        WebhookId::from_uuid(uuid::Uuid::from_u128(number))
    }

    #[test]
    fn one_waits_for_its_own_webhook_alone_and_nothing_stays() {
        let turns = Turns::default();
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(turns.of(webhook(1)));
        let Poll::Ready(guard) = first.as_mut().poll(&mut context) else { panic!("nobody else has it") };
        let mut second = pin!(turns.of(webhook(1)));
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert!(pin!(turns.of(webhook(2))).poll(&mut context).is_ready());
        drop(guard);
        assert!(second.as_mut().poll(&mut context).is_ready());
        drop(turns.turn(webhook(3)));
        assert_eq!(turns.0.lock().unwrap_or_else(PoisonError::into_inner).len(), 1, "who had one before is gone");
    }
}
