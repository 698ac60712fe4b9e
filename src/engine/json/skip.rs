//! The quick way over values that nobody wants.
//!
//! Takes whole tokens that are well-formed and lie within one piece, and leaves everything
//! else to [`step`](Reader::step): what is wrong, keys with escapes, surrogates, and what a
//! piece ends within or nearly so. So it refuses nothing, and what it takes the slow way
//! would take just so.

use super::reader::{Nesting, Reader, ReaderState, is_blank};
use super::scan::{self, PlainRun};

/// What a token may be next: of the reader's states those between tokens, in a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Value,
    FirstValueOrEnd,
    FirstKeyOrEnd,
    Key,
    Colon,
    CommaOrEnd,
}

impl Next {
    /// SECURITY: `None` within a token, where nothing is blank and no byte means what it
    /// means here.
    const fn of(state: ReaderState) -> Option<Self> {
        Some(match state {
            ReaderState::Value => Self::Value,
            ReaderState::FirstValueOrEnd => Self::FirstValueOrEnd,
            ReaderState::FirstKeyOrEnd => Self::FirstKeyOrEnd,
            ReaderState::Key => Self::Key,
            ReaderState::Colon => Self::Colon,
            ReaderState::CommaOrEnd => Self::CommaOrEnd,
            ReaderState::Text(_)
            | ReaderState::Escape(..)
            | ReaderState::Number(_)
            | ReaderState::Literal(_) => {
                return None;
            }
            ReaderState::Done => return None,
        })
    }

    const fn state(self) -> ReaderState {
        match self {
            Self::Value => ReaderState::Value,
            Self::FirstValueOrEnd => ReaderState::FirstValueOrEnd,
            Self::FirstKeyOrEnd => ReaderState::FirstKeyOrEnd,
            Self::Key => ReaderState::Key,
            Self::Colon => ReaderState::Colon,
            Self::CommaOrEnd => ReaderState::CommaOrEnd,
        }
    }
}

impl Reader {
    /// Takes tokens off the front of `rest` for as long as the value lasts that is skipped;
    /// perhaps none.
    #[inline(never)]
    pub(super) fn skim(&mut self, rest: &[u8]) -> usize {
        let (Some(depth), Some(mut next)) = (self.skipped, Next::of(self.state)) else {
            return 0;
        };
        let mut at: usize = 0;
        let mut is_object = self.is_in_object();
        // A turn takes what follows a value, a key and its value, as far as they come so.
        loop {
            if !matches!(next, Next::Key | Next::Colon | Next::Value) {
                at = blanks(rest, at);
                match rest.get(at) {
                    Some(b',') if next == Next::CommaOrEnd => {
                        at = at.wrapping_add(1);
                        next = if is_object { Next::Key } else { Next::Value };
                    }
                    Some(byte @ (b'}' | b']')) => {
                        // An end that is not the one expected is not among the frames.
                        let is_last = self.frames.len() <= depth.saturating_add(1);
                        if is_last || !self.skim_end(*byte) {
                            break;
                        }
                        at = at.wrapping_add(1);
                        is_object = self.is_in_object();
                        next = Next::CommaOrEnd;
                        continue;
                    }
                    _ if next == Next::CommaOrEnd => break,
                    _ => {}
                }
            }
            if matches!(next, Next::Key | Next::FirstKeyOrEnd) {
                at = blanks(rest, at);
                if rest.get(at) != Some(&b'"') {
                    break;
                }
                let Some(after) = self.skim_key(rest, at) else {
                    break;
                };
                at = after;
                next = Next::Colon;
            }
            if next == Next::Colon {
                at = blanks(rest, at);
                if rest.get(at) != Some(&b':') {
                    break;
                }
                at = at.wrapping_add(1);
                next = Next::Value;
            }
            at = blanks(rest, at);
            if let Some(byte @ (b'{' | b'[')) = rest.get(at) {
                if self.frames.len() >= self.depth_limit {
                    break;
                }
                at = at.wrapping_add(1);
                is_object = *byte == b'{';
                if is_object {
                    next = Next::FirstKeyOrEnd;
                    self.frames.push(Nesting::Object(self.keys.open()));
                } else {
                    next = Next::FirstValueOrEnd;
                    self.frames.push(Nesting::Array);
                }
            } else {
                let Some(after) = scalar(rest, at) else {
                    break;
                };
                at = after;
                next = Next::CommaOrEnd;
            }
        }
        self.state = next.state();
        at
    }

    fn is_in_object(&self) -> bool {
        matches!(self.frames.last(), Some(Nesting::Object(_)))
    }

    /// How long the key is that comes first, quotes included, if all of it is there and plain.
    #[inline(never)]
    pub(super) fn whole_key(&mut self, rest: &[u8]) -> Option<usize> {
        self.skim_key(rest, 0)
    }

    /// Where the key ends that begins at `at` with its quote.
    #[inline(always)]
    fn skim_key(&mut self, rest: &[u8], at: usize) -> Option<usize> {
        if self.keys.is_full() {
            return None;
        }
        let offset = self.offset.wrapping_add(at);
        let start = at.wrapping_add(1);
        if let Some(Short { word, length }) = short(rest, start) {
            self.keys.add_short(word, length, offset);
            return Some(start.wrapping_add(length).wrapping_add(1));
        }
        let end = plain(rest, start)?;
        if rest.get(end) != Some(&b'"') {
            return None;
        }
        self.keys.add(rest.get(start..end)?, offset);
        Some(end.wrapping_add(1))
    }

