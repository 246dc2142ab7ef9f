//! Payloads as sets of keys: one declaration defines the struct, its parser and its documentation.

use chinwag_core::Result;
use serde_json::Value;

use super::fields::Fields;
use crate::wire::key::{self, Key, Need, Transport};

/// A set of keys that are read together.
pub trait Payload: Sized {
    /// The keys, in the order in which they are read and checked.
    fn keys() -> Vec<&'static Key>;

    /// Reads the keys. Returns `None` only after it has refused one.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The value of a key. `read` returns `None` only after it has refused the key.
pub trait KeyValue: Sized {
    /// Whether the key may be absent.
    const NEED: Need;

    /// The JSON schema of the accepted values.
    fn schema() -> Value;

    /// Removes the value from a payload and parses it.
    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self>;
}

/// Two sets of keys, read in order.
impl<A: Payload, B: Payload> Payload for (A, B) {
    fn keys() -> Vec<&'static Key> {
        [A::keys(), B::keys()].concat()
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (first, second) = (A::read(fields), B::read(fields));
        Some((first?, second?))
    }
}

/// The payload of a request, for the OpenAPI document and the fuzz targets.
#[derive(Debug, Clone, Copy)]
pub struct RestPayload {
    /// The name of its schema.
    pub name: &'static str,
    /// Its meaning, as a sentence.
    pub about: &'static str,
    /// Its keys.
    pub keys: fn() -> Vec<&'static Key>,
    /// Parses the payload, and returns whether it is valid.
    pub check: fn(Fields<'_>) -> Result<()>,
}

impl RestPayload {
    /// Its schema.
    pub fn schema(&self) -> Value {
        let mut schema = key::schema((self.keys)(), Transport::Rest);
        schema["description"] = self.about.trim().into();
        schema
    }
}

/// A key's name from its field, which may be a raw identifier such as `r#for`.
pub(crate) const fn plain(field: &'static str) -> &'static str {
    match field.as_bytes() {
        [b'r', b'#', ..] => field.split_at(2).1,
        _ => field,
    }
}

/// Declares a payload: a struct with a documented field for each key. The brackets contain builder methods of
/// [`Key`], such as `[rest_only()]`.
macro_rules! payload {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $($(#[doc = $meaning:literal])+ $key:ident $([$($flag:ident($($other:literal)?)),+])?: $type:ty,)+
        }
    ) => {
        $(#[doc = $about])+
        pub struct $name {
            $($(#[doc = $meaning])+ pub $key: $type,)+
        }

        impl $name {
            const KEYS: &'static [crate::wire::key::Key] = &[$(
                crate::wire::key::Key::new(
                    crate::wire::input::payload::plain(stringify!($key)),
                    concat!($($meaning),+),
                    <$type as crate::wire::input::payload::KeyValue>::schema,
                    <$type as crate::wire::input::payload::KeyValue>::NEED,
                )$($(.$flag($($other)?))+)?
            ),+];

            /// Its entry in the list of payloads.
            pub const REST: crate::wire::input::payload::RestPayload = crate::wire::input::payload::RestPayload {
                name: stringify!($name),
                about: concat!($($about),+),
                keys: <Self as crate::wire::input::payload::Payload>::keys,
                check: |fields| fields.command(|_: Self, _| Some(())),
            };
        }

        impl crate::wire::input::payload::Payload for $name {
            fn keys() -> Vec<&'static crate::wire::key::Key> {
                Self::KEYS.iter().collect()
            }

            fn read(fields: &mut crate::wire::input::fields::Fields<'_>) -> Option<Self> {
                fields.prepare(Self::KEYS);
                let missing = fields.missing_one_of(Self::KEYS);
                $(let $key = <$type as crate::wire::input::payload::KeyValue>::read(fields, crate::wire::input::payload::plain(stringify!($key)));)+
                if let Some((key, detail)) = missing {
                    fields.refuse(key, detail);
                    return None;
                }
                Some(Self { $($key: $key?),+ })
            }
        }

        // The document takes the schema from the list of payloads.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::RefOr::default()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    };
}

pub(crate) use payload;
