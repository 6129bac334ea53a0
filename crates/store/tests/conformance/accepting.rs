//! Rules of accepting events.

use std::time::Duration;

use postrider_core::delivery::{DeliveryState, DiscardReason};
use postrider_core::event::{EventNotes, Filtered, SchemaNote, Violation};
use postrider_core::limits::IDEMPOTENCY_KEPT;
use postrider_core::{EnvironmentId, Timestamp};
use postrider_store::{AcceptOutcome, EventFilter, Idempotency, NewEvent, PageRequest, StoreError, WebhookPatch};
use uuid::Uuid;

use crate::world::World;

fn key(environment_id: EnvironmentId, key: &str, body: u8) -> Idempotency {
    Idempotency { environment_id, key: key.into(), body_hash: [body; 32] }
}

async fn count(world: &World, environment: EnvironmentId) -> usize {
    let page = PageRequest { limit: 250, before: None };
    world.store().events(environment, EventFilter::default(), page).await.unwrap().rows.len()
}

pub(crate) async fn accepted_events_survive_without_closing(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let matched = world.accept(std::slice::from_ref(&webhook)).await;
    let unmatched = world.accept_event(world.event(environment, "nobody.cares", Some("t1")), &[]).await;
    world.reopen();
    for accepted in [&matched, &unmatched] {
        let event = world.store().event(environment, accepted.event.id).await.unwrap().expect("accepted means durable");
        assert_eq!(event.body, accepted.event.body);
        assert_eq!((event.key, event.tenant_id), (accepted.event.key.clone(), accepted.event.tenant_id.clone()));
        assert_eq!(event.accepted_at, accepted.event.accepted_at);
    }
    let row = world.row(environment, matched.deliveries[0]).await;
    let due_at = matched.event.accepted_at;
    assert_eq!(row.delivery.state, DeliveryState::Pending { due_at, fault: None });
    assert_eq!((row.delivery.webhook_id, row.delivery.event_id), (webhook.id, matched.event.id));
}

pub(crate) async fn what_is_noted_of_an_event_stays_and_goes_with_it(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let violation = Violation { at: "/order".into(), message: "is wrong".into() };
    let notes = EventNotes {
        filtered: vec![Filtered { webhook_id: webhook.id, error: Some("the event has no user".into()) }],
        filtered_count: 1,
        schema: Some(SchemaNote { version: 3, violations: vec![violation] }),
    };
    let mut new = world.for_webhooks(world.event(environment, "order.made", None), &[]);
    new.notes = Some(notes.clone());
    let (told, plain) = (new.event.id, world.accept(&[webhook]).await.event.id);
    world.accept_batch(vec![new], None).await.unwrap();
    world.reopen();
    assert_eq!(world.store().event_notes(environment, told).await, Ok(Some(notes)));
    assert_eq!(world.store().event_notes(environment, plain).await, Ok(None));
    let elsewhere = world.environment("Development").await;
    assert_eq!(world.store().event_notes(elsewhere, told).await, Ok(None));
    let before = world.advance(Duration::from_hours(24));
    world.expire(before).await;
    assert_eq!(world.store().event_notes(environment, told).await, Ok(None));
}

pub(crate) async fn a_failing_command_fails_alone_and_wholly(mut world: World) {
    let environment = world.environment("Production").await;
    let webhooks = [world.webhook(environment).await];
    let taken = world.accept(&webhooks).await;
    world.reopen_unstarted();
    let fresh = || world.for_webhooks(world.event(environment, "order.made", None), &webhooks);
    let (first, second, third) = (fresh(), fresh(), fresh());
    let (first_id, second_id, third_id) = (first.event.id, second.event.id, third.event.id);
    // An id that is taken is a defect of the caller; the event before it in the batch must not stay.
    let again = NewEvent { event: taken.event.clone(), deliveries: Vec::new(), notes: None };
    let mut nowhere = world.event(environment, "order.made", None);
    nowhere.environment_id = EnvironmentId::from_uuid(Uuid::nil());
    let nowhere = world.for_webhooks(nowhere, &[]);
    let commands = async {
        tokio::join!(
            world.accept_batch(vec![first], None),
            world.accept_batch(vec![second, again], None),
            world.accept_batch(vec![nowhere], None),
            world.accept_batch(vec![third], None),
            async { world.start() },
        )
    };
    let (good, bad, lost, good_too, ()) = commands.await;
    assert_eq!(good, Ok(AcceptOutcome::Accepted(vec![(first_id, 1)])));
    assert!(matches!(bad, Err(StoreError::Defect(_))), "{bad:?}");
    assert_eq!(lost, Err(StoreError::NoSuchEnvironment));
    assert_eq!(good_too, Ok(AcceptOutcome::Accepted(vec![(third_id, 1)])));
    assert!(world.store().event(environment, second_id).await.unwrap().is_none());
    assert_eq!(count(&world, environment).await, 3);
    let told = world.commits.collect(|c| c.accepted.iter().map(|a| a.event.id).collect());
    assert_eq!(told, [taken.event.id, first_id, third_id], "each event is told of once");
}

