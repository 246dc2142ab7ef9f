//! The event about a changed user.

use chinwag_core::Name;
use chinwag_core::profile::{Details as CoreDetails, UserKind};
use serde_json::value::RawValue;

use super::avatar::AvatarUrl;
use super::object::Details;
use super::server_event::{Numbered, server_event};

server_event! {
    /// The name or profile of the receiver, or of a user with whom it shares a group or a relation, changed.
    "user.update", Never
    pub struct UserChanged<'a> {
        /// The name, or the old one of a renamed user.
        name: &'a Name,
        /// The new name of a renamed user.
        new_name [maybe]: Option<&'a Name>,
        /// The name that people see, if there is one.
        display_name: Option<&'a str>,
        /// The address of a picture, if there is one; of an uploaded image a path from the root.
        avatar: Option<AvatarUrl<'a>>,
        /// The host application's own object, if there is one.
        data: Option<&'a RawValue>,
        /// `person` or `bot`.
        kind: UserKind,
    }
}

impl<'a> UserChanged<'a> {
    /// The event of a user with this profile.
    pub fn new(name: &'a Name, new_name: Option<&'a Name>, profile: Option<&'a CoreDetails>) -> Self {
        let details = profile.map(|profile| Details::new(profile, false));
        Self {
            name,
            new_name,
            display_name: details.as_ref().and_then(|details| details.display_name),
            avatar: details.as_ref().and_then(|details| details.avatar),
            data: details.as_ref().and_then(|details| details.data),
            kind: profile.map_or(UserKind::Person, |profile| profile.kind),
        }
    }
}
