//! What a plain scalar is.
//!
//! SPEC: YAML 1.2.2, 10.3.2; and YAML 1.1 as the Kubernetes API machinery still
//! reads it, where `yes`, `on` and `y` are booleans and `0x1f`, `017` and
//! `1_000` numbers. A scalar that either reading takes for something else is not
//! a string here, so that a manifest means the same to an API server and to us.

/// What a plain scalar is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PlainScalar {
    /// Nothing: empty, `~` or `null`.
    Null,
    /// A boolean for either version of YAML.
    Boolean,
    /// A boolean for an API server only: `yes`, `no`, `on`, `off`, `y`, `n`.
    OldBoolean,
    /// A whole number that fits.
    Integer(i64),
    /// Any other number.
    Number,
    /// A string.
    String,
}

/// Says what a plain scalar is.
pub fn plain(text: &str) -> PlainScalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return PlainScalar::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return PlainScalar::Boolean,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "n" | "N" | "no" | "No" | "NO"
        | "off" | "Off" | "OFF" => return PlainScalar::OldBoolean,
        ".nan" | ".NaN" | ".NAN" => return PlainScalar::Number,
        _ => {}
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return PlainScalar::Number;
    }
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return PlainScalar::String;
    }
    number(text, &unsigned.replace('_', ""))
}

fn number(text: &str, digits: &str) -> PlainScalar {
    if digits.bytes().all(|b| b.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0')) {
        // Underscores make it a number for one reading only: nobody's whole number.
        return text
            .parse()
            .map_or(PlainScalar::Number, PlainScalar::Integer);
    }
    let radix = |prefixes: [&str; 2], radix: u32| {
        prefixes
            .iter()
            .filter_map(|prefix| digits.strip_prefix(prefix))
            .any(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_digit(radix)))
    };
    let octal =
        digits.len() > 1 && digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    let float = digits.contains(|c: char| c.is_ascii_digit()) && digits.parse::<f64>().is_ok();
    if octal || radix(["0x", "0X"], 16) || radix(["0o", "0O"], 8) || radix(["0b", "0B"], 2) || float
    {
        PlainScalar::Number
    } else {
        PlainScalar::String
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_either_version_takes_for_a_number_is_no_string() {
        for text in [
            "1_000",
            "0x1F",
            "0o17",
            "017",
            "0b1",
            "1e3",
            ".5",
            "-.inf",
            ".nan",
            "99999999999999999999",
        ] {
            assert_eq!(plain(text), PlainScalar::Number, "{text}");
        }
        assert_eq!(plain("-12"), PlainScalar::Integer(-12));
        assert_eq!(plain("0"), PlainScalar::Integer(0));
    }

    #[test]
    fn names_that_only_look_alike_are_strings() {
        for text in [
            "get-sum",
            "1.2.3.4",
            "2026-07-28",
            "0xzz",
            "-",
            ".",
            "..",
            "e3",
            "nope",
            "1st",
            "infinity",
        ] {
            assert_eq!(plain(text), PlainScalar::String, "{text}");
        }
    }

    #[test]
    fn the_booleans_of_the_old_version_are_told_apart() {
        assert_eq!(plain("yes"), PlainScalar::OldBoolean);
        assert_eq!(plain("true"), PlainScalar::Boolean);
        assert_eq!(plain("~"), PlainScalar::Null);
    }
}
