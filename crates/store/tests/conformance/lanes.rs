//! Rules of the engine's paging.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::delivery::{DeliveryState, OUR_FAULT_DELAY};
use postrider_core::limits::{EVENT_BYTES, LANE_PAGE_BYTES, PROBES, UPKEEP_BITE};
use postrider_core::order::OrderBy;
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{Sending, Webhook};
use postrider_core::{DeliveryId, Timestamp, WebhookId};
use postrider_store::{LanePage, LanePosition, NewWebhook, WebhookPatch};

use crate::world::{Accepted, World, answered, ours};

/// How far a clock is ahead: less than anything may wait, so that nothing shows that it was.
const AHEAD: Duration = Duration::from_hours(2);

async fn page(world: &World, webhook: &Webhook, after: Option<LanePosition>, limit: usize) -> LanePage {
    world.store().page_lane(webhook.id, world.now(), after, limit).await.unwrap()
}

fn ids(page: &LanePage) -> Vec<DeliveryId> {
    page.waiting.iter().map(|w| w.delivery.id).collect()
}

pub(crate) async fn a_lane_is_paged_in_the_order_of_due_times(world: World) {
    let environment = world.environment("Production").await;
    let (webhook, other) = (world.webhook(environment).await, world.webhook(environment).await);
    let webhooks = [webhook.clone()];
    let retried = world.accept(&webhooks).await;
    world.settle(&retried.event, retried.deliveries[0], answered(500)).await;
    let retry_at = world.row(environment, retried.deliveries[0]).await.delivery.state.due_at().expect("it waits");
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(world.accept(&webhooks).await.deliveries[0]);
    }
    world.accept(&[other]).await;
    let done = world.accept(&webhooks).await;
    world.settle(&done.event, done.deliveries[0], answered(200)).await;

    let first = page(&world, &webhook, None, 2).await;
    assert_eq!((ids(&first), first.more, first.next_due), (expected[..2].to_vec(), true, Some(retry_at)));
    assert_eq!(first.waiting[0].event.body, retried.event.body);
    let after = LanePosition::of(&first.waiting[1].delivery);
    let second = page(&world, &webhook, after, 3).await;
    assert_eq!((ids(&second), second.more), (expected[2..].to_vec(), false));
    world.advance(Duration::from_secs(5));
    let after = LanePosition::of(&second.waiting[2].delivery);
    let third = page(&world, &webhook, after, 3).await;
    assert_eq!((ids(&third), third.next_due), (vec![retried.deliveries[0]], None));
    assert_eq!(third.waiting[0].delivery.attempts, 1);
}

pub(crate) async fn a_delivery_that_is_due_is_picked_by_chance(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let mut picked_from = Vec::new();
    let before =
        async |world: &World, chance| world.store().before_any_due(webhook.id, world.now(), chance).await.unwrap();
    assert_eq!(before(&world, 0.5).await, None);
    for _ in 0..4 {
        picked_from.push(world.accept(&webhooks).await.deliveries[0]);
        world.advance(Duration::from_secs(1));
    }
    for (chance, place) in [(0.0, 0), (0.3, 1), (0.6, 2), (0.99, 3), (1.0, 3)] {
        let after = before(&world, chance).await;
        assert_eq!(ids(&page(&world, &webhook, after, 1).await), [picked_from[place]], "{chance}");
    }

    // Of more than are counted the middle is left out.
    let batch: Vec<_> =
        (0..PROBES * 3).map(|_| world.for_webhooks(world.event(environment, "order.made", None), &webhooks)).collect();
    let mut all: Vec<_> = batch.iter().map(|event| event.deliveries[0].id).collect();
    world.accept_batch(batch, None).await.unwrap();
    all.extend(picked_from);
    all.sort();
    for (chance, place) in [(0.0, 0), (0.25, PROBES / 2), (0.5, all.len() - PROBES), (1.0, all.len() - 1)] {
        let after = before(&world, chance).await;
        assert_eq!(ids(&page(&world, &webhook, after, 1).await), [all[place]], "{chance}");
    }
}

