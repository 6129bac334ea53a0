//! What is told of the requests of past attempts is what was sent.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::attempt::Attempt;
use postrider_core::request::SettingsRevision;
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{
    Access, Authentication, CustomHeader, HeaderVisibility, Hidden, Payload, RequestMethod, Shape,
};
use postrider_core::signature::{PrivateKey, Scheme, Secret, SigningChange};
use postrider_core::webhook::{Deadline, EndpointUrl, Scope, Sending, Webhook};
use postrider_core::{Clock, EventId};
use postrider_engine::{EngineOptions, SentRequest, ToldValue};
use postrider_store::WebhookPatch;

use crate::support::{Received, Reply, Server, event};

const SECRET: &str = "a secret of some length";

fn start() -> (Server, Arc<Webhook>) {
    let server = Server::start(1, EngineOptions::default());
    let retry = RetryPolicy::Delays(vec![10_u32, 10, 10].try_into().unwrap());
    let webhook = server.create_signed_webhook("told", Scope::Environment, retry, Some(SECRET));
    (server, webhook)
}

fn header(name: &str, value: &str, visibility: HeaderVisibility) -> CustomHeader {
    CustomHeader::new(name, value, visibility).unwrap()
}

impl Server {
    /// The attempts of an event's only delivery, with what is told of their requests.
    fn told(&self, event: EventId) -> Vec<(Attempt, Option<SentRequest>)> {
        let delivery = self.delivery_of(event);
        let attempts = self.wait(self.store().attempts(self.environment(), delivery.id)).unwrap();
        let sent = self.wait(self.engine().sent_requests(&delivery, &attempts)).unwrap();
        attempts.into_iter().zip(sent).collect()
    }
}

/// Checks what is told against what arrived.
fn check(attempt: &Attempt, told: &SentRequest, received: &Received) {
    assert_eq!((attempt.url.as_str(), told.method.name()), (received.url.as_str(), received.method.as_str()));
    let mut names: Vec<_> = told.headers.iter().map(|header| header.name.as_str()).collect();
    let mut sent: Vec<_> = received.headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    sent.sort_unstable();
    assert_eq!(names, sent, "these, and no others");
    for header in &told.headers {
        let value = received.headers[header.name.as_str()].to_str().unwrap();
        match &header.value {
            ToldValue::Text(text) => assert_eq!(text, value, "{}", header.name),
            ToldValue::Signature(kinds) if header.name == "webhook-signature" => {
                assert_eq!(value.split(' ').count(), kinds.len(), "{value}");
            }
            ToldValue::Hidden | ToldValue::Signature(_) | ToldValue::NotKept => {}
        }
    }
}

fn value<'t>(told: &'t SentRequest, name: &str) -> &'t ToldValue {
    &told.headers.iter().find(|header| header.name == name).expect(name).value
}

