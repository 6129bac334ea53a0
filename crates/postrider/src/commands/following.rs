//! Streams of server-sent events, as commands follow them.
//!
//! Owns opening a stream, taking it apart, opening it again, and the end that the server gives it. What its other messages say is each
//! command's.

use std::time::Duration;

use futures_util::StreamExt as _;
use http::{Method, header};
use postrider_core::limits;
use serde::Deserialize;

use crate::client::{Client, Target};
use crate::failure::{Failure, with_causes};
use crate::output::{self, BAD, FAINT, styled, tame};

/// The first pause before the stream is asked for again; doubled up to the longest.
const PAUSE: Duration = Duration::from_millis(500);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(15);
/// Bytes of one message of the stream at most: the body of an event, written as a JSON string, and what stands around it.
const MESSAGE_BYTES: usize = 8 * limits::EVENT_BYTES;

/// What a command says about its stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// Once the stream is open for the first time.
    pub(super) welcome: &'a str,
    /// Once it is open again.
    pub(super) again: &'a str,
}

/// A message of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What kind of message it is.
    pub(super) name: String,
    /// What it says, in JSON.
    pub(super) data: String,
}

/// `event: ended`: nothing more comes, as the caller's right has ended, or something stands in its way for now.
#[derive(Deserialize)]
struct Ended {
    reason: String,
    status: u16,
    detail: String,
}

/// Follows a stream until it is interrupted, or the server ends it for good: hands on each message, one after the other. The first
/// connection must succeed: a wrong secret does not become right by waiting.
pub(super) async fn follow(
    target: &Target,
    path: &str,
    words: Words<'_>,
    take: impl AsyncFn(Told) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut stream = open(target.clone(), path).await?;
    output::note(words.welcome);
    loop {
        let why = all_of(stream, &take).await?;
        output::note(format_args!("{}: {why}; connecting again", styled(BAD, "the stream ended")));
        stream = open_again(target, path).await;
        output::note(words.again);
    }
}

/// Says of a message that it means nothing to this command.
pub(super) fn unreadable(error: &serde_json::Error) {
    output::note(format_args!("{}: {error}", styled(BAD, "a message that cannot be read")));
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

/// Hands on everything that comes; says why nothing more comes.
async fn all_of(
    stream: reqwest::Response,
    take: &impl AsyncFn(Told) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let mut bytes = stream.bytes_stream();
    let mut messages = Messages::default();
    while let Some(chunk) = bytes.next().await {
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(error) => return Ok(with_causes(&error)),
        };
        messages.push(&chunk);
        while let Some(message) = messages.next() {
            match message.name.as_str() {
                "ended" => ended(&message.data)?,
                _ => take(message).await?,
            }
        }
        if messages.waiting() > MESSAGE_BYTES {
            return Ok("a message is longer than an event can be".to_owned());
        }
    }
    Ok("the server closed it".to_owned())
}

/// What the server said at the end; a failure where to ask again is of no use.
fn ended(data: &str) -> Result<(), Failure> {
    match serde_json::from_str(data) {
        Ok(Ended { reason, status, detail }) if status >= 500 || reason == "token_expired" => {
            output::note(tame(&detail));
        }
        Ok(Ended { detail, .. }) => {
            return Err(Failure::said(format!("the server ended the stream: {}", tame(&detail))));
        }
        Err(error) => unreadable(&error),
    }
    Ok(())
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

    /// The next whole message that has data.
    fn next(&mut self) -> Option<Told> {
        loop {
            let end = self.bytes[self.read..].iter().position(|byte| *byte == b'\n')?;
            let line = &self.bytes[self.read..self.read + end];
            self.read += end + 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() {
                let name = std::mem::take(&mut self.name);
                if !self.data.is_empty() {
                    return Some(Told { name, data: std::mem::take(&mut self.data) });
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
            let expected = [("event", "{\"a\":1}"), ("", "x\näy")]
                .map(|(name, data)| Told { name: name.to_owned(), data: data.to_owned() });
            assert_eq!(got, expected, "in pieces of {size}");
        }
    }
}
