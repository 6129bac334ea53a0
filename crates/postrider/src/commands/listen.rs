//! `postrider listen`: streams an environment's accepted events and posts each to a program on this machine.
//!
//! Owns what the messages of the stream say, and what is printed; how a stream is followed is [`super::following`]'s. A stream is no
//! webhook: what was accepted while nobody listened does not come later, and an answer of the program changes nothing on the server.

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use postrider_core::signature::{Secret, SigningKey};
use postrider_core::{Clock as _, EventId, limits};
use serde::Deserialize;
use serde_json::json;

use super::following::{Told, Words, follow, unreadable};
use crate::cli::Listen;
use crate::client::http_for;
use crate::failure::{Failure, with_causes};
use crate::output::{self, BAD, FAINT, Form, GOOD, STRONG, styled, tame};
use crate::system::SystemClock;

/// How long the program may take over an event.
const FORWARD_TIMEOUT: Duration = limits::ATTEMPT_DEADLINE_MOST;
/// The header that names an event.
const WEBHOOK_ID: &str = "webhook-id";

/// What a message of the stream says.
#[derive(Debug)]
enum Message {
    /// What the requests that follow are signed with.
    Opening { secret: String },
    /// An event, as the request that a webhook would get.
    Event { headers: HeaderMap, body: String },
    /// Events came faster than they were forwarded.
    Missed { events: u64 },
    /// Something that a later server says.
    Unknown,
}

impl Message {
    fn parse(name: &str, data: &str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Opening {
            secret: String,
        }
        #[derive(Deserialize)]
        struct Line {
            name: String,
            value: String,
        }
        #[derive(Deserialize)]
        struct Event {
            headers: Vec<Line>,
            body: String,
        }
        #[derive(Deserialize)]
        struct Missed {
            events: u64,
        }
        Ok(match name {
            "stream" => Self::Opening { secret: serde_json::from_str::<Opening>(data)?.secret },
            "event" => {
                let Event { headers, body } = serde_json::from_str(data)?;
                // What governs the connection is set anew.
                let lines = headers.into_iter().filter(|line| !matches!(line.name.as_str(), "host" | "content-length"));
                let headers = lines.filter_map(|Line { name, value }| Some((name.parse().ok()?, value.parse().ok()?)));
                Self::Event { headers: headers.collect::<HeaderMap<HeaderValue>>(), body }
            }
            "missed" => Self::Missed { events: serde_json::from_str::<Missed>(data)?.events },
            _ => Self::Unknown,
        })
    }
}

/// What is shown of an event.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope {
    event_key: String,
    event_context: Context,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Context {
    tenant_id: Option<String>,
}

pub(crate) async fn run(given: Listen, form: Form) -> Result<(), Failure> {
    let signing_key = match given.sign_with.as_deref().map(Secret::from_vendor) {
        None => None,
        Some(Ok(Some(secret))) => Some(SigningKey::new(&secret)),
        Some(Ok(None)) => return Err(Failure::said("the secret after --sign-with is empty")),
        Some(Err(error)) => return Err(Failure::said(error)),
    };
    let target = given.target.find()?;
    let forward = Forward { http: http_for(&given.forward_to)?, url: given.forward_to, signing_key, form };
    let path = match &given.tenant {
        Some(tenant) => {
            let query: String =
                url::form_urlencoded::Serializer::new(String::new()).append_pair("tenantId", tenant).finish();
            format!("/api/v1/events/stream?{query}")
        }
        None => "/api/v1/events/stream".to_owned(),
    };
    let welcome =
        format!("Listening. Events go to {} as they are accepted; Ctrl-C stops.", styled(STRONG, &forward.url));
    let words = Words { welcome: &welcome, again: "Connected again. What was accepted in between does not come." };
    follow(&target, &path, words, async |message: Told| match Message::parse(&message.name, &message.data) {
        Ok(message) => forward.take(message).await,
        Err(error) => {
            unreadable(&error);
            Ok(())
        }
    })
    .await
}

/// Where events go.
struct Forward {
    http: reqwest::Client,
    url: url::Url,
    signing_key: Option<SigningKey>,
    form: Form,
}

impl Forward {
    async fn take(&self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Event { headers, body } => self.forward(headers, body).await?,
            Message::Opening { secret } if self.signing_key.is_none() => {
                output::note(format_args!("Requests are signed with {}", styled(STRONG, tame(&secret))));
            }
            Message::Missed { events } => {
                output::note(format_args!("{}: {events} events", styled(BAD, "missed, as they came too fast")));
            }
            Message::Opening { .. } | Message::Unknown => {}
        }
        Ok(())
    }

    async fn forward(&self, mut headers: HeaderMap, body: String) -> Result<(), Failure> {
        let Envelope { event_key, event_context } = serde_json::from_str(&body).unwrap_or_default();
        let id = headers.get(WEBHOOK_ID).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        if let Some(key) = &self.signing_key {
            sign(&mut headers, key, &id, &body);
        }
        let begun = Instant::now();
        let request = self.http.post(self.url.clone()).timeout(FORWARD_TIMEOUT).headers(headers);
        let answer = request.body(body).send().await;
        let took = begun.elapsed();
        let (status, problem) = match &answer {
            Ok(answer) => (Some(answer.status().as_u16()), None),
            Err(error) if error.is_timeout() => (None, Some("no answer in time".to_owned())),
            Err(error) if error.is_connect() => (None, Some("nothing listens there".to_owned())),
            Err(error) => (None, Some(with_causes(error))),
        };
        let line = json!({
            "eventId": id,
            "eventKey": event_key,
            "tenantId": event_context.tenant_id,
            "statusCode": status,
            "error": problem,
            "durationMs": took.as_secs_f64() * 1_000.0,
        });
        self.form.print(&line, || {
            let answer = match (status, problem) {
                (Some(status @ 200..=299), _) => styled(GOOD, status),
                (Some(status), _) => styled(BAD, status),
                (None, problem) => styled(BAD, problem.unwrap_or_default()),
            };
            let tenant = event_context.tenant_id.as_deref().unwrap_or("-");
            let took = styled(FAINT, format_args!("{:.0} ms, {}", took.as_secs_f64() * 1_000.0, tame(&id)));
            format!("{answer}  {:<40} {:<12} {took}", tame(&event_key), tame(tenant))
        })?;
        Ok(())
    }
}

/// Signs anew, at this moment and with a secret that stays the same from one stream to the next.
fn sign(headers: &mut HeaderMap, key: &SigningKey, id: &str, body: &str) {
    let Ok(id) = id.parse::<EventId>() else { return };
    let now = SystemClock.now();
    let signed = [
        ("x-webhook-secret", key.jwt(now)),
        ("webhook-timestamp", now.as_seconds().to_string()),
        ("webhook-signature", key.standard(id, now, body.as_bytes())),
    ];
    for (name, value) in signed {
        if let Ok(value) = value.parse() {
            headers.insert(name, value);
        }
    }
}
