//! A user's profile: its origin, its appearance, and the host application's data.

use std::sync::Arc;

use crate::limits::{AVATAR_CHARS, DATA_BYTES, DISPLAY_NAME_CHARS};
use crate::suspension::Suspension;
use crate::text::{is_invisible, is_visible};
use crate::user::User;
use crate::{Date, FileId, GroupName, Name};

/// The prefix of a file id in a stored avatar. No URL begins with it.
const STORED_FILE: &str = "file:";

/// The source that vouches for a user's identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// An account that was signed up on this server. Anybody who knows the password is the user.
    Account,
    /// The host application, through the service, a JWT or the validator; or an OpenID Connect provider.
    Host,
}

impl Origin {
    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Host => "host",
        }
    }
}

/// The kind of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserKind {
    Person,
    Bot,
}

impl UserKind {
    pub const ALL: [Self; 2] = [Self::Person, Self::Bot];

    /// The wire form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
        }
    }

    /// Parses the wire form.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A user with the facts that decide how it may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub user: User,
    pub origin: Origin,
    /// The latest suspension, which may have ended.
    pub suspension: Option<Suspension>,
    /// Whether an OpenID Connect provider identifies the user. If so, the host application may mean another
    /// person by the same name.
    pub provided: bool,
}

/// The profile of a user as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    pub origin: Origin,
    pub kind: UserKind,
    /// The name that other users see.
    pub display_name: Option<Arc<str>>,
    /// The [`Avatar`] as stored.
    pub avatar: Option<Arc<str>>,
    /// The host application's data: a JSON object as text.
    pub data: Option<Arc<str>>,
    pub created: Date,
    /// The last stored time at which the user was not `disconnected`.
    pub last_seen: Option<Date>,
    /// Whether `last_seen` is hidden from everyone except the service.
    pub hides_last_seen: bool,
}

/// The part of a profile that accompanies the user's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileCard {
    pub name: Name,
    pub display_name: Option<Arc<str>>,
    /// The [`Avatar`] as stored.
    pub avatar: Option<Arc<str>>,
    pub kind: UserKind,
}

/// An update of one optional value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum FieldUpdate<T> {
    /// No change.
    #[default]
    Keep,
    /// Removes the value.
    Clear,
    /// Replaces the value.
    Set(T),
}

impl<T> FieldUpdate<T> {
    /// The value after the update.
    pub fn after(self, before: Option<T>) -> Option<T> {
        match self {
            Self::Keep => before,
            Self::Clear => None,
            Self::Set(value) => Some(value),
        }
    }

    /// Converts the type of the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> FieldUpdate<U> {
        match self {
            Self::Keep => FieldUpdate::Keep,
            Self::Clear => FieldUpdate::Clear,
            Self::Set(value) => FieldUpdate::Set(change(value)),
        }
    }
}

/// Changes of a profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileUpdate {
    pub display_name: FieldUpdate<DisplayName>,
    pub avatar: FieldUpdate<Avatar>,
    pub data: FieldUpdate<Data>,
    pub kind: Option<UserKind>,
}

impl ProfileUpdate {
    /// The profile after the update.
    pub fn after(&self, before: Details) -> Details {
        Details {
            display_name: self.display_name.clone().map(|name| name.0).after(before.display_name),
            avatar: self.avatar.clone().map(Avatar::into_stored).after(before.avatar),
            data: self.data.clone().map(|data| data.0).after(before.data),
            kind: self.kind.unwrap_or(before.kind),
            ..before
        }
    }
}

/// The name that other users see: 1 to 80 characters, trimmed, with the rules of a group's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(Arc<str>);

impl DisplayName {
    /// Trims and parses a name. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let name = text.trim();
        if name.chars().nth(DISPLAY_NAME_CHARS).is_some() {
            return Err(format!("is longer than {DISPLAY_NAME_CHARS} characters"));
        }
        GroupName::parse(name).map(|name| Self(name.as_str().into())).map_err(str::to_owned)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The avatar of a user or of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Avatar {
    /// An external `https` URL of at most 2,048 characters.
    Address(Arc<str>),
    /// An uploaded image.
    File(FileId),
}

impl Avatar {
    /// Encodes the avatar as stores keep it.
    pub(crate) fn into_stored(self) -> Arc<str> {
        match self {
            Self::Address(address) => address,
            Self::File(id) => format!("{STORED_FILE}{id}").into(),
        }
    }

    /// The file of a stored avatar. None if the avatar is a URL.
    pub fn stored_file(stored: &str) -> Option<FileId> {
        stored.strip_prefix(STORED_FILE)?.parse().ok()
    }

    /// Parses a URL or the id of a file. The error completes a sentence that begins with the field's name.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(id) = text.parse() {
            return Ok(Self::File(id));
        }
        if text.chars().nth(AVATAR_CHARS).is_some() {
            return Err(format!("is longer than {AVATAR_CHARS} characters"));
        }
        let host = text.strip_prefix("https://").unwrap_or_default();
        if host.starts_with(['/', '?', '#']) || !is_visible(host) || text.chars().any(is_invisible) {
            return Err(
                "must be an https:// address without white space, or the id of an uploaded image".into()
            );
        }
        Ok(Self::Address(text.into()))
    }
}

/// The host application's data: a JSON object as compact text of at most 4 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data(Arc<str>);

impl Data {
    /// The compact text.
    pub fn into_text(self) -> Arc<str> {
        self.0
    }

    /// Takes an object as compact JSON text. The error completes a sentence that begins with the field's
    /// name.
    pub fn compact(text: &str) -> Result<Self, String> {
        if text.len() > DATA_BYTES {
            return Err(format!("is longer than {DATA_BYTES} bytes of compact JSON"));
        }
        Ok(Self(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_names_follow_the_rules_of_group_names() {
        assert_eq!(DisplayName::parse(" Ann Lee ").map(|name| name.0), Ok("Ann Lee".into()));
        assert!(DisplayName::parse(&"é".repeat(80)).is_ok());
        for text in ["", "  ", "@", "\u{200b}", "a\nb", &"é".repeat(81)] {
            assert!(DisplayName::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_avatar_is_an_https_address_or_a_file() {
        for text in ["https://app.example/a.png", "https://app.example/a%20b?size=1#x"] {
            assert_eq!(Avatar::parse(text), Ok(Avatar::Address(text.into())));
            assert_eq!(Avatar::stored_file(text), None);
        }
        let id = "0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25";
        let avatar = Avatar::parse(id).expect("a file");
        let stored = avatar.clone().into_stored();
        assert_eq!(&*stored, "file:0b9c4a52-8f0e-4a39-9c84-0a3b7f6d1e25");
        assert_eq!(Avatar::stored_file(&stored).map(Avatar::File), Some(avatar));
        let long = format!("https://app.example/{}", "x".repeat(2029));
        for text in [
            "",
            "https://",
            "https:///a",
            "http://app.example/a",
            "javascript:x",
            "https://a b",
            &stored,
            &long,
        ] {
            assert!(Avatar::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_absent_key_keeps_its_value() {
        let before = Details {
            origin: Origin::Host,
            kind: UserKind::Person,
            display_name: Some("Ann".into()),
            avatar: None,
            data: Some("{}".into()),
            created: Date::from_micros(0),
            last_seen: None,
            hides_last_seen: false,
        };
        assert_eq!(ProfileUpdate::default().after(before.clone()), before);
        let update =
            ProfileUpdate { data: FieldUpdate::Clear, kind: Some(UserKind::Bot), ..ProfileUpdate::default() };
        assert_eq!(update.after(before.clone()), Details { data: None, kind: UserKind::Bot, ..before });
    }
}
