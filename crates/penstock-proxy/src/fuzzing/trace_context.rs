//! What a request says of its trace.

use penstock_plan::Propagation;

use crate::exchange::Head;
use crate::tracing::{TraceContext, extract, inject};

const NAMES: [&[u8]; 4] = [b"traceparent", b"b3", b"x-b3-sampled", b"uber-trace-id"];
const FORMS: [Propagation; 4] = [Propagation::W3c, Propagation::B3, Propagation::B3Multi, Propagation::Jaeger];

/// What is read of a context is said again in every form, whatever stood there before.
pub(super) fn trace_context(bytes: &[u8]) -> bool {
    let mut is_accepted = false;
    for (name, form) in NAMES.into_iter().zip(FORMS) {
        let mut head = Head::default();
        head.add(name, bytes);
        let mut parts = bytes.split(|byte| *byte == b' ');
        for name in [&b"x-b3-traceid"[..], b"x-b3-spanid", b"x-b3-flags", b"tracestate"] {
            parts.next().into_iter().for_each(|part| head.add(name, part));
        }
        let Some(found) = extract(&[form], &head) else { continue };
        is_accepted = true;
        assert!(found.trace != Some(0) && found.span != Some(0));
        assert_eq!(found.trace.is_some(), found.span.is_some());
        let (Some(trace), Some(span)) = (found.trace, found.span) else { continue };
        let is_sampled = found.is_sampled == Some(true);
        let context = TraceContext { trace, is_sampled, continues: true, ..TraceContext::default() };
        for form in FORMS {
            inject(&[form], &mut head, &context, span);
            let again = extract(&[form], &head);
            assert_eq!(again.map(|again| (again.trace, again.span)), Some((Some(trace), Some(span))), "{form:?}");
            assert_eq!(again.and_then(|again| again.is_sampled), Some(is_sampled), "{form:?}");
        }
    }
    is_accepted
}
