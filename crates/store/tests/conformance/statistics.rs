//! Rules of statistics.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::limits::{STATISTICS_MINUTES, STATISTICS_TENANT_MINUTES};
use postrider_core::statistics::{AnswerClass, Counts, Resolution};
use postrider_core::webhook::Webhook;
use postrider_core::{EnvironmentId, Timestamp};
use postrider_store::{StatisticsOf, StatisticsQuery, Upkeep, WebhookPatch};

use crate::world::{World, answered, failed, ours};

const DAY: Duration = Duration::from_hours(24);

/// All that was counted of a subject, and the number of spans that it lies in.
async fn sum(world: &World, environment: EnvironmentId, of: StatisticsOf, resolution: Resolution) -> (Counts, usize) {
    let (from, to) = (Timestamp::from_micros(0), world.now() + Duration::from_micros(1));
    // The test's clock begins at a moment of its own; what lies before it is not asked for span by span.
    let from = from.max(world.now() - DAY * 60);
    let query = StatisticsQuery { of, resolution, from, to };
    let points = world.store().statistics(environment, query).await.unwrap();
    assert!(points.is_sorted_by_key(|point| point.at));
    let mut sum = Counts::default();
    for point in &points {
        sum.add(&point.counts);
    }
    (sum, points.len())
}

/// Events, deliveries, delivered, failed, discarded, attempts, failed attempts.
fn numbers(counts: &Counts) -> [u64; 7] {
    let Counts { events, deliveries, delivered, failed, discarded, .. } = counts;
    [*events, *deliveries, *delivered, *failed, *discarded, counts.attempts(), counts.failed_attempts()]
}

fn tenant(id: &str) -> StatisticsOf {
    StatisticsOf::Tenant(postrider_core::event::TenantId::parse(id).unwrap())
}

fn event_type(key: &str) -> StatisticsOf {
    StatisticsOf::EventType(postrider_core::event::EventKey::parse(key).unwrap())
}

pub(crate) async fn each_thing_counts_once_wherever_it_belongs(mut world: World) {
    let environment = world.environment("Production").await;
    let other = world.environment("Staging").await;
    let (one, two) = (world.webhook(environment).await, world.webhook(environment).await);
    let both = [one.clone(), two.clone()];
    let first = world.accept_event(world.event(environment, "order.made", Some("acme")), &both).await;
    let second = world.accept_event(world.event(environment, "order.paid", Some("globex")), &both[..1]).await;
    world.accept_event(world.event(environment, "nobody.cares", None), &[]).await;
    world.settle(&first.event, first.deliveries[0], answered(200)).await;
    world.settle(&first.event, first.deliveries[1], answered(503)).await;
    world.settle(&first.event, first.deliveries[1], ours()).await;
    world.settle(&first.event, first.deliveries[1], failed()).await;
    world.settle(&second.event, second.deliveries[0], answered(410)).await;
    for reopened in [false, true] {
        if reopened {
            world.reopen();
        }
        for resolution in Resolution::ALL {
            let (all, spans) = sum(&world, environment, StatisticsOf::Environment, resolution).await;
            assert_eq!((numbers(&all), spans), ([3, 3, 1, 1, 0, 4, 3], 1), "{resolution:?}");
            let by_class = AnswerClass::ALL.map(|class| all.answers[class as usize]);
            assert_eq!(by_class, [1, 0, 1, 1, 0, 1]);
            assert_eq!((all.attempt_times.count(), all.delivery_times.count()), (4, 1));
            let of_one = sum(&world, environment, StatisticsOf::Webhook(one.id), resolution).await.0;
            assert_eq!(numbers(&of_one), [0, 2, 1, 1, 0, 2, 1]);
            let of_two = sum(&world, environment, StatisticsOf::Webhook(two.id), resolution).await.0;
            assert_eq!(numbers(&of_two), [0, 1, 0, 0, 0, 2, 2]);
            let elsewhere = sum(&world, other, StatisticsOf::Environment, resolution).await.0;
            assert_eq!(elsewhere, Counts::default());
            for (subject, expected) in [
                (tenant("acme"), [1, 2, 1, 0, 0, 3, 2]),
                (tenant("globex"), [1, 1, 0, 1, 0, 1, 1]),
                (event_type("order.made"), [1, 2, 1, 0, 0, 3, 2]),
                (event_type("nobody.cares"), [1, 0, 0, 0, 0, 0, 0]),
                (event_type("acme"), [0; 7]),
            ] {
                let of = sum(&world, environment, subject.clone(), resolution).await.0;
                assert_eq!(numbers(&of), expected, "{subject:?} by {resolution:?}");
            }
        }
    }
}

