//! Reads the keys of a payload.

use std::borrow::Cow;
use std::str::FromStr;

use chinwag_core::error::FieldError;
use chinwag_core::file::{ATTACHMENTS, AltText, Attachment, AttachmentList};
use chinwag_core::limits::Limits;
use chinwag_core::mention::{Mention, MentionList};
use chinwag_core::message::{Body, INVISIBLE};
use chinwag_core::profile::{Data, FieldUpdate};
use chinwag_core::{Error, FileId, GroupId, Name, Result, Seq};

use super::ignored::Ignored;
use super::json::{self, Object, Value, not_an_object, short};
use super::payload::Payload;
use crate::wire::key::{HEADS_AT_ONCE, Key, NAMES, Need, Transport, changes};

/// The key of attached files. With files, the body may be empty.
const ATTACHMENTS_KEY: &str = "attachments";
/// The keys of an attached file.
const ID: &str = "id";
const ALT: &str = "alt";

/// The keys of a payload, which are removed one by one as they are read. Errors are collected until
/// [`Fields::finish`].
#[derive(Debug)]
pub struct Fields<'a> {
    values: Object<'a>,
    errors: Vec<FieldError>,
    within: &'static str,
    ignored: Option<&'a Ignored>,
    transport: Transport,
    /// The maximum length of a message body, in characters.
    message_chars: usize,
}

