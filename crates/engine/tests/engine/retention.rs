//! What environments keep no longer goes, and nothing else does.

use std::time::Duration;

use postrider_core::attempt::FailureKind;
use postrider_core::delivery::StateKind;
use postrider_core::retention::Retention;
use postrider_core::retry::RetryPolicy;
use postrider_core::webhook::Scope;
use postrider_core::{EnvironmentId, EventId};
use postrider_engine::EngineOptions;
use postrider_store::{AcceptOutcome, Actor, CreateEnvironment, NewEnvironment, PutRetention};

use crate::support::{Reply, Server, event};

const DAY: Duration = Duration::from_hours(24);

fn is_there(server: &Server, environment: EnvironmentId, event: EventId) -> bool {
    server.wait(server.store().event(environment, event)).unwrap().is_some()
}

fn keep(server: &Server, environment: EnvironmentId, days: u64) {
    let retention = Retention::from_days(days);
    let put = server.wait(server.engine().put_retention(environment, retention, Actor::Control));
    assert_eq!(put, Ok(PutRetention::Put));
}

#[test]
fn a_shorter_retention_deletes_at_once_what_has_ended_in_that_environment() {
    let options = EngineOptions { retention: Retention::from_days(10).unwrap(), ..EngineOptions::default() };
    let server = Server::start(31, options);
    let new = NewEnvironment { id: None, name: "Staging".into(), made_by: Actor::Control };
    let CreateEnvironment::Created(other) = server.wait(server.store().create_environment(new)).unwrap() else {
        panic!("a new id is not taken")
    };
    server.receivers.plan(|url| {
        if url.contains("down") { Reply::Fails(FailureKind::ConnectionRefused) } else { Reply::Status(200) }
    });
    server.create_webhook("up", Scope::Environment, RetryPolicy::Standard);
    let (ended, _) = server.accept(vec![event(None)])[0];
    server.until("it is delivered", || server.deliveries_of(ended)[0].state.kind() == StateKind::Delivered);
    server.create_webhook("down", Scope::Environment, RetryPolicy::Standard);
    let (waits, _) = server.accept(vec![event(None)])[0];
    let states = || server.deliveries_of(waits).iter().map(|delivery| delivery.state.kind()).collect::<Vec<_>>();
    server.until("one is delivered, the other not", || {
        states().contains(&StateKind::Delivered) && states().contains(&StateKind::Retrying)
    });
    let accepting = server.engine().accept(other.id, vec![event(None)], None);
    let AcceptOutcome::Accepted(receipt) = server.wait(accepting).unwrap() else { panic!("it is accepted") };
    let others = receipt[0].0;

    server.advance(3 * DAY);
    keep(&server, server.environment(), 2);
    server.until("it is deleted", || !is_there(&server, server.environment(), ended));
    assert!(is_there(&server, server.environment(), waits), "one of its deliveries waits");
    assert!(is_there(&server, other.id, others), "it is of another environment");
    // The server's own number counts for those that have none.
    server.advance(8 * DAY);
    keep(&server, server.environment(), 3_650);
    server.until("it is deleted, too", || !is_there(&server, other.id, others));
    assert!(is_there(&server, server.environment(), waits));
}
