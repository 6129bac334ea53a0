//! What is said of an event before it is accepted: by the schema of its event type, and by the filters of the webhooks that it would
//! reach.
//!
//! Owns that both are looked at once, and only where there are any. What they mean is the shape crate's. A filter that cannot tell
//! keeps the event from its own webhook, and from no other; the reason is noted with the event. What was said is counted once
//! the events are accepted: a call that is repeated or refused counts nothing.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use postrider_core::event::{ApplicationId, Event, EventNotes, Filtered, SchemaNote, TenantId, UserId};
use postrider_core::event_type::{EventType, SchemaMode};
use postrider_core::limits::{
    FILTER_NOTES, FILTER_STEPS, FILTER_STEPS_IN_A_ROW, FILTER_STEPS_PER_BATCH, FILTER_STEPS_PER_OWNER,
    SCHEMA_STEPS_AT_ONCE,
};
use postrider_core::source::Source;
use postrider_core::webhook::{Scope, Webhook};
use postrider_core::{EnvironmentId, EventId, Timestamp, WebhookId};
use postrider_shape::filter::{Facts, Filter, Subject};
use postrider_shape::schema::Schema;

use crate::dispatch::Core;
use crate::intake::{AcceptError, IncomingEvent};
use crate::shaping::PreviewError;
use crate::undecided::Undecided;

/// Bytes of a body whose reading costs as much as a step of a filter.
const BYTES_A_STEP: usize = 32;

/// What a call has taken of the processor since others last had a turn, and what it may take for each of its events.
#[derive(Debug)]
pub(crate) struct Turn {
    steps: u32,
    /// Steps that the filters of one owner may take over each event.
    per_owner: u32,
}

impl Default for Turn {
    fn default() -> Self {
        Self::over(1)
    }
}

impl Turn {
    /// Of a call with so many events. Each has as much as the others, so that none is at the cost of those before it.
    pub(crate) fn over(events: usize) -> Self {
        let events = u32::try_from(events).unwrap_or(u32::MAX).max(1);
        let per_owner = (FILTER_STEPS_PER_BATCH / events).clamp(FILTER_STEPS, FILTER_STEPS_PER_OWNER);
        Self { steps: 0, per_owner }
    }