pub(crate) async fn a_repeated_key_gives_the_first_receipt_and_writes_nothing(mut world: World) {
    let environment = world.environment("Production").await;
    let other = world.environment("Development").await;
    let webhooks = [world.webhook(environment).await];
    let batch = || {
        let event = |w: &[_]| world.for_webhooks(world.event(environment, "order.made", None), w);
        vec![event(&webhooks), event(&[])]
    };
    let first = world.accept_batch(batch(), Some(key(environment, "k", 1))).await.unwrap();
    let AcceptOutcome::Accepted(receipt) = first else { panic!("{first:?}") };
    assert_eq!(receipt.iter().map(|r| r.1).collect::<Vec<_>>(), [1, 0]);
    let again = batch();
    let elsewhere = vec![world.for_webhooks(world.event(other, "order.made", None), &[])];
    world.reopen();
    let second = world.accept_batch(again, Some(key(environment, "k", 1))).await.unwrap();
    assert_eq!(second, AcceptOutcome::Repeated(receipt));
    assert_eq!(count(&world, environment).await, 2);
    let elsewhere = world.accept_batch(elsewhere, Some(key(other, "k", 1))).await.unwrap();
    assert!(matches!(elsewhere, AcceptOutcome::Accepted(_)), "keys are an environment's own");
}

pub(crate) async fn twins_in_one_group_are_accepted_once(mut world: World) {
    let environment = world.environment("Production").await;
    world.reopen_unstarted();
    let batch = || vec![world.for_webhooks(world.event(environment, "order.made", None), &[])];
    let (one, two, ()) = tokio::join!(
        world.accept_batch(batch(), Some(key(environment, "k", 1))),
        world.accept_batch(batch(), Some(key(environment, "k", 1))),
        async { world.start() },
    );
    let AcceptOutcome::Accepted(receipt) = one.unwrap() else { panic!("the first is accepted") };
    assert_eq!(two, Ok(AcceptOutcome::Repeated(receipt)));
    assert_eq!(count(&world, environment).await, 1);
}

pub(crate) async fn a_key_with_another_body_is_refused_and_forgotten_after_a_day(world: World) {
    let environment = world.environment("Production").await;
    let batch = || vec![world.for_webhooks(world.event(environment, "order.made", None), &[])];
    world.accept_batch(batch(), Some(key(environment, "k", 1))).await.unwrap();
    assert_eq!(world.accept_batch(batch(), Some(key(environment, "k", 2))).await, Ok(AcceptOutcome::KeyReused));
    world.advance(IDEMPOTENCY_KEPT);
    let later = world.accept_batch(batch(), Some(key(environment, "k", 2))).await.unwrap();
    assert!(matches!(later, AcceptOutcome::Accepted(_)), "{later:?}");
    assert_eq!(count(&world, environment).await, 2);
}

pub(crate) async fn a_webhook_switched_off_before_the_commit_discards_at_birth(world: World) {
    let environment = world.environment("Production").await;
    let (disabled, deleted, active) =
        (world.webhook(environment).await, world.webhook(environment).await, world.webhook(environment).await);
    // The event matched all three as they were.
    let matched = [disabled.clone(), deleted.clone(), active.clone()];
    let off = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, disabled.id, off).await.unwrap().expect("it is there");
    world.store().delete_webhook(environment, deleted.id).await.unwrap();
    let accepted = world.accept(&matched).await;
    let reason = async |n: usize| match world.state(environment, accepted.deliveries[n]).await {
        DeliveryState::Discarded { reason, .. } => Some(reason),
        _ => None,
    };
    assert_eq!(reason(0).await, Some(DiscardReason::WebhookDisabled));
    assert_eq!(reason(1).await, Some(DiscardReason::WebhookDeleted));
    assert_eq!(reason(2).await, None);
    let told = world.commits.collect(|c| c.accepted.iter().map(|a| (a.waiting.clone(), a.deliveries)).collect());
    assert_eq!(told, [(vec![(accepted.deliveries[2], active.id, None)], 3)]);
}

pub(crate) async fn only_deliveries_that_could_wait_count_as_invocations(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    world.accept(&webhooks).await;
    let again = world.accept(&webhooks).await;
    world.store().resend(environment, again.deliveries[0]).await.unwrap();
    let off = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, webhook.id, off).await.unwrap();
    world.accept(&webhooks).await;
    let invocations = |world: &World| {
        let directory = world.store().directory();
        directory.webhook_in(environment, &webhook.scope, webhook.id).expect("it is there").invocations
    };
    assert_eq!(invocations(&world), 2);
    world.reopen();
    assert_eq!(invocations(&world), 2);
}

pub(crate) async fn a_closed_store_answers_so(mut world: World) {
    let environment = world.environment("Production").await;
    let accepted = world.accept_event(world.event(environment, "order.made", None), &[]).await;
    world.store().close().await;
    assert_eq!(world.accept_batch(Vec::new(), None).await, Err(StoreError::Closed));
    let read = world.store().event(environment, accepted.event.id).await;
    assert!(matches!(read, Err(StoreError::Closed)), "{read:?}");
    world.reopen();
    let event = world.store().event(environment, accepted.event.id).await.unwrap().expect("it was accepted");
    assert!(event.accepted_at > Timestamp::default() + Duration::from_secs(1));
}
