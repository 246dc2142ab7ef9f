//! Open groups in the store. The row of an open group contains a key, the first [`OPEN_KEY_CHARS`] characters
//! of the [`search_key`] of its name. Other groups have no key.
//!
//! **Order.** By key, then by id. **Bound.** A page is read from an index that contains only open groups. For
//! each group, its members are counted.

use std::sync::Arc;

use crate::group::Group;
use crate::text::search_key;
use crate::{GroupId, Result};

/// The longest key, in characters. The limit keeps keys small enough for the index and for cursors.
pub const OPEN_KEY_CHARS: usize = 64;

/// Open groups, in a transaction.
pub trait OpenGroups {
    /// Up to `limit` open groups after a position whose key begins with `prefix`.
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

/// A position in the list of open groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenPlace {
    pub key: Arc<str>,
    pub group: GroupId,
}

/// The key for a name, or for a prefix of names.
pub fn open_key(name: &str) -> String {
    search_key(name).chars().take(OPEN_KEY_CHARS).collect()
}
