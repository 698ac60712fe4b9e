//! Timestamps and durations.
//!
//! SPEC: cel-spec, "Timestamps" and "Durations", with the bounds of cel-go: timestamps of
//! the years 1 to 9999, durations of 64 bits of nanoseconds.

mod calendar;
mod text;

use super::value::Value;
use super::{EvalError, Function};
use calendar::{Date, SECONDS_PER_DAY};

/// A point in time, to the nanosecond, of the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970, rounded down.
    seconds: i64,
    /// Less than a second.
    nanos: u32,
}

/// A stretch of time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

/// The first second of year 1, and the last of year 9999.
const FIRST: i64 = -62_135_596_800;
const LAST: i64 = 253_402_300_799;

/// Nanoseconds of a second, with and without sign.
const NANOS: i64 = 1_000_000_000;
const SECOND: u64 = 1_000_000_000;

impl Timestamp {
    /// So many seconds and nanoseconds since 1970; `None` outside of the years 1 to 9999.
    pub const fn new(seconds: i64, nanos: u32) -> Option<Self> {
        let is_in_range = FIRST <= seconds && seconds <= LAST && nanos < NANOS as u32;
        if is_in_range {
            Some(Self { seconds, nanos })
        } else {
            None
        }
    }

    /// So many nanoseconds since 1970, as clocks have it.
    pub fn from_nanos(nanos: u64) -> Option<Self> {
        let seconds = i64::try_from(nanos / SECOND).ok()?;
        let nanos = u32::try_from(nanos % SECOND).ok()?;
        Self::new(seconds, nanos)
    }

    /// Nanoseconds since 1970; `None` where they do not fit.
    pub fn nanos(self) -> Option<i64> {
        let nanos = self.seconds.checked_mul(NANOS)?;
        nanos.checked_add(i64::from(self.nanos))
    }

    pub(super) const fn seconds(self) -> i64 {
        self.seconds
    }

    fn add(self, duration: Duration) -> Option<Self> {
        let nanos = i64::from(self.nanos).checked_add(duration.0.rem_euclid(NANOS))?;
        let seconds = self.seconds.checked_add(duration.0.div_euclid(NANOS))?;
        let seconds = seconds.checked_add(nanos.div_euclid(NANOS))?;
        Self::new(seconds, u32::try_from(nanos.rem_euclid(NANOS)).ok()?)
    }

    fn since(self, other: Self) -> Option<Duration> {
        let seconds = self.seconds.checked_sub(other.seconds)?;
        let nanos = i64::from(self.nanos).checked_sub(i64::from(other.nanos))?;
        let nanos = seconds.checked_mul(NANOS)?.checked_add(nanos)?;
        Some(Duration(nanos))
    }
}

impl Duration {
    /// So many nanoseconds.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }
}

/// Sums and differences.
pub(super) fn arithmetic<'v>(
    function: Function,
    left: &Value<'_>,
    right: &Value<'_>,
) -> Result<Value<'v>, EvalError> {
    use Value::{Duration as D, Timestamp as T};
    let value = match (function, left, right) {
        (Function::Add, T(time), D(duration)) | (Function::Add, D(duration), T(time)) => {
            time.add(*duration).map(T)
        }
        (Function::Add, D(a), D(b)) => a.0.checked_add(b.0).map(|sum| D(Duration(sum))),
        (Function::Subtract, T(a), T(b)) => a.since(*b).map(D),
        (Function::Subtract, T(time), D(duration)) => {
            let negative = duration.0.checked_neg();
            negative.and_then(|nanos| time.add(Duration(nanos))).map(T)
        }
        (Function::Subtract, D(a), D(b)) => a.0.checked_sub(b.0).map(|rest| D(Duration(rest))),
        _ => return Err(EvalError::NoSuchOverload),
    };
    value.ok_or(EvalError::Overflow)
}

/// A part of a timestamp, so many minutes from UTC, or of a duration.
pub(super) fn get<'v>(
    function: Function,
    value: &Value<'_>,
    minutes: i64,
) -> Result<Value<'v>, EvalError> {
    let part = match value {
        Value::Timestamp(time) => {
            let offset = minutes.checked_mul(60).ok_or(EvalError::Overflow)?;
            let seconds = time
                .seconds
                .checked_add(offset)
                .ok_or(EvalError::Overflow)?;
            part_of_time(function, seconds, time.nanos)
        }
        Value::Duration(Duration(nanos)) => match function {
            Function::GetHours => Some(nanos / (3600 * NANOS)),
            Function::GetMinutes => Some(nanos / (60 * NANOS)),
            Function::GetSeconds => Some(nanos / NANOS),
            // Those beyond whole seconds only.
            Function::GetMilliseconds => Some(nanos % NANOS / 1_000_000),
            _ => None,
        },
        _ => None,
    };
    part.map(Value::Int).ok_or(EvalError::NoSuchOverload)
}

fn part_of_time(function: Function, seconds: i64, nanos: u32) -> Option<i64> {
    let day = seconds.div_euclid(SECONDS_PER_DAY);
    let second = seconds.rem_euclid(SECONDS_PER_DAY);
    let date = Date::of_day(day);
    Some(match function {
        Function::GetFullYear => date.year,
        Function::GetMonth => date.month.saturating_sub(1),
        Function::GetDate => date.day,
        Function::GetDayOfMonth => date.day.saturating_sub(1),
        // The first day of 1970 was a Thursday.
        Function::GetDayOfWeek => day.saturating_add(4).rem_euclid(7),
        Function::GetDayOfYear => {
            let first = Date {
                month: 1,
                day: 1,
                ..date
            };
            day.saturating_sub(first.to_day())
        }
        Function::GetHours => second / 3600,
        Function::GetMinutes => second / 60 % 60,
        Function::GetSeconds => second % 60,
        Function::GetMilliseconds => i64::from(nanos / 1_000_000),
        _ => return None,
    })
}
