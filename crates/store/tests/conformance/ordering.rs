//! Rules of strict order: of the deliveries of a key that wait, the first alone can be seen.

use std::sync::Arc;

use postrider_core::delivery::{DeliveryState, DiscardReason};
use postrider_core::order::OrderBy;
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{Sending, Webhook};
use postrider_core::{DeliveryId, EnvironmentId};
use postrider_store::{NewWebhook, ResendOutcome, SkipOutcome, WebhookPatch};

use crate::world::{Accepted, World, answered, failed, ours};

fn by(order_by: Option<OrderBy>) -> Sending {
    Sending { order_by, retry: RetryPolicy::Delays(vec![5].try_into().unwrap()), ..Sending::default() }
}

async fn ordered(world: &World) -> (EnvironmentId, Arc<Webhook>) {
    let environment = world.environment("Production").await;
    let sending = by(Some(OrderBy::Tenant));
    (environment, world.webhook_like(NewWebhook { sending, ..World::new_webhook(environment) }).await)
}

async fn accept(world: &World, webhook: &Webhook, tenant: &str) -> Accepted {
    let webhook = world.known(webhook.id);
    let event = world.event(webhook.environment_id, "order.made", Some(tenant));
    world.accept_event(event, std::slice::from_ref(&webhook)).await
}

/// What the engine would find in the database.
async fn seen(world: &World, webhook: &Webhook) -> Vec<DeliveryId> {
    let page = world.store().page_lane(webhook.id, world.now(), None, 100).await.unwrap();
    assert_eq!(page.next_due.filter(|at| *at > world.now() + std::time::Duration::from_hours(1)), None);
    page.waiting.iter().map(|waiting| waiting.delivery.id).collect()
}

/// What the engine was told to send in turn so far.
fn told(world: &World) -> Vec<DeliveryId> {
    world.commits.collect(|commit| commit.in_turn.iter().map(|waiting| waiting.delivery.id).collect())
}

fn id(accepted: &Accepted) -> DeliveryId {
    accepted.deliveries[0]
}

async fn is_behind(world: &World, accepted: &Accepted) -> bool {
    world.state(accepted.event.environment_id, id(accepted)).await == DeliveryState::Behind
}

pub(crate) async fn the_next_of_a_key_goes_when_the_first_has_ended(mut world: World) {
    let (environment, webhook) = ordered(&world).await;
    let (first, other) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "b").await);
    let (second, third) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "a").await);
    assert_eq!(seen(&world, &webhook).await, [id(&first), id(&other)]);
    assert_eq!(told(&world), [id(&first), id(&other)]);
    // Neither a fault of ours nor a failure with retries left is an end.
    world.settle(&first.event, id(&first), ours()).await;
    world.settle(&first.event, id(&first), answered(500)).await;
    assert_eq!(seen(&world, &webhook).await, [id(&other)]);
    world.reopen();
    assert_eq!(world.store().lanes_with_work().await.unwrap(), [(webhook.id, other.event.accepted_at)]);
    world.settle(&other.event, id(&other), answered(200)).await;
    assert!(is_behind(&world, &second).await && is_behind(&world, &third).await);

    // A failure without is.
    world.settle(&first.event, id(&first), failed()).await;
    assert_eq!(seen(&world, &webhook).await, [id(&second)]);
    assert!(is_behind(&world, &third).await);
    let row = world.row(environment, id(&second)).await;
    assert_eq!(row.delivery.state, DeliveryState::Pending { due_at: world.now(), fault: None });
    world.settle(&second.event, id(&second), answered(200)).await;
    assert_eq!(told(&world), [id(&first), id(&other), id(&second), id(&third)]);
    world.settle(&third.event, id(&third), answered(200)).await;
    assert_eq!(world.store().lanes_with_work().await.unwrap(), []);
    let last = accept(&world, &webhook, "a").await;
    assert_eq!(seen(&world, &webhook).await, [id(&last)]);
}

pub(crate) async fn a_key_outlives_the_setting_it_was_made_under(world: World) {
    let (environment, webhook) = ordered(&world).await;
    let (first, second) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "a").await);
    let patch = WebhookPatch { sending: Some(by(None)), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap();
    let free = accept(&world, &webhook, "a").await;
    assert_eq!(seen(&world, &webhook).await, [id(&first), id(&free)]);
    world.settle(&first.event, id(&first), answered(200)).await;
    assert_eq!(seen(&world, &webhook).await.len(), 2);
    assert!(!is_behind(&world, &second).await);
}

