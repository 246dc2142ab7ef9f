//! Open groups, as a store keeps them: a group that anyone may join has the key of its name in its row, which is the
//! first [`OPEN_KEY_CHARS`] characters of its [`search_key`], and any other group has none.
//!
//! **Order.** By key, then by id. **Bound.** A page is read by an index of open groups alone. Each group costs the count
//! of its members.

use std::sync::Arc;

use crate::group::Group;
use crate::text::search_key;
use crate::{GroupId, Result};

/// The characters of a key. A longer one would not fit into an index and into cursors.
pub const OPEN_KEY_CHARS: usize = 64;

/// Open groups, in a transaction.
pub trait OpenGroups {
    /// Up to `limit` open groups whose key begins with `prefix`, those after a place.
    fn open_groups(&self, prefix: &str, after: Option<&OpenPlace>, limit: usize)
    -> Result<Vec<OpenGroupRow>>;
}

/// A group that anyone may join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGroupRow {
    pub group: Group,
    pub members_count: usize,
    pub place: OpenPlace,
}

/// A place in the list of open groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPlace {
    pub key: Arc<str>,
    pub group: GroupId,
}

/// The key of a name, or of the beginning of one.
pub fn open_key(name: &str) -> String {
    search_key(name).chars().take(OPEN_KEY_CHARS).collect()
}
