//! The selection of an object's keys (`?fields=a+b`), and the user object, which has different keys for different
//! callers.

use std::sync::LazyLock;

use chinwag_core::app::user::{FileUse, PrivateProfile, Profile};
use chinwag_core::presence::Status;
use chinwag_core::user::Settings;
use chinwag_core::{Date, Error, Result};
use serde::{Serialize, Serializer};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::message::Message;
use super::object::{ContactStatuses, Details, Group, Lists, Marks, OpenGroup, object};
use super::text::{maybe_text, text};

/// The keys of an object that `?fields=` may name.
#[derive(Debug)]
pub struct FieldNames {
    /// All keys, in the order in which they are written.
    all: Vec<&'static str>,
    /// The keys that are written by default.
    default: Vec<&'static str>,
}

pub static USER: LazyLock<FieldNames> = LazyLock::new(|| {
    let parts: [(&str, &[&str]); 2] = [("details", Details::KEYS), ("lists", Lists::KEYS)];
    FieldNames::new(User::KEYS, &parts, Some(&["name"]))
});
pub static GROUP: LazyLock<FieldNames> =
    LazyLock::new(|| FieldNames::new(Group::KEYS, &[("mark", Marks::KEYS)], Some(&["id", "name"])));
/// The keys of a group in the list of open groups.
pub static OPEN_GROUP: LazyLock<FieldNames> =
    LazyLock::new(|| FieldNames::new(Group::KEYS, &[("mark", Marks::KEYS)], Some(OpenGroup::KEYS)));
pub static MESSAGE: LazyLock<FieldNames> = LazyLock::new(|| {
    let keys: Vec<_> =
        Message::KEYS.iter().filter(|key| !Message::OF_EVENTS.contains(key)).copied().collect();
    FieldNames::new(&keys, &[], None)
});

