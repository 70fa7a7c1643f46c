//! Which addresses may be spoken to.
//!
//! A name is resolved once, every address that came back is judged, and the connection goes to a judged address, so a name
//! that changes its mind in between gains nothing. How an address is spelled (decimal, hexadecimal, as a name) does not
//! matter: only what it resolves to is judged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::AllowPrivate;
use crate::error::Error;

/// What is allowed beyond the public internet.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    networks: Vec<Network>,
}

#[derive(Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Guard {
    pub(crate) fn new(allow: &AllowPrivate) -> Result<Self, Error> {
        let entries = match allow {
            AllowPrivate::All(false) => return Ok(Self::default()),
            AllowPrivate::All(true) => return Err(Error::AllowAll),
            AllowPrivate::Listed(entries) => entries,
        };
        let mut guard = Self::default();
        for entry in entries {
            if let Some(network) = Network::parse(entry) {
                guard.networks.push(network);
            } else if is_host_name(entry) {
                guard.hosts.push(entry.to_ascii_lowercase());
            } else {
                return Err(Error::AllowEntry(entry.clone()));
            }
        }
        Ok(guard)
    }

    /// Whether `host`, which resolved to `address`, may be spoken to; else what the address is.
    pub(crate) fn judge(&self, host: &str, address: IpAddr) -> Result<(), &'static str> {
        let address = address.to_canonical();
        let Some(kind) = not_public(address) else { return Ok(()) };
        let listed = self.hosts.iter().any(|allowed| host.trim_end_matches('.').eq_ignore_ascii_case(allowed))
            || self.networks.iter().any(|network| network.contains(address));
        if listed { Ok(()) } else { Err(kind) }
    }
}

fn is_host_name(text: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_' || c == '.';
    // What ends in a digit is an address that was mistyped.
    !text.is_empty() && text.chars().all(letter) && !text.ends_with(|c: char| c.is_ascii_digit() || c == '.')
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(a, p)| (a, Some(p)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(most), |p| p.parse().ok().filter(|p| *p <= most))?;
        Some(Self { address, prefix })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, bits: u8| {
            bits.checked_sub(self.prefix).is_some_and(|rest| (a ^ b).checked_shr(rest.into()).unwrap_or(0) == 0)
        };
        match (self.address, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128),
            _ => false,
        }
    }
}

/// What an address is if it is not of the public internet (IANA special-purpose registries).
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => not_public_v4(v4),
        IpAddr::V6(v6) => not_public_v6(v6),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    Some(match address.octets() {
        [0, ..] => "an unspecified address",
        [127, ..] => "a loopback address",
        [169, 254, 169, 254] => "a cloud metadata address",
        [169, 254, ..] => "a link-local address",
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => "a private address",
        [100, 64..=127, ..] => "a carrier's private address",
        [224..=239, ..] => "a multicast address",
        [192, 0, 0 | 2, _] | [198, 18..=19, ..] | [198, 51, 100, _] | [203, 0, 113, _] | [240..=255, ..] => {
            "a reserved address"
        }
        _ => return None,
    })
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        not_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("an unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("a loopback address"),
        // IPv4 in IPv6: mapped, compatible, NAT64, 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        // Local NAT64, discard, Teredo and its neighbours, documentation.
        [0x64, 0xff9b, 1, ..] | [0x100 | 0x3fff, ..] | [0x2001, 0..=0x1ff | 0xdb8, ..] => Some("a reserved address"),
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Some("a private address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(allow: &[&str], host: &str, address: &str, want: Result<(), &str>) {
        let allow = AllowPrivate::Listed(allow.iter().map(|&entry| entry.into()).collect());
        let guard = Guard::new(&allow).unwrap();
        assert_eq!(guard.judge(host, address.parse().unwrap()), want, "{address}");
    }

    #[test]
    fn what_is_not_of_the_public_internet_is_refused() {
        let refused = [
            ("127.0.0.1", "a loopback address"),
            ("127.255.0.9", "a loopback address"),
            ("0.0.0.0", "an unspecified address"),
            ("10.1.2.3", "a private address"),
            ("172.16.0.1", "a private address"),
            ("172.31.255.255", "a private address"),
            ("192.168.2.162", "a private address"),
            ("100.64.0.1", "a carrier's private address"),
            ("169.254.1.1", "a link-local address"),
            ("169.254.169.254", "a cloud metadata address"),
            ("224.0.0.1", "a multicast address"),
            ("255.255.255.255", "a reserved address"),
            ("198.18.0.1", "a reserved address"),
            ("::1", "a loopback address"),
            ("::", "an unspecified address"),
            ("::ffff:127.0.0.1", "a loopback address"),
            ("::ffff:169.254.169.254", "a cloud metadata address"),
            ("::7f00:1", "a loopback address"),
            ("64:ff9b::10.0.0.1", "a private address"),
            ("2002:7f00:1::", "a loopback address"),
            ("2001::1", "a reserved address"),
            ("fd12::1", "a private address"),
            ("fe80::1", "a link-local address"),
            ("ff02::1", "a multicast address"),
        ];
        for (address, kind) in refused {
            check(&[], "example.org", address, Err(kind));
        }
    }

    #[test]
    fn the_public_internet_is_allowed() {
        for address in ["8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::8.8.8.8"] {
            check(&[], "example.org", address, Ok(()));
        }
    }

    #[test]
    fn a_listed_host_or_network_is_allowed_and_its_neighbour_is_not() {
        check(&["nas.home"], "NAS.home", "192.168.2.9", Ok(()));
        check(&["nas.home"], "nas.home.evil.example", "192.168.2.9", Err("a private address"));
        check(&["192.168.2.0/24"], "x", "192.168.2.255", Ok(()));
        check(&["192.168.2.0/24"], "x", "192.168.3.0", Err("a private address"));
        check(&["192.168.2.9"], "x", "::ffff:192.168.2.9", Ok(()));
        check(&["192.168.2.9"], "x", "192.168.2.8", Err("a private address"));
        check(&["fd00::/8"], "x", "fd12::1", Ok(()));
        check(&["0.0.0.0/0"], "x", "127.0.0.1", Ok(()));
        check(&["0.0.0.0/0"], "x", "::1", Err("a loopback address"));
    }

    #[test]
    fn an_entry_that_means_nothing_is_refused() {
        for entry in ["", "192.168.2.0/33", "192.168.2", "a b", "10.0.0.0/8/8", "http://nas", "fd00::/129"] {
            let allow = AllowPrivate::Listed(vec![entry.into()]);
            assert!(matches!(Guard::new(&allow), Err(Error::AllowEntry(_))), "{entry}");
        }
        assert!(matches!(Guard::new(&AllowPrivate::All(true)), Err(Error::AllowAll)));
    }
}
