//! What every filter of the catalogue owes its reader.

use std::path::Path;

use serde_json::{Value, json};

use super::{ENTRIES, MODULES, build, catalogue, check, results};

/// The settings of a kind's example: the step without its own keys.
fn example_settings(example: &str) -> Value {
    let mut step: Value = serde_yaml_ng::from_str(example).unwrap();
    let fields = step.as_object_mut().unwrap();
    for key in ["kind", "name", "when", "on"] {
        fields.remove(key);
    }
    step
}

fn camel_case(module: &str) -> String {
    let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
    module.split('_').map(capital).collect()
}

#[test]
fn every_kind_is_named_after_its_file() {
    for (module, kind) in MODULES.iter().zip(catalogue()) {
        assert_eq!(camel_case(module), kind.name);
        let ending = format!("crates/penstock-proxy/src/filters/{module}.rs");
        assert!(kind.source.file.replace('\\', "/").ends_with(&ending), "{}", kind.source.file);
        assert!(kind.source.line > 1);
    }
    assert!(MODULES.is_sorted(), "the list is in order of the alphabet");
}

#[test]
fn every_file_of_a_filter_is_in_the_list() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/filters");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let is_filter = std::fs::read_to_string(&path).unwrap().contains("impl NativeFilter for");
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        // What `penstock new` writes is compiled and tested, and no filter.
        let is_template = module == "tests" || module == "new_filter";
        assert!(!is_filter || is_template || MODULES.contains(&module.as_str()), "{module}");
    }
}

#[test]
fn every_page_has_a_summary_and_an_example_of_its_kind() {
    for kind in catalogue() {
        assert!(kind.summary.ends_with('.') && kind.summary.len() < 100, "{}: {}", kind.name, kind.summary);
        assert!(kind.page.starts_with(&kind.summary) && kind.page.len() > kind.summary.len() + 80, "{}", kind.name);
        let example: Value = serde_yaml_ng::from_str(&kind.example).unwrap();
        assert_eq!(example["kind"], json!(kind.name));
        for result in kind.results {
            assert!(kind.page.contains(&format!("`{result}`")), "{}: the page leaves out `{result}`", kind.name);
        }
    }
}

#[test]
fn every_field_has_a_description() {
    fn check_fields(path: &str, schema: &Value) {
        if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
            for (name, field) in fields {
                let description = field.get("description").and_then(Value::as_str).unwrap_or_default();
                assert!(description.ends_with('.') || description.ends_with('`'), "{path}.{name}: {description:?}");
            }
        }
        match schema {
            Value::Object(fields) => {
                fields.iter().for_each(|(key, inner)| check_fields(&format!("{path}.{key}"), inner));
            }
            Value::Array(items) => items.iter().for_each(|inner| check_fields(path, inner)),
            _ => {}
        }
    }
    for kind in catalogue() {
        assert!(kind.schema.get("properties").is_some(), "{}", kind.name);
        check_fields(kind.name, &kind.schema);
    }
}

#[test]
fn every_example_is_valid_resolves_and_reads_back() {
    for kind in catalogue() {
        let settings = example_settings(&kind.example);
        let resolved = check(kind.name, settings).unwrap_or_else(|problems| panic!("{}: {problems:?}", kind.name));
        assert!(build(kind.name, &resolved).is_ok(), "{}", kind.name);
        let entry = ENTRIES.iter().find(|entry| entry.name == kind.name).unwrap();
        assert_eq!((entry.resolve)(resolved.clone()), Ok(resolved), "{}: resolving again changes something", kind.name);
    }
}

#[test]
fn settings_that_are_odd_in_any_way_are_problems_and_never_more() {
    let odd = [
        json!(null),
        json!(7),
        json!("x"),
        json!([]),
        json!({"odd": 1}),
        json!([1, {"a": null}]),
        json!(true),
        json!(-0.5),
    ];
    for kind in catalogue() {
        for value in &odd {
            let problems = check(kind.name, value.clone()).unwrap_err();
            assert!(
                !problems.is_empty() && problems.iter().all(|one| !one.message.is_empty()),
                "{}: {value}",
                kind.name
            );
        }
        let fields = kind.schema["properties"].as_object().unwrap();
        for (name, value) in fields.keys().flat_map(|name| odd.iter().map(move |value| (name, value))) {
            let mut settings = example_settings(&kind.example);
            settings[name] = value.clone();
            if let Ok(resolved) = check(kind.name, settings) {
                assert!(build(kind.name, &resolved).is_ok(), "{}.{name} = {value}", kind.name);
            }
        }
    }
}

#[test]
fn an_unknown_kind_or_setting_gets_a_hint() {
    assert_eq!(check("MaxBodySise", json!({})).unwrap_err()[0].hint, "did you mean `MaxBodySize`?");
    let problems = check("MaxBodySize", json!({"limt": "1MiB", "other": 1})).unwrap_err();
    let found: Vec<(&str, &str)> = problems.iter().map(|one| (one.path.as_str(), one.message.as_str())).collect();
    assert_eq!(
        found,
        [("", "`limit` is missing"), ("limt", "unknown setting `limt`"), ("other", "unknown setting `other`")]
    );
    assert_eq!(problems[1].hint, "did you mean `limit`?");
    assert_eq!(results("MaxBodySize"), ["too_large"]);
    assert!(results("Nothing").is_empty());
    assert!(build("Nothing", &json!({})).is_err());
}

#[test]
fn a_size_without_a_unit_is_a_problem_for_users_and_a_number_in_a_plan() {
    for written in [json!(1024), json!("1024"), json!("1 MiB")] {
        assert_eq!(check("MaxBodySize", json!({"limit": written})).unwrap_err()[0].path, "limit");
    }
    assert_eq!(check("MaxBodySize", json!({"limit": "1MiB"})), Ok(json!({"limit": 1_048_576})));
    assert!(build("MaxBodySize", &json!({"limit": 1_048_576})).is_ok());
}
