//! D10 and D11 end to end: which route a host leads to, however it is spelled, and where a strange one leads.

use penstock_plan::HostPattern;
use serde_json::json;

use crate::harness::{Config, Gateway, Message, Origin, foreign_step, prefix};

/// Hosts, from the one that is most exactly meant to the one that is least, each with a route that names it.
fn gateway() -> Gateway {
    use HostPattern::{Exact, Wildcard};
    let hosts = [
        Exact("a.example".to_owned()),
        Exact("xn--bcher-kva.example".to_owned()),
        Exact("[2001:db8::1]".to_owned()),
        Wildcard("example".to_owned()),
        Wildcard("deep.example".to_owned()),
    ];
    let config = Config::to(&[Origin::nowhere()]).without_default_route();
    Gateway::start(hosts.into_iter().enumerate().fold(config, |config, (index, host)| {
        let step = foreign_step("Respond", &json!({"status": 200, "body": index.to_string()}));
        config.route_with(&format!("host-{index}"), prefix(""), vec![step], |route| route.hosts = vec![host])
    }))
}

fn asked(gateway: &Gateway, host: &str) -> Message {
    gateway.client().send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).answer()
}

#[test]
fn d10_a_host_leads_to_its_route_however_it_is_spelled_and_the_longest_match_wins() {
    let gateway = gateway();
    for (host, route) in [
        ("a.example", "0"),
        ("A.Example.", "0"),
        ("a.example:80", "0"),
        ("a.example:443", "0"),
        ("A.EXAMPLE.:8080", "0"),
        ("xn--bcher-kva.example", "1"),
        ("XN--BCHER-KVA.example", "1"),
        ("[2001:db8::1]", "2"),
        ("[2001:DB8:0:0::1]:80", "2"),
        ("b.example", "3"),
        ("deep.example", "3"),
        ("a.deep.example", "4"),
        ("A.B.Deep.Example.", "4"),
    ] {
        let answer = asked(&gateway, host);
        assert_eq!((answer.status(), answer.text().as_str()), (200, route), "{host}");
    }
}

#[test]
fn d11_a_host_that_no_route_names_is_404_and_nothing_is_built_from_it() {
    let gateway = gateway();
    for host in ["evil.test", "example", "a.example.evil.test", "evilexample", "[2001:db8::2]", "127.0.0.1"] {
        for accept in ["", "Accept: text/html\r\n"] {
            let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\n{accept}\r\n");
            let answer = gateway.client().send(request).answer();
            assert_eq!((answer.status(), answer.field("location")), (404, None), "{host}");
            assert!(!answer.text().contains(host), "{answer:?}");
        }
    }
}
