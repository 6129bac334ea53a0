//! Rules of retention.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::StateKind;
use postrider_core::limits::{DELETED_WEBHOOK_KEPT, EXPIRY_LOOKS_AGAIN, UPKEEP_BITE};
use postrider_core::webhook::Webhook;
use postrider_store::{AcceptOutcome, DeliveryFilter, Idempotency, PageRequest, Upkeep};

use crate::world::{World, answered, failed};

const DAY: Duration = Duration::from_hours(24);

pub(crate) async fn old_events_go_and_what_waits_stays(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let (done, waits) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    let unmatched = world.accept_event(world.event(environment, "nobody.cares", None), &[]).await;
    world.settle(&done.event, done.deliveries[0], failed()).await;
    world.settle(&done.event, done.deliveries[0], answered(200)).await;
    world.settle(&waits.event, waits.deliveries[0], failed()).await;
    let before = world.advance(DAY);
    let young = world.accept(&webhooks).await;
    world.settle(&young.event, young.deliveries[0], answered(200)).await;
    world.expire(before).await;
    world.reopen();
    let store = world.store();
    for gone in [&done, &unmatched] {
        assert!(store.event(environment, gone.event.id).await.unwrap().is_none());
    }
    assert!(store.delivery(environment, done.deliveries[0]).await.unwrap().is_none());
    assert!(store.attempts(environment, done.deliveries[0]).await.unwrap().is_empty());
    assert!(store.event(environment, young.event.id).await.unwrap().is_some());
    assert_eq!(world.state(environment, waits.deliveries[0]).await.kind(), StateKind::Retrying);
    assert_eq!(store.attempts(environment, waits.deliveries[0]).await.unwrap().len(), 1);
    let log = store.log(environment, webhook.id, 0, 10).await.unwrap();
    assert_eq!((log.count, log.rows.len()), (2, 2), "the log is as long as it says");
    // When it has ended, it goes too, as soon as it is looked at again.
    world.settle(&waits.event, waits.deliveries[0], answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    world.expire(before).await;
    assert!(world.store().event(environment, waits.event.id).await.unwrap().is_none());
}

pub(crate) async fn what_waits_is_passed_by_for_an_hour(world: World) {
    let environment = world.environment("Production").await;
    let webhooks = [world.webhook(environment).await];
    let new = || world.for_webhooks(world.event(environment, "order.made", None), &webhooks);
    let events: Vec<_> = (0..3 * UPKEEP_BITE).map(|_| new()).collect();
    let waiting: Vec<_> = events.iter().map(|new| (new.event.clone(), new.deliveries[0].id)).collect();
    world.accept_batch(events, None).await.unwrap();
    let before = world.advance(DAY);
    assert!(world.expire(before).await > 3, "each is looked at");
    assert_eq!(world.expire(before).await, 1, "none is looked at");
    // What has grown old since is.
    let young = world.accept(&webhooks).await;
    world.settle(&young.event, young.deliveries[0], answered(200)).await;
    let later = world.advance(Duration::from_secs(1));
    assert_eq!(world.expire(later).await, 1);
    assert!(world.store().event(environment, young.event.id).await.unwrap().is_none());
    let (ended, delivery) = &waiting[UPKEEP_BITE];
    world.settle(ended, *delivery, answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    assert!(world.expire(later).await > 3, "each is looked at again");
    assert!(world.store().event(environment, ended.id).await.unwrap().is_none());
    assert_eq!(world.expire(later).await, 1);
    // A clock that is set back puts it off no further.
    let (ended, delivery) = &waiting[0];
    world.settle(ended, *delivery, answered(200)).await;
    world.set_back(2 * EXPIRY_LOOKS_AGAIN);
    world.expire(before).await;
    assert!(world.store().event(environment, ended.id).await.unwrap().is_none());
}

pub(crate) async fn large_events_go_in_bites(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    // One event with more deliveries than a bite, as it were to many webhooks, enough of them for the index that is written behind.
    let to = vec![webhook.clone(); UPKEEP_BITE * 5];
    let large = world.accept(&to).await;
    let mut settlements = Vec::new();
    for id in &large.deliveries {
        let row = world.row(environment, *id).await;
        settlements.push(world.settlement(&large.event, &row, &answered(200)));
    }
    let last = settlements.pop().expect("there are many");
    for settlement in settlements {
        world.store().record(settlement);
    }
    world.record(last).await;
    let before = world.advance(DAY);
    let bites = world.expire(before).await;
    assert!(bites >= 10, "{bites} bites for {} rows", 2 * to.len());
    assert!(world.store().event(environment, large.event.id).await.unwrap().is_none());
    let log = world.store().log(environment, webhook.id, 0, 10).await.unwrap();
    assert_eq!((log.count, log.rows.len()), (0, 0));
    assert_eq!(world.store().vacuum_bite().await, Ok(Upkeep::Done), "little is free in a small file");
    // What comes after everything has gone is found like everything else.
    world.reopen();
    let next = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&next.event, next.deliveries[0], answered(200)).await;
    let log = world.store().log(environment, webhook.id, 0, 10).await.unwrap();
    assert_eq!((log.count, log.rows.len()), (1, 1));
    let filter = DeliveryFilter { webhook: Some(webhook.id), ..DeliveryFilter::default() };
    let page = world.store().deliveries(environment, filter, PageRequest { limit: 10, before: None }).await.unwrap();
    assert_eq!(page.rows.iter().map(|r| r.delivery.id).collect::<Vec<_>>(), next.deliveries);
}

pub(crate) async fn deleted_webhooks_go_with_their_last_delivery(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    let old = world.advance(DAY);
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    let count = async |world: &World| world.store().log(environment, webhook.id, 0, 10).await.unwrap().count;
    world.expire(old).await;
    assert_eq!(count(&world).await, 0, "its event has expired");
    let newer = world.advance(DAY);
    world.expire(newer).await;
    world.reopen();
    // An event that had matched it still finds no webhook to be discarded for, and is refused as a whole.
    let late = world.for_webhooks(world.event(environment, "order.made", None), std::slice::from_ref(&webhook));
    assert!(world.accept_batch(vec![late], None).await.is_err());
}

pub(crate) async fn deleted_webhooks_that_nothing_tells_of_go_soon(mut world: World) {
    let environment = world.environment("Production").await;
    let mut webhooks = Vec::new();
    for _ in 0..4 {
        webhooks.push(world.webhook(environment).await);
    }
    let [unused, indexed, behind, late] = &webhooks[..] else { panic!("four were made") };
    // Enough for the index that is written behind.
    let to = vec![indexed.clone(); UPKEEP_BITE * 5];
    let many = world.accept(&to).await;
    world.accept(std::slice::from_ref(behind)).await;
    for webhook in &webhooks {
        world.store().delete_webhook(environment, webhook.id).await.unwrap();
    }
    world.sweep().await;
    let expire = async |world: &World| world.expire(world.now() - 30 * DAY).await;
    let is_known = async |world: &World, webhook: &Arc<Webhook>| {
        let event = world.for_webhooks(world.event(environment, "order.made", None), std::slice::from_ref(webhook));
        world.accept_batch(vec![event], None).await.is_ok()
    };
    world.advance(DELETED_WEBHOOK_KEPT / 2);
    expire(&world).await;
    assert!(is_known(&world, late).await, "an event that had matched it is discarded for it");
    world.advance(DELETED_WEBHOOK_KEPT);
    for _ in 0..2 {
        expire(&world).await;
        assert!(!is_known(&world, unused).await, "nothing tells of it");
        for webhook in [indexed, behind, late] {
            assert!(is_known(&world, webhook).await, "deliveries tell of it");
        }
        assert_eq!(world.state(environment, many.deliveries[0]).await.kind(), StateKind::Discarded);
        world.advance(EXPIRY_LOOKS_AGAIN);
        world.reopen();
    }
}

pub(crate) async fn idempotency_keys_are_forgotten(world: World) {
    let environment = world.environment("Production").await;
    let key = |n: u32| Idempotency { environment_id: environment, key: format!("k{n}"), body_hash: [1; 32] };
    let event = || vec![world.for_webhooks(world.event(environment, "order.made", None), &[])];
    for n in 0..3 {
        world.accept_batch(event(), Some(key(n))).await.unwrap();
    }
    let before = world.advance(Duration::from_secs(1));
    world.accept_batch(event(), Some(key(3))).await.unwrap();
    while world.store().forget_idempotency_bite(before).await.unwrap() == Upkeep::More {}
    let again = world.accept_batch(event(), Some(key(0))).await.unwrap();
    assert!(matches!(again, AcceptOutcome::Accepted(_)), "{again:?}");
    let kept = world.accept_batch(event(), Some(key(3))).await.unwrap();
    assert!(matches!(kept, AcceptOutcome::Repeated(_)), "{kept:?}");
}

pub(crate) async fn an_event_of_a_clock_ahead_keeps_no_other(world: World) {
    let environment = world.environment("Production").await;
    world.advance(400 * DAY);
    let ahead = world.accept_event(world.event(environment, "nobody.cares", None), &[]).await;
    world.set_back(400 * DAY);
    let old = world.accept_event(world.event(environment, "nobody.cares", None), &[]).await;
    let before = world.advance(DAY);
    let young = world.accept_event(world.event(environment, "nobody.cares", None), &[]).await;
    world.expire(before).await;
    for (accepted, is_kept) in [(ahead, true), (old, false), (young, true)] {
        assert_eq!(world.store().event(environment, accepted.event.id).await.unwrap().is_some(), is_kept);
    }
}
