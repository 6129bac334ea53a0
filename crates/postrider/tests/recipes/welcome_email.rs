//! `welcome-email`: one e-mail upon the first login, whatever is repeated, crashes or is down.

use serde_json::json;

use crate::forgery::{self, SECRET, Signed, body};
use crate::mail::{MailServer, Manner};
use crate::receiver::Language;
use crate::world::World;

const PASSED: &str = "frontegg.user.authenticated";
const PASSED_BY_SSO: &str = "frontegg.user.authenticatedWithSSO";
const CLAIMS: &str = "SELECT user_id, sent_at IS NOT NULL FROM welcomes ORDER BY 1";

async fn a_first_login_is_welcomed_once(language: Language) {
    if !language.is_ready() {
        return;
    }
    let world = World::start().await;
    // A port that is free, where nobody listens yet.
    let nobody = MailServer::start(Manner::Takes).await;
    let address = nobody.address();
    nobody.stop().await;
    let url = MailServer::url(address);
    let settings = [("SMTP_URL", url.as_str()), ("MAIL_FROM", "hello@vendor.example"), ("WELCOME_SINCE", "2026-02-01")];
    let receiver = world.receiver(language, "welcome-email", SECRET, &settings).await;
    world.subscribe(&receiver, SECRET, &["frontegg.user.*"]).await;

    // Without a mail server the event comes again, until there is one.
    let new = "user.createdAt=2026-02-03T10:00:00.000Z";
    let ada = ["user.id=ada", "user.email=ada@example.com", "user.name=Ada Lovelace", new];
    let first = world.trigger(PASSED, &ada).await;
    first.is_refused_with(503).await;
    let mail = MailServer::start_at(address, Manner::Takes).await;
    first.is_delivered().await;
    let [welcome] = mail.taken().try_into().expect("one e-mail");
    let welcome: String = welcome;
    for part in
        ["ada@example.com", "Ada Lovelace", "hello@vendor.example", "Subject: Welcome", "<welcome-ada@vendor.example>"]
    {
        assert!(welcome.contains(part), "{part} in {welcome}");
    }

    first.is_delivered_again().await;
    world.trigger(PASSED, &ada).await.is_delivered().await;
    world.trigger(PASSED_BY_SSO, &ada).await.is_delivered().await;
    world.trigger(PASSED, &["user.id=old", "user.createdAt=2026-01-31T23:59:59.999Z"]).await.is_delivered().await;
    world.trigger("frontegg.user.created", &["user.id=unseen", new]).await.is_delivered().await;
    assert_eq!(mail.taken().len(), 1);

    let ben = body(PASSED_BY_SSO, &json!({"id": "ben", "email": "ben@example.com", "name": null, "createdAt": null}));
    let request = Signed::event(SECRET, 0, ben);
    // Those that come while one of them sends it are told to come again.
    let answers = forgery::at_once(&world, &receiver, &request).await;
    assert!(answers.contains(&204) && answers.iter().all(|status| [204, 503].contains(status)), "{answers:?}");
    assert_eq!(request.send(&world, &receiver).await, 204);
    assert_eq!(mail.taken().len(), 2);

    let eve = json!({"id": "eve", "email": "eve@example.com", "name": "Eve"});
    forgery::are_refused(&world, &receiver, SECRET, &body(PASSED, &eve)).await;
    let nobody = Signed::event(SECRET, 0, body(PASSED, &json!({"id": "nobody", "email": null})));
    assert_eq!(nobody.send(&world, &receiver).await, 422, "nobody to write to");
    assert_eq!(mail.taken().len(), 2);
    assert_eq!(receiver.rows(CLAIMS), ["ada 1", "ben 1"]);
}

async fn a_welcome_is_sent_although_the_receiver_crashed(language: Language) {
    if !language.is_ready() {
        return;
    }
    let world = World::start().await;
    let mut silent = MailServer::start(Manner::NeverSays).await;
    let address = silent.address();
    let url = MailServer::url(address);
    let settings = [("SMTP_URL", url.as_str())];
    let receiver = world.receiver(language, "welcome-email", SECRET, &settings).await;
    let ada = json!({"id": "ada", "email": "ada@example.com", "name": "Ada"});
    let request = Signed::event(SECRET, 0, body(PASSED, &ada));
    {
        let sent = request.try_send(&world, &receiver);
        tokio::select! {
            answer = sent => panic!("no answer before the mail server's: {answer:?}"),
            () = silent.has_read_one() => {}
        }
    }
    receiver.kill();
    silent.stop().await;

    let mail = MailServer::start_at(address, Manner::Takes).await;
    let receiver = world.receiver(language, "welcome-email", SECRET, &settings).await;
    assert_eq!(request.send(&world, &receiver).await, 503, "it may still be on its way");
    assert_eq!(receiver.rows(CLAIMS), ["ada 0"]);
    // A minute later.
    receiver.database().execute("UPDATE welcomes SET claimed_at = claimed_at - 60", []).unwrap();
    let answers = forgery::at_once(&world, &receiver, &request).await;
    assert!(answers.contains(&204) && answers.iter().all(|status| [204, 503].contains(status)), "{answers:?}");
    assert_eq!(receiver.rows(CLAIMS), ["ada 1"]);
    assert_eq!(mail.taken().len(), 1);
}

#[tokio::test]
async fn a_first_login_is_welcomed_once_by_node() {
    a_first_login_is_welcomed_once(Language::Node).await;
}

#[tokio::test]
async fn a_first_login_is_welcomed_once_by_python() {
    a_first_login_is_welcomed_once(Language::Python).await;
}

#[tokio::test]
async fn a_first_login_is_welcomed_once_by_rust() {
    a_first_login_is_welcomed_once(Language::Rust).await;
}

#[tokio::test]
async fn a_welcome_is_sent_although_the_receiver_crashed_in_node() {
    a_welcome_is_sent_although_the_receiver_crashed(Language::Node).await;
}

#[tokio::test]
async fn a_welcome_is_sent_although_the_receiver_crashed_in_python() {
    a_welcome_is_sent_although_the_receiver_crashed(Language::Python).await;
}

#[tokio::test]
async fn a_welcome_is_sent_although_the_receiver_crashed_in_rust() {
    a_welcome_is_sent_although_the_receiver_crashed(Language::Rust).await;
}
