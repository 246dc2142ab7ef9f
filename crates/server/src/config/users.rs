//! `[users]`: who is there from the first start.

use std::time::Duration;

use chinwag_core::Name;
use chinwag_core::limits::{self, UserRules};
use chinwag_core::name::NameCase;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Users {
    /// Users whom only services act for. They are made at the start, and cannot sign in.
    pub(crate) special: Vec<String>,
    /// Whether users are shown who has blocked them.
    pub(crate) show_blocked_by: bool,
    /// The callers who may rename users.
    pub(crate) rename: Rename,
    /// The callers who may set display names and avatars.
    pub(crate) profile: Profiles,
    /// Whether users may set the addresses of their own avatars.
    pub(crate) avatar_urls: bool,
    /// The time for which only the service may assign the name of a deleted or renamed user.
    pub(crate) name_hold: Period,
    /// The users that a user finds.
    pub(crate) directory: Directory,
    /// Whether ASCII names that differ in case alone are one name.
    pub(crate) case: Case,
}

/// Whether ASCII names that differ in case alone are one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// They are one.
    Folded,
    /// They are several.
    Exact,
}

/// The users that a user finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Directory {
    /// Everybody.
    All,
    /// Those whose name they know, their contacts and fellow members.
    Exact,
    /// Those with whom they share a group or a relation.
    None,
}

/// The callers who may rename users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rename {
    /// The service alone.
    Service,
    /// Users who signed up here, themselves, too.
    #[serde(rename = "self")]
    Themselves,
}

/// The callers who may set display names and avatars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profiles {
    /// The service alone.
    Service,
    /// Users their own, too.
    #[serde(rename = "self")]
    Themselves,
}

impl Default for Users {
    fn default() -> Self {
        Self {
            special: ["admin", "system", "tournament"].map(str::to_owned).to_vec(),
            show_blocked_by: false,
            rename: Rename::Service,
            profile: Profiles::Themselves,
            avatar_urls: false,
            name_hold: Period::seconds(30 * 24 * 3600),
            directory: Directory::Exact,
            case: Case::Folded,
        }
    }
}

impl Users {
    /// The names, as far as they are names; what is not is a [problem](Users::check).
    pub(crate) fn special(&self) -> Vec<Name> {
        self.special.iter().filter_map(|name| Name::parse(name).ok()).collect()
    }

    /// The comparison of names.
    pub(crate) fn name_case(&self) -> NameCase {
        match self.case {
            Case::Folded => NameCase::Folded,
            Case::Exact => NameCase::Exact,
        }
    }

    /// The rules of the use cases.
    pub(crate) fn rules(&self) -> UserRules {
        UserRules {
            rename_self: self.rename == Rename::Themselves,
            profile_by_service: self.profile == Profiles::Service,
            avatar_urls: self.avatar_urls,
            name_hold: self.name_hold.0,
            directory: match self.directory {
                Directory::All => limits::Directory::All,
                Directory::Exact => limits::Directory::Exact,
                Directory::None => limits::Directory::None,
            },
        }
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        for name in &self.special {
            if let Err(why) = Name::parse(name) {
                problems.add(format!("users.special: {name:?} is no name for a user: it {why}"));
            }
        }
        let hold = Duration::ZERO..=Duration::from_secs(3650 * 24 * 3600);
        problems.period("users.name_hold", self.name_hold, &hold);
        // Private groups are its own.
        if !self.special.iter().any(|name| name == "admin") {
            problems.add("users.special must hold admin, which owns private conversations");
        }
    }
}
