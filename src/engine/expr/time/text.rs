//! Timestamps and durations as text.
//!
//! SPEC: RFC 3339, as Go reads and writes it; durations as Go's `time.ParseDuration`.

use std::fmt;

use super::calendar::{Date, SECONDS_PER_DAY};
use super::{Duration, NANOS, SECOND, Timestamp};

impl Timestamp {
    /// Reads `2006-01-02T15:04:05.999999999Z`, or with an offset instead of `Z`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text.as_bytes());
        let year = rest.digits(4)?;
        let month = rest.after(b'-')?.digits(2)?;
        let day = rest.after(b'-')?.digits(2)?;
        let hour = rest.after(b'T')?.digits(2)?;
        let minute = rest.after(b':')?.digits(2)?;
        let second = rest.after(b':')?.digits(2)?;
        let nanos = match rest.after(b'.') {
            Some(rest) => rest.fraction(NANOS)?,
            None => 0,
        };
        let offset = rest.offset()?;
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let day = Date::new(year, month, day)?.to_day();
        let seconds = day.checked_mul(SECONDS_PER_DAY)?;
        let seconds = seconds.checked_add(seconds_of(hour, minute, second)?)?;
        Self::new(seconds.checked_sub(offset)?, u32::try_from(nanos).ok()?)
    }
}

fn seconds_of(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let minutes = hour.checked_mul(60)?.checked_add(minute)?;
    minutes.checked_mul(60)?.checked_add(second)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = Date::of_day(self.seconds.div_euclid(SECONDS_PER_DAY));
        let second = self.seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        write_fraction(self.nanos, f)?;
        f.write_str("Z")
    }
}

fn write_fraction(nanos: u32, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if nanos == 0 {
        return Ok(());
    }
    let digits = format!("{nanos:09}");
    write!(f, ".{}", digits.trim_end_matches('0'))
}

/// Units of durations in nanoseconds. Those that begin as others come before them.
const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS),
    ("m", 60 * NANOS),
    ("h", 3600 * NANOS),
];

impl Duration {
    /// Reads `1h15m30.5s`: numbers with units, and a sign before all.
    pub fn parse(text: &str) -> Option<Self> {
        let (is_negative, unsigned) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let mut rest = Rest(unsigned);
        if rest.0 == b"0" {
            return Some(Self(0));
        }
        // Below zero, where there is room for one more.
        let mut nanos: i64 = 0;
        loop {
            let (whole, digits) = rest.number()?;
            let fraction = match rest.after(b'.') {
                Some(rest) => rest.0,
                None => &[],
            };
            let length = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if digits == 0 && length == 0 {
                return None;
            }
            rest.0 = rest.0.get(length..)?;
            let unit = rest.unit()?;
            let part = Rest(fraction.get(..length)?).fraction_of(unit);
            nanos = nanos
                .checked_sub(whole.checked_mul(unit)?)?
                .checked_sub(part)?;
            if rest.0.is_empty() {
                break;
            }
        }
        let nanos = if is_negative {
            Some(nanos)
        } else {
            nanos.checked_neg()
        };
        nanos.map(Self)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{}", nanos / SECOND)?;
        write_fraction(u32::try_from(nanos % SECOND).unwrap_or(0), f)?;
        f.write_str("s")
    }
}

/// What is still to be read.
struct Rest<'t>(&'t [u8]);

impl<'t> Rest<'t> {
    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<i64> {
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        number(digits)
    }

    /// As many digits as there are, and how many that is.
    fn number(&mut self) -> Option<(i64, usize)> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((number(digits)?, length))
    }

    /// What follows a byte, if that comes next.
    fn after(&mut self, byte: u8) -> Option<&mut Self> {
        self.0 = self.0.strip_prefix(&[byte])?;
        Some(self)
    }

    /// One digit after the point or more, in nanoseconds; finer ones are cut off.
    fn fraction(&mut self, unit: i64) -> Option<i64> {
        let length = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (digits, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        (length > 0).then(|| Rest(digits).fraction_of(unit))
    }

    /// Digits after the point, as a part of a unit.
    fn fraction_of(&self, unit: i64) -> i64 {
        let mut place = unit;
        let mut sum: i64 = 0;
        for byte in self.0 {
            place /= 10;
            let digit = i64::from(byte.saturating_sub(b'0'));
            sum = sum.saturating_add(place.saturating_mul(digit));
        }
        sum
    }

    /// `Z`, or an offset from UTC, in seconds; nothing may follow.
    fn offset(&mut self) -> Option<i64> {
        let (sign, rest) = self.0.split_first()?;
        let sign = match sign {
            b'Z' if rest.is_empty() => return Some(0),
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.0 = rest;
        let hours = self.digits(2)?;
        let minutes = self.after(b':')?.digits(2)?;
        let is_offset = self.0.is_empty() && hours <= 23 && minutes <= 59;
        let seconds = seconds_of(hours, minutes, 0)?;
        seconds.checked_mul(sign).filter(|_| is_offset)
    }

    fn unit(&mut self) -> Option<i64> {
        let mut units = UNITS.iter();
        let (unit, rest) = units.find_map(|(name, unit)| {
            let rest = self.0.strip_prefix(name.as_bytes())?;
            Some((*unit, rest))
        })?;
        self.0 = rest;
        Some(unit)
    }
}

/// The number that digits are; none is zero.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0_i64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        number.checked_mul(10)?.checked_add(i64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_read_and_written() {
        for (text, written) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2009-02-13T23:31:30.50+01:30", "2009-02-13T22:01:30.5Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
            (
                "9999-12-31T23:59:59.9999999999Z",
                "9999-12-31T23:59:59.999999999Z",
            ),
            ("1969-12-31T23:59:59.25Z", "1969-12-31T23:59:59.25Z"),
        ] {
            let time = Timestamp::parse(text).unwrap();
            assert_eq!(time.to_string(), written);
            assert_eq!(Timestamp::parse(written), Some(time));
        }
        for text in [
            "",
            "2009-02-13",
            "2009-02-13T23:31:30",
            "2009-02-13 23:31:30Z",
            "2009-02-30T00:00:00Z",
            "2009-02-13T24:00:00Z",
            "2009-02-13T23:59:60Z",
            "2009-02-13T23:31:30.Z",
            "2009-02-13T23:31:30Zx",
            "2009-02-13T23:31:30+1:00",
            "+009-02-13T23:31:30Z",
            "0001-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_written() {
        for (text, written) in [
            ("0", "0s"),
            ("1h15m30.5s", "4530.5s"),
            ("-1.5h", "-5400s"),
            ("+100ms", "0.1s"),
            (".5s", "0.5s"),
            ("1.s", "1s"),
            ("1ns2us3µs", "0.000005001s"),
            ("9223372036854775807ns", "9223372036.854775807s"),
            ("-9223372036854775807ns", "-9223372036.854775807s"),
        ] {
            assert_eq!(
                Duration::parse(text).unwrap().to_string(),
                written,
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            "1",
            "s",
            ".s",
            "1x",
            "1s ",
            "1 s",
            "1s-1s",
            "9223372036854775808ns",
            "3000000h",
        ] {
            assert_eq!(Duration::parse(text), None, "{text}");
        }
    }
}
