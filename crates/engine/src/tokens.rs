//! Tokens of receivers that are asked for: OAuth 2.0 client credentials.
//!
//! Owns when a token is fetched and how long it is used. A token's server is an address that a user gave: it is asked through the same
//! transport as everybody, and what it does wrong is its owner's, who is the receiver's.
//!
//! Invariant: for one webhook, one request for a token is under way at a time. Who waited for one that failed, fails with it: a server that
//! is down is not asked by everybody in turn.

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
use serde::Deserialize;
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
    expires_in: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Refused {
    error: Option<String>,
    error_description: Option<String>,
}

impl TokenSource {
    pub(crate) fn new(settings: OAuth2) -> Self {
        Self { settings, state: Mutex::default() }
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
        if let Some(token) = state.token.as_ref().filter(|token| clock.now() < token.until) {
            return Ok(token.value.clone());
        }
        if let Some(failure) = state.failure.as_ref().filter(|_| waited) {
            return Err(failure.clone());
        }
        state.token = None;
        let answer = transport.send(self.request(asking, identity)).await;
        match answer.result.map_err(|error| self.not_asked(error)).and_then(|answer| self.read(&answer, clock.now())) {
            Ok(token) => {
                state.failure = None;
                let value = token.value.clone();
                state.token = Some(token);
                Ok(value)
            }
            Err(error) => {
                state.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    /// Does not use the token again: the receiver refused it.
    pub(crate) async fn forget(&self) {
        self.state.lock().await.token = None;
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
