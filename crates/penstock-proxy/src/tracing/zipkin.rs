//! Spans as Zipkin takes them.
//!
//! Source: Zipkin API, version 2, `ListOfSpans`.

use serde_json::{Map, Value as Json, json};

use super::finished::{Finished, Kind};
use super::propagation::{span_text, trace_text};
use crate::export::otlp::Value;

/// Adds a span to a list; the list is closed by whoever sends it.
pub(super) fn write_span(out: &mut Vec<u8>, span: &Finished<'_>, service: &str) {
    out.push(if out.is_empty() { b'[' } else { b',' });
    let mut json = json!({
        "traceId": hexadecimal(&trace_text(span.trace.trace)),
        "id": hexadecimal(&span_text(span.id)),
        "name": span.name,
        "timestamp": span.began_us,
        // None is 0 long: that would be one that has not ended.
        "duration": span.ended_us.saturating_sub(span.began_us).max(1),
        "localEndpoint": {"serviceName": service},
        "tags": tags(span),
        "annotations": span.events.iter().map(annotation).collect::<Vec<_>>(),
    });
    if let Json::Object(fields) = &mut json {
        if span.parent != 0 {
            fields.insert("parentId".to_owned(), hexadecimal(&span_text(span.parent)).into());
        }
        match span.kind {
            Kind::Internal => None,
            Kind::Server => fields.insert("kind".to_owned(), "SERVER".into()),
            Kind::Client => fields.insert("kind".to_owned(), "CLIENT".into()),
        };
    }
    // Nothing in it can fail to be written into memory.
    let _ = serde_json::to_writer(out, &json);
}

fn hexadecimal(text: &[u8]) -> &str {
    str::from_utf8(text).unwrap_or_default()
}

fn annotation((at_us, name): &(u64, &str)) -> Json {
    json!({"timestamp": at_us, "value": name})
}

/// Attributes, all of them texts.
fn tags(span: &Finished<'_>) -> Map<String, Json> {
    let text = |value: &Value<'_>| match value {
        Value::Text(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Owned(text) => String::from_utf8_lossy(text).into_owned(),
        Value::Number(number) => number.to_string(),
    };
    let mut tags: Map<_, _> =
        span.attributes.iter().map(|(name, value)| ((*name).to_owned(), Json::from(text(value)))).collect();
    if !span.error.is_empty() {
        tags.insert("error".to_owned(), span.error.into());
    }
    tags
}
