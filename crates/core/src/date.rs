//! Dates: UTC, to the microsecond, from the year 1 to 9999.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// A moment, as microseconds since 1970 in UTC. Written `2024-05-12T10:29:16.000949Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Date(i64);

const FIRST: i64 = -62_135_596_800_000_000; // 0001-01-01T00:00:00Z
const LAST: i64 = 253_402_207_200_000_000; // where jiff ends, 9999-12-30T22:00:00Z

impl Date {
    /// From microseconds since 1970, held to the range that can be written.
    pub fn from_micros(micros: i64) -> Self {
        Self(micros.clamp(FIRST, LAST))
    }

    /// Microseconds since 1970.
    pub fn micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, or the same with no offset (then UTC); the fraction is optional and cut
    /// after microseconds.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const REFUSED: &str = "is not a date: write it like 2024-05-12T10:29:16.000949Z";
        if text.len() > 64 || !text.is_ascii() || text.contains('[') {
            return Err(REFUSED);
        }
        let stamp = text.parse::<Timestamp>().or_else(|_| {
            text.parse::<DateTime>()
                .and_then(|date| date.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
        });
        let micros = stamp.map_err(|_| REFUSED)?.as_microsecond();
        if !text.contains([':']) || !(FIRST..=LAST).contains(&micros) {
            return Err(REFUSED);
        }
        Ok(Self(micros))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stamp = Timestamp::from_microsecond(self.0).expect("the range is held by every constructor");
        write!(f, "{stamp:.6}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_with_or_without_offset_and_fraction_and_written_in_one_form() {
        for (text, written) in [
            ("2024-05-12T10:29:16.000949Z", "2024-05-12T10:29:16.000949Z"),
            ("2024-05-12T10:29:16.000949", "2024-05-12T10:29:16.000949Z"),
            ("2024-05-12 10:29:16", "2024-05-12T10:29:16.000000Z"),
            ("2024-05-12T12:29:16+02:00", "2024-05-12T10:29:16.000000Z"),
            ("2024-05-12T10:29:16.1234567Z", "2024-05-12T10:29:16.123456Z"),
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
}
