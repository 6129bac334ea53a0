//! Rules of what requests were made from: attempts keep the revision, and the revision is kept as long as they need it.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Attempt;
use postrider_core::limits::{EXPIRY_LOOKS_AGAIN, SETTINGS_REVISIONS};
use postrider_core::request::{RequestSettings, SettingsRevision};
use postrider_core::shape::{Access, Authentication, CustomHeader, HeaderVisibility, Hidden};
use postrider_core::webhook::{EndpointUrl, Webhook};
use postrider_core::{DeliveryId, EnvironmentId};
use postrider_store::WebhookPatch;

use crate::world::{World, answered, failed};

const DAY: Duration = Duration::from_hours(24);

fn access(name: &str, value: &str, visibility: HeaderVisibility) -> Access {
    Access { headers: vec![CustomHeader::new(name, value, visibility).unwrap()], ..Access::default() }
}

async fn change(world: &World, webhook: &Webhook, patch: WebhookPatch) -> Arc<Webhook> {
    world.store().update_webhook(webhook.environment_id, None, webhook.id, patch).await.unwrap().unwrap()
}

async fn show(world: &World, webhook: &Webhook, access: Access) -> Arc<Webhook> {
    change(world, webhook, WebhookPatch { access: Some(access), ..WebhookPatch::default() }).await
}

fn revision(number: u32) -> SettingsRevision {
    SettingsRevision::new(number).unwrap()
}

async fn kept(world: &World, webhook: &Webhook, number: u32) -> Option<RequestSettings> {
    let asked = vec![revision(number)];
    let mut found = world.store().request_settings(webhook.environment_id, webhook.id, asked).await.unwrap();
    found.remove(&revision(number))
}

async fn attempts(world: &World, environment: EnvironmentId, delivery: DeliveryId) -> Vec<Attempt> {
    world.store().attempts(environment, delivery).await.unwrap()
}

pub(crate) async fn an_attempt_keeps_the_settings_that_it_was_made_from(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    assert_eq!(webhook.settings, SettingsRevision::FIRST);
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let delivery = accepted.deliveries[0];
    world.settle(&accepted.event, delivery, failed()).await;
    let patch = WebhookPatch { display_name: Some("Renamed".into()), ..WebhookPatch::default() };
    assert_eq!(change(&world, &webhook, patch).await.settings, revision(1), "a name is in no request");
    let url = EndpointUrl::parse("https://example.org/other").ok();
    let moved = change(&world, &webhook, WebhookPatch { url, ..WebhookPatch::default() }).await;
    assert_eq!(moved.settings, revision(2));
    let shown = show(&world, &webhook, access("x-a", "b", HeaderVisibility::Shown)).await;
    let again = show(&world, &webhook, access("x-a", "b", HeaderVisibility::Shown)).await;
    assert_eq!((shown.settings, again.settings), (revision(3), revision(3)), "what stays the same is no new revision");
    world.settle(&accepted.event, delivery, failed()).await;
    // What is hidden counts, though nothing of it is kept.
    let hidden = show(&world, &webhook, access("x-b", "c", HeaderVisibility::Sensitive)).await;
    let corrected = show(&world, &webhook, access("x-b", "d", HeaderVisibility::Sensitive)).await;
    assert_eq!((hidden.settings, corrected.settings), (revision(4), revision(5)));
    world.reopen();
    assert_eq!(world.known(webhook.id).settings, revision(5));
    world.settle(&accepted.event, delivery, answered(200)).await;
    let attempts = attempts(&world, environment, delivery).await;
    let made_from: Vec<_> = attempts.iter().map(|attempt| attempt.settings).collect();
    assert_eq!(made_from, [Some(revision(1)), Some(revision(3)), Some(revision(5))]);
    let log = world.store().log(environment, webhook.id, 0, 1).await.unwrap();
    assert_eq!(log.rows[0].attempt.settings, Some(revision(5)));
    for (number, webhook) in [(1, &webhook), (2, &moved), (3, &shown), (4, &hidden), (5, &corrected)] {
        assert_eq!(kept(&world, webhook, number).await, Some(RequestSettings::of(webhook)), "{number}");
    }
    assert_eq!(kept(&world, &webhook, 4).await, kept(&world, &webhook, 5).await);
    let other = world.environment("Other").await;
    let found = world.store().request_settings(other, webhook.id, vec![revision(1)]).await.unwrap();
    assert!(found.is_empty(), "it is another environment's");
}