pub(crate) async fn what_was_never_sent_is_picked_before_what_has_failed(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Delays(vec![1; 5].try_into().unwrap())).await;
    for _ in 0..5 {
        let failed = world.accept(std::slice::from_ref(&webhook)).await;
        world.settle(&failed.event, failed.deliveries[0], answered(500)).await;
    }
    world.advance(Duration::from_mins(1));
    let picked = async |chance| {
        let after = world.store().before_any_due(webhook.id, world.now(), chance).await.unwrap();
        ids(&page(&world, &webhook, after, 1).await)[0]
    };
    // Where all have failed it is one of them.
    assert_ne!(picked(0.0).await, picked(0.9).await);
    let new = world.accept(std::slice::from_ref(&webhook)).await.deliveries[0];
    for chance in [0.0, 0.5, 0.9] {
        assert_eq!(picked(chance).await, new);
    }
}

pub(crate) async fn lanes_with_work_are_found_with_their_earliest(mut world: World) {
    let environment = world.environment("Production").await;
    let mut webhooks = Vec::new();
    for _ in 0..4 {
        webhooks.push(world.webhook(environment).await);
    }
    let [busy, idle, off, again] = &webhooks[..] else { unreachable!("four were made") };
    let earliest = world.accept(&[busy.clone(), off.clone(), again.clone()]).await.event.accepted_at;
    world.accept(std::slice::from_ref(busy)).await;
    let done = world.accept(std::slice::from_ref(idle)).await;
    world.settle(&done.event, done.deliveries[0], answered(200)).await;
    let switch = |active| WebhookPatch { active: Some(active), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, off.id, switch(false)).await.unwrap();
    world.store().update_webhook(environment, None, again.id, switch(false)).await.unwrap();
    world.store().update_webhook(environment, None, again.id, switch(true)).await.unwrap();
    let later = world.accept(std::slice::from_ref(again)).await.event.accepted_at;
    let expected: Vec<(WebhookId, Timestamp)> = vec![(busy.id, earliest), (again.id, later)];
    assert_eq!(world.store().lanes_with_work().await.unwrap(), expected);
    world.sweep().await;
    world.reopen();
    assert_eq!(world.store().lanes_with_work().await.unwrap(), expected);
}

pub(crate) async fn a_page_of_large_bodies_is_cut(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let most = LANE_PAGE_BYTES / EVENT_BYTES;
    let mut events = Vec::new();
    for _ in 0..most + 3 {
        let mut event = world.event(environment, "order.made", None);
        event.body = Bytes::from(vec![b'x'; EVENT_BYTES]);
        events.push(world.for_webhooks(event, std::slice::from_ref(&webhook)));
    }
    world.accept_batch(events, None).await.unwrap();
    let first = page(&world, &webhook, None, 1_000).await;
    assert_eq!((first.waiting.len(), first.more), (most, true));
    let after = first.waiting.last().and_then(|w| LanePosition::of(&w.delivery));
    let rest = page(&world, &webhook, after, 1_000).await;
    assert_eq!((rest.waiting.len(), rest.more), (3, false));
    assert_eq!(rest.waiting[2].event.body.len(), EVENT_BYTES);
}

pub(crate) async fn what_a_clock_ahead_has_put_off_is_due_when_it_is_set_back(world: World) {
    const YEAR: Duration = Duration::from_hours(24 * 365);
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    world.advance(YEAR);
    let mut put_off = Vec::new();
    for _ in 0..3 {
        let accepted = world.accept(&webhooks).await;
        world.settle(&accepted.event, accepted.deliveries[0], answered(500)).await;
        put_off.push(accepted.deliveries[0]);
    }
    assert!(ids(&page(&world, &webhook, None, 10).await).is_empty());
    world.set_back(YEAR);
    let new = world.accept(&webhooks).await.deliveries[0];
    let first = page(&world, &webhook, None, 2).await;
    assert_eq!((ids(&first), first.more, first.next_due), (vec![new, put_off[0]], true, None));
    let rest = page(&world, &webhook, LanePosition::of(&first.waiting[1].delivery), 10).await;
    assert_eq!((ids(&rest), rest.more, rest.next_due), (put_off[1..].to_vec(), false, None));
}

async fn due_at(world: &World, accepted: &Accepted) -> Timestamp {
    let state = world.state(accepted.event.environment_id, accepted.deliveries[0]).await;
    state.due_at().expect("it waits and is behind no other")
}