    /// The end of a container that is not the last one skipped.
    #[inline(always)]
    fn skim_end(&mut self, byte: u8) -> bool {
        match (self.frames.last(), byte) {
            (Some(Nesting::Array), b']') => {}
            (Some(Nesting::Object(mark)), b'}') => {
                if self.keys.close(*mark).is_err() {
                    return false;
                }
            }
            _ => return false,
        }
        self.frames.pop();
        true
    }
}

/// Where white space ends that may begin at `at`.
#[inline]
fn blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes
        .get(at)
        .is_some_and(|byte| *byte <= b' ' && is_blank(byte))
    {
        at = at.wrapping_add(1);
    }
    at
}

/// Where the string, number or literal ends that begins at `at`.
#[inline]
fn scalar(bytes: &[u8], at: usize) -> Option<usize> {
    let literal = |text: &[u8]| {
        let is_there = bytes.get(at..)?.starts_with(text);
        is_there.then_some(at.wrapping_add(text.len()))
    };
    match bytes.get(at)? {
        b'"' => string(bytes, at.wrapping_add(1)),
        b't' => literal(b"true"),
        b'n' => literal(b"null"),
        b'f' => literal(b"false"),
        _ => number(bytes, at),
    }
}

/// A string of less than eight bytes.
struct Short {
    /// Its bytes, with zeros behind.
    word: u64,
    length: usize,
}

/// The string whose first byte stands at `at`, if it is short and has no escapes.
#[inline(always)]
fn short(bytes: &[u8], at: usize) -> Option<Short> {
    let bytes: &[u8; 8] = bytes.get(at..)?.first_chunk()?;
    // Byte by byte: a length that is guessed right is not waited for.
    let length = bytes.iter().position(|byte| scan::is_special(*byte))?;
    if bytes.get(length) != Some(&b'"') {
        return None;
    }
    let bits = length.wrapping_mul(8) as u32;
    let word = u64::from_le_bytes(*bytes) & !(u64::MAX << bits);
    if !scan::is_ascii(word) && !scan::are_pairs(word) {
        std::str::from_utf8(bytes.get(..length)?).ok()?;
    }
    Some(Short { word, length })
}

/// Where the string ends whose first byte stands at `at`.
#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    match short(bytes, at) {
        Some(Short { length, .. }) => Some(at.wrapping_add(length).wrapping_add(1)),
        None => long(bytes, at),
    }
}

/// The same, however long it is and with escapes.
#[inline(never)]
fn long(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = plain(bytes, at)?;
        match bytes.get(at..)? {
            [b'"', ..] => return Some(at.wrapping_add(1)),
            [b'\\', b'u', digits @ ..] if is_unit(digits) => at = at.wrapping_add(6),
            [b'\\', escaped, ..] if ESCAPED.contains(escaped) => at = at.wrapping_add(2),
            _ => return None,
        }
    }
}

/// What stands for a character behind `\`.
const ESCAPED: [u8; 8] = *b"\"\\/bfnrt";

/// Whether four digits come first that stand for a character, and for no half of one.
fn is_unit(digits: &[u8]) -> bool {
    let Some([first, second, third, fourth]) = digits.first_chunk() else {
        return false;
    };
    let is_surrogate = matches!(first, b'd' | b'D') && *second >= b'8';
    let digits = [first, second, third, fourth];
    !is_surrogate && digits.into_iter().all(u8::is_ascii_hexdigit)
}

/// Where the plain part of a string ends that begins at `at`.
#[inline(never)]
fn plain(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?;
    let PlainRun { length, is_ascii } = scan::plain(bytes);
    if !is_ascii {
        std::str::from_utf8(bytes.get(..length)?).ok()?;
    }
    Some(at.wrapping_add(length))
}

/// Where the number ends that begins at `at` and that something follows.
///
/// SPEC: RFC 8259, section 6.
#[inline(always)]
fn number(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'-') {
        at = at.wrapping_add(1);
    }
    at = match bytes.get(at)? {
        b'0' => at.wrapping_add(1),
        _ => digits(bytes, at)?,
    };
    match bytes.get(at)? {
        b'.' | b'e' | b'E' => fraction(bytes, at),
        _ => Some(at),
    }
}

/// The same, from behind the integer.
#[inline(never)]
fn fraction(bytes: &[u8], mut at: usize) -> Option<usize> {
    if bytes.get(at) == Some(&b'.') {
        at = digits(bytes, at.wrapping_add(1))?;
    }
    if let b'e' | b'E' = bytes.get(at)? {
        at = at.wrapping_add(1);
        if let b'+' | b'-' = bytes.get(at)? {
            at = at.wrapping_add(1);
        }
        at = digits(bytes, at)?;
    }
    (at < bytes.len()).then_some(at)
}

/// Where digits end of which at least one stands at `at`.
#[inline(always)]
fn digits(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at;
    while bytes.get(end).is_some_and(u8::is_ascii_digit) {
        end = end.wrapping_add(1);
    }
    (end > at).then_some(end)
}
