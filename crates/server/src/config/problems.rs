//! The problems of a configuration, one sentence each.

use std::fmt::{self, Display};
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Period;

/// All problems that were found. A value that is returned as an error has at least one.
#[derive(Debug, Clone, Default, thiserror::Error)]
pub(crate) struct Problems(Vec<String>);

impl Problems {
    pub(crate) fn add(&mut self, sentence: impl Into<String>) {
        self.0.push(sentence.into());
    }

    pub(crate) fn none(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Checks that a number is within bounds. `unit` follows it in the message, as in "4 to 16 threads".
    pub(crate) fn number<T: Copy + PartialOrd + Display>(
        &mut self,
        key: &str,
        value: T,
        bounds: &RangeInclusive<T>,
        unit: &str,
    ) {
        if !bounds.contains(&value) {
            let (least, most) = (bounds.start(), bounds.end());
            self.add(format!("{key} must be {least} to {most} {unit}, not {value}"));
        }
    }

    /// Checks that a duration is within bounds.
    pub(crate) fn period(&mut self, key: &str, value: Period, bounds: &RangeInclusive<Duration>) {
        if !bounds.contains(&value.0) {
            let (least, most) = (Period(*bounds.start()), Period(*bounds.end()));
            self.add(format!("{key} must be between {least} and {most}, not {value}"));
        }
    }
}

impl Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}
