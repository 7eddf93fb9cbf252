//! Generated routes and requests that meet often.

use penstock_plan::{Condition, PathPattern, Route, Subject, Test};

use super::generator::Random;
use super::plan::{host_pattern, path_pattern, request, route};
use crate::exchange::Request;

const HOSTS: &[&str] = &["a.test", "b.test", "c.a.test", "d.c.a.test", "test", "x.b.test"];
const HOST_PATTERNS: &[&str] =
    &["a.test", "b.test", "*.test", "*.a.test", "*.c.a.test", "~^[ab]\\.", "~test$", "c.a.test"];
const SEGMENTS: &[&str] = &["a", "b", "c"];
const METHODS: &[&str] = &["GET", "POST", "PUT"];
const VALUES: &[&str] = &["1", "2", "12"];
const ADDRESSES: &[&str] = &["10.0.0.1", "10.1.0.1", "192.0.2.1"];
const NETWORKS: &[&str] = &["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1/32"];

/// A request as the plain scan sees it.
pub(super) struct Case {
    pub(super) method: &'static str,
    pub(super) host: &'static str,
    pub(super) path: String,
    pub(super) headers: Vec<&'static str>,
    pub(super) query: Vec<&'static str>,
    pub(super) cookies: Vec<&'static str>,
    pub(super) client: &'static str,
}

fn texts(random: &mut Random, most: usize, choices: &[&'static str]) -> Vec<&'static str> {
    (0..random.below(most + 1)).map(|_| random.one_of(choices)).collect()
}

fn generated_path(random: &mut Random) -> String {
    let segments = texts(random, 4, SEGMENTS).join("/");
    format!("/{segments}{}", if segments.is_empty() || random.below(4) > 0 { "" } else { "/" })
}

/// One path pattern.
pub(super) fn generated_pattern(random: &mut Random) -> PathPattern {
    let path = generated_path(random);
    let is_open = random.below(2) == 0;
    let open = |path: &str| if is_open { format!("{}/*", path.trim_end_matches('/')) } else { path.to_owned() };
    match random.below(8) {
        0 | 1 => path_pattern(&path),
        2 | 3 => path_pattern(&format!("{}/*", path.trim_end_matches('/'))),
        4 => path_pattern(random.one_of(&["~^/a", "~b$", "~/c/", "~^/$"])),
        _ => {
            let mut segments: Vec<String> = path.trim_matches('/').split('/').map(str::to_owned).collect();
            for (position, segment) in segments.iter_mut().enumerate() {
                if segment.is_empty() || random.below(2) == 0 {
                    *segment = format!("{{p{position}}}");
                }
            }
            path_pattern(&open(&format!("/{}", segments.join("/"))))
        }
    }
}

fn generated_condition(random: &mut Random) -> Condition {
    let subject = match random.below(3) {
        0 => Subject::Header("x-h".into()),
        1 => Subject::Query("q".into()),
        _ => Subject::Cookie("c".into()),
    };
    let value = random.one_of(VALUES).to_owned();
    let test = match random.below(6) {
        0 => Test::Exact(value),
        1 => Test::Prefix(value),
        2 => Test::Suffix(value),
        3 => Test::Regex(format!("^{value}?$")),
        4 => Test::Present,
        _ => Test::Absent,
    };
    Condition { subject, test }
}

/// One route.
pub(super) fn generated_route(random: &mut Random, number: usize) -> Route {
    let mut generated = route(&format!("r{number}"), "/");
    generated.path = generated_pattern(random);
    generated.hosts = texts(random, 2, HOST_PATTERNS).into_iter().map(host_pattern).collect();
    if random.below(2) == 0 {
        generated.methods = texts(random, 2, METHODS).into_iter().map(str::to_owned).collect();
    }
    if random.below(2) == 0 {
        generated.conditions = (0..random.below(3)).map(|_| generated_condition(random)).collect();
    }
    if random.below(6) == 0 {
        generated.client_ip = texts(random, 2, NETWORKS).into_iter().map(str::to_owned).collect();
    }
    if random.below(6) == 0 {
        let subject = random.one_of(&["param", "host"]);
        generated.when = Some(format!("{subject}:{}", random.one_of(if subject == "host" { HOSTS } else { SEGMENTS })));
    }
    generated.priority = if random.below(5) == 0 { *random.one_of(&[&-1, &0, &1]) } else { 0 };
    generated.order = random.below(4) as u64;
    generated
}

/// One request as the scan sees it.
pub(super) fn generated_case(random: &mut Random) -> Case {
    Case {
        method: random.one_of(METHODS),
        host: random.one_of(HOSTS),
        path: generated_path(random),
        headers: texts(random, 2, VALUES),
        query: texts(random, 2, VALUES),
        cookies: texts(random, 2, VALUES),
        client: random.one_of(ADDRESSES),
    }
}

impl Case {
    /// The same request as it stands before the router.
    pub(super) fn request(&self) -> Request {
        let query: Vec<String> = self.query.iter().map(|value| format!("q={value}")).collect();
        let cookies: Vec<String> = self.cookies.iter().map(|value| format!("c={value}")).collect();
        let cookies = cookies.join("; ");
        let mut fields: Vec<(&str, &str)> = self.headers.iter().map(|&value| ("X-H", value)).collect();
        fields.push(("Cookie", &cookies));
        let line = format!("{} http://{}{}?{}", self.method, self.host, self.path, query.join("&"));
        let mut request = request(&line, &fields);
        request.client.ip = self.client.parse().unwrap();
        request
    }
}
