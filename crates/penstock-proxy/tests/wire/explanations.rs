//! What `explain` says of generated requests is what a live worker does with them.

use std::net::{IpAddr, Ipv4Addr};

use penstock_plan::{Condition, HostPattern, PathPattern, Route, Step, Subject, Test, Underscores};
use penstock_proxy::worker::{Explained, Explainer, Imagined, ImaginedTls};
use serde_json::json;

use crate::duplicates::Numbers;
use crate::harness::{Config, Gateway, Message, Origin, native_step, prefix};

const HOSTS: &[&str] = &["a.test", "A.TEST.", "b.test:80", "x.a.test"];
const METHODS: &[&str] = &["GET", "GET", "GET", "HEAD", "POST", "get", "OPTIONS"];
const PATHS: &[&str] =
    &["/", "/a", "/a/b", "//a///b/", "/a/./b", "/a/../b", "/%61", "/a/%2e%2e/b", "/A", "/a/b/", "/b/x", ""];
const QUERIES: &[&str] = &["", "", "?q=1", "?q=2&q=1", "?q=%31", "?q", "?r=1;q=1"];
const FIELDS: &[(&str, &str)] = &[
    ("X-H", "1"),
    ("x-h", "2"),
    ("X_H", "1"),
    ("X-Set", "mine"),
    ("X-Forwarded-For", "10.0.0.7"),
    ("X-Forwarded-For", "192.0.2.1, 10.0.0.7"),
    ("X-Real-IP", "10.0.0.7"),
    ("X-Forwarded-Proto", "https"),
    ("X-Penstock-A", "1"),
    ("X-HTTP-Method-Override", "PUT"),
    ("X-Original-URL", "/a"),
    ("X-Request-Id", "mine"),
    ("Cookie", "c=1"),
    ("Cookie", "d=1; c=2"),
    ("Content-Length", "0"),
    ("Connection", "x-h"),
];
const NAMES: &[&str] = &[
    "x-h",
    "x-set",
    "x-real-ip",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-penstock-a",
    "x-http-method-override",
    "x-original-url",
    "x-request-id",
];
const VALUES: &[&str] = &["1", "2", "10.0.0.7", "127.0.0.1", "https", "http", "mine"];
const NETWORKS: &[&str] = &["127.0.0.0/8", "10.0.0.0/8", "192.0.2.0/24"];
const CONDITIONS: &[&str] = &[
    "request.headers[\"x-h\"] == \"1\"",
    "request.client_ip == \"10.0.0.7\"",
    "request.host == \"a.test\"",
    "request.path == \"/a/b\"",
    "request.query.q == \"1\"",
    "request.cookies.c and request.method == \"GET\"",
];

fn one_of<T: Copy>(numbers: &mut Numbers, choices: &[T]) -> T {
    choices[numbers.below(choices.len() as u64) as usize]
}

fn is_drawn(numbers: &mut Numbers, one_in: u64) -> bool {
    numbers.below(one_in) == 0
}

fn condition(numbers: &mut Numbers) -> Condition {
    let subject = match numbers.below(4) {
        0 => Subject::Query("q".to_owned()),
        1 => Subject::Cookie("c".to_owned()),
        _ => Subject::Header(one_of(numbers, NAMES).to_owned()),
    };
    let value = one_of(numbers, VALUES).to_owned();
    let test = match numbers.below(4) {
        0 => Test::Present,
        1 => Test::Absent,
        2 => Test::Prefix(value),
        _ => Test::Exact(value),
    };
    Condition { subject, test }
}

fn shape(numbers: &mut Numbers, route: &mut Route) {
    if is_drawn(numbers, 3) {
        route.hosts = vec![match numbers.below(3) {
            0 => HostPattern::Exact("a.test".to_owned()),
            1 => HostPattern::Wildcard("a.test".to_owned()),
            _ => HostPattern::Regex("^b".to_owned()),
        }];
    }
    if is_drawn(numbers, 3) {
        route.methods = vec![one_of(numbers, &["GET", "POST", "PUT"]).to_owned()];
    }
    if is_drawn(numbers, 2) {
        route.conditions = (0..=numbers.below(2)).map(|_| condition(numbers)).collect();
    }
    if is_drawn(numbers, 5) {
        route.client_ip = vec![one_of(numbers, NETWORKS).to_owned()];
    }
    if is_drawn(numbers, 5) {
        route.when = Some(one_of(numbers, CONDITIONS).to_owned());
    }
}

fn path(numbers: &mut Numbers) -> PathPattern {
    match numbers.below(6) {
        0 => prefix(""),
        1 => prefix("/a"),
        2 => PathPattern::Exact("/a/b".to_owned()),
        3 => PathPattern::Exact("/a".to_owned()),
        4 => PathPattern::Template("/{x}/b".to_owned()),
        _ => PathPattern::Regex("^/[ab]".to_owned()),
    }
}

fn answer(name: &str) -> Step {
    native_step("Respond", &json!({"status": 200, "headers": {"x-route": name}, "body": ""}))
}

