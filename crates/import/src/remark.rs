//! Remarks on objects of an export that are not imported.

/// Receives remarks. There may be millions of them.
pub trait Remarks {
    /// Reports that an object is not imported. `reason` is the same for all objects of its kind, and `what`
    /// is this object.
    fn remark(&mut self, reason: &str, what: &str);
}
