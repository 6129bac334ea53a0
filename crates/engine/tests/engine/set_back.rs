//! A clock that was ahead by less than anything may wait, and is set back: what waits goes on.

use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::FailureKind;
use postrider_core::order::OrderBy;
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::{Scope, Sending, Webhook};
use postrider_core::{Clock as _, EventId};
use postrider_engine::EngineOptions;

use crate::support::{Reply, Server, event};

const AHEAD: Duration = Duration::from_hours(2);
/// More than any pause or retry takes here, and much less than the clock was ahead.
const SOON: Duration = Duration::from_mins(20);

/// Two webhooks that nobody answers for, one of them ordered, with events that were accepted while the clock was ahead: of each some wait
/// for a retry, and others were never attempted.
fn unanswered(server: &Server) -> ([Arc<Webhook>; 2], Vec<EventId>) {
    server.advance(AHEAD);
    server.receivers.all(Reply::Fails(FailureKind::ConnectionRefused));
    let retry = RetryPolicy::Delays(vec![3; 20].try_into().unwrap());
    let free = server.create_webhook("free", Scope::Environment, retry.clone());
    let sending = Sending { retry, order_by: Some(OrderBy::Tenant), ..Sending::default() };
    let ordered = server.create_webhook_like("ordered", Scope::Environment, sending, None);
    let events = (0..40).map(|_| server.accept(vec![event(Some("t"))])[0].0).collect();
    server.until("one is paused, and the other's first was attempted", || {
        server.advance(Duration::from_millis(20));
        let paused = server.engine().lane(free.id).paused_until.is_some();
        paused && server.receivers.log().iter().any(|request| request.url.contains("ordered"))
    });
    ([free, ordered], events)
}

fn all_goes_out(server: &Server, webhooks: &[Arc<Webhook>; 2], events: &[EventId]) {
    let began = server.clock.now();
    server.receivers.all(Reply::Status(200));
    server.until("everything is sent", || {
        server.advance(Duration::from_millis(200));
        webhooks.iter().all(|webhook| server.wait(server.store().waiting_for(webhook.id)).unwrap() == 0)
    });
    assert!(server.clock.now().since(began) < SOON);
    let sent = |name: &str| -> Vec<EventId> {
        let log = server.receivers.log();
        let got = log.iter().filter(|request| request.url.contains(name) && request.reply.is_success());
        got.map(|request| request.event).collect()
    };
    assert_eq!(sent("ordered"), events, "in their order, each once");
    let mut free = sent("free");
    free.sort();
    let mut expected = events.to_vec();
    expected.sort();
    assert_eq!(free, expected, "each once");
}

#[test]
fn what_a_clock_ahead_has_put_off_goes_out_when_it_is_set_back() {
    let server = Server::start(7, EngineOptions::default());
    let (webhooks, events) = unanswered(&server);
    server.clock.set(server.clock.now() - AHEAD);
    server.engine().wake();
    all_goes_out(&server, &webhooks, &events);
}

#[test]
fn what_a_clock_ahead_has_put_off_goes_out_after_a_restart() {
    let mut server = Server::start(8, EngineOptions::default());
    let (webhooks, events) = unanswered(&server);
    server.clock.set(server.clock.now() - AHEAD);
    server.restart();
    all_goes_out(&server, &webhooks, &events);
}