/// Steps before routing, some of which change what routes look at.
fn before(numbers: &mut Numbers) -> Vec<Step> {
    let mut steps = Vec::new();
    if is_drawn(numbers, 3) {
        let request = json!({"set": {"x-set": "{{ request.query.q }}"}, "add": {}, "remove": ["x-h"]});
        let response = json!({"set": {}, "add": {}, "remove": []});
        steps.push(native_step("SetHeaders", &json!({"request": request, "response": response})));
    }
    if is_drawn(numbers, 3) {
        steps.push(native_step("RewritePath", &json!({"prefix": {"from": "/b", "to": "/a"}})));
    }
    if is_drawn(numbers, 2) {
        let mut early = native_step("Respond", &json!({"status": 403, "headers": {}, "body": ""}));
        early.when = Some(one_of(numbers, CONDITIONS).to_owned());
        steps.push(early);
    }
    for (index, step) in steps.iter_mut().enumerate() {
        step.name = format!("step-{index}");
    }
    steps
}

fn generated(numbers: &mut Numbers, mut config: Config) -> Config {
    for index in 0..=numbers.below(8) {
        let name = format!("r{index}");
        let steps = vec![answer(&name)];
        config = config.route_with(&name, path(numbers), steps, |route| shape(numbers, route));
    }
    config.listener(|listener| {
        listener.before = before(numbers);
        listener.underscores = one_of(numbers, &[Underscores::Refuse, Underscores::Drop]);
        if is_drawn(numbers, 2) {
            listener.trusted_proxies = vec!["127.0.0.0/8".to_owned(), "192.0.2.0/24".to_owned()];
        }
    })
}

fn request(numbers: &mut Numbers) -> Imagined {
    let (host, path, query) = (one_of(numbers, HOSTS), one_of(numbers, PATHS), one_of(numbers, QUERIES));
    let fields: Vec<_> = (0..numbers.below(4)).map(|_| one_of(numbers, FIELDS)).collect();
    // One in twenty is no request at all.
    let (host, path, method) = match numbers.below(100) {
        0 => ("a,b", path, "GET"),
        1 => (host, "/a%2Fb", "GET"),
        2 => (host, "/../a", "GET"),
        3 => (host, "/a#b", "GET"),
        4 => (host, path, "TRACE"),
        _ => (host, path, one_of(numbers, METHODS)),
    };
    Imagined {
        listener: None,
        method: method.to_owned(),
        url: format!("http://{host}{path}{query}"),
        headers: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        from: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        tls: ImaginedTls::default(),
    }
}

/// What a client gets that sends the request itself.
fn asked(gateway: &Gateway, request: &Imagined) -> Message {
    let rest = request.url.strip_prefix("http://").unwrap();
    let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let target = match target {
        "" if request.method == "OPTIONS" => "*".to_owned(),
        target if target.starts_with('/') => target.to_owned(),
        target => format!("/{target}"),
    };
    let fields: Vec<String> = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let fields = fields.concat();
    let mut client = gateway.client();
    client.send(format!("{} {target} HTTP/1.1\r\nhost: {host}\r\n{fields}\r\n", request.method));
    if request.method == "HEAD" { client.answer_to_head() } else { client.answer() }
}

#[derive(Debug, Default)]
struct Seen {
    chosen: usize,
    refused: usize,
    before: usize,
    none: usize,
}

fn check(explained: &Result<Explained, String>, live: &Message, context: &str, seen: &mut Seen) {
    let explained = match explained {
        Ok(explained) => explained,
        Err(problem) => {
            seen.refused += 1;
            let expected = format!("the listener would refuse it with {}: ", live.status());
            return assert!(problem.starts_with(&expected), "{problem}, live {live:?}: {context}");
        }
    };
    let chosen = explained.chosen.as_ref().map(|chosen| chosen.route.as_str());
    assert_eq!(chosen, live.field("x-route"), "{explained:?}: {context}");
    match (chosen, &explained.before) {
        (Some(_), _) => seen.chosen += 1,
        (None, Some(_)) => seen.before += 1,
        (None, None) => seen.none += 1,
    }
    let status = explained.status.unwrap_or(200);
    assert_eq!((status, explained.allow.as_deref()), (live.status(), live.field("allow")), "{explained:?}: {context}");
}

#[test]
fn what_is_explained_is_what_happens_for_generated_plans_and_requests() {
    let (mut numbers, mut seen) = (Numbers(7), Seen::default());
    let empty = || Config::to(&[Origin::nowhere()]).without_default_route();
    let mut gateway = Gateway::start(empty());
    for _ in 0..80 {
        let config = generated(&mut numbers, empty());
        let explainer = Explainer::new(config.plan()).unwrap();
        let listener = config.listener.clone();
        gateway.apply(|_| config);
        for _ in 0..40 {
            let request = request(&mut numbers);
            let context = format!("{request:?} before {listener:?}");
            check(&explainer.explain(&request), &asked(&gateway, &request), &context, &mut seen);
        }
    }
    let least = [seen.chosen, seen.refused, seen.before, seen.none].into_iter().min();
    assert!(least > Some(100), "{seen:?}");
}
