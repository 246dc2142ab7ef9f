//! `auth.signup`: whether anyone may create an account.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `auto`, `true` or `false`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signup {
    /// On, unless an external source of identities is configured or pages of other origins may call.
    Auto,
    On,
    Off,
}

impl Serialize for Signup {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::On => serializer.serialize_bool(true),
            Self::Off => serializer.serialize_bool(false),
        }
    }
}

impl<'de> Deserialize<'de> for Signup {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Word)
    }
}

struct Word;

impl Visitor<'_> for Word {
    type Value = Signup;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("auto, true or false")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Signup, E> {
        Ok(if value { Signup::On } else { Signup::Off })
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Signup, E> {
        match text {
            "auto" => Ok(Signup::Auto),
            "true" => Ok(Signup::On),
            "false" => Ok(Signup::Off),
            other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
        }
    }
}
