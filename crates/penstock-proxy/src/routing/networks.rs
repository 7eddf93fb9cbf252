//! Sets of networks: clients that a route serves, proxies that a listener trusts.

use std::net::IpAddr;

use ipnet::IpNet;

/// Networks, any of which may hold an address.
#[derive(Debug, Default)]
pub struct Networks(Box<[IpNet]>);

impl Networks {
    /// Reads networks; a single address is a network of one. The problem names its position.
    pub fn parse(texts: &[String]) -> Result<Self, (usize, String)> {
        let numbered = texts.iter().enumerate();
        numbered.map(|(position, text)| network(text).ok_or_else(|| (position, not_one(text)))).collect()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one holds the address; an IPv4 address in IPv6 clothes counts as itself.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The networks in their usual spelling.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(IpNet::to_string)
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn not_one(text: &str) -> String {
    format!("{text} is not a network such as 10.0.0.0/8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Result<Networks, (usize, String)> {
        Networks::parse(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_is_found_in_any_of_the_networks() {
        let networks = networks(&["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]).unwrap();
        let cases = [
            ("10.1.2.3", true),
            ("11.0.0.1", false),
            ("192.0.2.7", true),
            ("192.0.2.8", false),
            ("::ffff:10.1.2.3", true),
            ("2001:db8::1", true),
            ("2001:db9::1", false),
        ];
        for (address, expected) in cases {
            assert_eq!(networks.contains(address.parse().unwrap()), expected, "{address}");
        }
    }

    #[test]
    fn a_text_that_is_no_network_is_named_with_its_position() {
        let problem = networks(&["10.0.0.0/8", "10.0.0.0/33"]).unwrap_err();
        assert_eq!(problem, (1, "10.0.0.0/33 is not a network such as 10.0.0.0/8".to_owned()));
        assert!(networks(&[]).unwrap().is_empty());
    }
}
