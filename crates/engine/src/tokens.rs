//! Tokens of receivers that are asked for: OAuth 2.0 client credentials.
//!
//! Owns when a token is fetched and how long it is used. A token's server is an address that a user gave: it is asked through the same
//! transport as everybody, and what it does wrong is its owner's, who is the receiver's.
//!
//! Invariant: for one webhook, one request for a token is under way at a time. Who waited for one that failed, fails with it: a server that
//! is down is not asked by everybody in turn. A token that a receiver refused is dropped, and no other: by then a newer one may be in use.

use std::sync::PoisonError;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use postrider_core::attempt::{BodyEnd, FailureKind};
use postrider_core::limits::{READ_BODY_KEPT, TOKEN_KEPT, TOKEN_KEPT_MOST, TOKEN_SPARE};
use postrider_core::shape::{ClientAuthentication, OAuth2};
use postrider_core::{Clock, Timestamp};
use postrider_egress::{Answer, ClientIdentity, OutboundRequest, PoolScope, Repeat, SendError};
use serde::{Deserialize, Deserializer};
use tokio::sync::Mutex;
use url::form_urlencoded;

use crate::transport::Transport;

/// How a token's server is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking {
    /// The time that it has.
    pub(crate) deadline: Duration,
    /// Whose connections may be used.
    pub(crate) pool: PoolScope,
}

/// Where tokens come from, and the one in use.
pub(crate) struct TokenSource {
    settings: OAuth2,
    state: Mutex<State>,
    /// Beside the rest, so that nobody waits to say that it was refused.
    in_use: std::sync::Mutex<InUse>,
}

/// The token that was fetched last, as the receiver knows it.
#[derive(Default)]
struct InUse {
    value: Option<HeaderValue>,
    is_refused: bool,
}

#[derive(Default)]
struct State {
    token: Option<Token>,
    /// How the last request failed, if it did.
    failure: Option<SendError>,
}

struct Token {
    /// As the header `authorization` carries it.
    value: HeaderValue,
    /// Not used from this moment on.
    until: Timestamp,
}

/// What a token's server answers.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    token_type: Option<String>,
    #[serde(default, deserialize_with = "seconds")]
    expires_in: Option<f64>,
}

/// A number of seconds, which some servers give as a text. What is neither says nothing.
fn seconds<'de, D: Deserializer<'de>>(given: D) -> Result<Option<f64>, D::Error> {
    Ok(match serde_json::Value::deserialize(given)? {
        serde_json::Value::Number(number) => number.as_f64(),
        serde_json::Value::String(text) => text.trim().parse().ok(),
        _ => None,
    })
}

#[derive(Default, Deserialize)]
struct Refused {
    error: Option<String>,
    error_description: Option<String>,
}

impl TokenSource {
    pub(crate) fn new(settings: OAuth2) -> Self {
        Self { settings, state: Mutex::default(), in_use: std::sync::Mutex::default() }
    }

    /// Whether it is made of those settings.
    pub(crate) fn is_of(&self, settings: &OAuth2) -> bool {
        self.settings == *settings
    }

