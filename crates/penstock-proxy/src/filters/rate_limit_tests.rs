//! Tests of `RateLimit`: keys, shares of a rate, and the answer to what is too much.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::super::check;
use super::*;
use crate::telemetry::{OwnDirectory, Placing};

fn filter(settings: Value, share: &Share) -> RateLimit {
    let resolved = check(RateLimit::KIND, settings).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut filter: RateLimit = serde_json::from_value(resolved).unwrap();
    let directory = OwnDirectory::default();
    filter.keep_in(share, Placing::new(&directory).limiter("shop", "limit").unwrap());
    filter
}

fn exchange(client: &str, tenant: Option<&str>) -> Exchange {
    let mut exchange = Exchange::default();
    exchange.request.client.ip = client.parse::<IpAddr>().unwrap();
    if let Some(tenant) = tenant {
        exchange.request.head.add(b"X-Tenant", tenant.as_bytes());
    }
    exchange
}

/// How many of twenty requests pass at once.
fn admitted(filter: &RateLimit, client: &str, tenant: Option<&str>) -> usize {
    let passes = |_: &i32| matches!(filter.on_request(&mut exchange(client, tenant)), Outcome::Continue);
    (0..20).filter(passes).count()
}

#[test]
fn what_is_too_much_is_refused_and_told_when_to_come_again() {
    let share = Share::alone().unwrap();
    let limit = filter(json!({"rate": "5/h", "burst": 3}), &share);
    assert_eq!(admitted(&limit, "10.0.0.1", None), 3);
    let mut refused = exchange("10.0.0.2", None);
    assert!(matches!(limit.on_request(&mut refused), Outcome::Result(LIMITED)));
    assert_eq!((refused.response.status, refused.reason), (429, "rate_limited"));
    assert_eq!(refused.response.head.get(b"retry-after"), Some(&b"720"[..]), "a fifth of an hour, rounded up");
    let meter = limit.limiter.unwrap().meter;
    let counted = [meter.admitted, meter.limited, meter.overflowed].map(|slot| share.table.counter(slot).sum());
    assert_eq!(counted, [3, 18, 0]);
}

#[test]
fn each_client_has_a_bucket_and_a_network_of_ipv6_is_one_client() {
    let share = Share::alone().unwrap();
    let limit = filter(json!({"rate": "5/h", "burst": 3, "key": "client_ip"}), &share);
    let clients = ["10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "2001:db8:0:7::1", "2001:db8:0:7:8::9", "2001:db8:0:8::1"];
    assert_eq!(clients.map(|client| admitted(&limit, client, None)), [3, 3, 0, 3, 0, 3]);
}

#[test]
fn a_template_makes_keys_and_those_who_come_out_empty_share_one() {
    let share = Share::alone().unwrap();
    let limit = filter(json!({"rate": "5/h", "burst": 3, "key": "{{ request.headers['x-tenant'] }}"}), &share);
    let tenants = [Some("a"), Some("b"), Some("a"), None, Some(""), None];
    assert_eq!(tenants.map(|tenant| admitted(&limit, "10.0.0.1", tenant)), [3, 3, 0, 3, 0, 0]);
}

#[test]
fn a_rate_of_all_nodes_is_divided_among_those_who_are_there() {
    let share = Share::alone().unwrap();
    share.table.tell_nodes(3);
    let settings = |scope: &str| json!({"rate": "5/h", "burst": 12, "key": "client_ip", "scope": scope});
    assert_eq!(admitted(&filter(settings("all_nodes"), &share), "10.0.0.1", None), 4);
    assert_eq!(admitted(&filter(settings("each_node"), &share), "10.0.0.2", None), 12);
    share.table.tell_nodes(2);
    assert_eq!(admitted(&filter(settings("all_nodes"), &share), "10.0.0.3", None), 6);
}

#[test]
fn one_that_has_no_place_in_a_table_lets_nobody_pass() {
    let filter: RateLimit = serde_json::from_value(json!({"rate": "5/h"})).unwrap();
    assert!(matches!(filter.on_request(&mut Exchange::default()), Outcome::Failed));
}

#[test]
fn a_key_that_is_the_same_for_all_and_a_burst_of_nothing_are_problems() {
    for (name, value, part) in [
        ("key", json!("client"), "`client` is the same for all requests"),
        ("key", json!(""), "`` is the same for all requests"),
        ("burst", json!(0), "out of range"),
        ("rate", json!("0/s"), "not a rate"),
        ("scope", json!("node"), "`node` is unknown here"),
    ] {
        let mut settings = json!({"rate": "5/h"});
        settings[name] = value;
        let problems = check(RateLimit::KIND, settings).unwrap_err();
        assert_eq!(problems[0].path, name);
        assert!(problems[0].message.contains(part), "{}", problems[0].message);
    }
}
