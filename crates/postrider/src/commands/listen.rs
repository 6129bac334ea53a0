//! `postrider listen`: streams an environment's accepted events and posts each to a program on this machine.
//!
//! Owns the reading of the stream, reconnecting, and what is printed. A stream is no webhook: what was accepted while nobody listened
//! does not come later, and an answer of the program changes nothing on the server.

use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Method, header};
use postrider_core::signature::{Secret, SigningKey};
use postrider_core::{Clock as _, EventId, limits};
use serde::Deserialize;
use serde_json::json;

use crate::cli::Listen;
use crate::client::{Client, Target, http_for};
use crate::failure::{Failure, with_causes};
use crate::output::{self, BAD, FAINT, Form, GOOD, STRONG, styled, tame};
use crate::system::SystemClock;

/// How long the program may take over an event.
const FORWARD_TIMEOUT: Duration = limits::ATTEMPT_DEADLINE_MOST;
/// The first pause before the stream is asked for again; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(15);
/// The header that names an event.
const WEBHOOK_ID: &str = "webhook-id";
/// Bytes of one message of the stream at most: the body of an event, written as a JSON string, and what stands around it.
const MESSAGE_BYTES: usize = 8 * limits::EVENT_BYTES;

/// What a message of the stream says.
#[derive(Debug)]
enum Message {
    /// What the requests that follow are signed with.
    Opening { secret: String },
    /// An event, as the request that a webhook would get.
    Event { headers: HeaderMap, body: String },
    /// Events came faster than they were forwarded.
    Missed { events: u64 },
    /// Nothing more comes, as the caller's right has ended, or something stands in its way for now.
    Ended { may_begin_again: bool, detail: String },
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
        #[derive(Deserialize)]
        struct Ended {
            reason: String,
            status: u16,
            detail: String,
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
            "ended" => {
                let Ended { reason, status, detail } = serde_json::from_str(data)?;
                Self::Ended { may_begin_again: status >= 500 || reason == "token_expired", detail }
            }
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
    // The first connection must succeed: a wrong secret does not become right by waiting.
    let mut stream = open(target.clone(), &path).await?;
    output::note(format_args!(
        "Listening. Events go to {} as they are accepted; Ctrl-C stops.",
        styled(STRONG, &forward.url)
    ));
    loop {
        let why = forward.all_of(stream).await?;
        output::note(format_args!("{}: {why}; connecting again", styled(BAD, "the stream ended")));
        stream = open_again(&target, &path).await;
        output::note("Connected again. What was accepted in between does not come.");
    }
}

async fn open(target: Target, path: &str) -> Result<reqwest::Response, Failure> {
    let client = Client::connect_for_environment(target).await?;
    client.send(client.request(Method::GET, path).header(header::ACCEPT, "text/event-stream")).await
}

/// Tries until it succeeds. A token can have expired and a server can be restarting, so that everything is worth another try.
async fn open_again(target: &Target, path: &str) -> reqwest::Response {
    let mut pause = PAUSE;
    loop {
        tokio::time::sleep(pause).await;
        match open(target.clone(), path).await {
            Ok(stream) => return stream,
            Err(failure) => output::note(styled(FAINT, failure.message().unwrap_or_default())),
        }
        pause = (pause * 2).min(PAUSE_MOST);
    }
}

/// Where events go.
struct Forward {
    http: reqwest::Client,
    url: url::Url,
    signing_key: Option<SigningKey>,
    form: Form,
}

impl Forward {
    /// Forwards everything that comes, one after the other; says why nothing more comes.
    async fn all_of(&self, stream: reqwest::Response) -> Result<String, Failure> {
        let mut bytes = stream.bytes_stream();
        let mut messages = Messages::default();
        while let Some(chunk) = bytes.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return Ok(with_causes(&error)),
            };
            messages.push(&chunk);
            while let Some((name, data)) = messages.next() {
                match Message::parse(&name, &data) {
                    Ok(message) => self.take(message).await?,
                    Err(error) => {
                        output::note(format_args!("{}: {error}", styled(BAD, "a message that cannot be read")));
                    }
                }
            }
            if messages.waiting() > MESSAGE_BYTES {
                return Ok("a message is longer than an event can be".to_owned());
            }
        }
        Ok("the server closed it".to_owned())
    }

    async fn take(&self, message: Message) -> Result<(), Failure> {
        match message {
            Message::Event { headers, body } => self.forward(headers, body).await?,
            Message::Opening { secret } if self.signing_key.is_none() => {
                output::note(format_args!("Requests are signed with {}", styled(STRONG, tame(&secret))));
            }
            Message::Missed { events } => {
                output::note(format_args!("{}: {events} events", styled(BAD, "missed, as they came too fast")));
            }
            Message::Ended { may_begin_again: true, detail } => output::note(tame(&detail)),
            Message::Ended { may_begin_again: false, detail } => {
                return Err(Failure::said(format!("the server ended the stream: {}", tame(&detail))));
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

/// Takes a stream of server-sent events apart: names and data count, comments keep the connection awake.
#[derive(Debug, Default)]
struct Messages {
    bytes: Vec<u8>,
    /// How far there is no whole line.
    read: usize,
    name: String,
    data: String,
}

impl Messages {
    fn push(&mut self, chunk: &[u8]) {
        self.bytes.drain(..self.read);
        self.read = 0;
        self.bytes.extend_from_slice(chunk);
    }

    /// Bytes that wait for the end of their message.
    fn waiting(&self) -> usize {
        self.bytes.len() - self.read + self.data.len()
    }

    /// The next whole message that has data, and its name.
    fn next(&mut self) -> Option<(String, String)> {
        loop {
            let end = self.bytes[self.read..].iter().position(|byte| *byte == b'\n')?;
            let line = &self.bytes[self.read..self.read + end];
            self.read += end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                let name = std::mem::take(&mut self.name);
                if !self.data.is_empty() {
                    return Some((name, std::mem::take(&mut self.data)));
                }
            } else if let Some(name) = line.strip_prefix(b"event:") {
                self.name = String::from_utf8_lossy(name.strip_prefix(b" ").unwrap_or(name)).into_owned();
            } else if let Some(data) = line.strip_prefix(b"data:") {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(&String::from_utf8_lossy(data.strip_prefix(b" ").unwrap_or(data)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_whole_however_they_are_cut() {
        let stream = b": hello\n\nid: 1\nevent: event\ndata: {\"a\":1}\n\n: awake\r\n\r\ndata:x\ndata: \xc3\xa4y\n\ndata: unfinished";
        for size in 1..stream.len() {
            let mut messages = Messages::default();
            let mut got = Vec::new();
            for chunk in stream.chunks(size) {
                messages.push(chunk);
                got.extend(std::iter::from_fn(|| messages.next()));
            }
            let expected =
                [("event", "{\"a\":1}"), ("", "x\näy")].map(|(name, data)| (name.to_owned(), data.to_owned()));
            assert_eq!(got, expected, "in pieces of {size}");
        }
    }
}
