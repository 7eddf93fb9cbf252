//! The values of expressions and how they compare, exactly as minijinja compares them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::io::Write;
use std::net::IpAddr;

use crate::tracing::trace_text;

/// A value while an expression is evaluated.
#[derive(Debug, Clone)]
pub(super) enum Operand<'a> {
    /// Something missing.
    Undefined,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A text.
    Text(Text<'a>),
    /// Constants, to look for one of them.
    List(&'a [Constant]),
}

/// A constant of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Constant {
    Bool(bool),
    Int(i64),
    Text(Box<str>),
}

impl Constant {
    /// The constant as a value.
    pub(super) fn operand(&self) -> Operand<'_> {
        match self {
            Self::Bool(value) => Operand::Bool(*value),
            Self::Int(value) => Operand::Int(*value),
            Self::Text(text) => Operand::text(text),
        }
    }
}

/// A text: borrowed where it can be, and without the heap for an address.
#[derive(Debug, Clone)]
pub(super) enum Text<'a> {
    Plain(Cow<'a, str>),
    /// An address, or a number of a trace.
    Short([u8; SHORT_BYTES], usize),
}

/// Longest text of an IP address: six groups of an IPv6 address and an IPv4 address.
const SHORT_BYTES: usize = 45;

impl Text<'_> {
    /// The text of an address.
    pub(super) fn address(address: IpAddr) -> Self {
        let mut bytes = [0; SHORT_BYTES];
        let mut rest = bytes.as_mut_slice();
        let left = if write!(rest, "{address}").is_ok() { rest.len() } else { SHORT_BYTES };
        Self::Short(bytes, SHORT_BYTES - left)
    }

    /// The text of a trace's number.
    pub(super) fn trace(number: u128) -> Self {
        let (mut bytes, text) = ([0; SHORT_BYTES], trace_text(number));
        bytes.iter_mut().zip(text).for_each(|(byte, digit)| *byte = digit);
        Self::Short(bytes, text.len())
    }

    /// The text.
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Short(bytes, length) => {
                bytes.get(..*length).and_then(|text| str::from_utf8(text).ok()).unwrap_or_default()
            }
        }
    }
}

impl<'a> Operand<'a> {
    /// A borrowed text.
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Text::Plain(Cow::Borrowed(text)))
    }

    /// Whether a condition takes it for true.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Undefined => false,
            Self::Bool(value) => *value,
            Self::Int(number) => *number != 0,
            Self::Text(text) => !text.as_str().is_empty(),
            Self::List(items) => !items.is_empty(),
        }
    }

    /// The text; empty for what is undefined. Only asked of texts (see `compile`).
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Text(text) => text.as_str(),
            _ => "",
        }
    }

    /// Whether both are equal; a truth counts as 0 or 1.
    pub(super) fn equals(&self, other: &Operand<'_>) -> bool {
        match (self, other) {
            (Self::Undefined, Operand::Undefined) => true,
            (Self::Text(left), Operand::Text(right)) => left.as_str() == right.as_str(),
            _ => match (self.number(), other.number()) {
                (Some(left), Some(right)) => left == right,
                _ => false,
            },
        }
    }

    /// The order of both: first by kind, then by value.
    pub(super) fn order(&self, other: &Operand<'_>) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| match (self, other) {
            (Self::Text(left), Operand::Text(right)) => left.as_str().cmp(right.as_str()),
            _ => self.number().cmp(&other.number()),
        })
    }

    /// Whether `item` is in it: part of a text, or equal to one of a list.
    pub(super) fn contains(&self, item: &Operand<'_>) -> bool {
        match self {
            Self::Text(text) => text.as_str().contains(item.as_str()),
            Self::List(items) => items.iter().any(|one| item.equals(&one.operand())),
            _ => false,
        }
    }

    fn number(&self) -> Option<i64> {
        match self {
            Self::Bool(value) => Some((*value).into()),
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Undefined => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Text(_) => 3,
            Self::List(_) => 4,
        }
    }
}
