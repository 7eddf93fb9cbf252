//! Who may use something: names and their passwords, looked at in constant time.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{Digest, SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Users by name.
#[derive(Debug)]
pub struct Users {
    passwords: BTreeMap<String, Password>,
    /// Of what each of them sends.
    digests: Box<[Digest]>,
}

/// A password, or something as secret; none where a plan is looked at without its secrets. Then it is nobody's.
pub struct Password(Option<String>);

impl Password {
    /// What is told a proxy by somebody whose name and password these are.
    pub(crate) fn credentials(&self) -> Option<String> {
        Some(format!("Basic {}", STANDARD.encode(self.0.as_ref()?)))
    }
}

impl Users {
    /// Whether nobody is named.
    pub(super) fn is_empty(&self) -> bool {
        self.passwords.is_empty()
    }

    /// A name that no client could send.
    pub(super) fn impossible(&self) -> Option<&str> {
        let is_bad =
            |name: &&String| name.is_empty() || name.chars().any(|letter| letter == ':' || letter.is_control());
        self.passwords.keys().find(is_bad).map(String::as_str)
    }

    /// Whether a field of credentials is one of theirs (RFC 7617). Every user is compared with, whoever it is.
    pub(crate) fn admit(&self, credentials: &[u8]) -> bool {
        let Some(sent) = basic(credentials).map(|sent| digest(&SHA256, &sent)) else { return false };
        let is_equal = |known: &Digest| verify_slices_are_equal(known.as_ref(), sent.as_ref()).is_ok();
        self.digests.iter().fold(false, |found, known| found | is_equal(known))
    }
}

/// What stands behind the word `Basic`.
fn basic(credentials: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = credentials.split_at_checked(b"basic ".len())?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    STANDARD.decode(encoded.trim_ascii()).ok()
}

impl Serialize for Users {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.passwords)
    }
}

impl<'de> Deserialize<'de> for Users {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let passwords = BTreeMap::<String, Password>::deserialize(deserializer)?;
        let sent = passwords.iter().filter_map(|(name, password)| Some(format!("{name}:{}", password.0.as_ref()?)));
        let digests = sent.map(|sent| digest(&SHA256, sent.as_bytes())).collect();
        Ok(Self { passwords, digests })
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A text, or what stands in a plan for a secret.
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Hidden(IgnoredAny),
        }
        Ok(match Form::deserialize(deserializer)? {
            Form::Text(text) => Self(Some(text)),
            Form::Hidden(_) => Self(None),
        })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

impl JsonSchema for Users {
    fn schema_name() -> Cow<'static, str> {
        "Users".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "object", "additionalProperties": generator.subschema_for::<Password>()})
    }

    fn inline_schema() -> bool {
        true
    }
}

impl JsonSchema for Password {
    fn schema_name() -> Cow<'static, str> {
        "Password".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "password", "writeOnly": true})
    }

    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn users(of: Value) -> Users {
        serde_json::from_value(of).unwrap()
    }

    #[test]
    fn f9_those_who_are_named_are_admitted_and_nobody_else() {
        let users = users(json!({"alice": "wonder:land", "bob": ""}));
        for (sent, expected) in [
            ("alice:wonder:land", true),
            ("bob:", true),
            ("alice:wonderland", false),
            ("alice:wonder:land ", false),
            ("ALICE:wonder:land", false),
            ("bob", false),
            ("", false),
        ] {
            let field = format!("Basic {}", STANDARD.encode(sent));
            assert_eq!(users.admit(field.as_bytes()), expected, "{sent}");
            assert_eq!(users.admit(field.replace("Basic ", "bASIC   ").as_bytes()), expected, "{sent}");
        }
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        let users = users(json!({"alice": "a"}));
        for field in
            ["", "Basic", "Basic ", "Basic %%%", "Bearer YWxpY2U6YQ==", "BasicYWxpY2U6YQ==", "Basic YWxpY2U6YQ"]
        {
            assert!(!users.admit(field.as_bytes()), "{field}");
        }
        assert!(users.admit(b"Basic YWxpY2U6YQ=="));
    }

    #[test]
    fn a_password_that_is_not_there_is_nobodys_and_none_is_shown() {
        let hidden = users(json!({"alice": {"$secret": "a1"}}));
        assert!(!hidden.admit(b"Basic YWxpY2U6"));
        assert_eq!(serde_json::to_value(users(json!({"alice": "a"}))).unwrap(), json!({"alice": "a"}));
        assert!(!format!("{:?}", users(json!({"alice": "hush"}))).contains("hush"));
    }

    #[test]
    fn names_that_cannot_be_sent_are_told() {
        for (of, expected) in
            [(json!({"a:b": "x"}), Some("a:b")), (json!({"": "x"}), Some("")), (json!({"a": "x"}), None)]
        {
            assert_eq!(users(of).impossible(), expected);
        }
    }
}
