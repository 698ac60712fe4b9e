//! YAML by templates: what is put in is quoted and indented.

use std::fmt::Write as _;

use crate::engine::json::shown_json;

/// YAML with `{{name}}` where something belongs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Template<'t>(pub(super) &'t str);

impl Template<'_> {
    /// The text with the values in their places. What is put in is not looked at again.
    /// A value that ends in a line end takes the one after its place.
    pub(super) fn fill(self, values: &[(&str, &str)]) -> String {
        let mut filled = String::new();
        let mut rest = self.0;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            let found = after.split_once("}}").and_then(|(name, after)| {
                let (_, value) = values.iter().find(|(known, _)| *known == name)?;
                Some((value, after))
            });
            match found {
                Some((value, after)) => {
                    filled.push_str(value);
                    rest = match value.ends_with('\n') {
                        true => after.strip_prefix('\n').unwrap_or(after),
                        false => after,
                    };
                }
                None => {
                    filled.push_str("{{");
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }
}

/// Lines, so far to the right, with a line end after the last.
pub(super) fn indented(text: &str, indent: usize) -> String {
    let mut moved = String::new();
    for line in text.lines() {
        // Writing to a string cannot fail.
        let _ = match line {
            "" => writeln!(moved),
            line => writeln!(moved, "{:indent$}{line}", ""),
        };
    }
    moved
}

/// A scalar: as it is where it can be nothing else, else in quotes.
pub(super) fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = !reserved.contains(&text.to_ascii_lowercase().as_str());
    let is_address = text.parse::<std::net::Ipv4Addr>().is_ok();
    if is_address || (begins && is_word && text.chars().all(is_plain)) {
        return text.to_owned();
    }
    printable(&serde_json::Value::from(text).to_string())
}

/// JSON in which letters that YAML does not take as they are, or reads as ends of lines, are
/// escaped, with all others that are not seen.
pub(super) fn printable(json: &str) -> String {
    shown_json(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_looked_at_again() {
        let filled = Template("a: {{x}}, {{y}}\n{{z}}\nb: {{unknown}}\n").fill(&[
            ("x", "{{y}}"),
            ("y", "2"),
            ("z", "  c\n"),
        ]);
        assert_eq!(filled, "a: {{y}}, 2\n  c\nb: {{unknown}}\n");
    }

    #[test]
    fn scalars_mean_themselves() {
        for (text, expected) in [
            ("prod", "prod"),
            ("/mcp", "/mcp"),
            ("127.0.0.1", "127.0.0.1"),
            ("on", "\"on\""),
            ("1e3", "\"1e3\""),
            ("a: b", "\"a: b\""),
            ("a#\"\u{85}", "\"a#\\\"\\u0085\""),
            ("", "\"\""),
            ("oci://a@sha256:0", "\"oci://a@sha256:0\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
