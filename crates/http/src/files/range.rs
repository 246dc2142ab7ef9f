//! `Range` and `If-Range` (RFC 9110).

use std::ops::Range;

use axum::http::{HeaderMap, HeaderValue, header};

/// The part of a file that a request wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RequestedRange {
    Whole,
    /// A non-empty range within the file.
    Part(Range<u64>),
    /// No byte of the range is in the file.
    Unsatisfiable,
}

/// The wanted part of a file of `size` bytes. Multiple ranges and unknown units are answered with the whole file, as
/// RFC 9110 allows.
pub(crate) fn wanted(headers: &HeaderMap, etag: &str, size: u64) -> RequestedRange {
    let text = |name| headers.get(name).map(HeaderValue::as_bytes);
    let Some(range) = headers.get(header::RANGE).and_then(|range| range.to_str().ok()) else {
        return RequestedRange::Whole;
    };
    // A weak tag or a date is not a strong validator.
    if text(header::IF_RANGE).is_some_and(|condition| condition != etag.as_bytes()) {
        return RequestedRange::Whole;
    }
    let Some((unit, range)) = range.split_once('=') else { return RequestedRange::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") || headers.get_all(header::RANGE).iter().count() > 1 {
        return RequestedRange::Whole;
    }
    parse(range.trim(), size).unwrap_or(RequestedRange::Whole)
}

/// Whether the client has this file already, by `If-None-Match`.
pub(crate) fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn parse(range: &str, size: u64) -> Option<RequestedRange> {
    let (first, last) = range.split_once('-')?;
    let part = match (first, last) {
        ("", last) => size.saturating_sub(number(last)?)..size,
        (first, "") => number(first)?..size,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return None;
            }
            first..last.saturating_add(1).min(size)
        }
    };
    Some(if part.start < part.end { RequestedRange::Part(part) } else { RequestedRange::Unsatisfiable })
}

/// Parses a number. One that overflows is beyond the end of every file anyway.
fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    const ETAG: &str = "\"a\"";

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn ranges_are_read_as_the_rfc_says() {
        use RequestedRange::{Part, Unsatisfiable, Whole};
        for (range, expected) in [
            ("bytes=0-1", Part(0..2)),
            ("bytes=3-", Part(3..10)),
            ("bytes=-1", Part(9..10)),
            ("bytes=-100", Part(0..10)),
            ("bytes=5-100", Part(5..10)),
            ("Bytes=0-0", Part(0..1)),
            ("bytes=0-99999999999999999999999", Part(0..10)),
            ("bytes=10-", Unsatisfiable),
            ("bytes=99999999999999999999999-", Unsatisfiable),
            ("bytes=-0", Unsatisfiable),
            ("bytes=5-3", Whole),
            ("bytes=0-1,3-4", Whole),
            ("bytes=-", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("items=0-1", Whole),
            ("", Whole),
        ] {
            assert_eq!(wanted(&headers(&[(header::RANGE, range)]), ETAG, 10), expected, "{range}");
        }
        assert_eq!(wanted(&headers(&[(header::RANGE, "bytes=0-")]), ETAG, 0), Unsatisfiable);
        assert_eq!(wanted(&HeaderMap::new(), ETAG, 10), Whole);
    }

    #[test]
    fn range_holds_only_for_the_same_strong_tag() {
        for (tag, expected) in [
            (ETAG, RequestedRange::Part(3..10)),
            ("\"b\"", RequestedRange::Whole),
            ("W/\"a\"", RequestedRange::Whole),
            ("Sun, 06 Nov 1994 08:49:37 GMT", RequestedRange::Whole),
        ] {
            let headers = headers(&[(header::RANGE, "bytes=3-"), (header::IF_RANGE, tag)]);
            assert_eq!(wanted(&headers, ETAG, 10), expected, "{tag}");
        }
    }

    #[test]
    fn known_file_is_recognised_by_its_tag() {
        for (tags, known) in [
            (ETAG, true),
            ("\"b\", \"a\"", true),
            ("W/\"a\"", true),
            ("*", true),
            ("\"b\"", false),
            ("a", false),
        ] {
            assert_eq!(is_known(&headers(&[(header::IF_NONE_MATCH, tags)]), ETAG), known, "{tags}");
        }
    }
}
