//! Names among others.

use std::borrow::Cow;

/// A name as it stands among others and among words: in quotes, where it could be taken for
/// several, or for words.
pub fn quoted(name: &str) -> Cow<'_, str> {
    let is_odd = |letter: char| letter.is_whitespace() || ",\"'`".contains(letter);
    if !name.is_empty() && !name.contains(is_odd) {
        return Cow::Borrowed(name);
    }
    let escaped = name.replace('\\', "\\\\").replace('"', "\\\"");
    Cow::Owned(format!("\"{escaped}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_mislead_is_quoted() {
        for name in ["get-sum", "search_v2", "file:///a/b", "工具"] {
            assert_eq!(quoted(name), name);
        }
        for (name, expected) in [
            ("echo, get-sum", "\"echo, get-sum\""),
            ("any other tool", "\"any other tool\""),
            ("a\"b\\", "\"a\\\"b\\\\\""),
            ("", "\"\""),
        ] {
            assert_eq!(quoted(name), expected);
        }
    }
}
