//! Conditions and templates that users write.

use std::sync::Arc;

use crate::exchange::{Exchange, LocalBody, RouteName, Span};
use crate::expression::{Condition, Form, Template};
use crate::telemetry::log_template_problems;

/// Bytes that a template of at most 4 KiB may make of the exchange below: each value in it is short.
const MOST_RENDERED: usize = 1 << 20;

/// An exchange whose values hold what should not come through.
fn exchange() -> Exchange {
    let mut exchange = Exchange::default();
    let request = &mut exchange.request;
    request.method_span = request.head.intern(b"GET");
    request.path = "/orders/7%2Fx".into();
    request.host = "a.example".into();
    request.query = Some(request.head.intern(b"a=b%0d%0ac&d=%zz&e=+"));
    request.head.add(b"X-A", b"caf\xe9");
    request.head.add(b"Cookie", b"a=%0a; b=1");
    request.params.spans = vec![Span { start: 8, end: 13 }];
    let route = RouteName {
        name: "orders".into(),
        param_names: ["id".into()].into(),
        names_hosts: false,
        ..RouteName::default()
    };
    exchange.route = Some(Arc::new(route));
    exchange.answer(200, LocalBody::Empty);
    exchange
}

/// A condition that is accepted can be evaluated.
pub(super) fn condition(bytes: &[u8]) -> bool {
    let Some(condition) = str::from_utf8(bytes).ok().and_then(|text| Condition::parse(text).ok()) else { return false };
    condition.holds(&exchange().facts());
    condition.holds(&Exchange::default().facts());
    true
}

/// A template that is accepted can be rendered, grows no further than its bounds, and lets no value end a line.
pub(super) fn template(bytes: &[u8]) -> bool {
    let Some(text) = str::from_utf8(bytes).ok() else { return false };
    let Ok(template) = Template::parse(text) else { return false };
    let ends_line = template.literals().iter().any(|literal| literal.contains(char::is_control));
    for form in [Form::Text, Form::Header, Form::Url] {
        let mut out = Vec::new();
        template.render_as(form, &exchange().facts(), &mut out);
        assert!(out.len() <= MOST_RENDERED, "{} bytes", out.len());
        let is_line = !out.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
        assert!(ends_line || is_line, "{text:?} makes {:?}", String::from_utf8_lossy(&out));
        assert!(form != Form::Text || str::from_utf8(&out).is_ok());
    }
    true
}

/// Whatever a template of the access log is, all its problems can be told.
pub(super) fn log_template(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| log_template_problems(text).is_empty())
}
