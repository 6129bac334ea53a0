//! Whom an address stands for, where something is counted by address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address counts as: itself, or, as one customer has that many, its network of IPv6 (64 bits). None where it can be a reverse
/// proxy's, behind which is everybody: an address of this machine or of a private network.
pub fn counted_as(address: IpAddr) -> Option<IpAddr> {
    match address.to_canonical() {
        IpAddr::V4(address) => (!is_near(address)).then_some(IpAddr::V4(address)),
        IpAddr::V6(address)
            if address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local() =>
        {
            None
        }
        IpAddr::V6(address) => Some(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into()),
    }
}

fn is_near(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // The last is the range that providers, and clouds between their parts, share.
    address.is_loopback() || address.is_private() || address.is_link_local() || (first == 100 && second & 0xc0 == 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_by_themselves_networks_of_ipv6_as_one_and_those_of_proxies_not_at_all() {
        let of = |text: &str| counted_as(text.parse().expect("an address"));
        for near in [
            "127.0.0.1",
            "10.1.2.3",
            "172.17.0.1",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "::1",
            "fd00::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(of(near), None, "{near}");
        }
        assert!(of("100.128.0.1").is_some());
        assert_ne!(of("203.0.113.1"), of("203.0.113.2"));
        assert_eq!(of("203.0.113.1"), of("::ffff:203.0.113.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
