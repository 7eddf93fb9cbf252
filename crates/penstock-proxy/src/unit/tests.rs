//! Every case of `tests/units.json`, which the Python side runs too.

use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Duration, Rate, Size};

fn cases(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../../tests/units.json")).unwrap();
    all[kind].as_array().unwrap().clone()
}

/// Runs the cases of one kind; `resolved` gives the fields that a case names.
fn check<T: FromStr + DeserializeOwned>(kind: &str, resolved: impl Fn(T) -> Value) {
    for case in cases(kind) {
        let text = case["text"].as_str().unwrap();
        let (parsed, read) = (text.parse::<T>().ok(), serde_json::from_value::<T>(json!(text)).ok());
        let expected = case.as_object().unwrap().clone().into_iter().filter(|(key, _)| key != "text").collect();
        let found = parsed.map_or_else(|| json!({"problem": true}), &resolved);
        assert_eq!(found, Value::Object(expected), "{kind} {text:?}");
        assert_eq!(read.map_or_else(|| json!({"problem": true}), &resolved), found, "{kind} {text:?} through serde");
    }
}

#[test]
fn every_case_reads_as_the_file_says() {
    check("size", |size: Size| json!({"bytes": size.bytes()}));
    check("duration", |duration: Duration| json!({"millis": duration.millis()}));
    check("rate", |rate: Rate| json!({"count": rate.count(), "per_millis": rate.per_millis()}));
}

#[test]
fn what_is_written_out_is_resolved_and_reads_back() {
    let size: Size = serde_json::from_value(json!("64KiB")).unwrap();
    assert_eq!(serde_json::to_value(size).unwrap(), json!(65536));
    assert_eq!(serde_json::from_value::<Size>(json!(65536)).unwrap(), size);
    let duration: Duration = serde_json::from_value(json!("1m30s")).unwrap();
    assert_eq!(serde_json::to_value(duration).unwrap(), json!(90000));
    assert_eq!(serde_json::from_value::<Duration>(json!(90000)).unwrap(), duration);
    let rate: Rate = serde_json::from_value(json!("5000/m")).unwrap();
    assert_eq!(serde_json::to_value(rate).unwrap(), json!({"count": 5000, "per_ms": 60000}));
    assert_eq!(serde_json::from_value::<Rate>(json!({"count": 5000, "per_ms": 60000})).unwrap(), rate);
}

#[test]
fn a_problem_says_what_to_write() {
    for (kind, written) in [("size", "`64KiB`"), ("duration", "`1m30s`"), ("rate", "`100/s`")] {
        for case in [json!("64 apples"), json!(-5), json!(1.5), json!(true), json!(null)] {
            let message = match kind {
                "size" => serde_json::from_value::<Size>(case.clone()).unwrap_err().to_string(),
                "duration" => serde_json::from_value::<Duration>(case.clone()).unwrap_err().to_string(),
                _ => serde_json::from_value::<Rate>(case.clone()).unwrap_err().to_string(),
            };
            assert!(message.contains(written), "{kind} {case}: {message}");
        }
    }
}

#[test]
fn the_schema_pattern_accepts_what_the_parser_accepts() {
    // The pattern of durations looks ahead, which the `regex` crate leaves out: the first
    // digit is checked apart.
    for (kind, pattern) in [
        ("size", schemars::schema_for!(Size)),
        ("duration", schemars::schema_for!(Duration)),
        ("rate", schemars::schema_for!(Rate)),
    ] {
        let pattern = pattern.get("pattern").unwrap().as_str().unwrap().replace("(?=[0-9])", "");
        let pattern = regex::Regex::new(&pattern).unwrap();
        for case in cases(kind) {
            let text = case["text"].as_str().unwrap();
            let accepted = pattern.is_match(text) && !text.is_empty();
            let is_problem = case.get("problem").is_some();
            let is_too_large = text.len() >= 10;
            assert!(accepted != is_problem || (accepted && is_too_large), "{kind} {text:?}");
        }
    }
}
