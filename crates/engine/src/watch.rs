//! Who follows the events of an environment as they are accepted.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use postrider_core::EnvironmentId;
use postrider_core::event::Event;
use tokio::sync::broadcast;

/// Events that a slow watcher may lie behind before it misses some: they are held in memory for it.
const EVENTS_BEHIND: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Watchers {
    channels: RwLock<HashMap<EnvironmentId, broadcast::Sender<Arc<Event>>>>,
}

impl Watchers {
    pub(crate) fn watch(&self, environment: EnvironmentId) -> broadcast::Receiver<Arc<Event>> {
        let mut channels = self.channels.write().unwrap_or_else(PoisonError::into_inner);
        // Those whose watchers have gone are cleared away by the next who comes.
        channels.retain(|_, channel| channel.receiver_count() > 0);
        channels.entry(environment).or_insert_with(|| broadcast::Sender::new(EVENTS_BEHIND)).subscribe()
    }

    pub(crate) fn show<'a>(&self, events: impl Iterator<Item = &'a Arc<Event>>) {
        let channels = self.channels.read().unwrap_or_else(PoisonError::into_inner);
        if channels.is_empty() {
            return;
        }
        for event in events {
            if let Some(channel) = channels.get(&event.environment_id) {
                // Nobody listens any more: nobody is missed.
                drop(channel.send(event.clone()));
            }
        }
    }
}
