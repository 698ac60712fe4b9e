//! A look into the text of a value that the reader took: nothing is built, and nothing
//! copied but strings with escapes.
//!
//! Every look walks over the text from the front, without recursion. Text that the
//! reader did not take is read in some way, and never makes it panic.

use std::borrow::Cow;

use super::reader::TokenKind;
use super::scan;
use super::string::{Escape, Escaped};

/// A value, as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawValue<'t> {
    text: &'t [u8],
}

/// A number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RawNumber {
    /// One without fraction and exponent that fits.
    Integer(i64),
    /// Any other, as near as a double gets; beyond all doubles it is infinite.
    Double(f64),
}

impl<'t> RawValue<'t> {
    /// The first value in a text.
    pub fn new(text: &'t [u8]) -> Self {
        Self {
            text: first(text).map_or(&[], |(value, _)| value),
        }
    }

    /// The text.
    pub const fn text(self) -> &'t [u8] {
        self.text
    }

    /// What it is.
    pub const fn kind(self) -> Option<TokenKind> {
        kind(self.text)
    }

    /// The members of an object, in order: keys (which are strings) and values.
    pub fn members(self) -> RawMembers<'t> {
        RawMembers {
            rest: self.text.strip_prefix(b"{").unwrap_or_default(),
        }
    }

    /// The items of an array, in order.
    pub fn items(self) -> RawItems<'t> {
        RawItems {
            rest: self.text.strip_prefix(b"[").unwrap_or_default(),
        }
    }

    /// The characters of a string.
    pub fn string(self) -> Option<Cow<'t, str>> {
        let inner = self.text.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        let inner = std::str::from_utf8(inner).ok()?;
        if inner.contains('\\') {
            unescape(inner).map(Cow::Owned)
        } else {
            Some(Cow::Borrowed(inner))
        }
    }

    /// The number.
    pub fn number(self) -> Option<RawNumber> {
        let text = std::str::from_utf8(self.text).ok()?;
        if self.kind() != Some(TokenKind::Number) {
            return None;
        }
        let integer = text.parse().map(RawNumber::Integer).ok();
        integer.or_else(|| text.parse().map(RawNumber::Double).ok())
    }
}

/// What a value is, by the first byte of its text.
pub(super) const fn kind(text: &[u8]) -> Option<TokenKind> {
    match text.first() {
        Some(b'{') => Some(TokenKind::Object),
        Some(b'[') => Some(TokenKind::Array),
        Some(b'"') => Some(TokenKind::String),
        Some(b't') => Some(TokenKind::True),
        Some(b'f') => Some(TokenKind::False),
        Some(b'n') => Some(TokenKind::Null),
        Some(b'-' | b'0'..=b'9') => Some(TokenKind::Number),
        _ => None,
    }
}

/// The members of an object.
#[derive(Debug, Clone)]
pub struct RawMembers<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for RawMembers<'t> {
    type Item = (RawValue<'t>, RawValue<'t>);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, rest) = first(self.rest)?;
        let (value, rest) = first(after(rest, b':'))?;
        self.rest = after(rest, b',');
        Some((RawValue { text: key }, RawValue { text: value }))
    }
}

/// The items of an array.
#[derive(Debug, Clone)]
pub struct RawItems<'t> {
    rest: &'t [u8],
}

impl<'t> Iterator for RawItems<'t> {
    type Item = RawValue<'t>;

    fn next(&mut self) -> Option<Self::Item> {
        let (value, rest) = first(self.rest)?;
        self.rest = after(rest, b',');
        Some(RawValue { text: value })
    }
}

/// What follows a separator; nothing where there is none.
fn after(text: &[u8], separator: u8) -> &[u8] {
    match text.trim_ascii_start().split_first() {
        Some((byte, rest)) if *byte == separator => rest,
        _ => &[],
    }
}

/// The first value, and what follows it.
fn first(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = text.trim_ascii_start();
    let length = match text.first()? {
        b'"' => string_length(text),
        b'{' | b'[' => container_length(text),
        b'}' | b']' | b',' | b':' => return None,
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b':' | 0..=b' ');
            text.iter().position(ends).unwrap_or(text.len())
        }
    };
    text.split_at_checked(length)
}

