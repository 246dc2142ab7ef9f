//! `[users]`: special users, names, profiles and the directory.

use std::time::Duration;

use chinwag_core::Name;
use chinwag_core::limits::{self, UserRules};
use chinwag_core::name::NameCase;
use serde::{Deserialize, Serialize};

use super::{Period, Problems};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Users {
    /// Special users, for whom only services act. They are created at the start, and cannot sign in.
    pub(crate) special: Vec<String>,
    /// Whether users can see who has blocked them.
    pub(crate) show_blocked_by: bool,
    /// The callers who may rename users.
    pub(crate) rename: Rename,
    /// The callers who may set display names and avatars.
    pub(crate) profile: Profiles,
    /// Whether users may set their avatars to URLs elsewhere.
    pub(crate) avatar_urls: bool,
    /// How long only the service may assign the name of a deleted or renamed user.
    pub(crate) name_hold: Period,
    /// The users that a user can find.
    pub(crate) directory: Directory,
    /// Whether ASCII names that differ only in case are the same name.
    pub(crate) case: Case,
}

/// Whether ASCII names that differ only in case are the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Case {
    /// They are the same.
    Folded,
    /// They are distinct.
    Exact,
}

/// The users that a user can find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Directory {
    /// All users.
    All,
    /// Its contacts, fellow members, and users whose exact name it enters.
    Exact,
    /// Users with whom it shares a group or a relation.
    None,
}

/// The callers who may rename users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rename {
    /// Only the service.
    Service,
    /// The service, and users who signed up here for themselves.
    #[serde(rename = "self")]
    Themselves,
}

/// The callers who may set display names and avatars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profiles {
    /// Only the service.
    Service,
    /// The service, and users for themselves.
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
    /// The valid special names. Invalid ones are a [problem](Users::check).
    pub(crate) fn special(&self) -> Vec<Name> {
        self.special.iter().filter_map(|name| Name::parse(name).ok()).collect()
    }

    /// How names are compared.
    pub(crate) fn name_case(&self) -> NameCase {
        match self.case {
            Case::Folded => NameCase::Folded,
            Case::Exact => NameCase::Exact,
        }
    }

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
        // The user `admin` owns the private groups.
        if !self.special.iter().any(|name| name == "admin") {
            problems.add("users.special must hold admin, which owns private conversations");
        }
    }
}