pub(crate) async fn what_a_clock_ahead_has_put_off_is_brought_forward(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Delays(vec![600].try_into().unwrap())).await;
    let sending = Sending { order_by: Some(OrderBy::Tenant), ..Sending::default() };
    let ordered = world.webhook_like(NewWebhook { sending, ..World::new_webhook(environment) }).await;
    let webhooks = [webhook.clone()];
    let before = world.accept(&webhooks).await;
    world.settle(&before.event, before.deliveries[0], answered(500)).await;
    let before_is_due = due_at(&world, &before).await;
    world.advance(Duration::from_secs(1));

    world.advance(AHEAD);
    let never = world.accept(&webhooks).await;
    let (retried, faulted) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    world.settle(&faulted.event, faulted.deliveries[0], ours()).await;
    world.settle(&retried.event, retried.deliveries[0], answered(500)).await;
    let wait = due_at(&world, &retried).await.since(world.now());
    assert!(wait > Duration::from_mins(5));
    let in_order = || world.event(environment, "order.made", Some("a"));
    let first = world.accept_event(in_order(), std::slice::from_ref(&ordered)).await;
    let second = world.accept_event(in_order(), std::slice::from_ref(&ordered)).await;

    let now = world.set_back(AHEAD);
    assert_eq!(world.bring_forward().await, [], "nobody has said that it was set back");
    world.store().clock_was_set_back();
    let mut brought = world.bring_forward().await;
    brought.sort();
    let mut both = [webhook.id, ordered.id];
    both.sort();
    assert_eq!(brought, both);
    assert_eq!(world.bring_forward().await, [], "it has come to its end");

    assert_eq!((due_at(&world, &never).await, due_at(&world, &first).await), (now, now));
    let behind = world.state(environment, second.deliveries[0]).await;
    assert_eq!(behind, DeliveryState::Behind);
    let waits = due_at(&world, &retried).await.since(now);
    assert!(waits <= wait && wait.saturating_sub(waits) < Duration::from_secs(1), "{waits:?} of {wait:?}");
    assert!(due_at(&world, &faulted).await <= now + 2 * OUR_FAULT_DELAY);
    assert_eq!(due_at(&world, &before).await, before_is_due, "it was put off by the clock as it is");
    assert_eq!(ids(&page(&world, &webhook, None, 10).await), never.deliveries);
    assert_eq!(ids(&page(&world, &ordered, None, 10).await), first.deliveries);
}

pub(crate) async fn a_start_brings_forward_what_a_clock_ahead_has_put_off(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let old = world.accept(&webhooks).await;
    world.reopen();
    assert_eq!(world.bring_forward().await, []);
    // An attempt alone is enough to tell.
    world.advance(AHEAD);
    world.settle(&old.event, old.deliveries[0], answered(500)).await;
    world.set_back(AHEAD);
    world.reopen();
    assert_eq!(world.bring_forward().await, [webhook.id]);
    assert!(due_at(&world, &old).await < world.now() + Duration::from_mins(1));
    world.advance(AHEAD);
    let never = world.accept(&webhooks).await;
    world.set_back(AHEAD);
    world.reopen();
    assert_eq!(world.bring_forward().await, [webhook.id]);
    assert!(ids(&page(&world, &webhook, None, 10).await).contains(&never.deliveries[0]));
}

pub(crate) async fn a_retry_is_brought_forward_once_however_often_it_is_started_anew(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Delays(vec![50_000].try_into().unwrap())).await;
    world.advance(AHEAD);
    let retried = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&retried.event, retried.deliveries[0], answered(500)).await;
    let wait = due_at(&world, &retried).await.since(world.now());
    let now = world.set_back(AHEAD);
    world.reopen();
    assert_eq!(world.bring_forward().await, [webhook.id]);
    let right = due_at(&world, &retried).await;
    assert!(wait.saturating_sub(right.since(now)) < Duration::from_secs(1), "it waits as long as it was meant to");
    for _ in 0..3 {
        world.advance(Duration::from_mins(1));
        world.reopen();
        assert_eq!(world.bring_forward().await, [], "the newest delivery is ahead still");
        assert_eq!(due_at(&world, &retried).await, right);
    }
}

pub(crate) async fn many_are_brought_forward_in_their_order(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    world.advance(AHEAD);
    let events: Vec<_> = (0..=2 * UPKEEP_BITE)
        .map(|_| world.for_webhooks(world.event(environment, "order.made", None), &webhooks))
        .collect();
    let all: Vec<_> = events.iter().map(|event| event.deliveries[0].id).collect();
    world.accept_batch(events, None).await.unwrap();
    world.set_back(AHEAD);
    world.store().clock_was_set_back();
    let brought = world.bring_forward().await;
    assert!(brought.len() >= 3, "in bites");
    assert_eq!(ids(&page(&world, &webhook, None, all.len() + 1).await), all);
}