pub(crate) async fn what_many_commits_count_is_exact_after_any_restart(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let tenants = ["acme", "globex", "initech"];
    // More commits than the journal holds, at times so near that only its length empties it, then apart.
    for number in 0..700_u64 {
        let of = tenants[usize::try_from(number % 3).unwrap()];
        let accepted = world.accept_event(world.event(environment, "order.made", Some(of)), &webhooks).await;
        if number % 7 == 0 {
            world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
        }
        if number % 100 == 99 {
            world.advance(Duration::from_secs(40));
            world.reopen();
        }
    }
    let expected = |count: u64, settled: u64| [count, count, settled, 0, 0, settled, 0];
    for resolution in Resolution::ALL {
        let (all, spans) = sum(&world, environment, StatisticsOf::Environment, resolution).await;
        assert_eq!(numbers(&all), expected(700, 100));
        assert!(resolution != Resolution::Minute || spans >= 4, "{spans} minutes");
        let of_webhook = sum(&world, environment, StatisticsOf::Webhook(webhook.id), resolution).await.0;
        assert_eq!(numbers(&of_webhook)[1..], numbers(&all)[1..]);
    }
    for resolution in Resolution::ALL {
        let mut of_tenants = Counts::default();
        for name in tenants {
            of_tenants.add(&sum(&world, environment, tenant(name), resolution).await.0);
        }
        assert_eq!(numbers(&of_tenants), expected(700, 100), "{resolution:?}");
        let of_type = sum(&world, environment, event_type("order.made"), resolution).await.0;
        assert_eq!(numbers(&of_type), expected(700, 100), "{resolution:?}");
    }
}

pub(crate) async fn minutes_of_tenants_go_before_those_of_others(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let accept = async || {
        world.accept_event(world.event(environment, "order.made", Some("acme")), &webhooks).await;
    };
    let deliveries =
        async |of: StatisticsOf, resolution: Resolution| sum(&world, environment, of, resolution).await.0.deliveries;
    let others = [StatisticsOf::Environment, StatisticsOf::Webhook(webhook.id), event_type("order.made")];
    accept().await;
    world.advance(STATISTICS_TENANT_MINUTES);
    // What is added up with the next commit, and what lies in the journal.
    accept().await;
    accept().await;
    while world.store().statistics_bite().await.unwrap() == Upkeep::More {}
    assert_eq!(
        deliveries(tenant("acme"), Resolution::Minute).await,
        3,
        "the minute that began three hours ago is kept"
    );
    world.advance(Duration::from_mins(1));
    while world.store().statistics_bite().await.unwrap() == Upkeep::More {}
    assert_eq!(deliveries(tenant("acme"), Resolution::Minute).await, 2);
    assert_eq!(deliveries(tenant("acme"), Resolution::Hour).await, 3);
    for of in &others {
        assert_eq!(deliveries(of.clone(), Resolution::Minute).await, 3, "{of:?}");
    }
    world.advance(STATISTICS_MINUTES);
    accept().await;
    while world.store().statistics_bite().await.unwrap() == Upkeep::More {}
    for of in others.into_iter().chain([tenant("acme")]) {
        assert_eq!(deliveries(of.clone(), Resolution::Minute).await, 1, "{of:?}");
        assert_eq!(deliveries(of, Resolution::Hour).await, 4);
    }
}

