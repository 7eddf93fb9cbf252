//! Settings against their schema: every problem at once, each with its path and a hint.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::kind::SettingProblem;
use super::{instead, leaf};
use crate::expression::suggestion;

/// The schema of a filter's settings, as users write them.
pub(super) fn schema<F: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<F>().to_value()
}

/// Everything that the schema says is wrong.
///
/// Knows the part of JSON Schema that derived schemas use; what else the types refuse is
/// found when they are read.
pub(super) fn problems(schema: &Value, settings: &Value) -> Vec<SettingProblem> {
    let mut walk = Walk { root: schema, path: String::new(), problems: Vec::new() };
    walk.value(schema, settings);
    walk.problems
}

struct Walk<'a> {
    root: &'a Value,
    path: String,
    problems: Vec<SettingProblem>,
}

impl<'a> Walk<'a> {
    fn value(&mut self, schema: &'a Value, value: &Value) {
        let target = self.resolved(schema);
        if let Some(branches) = branches(target) {
            return self.any_of(branches, value);
        }
        let words = words(std::slice::from_ref(target));
        if !words.is_empty() {
            return self.word(&words, value);
        }
        if !accepts(target, value) {
            let message = format!("{} is no {}", shown(value), names(&[target]));
            return self.report(message, &instead::hint(target, value));
        }
        match value {
            Value::Object(fields) => self.object(target, fields),
            Value::Array(items) => self.array(target, items),
            Value::String(text) => self.text(target, text),
            Value::Number(number) => self.number(target, number),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn resolved(&self, schema: &'a Value) -> &'a Value {
        let reference = schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
        reference.and_then(|pointer| self.root.pointer(pointer)).unwrap_or(schema)
    }

    /// Walks the branch that fits; of several, the first without a problem, else the first.
    fn any_of(&mut self, branches: &'a [Value], value: &Value) {
        let resolved: Vec<&Value> = branches.iter().map(|branch| self.resolved(branch)).collect();
        let fitting: Vec<&Value> = resolved.iter().copied().filter(|branch| accepts(branch, value)).collect();
        let words = words(branches);
        if fitting.is_empty() {
            let expected = if words.is_empty() { names(&resolved) } else { words.join(" or ") };
            let hint = resolved.iter().map(|branch| instead::hint(branch, value)).find(|hint| !hint.is_empty());
            return self.report(format!("{} is no {expected}", shown(value)), &hint.unwrap_or_default());
        }
        if fitting.len() > 1 && !words.is_empty() {
            return self.word(&words, value);
        }
        let outcomes = fitting.into_iter().map(|branch| {
            let mut walk = Walk { root: self.root, path: self.path.clone(), problems: Vec::new() };
            walk.value(branch, value);
            walk.problems
        });
        let best = outcomes.reduce(|best, other| if !best.is_empty() && other.is_empty() { other } else { best });
        self.problems.extend(best.unwrap_or_default());
    }

    fn word(&mut self, words: &[&str], value: &Value) {
        match value.as_str() {
            Some(text) if words.contains(&text) => {}
            Some(text) => self.report(format!("`{text}` is unknown here"), &suggestion::hint(text, words)),
            None => self.report(format!("{} is no text", shown(value)), &format!("write one of: {}", words.join(", "))),
        }
    }

    fn object(&mut self, schema: &'a Value, fields: &Map<String, Value>) {
        let known = schema.get("properties").and_then(Value::as_object);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                self.report(format!("`{name}` is missing"), "");
            }
        }
        for (key, value) in fields {
            let length = self.path.len();
            self.path.push_str(if length == 0 { "" } else { "." });
            self.path.push_str(key);
            match known.and_then(|known| known.get(key)).or_else(|| schema.get("additionalProperties")) {
                Some(Value::Bool(false)) => {
                    let words: Vec<&str> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    self.report(format!("unknown setting `{key}`"), &suggestion::hint(key, &words));
                }
                Some(inner) => {
                    if let Some(names) = schema.get("propertyNames") {
                        self.text(names, key);
                    }
                    self.value(inner, value);
                }
                None => {}
            }
            self.path.truncate(length);
        }
    }

    fn array(&mut self, schema: &'a Value, items: &[Value]) {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        if (items.len() as u64) < least {
            self.report("the list is too short".into(), &format!("write at least {least}"));
        }
        let Some(inner) = schema.get("items") else { return };
        for (index, item) in items.iter().enumerate() {
            let length = self.path.len();
            self.path.extend(["[", &index.to_string(), "]"]);
            self.value(inner, item);
            self.path.truncate(length);
        }
    }

    fn text(&mut self, schema: &Value, text: &str) {
        if let Some((message, hint)) = leaf::problem(schema, text) {
            self.report(message, &hint);
        }
    }

    fn number(&mut self, schema: &Value, number: &serde_json::Number) {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let Some(value) = number.as_f64() else { return };
        if bound("minimum").is_some_and(|least| value < least) || bound("maximum").is_some_and(|most| value > most) {
            let limits = [("at least", bound("minimum")), ("at most", bound("maximum"))];
            let limits: Vec<String> =
                limits.iter().filter_map(|(word, bound)| Some(format!("{word} {}", (*bound)?))).collect();
            self.report(format!("{number} is out of range"), &format!("write {}", limits.join(" and ")));
        }
    }

    fn report(&mut self, message: String, hint: &str) {
        self.problems.push(SettingProblem::new(self.path.as_str(), message, hint));
    }
}

fn branches(schema: &Value) -> Option<&[Value]> {
    schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array).map(Vec::as_slice)
}

/// The fixed texts among some schemas.
fn words(schemas: &[Value]) -> Vec<&str> {
    schemas
        .iter()
        .flat_map(|schema| {
            let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            schema.get("const").into_iter().chain(listed)
        })
        .filter_map(Value::as_str)
        .collect()
}

/// Whether the schema's type is the value's.
fn accepts(schema: &Value, value: &Value) -> bool {
    let fits = |name: &str| match value {
        Value::Null => name == "null",
        Value::Bool(_) => name == "boolean",
        Value::Number(number) => name == "number" || (name == "integer" && !number.is_f64()),
        Value::String(_) => name == "string",
        Value::Array(_) => name == "array",
        Value::Object(_) => name == "object",
    };
    match schema.get("type") {
        None => true,
        Some(Value::String(name)) => fits(name),
        Some(names) => names.as_array().into_iter().flatten().filter_map(Value::as_str).any(fits),
    }
}

/// The types of some schemas in plain words.
fn names(schemas: &[&Value]) -> String {
    let names = schemas.iter().flat_map(|schema| match (schema.get("x-penstock-unit"), schema.get("type")) {
        (Some(unit), _) => Vec::from_iter(unit.as_str()),
        (None, Some(Value::Array(names))) => names.iter().filter_map(Value::as_str).collect(),
        (None, kind) => Vec::from_iter(kind.and_then(Value::as_str)),
    });
    let words = names.filter_map(|name| {
        Some(match name {
            "boolean" => "`true` or `false`",
            "integer" => "whole number",
            "number" => "number",
            "string" => "text",
            "array" => "list",
            "object" => "mapping",
            "size" | "duration" | "rate" => name,
            _ => return None,
        })
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// The value as a message names it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
        other => format!("`{other}`"),
    }
}
