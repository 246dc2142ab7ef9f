//! The audit log in the store.

use crate::audit::{AuditEntry, AuditFilter};
use crate::{AuditId, Date, Result};

/// The audit log, in a transaction.
///
/// **Atomicity.** An action and its entry commit together. **Order.** Ids ascend in the order of creation.
/// **Bound.** A call reads or removes at most `limit` rows.
pub trait Audit {
    /// Stores an entry.
    fn audit_insert(&mut self, entry: &AuditEntry) -> Result<()>;

    /// Up to `limit` entries before `before`, newest first. The store applies only one value of the filter;
    /// the caller must check the others.
    fn audit_page(
        &self,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>>;

    /// Removes at most `limit` entries older than `before`. Returns their number.
    fn audit_purge(&mut self, before: Date, limit: usize) -> Result<usize>;
}
