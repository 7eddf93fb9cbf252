//! Conditions and templates by cases.

use super::{Condition, Form, Template};
use crate::exchange::{Consumer, Exchange, RouteName, Span};

/// `POST /api/orders/a%2Fb?x=1&x=2&n=a%20b&cut=a%0D%0Ab%00c` of the route `orders`, whose
/// parameter `id` is the last segment.
pub(super) fn exchange() -> Exchange {
    let mut exchange = Exchange::default();
    let request = &mut exchange.request;
    request.method_span = request.head.intern(b"POST");
    request.path = "/api/orders/a%2Fb".into();
    request.query = Some(request.head.intern(b"x=1&x=2&n=a%20b+c&cut=a%0D%0Ab%00c&uni=%E2%82%AC%ff"));
    request.host = "shop.example.com".into();
    request.client.ip = "2001:db8::7".parse().unwrap();
    request.id = "id-1".into();
    request.consumer = Some(Consumer { name: "alice".into(), groups: ["gold".into()].into() }.into());
    request.params.spans = vec![Span { start: 12, end: 17 }];
    let fields: [(&[u8], &[u8]); 5] = [
        (b"Host", b"Shop.example.com:8080"),
        (b"X-Beta", b"1"),
        (b"X-Latin", b"caf\xe9"),
        (b"Cookie", b"a=1; theme=dark%20blue; a=2"),
        (b"X-Empty", b""),
    ];
    for (name, value) in fields {
        request.head.add(name, value);
    }
    exchange.route = Some(
        RouteName {
            name: "orders".into(),
            param_names: ["id".into()].into(),
            names_hosts: true,
            ..RouteName::default()
        }
        .into(),
    );
    exchange
}

fn answered() -> Exchange {
    let mut exchange = exchange();
    exchange.answer(503, crate::exchange::LocalBody::Empty);
    exchange.response.head.add(b"Retry-After", b"7");
    exchange
}

#[track_caller]
fn check_condition(text: &str, expected: bool, is_compiled: bool) {
    let condition = Condition::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    assert_eq!(condition.holds(&answered().facts()), expected, "{text}");
    assert_eq!(condition.is_compiled(), is_compiled, "{text} in the own evaluator");
}

