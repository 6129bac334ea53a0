//! An attempt: one HTTP request of a delivery and what came of it.
//!
//! Owns the words for what can happen to a request. Does not own what follows from it: that is [`crate::delivery::next`].

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::id::{AttemptId, DeliveryId};
use crate::request::SettingsRevision;
use crate::time::Timestamp;

/// What came of an attempt, as far as the delivery's fate is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The endpoint answered with a complete set of headers. The status code decides, whatever became of the body.
    Answered {
        /// 100 to 999, as received.
        status: u16,
        /// What the `Retry-After` header asks for, already turned into a span from the moment of the answer.
        retry_after: Option<Duration>,
    },
    /// An endpoint that the webhook has no more by now answered 410: it is gone, and the webhook is not.
    MovedFrom,
    /// The endpoint did not answer; it, or the way to it, is at fault.
    Failed(FailureKind),
    /// We could not ask; the endpoint is not at fault, and the attempt does not count.
    Ours(OurFault),
    /// There is nothing to send: the webhook's template, or that of a header, cannot be rendered for this event. Neither the endpoint
    /// nor we are at fault, and as rendering is the same at any time, it never will be.
    Unrenderable,
}

/// Why an endpoint did not answer. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The host name does not exist or has no address, or cannot be looked up while others can.
    NameNotFound,
    /// An address of the host is one that this server must not dial.
    AddressRefused,
    /// Nothing listens there.
    ConnectionRefused,
    /// The connection was not made for another reason (unreachable host).
    ConnectFailed,
    /// The TLS handshake failed: certificate, name, protocol.
    Tls,
    /// The whole exchange did not reach the answer's headers within the deadline.
    Timeout,
    /// The connection broke before the answer's headers were complete.
    ConnectionLost,
    /// What came back is not HTTP.
    Protocol,
    /// The server that gives out the endpoint's tokens gave none.
    Authentication,
}

/// Why we could not ask. Stored by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OurFault {
    /// The name server did not answer or failed.
    Resolver,
    /// The proxy could not be reached, or opened no tunnel and has opened none to anybody of late.
    Proxy,
    /// This machine has no route to any network of the address's family.
    NoRoute,
    /// This process is out of files or ports, or too busy to render what is sent.
    OutOfResources,
    /// The server is stopping and gave the attempt up.
    ShuttingDown,
    /// The store could not be read or written.
    Store,
}

macro_rules! names {
    ($type:ident { $($case:ident => $name:literal),* $(,)? }) => {
        impl $type {
            /// The stable name: in the database, on the wire, in logs.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$case => $name),* }
            }

            /// The case of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$case),)* _ => None }
            }

            /// Every case, in order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$case),*];
        }
    };
}
pub(crate) use names;

names!(FailureKind {
    NameNotFound => "name_not_found",
    AddressRefused => "address_refused",
    ConnectionRefused => "connection_refused",
    ConnectFailed => "connect_failed",
    Tls => "tls",
    Timeout => "timeout",
    ConnectionLost => "connection_lost",
    Protocol => "protocol",
    Authentication => "authentication",
});

names!(OurFault {
    Resolver => "resolver",
    Proxy => "proxy",
    NoRoute => "no_route",
    OutOfResources => "out_of_resources",
    ShuttingDown => "shutting_down",
    Store => "store",
});

impl Outcome {
    /// Whether the endpoint took the event: a 2XX answer.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }

    /// Whether it says that the endpoint is unwell, so that the lane should pause: time-outs, connection and TLS errors, 429 and
    /// 5XX. Another 4XX or a redirect is an answer of an endpoint that is well.
    pub fn is_unwell(&self) -> bool {
        match self {
            Self::Answered { status, .. } => *status == 429 || *status >= 500,
            Self::Failed(_) => true,
            Self::Ours(_) | Self::MovedFrom | Self::Unrenderable => false,
        }
    }
}

/// How long each part of an exchange took. A part that did not happen (a connection was reused) is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Looking the name up.
    pub dns: Option<Duration>,
    /// Connecting, proxy included.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the start of the attempt to the answer's headers.
    pub first_byte: Option<Duration>,
    /// The whole attempt.
    pub total: Duration,
}

/// One attempt as recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Its id.
    pub id: AttemptId,
    /// The delivery it belongs to.
    pub delivery_id: DeliveryId,
    /// 1 for the first.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// What came of it. Where the endpoint answered, `retry_after` is not kept.
    pub result: AttemptResult,
    /// The URL that was asked, as the webhook had it at that moment.
    pub url: String,
    /// What its request was made from; none: it is from a version that did not note it.
    pub settings: Option<SettingsRevision>,
    /// The address that was dialled, where one was.
    pub remote_address: Option<IpAddr>,
    /// Where the time went.
    pub timings: Timings,
}

