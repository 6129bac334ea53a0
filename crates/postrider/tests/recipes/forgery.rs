//! Requests that the server did not make: right ones, to repeat at will, and wrong ones, which no receiver may take.

use std::time::Duration;

use postrider_core::id::EventId;
use postrider_core::signature::{Secret, SigningKey};
use postrider_core::{Clock as _, Timestamp};
use serde_json::{Value, json};

use crate::receiver::Receiver;
use crate::world::{TENANT, World};

/// A secret of the form that is advised.
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
/// A secret of any other form.
pub(crate) const PLAIN_SECRET: &str = "a-secret-as-people-type-it";

/// This machine's clock, as the receiver has it.
struct Now;

impl postrider_core::Clock for Now {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "receivers judge by the real time")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap())
    }
}

fn now() -> Timestamp {
    Now.now()
}

fn minutes_ago(minutes: u64) -> Timestamp {
    let micros = Duration::from_mins(minutes).as_micros();
    Timestamp::from_micros(now().as_micros() - i64::try_from(micros).unwrap())
}

/// The body of an event as the server composes it.
pub(crate) fn body(event_key: &str, user: &Value) -> Vec<u8> {
    let context = json!({"vendorId": crate::support::CLIENT_ID, "tenantId": TENANT, "userId": null});
    json!({"eventKey": event_key, "eventContext": context, "user": user}).to_string().into_bytes()
}

/// A request, signed.
#[derive(Clone)]
pub(crate) struct Signed {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Signed {
    /// As the server signs a request for an event that happened some minutes ago and is sent now.
    pub(crate) fn event(secret: &str, minutes: u64, body: Vec<u8>) -> Self {
        Self::at(secret, EventId::first_at(minutes_ago(minutes)), now(), now(), body)
    }

    fn at(secret: &str, id: EventId, token_at: Timestamp, body_at: Timestamp, body: Vec<u8>) -> Self {
        let key = SigningKey::new(&Secret::from_vendor(secret).unwrap().unwrap());
        let headers = vec![
            ("x-webhook-secret", key.jwt(token_at)),
            ("webhook-id", id.to_string()),
            ("webhook-timestamp", body_at.as_seconds().to_string()),
            ("webhook-signature", key.standard(id, body_at, &body)),
        ];
        Self { headers, body }
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        let header = self.headers.iter_mut().find(|(header, _)| *header == name).expect("one of the headers");
        value.clone_into(&mut header.1);
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| *header != name);
        self
    }

    fn header(&self, name: &str) -> &str {
        &self.headers.iter().find(|(header, _)| *header == name).expect("one of the headers").1
    }

    /// Sends it; the status code of the answer.
    pub(crate) async fn send(&self, world: &World, receiver: &Receiver) -> u16 {
        self.try_send(world, receiver).await.unwrap()
    }

    /// The same, for a receiver that may be gone before it answers.
    pub(crate) async fn try_send(&self, world: &World, receiver: &Receiver) -> reqwest::Result<u16> {
        let mut request = world.http.post(&receiver.url).header("content-type", "application/json");
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        Ok(request.body(self.body.clone()).send().await?.status().as_u16())
    }
}

/// Everything that is not signed with the secret, or not now, is answered with 401. Whoever calls checks that nothing came of it.
pub(crate) async fn are_refused(world: &World, receiver: &Receiver, secret: &str, body: &[u8]) {
    let id = EventId::first_at(now());
    let right = || Signed::at(secret, id, now(), now(), body.to_owned());
    let foreign = Signed::at("another-long-secret", id, now(), now(), body.to_owned());
    let old = Signed::at(secret, id, minutes_ago(10), minutes_ago(10), body.to_owned());
    let mut changed = right();
    changed.body.push(b' ');
    let mut not_text = right();
    not_text.body[0] = 0xFF;
    // {"alg":"none","typ":"JWT"} and {"iat":0,"exp":99999999999}, not signed.
    let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpYXQiOjAsImV4cCI6OTk5OTk5OTk5OTl9.";
    let forgeries = [
        ("nothing is signed", Signed { headers: vec![], body: body.to_owned() }),
        ("another secret", foreign.clone()),
        ("a token by another secret", right().with("x-webhook-secret", foreign.header("x-webhook-secret"))),
        ("a token that expired", right().with("x-webhook-secret", old.header("x-webhook-secret"))),
        ("a token that nobody signed", right().with("x-webhook-secret", unsigned)),
        ("no token", right().without("x-webhook-secret")),
        ("a body signed by another secret", right().with("webhook-signature", foreign.header("webhook-signature"))),
        ("a body signed long ago", {
            let signature = old.header("webhook-signature").to_owned();
            right().with("webhook-timestamp", old.header("webhook-timestamp")).with("webhook-signature", &signature)
        }),
        ("a signature that is none", right().with("webhook-signature", "v1")),
        ("a signature that is no base64", right().with("webhook-signature", "v1,%")),
        ("no signature", right().without("webhook-signature")),
        ("a body that was changed", changed),
        ("a body that is no text", not_text),
        ("another id", right().with("webhook-id", &EventId::first_at(minutes_ago(1)).to_string())),
    ];
    for (what, forgery) in forgeries {
        assert_eq!(forgery.send(world, receiver).await, 401, "{what}");
    }
}

/// Sends the same request many times at once; the status codes of the answers.
pub(crate) async fn at_once(world: &World, receiver: &Receiver, request: &Signed) -> Vec<u16> {
    futures_util::future::join_all((0..8).map(|_| request.send(world, receiver))).await
}