#[test]
fn common_shapes_run_in_the_own_evaluator() {
    for (text, expected) in [
        (r#"request.method == "POST""#, true),
        (r#"consumer.name == "alice" and "gold" in consumer.groups"#, true),
        (r#""silver" in consumer.groups or consumer.groups["silver"]"#, false),
        (r#"request.headers["x-beta"] == "1" and request.path is startingwith("/api")"#, true),
        (r#"request.headers["X-BETA"] == '1'"#, true),
        (r"request.headers.host", true),
        (r#"request["method"] != "POST""#, false),
        (r#"request.path is endingwith "%2Fb""#, true),
        (r"request.headers['x-none'] is defined", false),
        (r"request.headers['x-empty'] is defined", true),
        (r"request.headers['x-empty']", false),
        (r"request.headers['x-none']", false),
        (r"not request.headers['x-none']", true),
        (r#""x-beta" in request.headers"#, true),
        (r#""x-none" not in request.headers"#, true),
        (r#"request.query.x == "1""#, true),
        (r#"request.query.n == "a b c""#, true),
        (r"request.query.none == ''", false),
        (r#"request.cookies.theme == "dark blue""#, true),
        (r#"request.cookies.a == "1""#, true),
        (r#"request.params.id == "a/b""#, true),
        (r"request.params.none is undefined", true),
        (r#"request.client_ip == "2001:db8::7""#, true),
        (r#"request.id == "id-1" and request.route == "orders""#, true),
        (r#"request.method in ["GET", "POST"]"#, true),
        (r#"request.method in ("PUT", "PATCH")"#, false),
        (r#""orders" in request.path"#, true),
        (r"response.status == 503", true),
        (r"500 <= response.status < 600", true),
        (r"response.status > 599 or response.headers['retry-after'] == '7'", true),
        (r"request.host|default('none') == 'shop.example.com'", true),
        (r#"(request.headers["x-none"] or request.host) is startingwith "shop""#, true),
        (r#"request.headers["x-latin"] == "café""#, true),
        (r#"request.query.uni == "€\ufffd""#, true),
    ] {
        check_condition(text, expected, true);
    }
}

#[test]
fn the_rest_runs_in_minijinja() {
    for (text, expected) in [
        (r#"request.host|upper == "SHOP.EXAMPLE.COM""#, true),
        (r"request.path|length > 10", true),
        (r#"(request.path|split("/"))[1] == "api""#, true),
        (r"request.query.x|int + 1 == 2", true),
        (r#"request.method ~ " " ~ request.host == "POST shop.example.com""#, true),
        (r#"request.headers[request.query.none|default("x-beta")] == "1""#, true),
        (r#"request.path[:4] == "/api""#, true),
        (r"request.query.n|int > 1", false),
        (r"not (request.query.n|int > 1)", false),
    ] {
        check_condition(text, expected, false);
    }
}

#[test]
fn what_is_missing_is_false_before_there_is_an_answer() {
    for text in ["response.status == 200", "response.headers.via", r#""via" in response.headers"#, "response.status"] {
        let condition = Condition::parse(text).unwrap();
        assert!(!condition.holds(&exchange().facts()), "{text}");
    }
}

/// Every text is refused with a message that holds the words, at the place.
#[track_caller]
fn check_problems(parse: impl Fn(&str) -> Option<super::ExpressionProblem>, cases: &[(&str, &str, usize)]) {
    for (text, words, offset) in cases {
        let problem = parse(text).unwrap_or_else(|| panic!("{text} is accepted"));
        assert!(problem.to_string().contains(words), "{text}: {problem}");
        assert_eq!(problem.offset, *offset, "{text}: {problem}");
    }
}

#[test]
fn names_that_are_none_are_problems_with_a_hint() {
    check_problems(
        |text| Condition::parse(text).err(),
        &[
            ("request.methd == 'GET'", "did you mean `method`?", 0),
            ("true and reqest.method", "did you mean `request`?", 9),
            ("method == 'GET'", "did you mean `request.method`?", 0),
            ("request.method == GET", "texts need quotes", 18),
            ("response.path", "`response` has no `path`", 0),
            ("request == 1", "name one of its parts: method, path", 0),
            ("request.headers", "name one of them: request.headers[\"x-name\"]", 0),
            ("request.path.x", "has no parts", 0),
            ("request.headers.host.x", "has no parts", 0),
            ("request.headers.x_beta", "did you mean `request.headers[\"x-beta\"]`?", 0),
            ("request.headers[foo]", "unknown name `foo`", 16),
            ("{{ request.method }}", "without `{{ }}`", 0),
            ("", "the condition is empty", 0),
            ("request.method ==", "", 0),
            ("true and\n\n)", "", 10),
        ],
    );
}

#[test]
fn what_can_grow_without_bound_is_refused_when_it_is_read() {
    check_problems(
        |text| Condition::parse(text).err(),
        &[
            ("[1] * 100000000", "multiplication", 0),
            ("'x' * 9999999", "multiplication", 0),
            ("10 ** 99999", "multiplication", 0),
            ("range(100000)|join", "there is no filter `join`", 14),
            ("range(9)", "a call is not allowed", 0),
            ("request.path.replace('a', 'b')", "a call is not allowed", 12),
            ("request.path|replace('/', '//////')", "there is no filter `replace`", 13),
            ("'%9999999d'|format(1)", "there is no filter `format`", 12),
            ("request.path|uper", "did you mean `upper`?", 13),
            ("request.path is strating('a')", "there is no test `strating`", 16),
            ("1 is divisibleby(0)", "there is no test `divisibleby`", 5),
            ("request.path|tojson|tojson", "`tojson` twice", 13),
            ("request.path[::2]", "a slice with a step", 15),
            ("request.path|default(*[1])", "a spread argument", 13),
            ("{'a': 1}", "a mapping is not allowed", 0),
        ],
    );
    check_problems(
        |text| Template::parse(text).err(),
        &[
            ("{% for x in request.path %}{{ x }}{% endfor %}", "`{% for %}` is not allowed", 3),
            ("{% set x = request.path %}", "`{% set %}` is not allowed", 3),
            ("{% macro f() %}{% endmacro %}", "`{% macro %}` is not allowed", 3),
            ("{% include 'x' %}", "`{% include %}` is not allowed", 3),
            ("a {{ request.pth }}", "did you mean `path`?", 5),
            ("a {{ request.path ", "", 0),
        ],
    );
}

#[test]
fn a_text_too_deep_for_the_parser_is_refused_before_it() {
    let sum = "1+".repeat(1_000_000) + "1";
    for text in [sum.clone(), format!("request.path == {}", "(".repeat(5000)), "not ".repeat(2000) + "1"] {
        assert!(Condition::parse(&text).is_err());
        assert!(Template::parse(&format!("{{{{ {text} }}}}")).is_err());
        assert!(Template::parse(&format!("{{% if {text} %}}{{% endif %}}")).is_err());
    }
    let nested = "{% if true %}".repeat(10_000) + &"{% endif %}".repeat(10_000);
    assert!(Template::parse(&nested).is_err());
    assert!(Condition::parse(&("not ".repeat(50) + "1")).is_ok());
    let long = vec!["request.method == 'GET'"; 150].join(" or ");
    assert!(Condition::parse(&long).unwrap().is_compiled());
}

#[track_caller]
fn check_template(text: &str, form: Form, expected: &[u8]) {
    let template = Template::parse(text).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let mut out = Vec::new();
    template.render_as(form, &answered().facts(), &mut out);
    assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(expected), "{text} as {form:?}");
    assert_eq!(out, expected, "{text} as {form:?}");
}

#[test]
fn templates_put_values_into_text() {
    for (text, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("two\nlines\n", "two\nlines\n"),
        ("{{ request.params.id }}-{{ request.host }}", "a/b-shop.example.com"),
        ("<{{ request.headers['x-none'] }}>", "<>"),
        ("{{ request.headers['x-none']|default('none') }}", "none"),
        ("{{ response.status }} {{ request.client_ip }}", "503 2001:db8::7"),
        ("{{ request.method == 'POST' }} {{ 1 > 2 }}", "True False"),
        ("{{ request.host|upper }}", "SHOP.EXAMPLE.COM"),
        (
            "{% if request.method == 'GET' %}get{% elif request.query.x|int == 1 %}one{{ request.id }}{% else %}no{% endif %}!",
            "oneid-1!",
        ),
        ("{% if false %}{{ request.host|upper }}{% endif %}{{ request.host|title }}", "Shop.example.com"),
        ("{%- if true -%} a {%- endif -%} {{- request.id|upper -}} b", "aID-1b"),
        ("{# {{ nothing }} #}{% raw %}{{ x }}{% endraw %}{{ request.id|length }}", "{{ x }}4"),
        ("{{ request.query.n|int }}.", "."),
        ("{{ 'a' if request.query.x == '1' else 'b' }}", "a"),
        (r#"{"id": {{ request.query.n|tojson }}}"#, r#"{"id": "a b c"}"#),
    ] {
        check_template(text, Form::Text, expected.as_bytes());
    }
}

#[test]
fn a38_a_value_never_makes_a_line_end() {
    let text = "{{ request.query.cut }} {{ request.query.cut|trim }} {{ '\r\n' }}";
    for form in [Form::Text, Form::Header] {
        check_template(text, form, b"a%0D%0Ab%00c a%0D%0Ab%00c %0D%0A");
    }
    check_template(text, Form::Url, b"a%0D%0Ab%00c a%0D%0Ab%00c %0D%0A");
}

#[test]
fn a_copied_header_keeps_its_bytes_and_text_is_utf_8() {
    let text = "{{ request.headers['x-latin'] }} {{ request.headers['x-latin']|trim }} {{ request.query.uni }}";
    check_template(text, Form::Header, b"caf\xe9 caf\xe9 %E2%82%AC%EF%BF%BD");
    check_template(text, Form::Text, "café café €\u{fffd}".as_bytes());
    check_template("é", Form::Header, b"\xe9");
}

#[test]
fn d16_a_value_adds_no_segment_to_a_url() {
    for (text, expected) in [
        ("/x/{{ request.params.id }}", "/x/a%2Fb"),
        ("/x{{ request.path }}", "/x/api/orders/a%2Fb"),
        ("/x/{{ request.params.id|trim }}/{{ request.query.n }}", "/x/a%2Fb/a%20b%20c"),
        ("?q={{ request.query.uni }}", "?q=%E2%82%AC%EF%BF%BD"),
        ("{{ '../admin?a&b#c' }}", "..%2Fadmin%3Fa%26b%23c"),
    ] {
        check_template(text, Form::Url, expected.as_bytes());
    }
}

#[test]
fn a_template_without_values_is_constant() {
    for (text, expected) in
        [("plain", Some("plain")), ("", Some("")), ("{{ request.id }}", None), ("a{# b #}", Some("a"))]
    {
        assert_eq!(Template::parse(text).unwrap().is_constant(), expected, "{text}");
    }
    assert!(Template::parse("{{ request.params.id }}-{{ request.host }}").unwrap().is_compiled());
    assert!(!Template::parse("{{ request.host|upper }}").unwrap().is_compiled());
}

#[test]
fn both_may_be_built_on_one_thread_and_used_on_another() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Condition>();
    is_shared::<Template>();
}
