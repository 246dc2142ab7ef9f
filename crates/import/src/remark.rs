//! Remarks on what an export has and is not taken.

/// The receiver of remarks. There may be millions of them.
pub trait Remarks {
    /// Notes that something is not taken. `reason` is the same for everything of its kind, and `what` is this one thing.
    fn remark(&mut self, reason: &str, what: &str);
}
