//! Secrets: the values that a plan names by a hash and never shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Key of the object that stands in a plan for a secret: `{"$secret": HASH}`.
const MARK: &str = "$secret";

/// The secrets of a plan by their hashes: a document of its own, which is read and never written or shown.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct Secrets(BTreeMap<String, Value>);

impl Secrets {
    /// Settings with every secret in its place.
    ///
    /// # Errors
    /// One sentence if a secret is missing.
    pub fn filled<'a>(&self, settings: &'a Value) -> Result<Cow<'a, Value>, String> {
        if has_mark(settings) { self.fill(settings).map(Cow::Owned) } else { Ok(Cow::Borrowed(settings)) }
    }

    /// A secret text by its hash.
    ///
    /// # Errors
    /// One sentence if it is missing, or no text.
    pub fn text(&self, hash: &str) -> Result<&str, String> {
        self.0.get(hash).and_then(Value::as_str).ok_or_else(|| format!("secret {hash} is missing"))
    }

    fn fill(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Object(fields) => match hash_in(fields) {
                Some(hash) => self.0.get(hash).cloned().ok_or_else(|| format!("secret {hash} is missing")),
                None => fields.iter().map(|(name, value)| Ok((name.clone(), self.fill(value)?))).collect(),
            },
            Value::Array(items) => items.iter().map(|item| self.fill(item)).collect(),
            _ => Ok(value.clone()),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Secrets({})", self.0.len())
    }
}

fn has_mark(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key(MARK) || fields.values().any(has_mark),
        Value::Array(items) => items.iter().any(has_mark),
        _ => false,
    }
}

fn hash_in(fields: &Map<String, Value>) -> Option<&str> {
    fields.get(MARK).filter(|_| fields.len() == 1).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secrets() -> Secrets {
        serde_json::from_value(json!({"a1": "word", "b2": {"user": "u"}})).unwrap()
    }

    #[test]
    fn secrets_are_put_where_their_hashes_stand() {
        let settings = json!({"key": {"$secret": "a1"}, "list": [{"$secret": "b2"}, 5], "plain": "x"});
        let filled = secrets().filled(&settings).unwrap().into_owned();
        assert_eq!(filled, json!({"key": "word", "list": [{"user": "u"}, 5], "plain": "x"}));
    }

    #[test]
    fn settings_without_secrets_are_not_copied() {
        assert!(matches!(secrets().filled(&json!({"a": [{"b": 1}]})), Ok(Cow::Borrowed(_))));
    }

    #[test]
    fn a_missing_secret_is_named_by_its_hash() {
        assert_eq!(secrets().filled(&json!({"$secret": "c3"})), Err("secret c3 is missing".to_owned()));
    }

    #[test]
    fn a_text_is_found_by_its_hash_and_nothing_else_is() {
        assert_eq!(secrets().text("a1"), Ok("word"));
        for hash in ["b2", "c3"] {
            assert_eq!(secrets().text(hash), Err(format!("secret {hash} is missing")));
        }
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert_eq!(format!("{:?}", secrets()), "Secrets(2)");
    }
}