impl FieldNames {
    /// The keys of an object. Each of `parts` is replaced by its own keys.
    fn new(
        keys: &[&'static str],
        parts: &[(&str, &[&'static str])],
        default: Option<&[&'static str]>,
    ) -> Self {
        let all: Vec<_> = keys
            .iter()
            .flat_map(|key| match parts.iter().find(|(part, _)| part == key) {
                Some((_, keys)) => keys.to_vec(),
                None => vec![*key],
            })
            .collect();
        Self { default: default.map_or_else(|| all.clone(), <[_]>::to_vec), all }
    }
}

/// The selected keys of a response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedFields {
    keys: Vec<&'static str>,
    all: bool,
}

impl SelectedFields {
    /// Parses `fields`: names separated by spaces, `+` or commas. `__all__` selects all keys; no name selects the
    /// default.
    pub fn parse(known: &'static FieldNames, text: Option<&str>) -> Result<Self> {
        let mut asked: Vec<&str> = text.unwrap_or_default().split([' ', '+', ',']).collect();
        asked.retain(|name| !name.is_empty());
        if asked.is_empty() {
            asked.clone_from(&known.default);
        }
        if asked.contains(&"__all__") {
            asked.extend(&known.all);
            asked.retain(|name| *name != "__all__");
        }
        if let Some(unknown) = asked.iter().find(|name| !known.all.contains(name)) {
            let unknown: String = unknown.chars().take(40).collect();
            let why = format!("names {unknown:?}: there are {} and __all__", known.all.join(", "));
            return Err(Error::field("fields", why));
        }
        let keys: Vec<_> = known.all.iter().filter(|key| asked.contains(key)).copied().collect();
        Ok(Self { all: keys.len() == known.all.len(), keys })
    }

    /// Whether a key outside of these is selected.
    pub fn beyond(&self, keys: &[&str]) -> bool {
        self.keys.iter().any(|key| !keys.contains(key))
    }

    /// Whether any of these keys is selected.
    pub fn any(&self, keys: &[&str]) -> bool {
        self.keys.iter().any(|key| keys.contains(key))
    }

    /// An object as JSON, with those of its keys that are selected.
    pub fn json(&self, object: &impl Serialize) -> Result<Vec<u8>> {
        let mut json = Vec::with_capacity(512);
        self.write(object, &mut json)?;
        Ok(json)
    }

    /// Appends an object as JSON, with those of its keys that are selected.
    pub fn write(&self, object: &impl Serialize, json: &mut Vec<u8>) -> Result<()> {
        if self.all {
            return serde_json::to_writer(json, object).map_err(Error::internal);
        }
        let Value::Object(mut written) = serde_json::to_value(object).map_err(Error::internal)? else {
            return Err(Error::internal("only an object has fields"));
        };
        json.push(b'{');
        let first = json.len();
        for key in &self.keys {
            let Some(value) = written.remove(*key) else { continue };
            if json.len() > first {
                json.push(b',');
            }
            serde_json::to_writer(&mut *json, key).map_err(Error::internal)?;
            json.push(b':');
            serde_json::to_writer(&mut *json, &value).map_err(Error::internal)?;
        }
        json.push(b'}');
        Ok(())
    }
}

object! {
    /// A user.
    pub struct User<'a> {
        /// The user's public key.
        pub name: &'a str,
        /// The profile.
        #[serde(flatten)]
        pub details: Option<Details<'a>>,
        /// The relations, for the user itself and for services.
        #[serde(flatten)]
        pub lists: Option<Lists<'a>>,
        /// The ids of the user's groups, for the user itself and for services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub groups: Option<Vec<Uuid>>,
        /// `online`, `afk` or `disconnected`, for the user itself, its contacts and services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub status: Option<&'static str>,
        /// The last time at which the user was not `disconnected`: the current time while it is connected, null before
        /// the first time. For the user itself and services, and for its contacts unless the user hides it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, format = DateTime)]
        pub last_seen: Option<LastSeen>,
        /// The statuses of contacts by name, for the user itself and for services.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<std::collections::HashMap<String, String>>)]
        pub presence: Option<ContactStatuses<'a>>,
        /// The settings, for the user itself and for services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub settings: Option<OwnSettings>,
        /// Whether the user is an admin of the server, for the user itself, admins and services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub admin: Option<bool>,
        /// The suspension; null if the user is not suspended. For the user itself, admins and services.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Suspended>)]
        pub suspended: Option<ShownSuspension<'a>>,
        /// The used part of the file quota, for the user itself, admins and services.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub files: Option<ShownFileUse>,
    }
}

/// A suspension, or none.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct ShownSuspension<'a>(Option<Suspended<'a>>);

/// The files that a user has uploaded.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FileUse)]
pub struct ShownFileUse {
    /// Their number.
    count: u64,
    /// Their bytes, which `files.per_user` limits.
    size: u64,
}

/// A suspension of a user.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suspended<'a> {
    /// The date of its end, in UTC.
    #[schema(value_type = String, format = DateTime)]
    #[serde(serialize_with = "text")]
    until: Date,
    /// The reason, which the user is told.
    #[schema(required = true)]
    reason: Option<&'a str>,
}

/// When a user was last seen; null if never.
#[derive(Debug)]
pub struct LastSeen(Option<Date>);

impl Serialize for LastSeen {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        maybe_text(&self.0, serializer)
    }
}

/// A user's own settings.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Settings)]
pub struct OwnSettings {
    /// The users who may add the user to a group: `anyone`, `contacts` or `nobody`.
    pub added_by: &'static str,
    /// The users who may open a private conversation with the user: `anyone`, `contacts` or `nobody`.
    pub write_first: &'static str,
    /// Whether to hide from others when the user was last seen.
    pub hide_last_seen: bool,
    /// Whether to hide the user's read marks from others, and theirs from the user.
    pub hide_reads: bool,
}

impl From<Settings> for OwnSettings {
    fn from(settings: Settings) -> Self {
        Self {
            added_by: settings.added_by.as_str(),
            write_first: settings.write_first.as_str(),
            hide_last_seen: settings.hide_last_seen,
            hide_reads: settings.hide_reads,
        }
    }
}

impl<'a> User<'a> {
    /// The parts of a user that a caller may see. `status_of` returns statuses in the order of the ids.
    pub fn new(
        profile: &'a Profile,
        now: Date,
        status_of: impl Fn(&[chinwag_core::UserId]) -> Vec<Status>,
    ) -> Self {
        let status = || status_of(&[profile.user.id]).first().copied().unwrap_or_default();
        let status = profile.status.then(status);
        let seen = profile.details.as_ref().zip(status);
        let seen = seen.filter(|(details, _)| profile.sees_hidden || !details.hides_last_seen);
        let whole = profile.whole.as_ref();
        Self {
            name: profile.user.name.as_str(),
            details: profile.details.as_ref().map(|details| Details::new(details, profile.own)),
            lists: whole.map(|whole| Lists::from(&whole.relations)),
            groups: whole.map(|whole| whole.groups.iter().map(|id| id.0).collect()),
            status: status.map(Status::as_str),
            last_seen: seen.map(|(details, status)| match status {
                Status::Disconnected => LastSeen(details.last_seen),
                Status::Online | Status::Afk => LastSeen(Some(now)),
            }),
            presence: whole.map(|whole| presence(whole, &status_of)),
            settings: whole.map(|whole| whole.settings.into()),
            admin: profile.standing.as_ref().map(|standing| standing.admin),
            suspended: profile.standing.as_ref().map(|standing| {
                let suspension = standing.suspended_at(now);
                ShownSuspension(
                    suspension.map(|it| Suspended { until: it.until, reason: it.reason.as_deref() }),
                )
            }),
            files: profile.files.map(|FileUse { count, size }| ShownFileUse { count, size }),
        }
    }
}

fn presence(
    whole: &PrivateProfile,
    status_of: impl Fn(&[chinwag_core::UserId]) -> Vec<Status>,
) -> ContactStatuses<'_> {
    let ids: Vec<_> = whole.contacts.iter().map(|(id, _)| *id).collect();
    ContactStatuses(whole.contacts.iter().map(|(_, name)| name).zip(status_of(&ids)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn picked(text: &str) -> Result<String> {
        let object = json!({"name": "hi", "id": 1, "owner": ["arlan"], "head": null});
        let json = SelectedFields::parse(&GROUP, Some(text))?.json(&object)?;
        Ok(String::from_utf8(json).expect("JSON is UTF-8"))
    }

    #[test]
    fn fields_keep_their_own_order_and_absent_ones_are_left_out() {
        for (text, json) in [
            ("", r#"{"id":1,"name":"hi"}"#),
            (" ,+", r#"{"id":1,"name":"hi"}"#),
            ("name", r#"{"name":"hi"}"#),
            ("owner+id", r#"{"id":1,"owner":["arlan"]}"#),
            ("owner id", r#"{"id":1,"owner":["arlan"]}"#),
            ("owner,id,id", r#"{"id":1,"owner":["arlan"]}"#),
            ("unread", "{}"),
        ] {
            assert_eq!(picked(text).as_deref().ok(), Some(json), "{text}");
        }
        assert!(picked("__all__").expect("all").contains("head"));
        assert!(picked("id __all__").expect("all").contains("head"));
    }

    #[test]
    fn an_unknown_field_is_refused() {
        for text in ["nam", "Name", "id name nonsense", "__all__ nonsense", "id;name"] {
            assert!(matches!(picked(text), Err(Error::Invalid(_))), "{text}");
        }
    }
}
