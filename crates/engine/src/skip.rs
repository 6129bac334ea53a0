//! Skipping: a person ends a delivery that waits. What is under way is answered first, as the receiver may have taken it.

use postrider_core::limits::SKIP_PATIENCE;
use postrider_core::{DeliveryId, EnvironmentId};
use postrider_store::{SkipOutcome, StoreError};

use crate::dispatch::Core;

impl Core {
    /// Ends the delivery where it waits, or does once its attempt that is under way is over.
    pub(crate) async fn skip(
        &self,
        environment: EnvironmentId,
        delivery: DeliveryId,
    ) -> Result<SkipOutcome, StoreError> {
        let skipped = tokio::time::timeout(SKIP_PATIENCE, self.skip_when_landed(environment, delivery));
        tokio::select! {
            () = self.stopping.cancelled() => Err(StoreError::Closed),
            skipped = skipped => skipped.unwrap_or(Ok(SkipOutcome::UnderWay)),
        }
    }

    async fn skip_when_landed(
        &self,
        environment: EnvironmentId,
        delivery: DeliveryId,
    ) -> Result<SkipOutcome, StoreError> {
        loop {
            let landed = self.landed.notified();
            tokio::pin!(landed);
            // Listens before it looks, so that no end falls in between.
            landed.as_mut().enable();
            if self.is_under_way(delivery) {
                landed.await;
            } else {
                match self.store.skip(environment, delivery).await? {
                    // It has been launched in between.
                    SkipOutcome::UnderWay => {}
                    outcome => return Ok(outcome),
                }
            }
        }
    }
}
