//! Rules of disabling and deleting webhooks, and of what waits for them; and of resending.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::EnvironmentId;
use postrider_core::delivery::{DeliveryState, DiscardReason, Origin};
use postrider_core::webhook::Webhook;
use postrider_store::{Found, ResendOutcome, WebhookPatch};

use crate::world::{Accepted, World, answered};

async fn switch(world: &World, webhook: &Arc<Webhook>, active: bool) -> Arc<Webhook> {
    let patch = WebhookPatch { active: Some(active), ..WebhookPatch::default() };
    let changed = world.store().update_webhook(webhook.environment_id, None, webhook.id, patch).await;
    changed.unwrap().expect("the webhook is there")
}

fn discarded(world: &World, reason: DiscardReason) -> DeliveryState {
    DeliveryState::Discarded { at: world.now(), reason }
}

async fn lane(world: &World, webhook: &Webhook) -> usize {
    world.store().page_lane(webhook.id, world.now(), None, 10_000).await.unwrap().waiting.len()
}

pub(crate) async fn disabling_discards_what_waits_and_enabling_revives_nothing(mut world: World) {
    let environment = world.environment("Production").await;
    let (webhook, other) = (world.webhook(environment).await, world.webhook(environment).await);
    let both = [webhook.clone(), other.clone()];
    let mut accepted = Vec::new();
    // More than one bite.
    for _ in 0..600 {
        accepted.push(world.for_webhooks(world.event(environment, "order.made", None), &both));
    }
    let ids: Vec<_> = accepted.iter().map(|new| new.deliveries[0].id).collect();
    world.accept_batch(accepted, None).await.unwrap();
    switch(&world, &webhook, false).await;
    assert_eq!(lane(&world, &webhook).await, 0, "what is on its way out is not work");
    world.store().sweep_bite().await.unwrap();
    world.reopen();
    assert!(switch(&world, &webhook, true).await.status.is_active());
    assert_eq!(lane(&world, &webhook).await, 0, "nor is it after enabling");
    world.sweep().await;
    for id in ids {
        assert_eq!(world.state(environment, id).await, discarded(&world, DiscardReason::WebhookDisabled));
    }
    assert_eq!(lane(&world, &other).await, 600);
}

pub(crate) async fn what_came_after_enabling_is_not_swept(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let (old, flying) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    switch(&world, &webhook, false).await;
    world.advance(Duration::from_secs(1));
    switch(&world, &webhook, true).await;
    let new = world.accept(&webhooks).await;
    world.reopen();
    assert_eq!(lane(&world, &webhook).await, 1);
    // What was in flight all along and fails now would wait again, behind the sweep.
    let state = world.settle(&flying.event, flying.deliveries[0], answered(500)).await;
    assert_eq!(state, discarded(&world, DiscardReason::WebhookDisabled));
    world.sweep().await;
    assert_eq!(world.state(environment, old.deliveries[0]).await, discarded(&world, DiscardReason::WebhookDisabled));
    let due_at = new.event.accepted_at;
    assert_eq!(world.state(environment, new.deliveries[0]).await, DeliveryState::Pending { due_at, fault: None });
    let state = world.settle(&new.event, new.deliveries[0], answered(500)).await;
    assert!(matches!(state, DeliveryState::Retrying { .. }), "the sweep is over: {state:?}");
}

pub(crate) async fn a_retry_for_a_webhook_that_is_off_is_discarded(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let (fails, succeeds) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    switch(&world, &webhook, false).await;
    let state = world.settle(&fails.event, fails.deliveries[0], answered(500)).await;
    assert_eq!(state, discarded(&world, DiscardReason::WebhookDisabled));
    let attempts = world.store().attempts(environment, fails.deliveries[0]).await.unwrap();
    assert_eq!(attempts.len(), 1, "what was tried is shown");
    let state = world.settle(&succeeds.event, succeeds.deliveries[0], answered(200)).await;
    assert_eq!(state, DeliveryState::Delivered { at: world.now() }, "what arrived has arrived");
    world.sweep().await;
    assert_eq!(world.state(environment, succeeds.deliveries[0]).await, state);
}

