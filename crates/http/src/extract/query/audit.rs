//! The filters of the audit log.

use chinwag_core::audit::{AuditAction, AuditFilter};
use chinwag_core::limits::NAME_CHARS;
use chinwag_core::{Date, Error, Result};

use super::Query;

/// A day, in microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

impl Query {
    /// The filter for entries of the audit log.
    pub(crate) fn audit_filter(&self) -> Result<AuditFilter> {
        let refused = || {
            let names: Vec<_> = AuditAction::ALL.iter().map(|action| action.as_str()).collect();
            Error::field("action", format!("must be one of {}", names.join(", ")))
        };
        let action = self.get("action")?.map(|name| AuditAction::parse(name).ok_or_else(refused));
        let text = |key| Ok(self.text(key, NAME_CHARS)?.map(str::to_owned));
        Ok(AuditFilter {
            day: self.day("date")?,
            actor: text("actor")?,
            action: action.transpose()?,
            target: text("target")?,
            address: text("address")?,
        })
    }

    /// The beginning and end of a day in UTC, if given.
    fn day(&self, key: &'static str) -> Result<Option<(Date, Date)>> {
        let Some(text) = self.get(key)? else { return Ok(None) };
        let begin = if text.contains('T') { None } else { Date::parse(&format!("{text}T00:00:00Z")).ok() };
        let begin = begin.ok_or_else(|| Error::field(key, "must be a day in UTC like 2024-05-12"))?;
        Ok(Some((begin, Date::from_micros(begin.micros() + DAY))))
    }
}
