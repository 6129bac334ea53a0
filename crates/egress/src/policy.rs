//! Which addresses this server may dial, and which URLs may be saved.
//!
//! Owns the list of address classes that are refused and the words a person reads about a refusal. It looks no name up and opens no
//! socket; which addresses are this machine's own it is told by [`OwnAddresses`]. [`AddressPolicy::check_url`] is a courtesy at the
//! moment of saving; the guard is [`AddressPolicy::check_socket`], which the connector asks about every address right before it dials.
//!
//! Invariant: what is not known to be publicly routable is refused. A new special-purpose block is thus refused before this file
//! learns its name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use ipnet::IpNet;
use url::{Host, Url};

use crate::own::OwnAddresses;

/// The guard against requests to addresses inside the operator's network.
#[derive(Debug, Clone)]
pub struct AddressPolicy {
    allow: Arc<[IpNet]>,
    exactly: Arc<[SocketAddr]>,
    own: OwnAddresses,
}

/// An address that this server does not dial.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {}", not_sent_to(class))]
pub struct Refusal {
    /// The address as it would have been dialled.
    pub address: IpAddr,
    /// Its class: "loopback", "private", "link-local", "metadata", "shared", "multicast", "broadcast", "documentation",
    /// "benchmarking", "unspecified", "site-local" or "reserved"; or "own", where it is public and this machine's.
    pub class: &'static str,
}

impl Refusal {
    /// The same, said of a name that leads to the address. Without the address: whoever may test a webhook could look up names of the
    /// operator's network otherwise.
    pub(crate) fn of_name(&self, name: &str) -> String {
        format!("{name} leads to {}", not_sent_to(self.class))
    }
}

/// Why a URL cannot be a webhook's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlRefusal {
    /// Neither `http` nor `https`.
    #[error("the URL begins with `{0}:`; it must begin with `https://` or `http://`")]
    Scheme(String),
    /// Nothing to connect to.
    #[error("the URL names no host")]
    NoHost,
    /// Port 0 cannot be dialled.
    #[error("port 0 cannot be connected to")]
    PortZero,
    /// Credentials in the URL end up in logs; a header is the place for them.
    #[error("the URL contains a user name or password; send them in a header instead")]
    UserInfo,
    /// The host is an address that is refused.
    #[error(transparent)]
    Address(#[from] Refusal),
    /// The host is a name for this machine itself.
    #[error(
        "`{0}` is this server itself, which it does not send to; its operator can permit it with POSTRIDER_EGRESS_ALLOW"
    )]
    LocalName(String),
}

impl AddressPolicy {
    /// A policy that permits public addresses, and those in `allow` although they are not public.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow: allow.into(), exactly: Arc::default(), own: OwnAddresses::default() }
    }

    /// The same policy, which also permits these addresses on these ports and no others.
    #[must_use]
    pub fn and_exactly(self, sockets: Vec<SocketAddr>) -> Self {
        Self { exactly: sockets.into(), ..self }
    }

    /// The same policy, which refuses this machine's own addresses where they are not permitted, public ones, too.
    #[must_use]
    pub fn refusing(self, own: OwnAddresses) -> Self {
        Self { own, ..self }
    }

    /// Whether `socket` may be dialled: its address may be, or it is permitted exactly.
    pub fn check_socket(&self, socket: SocketAddr) -> Result<(), Refusal> {
        let socket = SocketAddr::new(socket.ip().to_canonical(), socket.port());
        if self.exactly.contains(&socket) { Ok(()) } else { self.check_address(socket.ip()) }
    }

    /// Whether `address` may be dialled.
    ///
    /// An IPv4 address in IPv6 clothes is judged as the IPv4 address that would be reached.
    pub fn check_address(&self, address: IpAddr) -> Result<(), Refusal> {
        let address = address.to_canonical();
        if self.allow.iter().any(|net| net.contains(&address)) {
            return Ok(());
        }
        let reached = match address {
            IpAddr::V4(v4) => reached_by_v4(v4),
            IpAddr::V6(v6) => reached_by_v6(v6),
        };
        match reached {
            Ok(reached) if !self.own.contain(address) && !self.own.contain(reached) => Ok(()),
            Ok(_) => Err(Refusal { address, class: "own" }),
            Err(class) => Err(Refusal { address, class }),
        }
    }

    /// Whether a webhook with this URL may be saved: what can be told without looking a name up.
    pub fn check_url(&self, url: &Url) -> Result<(), UrlRefusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlRefusal::Scheme(url.scheme().to_owned()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlRefusal::UserInfo);
        }
        if url.port() == Some(0) {
            return Err(UrlRefusal::PortZero);
        }
        // Another scheme was refused above, so that there is a port.
        let port = url.port_or_known_default().unwrap_or_default();
        match url.host() {
            None | Some(Host::Domain("" | ".")) => Err(UrlRefusal::NoHost),
            Some(Host::Ipv4(v4)) => Ok(self.check_socket((v4, port).into())?),
            Some(Host::Ipv6(v6)) => Ok(self.check_socket((v6, port).into())?),
            Some(Host::Domain(name)) if is_local_name(name) && !self.permits_loopback() => {
                Err(UrlRefusal::LocalName(name.to_owned()))
            }
            Some(Host::Domain(_)) => Ok(()),
        }
    }

    /// What `localhost` comes to without asking anybody: those loopback addresses that may be dialled. An operator who permits
    /// `127.0.0.0/8` means `localhost` too, although it also stands for `::1`. Where neither may be dialled, both: to be refused.
    pub(crate) fn loopback(&self) -> Vec<IpAddr> {
        let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
        let permitted: Vec<IpAddr> = both.into_iter().filter(|&address| self.check_address(address).is_ok()).collect();
        if permitted.is_empty() { both.to_vec() } else { permitted }
    }

    fn permits_loopback(&self) -> bool {
        self.loopback().iter().any(|&address| self.check_address(address).is_ok())
    }
}

