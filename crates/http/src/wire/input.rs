//! Payloads as clients send them, read into the use cases' commands. Both doors read with these:
//! a REST body and a frame's `data` are the same kind of object.
//!
//! A payload is a JSON object in UTF-8, at most 128 levels deep, that names no key twice. Keys
//! that nobody asks for are ignored. All the refused fields of one payload are told at once.

pub mod account;
pub mod group;
mod ignored;
pub mod json;
pub mod message;
pub mod relation;
pub mod user;

use std::borrow::Cow;
use std::str::FromStr;

use chinwag_core::error::FieldError;
use chinwag_core::message::{Body, ClientId};
use chinwag_core::profile::{Data, Update};
use chinwag_core::{Date, Error, GroupId, GroupName, MessageId, Name, Result, Seq};

pub use ignored::Ignored;
use json::{Object, Value};

/// The most names in one list of a payload.
pub const NAMES: usize = 10_000;
/// The most groups that one `sync.resume` names.
pub const HEADS: usize = 10_000;

/// A payload's fields, taken one by one. What is refused is gathered until [`Fields::finish`].
#[derive(Debug)]
pub struct Fields<'a> {
    values: Object<'a>,
    errors: Vec<FieldError>,
    within: &'static str,
    ignored: Option<&'a Ignored>,
}

