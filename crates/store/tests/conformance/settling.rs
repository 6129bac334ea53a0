//! Rules of settling deliveries, and of what follows for their webhooks.

use std::time::Duration;

use postrider_core::attempt::{AttemptResult, OurFault};
use postrider_core::delivery::{DeliveryState, DiscardReason, FailReason, Fault, OUR_FAULT_DELAY};
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{DisableReason, EndpointUrl, WebhookStatus};
use postrider_store::{WebhookChange, WebhookPatch};

use crate::world::{World, answered, failed, ours};

pub(crate) async fn a_delivery_goes_through_retries_to_its_end(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let (event, id) = (&accepted.event, accepted.deliveries[0]);
    let first = world.settle(event, id, answered(500)).await;
    assert_eq!(first, DeliveryState::Retrying { due_at: world.now() + Duration::from_secs(5), fault: None });
    world.advance(Duration::from_secs(5));
    let second = world.settle(event, id, failed()).await;
    assert!(matches!(second, DeliveryState::Retrying { .. }), "{second:?}");
    world.advance(Duration::from_secs(30));
    world.reopen();
    let third = world.settle(event, id, answered(204)).await;
    assert_eq!(third, DeliveryState::Delivered { at: world.now() });

    let row = world.row(environment, id).await;
    assert_eq!((row.delivery.state, row.delivery.attempts), (third, 3));
    let last = row.last_attempt.expect("three were made");
    assert_eq!((last.status, last.started_at), (Some(204), world.now()));
    let attempts = world.store().attempts(environment, id).await.unwrap();
    assert_eq!(attempts.iter().map(|a| a.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(attempts.iter().map(|a| a.result.status()).collect::<Vec<_>>(), [Some(500), None, Some(204)]);
    assert_eq!(attempts[2].id, last.id);
    let AttemptResult::Answered { headers, body, .. } = &attempts[0].result else { panic!("it was answered") };
    assert_eq!(headers.pairs(), [("x-answer".to_owned(), "to \"1\"".to_owned())]);
    assert_eq!(&body[..], b"\xff\x00 as received");
    assert_eq!(attempts[0].remote_address, "2001:db8::7".parse().ok());
    assert_eq!(attempts[0].timings.tls, Some(Duration::from_micros(7)));
    assert_eq!(attempts[0].timings.dns, None);
}

pub(crate) async fn our_own_fault_uses_up_no_attempt(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let (event, id) = (&accepted.event, accepted.deliveries[0]);
    let state = world.settle(event, id, ours()).await;
    let due_at = world.now() + OUR_FAULT_DELAY.mul_f64(1.5);
    let fault = Some(Fault { kind: OurFault::Resolver, since: world.now() });
    assert_eq!(state, DeliveryState::Pending { due_at, fault });
    let row = world.row(environment, id).await;
    assert_eq!((row.delivery.state, row.delivery.attempts), (state, 0));
    assert!(world.store().attempts(environment, id).await.unwrap().is_empty());
    world.settle(event, id, failed()).await;
    let state = world.settle(event, id, ours()).await;
    assert!(matches!(state, DeliveryState::Retrying { fault: Some(_), .. }), "{state:?}");
    assert_eq!(world.store().attempts(environment, id).await.unwrap().len(), 1);
    world.advance(Duration::from_hours(48));
    let state = world.settle(event, id, ours()).await;
    assert_eq!(state, DeliveryState::Failed { at: world.now(), reason: FailReason::CouldNotBeSent });
    assert_eq!(world.state(environment, id).await, state, "faults of our own are not waited for for ever");
    assert_eq!(world.known(webhook.id).streak, None);
}

pub(crate) async fn an_end_is_final_and_a_late_attempt_is_logged(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Frontegg).await;
    let accepted = world.accept(std::slice::from_ref(&webhook)).await;
    let (event, id) = (&accepted.event, accepted.deliveries[0]);
    let row = world.row(environment, id).await;
    let (slow, slower) = (world.settlement(event, &row, &answered(200)), world.settlement(event, &row, &answered(410)));
    let ended = world.record(slow).await;
    world.advance(Duration::from_secs(1));
    assert_eq!(world.record(slower).await, ended, "an end is final");
    assert_eq!(world.commits.ends_of(id), [ended], "and counts once");
    assert_eq!(world.state(environment, id).await, ended);
    let attempts = world.store().attempts(environment, id).await.unwrap();
    assert_eq!(attempts.iter().map(|a| a.result.status()).collect::<Vec<_>>(), [Some(200), Some(410)]);
    assert_eq!(world.row(environment, id).await.delivery.attempts, 2);
    assert!(world.known(webhook.id).status.is_active(), "what came too late changes nothing but the log");
}

pub(crate) async fn five_failures_in_a_row_disable_preset_frontegg(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Frontegg).await;
    let webhooks = [webhook.clone()];
    let waits = world.accept(&webhooks).await;
    for n in 1..=5 {
        assert!(world.known(webhook.id).status.is_active(), "before failure {n}");
        let accepted = world.accept(&webhooks).await;
        let state = world.settle(&accepted.event, accepted.deliveries[0], answered(500)).await;
        let reason = FailReason::AttemptsExhausted;
        assert_eq!(state, DeliveryState::Failed { at: world.now(), reason });
        assert_eq!(world.known(webhook.id).streak.map(|s| s.count), Some(n));
        if n == 3 {
            world.reopen();
        }
    }
    let off = WebhookStatus::Disabled(DisableReason::FailuresInARow);
    assert_eq!(world.known(webhook.id).status, off);
    let told = world.commits.collect(|c| {
        let put = |change: &WebhookChange| match change {
            WebhookChange::Put(w) => Some(w.status),
            WebhookChange::Deleted(_) => None,
        };
        c.webhooks.iter().filter_map(put).collect()
    });
    assert_eq!(told, [WebhookStatus::Active, off], "made, then disabled");
    world.reopen();
    assert_eq!(world.known(webhook.id).status, off);
    world.sweep().await;
    let reason = DiscardReason::WebhookFailing;
    assert_eq!(
        world.state(environment, waits.deliveries[0]).await,
        DeliveryState::Discarded { at: world.now(), reason }
    );
}