    /// Lets others have a turn where enough was taken.
    pub(crate) async fn spend(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(u32::try_from(steps).unwrap_or(u32::MAX));
        if self.steps >= FILTER_STEPS_IN_A_ROW {
            self.steps = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// What was said of the events of a call, to be counted.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// Events that their schemas do not allow, and do not refuse.
    pub(crate) against_schema: u64,
    /// Deliveries that filters kept from being made.
    closed: u64,
    /// What filters could not decide.
    undecided: HashMap<WebhookId, (Arc<Webhook>, Undecided)>,
}

impl Said {
    fn cannot_tell(&mut self, webhook: &Arc<Webhook>, now: Timestamp, reason: &str) {
        let none = Undecided { count: 0, last_at: now, last_reason: String::new() };
        let (_, undecided) = self.undecided.entry(webhook.id).or_insert_with(|| (Arc::clone(webhook), none));
        undecided.count += 1;
        reason.clone_into(&mut undecided.last_reason);
    }
}

impl Core {
    /// Counts what was said of events that are accepted now.
    pub(crate) fn count(&self, said: Said) {
        self.meters.schema_warned.increment(said.against_schema);
        self.meters.filters_closed.increment(said.closed);
        for (webhook, undecided) in said.undecided.into_values() {
            self.meters.filters_undecided.increment(undecided.count);
            self.undecided.note(&webhook, undecided, || self.store.directory().webhook(webhook.id).is_some());
        }
    }

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
        let Some(note) = self.note(event_type.clone(), &event.body, turn).await else { return Ok(None) };
        if note.violations.is_empty() {
            return Ok(None);
        }
        if event_type.schema_mode == SchemaMode::Reject {
            return Err(AcceptError::AgainstSchema { index, key: event.key.clone(), note });
        }
        Ok(Some(note))
    }

    /// What the schema says of a body; none: it has no schema. What may take long is looked at on a thread of its own, of which there are
    /// few.
    async fn note(&self, event_type: Arc<EventType>, body: &Bytes, turn: &mut Turn) -> Option<SchemaNote> {
        let steps = match Schema::of(event_type.schema.as_ref()?) {
            Ok(schema) => schema.steps(body.len()),
            Err(error) => {
                tracing::error!(event_type.id = %event_type.id, "a stored schema cannot be read: {error}");
                return None;
            }
        };
        if steps <= SCHEMA_STEPS_AT_ONCE {
            turn.spend(body.len() / BYTES_A_STEP).await;
            return note_of(&event_type, body);
        }
        let place = Arc::clone(&self.judging).acquire_owned().await.ok()?;
        let body = body.clone();
        let noted = tokio::task::spawn_blocking(move || {
            let note = note_of(&event_type, &body);
            drop(place);
            note
        });
        noted.await.unwrap_or_else(|error| {
            tracing::error!("a schema could not be looked at: {error}");
            None
        })
    }

    /// Takes from `webhooks` those whose filters do not let the event through, and notes them.
    pub(crate) async fn filter(
        &self,
        environment_id: EnvironmentId,
        (id, now): (EventId, Timestamp),
        event: &IncomingEvent,
        webhooks: &mut Vec<Arc<Webhook>>,
        turn: &mut Turn,
        said: &mut Said,
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
        let mut budget = Budget::of_event(turn);
        let mut rest = with_filters.iter();
        while !rest.as_slice().is_empty() {
            // The tree is several times as large as the body, so it is not held while others have their turn.
            let steps = match Subject::new(&facts, &event.body) {
                Ok(subject) => {
                    event.body.len() / BYTES_A_STEP + decide(&mut rest, &subject, &mut budget, &mut kept_out)
                }
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
        // All three are in the order in which the webhooks matched.
        let mut asked = with_filters.iter();
        for (id, error) in &kept_out {
            match error {
                None => said.closed += 1,
                Some(error) => {
                    if let Some(webhook) = asked.find(|webhook| webhook.id == *id) {
                        said.cannot_tell(webhook, now, error);
                    }
                }
            }
        }
        let mut next = kept_out.iter().peekable();
        webhooks.retain(|webhook| next.next_if(|(id, _)| *id == webhook.id).is_none());
        let filtered_count = u32::try_from(kept_out.len()).unwrap_or(u32::MAX);
        kept_out.sort_by_key(|(_, error)| error.is_none());
        kept_out.truncate(FILTER_NOTES);
        let filtered = kept_out.into_iter().map(|(webhook_id, error)| Filtered { webhook_id, error }).collect();
        Some(EventNotes { filtered, filtered_count, schema: None })
    }

    /// What a filter that is tried out says of an event. None: it is no filter.
    pub(crate) async fn try_filter(
        &self,
        filter: Source,
        event: Event,
    ) -> Result<Option<Result<bool, String>>, PreviewError> {
        let decided = self.apart(move || {
            let filter = Filter::of(&filter).ok()?;
            Some(match Subject::new(&Facts::of(&event), &event.body) {
                Ok(subject) => filter.decide(&subject).verdict,
                Err(error) => Err(error.to_string()),
            })
        });
        Ok(decided.await?)
    }
}

/// Whether a webhook's filter lets an event through that was accepted before.
pub(crate) async fn lets_through(webhook: &Webhook, event: &Event, turn: &mut Turn) -> bool {
    let Some(filter) = &webhook.filter else { return true };
    let (is_let_through, steps) = match (Filter::of(filter), Subject::new(&Facts::of(event), &event.body)) {
        (Ok(filter), Ok(subject)) => {
            let decision = filter.decide(&subject);
            (decision.verdict == Ok(true), event.body.len() / BYTES_A_STEP + decision.steps as usize)
        }
        _ => (false, 0),
    };
    turn.spend(steps).await;
    is_let_through
}

fn note_of(event_type: &EventType, body: &[u8]) -> Option<SchemaNote> {
    let schema = Schema::of(event_type.schema.as_ref()?).ok()?;
    Some(SchemaNote { version: event_type.schema_version, violations: schema.violations(body) })
}

type KeptOut = (WebhookId, Option<String>);

/// The steps that filters have taken over an event, by whose webhooks they are of: no tenant's filters are at the cost of the environment's,
/// or the other way round.
#[derive(Debug)]
struct Budget {
    per_owner: u32,
    environment: u32,
    tenant: u32,
}

impl Budget {
    fn of_event(turn: &Turn) -> Self {
        Self { per_owner: turn.per_owner, environment: 0, tenant: 0 }
    }

    fn of(&mut self, scope: &Scope) -> &mut u32 {
        match scope.tenant() {
            None => &mut self.environment,
            // An event is of one tenant.
            Some(_) => &mut self.tenant,
        }
    }
}

/// Asks filters until they have taken enough steps. Returns how many.
fn decide(
    webhooks: &mut std::slice::Iter<'_, Arc<Webhook>>,
    subject: &Subject<'_>,
    budget: &mut Budget,
    kept_out: &mut Vec<KeptOut>,
) -> usize {
    let mut steps = 0;
    for webhook in webhooks.by_ref() {
        let Some(filter) = &webhook.filter else { continue };
        let per_owner = budget.per_owner;
        let taken = budget.of(&webhook.scope);
        let verdict = match Filter::of(filter) {
            _ if *taken >= per_owner => Err(out_of_steps(&webhook.scope, per_owner)),
            Ok(filter) => {
                let decision = filter.decide(subject);
                steps += decision.steps as usize;
                *taken = taken.saturating_add(decision.steps);
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

fn out_of_steps(scope: &Scope, per_owner: u32) -> String {
    let whose = if scope.tenant().is_some() { "the tenant" } else { "the environment" };
    let of_batch =
        if per_owner < FILTER_STEPS_PER_OWNER { ", as many as each event of so large a batch has" } else { "" };
    format!("the filters of {whose} that were asked before took more than {per_owner} steps over this event{of_batch}")
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use postrider_core::limits::BATCH_EVENTS;

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

    #[test]
    fn the_events_of_a_batch_share_its_steps_and_one_filter_can_always_be_asked() {
        assert_eq!(Turn::over(1).per_owner, FILTER_STEPS_PER_OWNER);
        assert_eq!(Turn::over(100).per_owner, FILTER_STEPS_PER_OWNER);
        assert_eq!(Turn::over(200).per_owner, FILTER_STEPS_PER_OWNER / 2);
        assert_eq!(Turn::over(BATCH_EVENTS).per_owner, FILTER_STEPS);
    }
}