/// What is kept of an attempt's result.
#[derive(Debug, Clone, PartialEq)]
pub enum AttemptResult {
    /// The endpoint answered.
    Answered {
        /// The status code.
        status: u16,
        /// Its headers, as far as they are kept.
        headers: KeptHeaders,
        /// The first [`crate::limits::RESPONSE_BODY_KEPT`] bytes of the body, as received.
        body: bytes::Bytes,
        /// How the body ended.
        body_end: BodyEnd,
    },
    /// It did not.
    Failed {
        /// The class of the failure.
        kind: FailureKind,
        /// What happened, in plain words for a person: "the certificate expired on 2026-01-01".
        message: String,
    },
}

/// Headers of an answer as they are kept: whole ones, in order, values in lossy UTF-8. They are written out as JSON, an array of pairs,
/// when they are taken, so that they are one piece of memory from the attempt to the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHeaders(String);

/// What most answers' headers take.
const USUAL_HEADERS_BYTES: usize = 256;

impl Default for KeptHeaders {
    fn default() -> Self {
        Self("[]".to_owned())
    }
}

impl KeptHeaders {
    /// Names and values as received, up to `most` bytes of them in all.
    pub fn of<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>, most: usize) -> Self {
        let mut json = Vec::with_capacity(USUAL_HEADERS_BYTES);
        let mut room = most;
        json.push(b'[');
        for (name, value) in headers {
            let Some(left) = room.checked_sub(name.len() + value.len()) else { break };
            room = left;
            if json.len() > 1 {
                json.push(b',');
            }
            let pair = (name, String::from_utf8_lossy(value));
            serde_json::to_writer(&mut json, &pair).expect("strings can be written to memory as JSON");
        }
        json.push(b']');
        Self(String::from_utf8(json).expect("JSON is UTF-8"))
    }

    /// As [`Self::as_json`] gave them; none: they are not headers.
    pub fn from_json(json: String) -> Option<Self> {
        serde_json::from_str::<Vec<(String, String)>>(&json).is_ok().then_some(Self(json))
    }

    /// An array of pairs of name and value.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// Names and values.
    pub fn pairs(&self) -> Vec<(String, String)> {
        serde_json::from_str(&self.0).expect("it is written by us, or was read before")
    }
}

impl AttemptResult {
    /// The status code, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answered { status, .. } => Some(*status),
            Self::Failed { .. } => None,
        }
    }
}

/// How the answer's body ended. It never decides the delivery's fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyEnd {
    /// Read to its end and kept whole.
    Complete,
    /// Longer than what is kept, or than what is read.
    Cut,
    /// The deadline passed while it was read.
    TimedOut,
    /// The connection broke while it was read.
    Broken,
}

names!(BodyEnd { Complete => "complete", Cut => "cut", TimedOut => "timed_out", Broken => "broken" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_kept_whole_up_to_the_limit_and_read_back() {
        let headers: [(&str, &[u8]); 3] = [("x-a", b"to \"1\""), ("x-b", b"\xff\\"), ("x-c", b"3")];
        let (first, second) = (("x-a", "to \"1\""), ("x-b", "\u{fffd}\\"));
        let owned = |pairs: &[(&str, &str)]| -> Vec<_> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        for (most, expected) in [
            (100, owned(&[first, second, ("x-c", "3")])),
            (14, owned(&[first, second])),
            (13, owned(&[first])),
            (8, owned(&[])),
        ] {
            let kept = KeptHeaders::of(headers, most);
            assert_eq!(kept.pairs(), expected, "{most}");
            assert_eq!(KeptHeaders::from_json(kept.as_json().to_owned()), Some(kept));
        }
        assert_eq!(KeptHeaders::from_json("[[\"x-a\"]]".to_owned()), None);
    }

    #[test]
    fn names_read_back() {
        for kind in FailureKind::ALL {
            assert_eq!(FailureKind::from_name(kind.name()), Some(*kind));
        }
        for fault in OurFault::ALL {
            assert_eq!(OurFault::from_name(fault.name()), Some(*fault));
        }
        for end in BodyEnd::ALL {
            assert_eq!(BodyEnd::from_name(end.name()), Some(*end));
        }
    }

    #[test]
    fn an_endpoint_that_answers_4xx_or_3xx_is_well() {
        let answered = |status| Outcome::Answered { status, retry_after: None };
        for (status, success, unwell) in [
            (199, false, false),
            (200, true, false),
            (204, true, false),
            (299, true, false),
            (301, false, false),
            (400, false, false),
            (410, false, false),
            (429, false, true),
            (499, false, false),
            (500, false, true),
            (599, false, true),
        ] {
            assert_eq!(answered(status).is_success(), success, "{status}");
            assert_eq!(answered(status).is_unwell(), unwell, "{status}");
        }
        assert!(Outcome::Failed(FailureKind::Timeout).is_unwell());
        assert!(!Outcome::Ours(OurFault::Proxy).is_unwell());
    }
}