impl<'a> Fields<'a> {
    /// Parses a payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self> {
        Self::parsed_by(payload, json::parse)
    }

    /// Parses a payload that is known to be UTF-8.
    pub fn parse_text(payload: &'a str) -> Result<Self> {
        Self::parsed_by(payload.as_bytes(), |_| json::parse_text(payload))
    }

    fn parsed_by(payload: &'a [u8], parse: impl FnOnce(&'a [u8]) -> Result<Value<'a>>) -> Result<Self> {
        if let Some(why) = not_an_object(payload) {
            return Err(Error::field("", format!("the payload {why}")));
        }
        match parse(payload)? {
            Value::Object(values) => Ok(Self {
                values,
                errors: Vec::new(),
                within: "",
                ignored: None,
                transport: Transport::Rest,
                message_chars: Limits::default().message_chars,
            }),
            _ => Err(Error::field("", "the payload must be a JSON object")),
        }
    }

    /// Reads the keys as those of an event's `data`.
    #[must_use]
    pub fn of_event(self) -> Self {
        Self { transport: Transport::Event, ..self }
    }

    /// Applies the operator's limits.
    #[must_use]
    pub fn limited(self, limits: &Limits) -> Self {
        Self { message_chars: limits.message_chars, ..self }
    }

    /// Records unknown keys in `ignored`.
    #[must_use]
    pub fn noting(self, ignored: &'a Ignored) -> Self {
        Self { ignored: Some(ignored), ..self }
    }

    /// Reads a payload into a command. `build` returns `None` only after it has refused a key.
    pub fn command<P: Payload, C>(mut self, build: impl FnOnce(P, &mut Self) -> Option<C>) -> Result<C> {
        let payload = P::read(&mut self);
        let command = payload.and_then(|payload| build(payload, &mut self));
        self.finish(|| command)
    }

    /// Applies the differences of the transport: events ignore some keys, and have aliases for others.
    pub(crate) fn prepare(&mut self, keys: &'static [Key]) {
        if self.transport == Transport::Rest {
            return;
        }
        for key in keys {
            if key.rest_only {
                self.values.remove(key.name);
            } else if let Some(value) = key.alias.and_then(|alias| self.values.remove(alias)) {
                self.values.insert_absent(Cow::Borrowed(key.name), value);
            }
        }
    }

    /// The error of a payload that has none of the keys of which at least one is required.
    pub(crate) fn missing_one_of(&self, keys: &'static [Key]) -> Option<(&'static str, String)> {
        if !keys.iter().any(|key| key.need.is_one_of() || key.is_actor) {
            return None;
        }
        let is_given =
            |key: &&Key| if key.need == Need::OneOf { self.has(key.name) } else { self.holds(key.name) };
        let one_of = keys.iter().filter(|key| key.need.is_one_of());
        let changes = changes(keys.iter()).map(|key| key.name);
        let missing = if changes.clone().any(|key| self.holds(key)) { None } else { one_or_more(changes) };
        let is_missing = !one_of.clone().any(|key| is_given(&key));
        if is_missing { one_or_more(one_of.map(|key| key.name)).or(missing) } else { missing }
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.values.remove(key)
    }

    /// Whether a key was refused, or an element of its list.
    pub(crate) fn has_refused(&self, key: &str) -> bool {
        let last =
            |field: &str| field.rsplit('.').next().and_then(|last| last.split('[').next()) == Some(key);
        self.errors.iter().any(|error| last(&error.field))
    }

    /// Refuses a key. `detail` completes a sentence that begins with the key's name.
    pub fn refuse(&mut self, key: &'static str, detail: impl Into<String>) {
        self.refuse_part(key.into(), detail.into());
    }

    /// Refuses a part of a key's value, such as `attachments[0].alt`.
    fn refuse_part(&mut self, part: Cow<'static, str>, detail: String) {
        let field = if self.within.is_empty() { part } else { format!("{}.{part}", self.within).into() };
        self.errors.push(FieldError { field, detail });
    }

    /// Returns the command, or the errors if a key was refused. `build` returns `None` only after that.
    pub fn finish<T>(mut self, build: impl FnOnce() -> Option<T>) -> Result<T> {
        self.note_unknown();
        if let Some(ignored) = self.ignored {
            self.errors.extend(ignored.refused());
        }
        if !self.errors.is_empty() {
            return Err(Error::Invalid(self.errors));
        }
        build().ok_or_else(|| Error::internal("a field is missing that was not refused"))
    }

    /// Records the remaining keys as unknown.
    pub(crate) fn note_unknown(&self) {
        if let Some(ignored) = self.ignored {
            for key in self.values.keys_as_sent() {
                ignored.note(self.within, key);
            }
        }
    }

    /// Whether a key is present and not null.
    pub fn has(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(|value| *value != Value::Null)
    }

    /// Whether a key is present, possibly null, which clears a value.
    pub fn holds(&self, key: &str) -> bool {
        self.values.get(key).is_some()
    }

    /// The length of a list; 0 for any other value.
    pub(crate) fn count(&self, key: &str) -> usize {
        match self.values.get(key) {
            Some(Value::List(values)) => values.len(),
            _ => 0,
        }
    }

    /// A required text.
    pub fn text(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        let found = self.maybe_text(key);
        if found.is_none() {
            self.require(key);
        }
        found
    }

    /// An optional text. Null counts as absent.
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

    /// An optional text. Null is refused.
    pub fn filled_text(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        if self.values.get(key) == Some(&Value::Null) {
            self.refuse(key, "may not be null");
        }
        self.maybe_text(key)
    }

    /// An optional text. Null and the empty text count as absent.
    pub(crate) fn maybe_filled(&mut self, key: &'static str) -> Option<Cow<'a, str>> {
        self.maybe_text(key).filter(|text| !text.is_empty())
    }

    /// A change of a text: an absent key keeps it, null clears it.
    pub fn text_update<T, E: Into<String>>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, E>,
    ) -> FieldUpdate<T> {
        match self.values.remove(key) {
            None => FieldUpdate::Keep,
            Some(Value::Null) => FieldUpdate::Clear,
            Some(Value::Text(text)) => {
                self.parsed(key, read(&text)).map_or(FieldUpdate::Keep, FieldUpdate::Set)
            }
            Some(_) => {
                self.refuse(key, "must be a text or null");
                FieldUpdate::Keep
            }
        }
    }

    /// A change of the host application's object: an absent key keeps it, null clears it.
    pub fn data_update(&mut self, key: &'static str) -> FieldUpdate<Data> {
        match self.values.remove(key) {
            None => FieldUpdate::Keep,
            Some(Value::Null) => FieldUpdate::Clear,
            Some(value @ Value::Object(_)) => {
                let text = serde_json::to_string(&value).map_err(|why| why.to_string());
                let data = text.and_then(|text| Data::compact(&text));
                self.parsed(key, data).map_or(FieldUpdate::Keep, FieldUpdate::Set)
            }
            Some(_) => {
                self.refuse(key, "must be an object or null");
                FieldUpdate::Keep
            }
        }
    }

    /// A flag, which is false if it is absent or null.
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

    /// A list of at most [`NAMES`] users' names, which is empty if it is absent or null.
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
        self.elements(key, &values, Name::parse).unwrap_or_default()
    }

    /// The parsed texts of a list. Refuses only the first wrong element: a list of thousands would otherwise get
    /// thousands of errors.
    pub(crate) fn elements<T, E: Into<String>>(
        &mut self,
        key: &'static str,
        values: &[Value<'_>],
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let mut parsed = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let element = match value {
                Value::Text(text) => parse(text).map_err(Into::into),
                _ => Err("must be a text".to_owned()),
            };
            match element {
                Ok(element) => parsed.push(element),
                Err(why) => {
                    self.refuse_part(format!("{key}[{index}]").into(), why);
                    return None;
                }
            }
        }
        Some(parsed)
    }

    /// Mentions, if the list is present. Null is refused, since it could be meant to clear the mentions in an edit.
    /// Returns `None` only after it has refused the list, or one mention by its index.
    #[expect(clippy::option_option, reason = "a refused list differs from one that is left out")]
    pub(crate) fn mentions(&mut self, key: &'static str) -> Option<Option<MentionList>> {
        let values = match self.values.remove(key) {
            None => return Some(None),
            Some(Value::List(values)) if values.len() <= NAMES => values,
            Some(Value::List(_)) => {
                self.refuse(key, format!("has more than {NAMES} names"));
                return None;
            }
            Some(_) => {
                self.refuse(key, "must be a list of names");
                return None;
            }
        };
        let mentions = self.elements(key, &values, Mention::parse)?;
        self.parsed(key, MentionList::new(mentions)).map(Some)
    }

    /// An optional number from 0 to 2⁶³ − 1.
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

    /// An optional flag.
    pub fn maybe_flag(&mut self, key: &'static str) -> Option<bool> {
        if let Value::Bool(flag) = self.values.remove(key)? {
            return Some(flag);
        }
        self.refuse(key, "must be true or false");
        None
    }

    /// Parses a message's body, within the operator's limit. A body without visible characters counts as empty.
    pub(crate) fn body(&mut self, key: &'static str, text: &str) -> Option<Body> {
        self.parsed(key, Body::parse_any(text, self.message_chars))
    }

    /// The body of a message to send, if present. A message with files needs none. Returns `None` only after it has
    /// refused the body.
    #[expect(clippy::option_option, reason = "a refused body differs from one that is left out")]
    pub(crate) fn sent_body(&mut self, key: &'static str) -> Option<Option<Body>> {
        let has_files =
            matches!(self.values.get(ATTACHMENTS_KEY), Some(Value::List(files)) if !files.is_empty());
        let body = match self.maybe_text(key) {
            Some(text) => Some(self.body(key, &text)?),
            None if self.has_refused(key) => return None,
            None => None,
        };
        if has_files {
            return Some(Some(body.unwrap_or_else(Body::empty)));
        }
        if body.as_ref().is_some_and(Body::is_empty) {
            self.refuse(key, INVISIBLE);
            return None;
        }
        Some(body)
    }

    /// The files to attach, none if the list is absent or null. Returns `None` only after it has refused the list.
    pub(crate) fn attachments(&mut self, key: &'static str) -> Option<AttachmentList> {
        let values = match self.values.remove(key) {
            None | Some(Value::Null) => return Some(AttachmentList::default()),
            Some(Value::List(values)) => values,
            Some(_) => {
                self.refuse(key, "must be a list of files' ids");
                return None;
            }
        };
        let mut files = Vec::new();
        // Read one more than allowed, so that a longer list is refused for its length.
        for (index, value) in values.iter().take(ATTACHMENTS + 1).enumerate() {
            files.push(self.attachment(key, index, value)?);
        }
        self.parsed(key, AttachmentList::new(files))
    }

    /// A file to attach: its id, or an object with the id and an alternative text.
    fn attachment(&mut self, key: &'static str, index: usize, value: &Value<'_>) -> Option<Attachment> {
        const SHAPE: &str = "must be a list of files' ids, or of objects with an id and an alt";
        let (id, alt) = match value {
            Value::Text(_) => (Some(value), None),
            Value::Object(object) => (object.get(ID), object.get(ALT)),
            _ => (None, None),
        };
        let Some(Value::Text(text)) = id else {
            self.refuse(key, SHAPE);
            return None;
        };
        let id = FileId::from_str(text).map_err(|why| format!("holds {:?}, which {why}", short(text)));
        let id = self.parsed(key, id)?;
        let alt = match alt {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Text(text)) => AltText::parse(text),
            Some(_) => Err("must be text or null".to_owned()),
        };
        if let (Value::Object(object), Some(ignored)) = (value, self.ignored) {
            for unknown in object.keys_as_sent().filter(|key| ![ID, ALT].contains(key)) {
                ignored.note(&format!("{key}[{index}]"), unknown);
            }
        }
        match alt {
            Ok(alt) => Some(Attachment { id, alt }),
            Err(detail) => {
                self.refuse_part(format!("{key}[{index}].{ALT}").into(), detail);
                None
            }
        }
    }

    /// A nested payload, if present. Returns `None` only after it was refused.
    #[expect(clippy::option_option, reason = "a refused payload differs from one that is left out")]
    pub(crate) fn nested<P: Payload>(&mut self, key: &'static str) -> Option<Option<P>> {
        if !self.has(key) {
            self.values.remove(key);
            return Some(None);
        }
        let mut within = self.object(key)?;
        let payload = P::read(&mut within);
        within.note_unknown();
        self.errors.append(&mut within.errors);
        payload.map(Some)
    }

    /// A nested object. Its keys are refused as `key.inner`.
    pub fn object(&mut self, key: &'static str) -> Option<Fields<'a>> {
        if let Value::Object(values) = self.values.remove(key)? {
            return Some(Fields { values, errors: Vec::new(), within: key, ..*self });
        }
        self.refuse(key, "must be an object");
        None
    }

    /// Log positions by group id, at most [`HEADS_AT_ONCE`]: `{id: seq}`.
    pub fn heads(&mut self, key: &'static str) -> Vec<(GroupId, Seq)> {
        let values = match self.values.remove(key) {
            Some(Value::Object(values)) if values.len() <= HEADS_AT_ONCE => values,
            Some(Value::Object(_)) => {
                self.refuse(key, format!("names more than {HEADS_AT_ONCE} groups: send the others with `more` in frames of their own"));
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
                    self.refuse(
                        key,
                        format!("holds {:?}, which is not a group's id, or has no seq", short(id)),
                    );
                    break;
                }
            }
        }
        heads
    }

    pub(crate) fn require(&mut self, key: &'static str) {
        // A value of the wrong type was refused already.
        if !self.has_refused(key) {
            self.refuse(key, "is required");
        }
    }

    pub(crate) fn parsed<T>(&mut self, key: &'static str, read: Result<T, impl Into<String>>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(why) => {
                self.refuse(key, why);
                None
            }
        }
    }
}

/// The error that asks for one of these keys; `None` without keys.
fn one_or_more(mut keys: impl Iterator<Item = &'static str>) -> Option<(&'static str, String)> {
    let first = keys.next()?;
    let mut others: Vec<_> = keys.collect();
    let last = others.pop()?;
    let others = if others.is_empty() { last.into() } else { format!("{} or {last}", others.join(", ")) };
    Some((first, format!("is required unless {others} is given")))
}
