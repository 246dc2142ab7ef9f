//! Replaces ids, dates and secrets with placeholders; equal values get equal placeholders.

use std::collections::BTreeMap;

/// The length of a UUID, and of a date with microseconds.
const ID: usize = 36;
const DATE: usize = 27;
/// The prefixes of the server's secrets.
const SECRETS: [&str; 6] = ["cw_token_", "cw_ticket_", "cw_key_", "cw_invite_", "cw_bot_", "cw_hook_"];

/// The replacements so far.
#[derive(Default)]
pub(super) struct Plain {
    ids: BTreeMap<String, usize>,
}

impl Plain {
    /// Replaces the ids, dates and secrets in a text.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
        let (mut plain, mut rest) = (String::with_capacity(text.len()), &text[..]);
        while let Some(first) = rest.chars().next() {
            let length = if let Some(id) = rest.get(..ID).filter(|id| is_id(id)) {
                let number = self.ids.len() + 1;
                let number = *self.ids.entry(id.to_owned()).or_insert(number);
                plain.extend(["ID", &number.to_string()]);
                ID
            } else if rest.get(..DATE).is_some_and(is_date) {
                plain.push_str("DATE");
                DATE
            } else if let Some(begin) = SECRETS.into_iter().find(|begin| rest.starts_with(begin)) {
                plain.push_str("SECRET");
                begin.len() + letters(&rest[begin.len()..])
            } else if let Some(cursor) = rest.strip_prefix("cursor=").filter(|cursor| letters(cursor) > 20) {
                plain.push_str("cursor=CURSOR");
                "cursor=".len() + letters(cursor)
            } else if let Some(point) = rest.strip_prefix("\"since\":\"").filter(|point| letters(point) > 20)
            {
                plain.push_str("\"since\":\"POINT");
                "\"since\":\"".len() + letters(point)
            } else if let Some(secret) = rest.strip_prefix("whsec_") {
                plain.push_str("SECRET");
                "whsec_".len() + secret.bytes().take_while(|byte| *byte != b'"').count()
            } else if let Some(key) = rest.strip_prefix("\"key\":\"B").filter(|key| letters(key) == 86) {
                // The VAPID key, which the server generates at its first start.
                plain.push_str("\"key\":\"KEY");
                "\"key\":\"B".len() + letters(key)
            } else if let Some(device) = rest.strip_prefix("device=") {
                plain.push_str("device=SECRET");
                "device=".len() + letters(device)
            } else {
                plain.push(first);
                first.len_utf8()
            };
            rest = &rest[length..];
        }
        plain
    }
}

/// The number of leading characters that may occur in a secret.
fn letters(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count()
}

fn is_id(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    })
}

/// Whether this is a date by the server. The script itself sends only dates in 2024, which stay.
fn is_date(text: &str) -> bool {
    text.is_ascii()
        && text.as_bytes()[4] == b'-'
        && text.as_bytes()[10] == b'T'
        && text.ends_with('Z')
        && !text.starts_with("2024")
        && text[..4].bytes().all(|byte| byte.is_ascii_digit())
}