pub(crate) async fn what_is_under_way_ends_by_its_answer(world: World) {
    let environment = world.environment("Production").await;
    for is_deleted in [false, true] {
        let webhook = world.webhook(environment).await;
        let webhooks = [webhook.clone()];
        let (taken, refused) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
        let waits = world.accept(&webhooks).await;
        let id = |accepted: &Accepted| accepted.deliveries[0];
        world.commits.under_way([id(&taken), id(&refused)]);
        let reason = if is_deleted {
            assert_eq!(world.store().delete_webhook(environment, webhook.id).await, Ok(Found::Yes));
            DiscardReason::WebhookDeleted
        } else {
            switch(&world, &webhook, false).await;
            DiscardReason::WebhookDisabled
        };
        world.sweep().await;
        assert_eq!(world.state(environment, id(&waits)).await, discarded(&world, reason));
        for accepted in [&taken, &refused] {
            assert!(!world.state(environment, id(accepted)).await.is_final(), "its answer may be a good one");
        }
        let delivered = world.settle(&taken.event, id(&taken), answered(200)).await;
        assert_eq!(delivered, DeliveryState::Delivered { at: world.now() });
        assert_eq!(world.settle(&refused.event, id(&refused), answered(500)).await, discarded(&world, reason));
        world.commits.under_way([]);
        world.sweep().await;
        assert_eq!(world.state(environment, id(&taken)).await, delivered);
        for accepted in [&taken, &refused, &waits] {
            assert_eq!(world.commits.ends_of(id(accepted)).len(), 1);
        }
    }
}

pub(crate) async fn what_was_under_way_is_not_sent_again_after_enabling(mut world: World) {
    let environment = world.environment("Production").await;
    let (webhook, other) = (world.webhook(environment).await, world.webhook(environment).await);
    let flying = world.accept(std::slice::from_ref(&webhook)).await;
    let waits = world.accept(std::slice::from_ref(&other)).await;
    world.commits.under_way([flying.deliveries[0]]);
    switch(&world, &webhook, false).await;
    world.sweep().await;
    world.advance(Duration::from_secs(1));
    switch(&world, &webhook, true).await;
    let new = world.accept(std::slice::from_ref(&webhook)).await;
    world.sweep().await;
    assert_eq!(lane(&world, &webhook).await, 1, "the new one alone");
    // Whom one sweep leaves something to keeps no other waiting.
    switch(&world, &other, false).await;
    world.sweep().await;
    assert_eq!(world.state(environment, waits.deliveries[0]).await, discarded(&world, DiscardReason::WebhookDisabled));
    let state = world.settle(&flying.event, flying.deliveries[0], answered(500)).await;
    assert_eq!(state, discarded(&world, DiscardReason::WebhookDisabled));
    world.commits.under_way([]);
    world.sweep().await;
    world.reopen();
    let state = world.settle(&new.event, new.deliveries[0], answered(500)).await;
    assert!(matches!(state, DeliveryState::Retrying { .. }), "the sweep is over: {state:?}");
}

pub(crate) async fn what_was_under_way_and_came_to_nothing_is_swept(mut world: World) {
    let environment = world.environment("Production").await;
    for crashes in [false, true] {
        let webhook = world.webhook(environment).await;
        let webhooks = [webhook.clone()];
        // More than one bite, and the first of it is under way.
        let accepted: Vec<_> =
            (0..600).map(|_| world.for_webhooks(world.event(environment, "order.made", None), &webhooks)).collect();
        let ids: Vec<_> = accepted.iter().map(|new| new.deliveries[0].id).collect();
        world.accept_batch(accepted, None).await.unwrap();
        world.commits.under_way([ids[0]]);
        switch(&world, &webhook, false).await;
        world.store().sweep_bite().await.unwrap();
        if crashes {
            world.commits.under_way([]);
            world.reopen();
        } else {
            world.sweep().await;
            assert!(!world.state(environment, ids[0]).await.is_final());
            world.commits.under_way([]);
        }
        world.sweep().await;
        for id in ids {
            assert_eq!(world.state(environment, id).await, discarded(&world, DiscardReason::WebhookDisabled));
        }
        assert_eq!(world.store().waiting_for(webhook.id).await, Ok(0));
    }
}

