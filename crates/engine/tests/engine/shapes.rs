//! What webhooks send that have a shape or an access of their own.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use postrider_core::WebhookId;
use postrider_core::attempt::FailureKind;
use postrider_core::delivery::{DeliveryState, FailReason};
use postrider_core::retry::RetryPolicy;
use postrider_core::shape::{
    Access, Authentication, ClientAuthentication, CustomHeader, HeaderVisibility, Hidden, MediaType, OAuth2, Payload,
    RequestMethod, Shape,
};
use postrider_core::signature::{Secret, verify_standard};
use postrider_core::webhook::{EndpointUrl, Scope, Webhook};
use postrider_engine::{Draft, EngineOptions, PreviewError, RenderedPart};
use postrider_store::ResendOutcome;

use crate::support::{Reply, Server, event};

const SECRET: &str = "a secret of some length";
const TOLERANCE: Duration = Duration::from_secs(1);

fn shape(method: RequestMethod, template: &str) -> Shape {
    Shape { method, payload: Some(Payload { template: template.into(), content_type: MediaType::json() }) }
}

fn header(name: &str, value: &str) -> CustomHeader {
    CustomHeader::new(name, value, HeaderVisibility::Shown).unwrap()
}

fn retries(seconds: &[u32]) -> RetryPolicy {
    RetryPolicy::Delays(seconds.to_vec().try_into().unwrap())
}

fn start() -> (Server, Arc<Webhook>) {
    let server = Server::start(1, EngineOptions::default());
    let webhook = server.create_signed_webhook("shaped", Scope::Environment, retries(&[10, 10, 10]), Some(SECRET));
    (server, webhook)
}

fn bodies(server: &Server) -> Vec<Bytes> {
    server.receivers.log().into_iter().map(|request| request.body).collect()
}

