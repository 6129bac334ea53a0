//! Rules of lists and records.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::StateKind;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::limits::{LOG_OFFSET_MOST, PAGE_ROWS_SEEN};
use postrider_core::webhook::Webhook;
use postrider_core::{AttemptId, DeliveryId, EnvironmentId, EventId, Timestamp};
use postrider_store::{
    DeliveryFilter, DeliveryRow, EventFilter, EventRow, LastAnswer, PageRequest, Upkeep, WebhookPatch,
};

use crate::world::{World, answered, failed};

async fn all_events(world: &World, environment: EnvironmentId, filter: &EventFilter, limit: usize) -> Vec<EventRow> {
    let mut rows = Vec::new();
    let mut before = None;
    loop {
        let page = world.store().events(environment, filter.clone(), PageRequest { limit, before }).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        assert!(page.next.is_none() || page.next != before, "each page leads on");
        before = page.next;
        if before.is_none() {
            return rows;
        }
    }
}

async fn all_deliveries(
    world: &World,
    environment: EnvironmentId,
    filter: &DeliveryFilter,
    limit: usize,
) -> Vec<DeliveryRow> {
    let mut rows = Vec::new();
    let mut before = None;
    loop {
        let page = world.store().deliveries(environment, filter.clone(), PageRequest { limit, before }).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        before = page.next;
        if before.is_none() {
            return rows;
        }
    }
}

