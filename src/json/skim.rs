//! The quick way over values that nobody wants.
//!
//! Takes whole tokens that are well-formed and lie within one piece, and leaves everything
//! else to [`step`](Reader::step): what is wrong, what has escapes, and what a piece ends
//! within. So it refuses nothing, and what it takes the slow way would take just so.

use super::number::Number;
use super::reader::{Frame, Reader, State, is_blank};
use super::scan::{self, Plain};

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
    const fn of(state: State) -> Option<Self> {
        Some(match state {
            State::Value => Self::Value,
            State::FirstValueOrEnd => Self::FirstValueOrEnd,
            State::FirstKeyOrEnd => Self::FirstKeyOrEnd,
            State::Key => Self::Key,
            State::Colon => Self::Colon,
            State::CommaOrEnd => Self::CommaOrEnd,
            State::Text(_) | State::Escape(..) | State::Number(_) | State::Literal(_) => {
                return None;
            }
            State::Done => return None,
        })
    }

    const fn state(self) -> State {
        match self {
            Self::Value => State::Value,
            Self::FirstValueOrEnd => State::FirstValueOrEnd,
            Self::FirstKeyOrEnd => State::FirstKeyOrEnd,
            Self::Key => State::Key,
            Self::Colon => State::Colon,
            Self::CommaOrEnd => State::CommaOrEnd,
        }
    }
}

impl Reader {
    /// Takes tokens off the front of `rest` for as long as the value lasts that is skipped;
    /// perhaps none.
    pub(super) fn skim(&mut self, rest: &[u8]) -> usize {
        let (Some(depth), Some(mut next)) = (self.skipped, Next::of(self.state)) else {
            return 0;
        };
        let mut at: usize = 0;
        let mut is_object = self.is_in_object();
        while let Some(&byte) = rest.get(at) {
            let taken = match next {
                _ if byte <= b' ' => match is_blank(&byte) {
                    true => 1,
                    false => break,
                },
                Next::CommaOrEnd if byte == b',' => {
                    next = if is_object { Next::Key } else { Next::Value };
                    1
                }
                Next::Key | Next::FirstKeyOrEnd if byte == b'"' => {
                    let Some(taken) = self.skim_key(rest, at) else {
                        break;
                    };
                    next = Next::Colon;
                    taken
                }
                Next::Colon if byte == b':' => {
                    next = Next::Value;
                    1
                }
                Next::FirstKeyOrEnd | Next::FirstValueOrEnd | Next::CommaOrEnd
                    if matches!(byte, b'}' | b']') =>
                {
                    // An end that is not the one expected is not among the frames.
                    let is_last = self.frames.len() <= depth.saturating_add(1);
                    if is_last || !self.skim_end(byte) {
                        break;
                    }
                    is_object = self.is_in_object();
                    next = Next::CommaOrEnd;
                    1
                }
                Next::Value | Next::FirstValueOrEnd if matches!(byte, b'{' | b'[') => {
                    if self.frames.len() >= self.depth_limit {
                        break;
                    }
                    is_object = byte == b'{';
                    if is_object {
                        next = Next::FirstKeyOrEnd;
                        self.frames.push(Frame::Object(self.keys.open()));
                    } else {
                        next = Next::FirstValueOrEnd;
                        self.frames.push(Frame::Array);
                    }
                    1
                }
                Next::Value | Next::FirstValueOrEnd => {
                    let value = rest.get(at..).unwrap_or_default();
                    let Some(taken) = scalar(byte, value) else {
                        break;
                    };
                    next = Next::CommaOrEnd;
                    taken
                }
                _ => break,
            };
            at = at.saturating_add(taken);
        }
        self.state = next.state();
        at
    }

    fn is_in_object(&self) -> bool {
        matches!(self.frames.last(), Some(Frame::Object(_)))
    }

    /// A key, quotes included.
    pub(super) fn skim_key(&mut self, rest: &[u8], at: usize) -> Option<usize> {
        let after = rest.get(at.saturating_add(1)..)?;
        let length = string(after)?;
        let offset = self.offset.saturating_add(at);
        self.keys.add(after, length, offset);
        Some(length.saturating_add(2))
    }

    /// The end of a container that is not the last one skipped.
    fn skim_end(&mut self, byte: u8) -> bool {
        match (self.frames.last(), byte) {
            (Some(Frame::Array), b']') => {}
            (Some(Frame::Object(mark)), b'}') => {
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

/// A string, number or literal, quotes included.
fn scalar(byte: u8, value: &[u8]) -> Option<usize> {
    match byte {
        b'"' => {
            let length = string(value.get(1..)?)?;
            Some(length.saturating_add(2))
        }
        b't' => value.starts_with(b"true").then_some(4),
        b'n' => value.starts_with(b"null").then_some(4),
        b'f' => value.starts_with(b"false").then_some(5),
        _ => number(byte, value),
    }
}

/// The length of a string without escapes, of which `bytes` has all but the first quote.
fn string(bytes: &[u8]) -> Option<usize> {
    let Plain { length, is_ascii } = scan::plain(bytes);
    if bytes.get(length) != Some(&b'"') {
        return None;
    }
    if !is_ascii {
        std::str::from_utf8(bytes.get(..length)?).ok()?;
    }
    Some(length)
}

/// The length of a number that something follows.
fn number(byte: u8, value: &[u8]) -> Option<usize> {
    let mut number = Number::begin(byte)?;
    let mut length: usize = 1;
    let mut bytes = value.get(1..)?.iter();
    if number == Number::Integer {
        // Most are integers.
        let digits = bytes
            .as_slice()
            .iter()
            .take_while(|byte| byte.is_ascii_digit());
        let digits = digits.count();
        length = length.saturating_add(digits);
        bytes = bytes.as_slice().get(digits..)?.iter();
    }
    for byte in bytes {
        match number.next(*byte) {
            Some(next) => number = next,
            None => return number.is_complete().then_some(length),
        }
        length = length.saturating_add(1);
    }
    None
}
