//! The audit log, as a store keeps it.

use crate::audit::{AuditEntry, AuditFilter};
use crate::{AuditId, Date, Result};

/// The audit log, in a transaction.
///
/// **Atomicity.** An act and its entry commit together. **Order.** Ids ascend in the order of making. **Bound.** A call reads or
/// removes at most as many rows as it is asked for.
pub trait Audit {
    /// Keeps an entry.
    fn audit_insert(&mut self, entry: &AuditEntry) -> Result<()>;

    /// Up to `limit` entries before `before`, the newest first: those that have one of the values of the filter, which the
    /// caller compares with all of them.
    fn audit_page(
        &self,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Vec<AuditEntry>>;

    /// Removes entries from before a date, at most `limit`. Returns their number.
    fn audit_purge(&mut self, before: Date, limit: usize) -> Result<usize>;
}
