//! The delivery rules, one by one.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::{FailureKind, OurFault};
use postrider_core::delivery::{DeliveryState, DiscardReason, FailReason, Fault, Origin};
use postrider_core::event::{Event, EventKey, Room};
use postrider_core::limits::{BATCH_DELIVERIES, LANE_DELIVERIES, MEMORY_BUDGET};
use postrider_core::retry::RetryPolicy;
use postrider_core::signature::{Secret, Signing, verify_jwt, verify_standard};
use postrider_core::webhook::{DisableReason, EndpointUrl, Scope, WebhookStatus};
use postrider_core::{Clock, EventId, Timestamp, WebhookId};
use postrider_engine::{AcceptError, Draft, EngineOptions, EventsWanted, TestRequest};
use postrider_store::{AcceptOutcome, Idempotency, ResendOutcome, WebhookPatch};

use crate::support::{Reply, Server, event, event_of, tenant};

const SECRET: &str = "a secret of some length";

fn no_retries() -> RetryPolicy {
    RetryPolicy::Delays(Vec::new().try_into().unwrap())
}

fn start() -> Server {
    Server::start(1, EngineOptions::default())
}

impl Server {
    fn state_of(&self, event: EventId) -> DeliveryState {
        self.delivery_of(event).state
    }

    fn until_ended(&self, event: EventId) -> DeliveryState {
        self.until("the delivery's end", || self.state_of(event).is_final());
        self.state_of(event)
    }

    fn status_of(&self, webhook: WebhookId) -> WebhookStatus {
        self.store().directory().webhook(webhook).unwrap().status
    }
}

#[test]
fn a_request_has_the_contracts_headers_and_signatures_and_no_others() {
    let server = start();
    server.create_signed_webhook("signed", tenant("t"), no_retries(), Some(SECRET));
    server.create_webhook("plain", tenant("t"), no_retries());
    let (id, deliveries) = server.accept(vec![event(Some("t"))])[0];
    assert_eq!(deliveries, 2);
    server.until("two requests", || server.receivers.log().len() == 2);
    for request in server.receivers.log() {
        let mut names: Vec<&str> = request.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        let header = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json");
        assert_eq!(header("accept"), "application/json, text/plain, */*");
        assert!(header("user-agent").starts_with("Postrider/"));
        assert!(uuid::Uuid::parse_str(&header("frontegg-trace-id")).is_ok());
        assert_eq!(header("webhook-id"), id.to_string());
        assert_eq!(header("webhook-timestamp"), server.clock.now().as_seconds().to_string());
        let unsigned = ["accept", "content-type", "frontegg-trace-id", "user-agent", "webhook-id", "webhook-timestamp"];
        if request.url.contains("plain") {
            assert_eq!(names, unsigned);
        } else {
            let mut signed = [&unsigned[..], &["webhook-signature", "x-webhook-secret"]].concat();
            signed.sort_unstable();
            assert_eq!(names, signed);
            let secret = Secret::from_vendor(SECRET).unwrap().unwrap();
            let now = server.clock.now();
            verify_jwt(&header("x-webhook-secret"), &secret, now).unwrap();
            let (stamp, signature) = (header("webhook-timestamp"), header("webhook-signature"));
            verify_standard(&header("webhook-id"), &stamp, &signature, &request.body, &secret, now, Duration::ZERO)
                .unwrap();
        }
    }
}

