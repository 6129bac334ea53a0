//! Why a request got no answer.
//!
//! Owns the line between the endpoint's faults and ours, and the plain words for each. Every failure of the operating system, of
//! TLS and of HTTP is sorted here or in [`crate::tls`], and nowhere else.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use postrider_core::attempt::{FailureKind, OurFault};
use rustix::io::Errno;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The endpoint, or the way to it, is at fault.
    #[error("{message}")]
    Endpoint {
        /// The class of the failure.
        kind: FailureKind,
        /// What happened, in plain words for a person.
        message: String,
    },
    /// We could not ask.
    #[error("{message}")]
    Ours {
        /// The class of the fault.
        fault: OurFault,
        /// What happened, in plain words for a person.
        message: String,
    },
}

impl SendError {
    pub(crate) fn endpoint(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Endpoint { kind, message: message.into() }
    }

    pub(crate) fn ours(fault: OurFault, message: impl Into<String>) -> Self {
        Self::Ours { fault, message: message.into() }
    }

    pub(crate) fn timeout(deadline: Duration, doing: &str) -> Self {
        Self::endpoint(FailureKind::Timeout, format!("no answer within {} ({doing})", in_seconds(deadline)))
    }

    /// Whether it says something about the endpoint.
    pub(crate) fn blames_endpoint(&self) -> bool {
        matches!(self, Self::Endpoint { .. })
    }
}

fn in_seconds(span: Duration) -> String {
    if span.subsec_millis() == 0 { format!("{} s", span.as_secs()) } else { format!("{} ms", span.as_millis()) }
}

/// Sorts the failure of a socket on its way to `to`.
pub(crate) fn of_connect(error: &io::Error, to: SocketAddr) -> SendError {
    of_connect_with(error, to, has_route)
}

fn of_connect_with(error: &io::Error, to: SocketAddr, has_route: fn(IpAddr) -> bool) -> SendError {
    let (ip, port) = (to.ip(), to.port());
    let family = if ip.is_ipv4() { "IPv4" } else { "IPv6" };
    let no_route = || SendError::ours(OurFault::NoRoute, format!("this machine has no route to any {family} network"));
    let exhausted = |what| SendError::ours(OurFault::OutOfResources, format!("this server is out of {what}"));
    let unreachable = |why| SendError::endpoint(FailureKind::ConnectFailed, format!("{ip} cannot be reached: {why}"));
    match Errno::from_io_error(error) {
        Some(Errno::CONNREFUSED) => {
            SendError::endpoint(FailureKind::ConnectionRefused, format!("nothing listens on port {port} of {ip}"))
        }
        Some(Errno::CONNRESET | Errno::CONNABORTED | Errno::PIPE) => {
            SendError::endpoint(FailureKind::ConnectionLost, format!("{ip} broke the connection off at once"))
        }
        Some(Errno::MFILE | Errno::NFILE) => exhausted("open files"),
        Some(Errno::NOBUFS | Errno::NOMEM) => exhausted("memory for sockets"),
        // What Linux says when no local port is free.
        Some(Errno::AGAIN | Errno::ADDRINUSE) => exhausted("local ports"),
        // Either no local port is free, or no interface has an address of the family.
        Some(Errno::ADDRNOTAVAIL) if has_route(ip) => exhausted("local ports"),
        // With a route to elsewhere it is that network which cannot be reached.
        Some(Errno::NETUNREACH) if has_route(ip) => unreachable("there is no route to its network"),
        Some(Errno::NETUNREACH | Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT | Errno::NETDOWN) => no_route(),
        Some(Errno::PERM | Errno::ACCESS) => {
            SendError::ours(OurFault::NoRoute, format!("this machine's own firewall forbids connections to {ip}"))
        }
        Some(Errno::HOSTUNREACH | Errno::HOSTDOWN) => unreachable("there is no route to the host"),
        Some(Errno::TIMEDOUT) => unreachable("it does not respond"),
        _ => unreachable(&error.to_string()),
    }
}

/// Whether this machine has a way to the family's networks at large. Connecting a datagram socket only consults the routes; nothing
/// is sent, and the destinations are reserved for documentation.
fn has_route(family_of: IpAddr) -> bool {
    let (local, far) = if family_of.is_ipv4() { ("0.0.0.0:0", "192.0.2.1:9") } else { ("[::]:0", "[2001:db8::1]:9") };
    UdpSocket::bind(local).and_then(|socket| socket.connect(far)).is_ok()
}

