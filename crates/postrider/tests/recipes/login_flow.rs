//! `login-flow`: failures in a row put an account under review, whatever is late or repeated.

use serde_json::json;

use crate::forgery::{self, SECRET, Signed, body};
use crate::receiver::Language;
use crate::world::World;

const FAILED: &str = "frontegg.user.failedAuthentication";
const PASSED: &str = "frontegg.user.authenticated";
const CHANGED: &str = "frontegg.user.changedPassword";
const STATES: &str = "SELECT user_id, state FROM accounts ORDER BY 1";
const TASKS: &str = "SELECT user_id, kind FROM tasks ORDER BY id";
const LOGINS: &str = "SELECT count(*) FROM logins";

async fn failures_in_a_row_are_reviewed_once(language: Language) {
    if !language.is_ready() {
        return;
    }
    let world = World::start().await;
    let receiver = world.receiver(language, "login-flow", SECRET, &[]).await;
    world.subscribe(&receiver, SECRET, &[FAILED, PASSED, CHANGED]).await;
    let ada = ["user.id=ada"];

    let failed = world.trigger(FAILED, &ada).await;
    failed.is_delivered().await;
    world.trigger(FAILED, &ada).await.is_delivered().await;
    failed.is_delivered_again().await;
    assert_eq!(receiver.rows(STATES), ["ada open"], "a repeat is no third failure");
    let last = world.trigger(FAILED, &ada).await;
    last.is_delivered().await;
    assert_eq!(receiver.rows(STATES), ["ada review"]);
    assert_eq!(receiver.rows(TASKS), ["ada start-review"]);

    world.trigger(PASSED, &ada).await.is_delivered().await;
    last.is_delivered_again().await;
    assert_eq!(receiver.rows(STATES), ["ada open"]);
    assert_eq!(receiver.rows(TASKS), ["ada start-review", "ada end-review"]);

    // Ben failed three times and then signed in. That arrives in another order, and eight times at once.
    let ben = |minutes, key| Signed::event(SECRET, minutes, body(key, &json!({"id": "ben"})));
    for request in [ben(5, FAILED), ben(2, PASSED), ben(4, FAILED), ben(3, FAILED)] {
        assert_eq!(forgery::at_once(&world, &receiver, &request).await, [204; 8]);
    }
    assert_eq!(receiver.rows(STATES), ["ada open", "ben open"]);
    assert_eq!(receiver.rows(TASKS).len(), 2);
    assert_eq!(receiver.rows(LOGINS), ["8"]);

    // What fails half way leaves nothing, so that the next try does all of it.
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'out of order'); END";
    receiver.database().execute_batch(fails).unwrap();
    let cleo = ["user.id=cleo"];
    world.trigger(FAILED, &cleo).await.is_delivered().await;
    world.trigger(FAILED, &cleo).await.is_delivered().await;
    let third = world.trigger(FAILED, &cleo).await;
    third.is_refused_with(500).await;
    assert_eq!(receiver.rows(LOGINS), ["10"]);
    assert_eq!(receiver.rows(STATES)[2], "cleo open");
    receiver.database().execute_batch("DROP TRIGGER fails").unwrap();
    third.is_delivered().await;
    assert_eq!(receiver.rows(STATES)[2], "cleo review");
    assert_eq!(receiver.rows(TASKS)[2..], ["cleo start-review"]);
    world.trigger(CHANGED, &cleo).await.is_delivered().await;
    assert_eq!(receiver.rows(STATES)[2], "cleo open");

    forgery::are_refused(&world, &receiver, SECRET, &body(FAILED, &json!({"id": "eve"}))).await;
    let nobody = Signed::event(SECRET, 0, body(FAILED, &json!(null)));
    assert_eq!(nobody.send(&world, &receiver).await, 204, "somebody whom nobody knows");
    assert_eq!(receiver.rows(LOGINS), ["12"]);
}

#[tokio::test]
async fn failures_in_a_row_are_reviewed_once_in_node() {
    failures_in_a_row_are_reviewed_once(Language::Node).await;
}

#[tokio::test]
async fn failures_in_a_row_are_reviewed_once_in_python() {
    failures_in_a_row_are_reviewed_once(Language::Python).await;
}

#[tokio::test]
async fn failures_in_a_row_are_reviewed_once_in_rust() {
    failures_in_a_row_are_reviewed_once(Language::Rust).await;
}
