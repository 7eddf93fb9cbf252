//! What the forms of propagation say, and what they make of anything else.

use penstock_plan::Propagation;

use super::*;
use crate::tracing::context::{Parent, TraceContext};

const FORMS: [Propagation; 4] = [Propagation::W3c, Propagation::B3, Propagation::B3Multi, Propagation::Jaeger];
const TRACE: u128 = 0x0af7_6519_16cd_43dd_8448_eb21_1c80_319c;
const SPAN: u64 = 0xb7ad_6b71_6920_3331;

#[allow(clippy::unnecessary_wraps, reason = "that is what is expected")]
fn found(is_sampled: Option<bool>) -> Option<Parent> {
    Some(Parent { trace: Some(TRACE), span: Some(SPAN), is_sampled })
}

#[allow(clippy::unnecessary_wraps, reason = "that is what is expected")]
fn short(is_sampled: Option<bool>) -> Option<Parent> {
    Some(Parent { trace: Some(TRACE & u128::from(u64::MAX)), span: Some(SPAN), is_sampled })
}

#[allow(clippy::unnecessary_wraps, reason = "that is what is expected")]
fn decided(is_sampled: bool) -> Option<Parent> {
    Some(Parent { trace: None, span: None, is_sampled: Some(is_sampled) })
}

fn head(fields: &[(&str, &str)]) -> Head {
    let mut head = Head::default();
    for (name, value) in fields {
        head.add(name.as_bytes(), value.as_bytes());
    }
    head
}

fn check(form: Propagation, fields: &[(&str, &str)], expected: Option<Parent>) {
    assert_eq!(extract(&[form], &head(fields)), expected, "{form:?} {fields:?}");
}

