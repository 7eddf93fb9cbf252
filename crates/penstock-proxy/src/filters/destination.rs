//! Rules on where requests may be sent that name their destination themselves: hosts, networks, ports.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::leaf::{Leaf, LeafProblem, leaf};
use crate::routing::parse_authority;

/// One rule.
#[derive(Debug)]
pub struct Destination {
    text: Box<str>,
    host: HostRule,
    /// Ports it is for; none are named: that is for who asks to say.
    ports: Option<RangeInclusive<u16>>,
}

/// Which hosts a rule is for.
#[derive(Debug, PartialEq, Eq)]
enum HostRule {
    /// Every name and every address that is not special.
    Any,
    /// One name.
    Name(Box<str>),
    /// Every name below this one, which begins with a dot.
    Below(Box<str>),
    /// Addresses, whatever their name.
    Network(IpNet),
}

impl Destination {
    /// Whether it is for a port, where one that names none is for those given.
    pub(crate) fn is_for_port(&self, port: u16, unnamed: impl Fn(u16) -> bool) -> bool {
        self.ports.as_ref().map_or_else(|| unnamed(port), |ports| ports.contains(&port))
    }

    /// Whether it is for a name; in small letters, without a final dot.
    pub(crate) fn is_for_name(&self, name: &str) -> bool {
        match &self.host {
            HostRule::Any => true,
            HostRule::Name(known) => **known == *name,
            HostRule::Below(parent) => name.len() > parent.len() && name.ends_with(&**parent),
            HostRule::Network(_) => false,
        }
    }

    /// Whether it names a network with this address.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        matches!(&self.host, HostRule::Network(network) if network.contains(&address))
    }

    /// Whether it names a network.
    pub(crate) fn is_network(&self) -> bool {
        matches!(self.host, HostRule::Network(_))
    }
}

impl Leaf for Destination {
    const NAME: &'static str = "destination";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        let problem = || {
            let hint = "write a name, `*.name`, an address or a network, maybe with a port: `*.example.com:443`";
            (format!("`{text}` is no destination"), hint.to_owned())
        };
        let (host, ports) = split(text).ok_or_else(problem)?;
        let ports = ports.map(|ports| read_ports(ports).ok_or_else(problem)).transpose()?;
        let host = read_host(host).ok_or_else(problem)?;
        Ok(Self { text: text.into(), host, ports })
    }

    fn text(&self) -> &str {
        &self.text
    }
}

leaf!(Destination);

/// The host and the ports; IPv6 stands in brackets where ports follow.
fn split(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inside) = text.strip_prefix('[') {
        let (host, behind) = inside.split_once(']')?;
        return match behind.strip_prefix(':') {
            Some(ports) => Some((host, Some(ports))),
            None => behind.is_empty().then_some((host, None)),
        };
    }
    match text.split_once(':') {
        Some((_, behind)) if behind.contains(':') => Some((text, None)),
        Some((host, ports)) => Some((host, Some(ports))),
        None => Some((text, None)),
    }
}

fn read_ports(text: &str) -> Option<RangeInclusive<u16>> {
    let number = |text: &str| text.parse().ok().filter(|port: &u16| *port > 0 && !text.starts_with('+'));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some(first..=last)
}

fn read_host(text: &str) -> Option<HostRule> {
    if text == "*" {
        return Some(HostRule::Any);
    }
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(HostRule::Network(network.trunc()));
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(HostRule::Network(address.to_canonical().into()));
    }
    let (name, is_below) = text.strip_prefix("*.").map_or((text, false), |parent| (parent, true));
    let mut host = String::new();
    let is_name = parse_authority(name.as_bytes(), &mut host) == Ok(None) && !is_address_in_disguise(&host);
    let host = is_name.then_some(host)?;
    Some(if is_below { HostRule::Below(format!(".{host}").into()) } else { HostRule::Name(host.into()) })
}

