//! The values that keys hold: how each is read, and how it is described.

use std::str::FromStr;
use std::time::Duration;

use chinwag_core::limits::{HISTORY_PAGE, LATEST};
use chinwag_core::message::{Body, ClientId};
use chinwag_core::password::Password;
use chinwag_core::presence::Status;
use chinwag_core::profile::{Avatar, Data, DisplayName, FieldUpdate, UserKind};
use chinwag_core::relation::Operation;
use chinwag_core::token::TTL;
use chinwag_core::user::Allowed;
use chinwag_core::{Date, GroupId, GroupName, MessageId, Name, Seq};

use super::fields::Fields;
use super::json::Value;
use crate::wire::key::{Need, Values};

/// A value that a key holds. `read` answers `None` only where it has refused the key.
pub trait KeyValue: Sized {
    /// The values that the key takes.
    const VALUES: Values;
    /// Whether the key may be left out.
    const NEED: Need;

    /// Takes the value out of a payload.
    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self>;
}

/// A required value and the same where it may be left out, each read by a method of [`Fields`].
macro_rules! values {
    ($($type:ty, $values:ident, $required:ident, $optional:ident;)+) => {$(
        impl KeyValue for $type {
            const VALUES: Values = Values::$values;
            const NEED: Need = Need::Required;

            fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
                fields.$required(key)
            }
        }

        impl KeyValue for Option<$type> {
            const VALUES: Values = Values::$values;
            const NEED: Need = Need::Optional;

            fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
                Some(fields.$optional(key))
            }
        }
    )+};
}

values! {
    Name, Name, name, maybe_name;
    GroupName, GroupName, group_name, maybe_group_name;
    MessageId, Id, message_id, maybe_message_id;
    Body, Body, body, maybe_body;
    String, Text, owned_text, maybe_owned_text;
}

/// A required value that is read from a text, and the words of its refusal.
macro_rules! words {
    ($($type:ty, $values:ident, $need:ident, $detail:literal;)+) => {$(
        impl KeyValue for $type {
            const VALUES: Values = Values::$values;
            const NEED: Need = Need::$need;

            fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
                let text = fields.text(key)?;
                let word = <$type>::parse(&text);
                if word.is_none() {
                    fields.refuse(key, $detail);
                }
                word
            }
        }
    )+};
}

words! {
    Status, Status, Required, "must be online, afk or disconnected";
    Operation, Operation, Required, "must be invitation, contact, deny, remove or block";
}

impl KeyValue for GroupId {
    const VALUES: Values = Values::Id;
    const NEED: Need = Need::Required;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::from_str(&text))
    }
}

impl KeyValue for Option<ClientId> {
    const VALUES: Values = Values::ClientId;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.maybe_text(key);
        Some(text.and_then(|text| fields.parsed(key, ClientId::parse(&text))))
    }
}

impl KeyValue for Option<Date> {
    const VALUES: Values = Values::Date;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_date(key))
    }
}

impl KeyValue for Option<Seq> {
    const VALUES: Values = Values::Seq;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_number(key).map(Seq))
    }
}

/// A list of names; one that is left out is empty.
impl KeyValue for Vec<Name> {
    const VALUES: Values = Values::Names;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.names(key))
    }
}

/// A list of at most one name: groups show their owner so, and take it back so.
pub struct OneName(pub Option<Name>);

impl KeyValue for OneName {
    const VALUES: Values = Values::OneName;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let mut names = fields.names(key);
        if names.len() > 1 {
            fields.refuse(key, "must be a list of one name");
        }
        Some(Self(names.pop()))
    }
}

/// A new name, if one is given. The empty text is refused.
pub struct Renamed(pub Option<Name>);

impl KeyValue for Renamed {
    const VALUES: Values = Values::Name;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.maybe_text(key);
        Some(Self(text.and_then(|text| fields.parsed(key, Name::parse(&text)))))
    }
}

/// The length of a page of messages, [`LATEST`] where it is left out.
pub struct PageSize(pub usize);

impl KeyValue for PageSize {
    const VALUES: Values = Values::PageSize;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.maybe_number(key).map(usize::try_from) {
            None => Some(Self(LATEST)),
            Some(Ok(limit)) if (1..=HISTORY_PAGE).contains(&limit) => Some(Self(limit)),
            Some(_) => {
                fields.refuse(key, format!("must be a number from 1 to {HISTORY_PAGE}"));
                None
            }
        }
    }
}

/// The last number held of each group.
pub struct Heads(pub Vec<(GroupId, Seq)>);

impl KeyValue for Heads {
    const VALUES: Values = Values::Heads;
    const NEED: Need = Need::Required;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(Self(fields.heads(key)))
    }
}

/// A flag that is false where it is left out.
impl KeyValue for bool {
    const VALUES: Values = Values::Flag;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.flag(key))
    }
}

impl KeyValue for Option<bool> {
    const VALUES: Values = Values::Flag;
    const NEED: Need = Need::NotNull;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_flag(key))
    }
}

impl KeyValue for Option<Allowed> {
    const VALUES: Values = Values::Allowed;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let Some(text) = fields.maybe_text(key) else { return Some(None) };
        let allowed = Allowed::parse(&text);
        if allowed.is_none() {
            fields.refuse(key, "must be anyone, contacts or nobody");
        }
        Some(allowed)
    }
}

impl KeyValue for Option<UserKind> {
    const VALUES: Values = Values::UserKind;
    const NEED: Need = Need::NotNull;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let Some(text) = fields.filled_text(key) else { return Some(None) };
        let kind = UserKind::parse(&text);
        if kind.is_none() {
            fields.refuse(key, "must be person or bot");
        }
        Some(kind)
    }
}

impl KeyValue for FieldUpdate<DisplayName> {
    const VALUES: Values = Values::DisplayName;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, DisplayName::parse))
    }
}

impl KeyValue for FieldUpdate<Avatar> {
    const VALUES: Values = Values::Avatar;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.text_update(key, Avatar::parse))
    }
}

impl KeyValue for FieldUpdate<Data> {
    const VALUES: Values = Values::Data;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.data_update(key))
    }
}

impl KeyValue for Password {
    const VALUES: Values = Values::Password;
    const NEED: Need = Need::Required;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        let text = fields.text(key)?;
        fields.parsed(key, Self::choose(&text))
    }
}

/// The lifetime of a token, where one is given.
pub struct Lifetime(pub Option<Duration>);

impl KeyValue for Lifetime {
    const VALUES: Values = Values::Lifetime;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        match fields.take(key) {
            None | Some(Value::Null) => Some(Self(None)),
            Some(Value::Integer(seconds)) if seconds > 0 => {
                Some(Self(Some(Duration::from_secs(seconds.unsigned_abs()))))
            }
            Some(_) => {
                fields.refuse(key, TTL);
                None
            }
        }
    }
}

/// A name to look up, or `None` for a text that no user can have as a name.
#[derive(Debug, Clone)]
pub struct Lookup(pub Option<Name>);

impl Lookup {
    fn of(text: &str) -> Self {
        Self(Name::parse(text).ok())
    }
}

impl KeyValue for Lookup {
    const VALUES: Values = Values::Text;
    const NEED: Need = Need::Required;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        fields.text(key).as_deref().map(Self::of)
    }
}

impl KeyValue for Option<Lookup> {
    const VALUES: Values = Values::Text;
    const NEED: Need = Need::Optional;

    fn read(fields: &mut Fields<'_>, key: &'static str) -> Option<Self> {
        Some(fields.maybe_text(key).as_deref().map(Lookup::of))
    }
}