    /// The token in use, or a new one.
    pub(crate) async fn token(
        &self,
        transport: &dyn Transport,
        clock: &dyn Clock,
        asking: Asking,
        identity: Option<&ClientIdentity>,
    ) -> Result<HeaderValue, SendError> {
        // Who finds somebody else asking waits for that answer, be it good or bad.
        let (mut state, waited) = match self.state.try_lock() {
            Ok(state) => (state, false),
            Err(_) => (self.state.lock().await, true),
        };
        let is_refused = self.in_use().is_refused;
        let is_good = |token: &&Token| clock.now() < token.until && !is_refused;
        if let Some(token) = state.token.as_ref().filter(is_good) {
            return Ok(token.value.clone());
        }
        if let Some(failure) = state.failure.as_ref().filter(|_| waited) {
            return Err(failure.clone());
        }
        // Whoever gives up waiting for the answer leaves none behind, neither good nor bad.
        *state = State::default();
        let answer = transport.send(self.request(asking, identity)).await;
        match answer.result.map_err(|error| self.not_asked(error)).and_then(|answer| self.read(&answer, clock.now())) {
            Ok(token) => {
                let value = token.value.clone();
                *self.in_use() = InUse { value: Some(value.clone()), is_refused: false };
                state.token = Some(token);
                Ok(value)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Does not use that token again, if it still is in use: the receiver refused it.
    pub(crate) fn forget(&self, token: &HeaderValue) {
        let mut in_use = self.in_use();
        in_use.is_refused |= in_use.value.as_ref() == Some(token);
    }

    fn in_use(&self) -> std::sync::MutexGuard<'_, InUse> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn request(&self, asking: Asking, identity: Option<&ClientIdentity>) -> OutboundRequest {
        let OAuth2 { token_url, client_id, client_secret, scope, audience, client_authentication } = &self.settings;
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        for (name, value) in [("scope", scope), ("audience", audience)] {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        match client_authentication {
            ClientAuthentication::Basic => {
                let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encoded(client_id), encoded(client_secret.expose())));
                if let Ok(mut value) = HeaderValue::try_from(format!("Basic {pair}")) {
                    value.set_sensitive(true);
                    headers.insert(AUTHORIZATION, value);
                }
            }
            ClientAuthentication::Form => {
                form.append_pair("client_id", client_id).append_pair("client_secret", client_secret.expose());
            }
        }
        OutboundRequest {
            method: Method::POST,
            url: token_url.url().clone(),
            headers,
            body: Bytes::from(form.finish()),
            deadline: asking.deadline,
            pool: asking.pool,
            keep: READ_BODY_KEPT,
            repeat: Repeat::default(),
            identity: identity.cloned(),
        }
    }

    fn host(&self) -> &str {
        self.settings.token_url.url().host_str().unwrap_or_default()
    }

    fn not_asked(&self, error: SendError) -> SendError {
        match error {
            SendError::Endpoint { message, .. } => self.failed(&message),
            SendError::Ours { fault, message } => SendError::Ours { fault, message },
        }
    }

    fn failed(&self, why: &str) -> SendError {
        let message = format!("no token was given by {}: {why}", self.host());
        SendError::Endpoint { kind: FailureKind::Authentication, message }
    }

    fn read(&self, answer: &Answer, now: Timestamp) -> Result<Token, SendError> {
        if !(200..300).contains(&answer.status) {
            let refused: Refused = serde_json::from_slice(&answer.body).unwrap_or_default();
            let words: Vec<String> = [refused.error, refused.error_description]
                .into_iter()
                .flatten()
                .map(|word| word.chars().filter(|c| !c.is_control()).take(200).collect())
                .collect();
            let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(": ")) };
            return Err(self.failed(&format!("it answered {}{words}", answer.status)));
        }
        if answer.body_end != BodyEnd::Complete {
            return Err(self.failed(&format!("its answer broke off, or is longer than {READ_BODY_KEPT} bytes")));
        }
        let granted: Granted = serde_json::from_slice(&answer.body)
            .map_err(|_| self.failed("its answer is no JSON object with an `access_token`"))?;
        if granted.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
            return Err(self.failed("its token is no bearer token"));
        }
        let mut value = HeaderValue::try_from(format!("Bearer {}", granted.access_token))
            .map_err(|_| self.failed("its token cannot be sent in a header"))?;
        value.set_sensitive(true);
        let lifetime = granted.expires_in.filter(|seconds| seconds.is_finite() && *seconds > 0.0);
        let lifetime = lifetime.map_or(TOKEN_KEPT, |s| Duration::from_secs_f64(s.min(TOKEN_KEPT_MOST.as_secs_f64())));
        // Of a short life at least half is used.
        let spare = TOKEN_SPARE.min(lifetime / 2);
        Ok(Token { value, until: now + lifetime.saturating_sub(spare) })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use http::HeaderMap;
    use postrider_core::EnvironmentId;
    use postrider_core::attempt::{BodyEnd, Timings};
    use postrider_core::shape::Hidden;
    use postrider_core::webhook::EndpointUrl;
    use postrider_egress::Exchange;
    use postrider_testkit::ManualClock;

    use super::*;
    use crate::transport::Sending;

    /// Gives one token after the other, at once.
    #[derive(Default)]
    struct Tokens(AtomicUsize);

    impl Transport for Tokens {
        fn send(&self, _: OutboundRequest) -> Sending<'_> {
            let body = format!(r#"{{"access_token":"t{}"}}"#, self.0.fetch_add(1, Ordering::Relaxed));
            let answer =
                Answer { status: 200, headers: HeaderMap::new(), body: Bytes::from(body), body_end: BodyEnd::Complete };
            let exchange = Exchange { result: Ok(answer), timings: Timings::default(), remote_address: None };
            Box::pin(std::future::ready(exchange))
        }
    }

    fn source() -> TokenSource {
        TokenSource::new(OAuth2 {
            token_url: EndpointUrl::parse("https://login.example/token").expect("a URL"),
            client_id: "client".into(),
            client_secret: Hidden::new("s3cret"),
            scope: None,
            audience: None,
            client_authentication: ClientAuthentication::Basic,
        })
    }

    fn asking() -> Asking {
        let pool = PoolScope::of(EnvironmentId::from_uuid(uuid::Uuid::nil()), None);
        Asking { deadline: Duration::from_secs(1), pool }
    }

    /// Fails, then never answers, then gives tokens.
    #[derive(Default)]
    struct Faltering {
        asked: AtomicUsize,
        tokens: Tokens,
    }

    impl Transport for Faltering {
        fn send(&self, request: OutboundRequest) -> Sending<'_> {
            match self.asked.fetch_add(1, Ordering::Relaxed) {
                0 => {
                    let result = Err(SendError::Endpoint { kind: FailureKind::Tls, message: "at first".to_owned() });
                    let exchange = Exchange { result, timings: Timings::default(), remote_address: None };
                    Box::pin(std::future::ready(exchange))
                }
                1 => Box::pin(std::future::pending()),
                _ => self.tokens.send(request),
            }
        }
    }

    #[test]
    fn who_waited_for_a_request_that_was_given_up_asks_itself() {
        let (source, transport, clock) = (source(), Faltering::default(), ManualClock::default());
        let mut context = Context::from_waker(Waker::noop());
        let ask = || Box::pin(source.token(&transport, &clock, asking(), None));
        assert!(matches!(ask().as_mut().poll(&mut context), Poll::Ready(Err(_))));
        let (mut given_up, mut waits) = (ask(), ask());
        assert!(given_up.as_mut().poll(&mut context).is_pending());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(given_up);
        let Poll::Ready(token) = waits.as_mut().poll(&mut context) else { panic!("nobody is waited for") };
        assert_eq!(token.expect("not the failure of before"), "Bearer t0");
    }

    #[test]
    fn only_the_token_that_was_refused_is_dropped() {
        let source = source();
        let (transport, clock) = (Tokens::default(), ManualClock::default());
        let asking = asking();
        let token = || {
            let mut asked = pin!(source.token(&transport, &clock, asking, None));
            match asked.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(token) => token.expect("a token"),
                Poll::Pending => panic!("nobody is waited for"),
            }
        };
        let first = token();
        assert_eq!(token(), first);
        source.forget(&first);
        let second = token();
        assert_eq!((&first, &second), (&HeaderValue::from_static("Bearer t0"), &HeaderValue::from_static("Bearer t1")));
        // Late news of the first, which others sent as well.
        source.forget(&first);
        assert_eq!(token(), second);
        // Nor do they undo what is known of the second.
        source.forget(&second);
        source.forget(&first);
        assert_eq!(token(), "Bearer t2");
    }

    #[test]
    fn a_lifetime_may_be_a_text_and_what_cannot_be_read_says_nothing() {
        for (lifetime, expected) in [
            ("3600", Some(3_600.0)),
            ("\"3600\"", Some(3_600.0)),
            ("\" 60 \"", Some(60.0)),
            ("\"soon\"", None),
            ("null", None),
            ("[1]", None),
        ] {
            let answer = format!(r#"{{"access_token":"t","token_type":"Bearer","expires_in":{lifetime}}}"#);
            let granted: Granted = serde_json::from_str(&answer).expect("a token all the same");
            assert_eq!(granted.expires_in, expected, "{lifetime}");
        }
        let granted: Granted = serde_json::from_str(r#"{"access_token":"t"}"#).expect("a token");
        assert_eq!(granted.expires_in, None);
    }
}
