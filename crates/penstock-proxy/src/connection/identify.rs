//! Who sent a request and what is believed of it: addresses, forwarding fields, request id.

use std::net::IpAddr;

use ipnet::IpNet;
use penstock_plan::Underscores;

use crate::exchange::{AddressText, Client, Head, Name, Request};
use crate::http1::Malformed;
use crate::scan::needs_escape;

/// What a listener says about trust.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    /// Networks whose forwarding fields are believed.
    pub(crate) proxies: Vec<IpNet>,
}

impl Trust {
    /// Whether the address is a trusted proxy's.
    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|network| network.contains(&address))
    }
}

/// Where a connection comes from and where it came in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// The peer's address.
    pub(crate) ip: IpAddr,
    /// The listener's port.
    pub(crate) port: u16,
    /// Whether it is enciphered.
    pub(crate) is_enciphered: bool,
}

/// Decides who the client is, removes what it may not say, and adds what the upstream is told.
///
/// # Errors
/// A field name has an underscore and the listener refuses those (A40).
pub(crate) fn identify(
    request: &mut Request,
    peer: &Peer,
    trust: &Trust,
    underscores: Underscores,
    make_id: impl FnOnce(&mut String),
) -> Result<(), Malformed> {
    let is_trusted = trust.covers(peer.ip);
    let ip = if is_trusted { believed_client(&request.head, peer.ip, trust) } else { peer.ip };
    request.client = Client { ip, peer: peer.ip, is_trusted };
    request.id.clear();
    if is_trusted && let Some(id) = request.head.first(Name::X_REQUEST_ID).and_then(acceptable_id) {
        request.id.push_str(id);
    } else {
        make_id(&mut request.id);
    }
    remove_unbelieved(&mut request.head, is_trusted, underscores)?;
    add_forwarding(request, peer);
    Ok(())
}

/// The rightmost hop of `X-Forwarded-For` that is no trusted proxy (E1).
fn believed_client(head: &Head, peer: IpAddr, trust: &Trust) -> IpAddr {
    let mut client = peer;
    let lines: Vec<&[u8]> = head.known(Name::X_FORWARDED_FOR).collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(|byte| *byte == b',')) {
        let Some(address) = str::from_utf8(hop.trim_ascii()).ok().and_then(|text| text.parse::<IpAddr>().ok()) else {
            break;
        };
        client = address.to_canonical();
        if !trust.covers(client) {
            break;
        }
    }
    client
}

fn acceptable_id(value: &[u8]) -> Option<&str> {
    let is_plain = (1..=128).contains(&value.len()) && !value.contains(&b' ') && !needs_escape(value);
    is_plain.then(|| str::from_utf8(value).ok()).flatten()
}

fn remove_unbelieved(head: &mut Head, is_trusted: bool, underscores: Underscores) -> Result<(), Malformed> {
    let mut has_underscore = false;
    let may_have_underscore = head.may_have_odd_name();
    let unbelieved = if is_trusted { Name::X_REQUEST_ID.bit() } else { FORWARDING };
    if !head.may_have(unbelieved | Name::OTHER.bit()) {
        return Ok(());
    }
    head.retain(|token, name, _| {
        if token != Name::OTHER {
            return token.bit() & unbelieved == 0;
        }
        if may_have_underscore && name.contains(&b'_') {
            has_underscore = true;
            return false;
        }
        match name {
            [b'x' | b'X', b'-', ..] => !(starts(name, b"x-penstock-") || (!is_trusted && is_forwarding_text(name))),
            _ => true,
        }
    });
    match underscores {
        Underscores::Refuse if has_underscore => Err(Malformed::Underscore),
        _ => Ok(()),
    }
}

/// Fields by which a peer speaks for somebody else (E2, D8).
const FORWARDING: u64 = Name::FORWARDED.bit()
    | Name::TRUE_CLIENT_IP.bit()
    | Name::X_FORWARDED_CLIENT_CERT.bit()
    | Name::X_FORWARDED_FOR.bit()
    | Name::X_FORWARDED_HOST.bit()
    | Name::X_FORWARDED_PORT.bit()
    | Name::X_FORWARDED_PREFIX.bit()
    | Name::X_FORWARDED_PROTO.bit()
    | Name::X_FORWARDED_URI.bit()
    | Name::X_HTTP_METHOD_OVERRIDE.bit()
    | Name::X_ORIGINAL_URL.bit()
    | Name::X_REAL_IP.bit()
    | Name::X_REQUEST_ID.bit()
    | Name::X_REWRITE_URL.bit();

fn is_forwarding_text(name: &[u8]) -> bool {
    starts(name, b"x-forwarded-") || starts(name, b"x-ssl-") || starts(name, b"x-original-")
}

/// Whether a field speaks of the client to those behind the gateway.
pub(super) fn is_forwarding_field(token: Name, name: &[u8]) -> bool {
    if token == Name::OTHER { is_forwarding_text(name) } else { token.bit() & FORWARDING != 0 }
}

