//! `register-users`: an invited user is in the database, once.

use serde_json::json;

use crate::forgery::{self, PLAIN_SECRET, Signed, body};
use crate::receiver::Language;
use crate::world::World;

const INVITED: &str = "frontegg.user.invitedToTenant";
const EVERYBODY: &str = "SELECT id, email, name, tenant_id FROM users LEFT JOIN members ON user_id = id ORDER BY 1, 4";
const MARKS: &str = "SELECT count(*) FROM handled";

async fn an_invited_user_is_registered_once(language: Language) {
    if !language.is_ready() {
        return;
    }
    let world = World::start().await;
    let receiver = world.receiver(language, "register-users", PLAIN_SECRET, &[]).await;
    world.subscribe(&receiver, PLAIN_SECRET, &["frontegg.user.*"]).await;

    let ada = ["user.id=ada", "user.email=ada@example.com", "user.name=Ada"];
    let invited = world.trigger(INVITED, &ada).await;
    invited.is_delivered().await;
    assert_eq!(receiver.rows(EVERYBODY), ["ada ada@example.com Ada acme"]);
    world.trigger("frontegg.user.created", &["user.id=somebody"]).await.is_delivered().await;
    assert_eq!(receiver.rows(EVERYBODY).len(), 1, "other events are taken, and nothing is done");

    // The application goes on with its life; a repeat of what was handled must not undo it.
    receiver.database().execute_batch("DELETE FROM members; DELETE FROM users").unwrap();
    invited.is_delivered_again().await;
    assert!(receiver.rows(EVERYBODY).is_empty());

    let ben = body(INVITED, &json!({"id": "ben", "email": "ben@example.com", "name": null}));
    let answers = forgery::at_once(&world, &receiver, &Signed::event(PLAIN_SECRET, 0, ben.clone())).await;
    assert_eq!(answers, [204; 8]);
    assert_eq!(receiver.rows(EVERYBODY), ["ben ben@example.com null acme"]);
    assert_eq!(receiver.rows(MARKS), ["2"]);

    // What fails half way leaves nothing, so that the next try does all of it.
    let fails = "CREATE TRIGGER fails BEFORE INSERT ON members BEGIN SELECT RAISE(ABORT, 'out of order'); END";
    receiver.database().execute_batch(fails).unwrap();
    let cleo = world.trigger(INVITED, &["user.id=cleo", "user.email=cleo@example.com", "user.name=Cleo"]).await;
    cleo.is_refused_with(500).await;
    assert_eq!(receiver.rows(EVERYBODY).len(), 1);
    assert_eq!(receiver.rows(MARKS), ["2"]);
    receiver.database().execute_batch("DROP TRIGGER fails").unwrap();
    cleo.is_delivered().await;
    assert_eq!(receiver.rows(EVERYBODY).len(), 2);

    forgery::are_refused(
        &world,
        &receiver,
        PLAIN_SECRET,
        &body(INVITED, &json!({"id": "eve", "email": "e@example.com"})),
    )
    .await;
    let nobody = Signed::event(PLAIN_SECRET, 0, body(INVITED, &json!(null)));
    assert_eq!(nobody.send(&world, &receiver).await, 422, "an invitation of nobody");
    assert_eq!(receiver.rows(EVERYBODY).len(), 2);
    assert_eq!(receiver.rows(MARKS), ["3"]);
}

#[tokio::test]
async fn an_invited_user_is_registered_once_in_node() {
    an_invited_user_is_registered_once(Language::Node).await;
}

#[tokio::test]
async fn an_invited_user_is_registered_once_in_python() {
    an_invited_user_is_registered_once(Language::Python).await;
}

#[tokio::test]
async fn an_invited_user_is_registered_once_in_rust() {
    an_invited_user_is_registered_once(Language::Rust).await;
}
