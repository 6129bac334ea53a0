//! Rules of what webhooks send: shapes have revisions, accesses do not.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Outcome;
use postrider_core::delivery::{DeliveryState, FailReason};
use postrider_core::limits::EXPIRY_LOOKS_AGAIN;
use postrider_core::shape::{
    Access, Authentication, CustomHeader, HeaderVisibility, Hidden, MediaType, Payload, RequestMethod, Shape,
    ShapeRevision,
};
use postrider_core::webhook::Webhook;
use postrider_core::{DeliveryId, EnvironmentId};
use postrider_store::{NewWebhook, ResendOutcome, WebhookPatch};

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