pub(crate) async fn a_success_ends_the_streak(mut world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Frontegg).await;
    let webhooks = [webhook.clone()];
    for round in 0..3 {
        for _ in 0..4 {
            let accepted = world.accept(&webhooks).await;
            world.settle(&accepted.event, accepted.deliveries[0], failed()).await;
        }
        assert_eq!(world.known(webhook.id).streak.map(|s| s.count), Some(4), "round {round}");
        let accepted = world.accept(&webhooks).await;
        world.settle(&accepted.event, accepted.deliveries[0], answered(200)).await;
        assert_eq!(world.known(webhook.id).streak, None);
    }
    world.reopen();
    assert_eq!(world.known(webhook.id).streak, None);
    assert!(world.known(webhook.id).status.is_active());
}

pub(crate) async fn gone_disables_at_once(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook(environment).await;
    let webhooks = [webhook.clone()];
    let (gone, waits) = (world.accept(&webhooks).await, world.accept(&webhooks).await);
    let state = world.settle(&gone.event, gone.deliveries[0], answered(410)).await;
    assert_eq!(state, DeliveryState::Failed { at: world.now(), reason: FailReason::Gone });
    assert_eq!(world.known(webhook.id).status, WebhookStatus::Disabled(DisableReason::Gone));
    let switched_off = world.commits.collect(|commit| commit.switched_off.clone());
    assert_eq!(switched_off, [(webhook.id, DisableReason::Gone)], "the log is told once");
    world.sweep().await;
    let swept = world.state(environment, waits.deliveries[0]).await;
    assert_eq!(swept, DeliveryState::Discarded { at: world.now(), reason: DiscardReason::WebhookGone });
    assert_eq!(world.commits.settlements_of(waits.deliveries[0]), [swept], "the observer is told of what was swept");
}

pub(crate) async fn what_a_former_endpoint_does_is_not_held_against_the_present_one(world: World) {
    let environment = world.environment("Production").await;
    let webhook = world.webhook_with(environment, RetryPolicy::Frontegg).await;
    let webhooks = [webhook.clone()];
    let accepted = [world.accept(&webhooks).await, world.accept(&webhooks).await, world.accept(&webhooks).await];
    let url = EndpointUrl::parse("https://example.com/elsewhere").unwrap();
    let patch = WebhookPatch { url: Some(url), ..WebhookPatch::default() };
    world.store().update_webhook(environment, None, webhook.id, patch).await.unwrap().unwrap();
    // A settlement's attempt was made to the URL that every webhook has here.
    let [gone, failing, waits] = &accepted;
    world.settle(&gone.event, gone.deliveries[0], answered(410)).await;
    world.settle(&failing.event, failing.deliveries[0], failed()).await;
    let known = world.known(webhook.id);
    assert_eq!((known.status, known.streak), (WebhookStatus::Active, None));
    assert!(!world.state(environment, waits.deliveries[0]).await.is_final());
}