pub(crate) async fn hours_become_days_and_what_is_old_goes(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    for _ in 0..5 {
        world.accept_event(world.event(environment, "order.made", Some("acme")), &webhooks).await;
        world.advance(Duration::from_hours(2));
    }
    let subjects = [StatisticsOf::Environment, StatisticsOf::Webhook(webhook.id), tenant("acme")];
    world.advance(DAY * 40);
    // What comes meanwhile is left alone.
    world.accept_event(world.event(environment, "order.made", Some("acme")), &webhooks).await;
    while world.store().statistics_bite().await.unwrap() == Upkeep::More {}
    for subject in subjects {
        assert_eq!(sum(&world, environment, subject.clone(), Resolution::Day).await.0.deliveries, 6);
        assert_eq!(sum(&world, environment, subject.clone(), Resolution::Hour).await.0.deliveries, 1);
    }
    assert_eq!(sum(&world, environment, StatisticsOf::Environment, Resolution::Minute).await.0.deliveries, 1);
}

pub(crate) async fn what_waits_is_counted(mut world: World) {
    let environment = world.environment("Production").await;
    let (one, two) = (world.webhook(environment).await, world.webhook(environment).await);
    let both = [one.clone(), two.clone()];
    let first = world.accept(&both).await;
    world.accept(&both).await;
    world.settle(&first.event, first.deliveries[0], failed()).await;
    let waiting = |world: &World| {
        let store = world.store().clone();
        let (one, two) = (one.id, two.id);
        async move {
            let waiting = store.waiting(environment).await.unwrap();
            let waiting = [one, two].map(|id| waiting.get(&id).copied().unwrap_or(0));
            let one_by_one = [store.waiting_for(one).await.unwrap(), store.waiting_for(two).await.unwrap()];
            assert_eq!(one_by_one.map(|waiting| u64::try_from(waiting).unwrap()), waiting);
            waiting
        }
    };
    assert_eq!(waiting(&world).await, [2, 2]);
    let (now, store) = (world.now(), world.store());
    let due =
        [store.due_for(one.id, now, 9).await, store.due_for(two.id, now, 9).await, store.due_for(two.id, now, 1).await];
    assert_eq!(due, [Ok(1), Ok(2), Ok(1)], "without the one that waits to be retried, and no more than are asked for");
    world.settle(&first.event, first.deliveries[0], answered(200)).await;
    world.settle(&first.event, first.deliveries[0], answered(500)).await;
    assert_eq!(waiting(&world).await, [1, 2], "a late attempt changes nothing");
    world.store().resend(environment, first.deliveries[0]).await.unwrap();
    assert_eq!(waiting(&world).await, [2, 2]);
    let off = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, two.id, off).await.unwrap();
    world.accept(&both).await;
    world.sweep().await;
    world.reopen();
    assert_eq!(waiting(&world).await, [3, 0]);
    let of_two = sum(&world, environment, StatisticsOf::Webhook(two.id), Resolution::Hour).await.0;
    assert_eq!(numbers(&of_two), [0, 3, 0, 0, 3, 0, 0]);
}

pub(crate) async fn those_who_fail_most_come_first(world: World) {
    let environment = world.environment("Production").await;
    let mut webhooks: Vec<Arc<Webhook>> = Vec::new();
    for failures in 0..4 {
        let webhook = world.webhook(environment).await;
        for _ in 0..failures {
            let accepted = world.accept(std::slice::from_ref(&webhook)).await;
            world.settle(&accepted.event, accepted.deliveries[0], answered(500)).await;
        }
        webhooks.push(webhook);
    }
    let (from, to) = (Resolution::Hour.floor(world.now()), world.now() + Duration::from_secs(1));
    let failing = world.store().failing_webhooks(environment, from, to, 2).await.unwrap();
    let failing: Vec<_> = failing.iter().map(|(id, counts)| (*id, counts.failed_attempts())).collect();
    assert_eq!(failing, [(webhooks[3].id, 3), (webhooks[2].id, 2)]);
}
