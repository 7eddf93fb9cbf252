//! What a request asks for: target, path, authority.

use penstock_plan::EncodedSlash;

use crate::exchange::Method;
use crate::routing::{parse_authority, parse_target, path::normalise};
use crate::scan::has_space_or_control;

/// A normal path is normal, and no reader finds a dot segment in it.
pub(super) fn path(bytes: &[u8]) -> bool {
    [EncodedSlash::Refuse, EncodedSlash::Keep].map(|slashes| normal_path(bytes, slashes)).contains(&true)
}

fn normal_path(bytes: &[u8], slashes: EncodedSlash) -> bool {
    let (mut normal, mut again) = (String::new(), String::new());
    if normalise(bytes, slashes, &mut normal).is_err() {
        assert!(normal.is_empty());
        return false;
    }
    assert_eq!(normalise(normal.as_bytes(), slashes, &mut again), Ok(()), "{normal}");
    assert_eq!(again, normal);
    assert!(normal.starts_with('/') && !normal.contains("//") && normal.is_ascii());
    assert!(!has_space_or_control(normal.as_bytes()) && !normal.contains(['?', '#', '\\']), "{normal}");
    let decoded = String::from_utf8_lossy(&percent_decoded(normal.as_bytes())).into_owned();
    let mut parts = decoded.split(['/', '\\']).map(|part| part.split(';').next().unwrap_or_default());
    assert!(!parts.any(|part| matches!(part, "." | "..")), "{normal} is {decoded}");
    let is_refused = slashes == EncodedSlash::Refuse && (normal.contains("%2F") || normal.contains("%5C"));
    assert!(!is_refused && !normal.contains("%00"), "{normal}");
    true
}

/// As a careless server decodes.
fn percent_decoded(text: &[u8]) -> Vec<u8> {
    crate::exchange::percent_decoded(text, false).into_owned()
}

/// A host has one spelling, and it is one.
pub(super) fn authority(bytes: &[u8]) -> bool {
    let (mut host, mut again) = (String::new(), String::new());
    let Ok(_port) = parse_authority(bytes, &mut host) else {
        assert!(host.is_empty());
        return false;
    };
    assert_eq!(parse_authority(host.as_bytes(), &mut again), Ok(None), "{host}");
    assert_eq!(again, host);
    let is_fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_.:[]".contains(&byte);
    assert!(host.bytes().all(is_fine), "{host}");
    true
}

/// The parts of a target are its parts, put together in their order.
pub(super) fn target(bytes: &[u8]) -> bool {
    [Method::Get, Method::Options, Method::Connect].map(|method| parts_of_target(method, bytes)).contains(&true)
}

fn parts_of_target(method: Method, bytes: &[u8]) -> bool {
    let Ok(target) = parse_target(method, bytes) else { return false };
    let authority = target.authority.map_or(&[][..], |span| span.of(bytes));
    let mut joined = target.scheme.map_or_else(Vec::new, |_| {
        let end = bytes.windows(3).position(|part| part == b"://").map_or(0, |at| at + 3);
        bytes.get(..end).unwrap_or_default().to_vec()
    });
    joined.extend_from_slice(authority);
    joined.extend_from_slice(target.path.of(bytes));
    if let Some(query) = target.query {
        joined.push(b'?');
        joined.extend_from_slice(query.of(bytes));
    }
    assert_eq!(joined, bytes);
    true
}
