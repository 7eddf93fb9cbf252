//! Tests of what is read of a client's first message.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::server::Acceptor;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

fn prefixed(length_bytes: usize, content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u32).to_be_bytes();
    [&length[4 - length_bytes..], content].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &prefixed(2, data)].concat()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &prefixed(2, &[&[0][..], &prefixed(2, name)].concat()))
}

/// The body of a message with these extensions.
fn body(extensions: &[u8]) -> Vec<u8> {
    let head = [&[3, 3][..], &[7; 32], &prefixed(1, &[9; 32]), &prefixed(2, &[0x13, 1]), &prefixed(1, &[0])].concat();
    [head, prefixed(2, extensions)].concat()
}

fn record(payload: &[u8]) -> Vec<u8> {
    [&[22, 3, 1][..], &prefixed(2, payload)].concat()
}

fn hello(body: &[u8]) -> Vec<u8> {
    [&[1][..], &prefixed(3, body)].concat()
}

fn sent(extensions: &[u8]) -> Vec<u8> {
    record(&hello(&body(extensions)))
}

fn host(bytes: &[u8]) -> Result<Option<String>, NoHello> {
    asked_host(bytes).map(|host| host.map(String::from))
}

/// The first flight of a client by the library.
fn of_a_client(name: &str) -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    let mut client = ClientConnection::new(config, ServerName::try_from(name.to_owned()).unwrap()).unwrap();
    let mut flight = Vec::new();
    client.write_tls(&mut flight).unwrap();
    flight
}

#[test]
fn the_host_of_a_client_is_found_however_its_message_is_cut() {
    let flight = of_a_client("Shop.Test");
    assert_eq!(host(&flight), Ok(Some("shop.test".to_owned())));
    for cut in 0..flight.len() {
        assert_eq!(host(&flight[..cut]), Ok(None), "{cut} bytes");
    }
    let message = &flight[5..];
    for size in [1, 2, 3, 5, 100, message.len() - 1] {
        let cut: Vec<u8> = message.chunks(size).flat_map(record).collect();
        assert_eq!(host(&cut), Ok(Some("shop.test".to_owned())), "records of {size} bytes");
        assert_eq!(host(&cut[..cut.len() - 1]), Ok(None));
    }
}

#[test]
fn what_follows_in_other_records_is_none_of_its_business() {
    let early = [of_a_client("shop.test"), vec![23, 3, 3, 0, 1, 0]].concat();
    assert_eq!(host(&early), Ok(Some("shop.test".to_owned())));
}

#[test]
fn a_client_may_name_no_host_and_know_of_no_extensions() {
    let without = body(&[]);
    assert_eq!(host(&sent(&extension(16, &[1]))), Ok(Some(String::new())));
    assert_eq!(host(&sent(&[])), Ok(Some(String::new())));
    assert_eq!(host(&record(&hello(&without[..without.len() - 2]))), Ok(Some(String::new())));
}

#[test]
fn l8_a_list_of_names_that_is_not_one_name_is_refused() {
    let one = |name: &[u8]| [&[0][..], &prefixed(2, name)].concat();
    let list = |content: &[u8]| extension(0, &prefixed(2, content));
    let cases: [(&str, Vec<u8>); 11] = [
        ("no name", list(&[])),
        ("an empty one", list(&one(b""))),
        ("two", list(&[one(b"a.test"), one(b"b.test")].concat())),
        ("another kind", list(&[&[1][..], &prefixed(2, b"a.test")].concat())),
        ("a longer list than there is", extension(0, &[0, 9, 0, 0, 1, b'a'])),
        ("something behind it", extension(0, &[&prefixed(2, &one(b"a"))[..], &[0]].concat())),
        ("two lists", [server_name(b"a.test"), server_name(b"b.test")].concat()),
        ("a space", server_name(b"a test")),
        ("an end of a text", server_name(b"a\0.test")),
        ("a line end", server_name(b"a.test\n")),
        ("a very long one", server_name(&[b'a'; 254])),
    ];
    for (what, extensions) in cases {
        assert_eq!(host(&sent(&extensions)), Err(NoHello), "{what}");
    }
}

#[test]
fn a45_what_is_no_first_message_is_refused_at_once() {
    let good = body(&[]);
    let cases: [(&str, Vec<u8>); 13] = [
        ("clear text", b"G".to_vec()),
        ("an alert", vec![21]),
        ("another version", vec![22, 2]),
        ("an empty record", vec![22, 3, 1, 0, 0]),
        ("a record that is too long", vec![22, 3, 1, 0x40, 1]),
        ("another message", record(&[2])),
        ("a message that is too long", record(&[1, 0, 0x40, 1])),
        ("something behind the message", record(&[hello(&good), vec![0]].concat())),
        ("something behind the extensions", record(&hello(&[&good[..], &[0]].concat()))),
        ("a short one", record(&hello(&good[..30]))),
        ("a cut extension", sent(&[0, 16, 0, 9, 1])),
        ("a session id that is too long", {
            let head = [&[3, 3][..], &[7; 32], &prefixed(1, &[9; 33]), &prefixed(2, &[19, 1]), &[1, 0]].concat();
            record(&hello(&head))
        }),
        ("no suites", {
            let head = [&[3, 3][..], &[7; 32], &[0, 0, 0, 1, 0]].concat();
            record(&hello(&head))
        }),
    ];
    for (what, bytes) in cases {
        assert_eq!(host(&bytes), Err(NoHello), "{what}");
    }
}

#[test]
fn g10_a_message_without_end_is_refused() {
    let start = [&[1][..], &[0, 0x3f, 0xff]].concat();
    let mut bytes = record(&start);
    while bytes.len() < MOST_HELLO_BYTES {
        assert_eq!(host(&bytes), Ok(None), "{} bytes", bytes.len());
        bytes.extend(record(&[0; 100]));
    }
    assert_eq!(host(&bytes), Err(NoHello));
}

/// What the library finds in the same bytes; none where it waits or refuses.
fn by_the_library(bytes: &[u8]) -> Option<String> {
    let mut acceptor = Acceptor::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        acceptor.read_tls(&mut rest).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            return Some(accepted.client_hello().server_name().unwrap_or_default().to_ascii_lowercase());
        }
    }
    None
}

#[test]
fn what_the_library_takes_for_a_host_is_what_we_take_for_it() {
    let flight = of_a_client("shop.test");
    let mut compared = 0;
    for index in 0..flight.len() {
        for change in [1, 0x20, 0x80, 0xff] {
            let mut changed = flight.clone();
            changed[index] ^= change;
            if let (Some(theirs), Ok(Some(ours))) = (by_the_library(&changed), host(&changed)) {
                // It passes over names that are no names of DNS; we let routes decide.
                assert!(theirs == ours || theirs.is_empty(), "{theirs} {ours}");
                compared += 1;
            }
        }
    }
    assert!(compared > 100, "{compared}");
}
