//! The latest attempts at a webhook, and their encoding in the store.

use crate::Date;
use crate::store::detail::{fields, find, put};

/// The number of attempts that are stored.
pub const ATTEMPTS: usize = 100;
/// The longest stored error text, in bytes.
const ERROR_BYTES: usize = 200;

/// The tags of the fields. A tag never changes its meaning.
mod tag {
    pub(super) const ATTEMPT: u8 = 1;
    pub(super) const EVENT: u8 = 2;
    pub(super) const DATE: u8 = 3;
    pub(super) const STATUS: u8 = 4;
    pub(super) const ERROR: u8 = 5;
    pub(super) const MS: u8 = 6;
}

/// One request to a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookAttempt {
    /// The id of the event.
    pub event: String,
    pub date: Date,
    /// The HTTP status of the response, if there was one.
    pub status: Option<u16>,
    /// Why the attempt failed. None if it succeeded.
    pub error: Option<String>,
    /// The duration in milliseconds.
    pub ms: u32,
}

impl WebhookAttempt {
    /// Encodes attempts, which must be newest first. Keeps only the first [`ATTEMPTS`].
    pub fn encode(attempts: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for attempt in attempts.iter().take(ATTEMPTS) {
            let mut detail = Vec::new();
            put(&mut detail, tag::EVENT, attempt.event.as_bytes());
            put(&mut detail, tag::DATE, &attempt.date.micros().to_le_bytes());
            if let Some(status) = attempt.status {
                put(&mut detail, tag::STATUS, &status.to_le_bytes());
            }
            if let Some(error) = &attempt.error {
                put(&mut detail, tag::ERROR, shortened(error).as_bytes());
            }
            put(&mut detail, tag::MS, &attempt.ms.to_le_bytes());
            put(&mut bytes, tag::ATTEMPT, &detail);
        }
        bytes
    }

    /// Decodes stored attempts.
    pub fn decode(bytes: &[u8]) -> Vec<Self> {
        fields(bytes).filter(|(tag, _)| *tag == tag::ATTEMPT).filter_map(|(_, detail)| read(detail)).collect()
    }
}

/// The prefix of a text with at most [`ERROR_BYTES`] bytes.
fn shortened(text: &str) -> &str {
    let end = (0..=text.len().min(ERROR_BYTES)).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

fn read(detail: &[u8]) -> Option<WebhookAttempt> {
    let text = |tag| find(detail, tag).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    Some(WebhookAttempt {
        event: text(tag::EVENT)?,
        date: Date::from_micros(i64::from_le_bytes(find(detail, tag::DATE)?.try_into().ok()?)),
        status: find(detail, tag::STATUS).and_then(|bytes| bytes.try_into().ok()).map(u16::from_le_bytes),
        error: text(tag::ERROR),
        ms: u32::from_le_bytes(find(detail, tag::MS)?.try_into().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_read_as_they_were_kept_up_to_their_bound() {
        let attempt = |number: u32| WebhookAttempt {
            event: format!("event {number}"),
            date: Date::from_micros(i64::from(number)),
            status: number.is_multiple_of(2).then_some(500),
            error: (!number.is_multiple_of(3)).then(|| "é".repeat(150)),
            ms: number,
        };
        let attempts: Vec<_> = (0..150).map(attempt).collect();
        let kept = WebhookAttempt::decode(&WebhookAttempt::encode(&attempts));
        assert_eq!(kept.len(), ATTEMPTS);
        for (kept, attempt) in kept.iter().zip(&attempts) {
            let error = attempt.error.as_ref().map(|error| error[..ERROR_BYTES].to_owned());
            assert_eq!(*kept, WebhookAttempt { error, ..attempt.clone() });
        }
        assert_eq!(WebhookAttempt::decode(&[]), []);
    }
}