/// The length of the string at the front, its quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut length: usize = 1;
    loop {
        let rest = text.get(length..).unwrap_or_default();
        let plain = scan::plain(rest).length;
        length = length.saturating_add(plain);
        match rest.get(plain) {
            None => return text.len(),
            Some(b'"') => return length.saturating_add(1),
            // The character after a backslash is not the end.
            Some(b'\\') => length = length.saturating_add(2),
            Some(_) => length = length.saturating_add(1),
        }
    }
}

/// The length of the object or array at the front.
fn container_length(text: &[u8]) -> usize {
    let mut depth: usize = 0;
    let mut length: usize = 0;
    while let Some(byte) = text.get(length) {
        match byte {
            b'"' => {
                let string = string_length(text.get(length..).unwrap_or_default());
                length = length.saturating_add(string);
                continue;
            }
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        length = length.saturating_add(1);
        if depth == 0 {
            break;
        }
    }
    length.min(text.len())
}

/// A string without its escapes; `None` where one is malformed.
pub(super) fn unescape(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escaped)) = rest.split_once('\\') {
        plain.push_str(before);
        let mut escape = Escape::Begun;
        let mut bytes = escaped.bytes();
        let char = loop {
            match escape.next(bytes.next()?).ok()? {
                Escaped::More(more) => escape = more,
                Escaped::Char(char) => break char,
            }
        };
        plain.push(char);
        rest = escaped.get(escaped.len().saturating_sub(bytes.len())..)?;
    }
    plain.push_str(rest);
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(view: RawValue<'_>) -> serde_json::Value {
        use serde_json::Value;
        match view.kind().unwrap() {
            TokenKind::Object => {
                let members = view.members();
                let members =
                    members.map(|(key, value)| (key.string().unwrap().into_owned(), tree(value)));
                Value::Object(members.collect())
            }
            TokenKind::Array => Value::Array(view.items().map(tree).collect()),
            TokenKind::String => Value::String(view.string().unwrap().into_owned()),
            TokenKind::Number => match view.number().unwrap() {
                RawNumber::Integer(integer) => Value::from(integer),
                RawNumber::Double(double) => Value::from(double),
            },
            TokenKind::True => Value::Bool(true),
            TokenKind::False => Value::Bool(false),
            TokenKind::Null => Value::Null,
        }
    }

    #[test]
    fn what_is_seen_is_what_a_tree_would_hold() {
        for text in [
            r#"{"a":1,"b":[true,false,null],"c":{"d":{}}}"#,
            " [ 1 , -2.5e1, \"x\\n\\u00e9\\ud83e\\udd80\\\"]}\" , [ [] , {} ] ]\n",
            r#""""#,
            r#"{"":"","é\\":"🦀","{":"}"}"#,
            "-0",
            "9223372036854775807",
            "[]",
            "{ }",
            "null",
        ] {
            let expected: serde_json::Value = serde_json::from_str(text).unwrap();
            let expected = match expected.as_f64() {
                Some(0.0) => serde_json::Value::from(0),
                _ => expected,
            };
            assert_eq!(tree(RawValue::new(text.as_bytes())), expected, "{text}");
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_doubles() {
        let number = |text: &str| RawValue::new(text.as_bytes()).number();
        assert_eq!(
            number("9223372036854775808"),
            Some(RawNumber::Double(9_223_372_036_854_775_808.0))
        );
        assert_eq!(number("1.0"), Some(RawNumber::Double(1.0)));
        assert_eq!(number("1e999"), Some(RawNumber::Double(f64::INFINITY)));
    }

    #[test]
    fn damaged_text_is_read_in_some_way() {
        let text = br#"{"a":[1,{"b":"\u00e9\""}],"c":[[]]}"#;
        for end in 0..text.len() {
            for start in 0..end {
                let view = RawValue::new(&text[start..end]);
                let _ = (view.string(), view.number());
                assert!(view.members().count() <= end && view.items().count() <= end);
            }
        }
    }
}