pub(crate) async fn deleting_discards_and_the_log_stays(mut world: World) {
    let environment = world.environment("Production").await;
    let elsewhere = world.environment("Development").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let (sent, waits) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    world.settle(&sent.event, sent.deliveries[0], answered(200)).await;
    assert_eq!(world.store().delete_webhook(elsewhere, webhook.id).await, Ok(Found::No));
    assert_eq!(world.store().delete_webhook(environment, webhook.id).await, Ok(Found::Yes));
    assert_eq!(world.store().delete_webhook(environment, webhook.id).await, Ok(Found::No));
    assert!(world.store().directory().webhook(webhook.id).is_none());
    let patch = WebhookPatch { active: Some(true), ..WebhookPatch::default() };
    assert!(world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().is_none());
    world.reopen();
    assert!(world.store().directory().webhook(webhook.id).is_none());
    assert!(world.store().lanes_with_work().await.unwrap().is_empty());
    world.sweep().await;
    let state = discarded(&world, DiscardReason::WebhookDeleted);
    assert_eq!(world.state(environment, waits.deliveries[0]).await, state);
    let log = world.store().log(environment, webhook.id, 0, 10).await.unwrap();
    assert_eq!((log.count, log.rows.len()), (1, 1));
    assert_eq!((log.rows[0].webhook_id, log.rows[0].event_id), (webhook.id, sent.event.id));
}

async fn resend(world: &World, environment: EnvironmentId, n: &Accepted) -> ResendOutcome {
    world.store().resend(environment, n.deliveries[0]).await.unwrap()
}

pub(crate) async fn a_resend_is_a_new_delivery_and_needs_an_active_webhook(mut world: World) {
    let environment = world.environment("Production").await;
    let elsewhere = world.environment("Development").await;
    let webhook = world.webhook(environment).await;
    let event = world.event(environment, "order.made", Some("t1"));
    let accepted = world.accept_event(event, std::slice::from_ref(&webhook)).await;
    let ended = world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    world.advance(Duration::from_mins(1));
    assert_eq!(resend(&world, elsewhere, &accepted).await, ResendOutcome::NotFound);
    let ResendOutcome::Resent(delivery) = resend(&world, environment, &accepted).await else { panic!("it is resent") };
    assert_eq!((delivery.origin, delivery.resend_of), (Origin::Resend, Some(accepted.deliveries[0])));
    assert_eq!(delivery.state, DeliveryState::Pending { due_at: world.now(), fault: None });
    let told = world.commits.collect(|c| c.resent.iter().map(|w| (w.delivery.clone(), w.event.body.clone())).collect());
    assert_eq!(told, [(delivery.clone(), accepted.event.body.clone())]);
    world.reopen();
    assert_eq!(world.row(environment, delivery.id).await.delivery, delivery);
    assert_eq!(world.state(environment, accepted.deliveries[0]).await, ended, "nothing follows an end");
    world.settle(&accepted.event, delivery.id, answered(200)).await;
    switch(&world, &webhook, false).await;
    assert_eq!(resend(&world, environment, &accepted).await, ResendOutcome::WebhookDisabled);
    assert_eq!(world.store().delete_webhook(environment, webhook.id).await, Ok(Found::Yes));
    assert_eq!(resend(&world, environment, &accepted).await, ResendOutcome::WebhookDeleted);
}
