//! JSON values of payloads: borrowed if possible, and without duplicate keys.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use chinwag_core::{Error, Result};
use serde::de::{Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Number;
use serde_json::error::Category;

/// The beginning of the parser's error for a text that is nested more than 127 levels deep.
const TOO_DEEP: &str = "recursion limit exceeded";
/// Up to this number of keys, a search for duplicates compares a new key with each earlier one.
const FEW_KEYS: usize = 16;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number of 64 bits.
    Integer(i64),
    /// Any other number.
    Number(Number),
    /// A text.
    Text(Cow<'a, str>),
    /// An array.
    List(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// The keys and values of an object, in the order sent. Payloads have few keys, so a search is faster than a map.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// The value under a key.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.position(key).map(|at| &self.0[at].1)
    }

    /// Removes and returns the value under a key.
    pub fn remove(&mut self, key: &str) -> Option<Value<'a>> {
        self.position(key).map(|at| self.0.remove(at).1)
    }

    /// Inserts a value under a key, unless the key is present.
    pub fn insert_absent(&mut self, key: Cow<'a, str>, value: Value<'a>) {
        if self.position(&key).is_none() {
            self.0.push((key, value));
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the object has no keys.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All keys and values, ordered by key.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'a>)> {
        let mut entries: Vec<_> = self.0.iter().map(|(key, value)| (&**key, value)).collect();
        entries.sort_unstable_by_key(|(key, _)| *key);
        entries.into_iter()
    }

    /// The keys, in the order sent.
    pub fn keys_as_sent(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| &**key)
    }

    fn position(&self, key: &str) -> Option<usize> {
        self.0.iter().position(|(known, _)| known == key)
    }
}

/// Parses exactly one JSON value.
pub fn parse(payload: &[u8]) -> Result<Value<'_>> {
    parse_text(std::str::from_utf8(payload).map_err(|_| Error::field("", "the payload is not UTF-8"))?)
}

/// Parses exactly one JSON value of a text.
pub fn parse_text(text: &str) -> Result<Value<'_>> {
    serde_json::from_str(text).map_err(|why| Error::field("", not_json(&why)))
}

/// The error for a text that is not JSON, without the parser's own text.
fn not_json(why: &serde_json::Error) -> String {
    let (line, column) = (why.line(), why.column());
    match why.classify() {
        // The text comes from the visitors below.
        Category::Data => format!("the payload is not JSON: {why}"),
        Category::Eof => {
            format!("the payload is not JSON: it ends too early, at line {line}, column {column}")
        }
        _ if why.to_string().starts_with(TOO_DEEP) => {
            format!("the payload is nested too deeply at line {line}, column {column}")
        }
        _ => format!("the payload is not JSON: see line {line}, column {column}"),
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Number(number) => number.serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(values) => serializer.collect_seq(values),
            Self::Object(values) => serializer.collect_map(values.iter()),
        }
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value<'de>, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(value).map_or_else(|_| Value::Number(value.into()), Value::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'de>, E> {
        // JSON numbers are never NaN or infinite.
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element()? {
            values.push(value);
        }
        Ok(Value::List(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut object = Object::default();
        // Filled once there are many keys.
        let mut known = BTreeSet::new();
        while let Some((Key(key), value)) = map.next_entry()? {
            if object.len() == FEW_KEYS {
                known.extend(object.0.iter().map(|(key, _)| key.clone()));
            }
            let is_new = if object.len() < FEW_KEYS {
                object.position(&key).is_none()
            } else {
                known.insert(key.clone())
            };
            if !is_new {
                return Err(A::Error::custom(format_args!("the key {:?} appears twice", short(&key))));
            }
            object.0.push((key, value));
        }
        Ok(Value::Object(object))
    }
}

/// A key, borrowed if it contains no escapes. (`Cow` itself always copies.)
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Text(text) => Ok(Self(text)),
            _ => Err(D::Error::custom("a key must be a text")),
        }
    }
}

/// The reason why a text cannot be a JSON object, if its beginning shows one, as the end of a sentence.
pub fn not_an_object(text: &[u8]) -> Option<String> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Some("begins with a byte order mark: send it without one".to_owned());
    }
    let begin = text.trim_ascii_start();
    if begin.first() == Some(&b'{') {
        return None;
    }
    let first = begin.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    match first {
        _ if begin.is_empty() => Some("is empty: send a JSON object".to_owned()),
        None => None,
        Some(other) => Some(format!("must be a JSON object, but begins with {other:?}")),
    }
}

/// The beginning of a client's text, for an error.
pub(crate) fn short(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}