pub(crate) async fn a_person_can_skip_whatever_waits(world: World) {
    let (environment, webhook) = ordered(&world).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        all.push(accept(&world, &webhook, "a").await);
    }
    let skip = |accepted: &Accepted| world.store().skip(environment, id(accepted));
    let skipped = DeliveryState::Discarded { at: world.now(), reason: DiscardReason::Skipped };
    assert_eq!(skip(&all[1]).await.unwrap(), SkipOutcome::Skipped);
    assert_eq!(seen(&world, &webhook).await, [id(&all[0])]);
    assert_eq!(skip(&all[0]).await.unwrap(), SkipOutcome::Skipped);
    assert_eq!(seen(&world, &webhook).await, [id(&all[2])]);
    assert_eq!(world.state(environment, id(&all[0])).await, skipped);
    assert_eq!(skip(&all[0]).await.unwrap(), SkipOutcome::Ended);
    assert_eq!(world.commits.settlements_of(id(&all[1])), [skipped]);
    // The answer to an attempt that was under way comes too late, and lets nobody go a second time.
    let row = world.row(environment, id(&all[2])).await;
    let late = world.settlement(&all[2].event, &row, &answered(200));
    assert_eq!(skip(&all[2]).await.unwrap(), SkipOutcome::Skipped);
    assert_eq!(world.record(late).await, skipped);
    assert_eq!(told(&world), [id(&all[0]), id(&all[2]), id(&all[3])]);
    assert_eq!(skip(&all[3]).await.unwrap(), SkipOutcome::Skipped);
    let elsewhere = world.environment("Elsewhere").await;
    assert_eq!(world.store().skip(elsewhere, id(&all[3])).await.unwrap(), SkipOutcome::NotFound);
}

pub(crate) async fn what_is_under_way_is_not_skipped_before_its_answer(world: World) {
    let (environment, webhook) = ordered(&world).await;
    let (first, second) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "a").await);
    world.commits.under_way([id(&first)]);
    assert_eq!(world.store().skip(environment, id(&first)).await, Ok(SkipOutcome::UnderWay));
    assert_eq!(seen(&world, &webhook).await, [id(&first)]);
    let delivered = world.settle(&first.event, id(&first), answered(200)).await;
    assert_eq!(delivered, DeliveryState::Delivered { at: world.now() });
    assert_eq!(world.store().skip(environment, id(&first)).await, Ok(SkipOutcome::Ended));
    assert_eq!(seen(&world, &webhook).await, [id(&second)]);
}

pub(crate) async fn a_resend_takes_the_place_of_what_waits_and_else_the_last(world: World) {
    let (environment, webhook) = ordered(&world).await;
    let (first, second) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "a").await);
    let resend = async |accepted: &Accepted| world.store().resend(environment, id(accepted)).await.unwrap();
    assert_eq!(resend(&second).await, ResendOutcome::Behind);
    world.settle(&first.event, id(&first), answered(500)).await;
    let ResendOutcome::Resent(again) = resend(&first).await else { panic!("it is resent") };
    assert_eq!(again.state, DeliveryState::Pending { due_at: world.now(), fault: None });
    let replaced = DeliveryState::Discarded { at: world.now(), reason: DiscardReason::Resent };
    assert_eq!(world.state(environment, id(&first)).await, replaced);
    assert_eq!(seen(&world, &webhook).await, [again.id]);
    // The first has ended by now: once more means after the others.
    let ResendOutcome::Resent(last) = resend(&first).await else { panic!("it is resent") };
    assert_eq!(last.state, DeliveryState::Behind);
    world.settle(&first.event, again.id, answered(200)).await;
    assert_eq!(seen(&world, &webhook).await, [id(&second)]);
    world.settle(&second.event, id(&second), answered(200)).await;
    assert_eq!(seen(&world, &webhook).await, [last.id]);
}

pub(crate) async fn what_follows_a_sweep_goes_on_in_order(mut world: World) {
    let (environment, webhook) = ordered(&world).await;
    let mut swept = Vec::new();
    for _ in 0..3 {
        swept.push(accept(&world, &webhook, "a").await);
    }
    for active in [false, true] {
        let patch = WebhookPatch { active: Some(active), ..WebhookPatch::default() };
        world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap();
    }
    // No time passes: its id might stand before what is being swept.
    let ResendOutcome::Resent(again) = world.store().resend(environment, id(&swept[0])).await.unwrap() else {
        panic!("it is resent")
    };
    let (fourth, fifth) = (accept(&world, &webhook, "a").await, accept(&world, &webhook, "a").await);
    // The answer to an attempt of the first is an end, and what is next is the sweep's.
    world.settle(&swept[0].event, id(&swept[0]), answered(500)).await;
    world.reopen();
    world.sweep().await;
    for accepted in &swept[1..] {
        let state = world.state(environment, id(accepted)).await;
        assert!(matches!(state, DeliveryState::Discarded { .. }), "{state:?}");
    }
    let mut rest = Vec::new();
    while let [next] = seen(&world, &webhook).await[..] {
        rest.push(next);
        world.settle(&fourth.event, next, answered(200)).await;
    }
    assert_eq!(rest, [again.id, id(&fourth), id(&fifth)]);
}
