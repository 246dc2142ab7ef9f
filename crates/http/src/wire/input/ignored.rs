//! Unknown keys, which are listed in the response, or refused if the operator wants that.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use chinwag_core::error::FieldError;

/// The maximum number of listed keys, and the maximum length of the list in bytes.
const KEYS: usize = 20;
const LONGEST: usize = 1024;

/// The unknown keys of a request, in the order sent.
#[derive(Debug, Default)]
pub struct Ignored {
    strict: bool,
    keys: Mutex<Vec<String>>,
}

impl Ignored {
    /// An empty list. `strict`: whether unknown keys are refused.
    pub fn new(strict: bool) -> Self {
        Self { strict, keys: Mutex::default() }
    }

    /// Records a key. `within`: the key of the object that contains it, or empty.
    pub fn note(&self, within: &str, key: &str) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() < KEYS {
            let separator = if within.is_empty() { "" } else { "." };
            keys.push(format!("{within}{separator}{key}"));
        }
    }

    /// An error for each recorded key, if unknown keys are refused.
    pub fn refused(&self) -> Vec<FieldError> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let refuse = |key: &String| FieldError {
            field: super::json::short(key).to_owned().into(),
            detail: "is not known: omit it, or turn off http.strict".into(),
        };
        if self.strict { keys.iter().map(refuse).collect() } else { Vec::new() }
    }

    /// The recorded keys, percent-encoded and separated by commas.
    pub fn list(&self) -> Option<String> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let mut list = String::new();
        for key in keys.iter() {
            let key = encoded(key);
            let comma = usize::from(!list.is_empty());
            if list.len() + comma + key.len() > LONGEST {
                break;
            }
            list.push_str(&","[..comma]);
            list.push_str(&key);
        }
        (!list.is_empty()).then_some(list)
    }
}

fn encoded(key: &str) -> String {
    key.bytes().take(LONGEST + 1).fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_listed_encoded_and_bounded() {
        let ignored = Ignored::new(false);
        assert_eq!(ignored.list(), None);
        for key in ["display_name", "a,b", "é\n"] {
            ignored.note("", key);
        }
        ignored.note("contact", "mood");
        assert_eq!(ignored.list().as_deref(), Some("display_name,a%2Cb,%C3%A9%0A,contact.mood"));
        assert!(ignored.refused().is_empty());
        for _ in 0..30 {
            ignored.note("", "more");
        }
        assert_eq!(ignored.list().map(|list| list.split(',').count()), Some(20));
        let long = Ignored::new(true);
        for key in ["a".repeat(600), "b".repeat(600), "c".repeat(100_000)] {
            long.note("", &key);
        }
        assert_eq!(long.list().map(|list| list.len()), Some(600));
        assert!(long.refused().iter().all(|error| error.field.len() <= 40));
    }
}
