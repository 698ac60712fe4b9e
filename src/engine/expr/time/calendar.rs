//! Days as dates.
//!
//! The year is taken to begin in March, so that the day that is not always there is its
//! last. Eras are 400 years: as long as the pattern of leap years.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "days of a few ten thousand years are far from the bounds of the type"
)]

/// Seconds of a day.
pub(super) const SECONDS_PER_DAY: i64 = 86_400;

/// Days of an era, and of the years 0 to 1970 up to March.
const ERA: i64 = 146_097;
const EPOCH: i64 = 719_468;

/// A date of the Gregorian calendar, also before there was one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    /// The year.
    pub(super) year: i64,
    /// From 1 to 12.
    pub(super) month: i64,
    /// From 1 to 31.
    pub(super) day: i64,
}

impl Date {
    /// The date of the day that is so many after the first of 1970.
    pub(super) const fn of_day(day: i64) -> Self {
        let day = day + EPOCH;
        let era = day.div_euclid(ERA);
        let day = day.rem_euclid(ERA);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let from_march = (5 * day + 2) / 153;
        let month = if from_march < 10 {
            from_march + 3
        } else {
            from_march - 9
        };
        Self {
            year: year + era * 400 + (month <= 2) as i64,
            month,
            day: day - (153 * from_march + 2) / 5 + 1,
        }
    }

    /// How many days it is after the first of 1970.
    pub(super) const fn to_day(self) -> i64 {
        let year = self.year - (self.month <= 2) as i64;
        let era = year.div_euclid(400);
        let year = year.rem_euclid(400);
        let from_march = (self.month + 9) % 12;
        let day = (153 * from_march + 2) / 5 + self.day - 1;
        era * ERA + year * 365 + year / 4 - year / 100 + day - EPOCH
    }

    /// The date, if there is one.
    pub(super) fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        let date = Self { year, month, day };
        let is_date = (1..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && Self::of_day(date.to_day()) == date;
        is_date.then_some(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_one_after_the_day_before() {
        let first = Date::new(1, 1, 1).unwrap().to_day();
        let last = Date::new(9999, 12, 31).unwrap().to_day();
        let mut date = Date::of_day(first - 1);
        for day in first..=last {
            let next = Date::of_day(day);
            assert_eq!(next.to_day(), day);
            let goes_on = Date {
                day: date.day + 1,
                ..date
            };
            let new_month = Date {
                month: date.month + 1,
                day: 1,
                ..date
            };
            let new_year = Date {
                year: date.year + 1,
                month: 1,
                day: 1,
            };
            assert!(
                [goes_on, new_month, new_year].contains(&next),
                "{date:?} {next:?}"
            );
            date = next;
        }
    }

    #[test]
    fn leap_days_are_there_in_leap_years_only() {
        assert_eq!(Date::of_day(0), Date::new(1970, 1, 1).unwrap());
        for (year, is_leap) in [(2000, true), (1900, false), (2024, true), (2023, false)] {
            assert_eq!(Date::new(year, 2, 29).is_some(), is_leap, "{year}");
        }
        for (year, month, day) in [
            (2024, 4, 31),
            (2024, 0, 1),
            (2024, 13, 1),
            (2024, 1, 0),
            (0, 1, 1),
        ] {
            assert_eq!(Date::new(year, month, day), None);
        }
    }
}
