//! Values that are serialized as strings.

use chinwag_core::{Date, Name};
use serde::Serializer;

/// A value that is serialized as a string. Faster than `Display`, since its text needs no formatter.
pub trait Text {
    /// The text.
    fn text(&self) -> impl AsRef<str>;
}

impl Text for &Name {
    fn text(&self) -> impl AsRef<str> {
        self.as_str()
    }
}

impl Text for Date {
    fn text(&self) -> impl AsRef<str> {
        Date::text(*self)
    }
}

/// Serializes a value as a string.
pub fn text<S: Serializer>(value: &impl Text, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value.text().as_ref())
}

/// Serializes a value as a string, or as `null`.
pub fn maybe_text<S: Serializer>(value: &Option<impl Text>, serializer: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => text(value, serializer),
        None => serializer.serialize_none(),
    }
}

/// Serializes names as a list.
pub fn texts<S: Serializer>(names: &[Name], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(Name::as_str))
}
