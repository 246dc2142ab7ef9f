//! Dates: UTC, with microseconds, from the start of year 1 to the end of year 9999.

use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{self, DateTime};

/// A moment, as microseconds since 1970 in UTC. Displayed as `2024-05-12T10:29:16.000949Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(i64);

const MIN_MICROS: i64 = -62_135_596_800_000_000; // 0001-01-01T00:00:00Z
const MAX_MICROS: i64 = 253_402_300_799_999_999; // 9999-12-31T23:59:59.999999Z
const EPOCH: DateTime = civil::date(1970, 1, 1).at(0, 0, 0, 0);
const FRACTION_DIGITS: usize = 40;

impl Date {
    /// From microseconds since 1970, clamped to the range that can be displayed.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(MIN_MICROS, MAX_MICROS))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Adds `time`, clamped to the last date.
    #[must_use]
    pub fn plus(self, time: Duration) -> Self {
        Self::from_micros(self.0.saturating_add(micros_of(time)))
    }

    /// Subtracts `time`, clamped to the first date.
    #[must_use]
    pub(crate) fn minus(self, time: Duration) -> Self {
        Self::from_micros(self.0.saturating_sub(micros_of(time)))
    }

    /// The date as text. Hand-written for speed, because every message on the wire contains a date.
    pub fn text(self) -> DateText {
        let date = EPOCH + SignedDuration::from_micros(self.0);
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let parts = [
            (0..4, i32::from(date.year())),
            (5..7, date.month().into()),
            (8..10, date.day().into()),
            (11..13, date.hour().into()),
            (14..16, date.minute().into()),
            (17..19, date.second().into()),
            (20..26, date.subsec_nanosecond() / 1000),
        ];
        for (digits, number) in parts {
            write_digits(&mut text[digits], number.unsigned_abs());
        }
        DateText(text)
    }

    /// Parses RFC 3339, with or without an offset (UTC if absent). The optional fraction is truncated to
    /// microseconds.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const REFUSED: &str = "is not a date: write it like 2024-05-12T10:29:16.000949Z";
        read(text.as_bytes())
            .filter(|micros| (MIN_MICROS..=MAX_MICROS).contains(micros))
            .map(Self)
            .ok_or(REFUSED)
    }
}

fn micros_of(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

/// Microseconds since 1970, or `None` if the text is not a date.
fn read(text: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', rest @ ..] = text else {
        return None;
    };
    let [h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] = rest else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let (month, day) = (number(&[*m1, *m2])?, number(&[*d1, *d2])?);
    let (hour, minute, second) = (number(&[*h1, *h2])?, number(&[*n1, *n2])?, number(&[*s1, *s2])?);
    let small = |number: i64| i8::try_from(number).ok();
    // A leap second has no representation of its own, so it counts as second 59.
    let second = if second == 60 { 59 } else { second };
    let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time = civil::Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let (fraction, rest) = fraction(rest)?;
    let micros = date.to_datetime(time).duration_since(EPOCH).as_micros();
    Some(i64::try_from(micros).ok()? + fraction - offset(rest)? * 60_000_000)
}

/// Parses an optional fraction of a second. Returns its microseconds and the remaining text.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let [b'.', text @ ..] = text else { return Some((0, text)) };
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    if digits.is_empty() || digits.len() > FRACTION_DIGITS {
        return None;
    }
    let digit = |at| digits.get(at).map_or(0, |byte| i64::from(byte - b'0'));
    Some(((0..6).fold(0, |micros, at| micros * 10 + digit(at)), rest))
}

/// Parses an offset from UTC, up to 23:59 in either direction. Returns its minutes.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        [] | [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let is_good = hours <= 23 && minutes <= 59;
            is_good.then_some((hours * 60 + minutes) * if *sign == b'-' { -1 } else { 1 })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?))
}

/// A date as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateText([u8; 27]);

impl AsRef<str> for DateText {
    fn as_ref(&self) -> &str {
        std::str::from_utf8(&self.0).expect("digits and separators are ASCII")
    }
}

/// Writes `number` right-aligned into `digits`, with leading zeros.
fn write_digits(digits: &mut [u8], mut number: u32) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789"[(number % 10) as usize];
        number /= 10;
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_moves_within_its_range() {
        let (begin, day) = (Date::from_micros(0), Duration::from_secs(24 * 3600));
        assert_eq!(begin.plus(day).to_string(), "1970-01-02T00:00:00.000000Z");
        assert_eq!(begin.plus(day).minus(day), begin);
        assert_eq!(
            (begin.minus(Duration::MAX).micros(), begin.plus(Duration::MAX).micros()),
            (MIN_MICROS, MAX_MICROS)
        );
    }

    #[test]
    fn a_date_is_read_in_any_form_and_written_in_one() {
        for (text, written) in [
            ("2024-05-12T10:29:16.000949Z", "2024-05-12T10:29:16.000949Z"),
            ("2024-05-12T10:29:16.000949", "2024-05-12T10:29:16.000949Z"),
            ("2024-05-12 10:29:16", "2024-05-12T10:29:16.000000Z"),
            ("2024-05-12T12:29:16+02:00", "2024-05-12T10:29:16.000000Z"),
            ("2024-05-12T10:29:16.1234567Z", "2024-05-12T10:29:16.123456Z"),
            ("2024-05-12t10:29:16.1z", "2024-05-12T10:29:16.100000Z"),
            ("2024-02-29T23:59:60Z", "2024-02-29T23:59:59.000000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000000Z"),
            ("9999-12-31T23:59:59.9999999", "9999-12-31T23:59:59.999999Z"),
            ("9999-12-31T22:59:59-01:00", "9999-12-31T23:59:59.000000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            ("2024-05-12T23:59:00+23:59", "2024-05-12T00:00:00.000000Z"),
            ("2024-05-12T00:00:00-00:00", "2024-05-12T00:00:00.000000Z"),
        ] {
            assert_eq!(Date::parse(text).map(|d| d.to_string()), Ok(written.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "yesterday",
            "2024-05-12",
            "2024-13-01T00:00:00Z",
            "1715509756",
            "2024-05-12T10:29:16Z[UTC]",
            "٢٠٢٤-05-12T10:29:16Z",
            "2024-05-12T10:29:16+24:00",
            "2024-05-12T10:29:16-24:00",
            "2024-05-12T10:29:16+25:59",
            "2024-05-12T10:29:16+01:60",
            "2024-05-12T10:29:16+0100",
            "2024-05-12T10:29:16+01",
            "2024-05-12T10:29Z",
            "2024-05-12T24:00:00Z",
            "2023-02-29T00:00:00Z",
            "2024-05-12T10:29:16.Z",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "10000-01-01T00:00:00Z",
        ] {
            assert!(Date::parse(text).is_err(), "{text}");
        }
        assert!(Date::parse(&"2".repeat(5000)).is_err());
    }

    #[test]
    fn every_number_of_microseconds_can_be_written() {
        for micros in [i64::MIN, 0, i64::MAX] {
            let date = Date::from_micros(micros);
            assert_eq!(Date::parse(&date.to_string()), Ok(date));
        }
    }

    #[test]
    fn dates_are_written_as_jiff_writes_them() {
        let steps = (MIN_MICROS..=MAX_MICROS).step_by(7_777_777_777_777);
        for micros in steps.chain([MIN_MICROS, -1, 0, 1, 59_999_999, MAX_MICROS]) {
            let written = format!("{:.6}Z", EPOCH + SignedDuration::from_micros(micros));
            assert_eq!(Date(micros).to_string(), written);
        }
    }
}
