//! One keep-alive connection of a producer: writes a prepared request, reads its answer. Written by hand, because the
//! generator shares the processors with what it measures. It understands what the intake answers, a short JSON text with
//! `content-length`, and refuses everything else loudly.

use std::{net::SocketAddr, time::Duration};

use memchr::memmem;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use uuid::Uuid;

use crate::error::{Error, Result};

/// More than any answer of the intake.
const ANSWER_BYTES: usize = 16 * 1024;
const HEADERS: usize = 32;

/// A connection to the server under test.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
}

/// What the server said to an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accepted {
        id: Uuid,
        deliveries: u64,
    },
    /// 503: the server asks to come back later.
    Busy {
        retry_after: Duration,
    },
}

impl Connection {
    /// Connects to `server`.
    pub(crate) async fn open(server: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(server).await.map_err(Error::io("connect to the server"))?;
        stream.set_nodelay(true).map_err(Error::io("switch off Nagle's algorithm"))?;
        Ok(Self { stream, buffer: vec![0; ANSWER_BYTES].into() })
    }

    /// Sends `request` and reads the answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer> {
        self.stream.write_all(request).await.map_err(Error::io("send an event"))?;
        let mut filled = 0;
        loop {
            let space = &mut self.buffer[filled..];
            if space.is_empty() {
                return Err(unreadable(&self.buffer));
            }
            let read = self.stream.read(space).await.map_err(Error::io("read the answer to an event"))?;
            if read == 0 {
                let source = std::io::ErrorKind::UnexpectedEof.into();
                return Err(Error::Io { what: "read the answer to an event".to_owned(), source });
            }
            filled += read;
            if let Some(answer) = parse(&self.buffer[..filled])? {
                return Ok(answer);
            }
        }
    }
}

/// Reads a whole answer; `None` when more bytes must come first.
fn parse(bytes: &[u8]) -> Result<Option<Answer>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(body_start) = head.parse(bytes).map_err(|_| unreadable(bytes))? else {
        return Ok(None);
    };
    let header = |name: &str| {
        let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()?.trim().parse::<u64>().ok()
    };
    let length = header("content-length").and_then(|length| usize::try_from(length).ok());
    let end = body_start + length.ok_or_else(|| unreadable(bytes))?;
    if bytes.len() < end {
        return Ok(None);
    }
    let body = &bytes[body_start..];
    match head.code.unwrap_or_default() {
        200..=299 => {
            let id = after(body, br#""eventId":""#).and_then(|rest| Uuid::try_parse_ascii(rest.get(..36)?).ok());
            let deliveries = after(body, br#""deliveries":"#).and_then(number);
            let (Some(id), Some(deliveries), true) = (id, deliveries, bytes.len() == end) else {
                return Err(unreadable(bytes));
            };
            Ok(Some(Answer::Accepted { id, deliveries }))
        }
        503 => Ok(Some(Answer::Busy { retry_after: Duration::from_secs(header("retry-after").unwrap_or(1)) })),
        status => {
            let body = String::from_utf8_lossy(body).into_owned();
            Err(Error::Answer { what: "an event".to_owned(), status, body })
        }
    }
}

fn after<'a>(body: &'a [u8], marker: &[u8]) -> Option<&'a [u8]> {
    memmem::find(body, marker).map(|start| &body[start + marker.len()..])
}

fn number(bytes: &[u8]) -> Option<u64> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&bytes[..digits]).ok()?.parse().ok()
}

fn unreadable(bytes: &[u8]) -> Error {
    Error::Unreadable { what: "an event", body: String::from_utf8_lossy(bytes).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted() -> String {
        let body = r#"{"eventId":"01900000-0000-7000-8000-000000000001","deliveries":10}"#;
        format!("HTTP/1.1 202 Accepted\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn an_answer_is_read_only_when_it_is_whole() {
        let accepted = accepted();
        for end in 0..accepted.len() {
            assert_eq!(parse(&accepted.as_bytes()[..end]).unwrap(), None, "after {end} bytes");
        }
        let id = "01900000-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(parse(accepted.as_bytes()).unwrap(), Some(Answer::Accepted { id, deliveries: 10 }));
    }

    #[test]
    fn what_is_not_an_acceptance_is_never_taken_for_one() {
        let busy = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(parse(busy).unwrap(), Some(Answer::Busy { retry_after: Duration::from_secs(2) }));
        for wrong in [
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\n{}",
            "HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
            "SSH-2.0\r\n\r\n",
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(parse(format!("{}x", accepted()).as_bytes()).is_err(), "bytes after the answer");
    }
}
