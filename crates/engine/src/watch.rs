//! Who follows what happens in an environment as it is committed: events, deliveries, jobs.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use postrider_core::job::Job;
use postrider_core::{DeliveryId, EnvironmentId, WebhookId};
use tokio::sync::broadcast;

/// Messages that a slow watcher may lie behind before it misses some: they are held in memory for it.
const BEHIND: usize = 64;

/// Something has changed.
#[derive(Debug, Clone)]
pub enum Change {
    /// These deliveries were made or have changed; of an environment that is not known any more, they can be another's.
    Deliveries(Arc<[(DeliveryId, WebhookId)]>),
    /// This job was started or has changed.
    Job(Arc<Job>),
}

/// Watchers by environment.
#[derive(Debug)]
pub(crate) struct Watchers<T> {
    channels: RwLock<HashMap<EnvironmentId, broadcast::Sender<T>>>,
}

impl<T> Default for Watchers<T> {
    fn default() -> Self {
        Self { channels: RwLock::default() }
    }
}

impl<T: Clone> Watchers<T> {
    pub(crate) fn watch(&self, environment: EnvironmentId) -> broadcast::Receiver<T> {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        // Those whose watchers have gone are cleared away by the next who comes.
        channels.retain(|_, channel| channel.receiver_count() > 0);
        channels.entry(environment).or_insert_with(|| broadcast::Sender::new(BEHIND)).subscribe()
    }

    /// Whether nobody watches: then there is nothing to gather.
    pub(crate) fn is_empty(&self) -> bool {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        channels.values().all(|channel| channel.receiver_count() == 0)
    }

    pub(crate) fn show(&self, news: impl Iterator<Item = (EnvironmentId, T)>) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if channels.is_empty() {
            return;
        }
        for (environment, news) in news {
            if let Some(channel) = channels.get(&environment) {
                // Nobody listens any more: nobody is missed.
                drop(channel.send(news));
            }
        }
    }
}
