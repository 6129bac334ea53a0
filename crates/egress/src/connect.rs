//! From a URL's host to a connection that speaks HTTP: look up, check, dial, tunnel, shake hands.
//!
//! Invariant: between the check of an address and the dialling of it nothing is looked up again, and no address is dialled, or named
//! to a proxy, unless every address of the name passed the check.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postrider_core::attempt::{FailureKind, OurFault, Timings};
use tokio::net::TcpStream;
use tokio::time::Instant;
use url::{Host, Url};

use crate::dial::{Dialer, first_to_connect, in_order_of_trial};
use crate::error::SendError;
use crate::policy::{AddressPolicy, is_local_name};
use crate::proxy::{ProxyKind, ProxyUrl, Tunnels};
use crate::resolve::{Resolve, ResolveError};
use crate::tls::{ClientIdentity, Tls};
use crate::wire::Stream;

/// Makes connections.
pub(crate) struct Connector {
    pub(crate) policy: AddressPolicy,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) dialer: Dialer,
    pub(crate) proxy: Option<ProxyUrl>,
    pub(crate) tunnels: Tunnels,
    pub(crate) tls: Tls,
}

/// Where to connect to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) url: &'a Url,
    pub(crate) tls: bool,
    /// As in the URL.
    pub(crate) host: &'a str,
    pub(crate) port: u16,
}

/// A stream to a receiver.
pub(crate) struct Connected {
    pub(crate) stream: Stream,
    pub(crate) address: IpAddr,
    pub(crate) version: Version,
}

/// What was agreed to be spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// How far a connection came, for its record and for the words about a time-out.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) timings: Timings,
    pub(crate) remote_address: Option<IpAddr>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    LookingUp,
    Connecting,
    ShakingHands,
}

impl<'a> Target<'a> {
    /// The target of a URL that a webhook can have.
    pub(crate) fn of(url: &'a Url) -> Result<Self, SendError> {
        let tls = match url.scheme() {
            "https" => true,
            "http" => false,
            other => {
                return Err(SendError::endpoint(
                    FailureKind::Protocol,
                    format!("requests are not sent to {other}: URLs"),
                ));
            }
        };
        match (url.host_str(), url.port_or_known_default()) {
            (Some(host), Some(port)) if !host.is_empty() => Ok(Self { url, tls, host, port }),
            _ => Err(SendError::endpoint(FailureKind::NameNotFound, "the URL names no host")),
        }
    }
}

impl Connector {
    /// Connects, unless it takes until `until`.
    pub(crate) async fn connect(
        &self,
        target: &Target<'_>,
        identity: Option<&ClientIdentity>,
        progress: &mut Progress,
        until: Instant,
        span: Duration,
    ) -> Result<Connected, SendError> {
        let proxy_reached = AtomicBool::new(false);
        match tokio::time::timeout_at(until, self.steps(target, identity, progress, &proxy_reached)).await {
            Ok(connected) => connected,
            Err(_) => Err(match (progress.stage, &self.proxy) {
                (Stage::LookingUp, _) => SendError::ours(
                    OurFault::Resolver,
                    format!("the name {} could not be looked up in time", target.host),
                ),
                (Stage::Connecting, Some(proxy)) if !proxy_reached.load(Ordering::Relaxed) => {
                    proxy.fault("does not respond")
                }
                (Stage::Connecting, _) => SendError::timeout(span, "connecting"),
                (Stage::ShakingHands, _) => SendError::timeout(span, "in the TLS handshake"),
            }),
        }
    }

    async fn steps(
        &self,
        target: &Target<'_>,
        identity: Option<&ClientIdentity>,
        progress: &mut Progress,
        proxy_reached: &AtomicBool,
    ) -> Result<Connected, SendError> {
        let addresses = self.checked_addresses(target, progress).await?;

        progress.stage = Stage::Connecting;
        progress.remote_address = addresses.first().copied();
        let begun = Instant::now();
        let (stream, address) = first_to_connect(&addresses, async |address| {
            let to = SocketAddr::new(address, target.port);
            let stream = match &self.proxy {
                None => Stream::Tcp(self.dialer.connect(to).await?),
                Some(proxy) => self.through(proxy, to, proxy_reached).await?,
            };
            Ok((stream, address))
        })
        .await?;
        progress.timings.connect = Some(begun.elapsed());
        progress.remote_address = Some(address);
        if !target.tls {
            return Ok(Connected { stream, address, version: Version::Http1 });
        }

        progress.stage = Stage::ShakingHands;
        let begun = Instant::now();
        let (stream, version) = self.in_tls(target, identity, stream).await?;
        progress.timings.tls = Some(begun.elapsed());
        Ok(Connected { stream, address, version })
    }

