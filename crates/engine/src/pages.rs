//! Reading what waits in the database: at the start, and page by page as lanes have room.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postrider_store::{LanePage, LanePosition, StoreError, Waiting};
use tokio::time::Instant;

use crate::dispatch::Core;
use crate::scheduler::{PageRequest, PageRows, Ready};

/// How long the start waits to ask again what waits, after the store failed to tell.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How often it is told that what waits cannot be read, for all webhooks together: it is tried again in a moment for each.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// When it was told last that what waits cannot be read.
#[derive(Default)]
pub(crate) struct Unread(Mutex<Option<Instant>>);

impl Unread {
    /// It could not be read once more; whether to tell of it.
    fn is_due(&self) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = told.is_none_or(|at| at.elapsed() >= TOLD_EVERY);
        if is_due {
            *told = Some(Instant::now());
        }
        is_due
    }
}

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
                Err(error) if self.unread.is_due() => {
                    tracing::error!(error = %error, "cannot read what waits from before; trying again");
                }
                Err(_) => {}
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
                if self.unread.is_due() {
                    tracing::warn!(webhook.id = %webhook, error = %error, "cannot read what waits for a webhook; trying again");
                } else {
                    tracing::debug!(webhook.id = %webhook, error = %error, "cannot read what waits for a webhook; trying again");
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn that_nothing_can_be_read_is_told_once_a_minute() {
        let unread = Unread::default();
        assert_eq!([unread.is_due(), unread.is_due()], [true, false]);
        tokio::time::advance(TOLD_EVERY).await;
        assert_eq!([unread.is_due(), unread.is_due()], [true, false]);
    }
}
