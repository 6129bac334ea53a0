//! Rules of environments that keep their events for different times.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::delivery::StateKind;
use postrider_core::event::{EventKey, TenantId};
use postrider_core::job::{Include, Replay, Resend, Work};
use postrider_core::limits::EXPIRY_LOOKS_AGAIN;
use postrider_core::request::SettingsRevision;
use postrider_core::retention::Retention;
use postrider_core::shape::{RequestMethod, Shape};
use postrider_core::webhook::{EndpointUrl, Webhook};
use postrider_core::{EnvironmentId, EventId};
use postrider_store::{
    Actor, Control, Cursor, DeliveryFilter, EventFilter, PageRequest, PutRetention, ReplayAhead, ResendOutcome,
    StartJob, Upkeep, WebhookPatch,
};

use crate::jobs::new_job;
use crate::world::{Accepted, World, answered, failed};

const DAY: Duration = Duration::from_hours(24);
/// What those keep that say nothing.
const DEFAULT: Duration = Duration::from_hours(24 * 5);

async fn keep(world: &World, environment: EnvironmentId, days: Option<u64>) {
    let retention = days.map(|days| Retention::from_days(days).expect("it can be"));
    assert_eq!(world.store().put_retention(environment, retention, Actor::Control).await, Ok(PutRetention::Put));
}

/// All that upkeep does about what is old.
async fn keep_house(world: &World) {
    let mut bites = 0;
    while world.store().expire_bite(DEFAULT).await.unwrap() == Upkeep::More {
        bites += 1;
        assert!(bites < 1_000, "expiring comes to an end");
    }
    while world.store().forget_jobs_bite(DEFAULT).await.unwrap() == Upkeep::More {}
    while world.store().postings_bite().await.unwrap() == Upkeep::More {}
}

async fn delivered(world: &World, webhook: &Arc<Webhook>) -> Accepted {
    let accepted = world.accept(std::slice::from_ref(webhook)).await;
    world.settle(&accepted.event, accepted.deliveries[0], failed()).await;
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    accepted
}

/// Whether an event is there, with its delivery and both attempts; or nothing of it is.
async fn is_kept(world: &World, accepted: &Accepted) -> bool {
    let (store, environment) = (world.store(), accepted.event.environment_id);
    let event = store.event(environment, accepted.event.id).await.unwrap().is_some();
    assert_eq!(store.delivery(environment, accepted.deliveries[0]).await.unwrap().is_some(), event);
    let attempts = store.attempts(environment, accepted.deliveries[0]).await.unwrap().len();
    assert_eq!(attempts, if event { 2 } else { 0 });
    event
}

