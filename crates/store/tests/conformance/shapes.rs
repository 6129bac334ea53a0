//! Rules of what webhooks send: shapes have revisions, accesses do not.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Outcome;
use postrider_core::delivery::{DeliveryState, FailReason};
use postrider_core::job::{Include, Replay, Work};
use postrider_core::limits::EXPIRY_LOOKS_AGAIN;
use postrider_core::shape::{
    Access, Authentication, CustomHeader, HeaderVisibility, Hidden, MediaType, Payload, RequestMethod, Shape,
    ShapeRevision,
};
use postrider_core::webhook::Webhook;
use postrider_core::{DeliveryId, EnvironmentId};
use postrider_store::{
    DeliveryFilter, JobStep, NewWebhook, PageRequest, ReplayAhead, ResendOutcome, Send, StartJob, StepCommit, Stepped,
    WebhookPatch,
};

use crate::jobs::new_job;
use crate::world::{World, answered};

fn shape(template: &str) -> Shape {
    let payload = Payload { template: template.into(), content_type: MediaType::json() };
    Shape { method: RequestMethod::Put, payload: Some(payload) }
}

fn access() -> Access {
    Access {
        headers: vec![CustomHeader::new("x-key", "very-hidden", HeaderVisibility::Sensitive).unwrap()],
        authentication: Some(Authentication::Bearer { token: Hidden::new("token-to-hide") }),
        certificate: None,
    }
}

async fn reshape(world: &World, webhook: &Webhook, shape: Shape) -> Arc<Webhook> {
    let patch = WebhookPatch { shape: Some(shape), ..WebhookPatch::default() };
    world.store().update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap()
}

async fn kept_by(world: &World, environment: EnvironmentId, delivery: DeliveryId) -> Option<ShapeRevision> {
    world.row(environment, delivery).await.delivery.shape
}

pub(crate) async fn a_delivery_keeps_the_shape_that_it_was_accepted_under(mut world: World) {
    let environment = world.environment("Production").await;
    let plain = world.webhook(environment).await;
    let before = world.accept(std::slice::from_ref(&plain)).await;
    let first = reshape(&world, &plain, shape("1")).await.shape.clone().expect("a shape");
    let same = reshape(&world, &plain, shape("1")).await.shape.clone().expect("a shape");
    assert_eq!(first, same, "what stays the same is no new revision");
    // The webhook as it was when it matched is old by now; what counts is the commit.
    let under_first = world.accept(std::slice::from_ref(&plain)).await;
    let second = reshape(&world, &plain, shape("2")).await.shape.clone().expect("a shape");
    assert!(second.revision > first.revision);
    world.reopen();
    assert_eq!(world.known(plain.id).shape, Some(second.clone()));
    assert_eq!(kept_by(&world, environment, before.deliveries[0]).await, None, "it stays plain");
    assert_eq!(kept_by(&world, environment, under_first.deliveries[0]).await, Some(first.revision));
    assert_eq!(world.store().shape(first.revision).await.unwrap().as_ref(), Some(&*first.shape));
    let page = world.store().page_lane(plain.id, world.now(), None, 10).await.unwrap();
    let kept: Vec<_> = page.waiting.iter().map(|waiting| waiting.delivery.shape).collect();
    assert_eq!(kept, [None, Some(first.revision)]);
    // A resend renders afresh.
    let resent = world.store().resend(environment, before.deliveries[0]).await.unwrap();
    let ResendOutcome::Resent(again) = resent else { panic!("{resent:?}") };
    assert_eq!(again.shape, Some(second.revision));
    world.settle(&under_first.event, under_first.deliveries[0], answered(200)).await;
    let log = world.store().log(environment, plain.id, 0, 1).await.unwrap();
    assert_eq!(log.rows[0].shape, Some(first.revision));
    let plain_again = reshape(&world, &plain, Shape::default()).await;
    assert_eq!(plain_again.shape, None);
    let after = world.accept(&[plain]).await;
    assert_eq!(kept_by(&world, environment, after.deliveries[0]).await, None);
}