/// Sorts a failure of hyper while an answer was awaited.
pub(crate) fn of_exchange(error: &hyper::Error, host: &str) -> SendError {
    if error.is_parse_too_large() {
        return SendError::endpoint(FailureKind::Protocol, format!("the headers of {host}'s answer are too large"));
    }
    if error.is_parse() {
        return SendError::endpoint(FailureKind::Protocol, format!("what {host} sent is not HTTP: {}", detail(error)));
    }
    let source = std::error::Error::source(error);
    if let Some(error) = source.and_then(|source| source.downcast_ref::<h2::Error>()) {
        return of_http2(error, host);
    }
    let io = source.and_then(|source| source.downcast_ref::<io::Error>());
    if let Some(tls) = io.and_then(crate::tls::rustls_error) {
        return SendError::endpoint(FailureKind::Tls, crate::tls::in_words(tls, host));
    }
    if error.is_user() {
        return SendError::endpoint(
            FailureKind::Protocol,
            format!("the request cannot be expressed: {}", detail(error)),
        );
    }
    let lost = |message| SendError::endpoint(FailureKind::ConnectionLost, message);
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted) => {
            lost(format!("{host} reset the connection before it answered"))
        }
        Some(io::ErrorKind::UnexpectedEof) => lost(format!("{host} closed the connection before it answered")),
        None if error.is_incomplete_message() || error.is_canceled() || error.is_closed() => {
            lost(format!("{host} closed the connection before it answered"))
        }
        Some(_) => lost(format!("the connection to {host} broke before it answered: {}", detail(error))),
        None => SendError::endpoint(FailureKind::Protocol, format!("what {host} sent is not HTTP: {}", detail(error))),
    }
}

/// More came than an answer can have, and none did.
pub(crate) fn flood(host: &str) -> SendError {
    let message = format!("{host} sends interim answers (1XX), or what belongs to no answer, without end");
    SendError::endpoint(FailureKind::Protocol, message)
}

fn of_http2(error: &h2::Error, host: &str) -> SendError {
    let broke = |message| SendError::endpoint(FailureKind::ConnectionLost, message);
    if error.is_io() {
        return error.get_io().and_then(crate::tls::rustls_error).map_or_else(
            || broke(format!("{host} broke the connection before it answered")),
            |tls| SendError::endpoint(FailureKind::Tls, crate::tls::in_words(tls, host)),
        );
    }
    if error.is_remote() {
        return broke(format!("{host} gave the request up before it answered: {error}"));
    }
    SendError::endpoint(FailureKind::Protocol, format!("what {host} sent is not HTTP/2: {error}"))
}

/// hyper's own words, with those of the cause.
fn detail(error: &hyper::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_sockets_are_the_endpoints_or_ours() {
        use FailureKind::{ConnectFailed, ConnectionLost, ConnectionRefused};
        use OurFault::{NoRoute, OutOfResources};
        let to: SocketAddr = "192.0.2.7:443".parse().unwrap();
        let endpoint = |kind: FailureKind| (Some(kind), None);
        let ours = |fault: OurFault| (None, Some(fault));
        for (errno, with_route, without_route) in [
            (Errno::CONNREFUSED, endpoint(ConnectionRefused), endpoint(ConnectionRefused)),
            (Errno::CONNRESET, endpoint(ConnectionLost), endpoint(ConnectionLost)),
            (Errno::HOSTUNREACH, endpoint(ConnectFailed), endpoint(ConnectFailed)),
            (Errno::TIMEDOUT, endpoint(ConnectFailed), endpoint(ConnectFailed)),
            (Errno::INVAL, endpoint(ConnectFailed), endpoint(ConnectFailed)),
            (Errno::NETUNREACH, endpoint(ConnectFailed), ours(NoRoute)),
            (Errno::ADDRNOTAVAIL, ours(OutOfResources), ours(NoRoute)),
            (Errno::AFNOSUPPORT, ours(NoRoute), ours(NoRoute)),
            (Errno::NETDOWN, ours(NoRoute), ours(NoRoute)),
            (Errno::PERM, ours(NoRoute), ours(NoRoute)),
            (Errno::ACCESS, ours(NoRoute), ours(NoRoute)),
            (Errno::MFILE, ours(OutOfResources), ours(OutOfResources)),
            (Errno::NFILE, ours(OutOfResources), ours(OutOfResources)),
            (Errno::NOBUFS, ours(OutOfResources), ours(OutOfResources)),
            (Errno::AGAIN, ours(OutOfResources), ours(OutOfResources)),
            (Errno::ADDRINUSE, ours(OutOfResources), ours(OutOfResources)),
        ] {
            for (has_route, expected) in [((|_| true) as fn(IpAddr) -> bool, with_route), (|_| false, without_route)] {
                let got = match of_connect_with(&errno.into(), to, has_route) {
                    SendError::Endpoint { kind, .. } => endpoint(kind),
                    SendError::Ours { fault, .. } => ours(fault),
                };
                assert_eq!(got, expected, "{errno:?}");
            }
        }
    }

    #[test]
    fn a_refused_connection_reads_like_a_sentence() {
        let error = of_connect(&Errno::CONNREFUSED.into(), "192.0.2.7:9".parse().unwrap());
        assert_eq!(error.to_string(), "nothing listens on port 9 of 192.0.2.7");
    }
}
