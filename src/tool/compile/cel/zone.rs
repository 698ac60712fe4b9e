//! Time zones that never change.

/// The minutes by which a zone is ahead of UTC; `None` for names and what is no zone.
///
/// SPEC: cel-spec, "Timezones": `UTC`, or `02:00` with or without a sign.
pub(super) fn minutes(zone: &str) -> Option<i64> {
    if zone == "UTC" {
        return Some(0);
    }
    let (sign, digits) = match zone.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = digits.split_once(':')?;
    let two = |digits: &str| {
        let is_two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i64>().ok().filter(|_| is_two)
    };
    let (hours, minutes) = (two(hours)?, two(minutes)?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 60 + minutes))
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn offsets_are_read_and_names_are_not() {
        for (zone, expected) in [
            ("UTC", Some(0)),
            ("02:00", Some(120)),
            ("+05:45", Some(345)),
            ("-09:30", Some(-570)),
            ("-00:00", Some(0)),
            ("Europe/Berlin", None),
            ("+2:00", None),
            ("24:00", None),
            ("00:60", None),
            ("+-1:00", None),
            ("", None),
        ] {
            assert_eq!(minutes(zone), expected, "{zone}");
        }
    }
}
