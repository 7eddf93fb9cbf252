//! What a client says of others: `X-Forwarded-For`, `Forwarded` and their like.

use std::net::IpAddr;

use penstock_plan::Underscores;

use super::http1::check_written_anew;
use crate::connection::{Peer, Trust, identify};
use crate::exchange::{Name, Request};
use crate::http1::{is_value, token_length};

/// Fields that are read: fewer than a head may have, for some are added.
const MOST_FIELDS: usize = 90;

/// A stranger speaks for nobody, and whoever is believed of a trusted peer's chain was named in it.
///
/// Each line of the bytes is a field, its name before the first colon.
pub(super) fn forwarding(bytes: &[u8]) -> bool {
    let lines = bytes.split(|byte| *byte == b'\n').filter_map(field).take(MOST_FIELDS);
    let fields: Vec<(&[u8], &[u8])> = lines.collect();
    let is_taken = [false, true].map(|is_trusted| identified(&fields, is_trusted));
    !fields.is_empty() && is_taken.contains(&true)
}

fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (name, value) = line.split_at_checked(line.iter().position(|byte| *byte == b':')?)?;
    let value = value.get(1..)?.trim_ascii();
    (!name.is_empty() && token_length(name) == name.len() && is_value(value)).then_some((name, value))
}

fn identified(fields: &[(&[u8], &[u8])], is_trusted: bool) -> bool {
    let trusted = ["10.0.0.0/8", "fd00::/8"].map(|text| text.parse().ok());
    let trust = Trust { proxies: trusted.into_iter().flatten().collect() };
    let ip = if is_trusted { IpAddr::from([10, 0, 0, 1]) } else { IpAddr::from([192, 0, 2, 1]) };
    let mut request = Request::default();
    request.method_span = request.head.intern(b"GET");
    for (name, value) in fields {
        request.head.add(name, value);
        request.head.note_odd_name();
    }
    let peer = Peer { ip, port: 8080, is_enciphered: false };
    if identify(&mut request, &peer, &trust, Underscores::Refuse, |id| id.push_str("made")).is_err() {
        return false;
    }
    check_identified(&request, fields, is_trusted);
    check_written_anew(&request, b"/");
    true
}

fn check_identified(request: &Request, fields: &[(&[u8], &[u8])], is_trusted: bool) {
    let (client, peer) = (request.client.ip, request.client.peer);
    let chains: Vec<&[u8]> = request.head.known(Name::X_FORWARDED_FOR).collect();
    assert!(chains.len() == 1 && chains.iter().all(|chain| chain.ends_with(peer.to_string().as_bytes())));
    assert_eq!(request.head.known(Name::X_REQUEST_ID).count(), 1);
    assert_eq!(request.head.first(Name::X_REAL_IP), Some(client.to_string().as_bytes()));
    assert!(!request.head.iter().any(|(name, _)| name.to_ascii_lowercase().starts_with(b"x-penstock-")));
    if is_trusted {
        let is_named = |value: &[u8]| {
            let hops = value.split(|byte| *byte == b',').filter_map(|hop| str::from_utf8(hop.trim_ascii()).ok());
            hops.filter_map(|hop| hop.parse::<IpAddr>().ok()).any(|hop| hop.to_canonical() == client)
        };
        assert!(client == peer || fields.iter().any(|(_, value)| is_named(value)), "{client}");
    } else {
        assert_eq!(client, peer);
        assert_eq!(request.id, "made");
        assert!(request.head.first(Name::FORWARDED).is_none());
    }
}