/// `localhost` and all below it, which RFC 6761 reserves for the machine itself.
pub(crate) fn is_local_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or(name);
    last.eq_ignore_ascii_case("localhost")
}

fn not_sent_to(class: &str) -> String {
    let class = class_in_words(class);
    format!("{class}, which this server does not send to; its operator can permit it with POSTRIDER_EGRESS_ALLOW")
}

fn class_in_words(class: &str) -> String {
    match class {
        "own" => "an address of this machine".to_owned(),
        "unspecified" => "the unspecified address".to_owned(),
        "broadcast" => "the broadcast address".to_owned(),
        "metadata" => "the address of a cloud's metadata service".to_owned(),
        "shared" => "an address of a carrier's shared network".to_owned(),
        other => format!("a {other} address"),
    }
}

/// The address itself where it is public; else the class for which it is refused.
///
/// After IANA's registry of special-purpose addresses, and the one public address (Azure's) that answers from inside.
fn reached_by_v4(address: Ipv4Addr) -> Result<IpAddr, &'static str> {
    let class = match address.octets() {
        [0, 0, 0, 0] => "unspecified",
        [127, ..] => "loopback",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [169, 254, 169, 254] | [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] => "metadata",
        [169, 254, ..] => "link-local",
        [100, 64..=127, ..] => "shared",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [198, 18..=19, ..] => "benchmarking",
        [255, 255, 255, 255] => "broadcast",
        [224..=239, ..] => "multicast",
        // "This network", IETF protocol assignments, the deprecated 6to4 relays, and what was never assigned.
        [0 | 240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => "reserved",
        _ => return Ok(address.into()),
    };
    Err(class)
}

/// The address that a public IPv6 address (not an IPv4-mapped one) leads to: itself, or the IPv4 address within. Else the class for
/// which it is refused.
#[expect(
    clippy::match_same_arms,
    reason = "each block stands alone, with its reason, in the order in which blocks nest"
)]
fn reached_by_v6(address: Ipv6Addr) -> Result<IpAddr, &'static str> {
    let segments = address.segments();
    let class = match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // IPv4-compatible, long deprecated: some stacks still unwrap it.
        [0, 0, 0, 0, 0, 0, high, low] => reached_by_v4(embedded(high, low)).err().unwrap_or("reserved"),
        // NAT64's well-known prefix: the translator dials the IPv4 address within.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => return reached_by_v4(embedded(high, low)),
        // NAT64 prefixes for use inside a network.
        [0x64, 0xff9b, 1, ..] => "private",
        // 6to4: the relay dials the IPv4 address within.
        [0x2002, high, low, ..] => return reached_by_v4(embedded(high, low)),
        [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x254] => "metadata",
        [0xfc00..=0xfdff, ..] => "private",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => "documentation",
        [0x2001, 2, 0, ..] => "benchmarking",
        // IETF protocol assignments: Teredo, ORCHID and the like. Nothing of it is a web server.
        [0x2001, 0..=0x01ff, ..] => "reserved",
        // ISATAP: the router dials the IPv4 address within.
        [0x2000..=0x3fff, _, _, _, 0 | 0x0200, 0x5efe, high, low] => return reached_by_v4(embedded(high, low)),
        // Global unicast is all that is assigned for use between networks.
        [0x2000..=0x3fff, ..] => return Ok(address.into()),
        _ => "reserved",
    };
    Err(class)
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}