#[test]
fn all_attempts_send_the_bytes_of_the_revision_that_the_event_was_accepted_under() {
    let (mut server, webhook) = start();
    server.reshape(webhook.id, shape(RequestMethod::Put, r#"{"id": "{{ event.id }}", "v": 1}"#), Access::default());
    server.receivers.all(Reply::Status(500));
    let (id, _) = server.accept(vec![event(None)])[0];
    server.quiesce(&[webhook.id]);
    server.reshape(webhook.id, shape(RequestMethod::Post, r#"{"v": 2}"#), Access::default());
    // What was compiled is gone, and the old revision is not the webhook's own.
    server.restart();
    server.receivers.plan({
        let mut asked = 0;
        move |_| {
            asked += 1;
            Reply::Status(if asked == 1 { 500 } else { 200 })
        }
    });
    server.finish(&[webhook.id]);
    let log = server.receivers.log();
    let expected = Bytes::from(format!(r#"{{"id": "{id}", "v": 1}}"#));
    assert_eq!(log.len(), 3);
    for request in &log {
        assert_eq!((&request.body, &request.method), (&expected, &Method::PUT));
        let secret = Secret::from_vendor(SECRET).unwrap().unwrap();
        let text = |name: &str| request.headers[name].to_str().unwrap().to_owned();
        let (timestamp, signature) = (text("webhook-timestamp"), text("webhook-signature"));
        verify_standard(&text("webhook-id"), &timestamp, &signature, &request.body, &secret, request.at, TOLERANCE)
            .expect("signatures cover what is sent");
    }
    let ResendOutcome::Resent(_) =
        server.wait(server.engine().resend(server.environment(), server.delivery_of(id).id)).unwrap()
    else {
        panic!("not resent")
    };
    server.finish(&[webhook.id]);
    assert_eq!(bodies(&server)[3], Bytes::from_static(br#"{"v": 2}"#), "a resend renders afresh");
}

#[test]
fn what_cannot_be_rendered_fails_and_nobody_is_blamed() {
    let server = Server::start(1, EngineOptions::default());
    let webhook = server.create_webhook("shaped", Scope::Environment, RetryPolicy::Frontegg);
    let broken = shape(RequestMethod::Post, "{\n  \"a\": {{ missing | required(\"no such thing\") }}}");
    server.reshape(webhook.id, broken, Access::default());
    for _ in 0..6 {
        let (id, _) = server.accept(vec![event(None)])[0];
        server.finish(&[webhook.id]);
        let delivery = server.delivery_of(id);
        assert!(matches!(delivery.state, DeliveryState::Failed { reason: FailReason::TemplateError, .. }));
        let problem = delivery.problem.expect("a reason");
        assert!(problem.starts_with("payload: line 2, column 21: ") && problem.contains("no such thing"), "{problem}");
        assert_eq!(delivery.attempts, 0);
    }
    let webhook = server.store().directory().webhook(webhook.id).unwrap();
    assert!(webhook.status.is_active() && webhook.streak.is_none(), "six in a row, and it is still on");
    assert_eq!(server.engine().lane(webhook.id).consecutive_failures, 0);
    assert!(server.receivers.log().is_empty());
    // A header that would break the request's head is no header.
    let access = Access { headers: vec![header("x-name", "{{ 'a\\r\\nb' }}")], ..Access::default() };
    server.reshape(webhook.id, Shape::default(), access);
    let (id, _) = server.accept(vec![event(None)])[0];
    server.finish(&[webhook.id]);
    let problem = server.delivery_of(id).problem.expect("a reason");
    assert!(problem.starts_with("header `x-name`: ") && problem.contains("line break"), "{problem}");
    assert!(server.receivers.log().is_empty());
}

#[test]
fn headers_and_authentication_are_read_for_each_attempt() {
    let (server, webhook) = start();
    let access = |password: &str| Access {
        headers: vec![header("X-Tenant", "t-{{ event.tenantId }}"), header("user-agent", "mine")],
        authentication: Some(Authentication::Basic { username: "u".into(), password: Hidden::new(password) }),
        certificate: None,
    };
    server.reshape(webhook.id, Shape::default(), access("wrong"));
    server.receivers.all(Reply::Status(401));
    let (id, _) = server.accept(vec![event(Some("acme"))])[0];
    server.quiesce(&[webhook.id]);
    server.reshape(webhook.id, Shape::default(), access("right"));
    server.receivers.all(Reply::Status(200));
    server.finish(&[webhook.id]);
    assert!(matches!(server.delivery_of(id).state, DeliveryState::Delivered { .. }));
    let log = server.receivers.log();
    let shown: Vec<_> = log.iter().map(|request| request.headers["authorization"].to_str().unwrap()).collect();
    assert_eq!(shown, ["Basic dTp3cm9uZw==", "Basic dTpyaWdodA=="]);
    assert_eq!(log[0].headers["user-agent"], "mine");
    assert_eq!(log[0].headers["x-tenant"], "t-acme");
    assert_eq!(log[0].body, log[1].body);
}

#[test]
fn a_header_that_is_reserved_by_now_is_sent_as_it_was_stored() {
    let (mut server, webhook) = start();
    let stored = CustomHeader { name: "x_real_ip".into(), ..header("x-shown", "{{ event.tenantId }}") };
    assert!(CustomHeader::new(&stored.name, stored.value.expose(), stored.visibility).is_err());
    server.reshape(webhook.id, Shape::default(), Access { headers: vec![stored], ..Access::default() });
    server.restart();
    server.accept(vec![event(Some("acme"))]);
    server.finish(&[webhook.id]);
    assert_eq!(server.receivers.log()[0].headers["x_real_ip"], "acme");
}

#[test]
fn a_get_carries_no_body_and_its_signature_covers_none() {
    let (server, webhook) = start();
    server.reshape(webhook.id, Shape { method: RequestMethod::Get, payload: None }, Access::default());
    server.accept(vec![event(None)]);
    server.finish(&[webhook.id]);
    let request = &server.receivers.log()[0];
    assert_eq!((&request.method, request.body.len()), (&Method::GET, 0));
    assert!(!request.headers.contains_key("content-type"));
    let secret = Secret::from_vendor(SECRET).unwrap().unwrap();
    let text = |name: &str| request.headers[name].to_str().unwrap().to_owned();
    let (timestamp, signature) = (text("webhook-timestamp"), text("webhook-signature"));
    verify_standard(&text("webhook-id"), &timestamp, &signature, b"", &secret, request.at, TOLERANCE)
        .expect("a signature over nothing");
}

fn oauth2(client_authentication: ClientAuthentication) -> Access {
    let settings = OAuth2 {
        token_url: EndpointUrl::parse("https://login.example/token").unwrap(),
        client_id: "client".into(),
        client_secret: Hidden::new("s3cret"),
        scope: Some("events.write".into()),
        audience: None,
        client_authentication,
    };
    Access { authentication: Some(Authentication::OAuth2(settings)), ..Access::default() }
}

fn authorizations(server: &Server) -> Vec<String> {
    server.receivers.log().iter().map(|r| r.headers["authorization"].to_str().unwrap().to_owned()).collect()
}

#[test]
fn a_token_is_fetched_once_and_again_when_it_ends_or_is_refused() {
    let (server, webhook) = start();
    server.reshape(webhook.id, Shape::default(), oauth2(ClientAuthentication::Basic));
    server.accept((0..20).map(|_| event(None)).collect());
    server.finish(&[webhook.id]);
    assert_eq!(authorizations(&server), vec!["Bearer token-1"; 20]);
    let asked = server.receivers.tokens_asked();
    assert_eq!(asked.len(), 1, "twenty at once ask once");
    assert_eq!(asked[0].0["authorization"], "Basic Y2xpZW50OnMzY3JldA==");
    assert_eq!(&asked[0].1[..], b"grant_type=client_credentials&scope=events.write");
    // Shortly before its end it is not used any more.
    server.advance(Duration::from_secs(3_600 - 29));
    server.accept(vec![event(None)]);
    server.finish(&[webhook.id]);
    assert_eq!(authorizations(&server)[20], "Bearer token-2");
    server.receivers.plan({
        let mut refused = false;
        move |url| {
            let is_first = url.ends_with("/hooks") && !std::mem::replace(&mut refused, true);
            Reply::Status(if is_first { 401 } else { 200 })
        }
    });
    server.accept(vec![event(None)]);
    server.finish(&[webhook.id]);
    assert_eq!(authorizations(&server)[21..], ["Bearer token-2", "Bearer token-3"]);
    server.reshape(webhook.id, Shape::default(), oauth2(ClientAuthentication::Form));
    server.accept(vec![event(None)]);
    server.finish(&[webhook.id]);
    let asked = server.receivers.tokens_asked();
    let last = asked.last().unwrap();
    assert!(!last.0.contains_key("authorization"));
    assert_eq!(&last.1[..], b"grant_type=client_credentials&scope=events.write&client_id=client&client_secret=s3cret");
}

#[test]
fn settings_that_change_nothing_about_it_keep_the_token() {
    let (server, webhook) = start();
    for headers in [Vec::new(), vec![header("x-a", "b")]] {
        server.reshape(webhook.id, Shape::default(), Access { headers, ..oauth2(ClientAuthentication::Basic) });
        server.accept(vec![event(None)]);
        server.finish(&[webhook.id]);
    }
    assert_eq!(authorizations(&server), ["Bearer token-1", "Bearer token-1"]);
}

#[test]
fn a_template_that_does_a_lot_is_rendered_apart_and_fails_alone() {
    let (server, ordinary) = start();
    let heavy = server.create_webhook("heavy", Scope::Environment, retries(&[10]));
    let hostile = server.create_webhook("hostile", Scope::Environment, retries(&[10]));
    let work = "{% for i in range(7000) %}{% endfor %}{% for i in range(7000) %}{% endfor %}";
    server.reshape(heavy.id, shape(RequestMethod::Post, &format!("{work}1")), Access::default());
    let endless = "{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}1";
    server.reshape(hostile.id, shape(RequestMethod::Post, endless), Access::default());
    let accepted = server.accept((0..30).map(|_| event(None)).collect());
    server.finish(&[ordinary.id, heavy.id, hostile.id]);
    let sent = bodies(&server);
    assert_eq!(sent.iter().filter(|body| &body[..] == b"1").count(), 30, "what is heavy is sent");
    assert_eq!(sent.len(), 60, "what is endless is not");
    let deliveries = server.wait(server.store().deliveries(
        server.environment(),
        postrider_store::DeliveryFilter { webhook: Some(hostile.id), ..Default::default() },
        postrider_store::PageRequest { limit: 100, before: None },
    ));
    let failed = |delivery: &postrider_store::DeliveryRow| {
        matches!(delivery.delivery.state, DeliveryState::Failed { reason: FailReason::TemplateError, .. })
    };
    let deliveries = deliveries.unwrap();
    assert_eq!(deliveries.rows.iter().filter(|row| failed(row)).count(), accepted.len());
}

fn last_failure(server: &Server, webhook: WebhookId) -> (FailureKind, String) {
    let log = server.wait(server.store().log(server.environment(), webhook, 0, 1)).unwrap();
    match &log.rows[0].attempt.result {
        postrider_core::attempt::AttemptResult::Failed { kind, message } => (*kind, message.clone()),
        other @ postrider_core::attempt::AttemptResult::Answered { .. } => panic!("{other:?}"),
    }
}

#[test]
fn a_token_that_is_not_given_is_a_failure_of_the_endpoint() {
    let (server, webhook) = start();
    server.reshape(webhook.id, Shape::default(), oauth2(ClientAuthentication::Basic));
    server.receivers.plan(|url| Reply::Status(if url.ends_with("/token") { 401 } else { 200 }));
    let (id, _) = server.accept(vec![event(Some("acme"))])[0];
    server.quiesce(&[webhook.id]);
    let (kind, message) = last_failure(&server, webhook.id);
    assert_eq!(kind, FailureKind::Authentication);
    assert_eq!(message, "no token was given by login.example: it answered 401 (invalid_client)");
    assert!(server.receivers.log().is_empty(), "nothing is sent without it");
    assert!(matches!(server.delivery_of(id).state, DeliveryState::Retrying { .. }));
    server.receivers.all(Reply::Status(200));
    server.finish(&[webhook.id]);
    assert!(matches!(server.delivery_of(id).state, DeliveryState::Delivered { .. }));
}

#[test]
fn what_was_sent_can_be_told_later() {
    let (server, webhook) = start();
    server.reshape(webhook.id, shape(RequestMethod::Patch, r#"["{{ event.key }}"]"#), Access::default());
    let (id, _) = server.accept(vec![event(Some("acme"))])[0];
    server.finish(&[webhook.id]);
    server.reshape(webhook.id, Shape::default(), Access::default());
    let kept = server.delivery_of(id).shape.expect("it keeps its revision");
    let sent = server.wait(server.engine().sent(server.environment(), kept, id)).unwrap().expect("it is stored");
    assert_eq!((sent.method, &sent.body), (RequestMethod::Patch, &bodies(&server)[0]));
}

#[test]
fn long_templates_of_a_draft_are_compiled_apart_and_found_wrong_all_the_same() {
    let (server, _) = start();
    let draft = |template: &str| Draft { shape: shape(RequestMethod::Post, template), access: Arc::default() };
    let is_done_at_once = |draft: &Draft| {
        server.wait(async {
            let mut check = pin!(server.engine().check(draft));
            poll_fn(|context| Poll::Ready(check.as_mut().poll(context).is_ready())).await
        })
    };
    let long = |end: &str| draft(&format!("[{}{end}]", "{{ x }}, ".repeat(3_000)));
    assert!(is_done_at_once(&draft("[{{ x }}]")));
    assert!(!is_done_at_once(&long("1")), "others have the thread meanwhile");
    server.wait(server.engine().check(&long("1"))).expect("it can be rendered");

    let header = Access { headers: vec![header("x-shout", "{{ x | shout }}")], ..Access::default() };
    for (draft, part) in [
        (long("{{ x | shout }}"), RenderedPart::Payload),
        (Draft { shape: Shape::default(), access: Arc::new(header) }, RenderedPart::Header("x-shout".into())),
    ] {
        let Err(PreviewError::Unrenderable(error)) = server.wait(server.engine().check(&draft)) else {
            panic!("there is no such filter");
        };
        assert_eq!(error.part, part);
        assert!(error.error.message.contains("no filter `shout`"), "{error}");
    }
}