#[test]
fn gone_disables_the_webhook_and_discards_what_waits() {
    let server = start();
    let webhook = server.create_webhook("gone", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Fails(FailureKind::Timeout));
    let (retrying, _) = server.accept(vec![event(None)])[0];
    server.quiesce(&[webhook.id]);
    server.receivers.all(Reply::Status(410));
    let (gone, _) = server.accept(vec![event(None)])[0];
    assert!(matches!(server.until_ended(gone), DeliveryState::Failed { reason: FailReason::Gone, .. }));
    let discarded = |event| match server.until_ended(event) {
        DeliveryState::Discarded { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(discarded(retrying), DiscardReason::WebhookGone);
    assert_eq!(server.status_of(webhook.id), WebhookStatus::Disabled(DisableReason::Gone));
    let (after, _) = server.accept(vec![event(None)])[0];
    assert_eq!(discarded(after), DiscardReason::WebhookGone);
    assert_eq!(server.receivers.log().len(), 2);
}

/// A webhook for which one delivery waits to be retried, and another is under way to an endpoint that answers so when it is released.
fn one_waits_and_one_is_under_way(server: &Server, reply: Reply) -> (WebhookId, EventId, EventId) {
    let webhook = server.create_webhook("slow", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Status(400));
    let (waits, _) = server.accept(vec![event(None)])[0];
    server.until("it waits", || server.delivery_of(waits).attempts == 1);
    server.receivers.all(reply);
    let (flies, _) = server.accept(vec![event(None)])[0];
    server.until("it is asked", || server.receivers.log().len() == 2);
    (webhook.id, waits, flies)
}

#[test]
fn what_is_under_way_ends_by_its_answer_though_its_webhook_is_off_by_then() {
    for (status, is_deleted) in [(200, false), (500, false), (200, true), (500, true)] {
        let server = start();
        let (webhook, waits, flies) = one_waits_and_one_is_under_way(&server, Reply::Late(status));
        let reason = if is_deleted {
            server.wait(server.store().delete_webhook(server.environment(), webhook)).unwrap();
            DiscardReason::WebhookDeleted
        } else {
            server.switch(webhook, false);
            DiscardReason::WebhookDisabled
        };
        let is_discarded =
            |state: DeliveryState| matches!(state, DeliveryState::Discarded { reason: why, .. } if why == reason);
        assert!(is_discarded(server.until_ended(waits)));
        assert!(!server.state_of(flies).is_final(), "its answer may be a good one");
        server.receivers.release();
        let state = server.until_ended(flies);
        let is_delivered = matches!(state, DeliveryState::Delivered { .. });
        assert!(if status == 200 { is_delivered } else { is_discarded(state) }, "{state:?}");
    }
}

#[test]
fn gone_leaves_what_else_is_under_way_to_its_answer() {
    let server = start();
    let webhook = server.create_webhook("gone", Scope::Environment, RetryPolicy::Standard);
    // It has answered well, and so may be asked by more than one.
    server.accept(vec![event(None)]);
    server.until("it has answered", || server.engine().lane(webhook.id).share > 1);
    server.receivers.all(Reply::Late(200));
    let (flies, _) = server.accept(vec![event(None)])[0];
    server.until("it is asked", || server.receivers.log().len() == 2);
    server.receivers.all(Reply::Status(410));
    let (gone, _) = server.accept(vec![event(None)])[0];
    assert!(matches!(server.until_ended(gone), DeliveryState::Failed { reason: FailReason::Gone, .. }));
    // Upkeep, woken by the end, sweeps meanwhile.
    server.wait(server.store().sweep_bite()).unwrap();
    assert!(!server.state_of(flies).is_final());
    server.receivers.release();
    assert!(matches!(server.until_ended(flies), DeliveryState::Delivered { .. }));
}

#[test]
fn what_was_under_way_is_not_retried_though_its_webhook_is_on_again() {
    let server = start();
    let (webhook, waits, flies) = one_waits_and_one_is_under_way(&server, Reply::Late(400));
    server.switch(webhook, false);
    server.until_ended(waits);
    server.switch(webhook, true);
    server.receivers.release();
    let state = server.until_ended(flies);
    assert!(matches!(state, DeliveryState::Discarded { reason: DiscardReason::WebhookDisabled, .. }), "{state:?}");
    server.receivers.all(Reply::Status(400));
    server.advance(Duration::from_secs(1));
    let (new, _) = server.accept(vec![event(None)])[0];
    server.until("it waits", || server.delivery_of(new).attempts == 1);
    assert!(matches!(server.state_of(new), DeliveryState::Retrying { .. }));
    assert_eq!(server.receivers.log().len(), 3);
}

#[test]
fn what_was_under_way_at_a_crash_is_discarded_where_its_webhook_is_off() {
    let mut server = start();
    let (webhook, waits, flies) = one_waits_and_one_is_under_way(&server, Reply::Hangs);
    server.switch(webhook, false);
    server.until_ended(waits);
    server.crash();
    let state = server.until_ended(flies);
    assert!(matches!(state, DeliveryState::Discarded { reason: DiscardReason::WebhookDisabled, .. }), "{state:?}");
    assert_eq!(server.receivers.log().len(), 2);
}

#[test]
fn an_endpoint_that_is_gone_says_nothing_of_the_one_that_took_its_place() {
    for (retry, reply) in [
        (RetryPolicy::Standard, Reply::Late(410)),
        (RetryPolicy::Frontegg, Reply::Late(410)),
        (RetryPolicy::Standard, Reply::Hangs),
    ] {
        let server = start();
        let webhook = server.create_webhook("before", Scope::Environment, retry);
        let is_before = webhook.url.as_str().to_owned();
        server.receivers.plan(move |url| if url == is_before { reply } else { Reply::Status(200) });
        let (asked_before, _) = server.accept(vec![event(None)])[0];
        server.until("it is asked", || server.receivers.log().len() == 1);
        let url = EndpointUrl::parse("https://receiver.test/now").unwrap();
        server.change(webhook.id, WebhookPatch { url: Some(url), ..WebhookPatch::default() });
        server.receivers.release();
        server.until("it has ended", || server.engine().lane(webhook.id).in_flight == 0);
        assert_eq!(server.engine().lane(webhook.id).consecutive_failures, 0, "{reply:?}");
        server.finish(&[webhook.id]);
        assert!(
            matches!(server.until_ended(asked_before), DeliveryState::Delivered { .. }),
            "it is sent to the new one"
        );
        assert_eq!(server.status_of(webhook.id), WebhookStatus::Active);
        assert_eq!(server.receivers.log().len(), 2);
    }
}

#[test]
fn preset_frontegg_disables_after_five_failures_in_a_row_and_a_success_between_forgives() {
    let server = start();
    let webhook = server.create_webhook("frontegg", Scope::Environment, RetryPolicy::Frontegg);
    let mut replies = [400, 400, 400, 400, 200, 400, 400, 400, 400, 400].into_iter();
    server.receivers.plan(move |_| Reply::Status(replies.next().unwrap()));
    for round in 0..10 {
        assert_eq!(server.status_of(webhook.id), WebhookStatus::Active, "round {round}");
        let (id, _) = server.accept(vec![event(None)])[0];
        server.until_ended(id);
    }
    assert_eq!(server.status_of(webhook.id), WebhookStatus::Disabled(DisableReason::FailuresInARow));
}

#[test]
fn preset_frontegg_counts_to_five_without_pauses() {
    let server = start();
    let webhook = server.create_webhook("frontegg", Scope::Environment, RetryPolicy::Frontegg);
    server.receivers.all(Reply::Status(500));
    // No time passes: a breaker that opened would stay open.
    server.accept((0..5).map(|_| event(None)).collect());
    server.until("the webhook is disabled", || {
        server.status_of(webhook.id) == WebhookStatus::Disabled(DisableReason::FailuresInARow)
    });
    assert_eq!(server.receivers.log().len(), 5);
}

#[test]
fn a_webhook_that_fails_for_five_days_is_disabled() {
    let server = start();
    let webhook = server.create_webhook("failing", Scope::Environment, no_retries());
    server.receivers.all(Reply::Status(404));
    for _ in 0..5 {
        assert_eq!(server.status_of(webhook.id), WebhookStatus::Active);
        let (id, _) = server.accept(vec![event(None)])[0];
        server.until_ended(id);
        server.advance(Duration::from_hours(30));
    }
    assert_eq!(server.status_of(webhook.id), WebhookStatus::Disabled(DisableReason::FailingForDays));
}

#[test]
fn standard_retries_are_made_when_they_are_due_and_then_the_delivery_fails() {
    let server = start();
    let webhook = server.create_webhook("down", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Status(404));
    let (id, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    let delivery = server.delivery_of(id);
    assert!(matches!(delivery.state, DeliveryState::Failed { reason: FailReason::AttemptsExhausted, .. }));
    let attempts = server.wait(server.store().attempts(server.environment(), delivery.id)).unwrap();
    assert_eq!((delivery.attempts, attempts.len()), (9, 9));
    let lane = server.engine().lane(webhook.id);
    assert_eq!((lane.consecutive_failures, lane.paused_until), (9, None), "it fails, and a 404 is no reason to pause");
    let streak = server.store().directory().webhook(webhook.id).unwrap().streak.expect("a delivery has failed");
    assert!(lane.failing_since.is_some_and(|since| since < streak.first_at), "since its first attempt");
    assert_eq!(attempts.iter().map(|attempt| attempt.number).collect::<Vec<_>>(), (1..=9).collect::<Vec<_>>());
    for (attempt, plan) in attempts.windows(2).zip([5, 30, 300, 1_800, 7_200, 18_000, 36_000, 50_400]) {
        let apart = attempt[1].started_at.since(attempt[0].started_at).as_secs_f64();
        let plan = f64::from(plan);
        assert!((plan * 0.8..=plan * 1.2 + 2.0).contains(&apart), "{apart} s instead of {plan} s");
    }
    let bodies: Vec<Bytes> = server.receivers.log().into_iter().map(|request| request.body).collect();
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_open_breaker_uses_up_no_attempts_and_everything_arrives_when_the_endpoint_is_back() {
    let server = start();
    let webhook = server.create_webhook("unwell", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Fails(FailureKind::ConnectionRefused));
    let ids: Vec<EventId> = (0..20).flat_map(|_| server.accept(vec![event(Some("t")); 10])).map(|(id, _)| id).collect();
    server.until("a pause", || server.engine().lane(webhook.id).paused_until.is_some());
    server.quiesce(&[webhook.id]);
    let made = server.receivers.log().len();
    assert!(made <= 10, "{made} attempts at an endpoint that does not answer");
    let untouched = ids.iter().filter(|id| server.delivery_of(**id).attempts == 0).count();
    assert!(untouched >= 190);
    // For an hour, one probe for each pause.
    let end = server.clock.now() + Duration::from_hours(1);
    while let Some(next) = server.quiesce(&[webhook.id]).filter(|next| *next < end) {
        server.clock.set(next);
        server.engine().wake();
    }
    let probes = server.receivers.log().len() - made;
    assert!((10..40).contains(&probes), "{probes} probes in an hour");
    server.receivers.all(Reply::Status(200));
    server.finish(&[webhook.id]);
    assert!(ids.iter().all(|id| matches!(server.state_of(*id), DeliveryState::Delivered { .. })));
    assert_eq!(server.receivers.log().iter().filter(|request| request.reply.is_success()).count(), 200);
}

#[test]
fn what_an_endpoint_fails_at_does_not_keep_the_rest_from_it() {
    let server = start();
    let webhook = server.create_webhook("broken-for-some", Scope::Environment, RetryPolicy::Standard);
    server.receivers.plan_by_request(|request| Reply::Status(if request.body.len() > 2 { 500 } else { 200 }));
    server.accept(vec![event(Some("t"))]);
    server.finish(&[webhook.id]);
    // Of one kind, or of one tenant, 40 in a row, and after them what it takes.
    server.accept(vec![event_of(Some("t"), 3); 40]);
    server.quiesce(&[webhook.id]);
    let good: Vec<EventId> = server.accept(vec![event(Some("t")); 40]).into_iter().map(|(id, _)| id).collect();
    let end = server.clock.now() + Duration::from_hours(1);
    while let Some(next) = server.quiesce(&[webhook.id]).filter(|next| *next < end) {
        server.clock.set(next);
        server.engine().wake();
    }
    let waiting = good.iter().filter(|id| !server.state_of(**id).is_final()).count();
    assert_eq!(waiting, 0, "of {} that it takes", good.len());
}

#[test]
fn our_own_faults_use_up_no_attempt_and_blame_nobody() {
    let server = start();
    let webhook = server.create_webhook("behind-our-proxy", Scope::Environment, RetryPolicy::Frontegg);
    server.receivers.all(Reply::Ours(OurFault::Proxy));
    let ids: Vec<EventId> = server.accept(vec![event(None); 10]).into_iter().map(|(id, _)| id).collect();
    // After some of them the lane holds its breath, and then tries one by one.
    for _ in 0..ids.len() {
        if let Some(next) = server.quiesce(&[webhook.id]) {
            server.advance(next.since(server.clock.now()));
        }
    }
    server.quiesce(&[webhook.id]);
    for id in &ids {
        let delivery = server.delivery_of(*id);
        assert!(matches!(
            delivery.state,
            DeliveryState::Pending { fault: Some(Fault { kind: OurFault::Proxy, .. }), .. }
        ));
        assert_eq!(delivery.attempts, 0);
    }
    let lane = server.engine().lane(webhook.id);
    assert_eq!((lane.consecutive_failures, lane.paused_until), (0, None));
    assert_eq!(server.status_of(webhook.id), WebhookStatus::Active);
    server.receivers.all(Reply::Status(200));
    server.finish(&[webhook.id]);
    assert!(ids.iter().all(|id| matches!(server.state_of(*id), DeliveryState::Delivered { .. })));
}

#[test]
fn producers_are_told_to_come_back_rather_than_memory_grows() {
    let options =
        EngineOptions { memory_budget: 32 * 1024, intake_patience: Duration::ZERO, ..EngineOptions::default() };
    let server = Server::start(1, options);
    assert_eq!(server.try_accept(vec![event_of(None, 16 * 1024)]), Err(AcceptError::TooLarge));
    let engine = server.engine();
    let accept = || engine.accept(server.environment(), vec![event_of(None, 12 * 1024)], None);
    // Unless the first is committed before the second is even asked for.
    server.until("overload", || {
        let (first, second) = server.wait(async { tokio::join!(accept(), accept()) });
        assert!(matches!(first, Ok(AcceptOutcome::Accepted(_))));
        second == Err(AcceptError::Overloaded)
    });
    assert!(matches!(server.wait(accept()), Ok(AcceptOutcome::Accepted(_))), "room is given back at the commit");
}

#[test]
fn what_is_being_read_takes_the_memory_that_its_events_take() {
    let options =
        EngineOptions { memory_budget: 32 * 1024, intake_patience: Duration::ZERO, ..EngineOptions::default() };
    let server = Server::start(1, options);
    let engine = server.engine();
    let events = || vec![event_of(None, 12 * 1024)];
    let room = server.wait(engine.room_for(12 * 1024)).unwrap();
    assert_eq!(server.wait(engine.accept(server.environment(), events(), None)), Err(AcceptError::Overloaded));
    let accepted = server.wait(engine.accept_read(server.environment(), events(), None, room));
    assert!(matches!(accepted, Ok(AcceptOutcome::Accepted(_))), "it has its room already: {accepted:?}");
    let accepted = server.wait(engine.accept(server.environment(), events(), None));
    assert!(matches!(accepted, Ok(AcceptOutcome::Accepted(_))), "all of it is given back: {accepted:?}");
}

#[test]
fn what_is_read_in_many_small_parts_takes_little_more_than_it_has() {
    let bytes = 400_000;
    let options = EngineOptions {
        memory_budget: 2 * (bytes + 2 * 1024),
        intake_patience: Duration::ZERO,
        ..EngineOptions::default()
    };
    let server = Server::start(1, options);
    let engine = server.engine();
    let events = || vec![event_of(None, bytes / 2); 2];
    let reading = async {
        let room = engine.room_for(8).await?;
        for _ in 1..bytes / 8 {
            room.merge(&engine.more_room_for(8).await?);
        }
        Ok::<_, AcceptError>(room)
    };
    let room = server.wait(reading).unwrap();
    assert_eq!(server.try_accept(vec![event_of(None, 2 * 1024)]), Err(AcceptError::Overloaded), "its bytes are held");
    let accepted = server.wait(engine.accept_read(server.environment(), events(), None, room));
    assert!(matches!(accepted, Ok(AcceptOutcome::Accepted(_))), "what the second event takes is added: {accepted:?}");
    let accepted = server.try_accept(events());
    assert!(matches!(accepted, Ok(AcceptOutcome::Accepted(_))), "all of it is given back: {accepted:?}");
}

#[test]
fn what_was_accepted_under_a_key_is_not_refused_for_webhooks_that_came_since() {
    for (memory_budget, events, refused) in [
        (MEMORY_BUDGET, 500, AcceptError::TooManyDeliveries { most: BATCH_DELIVERIES }),
        (8 * 1024, 1, AcceptError::TooLarge),
    ] {
        let server = Server::start(1, EngineOptions { memory_budget, ..EngineOptions::default() });
        let accept = |key: &str| {
            let environment_id = server.environment();
            let idempotency = Idempotency { environment_id, key: key.into(), body_hash: [1; 32] };
            server.wait(server.engine().accept(environment_id, vec![event(None); events], Some(idempotency)))
        };
        let Ok(AcceptOutcome::Accepted(receipt)) = accept("first") else { panic!("nothing speaks against it") };
        for _ in 0..41 {
            server.create_webhook("late", Scope::Environment, no_retries());
        }
        assert_eq!(accept("first"), Ok(AcceptOutcome::Repeated(receipt)));
        assert_eq!(accept("another"), Err(refused));
    }
}

#[test]
fn a_batch_that_fans_out_too_far_is_refused_and_a_single_event_is_not() {
    let server = start();
    let webhooks: Vec<_> =
        (0..41).map(|_| server.create_webhook("well", Scope::Environment, no_retries()).id).collect();
    let refused = server.try_accept(vec![event(None); 500]);
    assert_eq!(refused, Err(AcceptError::TooManyDeliveries { most: BATCH_DELIVERIES }));
    let (id, deliveries) = server.accept(vec![event(None)])[0];
    assert_eq!(deliveries, 41);
    server.finish(&webhooks);
    assert!(server.receivers.log().iter().all(|request| request.event == id), "all or nothing");
}

#[test]
fn a_caller_who_goes_away_loses_nothing() {
    let server = start();
    server.create_webhook("well", Scope::Environment, no_retries());
    server.wait(async {
        tokio::select! {
            biased;
            accepted = server.engine().accept(server.environment(), vec![event(None)], None) => panic!("{accepted:?}"),
            () = std::future::ready(()) => {}
        }
    });
    server.until("the request", || server.receivers.log().len() == 1);
}

#[test]
fn a_backlog_stays_in_the_database_and_every_delivery_of_it_arrives_once() {
    let options = EngineOptions { in_flight: 64, memory_budget: 1024 * 1024, ..EngineOptions::default() };
    let server = Server::start(1, options);
    let hangs = server.create_webhook("hangs", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Hangs);
    for _ in 0..20 {
        server.accept(vec![event_of(Some("noisy"), 600); 250]);
    }
    let lane = server.engine().lane(hangs.id);
    assert!(lane.waiting_in_memory <= LANE_DELIVERIES && lane.in_flight > 0);
    server.receivers.all(Reply::Status(200));
    server.receivers.release();
    server.finish(&[hangs.id]);
    let log = server.receivers.log();
    let mut taken: Vec<EventId> = log.iter().filter(|r| r.reply.is_success()).map(|r| r.event).collect();
    taken.sort_unstable();
    assert_eq!(taken.len(), 5_000);
    taken.dedup();
    assert_eq!(taken.len(), 5_000, "each once");
}

#[test]
fn a_stop_gives_up_what_hangs_and_the_next_start_sends_it_under_the_same_id() {
    let options = EngineOptions { shutdown_patience: Duration::from_millis(50), ..EngineOptions::default() };
    let mut server = Server::start(1, options);
    let webhook = server.create_webhook("hangs", Scope::Environment, RetryPolicy::Standard);
    server.receivers.all(Reply::Hangs);
    let (id, _) = server.accept(vec![event(None)])[0];
    server.until("the request", || server.receivers.log().len() == 1);
    let engine = server.engine().clone();
    server.receivers.all(Reply::Status(200));
    server.restart();
    assert_eq!(server.wait(engine.accept(server.environment(), vec![event(None)], None)), Err(AcceptError::Stopping));
    server.finish(&[webhook.id]);
    let delivery = server.delivery_of(id);
    assert!(matches!(delivery.state, DeliveryState::Delivered { .. }));
    assert_eq!(delivery.attempts, 1);
    assert_eq!(server.receivers.log().iter().map(|request| request.event).collect::<Vec<_>>(), [id, id]);
}

#[test]
fn a_resend_is_a_new_delivery_under_the_same_id() {
    let server = start();
    let webhook = server.create_webhook("well", Scope::Environment, no_retries());
    let (id, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    let first = server.delivery_of(id);
    let ResendOutcome::Resent(again) = server.wait(server.engine().resend(server.environment(), first.id)).unwrap()
    else {
        panic!("not resent")
    };
    assert_eq!((again.origin, again.resend_of), (Origin::Resend, Some(first.id)));
    server.until("both ended", || server.deliveries_of(id).iter().all(|delivery| delivery.state.is_final()));
    assert_eq!(server.receivers.log().iter().map(|request| request.event).collect::<Vec<_>>(), [id, id]);
    server.switch(webhook.id, false);
    let refused = server.wait(server.engine().resend(server.environment(), first.id)).unwrap();
    assert_eq!(refused, ResendOutcome::WebhookDisabled);
}

#[test]
fn a_test_has_a_deliverys_headers_and_is_recorded_nowhere() {
    let server = start();
    let now = Timestamp::from_micros(1);
    let event = Event {
        id: EventId::from_uuid(uuid::Uuid::from_u128(77)),
        environment_id: server.environment(),
        key: EventKey::parse("order.made").unwrap(),
        tenant_id: None,
        user_id: None,
        application_id: None,
        occurred_at: None,
        accepted_at: now,
        body: Bytes::from_static(b"{}"),
        room: Room::uncounted(),
    };
    let request = TestRequest {
        scope: Scope::Environment,
        url: EndpointUrl::parse("https://new.example/hooks").unwrap(),
        secret: Secret::from_vendor(SECRET).unwrap(),
        signing: Signing::default(),
        event,
        deadline: Duration::from_secs(15),
        draft: Draft::default(),
    };
    let report = server.wait(server.engine().test(request)).unwrap();
    assert_eq!(report.exchange.result.unwrap().status, 200);
    let log = server.receivers.log();
    assert_eq!(log[0].event, report.event_id);
    assert!(log[0].headers.contains_key("webhook-signature"));
    assert!(server.wait(server.store().event(server.environment(), report.event_id)).unwrap().is_none());
}

#[test]
fn watchers_see_what_is_accepted() {
    let server = start();
    let watcher = server.engine().watch(server.environment(), EventsWanted::default());
    let (id, _) = server.accept(vec![event(None)])[0];
    assert!(server.wait(watcher.news()));
    let accepted = watcher.take();
    assert_eq!(accepted.events.iter().map(|event| event.id).collect::<Vec<_>>(), [id]);
    assert_eq!(accepted.missed, 0);
}