pub(crate) async fn settings_go_with_the_last_event_whose_attempts_may_be_made_from_them(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    show(&world, &webhook, access("x-a", "b", HeaderVisibility::Shown)).await;
    let later = world.advance(DAY);
    world.expire(later).await;
    assert!(kept(&world, &webhook, 1).await.is_some(), "a delivery waits that was accepted under it");
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    world.advance(EXPIRY_LOOKS_AGAIN);
    world.expire(later).await;
    assert_eq!(kept(&world, &webhook, 1).await, None);
    assert!(kept(&world, &webhook, 2).await.is_some(), "it is the webhook's own");
    let last = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&last.event, last.deliveries[0], answered(200)).await;
    world.store().delete_webhook(environment, webhook.id).await.unwrap();
    assert!(kept(&world, &webhook, 2).await.is_some(), "the log tells of it");
    let later = world.advance(DAY);
    world.expire(later).await;
    world.expire(later).await;
    assert_eq!(kept(&world, &webhook, 2).await, None);
}

pub(crate) async fn a_webhook_keeps_its_newest_settings_up_to_a_limit(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
    for number in 0..SETTINGS_REVISIONS {
        show(&world, &webhook, access("x-a", &format!("v{number}"), HeaderVisibility::Shown)).await;
    }
    assert_eq!(world.known(webhook.id).settings, revision(SETTINGS_REVISIONS + 1));
    assert_eq!(kept(&world, &webhook, 1).await, None);
    assert!(kept(&world, &webhook, 2).await.is_some());
    assert!(kept(&world, &webhook, SETTINGS_REVISIONS + 1).await.is_some());
    let attempts = attempts(&world, environment, accepted.deliveries[0]).await;
    assert_eq!(attempts[0].settings, Some(revision(1)), "the attempt still says which it was");
}

pub(crate) async fn what_is_hidden_is_hidden_in_what_was_kept_before_too(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    show(&world, &webhook, access("X-Key", "shown by mistake", HeaderVisibility::Shown)).await;
    show(&world, &webhook, access("x-other", "stays", HeaderVisibility::Shown)).await;
    show(&world, &webhook, access("x-key", "hidden now", HeaderVisibility::Sensitive)).await;
    world.reopen();
    let values = async |number| {
        let settings = kept(&world, &webhook, number).await.expect("it is kept");
        settings.headers.into_iter().map(|header| header.value).collect::<Vec<_>>()
    };
    assert_eq!(values(2).await, [None]);
    assert_eq!(values(3).await, [Some("stays".into())]);
    assert_eq!(values(4).await, [None]);
}

pub(crate) async fn a_header_that_becomes_the_authentication_is_hidden_in_what_was_kept_before(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    show(&world, &webhook, access("Authorization", "Bearer shown by mistake", HeaderVisibility::Shown)).await;
    show(&world, &webhook, access("x-other", "stays", HeaderVisibility::Shown)).await;
    let authentication = Some(Authentication::Bearer { token: Hidden::new("hidden now") });
    show(&world, &webhook, Access { authentication, ..Access::default() }).await;
    world.reopen();
    let values = async |number| {
        let settings = kept(&world, &webhook, number).await.expect("it is kept");
        settings.headers.into_iter().map(|header| header.value).collect::<Vec<_>>()
    };
    assert_eq!(values(2).await, [None]);
    assert_eq!(values(3).await, [Some("stays".into())]);
}
