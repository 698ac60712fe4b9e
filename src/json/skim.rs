//! The quick way over values that nobody wants.
//!
//! Takes whole tokens that are well-formed and lie within one piece, and leaves everything
//! else to [`step`](Reader::step): what is wrong, what has escapes, and what a piece ends
//! within. So it refuses nothing, and what it takes the slow way would take just so.

use super::number::Number;
use super::reader::{Frame, Reader, State, is_blank};
use super::scan::{self, Plain};

impl Reader {
    /// Takes tokens off the front of `rest` for as long as the value lasts that is skipped;
    /// perhaps none.
    pub(super) fn skim(&mut self, rest: &[u8]) -> usize {
        let Some(depth) = self.skipped else {
            return 0;
        };
        // SECURITY: within a token nothing is blank, and no byte means what it means here.
        if !self.state.is_between() {
            return 0;
        }
        let mut at: usize = 0;
        let mut state = self.state;
        let mut is_object = matches!(self.frames.last(), Some(Frame::Object(_)));
        while let Some(&byte) = rest.get(at) {
            if is_blank(&byte) {
                at = at.saturating_add(1);
                continue;
            }
            let taken = match (state, byte) {
                (State::CommaOrEnd, b',') => {
                    state = if is_object { State::Key } else { State::Value };
                    1
                }
                (State::FirstKeyOrEnd | State::CommaOrEnd, b'}')
                | (State::FirstValueOrEnd | State::CommaOrEnd, b']') => {
                    if self.frames.len() <= depth.saturating_add(1) || !self.skim_end(byte) {
                        break;
                    }
                    is_object = matches!(self.frames.last(), Some(Frame::Object(_)));
                    state = State::CommaOrEnd;
                    1
                }
                (State::FirstKeyOrEnd | State::Key, b'"') => {
                    let Some(taken) = self.skim_key(rest, at) else {
                        break;
                    };
                    state = State::Colon;
                    taken
                }
                (State::Colon, b':') => {
                    state = State::Value;
                    1
                }
                (State::Value | State::FirstValueOrEnd, b'{' | b'[') => {
                    if self.frames.len() >= self.depth_limit {
                        break;
                    }
                    is_object = byte == b'{';
                    (self.frames).push(if is_object {
                        state = State::FirstKeyOrEnd;
                        Frame::Object(self.keys.open())
                    } else {
                        state = State::FirstValueOrEnd;
                        Frame::Array
                    });
                    1
                }
                (State::Value | State::FirstValueOrEnd, _) => {
                    let value = rest.get(at..).unwrap_or_default();
                    let Some(taken) = scalar(byte, value) else {
                        break;
                    };
                    state = State::CommaOrEnd;
                    taken
                }
                _ => break,
            };
            at = at.saturating_add(taken);
        }
        self.state = state;
        at
    }

    /// A key, quotes included.
    fn skim_key(&mut self, rest: &[u8], at: usize) -> Option<usize> {
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
    for byte in value.get(1..)? {
        match number.next(*byte) {
            Some(next) => number = next,
            None => return number.is_complete().then_some(length),
        }
        length = length.saturating_add(1);
    }
    None
}