/// Whether resolvers would take a name for an address, as they do with `0x7f.1` and `2130706433` (D13).
///
/// Source: WHATWG URL, "ends in a number".
pub(crate) fn is_address_in_disguise(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_hexadecimal =
        last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    is_hexadecimal || !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an address belongs to nobody in particular: this machine, its neighbourhood, a private network, many at
/// once, documentation, or another address in a wrapping.
///
/// Source: IANA's registries of special-purpose addresses for IPv4 and IPv6.
pub(crate) fn is_special(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_special_v4(address),
        IpAddr::V6(address) => is_special_v6(address),
    }
}

fn is_special_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    match a {
        0 | 10 | 127 | 224.. => true,
        100 => b & 0xc0 == 64,
        169 => b == 254,
        172 => b & 0xf0 == 16,
        192 => matches!((b, c), (0, 0 | 2) | (88, 99) | (168, _)),
        198 => matches!((b, c), (18 | 19, _) | (51, 100)),
        203 => (b, c) == (0, 113),
        _ => false,
    }
}

/// Of IPv6 only `2000::/3` is given out to anybody, and of that not all.
fn is_special_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    match a {
        0x2001 => b < 0x200 || b == 0xdb8,
        // Another address is in it.
        0x2002 => true,
        0x3fff => b < 0x1000,
        _ => a & 0xe000 != 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Destination {
        Destination::read(text).unwrap_or_else(|problem| panic!("{text}: {problem:?}"))
    }

    #[test]
    fn names_networks_and_ports_are_read() {
        let any = |_: u16| true;
        for (text, name, is_for) in [
            ("*", "a.test", true),
            ("A.Test", "a.test", true),
            ("a.test", "b.a.test", false),
            ("*.a.test", "b.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", "eva.test", false),
            ("10.0.0.0/8", "a.test", false),
        ] {
            assert_eq!(rule(text).is_for_name(name), is_for, "{text} {name}");
        }
        for (text, address, covers) in [
            ("10.0.0.0/8", "10.9.9.9", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("::ffff:10.0.0.1", "10.0.0.1", true),
            ("[fd00::/8]:443", "fd12::1", true),
            ("fd00::/8", "fe80::1", false),
            ("*", "10.0.0.1", false),
        ] {
            assert_eq!(rule(text).covers(address.parse().unwrap()), covers, "{text} {address}");
        }
        for (text, port, is_for) in [
            ("a.test", 99, true),
            ("a.test:443", 443, true),
            ("a.test:443", 80, false),
            ("[::1]:8000-8999", 8500, true),
            ("10.0.0.0/8:1-65535", 65535, true),
        ] {
            assert_eq!(rule(text).is_for_port(port, any), is_for, "{text} {port}");
        }
    }

    #[test]
    fn e5_what_is_no_rule_or_could_be_two_is_refused() {
        for text in [
            "",
            "*.",
            "**",
            "a.*",
            "*:0",
            "*:",
            "a:99999",
            "a:9-8",
            "a:+80",
            "http://a.test",
            "a.test/x",
            "u@a.test",
            "010.0.0.1",
            "0x7f.1",
            "127.1",
            "2130706433",
            "10.0.0.0/33",
            "[::1",
            "[::1]x",
            "[a.test]:1x",
            "fe80::1%eth0",
        ] {
            assert!(Destination::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn d13_addresses_of_nobody_in_particular_are_special() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_special(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "169.253.0.1",
            "172.15.0.1",
            "172.32.0.0",
            "192.0.1.1",
            "192.169.0.0",
            "198.17.0.1",
            "198.20.0.0",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "3ffe::1",
        ] {
            assert!(!is_special(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn d13_names_that_are_addresses_in_disguise_are_told() {
        for name in ["0x7f.1", "2130706433", "127.1", "0177.0.0.1", "a.0x", "1.2.3.256"] {
            assert!(is_address_in_disguise(name), "{name}");
        }
        for name in ["a.test", "1.a", "0x7f.a", "xn--a", "a1"] {
            assert!(!is_address_in_disguise(name), "{name}");
        }
    }
}
