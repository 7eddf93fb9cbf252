//! Settings that are texts with a grammar: each checks itself and says so in the schema.

use std::fmt::{self, Debug};

use regex::Regex;
use serde_json::Value;

use super::destination::Destination;
use super::path_template::PathTemplate;
use super::rate_limit::LimitKey;
use crate::exchange::{Facts, Name};
use crate::expression::{Form, Template};
use crate::routing::{compile_regex, parse_authority};
use crate::unit::{Duration, Rate, Size};

/// A message and a hint.
pub(super) type LeafProblem = (String, String);

/// A setting that is a text with a grammar.
pub(super) trait Leaf: Sized {
    /// What the schema calls it, in `x-penstock-text`.
    const NAME: &'static str;

    /// Reads the text.
    fn read(text: &str) -> Result<Self, LeafProblem>;

    /// The text it was read from.
    fn text(&self) -> &str;
}

/// What is wrong with a text, by what its schema says it is.
pub(super) fn problem(schema: &Value, text: &str) -> Option<LeafProblem> {
    let marked = |name: &str| schema.get(name).and_then(Value::as_str);
    let unit = |problem: crate::unit::UnitProblem| (problem.message, problem.hint.to_owned());
    match marked("x-penstock-unit") {
        Some("size") => return text.parse::<Size>().err().map(unit),
        Some("duration") => return text.parse::<Duration>().err().map(unit),
        Some("rate") => return text.parse::<Rate>().err().map(unit),
        _ => {}
    }
    match marked("x-penstock-text")? {
        FieldName::NAME => FieldName::read(text).err(),
        HeaderTemplate::NAME => HeaderTemplate::read(text).err(),
        <Template as Leaf>::NAME => <Template as Leaf>::read(text).err(),
        Pattern::NAME => Pattern::read(text).err(),
        PathTemplate::NAME => PathTemplate::read(text).err(),
        LimitKey::NAME => LimitKey::read(text).err(),
        Destination::NAME => Destination::read(text).err(),
        "host" => host_problem(text),
        _ => None,
    }
}

/// What is wrong with a host that is written into a message; a port may follow it.
pub(super) fn host_problem(text: &str) -> Option<LeafProblem> {
    parse_authority(text.as_bytes(), &mut String::new()).err().map(|_| {
        (format!("`{text}` is no host"), "write a host and maybe a port, such as `shop.example.com`".to_owned())
    })
}

/// Fields that frame a message or belong to one connection: the core alone writes them.
const FRAMING: [Name; 12] = [
    Name::CONNECTION,
    Name::CONTENT_LENGTH,
    Name::EXPECT,
    Name::HOST,
    Name::HTTP2_SETTINGS,
    Name::KEEP_ALIVE,
    Name::PROXY_CONNECTION,
    Name::TE,
    Name::TRAILER,
    Name::TRANSFER_ENCODING,
    Name::UPGRADE,
    Name::DATE,
];

/// Name of a header that a filter may touch.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldName {
    text: Box<str>,
    token: Name,
}

impl FieldName {
    /// A name that the core knows.
    pub(super) fn of(name: Name) -> Self {
        Self { text: name.text().into(), token: name }
    }

    /// The name's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The name's token.
    pub fn token(&self) -> Name {
        self.token
    }

    /// Whether a text is the name of a header that a filter may touch.
    ///
    /// # Errors
    /// A message and a hint.
    pub fn check(text: &str) -> Result<(), (String, String)> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if text.is_empty() || !text.bytes().all(is_letter) {
            return Err((
                format!("{text:?} is no header name"),
                "write letters, digits and `-`, such as `x-tenant`".into(),
            ));
        }
        let token = Name::of(text.as_bytes());
        if FRAMING.contains(&token) {
            let advice = if token == Name::HOST { "set `host` of the `Forward` step" } else { "leave it out" };
            return Err((format!("`{text}` is written by the gateway itself"), advice.into()));
        }
        Ok(())
    }
}

