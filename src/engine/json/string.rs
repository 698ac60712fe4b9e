//! Strings: UTF-8 over any splitting, and escapes.
//!
//! SPEC: RFC 8259, sections 7 and 8.

use super::reader::JsonError;

/// How far an escape has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// After `\`.
    Begun,
    /// Within `\uXXXX`: digits still to come, value so far, and the high
    /// surrogate that came before.
    Unicode {
        missing: u8,
        value: u16,
        high: Option<u16>,
    },
    /// After a high surrogate: `\` must come.
    LowBackslash { high: u16 },
    /// And then `u`.
    LowU { high: u16 },
}

/// What an escape has come to after one more byte.
pub(super) enum Escaped {
    /// More bytes are needed.
    More(Escape),
    /// The character.
    Char(char),
}

impl Escape {
    pub(super) fn next(self, byte: u8) -> Result<Escaped, JsonError> {
        match self {
            Self::Begun => match byte {
                b'"' | b'\\' | b'/' => Ok(Escaped::Char(char::from(byte))),
                b'b' => Ok(Escaped::Char('\u{8}')),
                b'f' => Ok(Escaped::Char('\u{c}')),
                b'n' => Ok(Escaped::Char('\n')),
                b'r' => Ok(Escaped::Char('\r')),
                b't' => Ok(Escaped::Char('\t')),
                b'u' => Ok(Escaped::More(Self::Unicode {
                    missing: 4,
                    value: 0,
                    high: None,
                })),
                _ => Err(JsonError::Escape),
            },
            Self::Unicode {
                missing,
                value,
                high,
            } => {
                let digit = char::from(byte).to_digit(16).ok_or(JsonError::Escape)?;
                let value = (value << 4) | u16::try_from(digit).map_err(|_| JsonError::Escape)?;
                match missing.saturating_sub(1) {
                    0 => unit(value, high),
                    missing => Ok(Escaped::More(Self::Unicode {
                        missing,
                        value,
                        high,
                    })),
                }
            }
            Self::LowBackslash { high } => match byte {
                b'\\' => Ok(Escaped::More(Self::LowU { high })),
                _ => Err(JsonError::Surrogate),
            },
            Self::LowU { high } => match byte {
                b'u' => Ok(Escaped::More(Self::Unicode {
                    missing: 4,
                    value: 0,
                    high: Some(high),
                })),
                _ => Err(JsonError::Surrogate),
            },
        }
    }
}

/// A complete UTF-16 code unit: a character, or the first half of one.
fn unit(value: u16, high: Option<u16>) -> Result<Escaped, JsonError> {
    let units = [high.unwrap_or(value), value];
    let units = if high.is_some() {
        &units[..]
    } else {
        units.get(1..).unwrap_or_default()
    };
    match (char::decode_utf16(units.iter().copied()).next(), value) {
        (Some(Ok(char)), _) => Ok(Escaped::Char(char)),
        (_, 0xD800..=0xDBFF) if high.is_none() => {
            Ok(Escaped::More(Escape::LowBackslash { high: value }))
        }
        _ => Err(JsonError::Surrogate),
    }
}

/// A UTF-8 sequence that a piece of the body ended within.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Utf8 {
    bytes: [u8; 4],
    length: usize,
}

impl Utf8 {
    /// How many bytes of an incomplete sequence have come.
    pub(super) const fn pending(self) -> usize {
        self.length
    }

    /// Whether a sequence is incomplete.
    pub(super) const fn is_incomplete(self) -> bool {
        self.length != 0
    }

    /// Checks more bytes and hands on what is complete. When a sequence is invalid,
    /// `Err` with how many of the bytes, and of those pending before, stand before it.
    pub(super) fn check(
        &mut self,
        mut bytes: &[u8],
        mut hand_on: impl FnMut(&str),
    ) -> Result<(), usize> {
        let all = bytes.len().saturating_add(self.length);
        while self.is_incomplete() {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            bytes = rest;
            *self.bytes.get_mut(self.length).ok_or(0usize)? = *first;
            self.length = self.length.saturating_add(1);
            match std::str::from_utf8(self.bytes.get(..self.length).unwrap_or_default()) {
                Ok(char) => {
                    hand_on(char);
                    self.length = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(0),
            }
        }
        let before = all.saturating_sub(bytes.len());
        match std::str::from_utf8(bytes) {
            Ok(text) => hand_on(text),
            Err(error) if error.error_len().is_none() => {
                // The beginning of a sequence that the next piece must go on with.
                let (valid, rest) = bytes.split_at_checked(error.valid_up_to()).ok_or(before)?;
                hand_on(std::str::from_utf8(valid).map_err(|_| before)?);
                self.bytes
                    .get_mut(..rest.len())
                    .ok_or(before)?
                    .copy_from_slice(rest);
                self.length = rest.len();
            }
            Err(error) => return Err(before.saturating_add(error.valid_up_to())),
        }
        Ok(())
    }
}
