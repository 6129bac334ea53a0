//! Tunnels through the operator's proxy: HTTP `CONNECT` and SOCKS5.
//!
//! A proxy that cannot reach a target may be cut off itself: its word counts against the endpoint where it has opened a tunnel to anybody
//! of late, and is a fault of ours otherwise. The same goes for a refusal, which may be of one target or of all.
//!
//! Invariant: a proxy is told an address that was checked, never a name, so that it cannot look up another one. The proxy's own
//! address is the operator's word and is not subject to the address policy.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::percent_decode_str;
use postrider_core::attempt::{FailureKind, OurFault};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::Instant;
use url::Url;

use crate::error::SendError;

/// How long a tunnel that was opened shows that the proxy works.
const LATELY: Duration = Duration::from_mins(1);
/// Bytes of a proxy's answer to `CONNECT` that are read.
const CONNECT_ANSWER_BYTES: usize = 16 * 1024;

/// A proxy, as its operator writes it: `http://`, `https://` or `socks5://`, with user and password where it wants them.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    pub(crate) kind: ProxyKind,
    pub(crate) host: String,
    pub(crate) port: u16,
    credentials: Option<Credentials>,
}

/// Whether the proxy has opened a tunnel of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    /// It has: what it says of a target is the target's.
    Works,
    /// It has not, so that it may be at fault itself.
    Unknown,
}

/// When the proxy last opened a tunnel.
#[derive(Debug, Default)]
pub(crate) struct Tunnels(Mutex<Option<Instant>>);

impl Tunnels {
    pub(crate) fn opened(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn record(&self) -> Record {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|at| at.elapsed() < LATELY) { Record::Works } else { Record::Unknown }
    }
}

/// How a proxy is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    Http,
    HttpInTls,
    Socks5,
}

#[derive(Clone, PartialEq, Eq)]
struct Credentials {
    user: String,
    password: String,
}

/// A text that names no proxy. It may hold a password and is therefore not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a proxy's URL; write http://host:port, https://host:port or socks5://host:port, with user:password@ before the host if needed"
)]
pub struct ParseProxyUrlError;

impl FromStr for ProxyUrl {
    type Err = ParseProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ParseProxyUrlError> {
        let url = Url::parse(text).map_err(|_| ParseProxyUrlError)?;
        let (kind, default_port) = match url.scheme() {
            "http" => (ProxyKind::Http, 80),
            "https" => (ProxyKind::HttpInTls, 443),
            "socks5" | "socks5h" => (ProxyKind::Socks5, 1080),
            _ => return Err(ParseProxyUrlError),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ParseProxyUrlError);
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ParseProxyUrlError)?.to_owned();
        let decoded = |text| percent_decode_str(text).decode_utf8().map_err(|_| ParseProxyUrlError);
        let user = decoded(url.username())?.into_owned();
        let password = decoded(url.password().unwrap_or_default())?.into_owned();
        let credentials = (!user.is_empty() || !password.is_empty()).then_some(Credentials { user, password });
        if kind == ProxyKind::Socks5
            && credentials.as_ref().is_some_and(|c| c.user.is_empty() || c.user.len() > 255 || c.password.len() > 255)
        {
            return Err(ParseProxyUrlError);
        }
        Ok(Self { kind, host, port: url.port().unwrap_or(default_port), credentials })
    }
}

/// Without the credentials, so that it can be logged.
impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Http => "http",
            ProxyKind::HttpInTls => "https",
            ProxyKind::Socks5 => "socks5",
        };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProxyUrl({self})")
    }
}