#[test]
fn a_traceparent_is_taken_whole_or_not_at_all() {
    let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03-what-is-to-come";
    for (text, expected) in [
        (good, found(Some(true))),
        (unsampled, found(Some(false))),
        (later, found(Some(true))),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", found(Some(true))),
        ("", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x", None),
        ("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what", None),
        ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        ("00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", None),
        ("00-00000000000000000000000000000000-b7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", None),
        ("00-0af7651916cd43dd8448eb211c80319cb-7ad6b7169203331-01", None),
        ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", None),
        ("0--0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
    ] {
        check(Propagation::W3c, &[("Traceparent", text)], expected);
    }
    check(Propagation::W3c, &[("traceparent", good), ("traceparent", good)], None);
    check(Propagation::W3c, &[], None);
}

#[test]
fn b3_has_128_or_64_bits_a_decision_at_will_or_nothing_else() {
    for (text, expected) in [
        ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", found(Some(true))),
        ("0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-0", found(Some(false))),
        ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", found(None)),
        ("0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-d-00f067aa0ba902b7", found(Some(true))),
        ("8448eb211c80319c-b7ad6b7169203331-1", short(Some(true))),
        ("0", decided(false)),
        ("1", decided(true)),
        ("d", decided(true)),
        ("", None),
        ("x", None),
        ("8448eb211c80319-b7ad6b7169203331-1", None),
        ("8448eb211c80319c-b7ad6b716920333-1", None),
        ("0000000000000000-b7ad6b7169203331-1", None),
        ("8448eb211c80319c-0000000000000000-1", None),
        ("8448eb211c80319c-b7ad6b7169203331-2", None),
        ("8448eb211c80319c-b7ad6b7169203331-1-x", None),
        ("8448eb211c80319c-b7ad6b7169203331-1-00f067aa0ba902b7-", None),
    ] {
        check(Propagation::B3, &[("b3", text)], expected);
    }
    let (trace, span) = (("X-B3-TraceId", "0af7651916cd43dd8448eb211c80319c"), ("X-B3-SpanId", "b7ad6b7169203331"));
    let fields = [trace, span];
    check(Propagation::B3Multi, &fields, found(None));
    check(Propagation::B3Multi, &[trace, span, ("x-b3-sampled", "1")], found(Some(true)));
    check(Propagation::B3Multi, &[trace, span, ("x-b3-sampled", "0")], found(Some(false)));
    check(Propagation::B3Multi, &[trace, span, ("x-b3-sampled", "0"), ("x-b3-flags", "1")], found(Some(true)));
    check(Propagation::B3Multi, &[("x-b3-traceid", "8448eb211c80319c"), span], short(None));
    check(Propagation::B3Multi, &[("x-b3-sampled", "true")], decided(true));
    check(Propagation::B3Multi, &[trace, ("x-b3-sampled", "0")], decided(false));
    check(Propagation::B3Multi, &[trace], None);
    check(Propagation::B3Multi, &[trace, trace, span], None);
}

#[test]
fn a_jaeger_id_may_be_short_and_encoded() {
    for (text, expected) in [
        ("0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1", found(Some(true))),
        ("af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:1:0", found(Some(false))),
        ("0af7651916cd43dd8448eb211c80319c%3Ab7ad6b7169203331%3A0%3A03", found(Some(true))),
        ("8448eb211c80319c:b7ad6b7169203331:0:2", short(Some(false))),
        ("", None),
        (":::", None),
        ("0:b7ad6b7169203331:0:1", None),
        ("8448eb211c80319c:0:0:1", None),
        ("8448eb211c80319c:b7ad6b7169203331:0", None),
        ("8448eb211c80319c:b7ad6b7169203331:0:1:1", None),
        ("8448eb211c80319c:b7ad6b7169203331:0:111", None),
        ("8448eb211c80319c:1b7ad6b7169203331:0:1", None),
        ("10af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1", None),
        ("8448eb211c80319c:b7ad6b7169203331:x:1", None),
        ("+448eb211c80319c:b7ad6b7169203331:0:1", None),
    ] {
        check(Propagation::Jaeger, &[("uber-trace-id", text)], expected);
    }
}

#[test]
fn the_first_form_that_holds_is_believed() {
    let fields = [("traceparent", "nonsense"), ("b3", "0"), ("uber-trace-id", "8448eb211c80319c:b7ad6b7169203331:0:1")];
    assert_eq!(extract(&FORMS, &head(&fields)), decided(false));
    assert_eq!(extract(&[Propagation::W3c, Propagation::Jaeger], &head(&fields)), short(Some(true)));
}

#[test]
fn what_is_injected_is_extracted_again_in_every_form() {
    for trace in [TRACE, 1, u128::MAX, u128::from(u64::MAX)] {
        for is_sampled in [false, true] {
            let context = TraceContext { trace, span: 1, parent: 0, is_sampled, continues: false, is_decided: false };
            for form in FORMS {
                let mut head = head(&[("tracestate", "a=b"), ("x-b3-flags", "1"), ("TraceParent", "x")]);
                inject(&[form], &mut head, &context, SPAN);
                inject(&[form], &mut head, &context, SPAN);
                let expected = Parent { trace: Some(trace), span: Some(SPAN), is_sampled: Some(is_sampled) };
                assert_eq!(extract(&[form], &head), Some(expected), "{form:?}");
                assert_eq!(head.get(b"tracestate").is_none(), form == Propagation::W3c);
            }
        }
    }
}

#[test]
fn the_texts_are_those_that_others_read() {
    let context =
        TraceContext { trace: TRACE, span: 1, parent: 0, is_sampled: true, continues: true, is_decided: true };
    let mut head = head(&[("tracestate", "a=b")]);
    inject(&FORMS, &mut head, &context, SPAN);
    let text = |name: &str| String::from_utf8_lossy(head.get(name.as_bytes()).unwrap()).into_owned();
    assert_eq!(text("traceparent"), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_eq!(text("tracestate"), "a=b", "the trace goes on, and what is known of it too");
    assert_eq!(text("b3"), "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1");
    assert_eq!(text("x-b3-traceid"), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(text("x-b3-sampled"), "1");
    assert_eq!(text("uber-trace-id"), "0af7651916cd43dd8448eb211c80319c:b7ad6b7169203331:0:1");
}
