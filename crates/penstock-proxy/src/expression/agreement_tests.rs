//! Our evaluator and minijinja agree, on generated expressions and generated exchanges.

use minijinja::machinery::parse_expr;

use super::check::check;
use super::compile::compiled;
use super::interpreted::Interpreted;
use super::{Expression, Form};
use crate::exchange::{Consumer, Exchange, LocalBody, RouteName, Span};

/// A small seeded generator (`SplitMix64`).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }
}

const NAMES: &[&str] = &[
    "request.method",
    "request.path",
    "request.host",
    "request.client_ip",
    "request.id",
    "request.route",
    "request.headers['x-a']",
    "request.headers.HOST",
    "request.headers['x-b']",
    "request.query.a",
    "request.query['b']",
    "request.cookies.a",
    "request.params.id",
    "request.params.none",
    "response.headers['x-a']",
    "response.status",
    "consumer.name",
    "consumer.groups.a",
];
const CONSTANTS: &[&str] =
    &["'a'", "''", "'A'", "'GET'", "'/a'", "'10'", "'é'", "0", "1", "200", "-5", "true", "false", "'10.0.0.1'"];
const OPERATORS: &[&str] = &["==", "!=", "<", "<=", ">", ">=", "in", "not in"];
const LISTS: &[&str] = &[
    "['a', 'GET', 1]",
    "('GET', 'a')",
    "[]",
    "[true, 200]",
    "request.headers",
    "request.query",
    "response.headers",
    "consumer.groups",
];
const VALUES: &[&str] = &["a", "", "A", "/a", "10", "\u{e9}", "GET", "a%20b", "a+b", "1", "x y", "%zz", "a\u{1}b"];

fn expression(chance: &mut Chance, depth: usize) -> String {
    let kind = if depth == 0 { chance.below(2) } else { chance.below(14) };
    let inner = |chance: &mut Chance| expression(chance, depth.saturating_sub(1));
    match kind {
        0 => chance.pick(CONSTANTS).into(),
        1..=3 => chance.pick(NAMES).into(),
        4 => format!("({} and {})", inner(chance), inner(chance)),
        5 => format!("({} or {})", inner(chance), inner(chance)),
        6 => format!("(not {})", inner(chance)),
        7 | 8 => format!("({} {} {})", inner(chance), chance.pick(OPERATORS), inner(chance)),
        9 => format!(
            "({} {} {} {} {})",
            inner(chance),
            chance.pick(OPERATORS),
            inner(chance),
            chance.pick(OPERATORS),
            inner(chance)
        ),
        10 => format!(
            "({} {} {})",
            chance.pick(&["'x-a'", "'a'", "request.method"]),
            chance.pick(&["in", "not in"]),
            chance.pick(LISTS)
        ),
        11 => format!(
            "({} is {} {})",
            inner(chance),
            chance.pick(&["startingwith", "endingwith"]),
            chance.pick(&["'a'", "''", "request.query.a"])
        ),
        12 => format!("({} is {})", inner(chance), chance.pick(&["defined", "undefined", "not defined"])),
        _ => match chance.below(3) {
            0 => format!("({} if {} else {})", inner(chance), inner(chance), inner(chance)),
            1 => format!("({}|default({}))", inner(chance), inner(chance)),
            _ => format!("({}|default({}, true))", inner(chance), inner(chance)),
        },
    }
}

fn exchange(chance: &mut Chance) -> Exchange {
    let mut exchange = Exchange::default();
    let request = &mut exchange.request;
    request.method_span = request.head.intern(chance.pick(&["GET", "POST", "a"]).as_bytes());
    request.path = chance.pick(&["/", "/a", "/a/A", "/a/b%2Fc"]).into();
    request.host = chance.pick(&["", "a", "a.example"]).into();
    request.client.ip = chance.pick(&["10.0.0.1", "::1", "2001:db8::7"]).parse().unwrap();
    request.id = chance.pick(&["", "a"]).into();
    let query = format!(
        "{}={}&{}={}",
        chance.pick(&["a", "b", "%61"]),
        chance.pick(VALUES),
        chance.pick(&["a", "c"]),
        chance.pick(VALUES)
    );
    request.query = Some(request.head.intern(query.as_bytes()));
    for name in ["X-A", "Host", "x-b"] {
        if chance.below(3) > 0 {
            let value: Vec<u8> = chance.pick(VALUES).chars().map(|letter| letter as u8).collect();
            request.head.add(name.as_bytes(), &value);
        }
    }
    if chance.below(2) == 0 {
        let cookie = format!("a={}; b=1", chance.pick(VALUES));
        request.head.add(b"Cookie", cookie.as_bytes());
    }
    request.params.spans = vec![Span { start: 1, end: request.path.len() as u32 }];
    if chance.below(2) == 0 {
        let groups = [chance.pick(&["a", "x-a"]).into()].into();
        request.consumer = Some(Consumer { name: chance.pick(&["a", "b"]).into(), groups }.into());
    }
    let name = chance.pick(&["", "a"]).into();
    exchange.route =
        Some(RouteName { name, param_names: ["id".into()].into(), names_hosts: false, ..RouteName::default() }.into());
    if chance.below(2) == 0 {
        exchange.answer([200, 404, 0][chance.below(3)], LocalBody::Empty);
        exchange.response.head.add(b"x-a", chance.pick(VALUES).as_bytes());
    }
    exchange
}

/// The truth of a value and every form of its text.
fn outcome(expression: &Expression, exchange: &Exchange) -> (bool, Vec<Vec<u8>>) {
    let forms = [Form::Text, Form::Header, Form::Url];
    expression.with_value(exchange.facts(), |value| {
        let written = forms.map(|form| {
            let mut out = Vec::new();
            form.write(value, None, &mut out);
            out
        });
        (expression.holds(exchange.facts()), written.into())
    })
}

#[test]
fn both_evaluators_agree_on_generated_expressions() {
    let (mut chance, mut compared) = (Chance(20_260_101), 0);
    for _ in 0..4000 {
        let depth = chance.below(4);
        let text = expression(&mut chance, depth);
        let tree = parse_expr(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        if let Err(problem) = check(&tree) {
            assert!(problem.message.contains("many values"), "{text}: {problem}");
            continue;
        }
        let Some(node) = compiled(&tree) else { continue };
        let own = Expression::Compiled(node);
        let other = Expression::Interpreted(Interpreted::new(&text).unwrap());
        for _ in 0..8 {
            let exchange = exchange(&mut chance);
            assert_eq!(outcome(&own, &exchange), outcome(&other, &exchange), "{text}\n{exchange:?}");
            compared += 1;
        }
    }
    assert!(compared > 15_000, "only {compared} comparisons: too few shapes are compiled");
}
