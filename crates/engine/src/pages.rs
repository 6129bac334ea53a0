//! Reading what waits in the database: at the start, and page by page as lanes have room.

use std::sync::Arc;
use std::time::Duration;

use postrider_store::{LanePage, LanePosition, StoreError, Waiting};

use crate::dispatch::Core;
use crate::scheduler::{PageRequest, PageRows, Ready};

/// How long the start waits to ask again what waits, after the store failed to tell.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Core {
    /// Tells the scheduler which lanes have work in the database.
    pub(crate) async fn find_work(self: Arc<Self>) {
        loop {
            match self.store.lanes_with_work().await {
                Ok(lanes) => {
                    tracing::info!(lanes = lanes.len(), "found what waits from before");
                    self.act(|scheduler, now| {
                        for (webhook, due_at) in lanes {
                            scheduler.stored(webhook, due_at, now);
                        }
                    });
                    return;
                }
                Err(StoreError::Closed) => return,
                Err(error) => tracing::error!(error = %error, "cannot read what waits from before; trying again"),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(ASK_AGAIN) => {}
            }
        }
    }

    pub(crate) async fn read_page(self: Arc<Self>, request: PageRequest) {
        let webhook = request.webhook;
        let page = match self.page(request).await {
            Ok(page) => Some(PageRows {
                rows: page.waiting.into_iter().filter_map(row).collect(),
                next_due: page.next_due,
                more: page.more,
            }),
            Err(error) => {
                tracing::warn!(webhook.id = %webhook, error = %error, "cannot read what waits for a webhook; trying again");
                None
            }
        };
        self.act(|scheduler, now| scheduler.paged(webhook, page, now));
    }

    async fn page(&self, request: PageRequest) -> Result<LanePage, StoreError> {
        let PageRequest { webhook, after, by_chance, limit } = request;
        let now = self.clock.now();
        let after = match by_chance {
            Some(chance) => self.store.before_any_due(webhook, now, chance).await?,
            None => after,
        };
        self.store.page_lane(webhook, now, after, limit).await
    }
}

fn row(waiting: Waiting) -> Option<(LanePosition, Ready)> {
    // One that has ended is not waiting.
    let position = LanePosition::of(&waiting.delivery)?;
    Some((position, Ready::from(waiting)))
}