#[test]
fn each_attempt_tells_the_url_and_headers_that_it_was_made_with() {
    let (mut server, webhook) = start();
    server.receivers.all(Reply::Status(500));
    let (id, _) = server.accept(vec![event(Some("acme"))])[0];
    server.quiesce(&[webhook.id]);
    let access = Access {
        headers: vec![
            header("X-Tenant", "t-{{ event.tenantId }}", HeaderVisibility::Shown),
            header("x-key", "very-hidden", HeaderVisibility::Sensitive),
            header("User-Agent", "mine", HeaderVisibility::Shown),
        ],
        authentication: Some(Authentication::Basic { username: "u".into(), password: Hidden::new("p4ssword") }),
        certificate: None,
    };
    let until = server.clock.now() + Duration::from_hours(1);
    let next = Secret::from_vendor("the next secret of it").unwrap().unwrap();
    let patch = WebhookPatch {
        url: EndpointUrl::parse("https://moved.example/hooks?a=b").ok(),
        access: Some(access),
        sending: Some(Sending { deadline: Deadline::try_from(5).unwrap(), ..webhook.sending.clone() }),
        signing: vec![
            SigningChange::Scheme(Scheme::Both, PrivateKey::from_bytes([7; 32])),
            SigningChange::RotateSecret { secret: next, until, in_header_until: until },
        ],
        ..WebhookPatch::default()
    };
    server.change(webhook.id, patch);
    server.receivers.all(Reply::Status(200));
    server.finish(&[webhook.id]);
    // Neither later settings nor a start of the server change what was.
    server.reshape(webhook.id, Shape { method: RequestMethod::Put, payload: None }, Access::default());
    server.restart();
    let told = server.told(id);
    let log = server.receivers.log();
    assert_eq!((told.len(), log.len()), (2, 2));
    for ((attempt, told), received) in told.iter().zip(&log) {
        check(attempt, told.as_ref().expect("it is kept"), received);
    }
    let requests: Vec<_> = told.iter().map(|(_, told)| told.as_ref().expect("it is kept")).collect();
    assert_eq!(told[0].0.url, "https://told.example/hooks");
    assert_eq!(told[1].0.url, "https://moved.example/hooks?a=b");
    assert_eq!(requests.iter().map(|told| told.settings.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(requests.iter().map(|told| told.deadline.as_secs()).collect::<Vec<_>>(), [15, 5]);
    assert_eq!(*value(requests[0], "user-agent"), ToldValue::NotKept);
    assert_eq!(*value(requests[1], "user-agent"), ToldValue::Text("mine".into()));
    assert_eq!(*value(requests[1], "x-tenant"), ToldValue::Text("t-acme".into()));
    for hidden in ["x-key", "authorization"] {
        assert_eq!(*value(requests[1], hidden), ToldValue::Hidden);
    }
    let text = format!("{requests:?}");
    for secret in ["very-hidden", "p4ssword", SECRET, "the next secret"] {
        assert!(!text.contains(secret));
    }
}

#[test]
fn method_and_type_are_those_of_the_shape_that_the_delivery_keeps() {
    let (server, webhook) = start();
    let content_type = "application/x-www-form-urlencoded".parse().unwrap();
    let payload = Payload { template: "a={{ event.key }}".into(), content_type };
    let form = Shape { method: RequestMethod::Patch, payload: Some(payload) };
    server.reshape(webhook.id, form, Access::default());
    let (patched, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    server.reshape(webhook.id, Shape { method: RequestMethod::Get, payload: None }, Access::default());
    let (gotten, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    let log = server.receivers.log();
    for (id, received) in [patched, gotten].into_iter().zip(&log) {
        let told = server.told(id);
        check(&told[0].0, told[0].1.as_ref().expect("it is kept"), received);
    }
}

#[test]
fn of_an_attempt_without_settings_nothing_is_made_up() {
    let (server, webhook) = start();
    let (id, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    let delivery = server.delivery_of(id);
    let kept = server.wait(server.store().attempts(server.environment(), delivery.id)).unwrap().remove(0);
    let older = Attempt { settings: None, ..kept.clone() };
    let sent = server.wait(server.engine().sent_requests(&delivery, &[older.clone(), kept])).unwrap();
    assert_eq!(sent.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true]);
    let sent = server.wait(server.engine().sent_requests(&delivery, &[older])).unwrap();
    assert_eq!(sent, [None]);
}

#[test]
fn headers_of_many_settings_are_told_and_others_have_the_thread_in_between() {
    const SETS: u32 = 8;
    let (server, webhook) = start();
    let (id, _) = server.accept(vec![event(Some("acme"))])[0];
    server.finish(&[webhook.id]);
    for number in 1..=SETS {
        let template = format!("{number} of {{{{ event.tenantId }}}} {}", "x".repeat(3_000));
        let access =
            Access { headers: vec![header("x-long", &template, HeaderVisibility::Shown)], ..Access::default() };
        server.reshape(webhook.id, Shape::default(), access);
    }
    // The headers stay.
    let sending = Sending { deadline: Deadline::try_from(5).unwrap(), ..webhook.sending.clone() };
    server.change(webhook.id, WebhookPatch { sending: Some(sending), ..WebhookPatch::default() });
    let delivery = server.delivery_of(id);
    let kept = server.wait(server.store().attempts(server.environment(), delivery.id)).unwrap().remove(0);
    // As if there had been one after each change.
    let made_from = |number| Attempt { settings: SettingsRevision::new(number), ..kept.clone() };
    let attempts: Vec<_> = (1..=SETS + 2).map(made_from).collect();
    let mut pauses = 0;
    let sent = server.wait(async {
        let mut sent = pin!(server.engine().sent_requests(&delivery, &attempts));
        poll_fn(|context| {
            let polled = sent.as_mut().poll(context);
            pauses += u32::from(polled.is_pending());
            polled
        })
        .await
    });
    let sent: Vec<_> = sent.unwrap().into_iter().map(|sent| sent.expect("it is kept")).collect();
    assert!(sent[0].headers.iter().all(|header| header.name != "x-long"));
    for (number, sent) in (1_u32..).zip(&sent[1..]) {
        let ToldValue::Text(text) = value(sent, "x-long") else { panic!("it is shown") };
        assert!(text.starts_with(&format!("{} of acme xxx", number.min(SETS))), "{number}: {text}");
    }
    assert!(pauses >= SETS, "{pauses} pauses");
}