    /// The addresses of a host in order of trial, every one of which may be dialled.
    async fn checked_addresses(&self, target: &Target<'_>, progress: &mut Progress) -> Result<Vec<IpAddr>, SendError> {
        let found = match target.url.host() {
            Some(Host::Ipv4(v4)) => vec![IpAddr::V4(v4)],
            Some(Host::Ipv6(v6)) => vec![IpAddr::V6(v6).to_canonical()],
            Some(Host::Domain(name)) if is_local_name(name) => self.policy.loopback(),
            _ => {
                let begun = Instant::now();
                let found = self.resolver.resolve(target.host).await;
                progress.timings.dns = Some(begun.elapsed());
                match found {
                    Ok(found) => found.iter().map(IpAddr::to_canonical).collect(),
                    Err(error) => return Err(self.of_lookup(&error).await),
                }
            }
        };
        for &address in &found {
            if let Err(refusal) = self.policy.check_socket(SocketAddr::new(address, target.port)) {
                let message = if target.url.domain().is_some() {
                    tracing::debug!(host = target.host, %refusal, "a name leads to an address that is refused");
                    refusal.of_name(target.host)
                } else {
                    refusal.to_string()
                };
                return Err(SendError::endpoint(FailureKind::AddressRefused, message));
            }
        }
        Ok(in_order_of_trial(&found))
    }

    /// Name servers that fail for one name and answer for others are fine: that name's own are not.
    async fn of_lookup(&self, error: &ResolveError) -> SendError {
        let message = error.to_string();
        match error {
            ResolveError::NotFound { .. } => SendError::endpoint(FailureKind::NameNotFound, message),
            ResolveError::Failed { host, .. } if self.resolver.answers_for_others(host).await => {
                SendError::endpoint(FailureKind::NameNotFound, message)
            }
            ResolveError::Failed { .. } => SendError::ours(OurFault::Resolver, message),
        }
    }

    async fn through(&self, proxy: &ProxyUrl, to: SocketAddr, reached: &AtomicBool) -> Result<Stream, SendError> {
        let tcp = self.dial_proxy(proxy).await?;
        let mut stream = match proxy.kind {
            ProxyKind::Http | ProxyKind::Socks5 => Stream::Tcp(tcp),
            ProxyKind::HttpInTls => {
                let handshake = self.tls.with_proxy(&proxy.host, tcp).await;
                Stream::Tls(Box::new(handshake.map_err(|what| proxy.fault(format_args!("cannot be trusted: {what}")))?))
            }
        };
        // From here on it may be the endpoint that lets the proxy wait.
        reached.store(true, Ordering::Relaxed);
        proxy.tunnel(&mut stream, to, self.tunnels.record()).await?;
        self.tunnels.opened();
        Ok(stream)
    }

    /// Connects to the proxy. Whatever goes wrong is not the endpoint's fault.
    async fn dial_proxy(&self, proxy: &ProxyUrl) -> Result<TcpStream, SendError> {
        let found = match proxy.literal() {
            Some(address) => vec![address],
            None => self
                .resolver
                .resolve(&proxy.host)
                .await
                .map_err(|error| proxy.fault(format_args!("has no address: {error}")))?,
        };
        first_to_connect(&in_order_of_trial(&found), |address| {
            self.dialer.connect(SocketAddr::new(address, proxy.port))
        })
        .await
        .map_err(|error| match error {
            SendError::Endpoint { message, .. } => proxy.fault(format_args!("cannot be reached: {message}")),
            ours @ SendError::Ours { .. } => ours,
        })
    }

    async fn in_tls(
        &self,
        target: &Target<'_>,
        identity: Option<&ClientIdentity>,
        stream: Stream,
    ) -> Result<(Stream, Version), SendError> {
        let (stream, version) = match stream {
            Stream::Tcp(tcp) => {
                let stream = self.tls.with_receiver(target.host, identity, tcp).await?;
                let version = Version::of(stream.get_ref().1.alpn_protocol());
                (Stream::Tls(Box::new(stream)), version)
            }
            Stream::Tls(outer) => {
                let stream = self.tls.with_receiver(target.host, identity, *outer).await?;
                let version = Version::of(stream.get_ref().1.alpn_protocol());
                (Stream::TlsInTls(Box::new(stream)), version)
            }
            Stream::TlsInTls(_) => unreachable!("a tunnel has at most the TLS of one proxy"),
        };
        Ok((stream, version))
    }
}

impl Version {
    fn of(protocol: Option<&[u8]>) -> Self {
        if protocol == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}
