//! What is said of an event before it is accepted: by the schema of its event type, and by the filters of the webhooks that it would
//! reach.
//!
//! Owns that both are looked at once, and only where there are any. What they mean is the shape crate's. A filter that cannot tell
//! keeps the event from its own webhook, and from no other; the reason is noted with the event.

use std::sync::Arc;

use postrider_core::event::{ApplicationId, Event, EventNotes, Filtered, SchemaNote, TenantId, UserId};
use postrider_core::event_type::{EventType, SchemaMode};
use postrider_core::limits::{FILTER_NOTES, FILTER_STEPS_IN_A_ROW};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, EventId, Timestamp};
use postrider_shape::filter::{Facts, Filter, Subject};
use postrider_shape::schema::Schema;

use crate::dispatch::Core;
use crate::intake::{AcceptError, IncomingEvent};

/// Bytes of a body whose reading costs as much as a step of a filter.
const BYTES_A_STEP: usize = 32;

/// What a call has taken of the processor since others last had a turn.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    steps: u32,
}

impl Turn {
    /// Lets others have a turn where enough was taken.
    pub(crate) async fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.steps >= FILTER_STEPS_IN_A_ROW {
            self.steps = 0;
            tokio::task::yield_now().await;
        }
    }
}

impl Core {
    /// Holds an event against the schema of its event type, where it is to be. `index`: its place in the call.
    pub(crate) async fn against_schema(
        &self,
        environment: EnvironmentId,
        event: &IncomingEvent,
        index: usize,
        turn: &mut Turn,
    ) -> Result<Option<SchemaNote>, AcceptError> {
        let Some(event_type) = self.store.directory().checking_event_type(environment, &event.key) else {
            return Ok(None);
        };
        let Some(note) = note_of(&event_type, &event.body) else { return Ok(None) };
        turn.spend(event.body.len() / BYTES_A_STEP).await;
        if note.violations.is_empty() {
            return Ok(None);
        }
        if event_type.schema_mode == SchemaMode::Reject {
            self.meters.schema_rejected.increment(1);
            return Err(AcceptError::AgainstSchema { index, key: event.key.clone(), note });
        }
        self.meters.schema_warned.increment(1);
        Ok(Some(note))
    }

    /// Takes from `webhooks` those whose filters do not let the event through, and notes them.
    pub(crate) async fn filter(
        &self,
        environment_id: EnvironmentId,
        id: EventId,
        event: &IncomingEvent,
        now: Timestamp,
        webhooks: &mut Vec<Arc<Webhook>>,
        turn: &mut Turn,
    ) -> Option<EventNotes> {
        let with_filters: Vec<_> = webhooks.iter().filter(|webhook| webhook.filter.is_some()).cloned().collect();
        if with_filters.is_empty() {
            return None;
        }
        let facts = Facts {
            id,
            key: &event.key,
            environment_id,
            tenant_id: event.tenant_id.as_ref().map(TenantId::as_str),
            user_id: event.user_id.as_ref().map(UserId::as_str),
            application_id: event.application_id.as_ref().map(ApplicationId::as_str),
            occurred_at: event.occurred_at,
            accepted_at: now,
        };
        let mut kept_out = Vec::new();
        let mut rest = with_filters.iter();
        while !rest.as_slice().is_empty() {
            // The tree is several times as large as the body, so it is not held while others have their turn.
            let steps = match Subject::new(&facts, &event.body) {
                Ok(subject) => event.body.len() / BYTES_A_STEP + decide(&mut rest, &subject, &mut kept_out),
                Err(error) => {
                    kept_out.extend(rest.by_ref().map(|webhook| (webhook.id, Some(error.to_string()))));
                    0
                }
            };
            turn.spend(steps).await;
        }
        if kept_out.is_empty() {
            return None;
        }
        let errors = kept_out.iter().filter(|(_, error)| error.is_some()).count();
        self.meters.filters_undecided.increment(errors as u64);
        self.meters.filters_closed.increment((kept_out.len() - errors) as u64);
        // Both are in the order in which the webhooks matched.
        let mut next = kept_out.iter().peekable();
        webhooks.retain(|webhook| next.next_if(|(id, _)| *id == webhook.id).is_none());
        let filtered_count = u32::try_from(kept_out.len()).unwrap_or(u32::MAX);
        kept_out.sort_by_key(|(_, error)| error.is_none());
        kept_out.truncate(FILTER_NOTES);
        let filtered = kept_out.into_iter().map(|(webhook_id, error)| Filtered { webhook_id, error }).collect();
        Some(EventNotes { filtered, filtered_count, schema: None })
    }
}

/// Whether a webhook's filter lets an event through that was accepted before.
pub(crate) async fn lets_through(webhook: &Webhook, event: &Event, turn: &mut Turn) -> bool {
    let Some(filter) = &webhook.filter else { return true };
    let facts = Facts {
        id: event.id,
        key: &event.key,
        environment_id: event.environment_id,
        tenant_id: event.tenant_id.as_ref().map(TenantId::as_str),
        user_id: event.user_id.as_ref().map(UserId::as_str),
        application_id: event.application_id.as_ref().map(ApplicationId::as_str),
        occurred_at: event.occurred_at,
        accepted_at: event.accepted_at,
    };
    let (is_let_through, steps) = match (Filter::of(filter), Subject::new(&facts, &event.body)) {
        (Ok(filter), Ok(subject)) => {
            let decision = filter.decide(&subject);
            (decision.verdict == Ok(true), event.body.len() / BYTES_A_STEP + decision.steps as usize)
        }
        _ => (false, 0),
    };
    turn.spend(steps).await;
    is_let_through
}

/// What the schema says of a body; none: it has no schema.
fn note_of(event_type: &EventType, body: &[u8]) -> Option<SchemaNote> {
    let violations = match Schema::of(event_type.schema.as_ref()?) {
        Ok(schema) => schema.violations(body),
        Err(error) => {
            tracing::error!(event_type.id = %event_type.id, "a stored schema cannot be read: {error}");
            Vec::new()
        }
    };
    Some(SchemaNote { version: event_type.schema_version, violations })
}

type KeptOut = (postrider_core::WebhookId, Option<String>);

/// Asks filters until they have taken enough steps. Returns how many.
fn decide(
    webhooks: &mut std::slice::Iter<'_, Arc<Webhook>>,
    subject: &Subject<'_>,
    kept_out: &mut Vec<KeptOut>,
) -> usize {
    let mut steps = 0;
    for webhook in webhooks.by_ref() {
        let Some(filter) = &webhook.filter else { continue };
        let verdict = match Filter::of(filter) {
            Ok(filter) => {
                let decision = filter.decide(subject);
                steps += decision.steps as usize;
                decision.verdict
            }
            Err(error) => Err(format!("the filter {error}")),
        };
        match verdict {
            Ok(true) => {}
            Ok(false) => kept_out.push((webhook.id, None)),
            Err(reason) => kept_out.push((webhook.id, Some(reason))),
        }
        if steps >= FILTER_STEPS_IN_A_ROW as usize {
            break;
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn others_have_a_turn_after_so_many_steps() {
        let mut turn = Turn::default();
        let is_ready =
            |turn: &mut Turn, steps| pin!(turn.spend(steps)).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(is_ready(&mut turn, FILTER_STEPS_IN_A_ROW as usize - 1));
        assert!(!is_ready(&mut turn, 1));
        assert!(is_ready(&mut turn, 1), "it is counted anew");
    }
}