fn assert_newest_first<Id: Ord + Debug + Copy>(ids: &[Id]) {
    assert!(ids.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once: {ids:?}");
}

/// More rows than indexes that are written behind leave out, in several states, to three webhooks, of three tenants and two keys.
struct Many {
    environment: EnvironmentId,
    webhooks: Vec<Arc<Webhook>>,
    events: Vec<EventId>,
    deliveries: Vec<DeliveryId>,
    middle: Timestamp,
}

/// What a filter means: whether it takes a row.
type Meaning<Row> = Box<dyn Fn(&Row) -> bool>;

const MANY: usize = 2_500;

async fn many(world: &World) -> Many {
    let environment = world.environment("Production").await;
    let mut webhooks = Vec::new();
    for _ in 0..3 {
        webhooks.push(world.webhook(environment).await);
    }
    let (mut events, mut deliveries, mut settlements) = (Vec::new(), Vec::new(), Vec::new());
    let mut middle = world.now();
    for bundle in 0..MANY / 250 {
        let mut batch = Vec::new();
        for n in 0..250 {
            let tenant = [None, Some("t1"), Some("t2")][n % 3];
            let event = world.event(environment, ["order.made", "order.paid"][n % 2], tenant);
            // Every tenth matches nothing.
            let to = if n % 10 == 0 { &[] } else { &webhooks[n % 3..=n % 3] };
            batch.push(world.for_webhooks(event, to));
        }
        events.extend(batch.iter().map(|new| new.event.id));
        deliveries.extend(batch.iter().flat_map(|new| new.deliveries.iter().map(|d| d.id)));
        let pick: Vec<_> =
            batch.iter().filter_map(|new| new.deliveries.first().map(|d| (new.event.clone(), d.id))).collect();
        world.accept_batch(batch, None).await.unwrap();
        if bundle == 5 {
            middle = world.now();
        }
        for (n, (event, id)) in pick.into_iter().enumerate().filter(|(n, _)| n % 5 != 0) {
            let row = world.row(environment, id).await;
            settlements.push(world.settlement(&event, &row, &[answered(200), failed(), answered(200)][n % 3]));
        }
    }
    let last = settlements.pop().expect("many were settled");
    for settlement in settlements {
        world.store().record(settlement);
    }
    world.record(last).await;
    Many { environment, webhooks, events, deliveries, middle }
}

pub(crate) async fn pages_of_events_are_complete_and_newest_first(world: World) {
    let many = many(&world).await;
    let rows = all_events(&world, many.environment, &EventFilter::default(), 240).await;
    let ids: Vec<_> = rows.iter().map(|r| r.id).collect();
    assert_newest_first(&ids);
    assert_eq!(ids.iter().rev().copied().collect::<Vec<_>>(), many.events);
    assert!(rows.iter().all(|r| r.body_bytes == 25 && r.accepted_at == r.id.made_at()));
}

pub(crate) async fn event_filters_mean_what_they_say(world: World) {
    let many = many(&world).await;
    let all = all_events(&world, many.environment, &EventFilter::default(), 250).await;
    let key = EventKey::parse("order.paid").unwrap();
    let tenant = TenantId::parse("t2").unwrap();
    let deliveries = all_deliveries(&world, many.environment, &DeliveryFilter::default(), 250).await;
    let with = |is: &dyn Fn(&DeliveryRow) -> bool| -> HashSet<EventId> {
        deliveries.iter().filter(|row| is(row)).map(|row| row.delivery.event_id).collect()
    };
    let webhook = many.webhooks[1].id;
    let to_webhook = with(&|row| row.delivery.webhook_id == webhook);
    let delivered = with(&|row| row.delivery.state.kind() == StateKind::Delivered);
    let both = with(&|row| {
        row.delivery.webhook_id == webhook && row.last_attempt.is_some_and(|last| last.status == Some(200))
    });
    let of_delivery = |filter| EventFilter { delivery: Some(filter), ..Default::default() };
    let filters: Vec<(EventFilter, Meaning<EventRow>)> = vec![
        (
            of_delivery(DeliveryFilter { webhook: Some(webhook), ..DeliveryFilter::default() }),
            Box::new(move |r| to_webhook.contains(&r.id)),
        ),
        (
            of_delivery(DeliveryFilter { states: vec![StateKind::Delivered], ..DeliveryFilter::default() }),
            Box::new(move |r| delivered.contains(&r.id)),
        ),
        (
            of_delivery(DeliveryFilter {
                webhook: Some(webhook),
                answer: Some(LastAnswer::Class(2)),
                ..DeliveryFilter::default()
            }),
            Box::new(move |r| both.contains(&r.id)),
        ),
        (EventFilter { event_key: Some(key.clone()), ..Default::default() }, Box::new(move |r| r.key == key)),
        (
            EventFilter { tenant: Some(tenant.clone()), ..Default::default() },
            Box::new(move |r| r.tenant_id.as_ref() == Some(&tenant)),
        ),
        (
            EventFilter { text: Some("der.PAID".into()), ..Default::default() },
            Box::new(|r| r.key.as_str() == "order.paid"),
        ),
        (
            EventFilter {
                event_key: Some(EventKey::parse("order.made").unwrap()),
                tenant: Some(TenantId::parse("t1").unwrap()),
                matched: Some(true),
                ..Default::default()
            },
            Box::new(|r| {
                let tenant = r.tenant_id.as_ref().map(TenantId::as_str);
                r.key.as_str() == "order.made" && tenant == Some("t1") && r.deliveries > 0
            }),
        ),
        (EventFilter { matched: Some(false), ..Default::default() }, Box::new(|r| r.deliveries == 0)),
        (EventFilter { matched: Some(true), ..Default::default() }, Box::new(|r| r.deliveries == 1)),
        (
            EventFilter { from: Some(many.middle), ..Default::default() },
            Box::new(move |r| r.accepted_at >= many.middle),
        ),
        (EventFilter { to: Some(many.middle), ..Default::default() }, Box::new(move |r| r.accepted_at < many.middle)),
    ];
    for (filter, meaning) in filters {
        let expected: Vec<_> = all.iter().filter(|r| meaning(r)).map(|r| r.id).collect();
        let found: Vec<_> = all_events(&world, many.environment, &filter, 97).await.iter().map(|r| r.id).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filter:?} tells some from others");
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(crate) async fn delivery_filters_mean_what_they_say(mut world: World) {
    let many = many(&world).await;
    // One of them is resent long after its event.
    let resent = many.deliveries[3];
    world.advance(Duration::from_secs(5));
    world.store().resend(many.environment, resent).await.unwrap();
    let off = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    world.store().update_webhook(many.environment, None, many.webhooks[2].id, off).await.unwrap();
    world.sweep().await;
    world.reopen();
    let all = all_deliveries(&world, many.environment, &DeliveryFilter::default(), 250).await;
    let ids: Vec<_> = all.iter().map(|r| r.delivery.id).collect();
    assert_newest_first(&ids);
    assert_eq!(ids.len(), many.deliveries.len() + 1);
    let key = EventKey::parse("order.made").unwrap();
    let tenant = TenantId::parse("t1").unwrap();
    let event = all[40].delivery.event_id;
    let webhook = many.webhooks[1].id;
    let none = DeliveryFilter::default;
    let mut filters: Vec<(DeliveryFilter, Meaning<DeliveryRow>)> = vec![
        (DeliveryFilter { event: Some(event), ..none() }, Box::new(move |r| r.delivery.event_id == event)),
        (DeliveryFilter { webhook: Some(webhook), ..none() }, Box::new(move |r| r.delivery.webhook_id == webhook)),
        (
            DeliveryFilter { tenant: Some(tenant.clone()), ..none() },
            Box::new(move |r| r.delivery.tenant_id.as_ref() == Some(&tenant)),
        ),
        (DeliveryFilter { event_key: Some(key.clone()), ..none() }, Box::new(move |r| r.event_key == key)),
        (DeliveryFilter { from: Some(many.middle), ..none() }, Box::new(move |r| r.delivery.created_at >= many.middle)),
        (
            DeliveryFilter {
                webhook: Some(webhook),
                to: Some(many.middle),
                states: vec![StateKind::Delivered],
                ..none()
            },
            Box::new(move |r| {
                r.delivery.webhook_id == webhook
                    && r.delivery.created_at < many.middle
                    && r.delivery.state.kind() == StateKind::Delivered
            }),
        ),
    ];
    let (made, acme) = (EventKey::parse("order.made").unwrap(), TenantId::parse("t1").unwrap());
    filters.push((
        DeliveryFilter { event_key: Some(made.clone()), tenant: Some(acme.clone()), ..none() },
        Box::new(move |r| r.event_key == made && r.delivery.tenant_id.as_ref() == Some(&acme)),
    ));
    let (two, t2) = (many.webhooks[1].id, TenantId::parse("t1").unwrap());
    filters.push((
        DeliveryFilter { webhook: Some(two), tenant: Some(t2.clone()), states: vec![StateKind::Retrying], ..none() },
        Box::new(move |r| {
            let (delivery, state) = (&r.delivery, r.delivery.state.kind());
            delivery.webhook_id == two && delivery.tenant_id.as_ref() == Some(&t2) && state == StateKind::Retrying
        }),
    ));
    let ended = [StateKind::Discarded, StateKind::Delivered];
    filters.push((
        DeliveryFilter { states: ended.to_vec(), ..none() },
        Box::new(move |r| ended.contains(&r.delivery.state.kind())),
    ));
    let (retrying, discarded) = (StateKind::Retrying, StateKind::Discarded);
    filters.push((
        DeliveryFilter { states: vec![retrying, discarded], ..none() },
        Box::new(move |r| [retrying, discarded].contains(&r.delivery.state.kind())),
    ));
    let status = |r: &DeliveryRow| r.last_attempt.map(|last| last.status);
    for (answer, meaning) in [
        (
            LastAnswer::Status(200),
            Box::new(move |r: &DeliveryRow| status(r) == Some(Some(200))) as Meaning<DeliveryRow>,
        ),
        (LastAnswer::Class(2), Box::new(move |r: &DeliveryRow| status(r) == Some(Some(200)))),
        (LastAnswer::None, Box::new(move |r: &DeliveryRow| status(r) == Some(None))),
    ] {
        filters.push((DeliveryFilter { answer: Some(answer), ..none() }, meaning));
    }
    let (last, first) = (all[10].delivery.id, all[30].delivery.id);
    filters.push((
        DeliveryFilter { ids: Some((first, last)), ..none() },
        Box::new(move |r| (first..=last).contains(&r.delivery.id)),
    ));
    filters.push((
        DeliveryFilter { text: Some("ORDER.made".into()), ..none() },
        Box::new(|r| r.event_key.as_str() == "order.made"),
    ));
    for &state in StateKind::ALL.iter().filter(|s| **s != StateKind::Failed) {
        filters.push((
            DeliveryFilter { states: vec![state], ..none() },
            Box::new(move |r| r.delivery.state.kind() == state),
        ));
    }
    for (filter, meaning) in filters {
        let expected: Vec<_> = all.iter().filter(|r| meaning(r)).map(|r| r.delivery.id).collect();
        let found = all_deliveries(&world, many.environment, &filter, 97).await;
        let found: Vec<_> = found.iter().map(|r| r.delivery.id).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filter:?} tells some from others");
        assert_eq!(found, expected, "{filter:?}");
    }
}

pub(crate) async fn a_page_with_rare_matches_still_leads_on(world: World) {
    let environment = world.environment("Production").await;
    let rare = world.accept_event(world.event(environment, "rare", Some("rare")), &[]).await;
    for _ in 0..=PAGE_ROWS_SEEN / 500 {
        let batch = (0..500).map(|_| world.for_webhooks(world.event(environment, "common", None), &[])).collect();
        world.accept_batch(batch, None).await.unwrap();
    }
    let first = async |filter: &EventFilter| {
        world.store().events(environment, filter.clone(), PageRequest { limit: 10, before: None }).await.unwrap()
    };
    let by_text = EventFilter { text: Some("rare".into()), ..EventFilter::default() };
    let page = first(&by_text).await;
    assert!(page.rows.is_empty() && page.next.is_some(), "a page looks at a bounded number of rows");
    let found: Vec<_> = all_events(&world, environment, &by_text, 10).await.iter().map(|r| r.id).collect();
    assert_eq!(found, [rare.event.id]);
    // What an index serves is found at once.
    for filter in [
        EventFilter { event_key: Some(EventKey::parse("rare").unwrap()), ..EventFilter::default() },
        EventFilter { tenant: Some(TenantId::parse("rare").unwrap()), ..EventFilter::default() },
    ] {
        let page = first(&filter).await;
        assert_eq!((page.rows.len(), page.next), (1, None), "{filter:?}");
    }
}

pub(crate) async fn what_a_segment_has_goes_with_its_last_event(mut world: World) {
    let environment = world.environment("Production").await;
    let webhooks = vec![world.webhook(environment).await; 250];
    let of = |tenant: &str| DeliveryFilter { tenant: TenantId::parse(tenant).ok(), ..DeliveryFilter::default() };
    let mut last = None;
    for number in 0..60 {
        let tenant = if number < 30 { "early" } else { "late" };
        let accepted = world.accept_event(world.event(environment, "order.made", Some(tenant)), &webhooks).await;
        if tenant == "early" {
            for id in &accepted.deliveries {
                let row = world.row(environment, *id).await;
                world.store().record(world.settlement(&accepted.event, &row, &answered(200)));
            }
        }
        last = Some(accepted);
    }
    let last = last.expect("there were some");
    world.settle(&last.event, last.deliveries[0], answered(200)).await;
    assert_eq!(all_deliveries(&world, environment, &of("early"), 250).await.len(), 30 * 250);
    let before = world.advance(Duration::from_hours(24));
    world.expire(before).await;
    while world.store().postings_bite().await.unwrap() == Upkeep::More {}
    for _ in 0..2 {
        assert!(all_deliveries(&world, environment, &of("early"), 250).await.is_empty());
        assert_eq!(all_deliveries(&world, environment, &of("late"), 250).await.len(), 30 * 250);
        world.reopen();
    }
}

pub(crate) async fn the_newest_delivery_of_each_webhook_counts(world: World) {
    let environment = world.environment("Production").await;
    let webhooks = [world.webhook(environment).await, world.webhook(environment).await];
    let accepted = world.accept(&webhooks).await;
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    world.advance(Duration::from_secs(1));
    world.store().resend(environment, accepted.deliveries[0]).await.unwrap();
    let newest = world.store().newest_deliveries_of_event(environment, accepted.event.id).await.unwrap();
    let found: Vec<_> =
        newest.iter().map(|r| (r.delivery.webhook_id, r.delivery.resend_of, r.delivery.state.kind())).collect();
    assert_eq!(
        found,
        [
            (webhooks[0].id, Some(accepted.deliveries[0]), StateKind::Pending),
            (webhooks[1].id, None, StateKind::Pending),
        ]
    );
}

pub(crate) async fn the_log_is_counted_and_paged(mut world: World) {
    let many = many(&world).await;
    let webhook = many.webhooks[1].id;
    let filter = DeliveryFilter { webhook: Some(webhook), ..DeliveryFilter::default() };
    let tried = all_deliveries(&world, many.environment, &filter, 250).await;
    let expected = tried.iter().filter(|r| r.last_attempt.is_some()).count();
    world.reopen();
    let mut seen = Vec::new();
    loop {
        let page = world.store().log(many.environment, webhook, seen.len(), 200).await.unwrap();
        assert_eq!(page.count, expected as u64);
        if page.rows.is_empty() {
            break;
        }
        assert!(page.rows.iter().all(|row| row.webhook_id == webhook));
        seen.extend(page.rows.iter().map(|row| row.attempt.id));
    }
    assert_eq!(seen.iter().collect::<HashSet<_>>().len(), expected, "each once");
    assert!(seen.is_sorted_by_key(|id| Reverse(id.made_at())), "newest first");
    let one = world.store().attempt(many.environment, seen[7]).await.unwrap().expect("it is in the log");
    assert_eq!((one.attempt.id, one.webhook_id), (seen[7], webhook));
    assert_eq!(one.body.len(), 25);
    let beyond = world.store().log(many.environment, webhook, LOG_OFFSET_MOST + 1, 10).await.unwrap();
    assert!(beyond.rows.is_empty());
}

pub(crate) async fn nothing_of_another_environment_is_found(world: World) {
    let (environment, other) = (world.environment("Production").await, world.environment("Development").await);
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    let attempt: AttemptId = world.store().attempts(environment, accepted.deliveries[0]).await.unwrap()[0].id;
    let store = world.store();
    assert!(store.event(other, accepted.event.id).await.unwrap().is_none());
    assert!(store.delivery(other, accepted.deliveries[0]).await.unwrap().is_none());
    assert!(store.attempts(other, accepted.deliveries[0]).await.unwrap().is_empty());
    assert!(store.attempt(other, attempt).await.unwrap().is_none());
    assert!(store.attempt(environment, attempt).await.unwrap().is_some());
    let log = store.log(other, webhook.id, 0, 10).await.unwrap();
    assert_eq!((log.count, log.rows.len()), (0, 0));
    assert!(store.newest_deliveries_of_event(other, accepted.event.id).await.unwrap().is_empty());
    let filter = DeliveryFilter { webhook: Some(webhook.id), ..DeliveryFilter::default() };
    assert!(all_deliveries(&world, other, &filter, 10).await.is_empty());
    let scope = webhook.scope.clone();
    assert!(store.directory().webhook_in(other, &scope, webhook.id).is_none());
    assert!(store.update_webhook(other, None, webhook.id, WebhookPatch::default()).await.unwrap().is_none());
}