impl Leaf for FieldName {
    const NAME: &'static str = "field_name";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        Self::check(text)?;
        Ok(Self { text: text.into(), token: Name::of(text.as_bytes()) })
    }

    fn text(&self) -> &str {
        &self.text
    }
}

/// A template for a header's value.
pub struct HeaderTemplate {
    template: Template,
    constant: Option<Box<[u8]>>,
}

impl HeaderTemplate {
    /// Adds the value to `out`.
    pub fn render(&self, facts: &Facts<'_>, out: &mut Vec<u8>) {
        self.template.render_as(Form::Header, facts, out);
    }

    /// The value without the white space around it, where it is always the same plain one.
    pub fn constant(&self) -> Option<&[u8]> {
        self.constant.as_deref()
    }

    /// Whether no value is put into it.
    pub fn is_constant(&self) -> bool {
        self.template.is_constant().is_some()
    }
}

impl Leaf for HeaderTemplate {
    const NAME: &'static str = "header_template";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        let template = <Template as Leaf>::read(text)?;
        let fits = |letter: char| letter == '\t' || (!letter.is_control() && u32::from(letter) <= 0xff);
        if let Some(letter) = template.literals().into_iter().flat_map(str::chars).find(|letter| !fits(*letter)) {
            return Err((format!("a header cannot hold {letter:?}"), "headers are one line of latin-1".into()));
        }
        let plain = template.is_constant().filter(|text| text.is_ascii());
        let constant = plain.map(|text| text.as_bytes().trim_ascii().into());
        Ok(Self { template, constant })
    }

    fn text(&self) -> &str {
        self.template.source()
    }
}

impl Leaf for Template {
    const NAME: &'static str = "template";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        Self::parse(text).map_err(|problem| (problem.message, problem.hint))
    }

    fn text(&self) -> &str {
        self.source()
    }
}

/// A regular expression, linear in time.
pub struct Pattern(Regex);

impl Pattern {
    /// The compiled expression.
    pub fn regex(&self) -> &Regex {
        &self.0
    }
}

impl Leaf for Pattern {
    const NAME: &'static str = "regex";

    fn read(text: &str) -> Result<Self, LeafProblem> {
        compile_regex(text).map(Self).map_err(|message| (message, String::new()))
    }

    fn text(&self) -> &str {
        self.0.as_str()
    }
}

/// Implements serde, `JsonSchema` and `Debug` of a [`Leaf`].
macro_rules! leaf {
    ($($name:ty),+) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(Leaf::text(self))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                <Self as Leaf>::read(&text).map_err(|(message, _)| serde::de::Error::custom(message))
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                <Self as Leaf>::NAME.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "x-penstock-text": <Self as Leaf>::NAME})
            }

            fn inline_schema() -> bool {
                true
            }
        }
    )+};
}

pub(super) use leaf;

leaf!(FieldName, HeaderTemplate, Template, Pattern);

impl Debug for HeaderTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("HeaderTemplate").field(&self.text()).finish()
    }
}

impl Debug for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Pattern").field(&self.text()).finish()
    }
}

/// Headers and the templates of their values, as a mapping.
#[derive(Debug, Default)]
pub struct HeaderMap(pub Vec<(FieldName, HeaderTemplate)>);

impl serde::Serialize for HeaderMap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl<'de> serde::Deserialize<'de> for HeaderMap {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = std::collections::BTreeMap::<FieldName, HeaderTemplate>::deserialize(deserializer)?;
        Ok(Self(fields.into_iter().collect()))
    }
}

impl schemars::JsonSchema for HeaderMap {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HeaderMap".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "propertyNames": generator.subschema_for::<FieldName>(),
            "additionalProperties": generator.subschema_for::<HeaderTemplate>(),
        })
    }

    fn inline_schema() -> bool {
        true
    }
}