impl<'a> Fields<'a> {
    /// Reads a whole payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self> {
        if let Some(why) = not_an_object(payload) {
            return Err(Error::field("", format!("the payload {why}")));
        }
        match json::parse(payload)? {
            Value::Object(values) => Ok(Self { values, errors: Vec::new(), within: "", ignored: None }),
            _ => Err(Error::field("", "the payload must be a JSON object")),
        }
    }

    /// Has the keys noted that nobody asks for.
    #[must_use]
    pub fn noting(self, ignored: &'a Ignored) -> Self {
        Self { ignored: Some(ignored), ..self }
    }

    /// Forgets fields that this door does not heed.
    pub fn ignore(&mut self, keys: &[&str]) {
        for key in keys {
            self.values.remove(key);
        }
    }

    /// Lets `other` stand for `key` where `key` is absent.
    pub fn alias(&mut self, key: &'static str, other: &str) {
        if let Some(value) = self.values.remove(other) {
            self.values.insert_absent(Cow::Borrowed(key), value);
        }
    }

    /// Refuses a field, with what ends a sentence that begins with its name.
    pub fn refuse(&mut self, key: &'static str, detail: impl Into<String>) {
        let field = if self.within.is_empty() { key.into() } else { format!("{}.{key}", self.within).into() };
        self.errors.push(FieldError { field, detail: detail.into() });
    }

    /// The command, if no field was refused. `build` answers `None` only where one was.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T> {
        if let Some(ignored) = self.ignored {
            for key in self.values.keys_as_sent() {
                ignored.note(self.within, key);
            }
            self.errors.extend(ignored.refused());
        }
        if !self.errors.is_empty() {
            return Err(Error::Invalid(self.errors));
        }
        build().ok_or_else(|| Error::internal("a field is missing that was not refused"))
    }

    /// Whether a field is there, and not null.
    pub fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| *value != Value::Null)
    }

    /// A text.
    pub fn text(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        let found = self.maybe_text(key);
        if found.is_none() {
            self.required(key);
        }
        found
    }

    /// A text, if it is there and not null.
    pub fn maybe_text(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        match self.values.remove(key)? {
            Value::Null => None,
            Value::Text(text) => Some(text),
            _ => {
                self.refuse(key, "must be a text");
                None
            }
        }
    }

    /// A text, if it is there: null is refused.
    pub fn filled_text(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        if self.values.get(key) == Some(&Value::Null) {
            self.refuse(key, "may not be null");
        }
        self.maybe_text(key)
    }

    /// The same, where the empty text is none, too.
    fn maybe_filled(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        self.maybe_text(key).filter(|text| !text.is_empty())
    }

    /// A change of a text: absent keeps, null clears.
    pub fn text_update<T, E: Into<String>>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> Update<T> {
        match self.values.remove(key) {
            None => Update::Keep,
            Some(Value::Null) => Update::Clear,
            Some(Value::Text(text)) => self.parsed(key, read(&text)).map_or(Update::Keep, Update::Set),
            Some(_) => {
                self.refuse(key, "must be a text or null");
                Update::Keep
            }
        }
    }

    /// A change of the host application's own data: absent keeps, null clears.
    pub fn data_update(&mut self, key: &'static str) -> Update<Data> {
        match self.values.remove(key) {
            None => Update::Keep,
            Some(Value::Null) => Update::Clear,
            Some(value @ Value::Object(_)) => {
                let text = serde_json::to_string(&value).map_err(|why| why.to_string());
                let data = text.and_then(|text| Data::compact(&text));
                self.parsed(key, data).map_or(Update::Keep, Update::Set)
            }
            Some(_) => {
                self.refuse(key, "must be an object or null");
                Update::Keep
            }
        }
    }

    /// Yes or no; no if it is absent or null.
    pub fn flag(&mut self, key: &'static str) -> bool {
        match self.values.remove(key) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(value)) => value,
            Some(_) => {
                self.refuse(key, "must be true or false");
                false
            }
        }
    }

    /// A user's name.
    pub fn name(&mut self, key: &'static str) -> Option<Name> {
        let text = self.text(key)?;
        self.parsed(key, Name::parse(&text))
    }

    /// A user's name, if one is given that is not empty.
    pub fn maybe_name(&mut self, key: &'static str) -> Option<Name> {
        let text = self.maybe_filled(key)?;
        self.parsed(key, Name::parse(&text))
    }

    /// A list of at most [`NAMES`] users' names; absent or null is the empty one.
    pub fn names(&mut self, key: &'static str) -> Vec<Name> {
        let values = match self.values.remove(key) {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::List(values)) => values,
            Some(_) => {
                self.refuse(key, "must be a list of names");
                return Vec::new();
            }
        };
        if values.len() > NAMES {
            self.refuse(key, format!("has more than {NAMES} names"));
            return Vec::new();
        }
        let mut names = Vec::with_capacity(values.len());
        for value in &values {
            let read = match value {
                Value::Text(text) => {
                    Name::parse(text).map_err(|why| format!("holds {:?}, which {why}", short(text)))
                }
                _ => Err("must be a list of names".to_owned()),
            };
            match read {
                Ok(name) => names.push(name),
                // One is enough to mend: a list of thousands would be answered by thousands.
                Err(why) => {
                    self.refuse(key, why);
                    break;
                }
            }
        }
        names
    }

    /// A group's name.
    pub fn group_name(&mut self, key: &'static str) -> Option<GroupName> {
        let text = self.text(key)?;
        self.parsed(key, GroupName::parse(&text))
    }

    /// A group's name, if one is given.
    pub fn maybe_group_name(&mut self, key: &'static str) -> Option<GroupName> {
        let text = self.maybe_text(key)?;
        self.parsed(key, GroupName::parse(&text))
    }

    /// A group's id.
    pub fn group_id(&mut self, key: &'static str) -> Option<GroupId> {
        let text = self.text(key)?;
        self.parsed(key, GroupId::from_str(&text))
    }

    /// A message's id.
    pub fn message_id(&mut self, key: &'static str) -> Option<MessageId> {
        let text = self.text(key)?;
        self.parsed(key, MessageId::from_str(&text))
    }

    /// A message's id, if one is given that is not empty.
    pub fn maybe_message_id(&mut self, key: &'static str) -> Option<MessageId> {
        let text = self.maybe_filled(key)?;
        self.parsed(key, MessageId::from_str(&text))
    }

    /// A date, if one is given that is not empty.
    pub fn maybe_date(&mut self, key: &'static str) -> Option<Date> {
        let text = self.maybe_filled(key)?;
        self.parsed(key, Date::parse(&text))
    }

    /// A number of 0 to 2⁶³ − 1, if one is given.
    pub fn maybe_number(&mut self, key: &'static str) -> Option<i64> {
        match self.values.remove(key)? {
            Value::Null => None,
            Value::Integer(number) if number >= 0 => Some(number),
            _ => {
                self.refuse(key, "must be a whole number from 0 to 9223372036854775807");
                None
            }
        }
    }

    /// Yes or no, if one is given.
    pub fn maybe_flag(&mut self, key: &'static str) -> Option<bool> {
        if let Value::Bool(flag) = self.values.remove(key)? {
            return Some(flag);
        }
        self.refuse(key, "must be true or false");
        None
    }

    /// A place in a group's log, if one is given.
    pub fn maybe_seq(&mut self, key: &'static str) -> Option<Seq> {
        self.maybe_number(key).map(Seq)
    }

    /// A message's body, of at most `limit` characters.
    pub fn body(&mut self, key: &'static str, limit: usize) -> Option<Body> {
        let text = self.text(key)?;
        self.parsed(key, Body::parse(&text, limit))
    }

    /// A message's body, if one is given.
    pub fn maybe_body(&mut self, key: &'static str, limit: usize) -> Option<Body> {
        let text = self.maybe_text(key)?;
        self.parsed(key, Body::parse(&text, limit))
    }

    /// The sender's own id for a message, if one is given.
    pub fn maybe_client_id(&mut self, key: &'static str) -> Option<ClientId> {
        let text = self.maybe_text(key)?;
        self.parsed(key, ClientId::parse(&text))
    }

    /// An object within this one, whose fields are named `key.field` where they are refused.
    pub fn object(&mut self, key: &'static str) -> Option<Fields<'a>> {
        if let Value::Object(values) = self.values.remove(key)? {
            return Some(Fields { values, errors: Vec::new(), within: key, ignored: self.ignored });
        }
        self.refuse(key, "must be an object");
        None
    }

    /// The numbers of groups' logs by group, at most [`HEADS`] (`{id: seq}`).
    pub fn heads(&mut self, key: &'static str) -> Vec<(GroupId, Seq)> {
        let values = match self.values.remove(key) {
            Some(Value::Object(values)) if values.len() <= HEADS => values,
            Some(Value::Object(_)) => {
                self.refuse(key, format!("names more than {HEADS} groups"));
                return Vec::new();
            }
            _ => {
                self.refuse(key, "must be an object of groups' ids and the last seq held of each");
                return Vec::new();
            }
        };
        let mut heads = Vec::with_capacity(values.len());
        for (id, seq) in values.iter() {
            match (GroupId::from_str(id), seq) {
                (Ok(group), Value::Integer(seq)) if *seq >= 0 => heads.push((group, Seq(*seq))),
                _ => {
                    self.refuse(key, format!("holds {:?}, which is no group's id, or has no seq", short(id)));
                    break;
                }
            }
        }
        heads
    }

    fn required(&mut self, key: &'static str) {
        // A value of the wrong type has been refused already.
        let refused = |error: &FieldError| error.field.rsplit('.').next() == Some(key);
        if !self.errors.last().is_some_and(refused) {
            self.refuse(key, "is required");
        }
    }

    fn parsed<T>(&mut self, key: &'static str, read: Result<T, impl Into<String>>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(key, why);
                None
            }
        }
    }
}

/// Why a text is no JSON object, where its beginning shows that: the end of a sentence about it.
pub fn not_an_object(text: &[u8]) -> Option<String> {
    if text.starts_with(b"\xef\xbb\xbf") {
        return Some("begins with a byte order mark: send it without one".to_owned());
    }
    let begin = text.trim_ascii_start();
    let first = begin.utf8_chunks().next().and_then(|chunk| chunk.valid().chars().next());
    match first {
        _ if begin.is_empty() => Some("is empty: send a JSON object".to_owned()),
        Some('{') | None => None,
        Some(other) => Some(format!("must be a JSON object, and begins with {other:?}")),
    }
}

/// The beginning of a client's own text, to be shown to it in an error.
fn short(text: &str) -> &str {
    text.char_indices().nth(40).map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests;
