//! Rules of the engine's paging.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::limits::{EVENT_BYTES, LANE_PAGE_BYTES, PROBES};
use postrider_core::webhook::Webhook;
use postrider_core::{DeliveryId, Timestamp, WebhookId};
use postrider_store::{LanePage, LanePosition, WebhookPatch};

use crate::world::{World, answered};

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