pub(crate) async fn each_environment_keeps_its_events_for_its_own_time(mut world: World) {
    let names = ["Long", "Short", "Default"];
    let mut kept = Vec::new();
    for (name, days) in names.into_iter().zip([Some(10), Some(2), None]) {
        let environment = world.environment(name).await;
        keep(&world, environment, days).await;
        let webhook = world.webhook(environment).await;
        kept.push((webhook.clone(), delivered(&world, &webhook).await));
    }
    let short = &kept[1].0;
    let waits = world.accept(std::slice::from_ref(short)).await;
    world.settle(&waits.event, waits.deliveries[0], failed()).await;
    // Days that have passed, and who still has the event.
    let passed = [[true, true, true], [true, false, true], [true, false, false], [false, false, false]];
    for (days, expected) in [1_u32, 2, 3, 5].into_iter().zip(passed) {
        world.advance(days * DAY);
        keep_house(&world).await;
        world.reopen();
        for ((webhook, accepted), is_there) in kept.iter().zip(expected) {
            assert_eq!(is_kept(&world, accepted).await, is_there, "{days} days later");
            let log = world.store().log(webhook.environment_id, webhook.id, 0, 10).await.unwrap();
            let attempts = 2 * u64::from(is_there) + u64::from(webhook.id == short.id);
            assert_eq!(log.count, attempts, "the log is as long as it says");
        }
        let state = world.state(short.environment_id, waits.deliveries[0]).await;
        assert_eq!(state.kind(), StateKind::Retrying, "what waits stays");
    }
    // When it has ended it goes as soon as it is looked at again.
    world.settle(&waits.event, waits.deliveries[0], answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    keep_house(&world).await;
    assert!(world.store().event(short.environment_id, waits.event.id).await.unwrap().is_none());
}

pub(crate) async fn a_changed_retention_counts_from_the_next_round_on(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    keep(&world, environment, Some(30)).await;
    let old = delivered(&world, &webhook).await;
    world.advance(6 * DAY);
    let young = delivered(&world, &webhook).await;
    world.advance(DAY);
    keep_house(&world).await;
    assert!(is_kept(&world, &old).await, "longer than what is kept by default");
    keep(&world, environment, Some(2)).await;
    world.reopen();
    let retention = world.store().directory().environment(environment).expect("it is there").retention;
    assert_eq!(retention, Retention::from_days(2));
    keep_house(&world).await;
    assert_eq!((is_kept(&world, &old).await, is_kept(&world, &young).await), (false, true));
    keep(&world, environment, None).await;
    world.advance(3 * DAY);
    keep_house(&world).await;
    assert!(is_kept(&world, &young).await, "four days old, and five are kept by default");
    let nobody = EnvironmentId::new(world.now(), world.entropy.as_ref());
    let put = world.store().put_retention(nobody, None, Actor::Control).await;
    assert_eq!(put, Ok(PutRetention::NoSuchEnvironment));
}

async fn deliveries(world: &World, environment: EnvironmentId, filter: &DeliveryFilter) -> usize {
    let (mut count, mut before) = (0, None);
    loop {
        let page = PageRequest { limit: 250, before };
        let page = world.store().deliveries(environment, filter.clone(), page).await.unwrap();
        count += page.rows.len();
        before = page.next;
        if before.is_none() {
            return count;
        }
    }
}

/// The events of a tenant that a replay walks through, and those that are listed.
async fn events(world: &World, webhook: &Webhook, tenant: &TenantId) -> (Vec<EventId>, Vec<EventId>) {
    let environment = webhook.environment_id;
    let replay = Replay {
        webhooks: vec![webhook.id],
        from: world.now() - 100 * DAY,
        to: world.now(),
        event: None,
        event_key: None,
        tenant: Some(tenant.clone()),
        include: Include::All,
    };
    let asked = ReplayAhead { replay, webhook: webhook.id, after: Cursor::default() };
    let ahead = world.store().replay_ahead(environment, asked).await.unwrap();
    assert!(ahead.is_over);
    let filter = EventFilter { tenant: Some(tenant.clone()), ..EventFilter::default() };
    let page = world.store().events(environment, filter, PageRequest { limit: 250, before: None }).await.unwrap();
    assert_eq!(page.next, None);
    let listed = page.rows.iter().rev().map(|row| row.id).collect();
    (ahead.items.into_iter().map(|(_, item)| item.event.id).collect(), listed)
}

pub(crate) async fn lists_stay_right_where_environments_share_segments(mut world: World) {
    let (long, short) = (world.environment("Long").await, world.environment("Short").await);
    keep(&world, long, Some(10)).await;
    keep(&world, short, Some(2)).await;
    let webhooks = [world.webhook(long).await, world.webhook(short).await];
    let tenant = TenantId::parse("acme").unwrap();
    let mut made = [Vec::new(), Vec::new()];
    // Segments are written behind: most of these come into one, the last are in none yet.
    for number in 0..60 {
        let which = number % 2;
        let webhook = &webhooks[which];
        let to = vec![webhook.clone(); 250];
        let event = world.event(webhook.environment_id, "order.made", Some("acme"));
        let accepted = world.accept_event(event, &to).await;
        for id in accepted.deliveries.iter().filter(|_| webhook.environment_id == short) {
            let row = world.row(short, *id).await;
            world.store().record(world.settlement(&accepted.event, &row, &answered(200)));
        }
        made[which].push(accepted.event.id);
    }
    // Whatever was recorded before it is committed when this is.
    let again = world.accept(std::slice::from_ref(&webhooks[1])).await;
    world.settle(&again.event, again.deliveries[0], answered(200)).await;
    // A delivery that is made later than its event.
    let newest = world.store().newest_deliveries_of_event(long, made[0][0]).await.unwrap();
    let resent = world.store().resend(long, newest[0].delivery.id).await.unwrap();
    assert!(matches!(resent, ResendOutcome::Resent(_)), "{resent:?}");
    let filters = [
        DeliveryFilter { tenant: Some(tenant.clone()), ..DeliveryFilter::default() },
        DeliveryFilter { event_key: EventKey::parse("order.made").ok(), ..DeliveryFilter::default() },
    ];
    world.advance(3 * DAY);
    keep_house(&world).await;
    for _ in 0..2 {
        for filter in &filters {
            assert_eq!(deliveries(&world, long, filter).await, 30 * 250 + 1);
            assert_eq!(deliveries(&world, short, filter).await, 0);
        }
        assert_eq!(events(&world, &webhooks[0], &tenant).await, (made[0].clone(), made[0].clone()));
        assert_eq!(events(&world, &webhooks[1], &tenant).await, (Vec::new(), Vec::new()));
        world.reopen();
    }
    // What comes afterwards is found beside what was there.
    let new = world.event(short, "order.made", Some("acme"));
    let new = world.accept_event(new, std::slice::from_ref(&webhooks[1])).await;
    for filter in &filters {
        assert_eq!(deliveries(&world, short, filter).await, 1);
    }
    world.advance(Duration::from_millis(1));
    assert_eq!(events(&world, &webhooks[1], &tenant).await, (vec![new.event.id], vec![new.event.id]));
}

pub(crate) async fn what_waits_is_found_in_a_segment_that_was_thinned(mut world: World) {
    let (long, short) = (world.environment("Long").await, world.environment("Short").await);
    keep(&world, long, Some(10)).await;
    keep(&world, short, Some(2)).await;
    let (of_long, of_short) = (world.webhook(long).await, world.webhook(short).await);
    let tenant = TenantId::parse("acme").unwrap();
    let (many, few) = (vec![of_long.clone(); 250], vec![of_short.clone(); 3]);
    let mut made = Vec::new();
    // More than a segment takes: all but the last of them are in one.
    for number in 0..20 {
        world.accept_event(world.event(long, "order.made", Some("acme")), &many).await;
        let accepted = world.accept_event(world.event(short, "order.made", Some("acme")), &few).await;
        // Of one in the middle a delivery waits.
        for id in accepted.deliveries.iter().skip(usize::from(number == 8)) {
            world.settle(&accepted.event, *id, answered(200)).await;
        }
        made.push(accepted);
    }
    let waits = &made[8];
    let filters = [
        DeliveryFilter { tenant: Some(tenant.clone()), ..DeliveryFilter::default() },
        DeliveryFilter { event_key: EventKey::parse("order.made").ok(), ..DeliveryFilter::default() },
    ];
    world.advance(3 * DAY);
    keep_house(&world).await;
    let id = waits.event.id;
    for _ in 0..2 {
        for filter in &filters {
            assert_eq!(deliveries(&world, short, filter).await, 3, "those of the event that waits");
        }
        assert_eq!(events(&world, &of_short, &tenant).await, (vec![id], vec![id]));
        world.reopen();
    }
    world.settle(&waits.event, waits.deliveries[0], answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    keep_house(&world).await;
    for filter in &filters {
        assert_eq!(deliveries(&world, short, filter).await, 0);
        assert_eq!(deliveries(&world, long, filter).await, 20 * 250);
    }
    assert_eq!(events(&world, &of_short, &tenant).await, (Vec::new(), Vec::new()));
}

pub(crate) async fn a_long_retention_of_one_environment_keeps_nothing_of_another(world: World) {
    let environments = [world.environment("Long").await, world.environment("Short").await];
    let mut webhooks = Vec::new();
    for (environment, days) in environments.into_iter().zip([10, 2]) {
        keep(&world, environment, Some(days)).await;
        let webhook = world.webhook(environment).await;
        let change = async |patch| {
            world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().expect("it is there")
        };
        let shape = Shape { method: RequestMethod::Put, payload: None };
        let shaped = change(WebhookPatch { shape: Some(shape), ..WebhookPatch::default() }).await;
        delivered(&world, &shaped).await;
        let url = EndpointUrl::parse("https://example.org/other").ok();
        change(WebhookPatch { shape: Some(Shape::default()), url, ..WebhookPatch::default() }).await;
        webhooks.push(shaped);
    }
    // More than a segment takes, of which the longer one keeps all.
    let to = vec![webhooks[0].clone(); 250];
    for _ in 0..20 {
        world.accept_event(world.event(environments[0], "order.made", Some("acme")), &to).await;
    }
    let is_told = async |webhook: &Webhook| {
        let first = SettingsRevision::FIRST;
        let asked = vec![first];
        let settings = world.store().request_settings(webhook.environment_id, webhook.id, asked).await.unwrap();
        let shape = webhook.shape.as_ref().expect("a shape").revision;
        (settings.contains_key(&first), world.store().shape(shape).await.unwrap().is_some())
    };
    world.advance(DAY);
    keep_house(&world).await;
    for webhook in &webhooks {
        assert_eq!(is_told(webhook).await, (true, true), "the log tells of an attempt that was made with them");
    }
    world.advance(2 * DAY);
    delivered(&world, &webhooks[1]).await;
    keep_house(&world).await;
    assert_eq!(is_told(&webhooks[0]).await, (true, true));
    assert_eq!(is_told(&webhooks[1]).await, (false, false), "nothing of that time is left");
}

pub(crate) async fn a_clock_that_was_set_back_takes_no_settings_from_an_attempt(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    world.advance(DAY);
    let ahead = delivered(&world, &webhook).await;
    world.set_back(DAY);
    let url = EndpointUrl::parse("https://example.org/other").ok();
    let patch = WebhookPatch { url, ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().expect("it is there");
    // Its id is less, its number greater.
    delivered(&world, &webhook).await;
    keep_house(&world).await;
    assert!(is_kept(&world, &ahead).await);
    let first = SettingsRevision::FIRST;
    let found = world.store().request_settings(environment, webhook.id, vec![first]).await.unwrap();
    assert!(found.contains_key(&first), "an attempt was made with them");
}

pub(crate) async fn jobs_and_deleted_webhooks_go_with_the_events_of_their_environment(world: World) {
    let environments = [world.environment("Long").await, world.environment("Short").await];
    let mut jobs = Vec::new();
    let mut webhooks = Vec::new();
    for (environment, days) in environments.into_iter().zip([10, 2]) {
        keep(&world, environment, Some(days)).await;
        let webhook = world.webhook(environment).await;
        delivered(&world, &webhook).await;
        let new = new_job(environment, "key", Work::Resend(Resend::default()));
        let StartJob::Started(job) = world.store().start_job(new).await.unwrap() else { panic!("it starts") };
        world.store().control_job(environment, job.id, Control::Cancel).await.unwrap();
        world.store().delete_webhook(environment, webhook.id).await.unwrap();
        jobs.push(job);
        webhooks.push(webhook);
    }
    for (days, stays) in [(3_u32, [true, false]), (11, [false, false])] {
        world.advance(days * DAY);
        keep_house(&world).await;
        for (number, stays) in stays.into_iter().enumerate() {
            let job = world.store().job(environments[number], jobs[number].id).await.unwrap();
            assert_eq!(job.is_some(), stays, "{days} days later");
            // An event that had matched a webhook is discarded while the webhook is known, and refused when it is not.
            let event = world.event(environments[number], "order.made", None);
            let late = world.for_webhooks(event, std::slice::from_ref(&webhooks[number]));
            assert_eq!(world.accept_batch(vec![late], None).await.is_ok(), stays, "{days} days later");
        }
    }
}
