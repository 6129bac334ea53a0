//! Reverse proxies whose word on where a call comes from is taken.
//!
//! Anybody can write `X-Forwarded-For`; what the proxy nearest to this server has added to it is at its right end. So it is read from
//! there, only where the connection itself comes from a proxy that the operator has named, and up to the first address that is none.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;

/// The header by which proxies tell whom they speak for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Reverse proxies whose `X-Forwarded-For` is believed, by their addresses. None by default.
#[derive(Debug, Clone, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// The proxies in these networks. An IPv4 address in IPv6 clothes counts as that IPv4 address.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Whether that is the address of one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Where a request comes from whose connection comes from `peer`: the rightmost address that is none of a trusted proxy's. None where
    /// the proxies do not say.
    pub(crate) fn origin(&self, peer: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
        if !self.contains(peer) {
            return Some(peer);
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        let addresses = entries.map(|entry| std::str::from_utf8(entry).ok().and_then(address));
        // One that cannot be read ends it: what stands left of it may be anybody's.
        addresses.map_while(|address| address).find(|address| !self.contains(*address))
    }
}

/// An address as proxies write it: by itself, in brackets, or with a port.
fn address(entry: &str) -> Option<IpAddr> {
    let entry = entry.trim();
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(entry);
    bare.parse().ok().or_else(|| entry.parse().ok().map(|socket: SocketAddr| socket.ip()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn proxies() -> TrustedProxies {
        let networks = ["198.51.100.0/24", "127.0.0.1/32", "2001:db8:1::/48"];
        TrustedProxies::new(networks.map(|network| network.parse().expect("a network")).into())
    }

    fn origin(peer: &str, lines: &[&[u8]]) -> Option<IpAddr> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line).expect("a header's value"));
        }
        proxies().origin(ip(peer), &headers)
    }

    #[test]
    fn only_what_a_trusted_proxy_adds_is_believed() {
        let (proxy, client, forged) = ("198.51.100.7", "203.0.113.9", "192.0.2.1");
        assert_eq!(origin(client, &[forged.as_bytes()]), Some(ip(client)), "no proxy says so");
        for lines in [
            vec![client.to_owned()],
            vec![format!("{forged}, {client}")],
            vec![format!("{forged},{client}, 198.51.100.8 , 127.0.0.1")],
            // Each proxy may write a line of its own.
            vec![forged.to_owned(), client.to_owned(), "198.51.100.8".to_owned()],
            vec![format!("nonsense, {client}:50312")],
        ] {
            let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
            assert_eq!(origin(proxy, &lines), Some(ip(client)), "{lines:?}");
        }
        assert_eq!(origin("::ffff:198.51.100.7", &[client.as_bytes()]), Some(ip(client)));
        assert_eq!(origin("2001:db8:1::1", &[b"[2001:db8::5]:443"]), Some(ip("2001:db8::5")));
        assert_eq!(origin("2001:db8:1::1", &[b"[2001:db8::5]"]), Some(ip("2001:db8::5")));
    }

    #[test]
    fn where_the_proxies_do_not_say_nobody_is_meant() {
        let proxy = "198.51.100.7";
        assert_eq!(origin(proxy, &[]), None);
        for line in [b"".as_slice(), b"198.51.100.8, 127.0.0.1", b"192.0.2.1, unknown", b"192.0.2.1, \xff"] {
            assert_eq!(origin(proxy, &[line]), None, "{line:?}");
        }
    }

    #[test]
    fn none_are_trusted_by_default() {
        assert!(!TrustedProxies::default().contains(ip("127.0.0.1")));
        assert!(proxies().contains(ip("127.0.0.1")) && !proxies().contains(ip("127.0.0.2")));
    }
}