impl ProxyUrl {
    /// The proxy's own address where it is literal.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        let bare = self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host);
        bare.parse().ok()
    }

    /// Asks the proxy at the other end of `stream` for a tunnel to `target`.
    pub(crate) async fn tunnel<S>(&self, stream: &mut S, target: SocketAddr, record: Record) -> Result<(), SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match self.kind {
            ProxyKind::Http | ProxyKind::HttpInTls => self.connect(stream, target, record).await,
            ProxyKind::Socks5 => self.socks5(stream, target, record).await,
        }
    }

    /// A fault of the proxy.
    pub(crate) fn fault(&self, what: impl fmt::Display) -> SendError {
        SendError::ours(OurFault::Proxy, format!("the proxy {self} {what}"))
    }

    /// What the proxy says of one target.
    fn of_target(&self, record: Record, kind: FailureKind, what: impl fmt::Display) -> SendError {
        match record {
            Record::Works => SendError::endpoint(kind, format!("the proxy {self} {what}")),
            Record::Unknown => self.fault(what),
        }
    }

    fn broke(&self, error: &io::Error) -> SendError {
        self.fault(format_args!("broke the connection off: {error}"))
    }

    async fn connect<S>(&self, stream: &mut S, target: SocketAddr, record: Record) -> Result<(), SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n");
        if let Some(Credentials { user, password }) = &self.credentials {
            let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
            request.push_str("proxy-authorization: Basic ");
            request.push_str(&encoded);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await.map_err(|error| self.broke(&error))?;
        stream.flush().await.map_err(|error| self.broke(&error))?;

        let mut answer = Vec::with_capacity(256);
        let end = loop {
            if let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            if answer.len() > CONNECT_ANSWER_BYTES {
                return Err(self.fault("sent an endless answer"));
            }
            if stream.read_buf(&mut answer).await.map_err(|error| self.broke(&error))? == 0 {
                return Err(self.fault("closed the connection instead of answering"));
            }
        };
        match connect_status(&answer[..end]) {
            // Receivers wait for us to speak first: whatever follows is not theirs.
            Some(200..=299) if answer.len() > end => Err(self.fault("sent something of its own into the tunnel")),
            Some(200..=299) => Ok(()),
            Some(407) => Err(self.fault("asks for a user name and password, or does not accept the configured ones")),
            Some(status @ (502 | 503)) => {
                let what = format_args!("could not connect to {target} (it answered {status})");
                Err(self.of_target(record, FailureKind::ConnectFailed, what))
            }
            Some(504) => {
                let what = format_args!("waited in vain for {target} to accept a connection (it answered 504)");
                Err(self.of_target(record, FailureKind::Timeout, what))
            }
            Some(status) => {
                let what = format_args!("refused the tunnel to {target} with status {status}");
                Err(self.of_target(record, FailureKind::ConnectFailed, what))
            }
            None => Err(self.fault("does not speak HTTP")),
        }
    }

    async fn socks5<S>(&self, stream: &mut S, target: SocketAddr, record: Record) -> Result<(), SendError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let method = if self.credentials.is_some() { 2 } else { 0 };
        self.write(stream, &[5, 1, method]).await?;
        match self.read::<2, _>(stream).await? {
            [5, chosen] if chosen == method => {}
            [5, _] if method == 0 => return Err(self.fault("asks for a user name and password")),
            [5, _] => return Err(self.fault("does not take a user name and password")),
            _ => return Err(self.fault("does not speak SOCKS5")),
        }
        if let Some(Credentials { user, password }) = &self.credentials {
            let mut message = vec![1];
            for text in [user, password] {
                message.push(u8::try_from(text.len()).expect("the lengths were checked when the URL was parsed"));
                message.extend_from_slice(text.as_bytes());
            }
            self.write(stream, &message).await?;
            let [_, status] = self.read::<2, _>(stream).await?;
            if status != 0 {
                return Err(self.fault("does not accept the configured user name and password"));
            }
        }

        let mut request = vec![5, 1, 0];
        match target.ip() {
            IpAddr::V4(v4) => {
                request.push(1);
                request.extend_from_slice(&v4.octets());
            }
            IpAddr::V6(v6) => {
                request.push(4);
                request.extend_from_slice(&v6.octets());
            }
        }
        request.extend_from_slice(&target.port().to_be_bytes());
        self.write(stream, &request).await?;
        let [version, reply, _, address_type] = self.read::<4, _>(stream).await?;
        if version != 5 {
            return Err(self.fault("does not speak SOCKS5"));
        }
        self.judge_socks_reply(reply, target, record)?;
        // The address the proxy left from, of no use to us; it must be read to reach the tunnel's first byte.
        let length = match address_type {
            1 => 4,
            4 => 16,
            3 => usize::from(self.read::<1, _>(stream).await?[0]),
            _ => return Err(self.fault("does not speak SOCKS5")),
        };
        let mut rest = vec![0; length + 2];
        stream.read_exact(&mut rest).await.map_err(|error| self.broke(&error))?;
        Ok(())
    }

    fn judge_socks_reply(&self, reply: u8, target: SocketAddr, record: Record) -> Result<(), SendError> {
        let why = match reply {
            0 => return Ok(()),
            // Somebody was there to refuse it.
            5 => {
                let message = format!("the proxy {self} could not connect to {target}: nothing listens there");
                return Err(SendError::endpoint(FailureKind::ConnectionRefused, message));
            }
            1 => "it failed in general".to_owned(),
            2 => "its rules do not permit it".to_owned(),
            3 => "there is no route to its network".to_owned(),
            4 => "there is no route to the host".to_owned(),
            6 => "the way to it is too long".to_owned(),
            7 | 8 => "it cannot connect to addresses of this kind".to_owned(),
            other => format!("it gave the unknown reply {other}"),
        };
        let what = format_args!("could not connect to {target}: {why}");
        Err(self.of_target(record, FailureKind::ConnectFailed, what))
    }

    async fn write<S: AsyncWrite + Unpin>(&self, stream: &mut S, bytes: &[u8]) -> Result<(), SendError> {
        stream.write_all(bytes).await.map_err(|error| self.broke(&error))?;
        stream.flush().await.map_err(|error| self.broke(&error))
    }

    async fn read<const N: usize, S: AsyncRead + Unpin>(&self, stream: &mut S) -> Result<[u8; N], SendError> {
        let mut bytes = [0; N];
        stream.read_exact(&mut bytes).await.map_err(|error| self.broke(&error))?;
        Ok(bytes)
    }
}

/// The status code of an answer's first line.
fn connect_status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|&byte| byte == b'\r').next()?;
    let rest = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "))?;
    let digits = rest.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.get(3).is_some_and(|&byte| byte != b' ') {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        let proxy: ProxyUrl = "http://us%40er:p%3Ass@proxy.example:3128".parse().unwrap();
        let credentials = proxy.credentials.as_ref().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("us@er", "p:ss"));
        for shown in [format!("{proxy}"), format!("{proxy:?}"), proxy.fault("failed").to_string()] {
            assert!(shown.contains("http://proxy.example:3128") && !shown.contains("ss@"), "{shown}");
        }
    }

    #[test]
    fn only_proxies_are_proxies() {
        for (text, port) in [
            ("http://p", 80),
            ("https://p/", 443),
            ("socks5://p", 1080),
            ("socks5://u:p@[::1]:9", 9),
            ("socks5h://127.0.0.1:1", 1),
        ] {
            assert_eq!(text.parse::<ProxyUrl>().map(|proxy| proxy.port), Ok(port), "{text}");
        }
        let long = format!("socks5://{}:p@h", "u".repeat(256));
        for text in ["", "proxy:3128", "ftp://p", "http://p/path", "http://p?q", "socks5://:p@h", &long] {
            assert_eq!(text.parse::<ProxyUrl>(), Err(ParseProxyUrlError), "{text}");
        }
    }
}
