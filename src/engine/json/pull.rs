//! A document that is all there, taken value by value by somebody who knows what comes
//! next: less code than a [`Reader`](super::Reader) with its visitor, and as strict.
//!
//! Keys that are equal are the caller's to refuse, who knows which there are.

use std::borrow::Cow;

use super::number::NumberState as State;
use super::raw::{RawNumber, RawValue, unescape};
use super::reader::{JsonError, TokenKind};
use super::{raw, scan};

/// A document, and how far it has been taken.
#[derive(Debug)]
pub struct Pull<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Pull<'t> {
    /// The document.
    ///
    /// # Errors
    /// When the text is not UTF-8.
    pub fn new(text: &'t [u8]) -> Result<Self, JsonError> {
        let text = std::str::from_utf8(text).map_err(|_| JsonError::Utf8)?;
        Ok(Self { text, at: 0 })
    }

    /// What the next value is, by its first byte.
    pub fn kind(&mut self) -> Option<TokenKind> {
        self.blank();
        raw::kind(self.rest())
    }

    /// The next value, a string.
    ///
    /// # Errors
    /// When it is none, or malformed.
    pub fn string(&mut self) -> Result<Cow<'t, str>, JsonError> {
        self.take(b'"')?;
        let start = self.at;
        let mut is_escaped = false;
        loop {
            let rest = self.rest();
            let plain = scan::plain(rest).length;
            self.skip(plain);
            match rest.get(plain) {
                None => return Err(JsonError::Incomplete),
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    self.skip(2);
                }
                Some(_) => return Err(JsonError::Control),
            }
        }
        let text = self.since(start);
        self.skip(1);
        if is_escaped {
            unescape(text).map(Cow::Owned).ok_or(JsonError::Escape)
        } else {
            Ok(Cow::Borrowed(text))
        }
    }

    /// The next value, a number.
    ///
    /// # Errors
    /// When it is none, or malformed.
    pub fn number(&mut self) -> Result<RawNumber, JsonError> {
        self.blank();
        let start = self.at;
        let mut bytes = self.rest().iter();
        let mut state = bytes
            .next()
            .and_then(|byte| State::begin(*byte))
            .ok_or(JsonError::Unexpected)?;
        self.skip(1);
        while let Some(next) = bytes.next().and_then(|byte| state.next(*byte)) {
            state = next;
            self.skip(1);
        }
        let number = RawValue::new(self.since(start).as_bytes()).number();
        number
            .filter(|_| state.is_complete())
            .ok_or(JsonError::Number)
    }

    /// The next value, `true` or `false`.
    ///
    /// # Errors
    /// When it is neither.
    pub fn boolean(&mut self) -> Result<bool, JsonError> {
        self.blank();
        let words = [("true", true), ("false", false)];
        let found = words
            .into_iter()
            .find(|(word, _)| self.rest().starts_with(word.as_bytes()));
        let (word, value) = found.ok_or(JsonError::Unexpected)?;
        self.skip(word.len());
        Ok(value)
    }

    /// The next value, an object: `member` takes each value, which follows its key.
    ///
    /// # Errors
    /// When it is none, or malformed, and those of `member`.
    pub fn object<E: From<JsonError>>(
        &mut self,
        member: &mut dyn FnMut(&mut Self, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'{')?;
        self.each(b'}', &mut |text| {
            let key = text.string()?;
            text.take(b':')?;
            member(text, &key)
        })
    }

    /// The next value, an array: `item` takes each.
    ///
    /// # Errors
    /// When it is none, or malformed, and those of `item`.
    pub fn array<E: From<JsonError>>(
        &mut self,
        item: &mut dyn FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.take(b'[')?;
        self.each(b']', item)
    }

    /// The document has been taken.
    ///
    /// # Errors
    /// When anything but white space is left.
    pub fn finish(mut self) -> Result<(), JsonError> {
        self.blank();
        if self.rest().is_empty() {
            Ok(())
        } else {
            Err(JsonError::Trailing)
        }
    }

    fn each<E: From<JsonError>>(
        &mut self,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.take(close).is_ok() {
            return Ok(());
        }
        loop {
            item(self)?;
            if self.take(b',').is_err() {
                return Ok(self.take(close)?);
            }
        }
    }

    /// Takes a byte.
    fn take(&mut self, byte: u8) -> Result<(), JsonError> {
        self.blank();
        match self.next() {
            None => Err(JsonError::Incomplete),
            Some(next) if next == byte => {
                self.skip(1);
                Ok(())
            }
            Some(_) => Err(JsonError::Unexpected),
        }
    }

    #[inline]
    fn blank(&mut self) {
        // As the compiler writes it, there is none.
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.skip(1);
        }
    }

    #[inline]
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    #[inline]
    fn skip(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn tree(text: &mut Pull<'_>) -> Result<Value, JsonError> {
        Ok(match text.kind().ok_or(JsonError::Unexpected)? {
            TokenKind::Object => {
                let mut members = serde_json::Map::new();
                text.object::<JsonError>(&mut |text, key| {
                    let again = members.insert(key.to_owned(), tree(text)?);
                    again.map_or(Ok(()), |_| Err(JsonError::DuplicateKey))
                })?;
                Value::Object(members)
            }
            TokenKind::Array => {
                let mut items = Vec::new();
                text.array::<JsonError>(&mut |text| {
                    items.push(tree(text)?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            TokenKind::String => Value::String(text.string()?.into_owned()),
            TokenKind::Number => match text.number()? {
                RawNumber::Integer(integer) => Value::from(integer),
                RawNumber::Double(double) => Value::from(double),
            },
            TokenKind::True | TokenKind::False | TokenKind::Null => {
                return Err(JsonError::Unexpected);
            }
        })
    }

    fn read(text: &[u8]) -> Result<Value, JsonError> {
        let mut pull = Pull::new(text)?;
        let value = tree(&mut pull)?;
        pull.finish().map(|()| value)
    }

    #[test]
    fn what_is_taken_is_what_a_tree_would_hold() {
        for text in [
            r#"{"a":1,"b":[],"c":{"d":{}}}"#,
            " [ 1 , -2.5e1, \"x\\n\\u00e9\\ud83e\\udd80\\\"]}\" , [ [] , { } ] ]\n",
            r#""""#,
            r#"{"":"","é\\":"🦀","{":"}"}"#,
            "9223372036854775807",
            "\t[\r]",
        ] {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(read(text.as_bytes()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn malformed_text_is_refused() {
        for text in [
            "",
            " ",
            "[",
            "]",
            "{",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1 2]",
            "[1]]",
            "[1],",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "{1:1}",
            "{\"a\" 1}",
            "{\"a\":1 \"b\":2}",
            "\"",
            "\"\\",
            "\"\\\"",
            "\"\n\"",
            "\"\\x\"",
            "\"\\ud800\"",
            "\"\\udc00\"",
            "\"\\u12\"",
            "\"\\é\"",
            "01",
            "-",
            "+1",
            "1.",
            ".5",
            "1e",
            "0x1",
            "1 1",
            "\u{feff}1",
            "[\u{a0}1]",
            "[1}",
            "{\"a\":1]",
        ] {
            assert!(read(text.as_bytes()).is_err(), "{text:?}");
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text:?}");
        }
        assert_eq!(read(b"\"\xff\""), Err(JsonError::Utf8));
        assert_eq!(read(br#"{"a":1,"\u0061":1}"#), Err(JsonError::DuplicateKey));
    }
}