/// Whether a field's name begins with these small letters, in any case.
pub(super) fn starts(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Fields that are added, and most of their bytes as a rule.
const MOST_ADDED: usize = 6;
const ADDED_BYTES: usize = 512;

fn add_forwarding(request: &mut Request, peer: &Peer) {
    let Request { head, id, host, client, .. } = request;
    let text = AddressText::of(peer.ip);
    head.reserve(MOST_ADDED, ADDED_BYTES);
    if client.is_trusted && head.first(Name::X_FORWARDED_FOR).is_some() {
        let mut chain: Vec<u8> = head.known(Name::X_FORWARDED_FOR).collect::<Vec<_>>().join(&b", "[..]);
        chain.extend_from_slice(b", ");
        chain.extend_from_slice(text.as_bytes());
        head.set(b"x-forwarded-for", &chain);
    } else {
        head.add_known(Name::X_FORWARDED_FOR, text.as_bytes());
    }
    let scheme: &[u8] = if peer.is_enciphered { b"https" } else { b"http" };
    add_missing(head, Name::X_FORWARDED_PROTO, scheme, client.is_trusted);
    add_missing(head, Name::X_FORWARDED_HOST, host.as_bytes(), client.is_trusted);
    let mut port = [0; 5];
    add_missing(head, Name::X_FORWARDED_PORT, port_text(peer.port, &mut port), client.is_trusted);
    if client.is_trusted {
        head.set(b"x-real-ip", AddressText::of(client.ip).as_bytes());
    } else {
        head.add_known(Name::X_REAL_IP, text.as_bytes());
    }
    head.add_known(Name::X_REQUEST_ID, id.as_bytes());
}

/// The decimal text of a port.
fn port_text(port: u16, text: &mut [u8; 5]) -> &[u8] {
    let (mut first, mut rest) = (text.len(), port);
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        first -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    text.get(first..).unwrap_or_default()
}

#[inline]
fn add_missing(head: &mut Head, name: Name, value: &[u8], may_be_there: bool) {
    if !may_be_there || head.first(name).is_none() {
        head.add_known(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identified(peer: &str, trusted: &[&str], fields: &[(&str, &str)]) -> Result<Request, Malformed> {
        let mut request = Request::default();
        request.host.push_str("a.example");
        for (name, value) in fields {
            request.head.add(name.as_bytes(), value.as_bytes());
            request.head.note_odd_name();
        }
        let trust = Trust { proxies: trusted.iter().map(|text| text.parse().unwrap()).collect() };
        let peer = Peer { ip: peer.parse().unwrap(), port: 8080, is_enciphered: false };
        identify(&mut request, &peer, &trust, Underscores::Refuse, |id| id.push_str("made"))?;
        Ok(request)
    }

    fn all(request: &Request, name: &str) -> Vec<String> {
        request.head.all(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn e1_a_stranger_is_who_connects_and_a_trusted_chain_is_followed() {
        let chain = [("X-Forwarded-For", "9.9.9.9, 1.2.3.4, 10.0.0.7")];
        let stranger = identified("192.0.2.1", &["10.0.0.0/8"], &chain).unwrap();
        assert_eq!(stranger.client.ip.to_string(), "192.0.2.1");
        assert_eq!(all(&stranger, "x-forwarded-for"), ["192.0.2.1"]);
        let trusted = identified("10.0.0.1", &["10.0.0.0/8"], &chain).unwrap();
        assert_eq!(trusted.client.ip.to_string(), "1.2.3.4");
        assert_eq!(all(&trusted, "x-forwarded-for"), ["9.9.9.9, 1.2.3.4, 10.0.0.7, 10.0.0.1"]);
        assert_eq!(all(&trusted, "x-real-ip"), ["1.2.3.4"]);
    }

    #[test]
    fn e2_a_stranger_cannot_speak_for_others() {
        for name in [
            "Forwarded",
            "X-Real-IP",
            "X-Forwarded-Proto",
            "x-forwarded-host",
            "X-FORWARDED-PORT",
            "X-Forwarded-Prefix",
            "X-Forwarded-Uri",
            "X-Forwarded-Client-Cert",
            "X-SSL-Client-Verify",
            "True-Client-IP",
            "X-Forwarded-Odd",
            "X-Original-URL",
            "X-Rewrite-URL",
            "X-HTTP-Method-Override",
            "X-Request-Id",
        ] {
            let request = identified("192.0.2.1", &[], &[(name, "evil"), (name, "evil")]).unwrap();
            assert!(!all(&request, name).contains(&"evil".to_owned()), "{name}");
        }
    }

    #[test]
    fn e3_the_gateways_own_fields_are_removed_from_everyone() {
        for peer in ["192.0.2.1", "10.0.0.1"] {
            let request = identified(peer, &["10.0.0.0/8"], &[("X-Penstock-Route", "evil")]).unwrap();
            assert!(all(&request, "x-penstock-route").is_empty());
        }
    }

    #[test]
    fn a40_a_name_with_an_underscore_is_refused() {
        for name in ["X_Forwarded_User", "Transfer_Encoding", "Content_Length"] {
            assert_eq!(identified("192.0.2.1", &[], &[(name, "1")]).err(), Some(Malformed::Underscore));
        }
    }

    #[test]
    fn a_trusted_peers_id_is_kept_and_a_strangers_replaced() {
        let field = [("X-Request-Id", "theirs")];
        assert_eq!(identified("10.0.0.1", &["10.0.0.0/8"], &field).unwrap().id, "theirs");
        let stranger = identified("192.0.2.1", &["10.0.0.0/8"], &field).unwrap();
        assert_eq!((stranger.id.as_str(), all(&stranger, "x-request-id")), ("made", vec!["made".to_owned()]));
    }
}
