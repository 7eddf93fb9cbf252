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

/// What all workers make the keys of session tickets from: a key, and the period that it is for.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketSeed {
    /// Number of the period since 1970.
    pub period: u64,
    /// The key.
    pub key: [u8; 32],
}

/// The words under which such travel; hashes have other letters.
const TICKETS: &str = "tickets";
const QUIC: &str = "quic";

impl Secrets {
    /// What the keys of session tickets are made from, if anything is shared.
    pub fn ticket_seed(&self) -> Option<TicketSeed> {
        let seed = self.0.get(TICKETS)?;
        Some(TicketSeed { period: seed.get("period")?.as_u64()?, key: key(seed)? })
    }

    /// What all workers make the keys of QUIC from, if anything is shared.
    pub fn quic_key(&self) -> Option<[u8; 32]> {
        key(self.0.get(QUIC)?)
    }

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

    /// The digests of keys by the names of those whose keys they are, by the hash of all of them.
    ///
    /// # Errors
    /// One sentence if they are missing, or no digests.
    pub fn digests(&self, hash: &str) -> Result<Vec<(&str, [u8; 32])>, String> {
        let owners = self.0.get(hash).and_then(Value::as_object).ok_or_else(|| format!("secret {hash} is missing"))?;
        let digests = owners.iter().flat_map(|(owner, digests)| {
            digests.as_array().into_iter().flatten().map(move |digest| Some((owner.as_str(), bytes(digest.as_str()?)?)))
        });
        digests.collect::<Option<_>>().ok_or_else(|| format!("secret {hash} holds no digests"))
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

fn key(of: &Value) -> Option<[u8; 32]> {
    bytes(of.get("key")?.as_str()?)
}

/// What hexadecimal digits stand for.
fn bytes(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
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
    fn what_tickets_are_made_from_is_there_or_it_is_not() {
        let found = |seed: Value| serde_json::from_value::<Secrets>(json!({"tickets": seed})).unwrap().ticket_seed();
        let seed = found(json!({"period": 7, "key": "0f".repeat(32)})).unwrap();
        assert_eq!((seed.period, seed.key), (7, [15; 32]));
        for broken in [json!(null), json!({"period": 7}), json!({"period": 7, "key": "0f"}), json!({"key": "zz"})] {
            assert!(found(broken).is_none());
        }
        assert!(secrets().ticket_seed().is_none());
    }

    #[test]
    fn digests_are_found_with_whose_they_are_or_all_are_refused() {
        let of = |digests: Value| serde_json::from_value::<Secrets>(json!({"a1": digests})).unwrap();
        let two = of(json!({"alice": ["01".repeat(32), "02".repeat(32)], "bob": []}));
        assert_eq!(two.digests("a1"), Ok(vec![("alice", [1; 32]), ("alice", [2; 32])]));
        assert_eq!(two.digests("b2"), Err("secret b2 is missing".to_owned()));
        assert!(of(json!({"alice": ["01".repeat(32), "short"]})).digests("a1").is_err());
    }

    #[test]
    fn nothing_shows_a_secret() {
        assert_eq!(format!("{:?}", secrets()), "Secrets(2)");
    }
}