pub(crate) async fn what_requests_show_is_sealed_and_wiped(mut world: World) {
    let environment = world.environment("Production").await;
    let new = NewWebhook { shape: shape("1"), access: access(), ..World::new_webhook(environment) };
    let webhook = world.webhook_like(new).await;
    world.reopen();
    assert_eq!(world.known(webhook.id).access.as_deref(), Some(&access()));
    assert_eq!(world.known(webhook.id).shape, webhook.shape);
    let patch = WebhookPatch { display_name: Some("Renamed".into()), ..WebhookPatch::default() };
    let renamed = world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().unwrap();
    assert_eq!((renamed.access.as_deref(), &renamed.shape), (Some(&access()), &webhook.shape), "they stay");
    let patch = WebhookPatch { access: Some(Access::default()), ..WebhookPatch::default() };
    let without = world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().unwrap();
    assert_eq!(without.access, None);
    let patch = WebhookPatch { access: Some(access()), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().unwrap();
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    world.reopen();
    assert!(world.store().directory().webhook(webhook.id).is_none());
}

pub(crate) async fn shapes_go_with_the_last_event_that_may_have_them(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let first = reshape(&world, &webhook, shape("1")).await.shape.clone().expect("a shape").revision;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let second = reshape(&world, &webhook, shape("2")).await.shape.clone().expect("a shape").revision;
    let later = world.advance(Duration::from_hours(24));
    world.expire(later).await;
    assert!(world.store().shape(first).await.unwrap().is_some(), "a delivery that waits has it");
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    world.expire(later).await;
    assert!(world.store().shape(first).await.unwrap().is_none());
    assert!(world.store().shape(second).await.unwrap().is_some(), "it is the webhook's own");
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    world.expire(later).await;
    assert!(world.store().shape(second).await.unwrap().is_none());
}

fn own(webhook: &Webhook) -> ShapeRevision {
    webhook.shape.as_ref().expect("a shape").revision
}

async fn is_kept(world: &World, revision: ShapeRevision) -> bool {
    world.store().shape(revision).await.unwrap().is_some()
}

pub(crate) async fn a_shape_that_no_delivery_was_made_under_goes_when_it_is_replaced(world: World) {
    let environment = world.environment("Production").await;
    let new = NewWebhook { shape: shape("first"), ..World::new_webhook(environment) };
    let webhook = world.webhook_like(new).await;
    // Neither another webhook's deliveries nor its own that are plain, or of other shapes, keep them.
    let other = world.webhook(environment).await;
    let mut former = own(&webhook);
    for number in 0..1_000 {
        let changed = reshape(&world, &webhook, shape(&number.to_string())).await;
        assert!(!is_kept(&world, former).await, "{number}");
        former = own(&changed);
        if number % 100 == 0 {
            world.accept(std::slice::from_ref(&other)).await;
        }
    }
    assert!(is_kept(&world, former).await, "it is the webhook's own");
    reshape(&world, &webhook, Shape::default()).await;
    assert!(!is_kept(&world, former).await);
    let changed = reshape(&world, &webhook, shape("last")).await;
    let last = own(&changed);
    assert!(last > former, "numbers are never given twice");
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    assert!(!is_kept(&world, last).await);
}

pub(crate) async fn a_shape_that_a_delivery_keeps_stays_however_it_was_made(mut world: World) {
    let environment = world.environment("Production").await;
    let mut webhook = world.webhook(environment).await;
    let mut kept = Vec::new();
    // Accepted.
    webhook = reshape(&world, &webhook, shape("1")).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    kept.push((accepted.deliveries[0], own(&webhook)));
    // Sent again by a person.
    webhook = reshape(&world, &webhook, shape("2")).await;
    let resent = world.store().resend(environment, accepted.deliveries[0]).await.unwrap();
    let ResendOutcome::Resent(again) = resent else { panic!("{resent:?}") };
    kept.push((again.id, own(&webhook)));
    // Sent again by a job.
    webhook = reshape(&world, &webhook, shape("3")).await;
    kept.push((replayed(&world, &webhook).await, own(&webhook)));
    // Of a webhook that is replaced after a restart, once with the delivery from before, once from after it.
    webhook = reshape(&world, &webhook, shape("4")).await;
    let before = world.accept(std::slice::from_ref(&webhook)).await;
    kept.push((before.deliveries[0], own(&webhook)));
    world.reopen();
    webhook = reshape(&world, &webhook, shape("5")).await;
    world.reopen();
    let after = world.accept(std::slice::from_ref(&webhook)).await;
    kept.push((after.deliveries[0], own(&webhook)));
    webhook = reshape(&world, &webhook, shape("6")).await;
    for _ in 0..2 {
        for (number, (delivery, revision)) in (1..).zip(&kept) {
            assert_eq!(kept_by(&world, environment, *delivery).await, Some(*revision), "{number}");
            let stored = world.store().shape(*revision).await.unwrap();
            assert_eq!(stored, Some(shape(&number.to_string())), "it is sent by that");
        }
        world.reopen();
    }
    assert_eq!(world.store().waiting_for(webhook.id).await, Ok(kept.len()));
    // Those that were discarded are shown by it.
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    world.sweep().await;
    for (_, revision) in &kept {
        assert!(is_kept(&world, *revision).await);
    }
}

/// Replays everything to a webhook by one step of a job, which sends the first event alone. Returns the delivery.
async fn replayed(world: &World, webhook: &Webhook) -> DeliveryId {
    let (environment, from, to) = (webhook.environment_id, world.now() - Duration::from_hours(1), world.now());
    let to = to + Duration::from_secs(1);
    let (webhooks, include) = (vec![webhook.id], Include::All);
    let replay = Replay { webhooks, from, to, event: None, event_key: None, tenant: None, include };
    let new = new_job(environment, "key", Work::Replay(replay.clone()));
    let StartJob::Started(job) = world.store().start_job(new).await.unwrap() else { panic!("it starts") };
    let running = world.store().running_jobs().await.unwrap();
    let running = running.into_iter().find(|running| running.job.id == job.id).expect("it runs");
    let part = running.parts[0];
    let asked = ReplayAhead { replay, webhook: webhook.id, after: part.cursor };
    let ahead = world.store().replay_ahead(environment, asked).await.unwrap();
    let (to, first) = &ahead.items[0];
    let send = vec![Send::Event(first.event.id)];
    let commit = StepCommit::WithEvents;
    let step = JobStep { job: running.job, part, to: *to, is_over: true, send, skipped: 0, commit };
    assert!(matches!(world.store().step_job(step).await.unwrap(), Stepped::Yes(_)));
    let filter = DeliveryFilter { job: Some(job.id), ..DeliveryFilter::default() };
    let page = world.store().deliveries(environment, filter, PageRequest { limit: 10, before: None }).await.unwrap();
    page.rows[0].delivery.id
}

pub(crate) async fn a_delivery_that_is_made_while_its_webhook_is_changed_has_its_shape(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    reshape(&world, &webhook, shape("first")).await;
    for number in 0..100 {
        let event = world.for_webhooks(world.event(environment, "order.made", None), std::slice::from_ref(&webhook));
        let id = event.deliveries[0].id;
        let text = number.to_string();
        // Both wait for the writer at once.
        let (accepted, _) =
            tokio::join!(world.accept_batch(vec![event], None), reshape(&world, &webhook, shape(&text)));
        assert!(accepted.is_ok());
        reshape(&world, &webhook, shape("another")).await;
        let kept = kept_by(&world, environment, id).await.expect("a shape");
        assert!(is_kept(&world, kept).await, "{number}");
    }
}

pub(crate) async fn why_a_delivery_failed_is_kept(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let row = world.row(environment, accepted.deliveries[0]).await;
    let mut settlement = world.settlement(&accepted.event, &row, &Outcome::Unrenderable);
    settlement.problem = Some("payload: line 1, column 2: there is no filter".into());
    let state = world.record(settlement).await;
    assert_eq!(state, DeliveryState::Failed { at: world.now(), reason: FailReason::TemplateError });
    let row = world.row(environment, accepted.deliveries[0]).await;
    assert_eq!(row.delivery.problem.as_deref(), Some("payload: line 1, column 2: there is no filter"));
    assert_eq!((row.delivery.attempts, world.known(webhook.id).streak), (0, None));
}
