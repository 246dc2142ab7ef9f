//! The parameters `groups` and `messages` of a handshake, which set how many groups the summary has, and how many
//! messages each.

use std::ops::RangeInclusive;

use chinwag_core::app::connect::Window;
use chinwag_core::limits::LATEST;
use chinwag_core::{Error, Result};

/// The groups that may be requested.
const GROUPS: RangeInclusive<usize> = 0..=2000;
/// The messages per group that may be requested.
const MESSAGES: RangeInclusive<usize> = 0..=LATEST;

/// Parses a handshake's query. An empty value counts as absent.
pub(super) fn window(query: &str) -> Result<Window> {
    let number = |key: &'static str, range: RangeInclusive<usize>| {
        let mut given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == key);
        let text = match (given.next(), given.next()) {
            (Some((_, text)), None) if !text.is_empty() => text,
            (_, None) => return Ok(None),
            (_, Some(_)) => return Err(Error::field(key, "is given twice")),
        };
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| digits && range.contains(number));
        let (least, most) = range.into_inner();
        number.map(Some).ok_or_else(|| Error::field(key, format!("must be a number from {least} to {most}")))
    };
    Ok(Window { groups: number("groups", GROUPS)?, messages: number("messages", MESSAGES)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn window_takes_numbers_within_its_bounds_and_no_others() {
        let given = |groups, messages| Some(Window { groups, messages });
        for (query, expected) in [
            ("", given(None, None)),
            ("ticket=x&groups=0", given(Some(0), None)),
            ("groups=2000&messages=20", given(Some(2000), Some(20))),
            ("messages=0&groups=", given(None, Some(0))),
            ("groups=2001", None),
            ("messages=21", None),
            ("groups=7&groups=8", None),
            ("groups=-1", None),
            ("groups=%2B1", None),
            ("messages=one", None),
            ("messages=99999999999999999999999", None),
        ] {
            assert_eq!(window(query).ok(), expected, "{query}");
        }
    }
}
