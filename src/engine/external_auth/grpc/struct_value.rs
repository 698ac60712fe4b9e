//! JSON as `google.protobuf.Value`.
//!
//! One pass over text that the reader has taken, without recursion and without a look
//! back, so that time grows with the text alone, however it is nested. Text that the
//! reader did not take gives nothing, or some value.
//!
//! SPEC: Protocol Buffers, `google/protobuf/struct.proto`.

use crate::engine::json::{RawNumber, RawValue, TokenKind};

use super::check_request::QUESTION_LIMIT;
use super::writer::Writer;
use crate::engine::external_auth::Unshown;

/// A container that has not ended.
#[derive(Debug, Clone, Copy)]
struct OpenContainer {
    is_object: bool,
    /// How many messages were open when its value began.
    outside: usize,
}

/// Writes the JSON value `text` into `field`.
///
/// # Errors
/// When it is nested more than `depth` containers deep, makes the message too long, has a
/// number that is no double, or is no JSON; what has been written is then of no use.
pub(super) fn json(
    writer: &mut Writer,
    field: u32,
    text: &[u8],
    depth: usize,
) -> Result<(), Unshown> {
    let broken = Unshown::NotText;
    let mut frames: Vec<OpenContainer> = Vec::new();
    // How many messages were open before the member whose key has come.
    let mut keyed = None;
    let mut rest = text.trim_ascii();
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'}' | b']' => {
                let frame = frames.pop().ok_or(broken)?;
                if keyed.is_some() || frame.is_object != (byte == b'}') {
                    return Err(broken);
                }
                writer.close_to(frame.outside);
                rest = after;
            }
            b',' | b':' if !frames.is_empty() => rest = after,
            _ => {
                let outside = keyed.take().unwrap_or(writer.depth());
                let is_member = outside < writer.depth();
                let frame = frames.last();
                let token = StructToken::of(rest, byte).ok_or(broken)?;
                rest = rest.get(token.length..).ok_or(broken)?;
                // Before what is written grows beyond what there is memory for.
                if writer.length() > QUESTION_LIMIT {
                    return Err(Unshown::TooLarge);
                }
                match frame {
                    Some(frame) if frame.is_object && !is_member => {
                        keyed = Some(outside);
                        writer.open(1); // fields
                        writer.bytes(1, token.view.string().ok_or(broken)?.as_bytes());
                        writer.open(2); // value
                        rest = rest.trim_ascii_start();
                        continue;
                    }
                    Some(frame) if !frame.is_object => writer.open(1), // values
                    Some(_) => {}
                    None => writer.open(field),
                }
                match token.kind {
                    TokenKind::Object | TokenKind::Array if frames.len() >= depth => {
                        return Err(Unshown::TooDeep);
                    }
                    TokenKind::Object | TokenKind::Array => {
                        let is_object = token.kind == TokenKind::Object;
                        writer.open(if is_object { 5 } else { 6 });
                        frames.push(OpenContainer { is_object, outside });
                    }
                    kind => {
                        scalar(writer, kind, token.view)?;
                        writer.close_to(outside);
                    }
                }
            }
        }
        rest = rest.trim_ascii_start();
        if frames.is_empty() {
            return if rest.is_empty() { Ok(()) } else { Err(broken) };
        }
    }
    Err(broken)
}

/// A bracket that opens, a string, a number or a literal.
#[derive(Debug, Clone, Copy)]
struct StructToken<'t> {
    kind: TokenKind,
    /// Of a bracket, nothing: a look at a container walks through all of it.
    view: RawValue<'t>,
    length: usize,
}

impl<'t> StructToken<'t> {
    /// The token at the front of `rest`, which begins with `byte`.
    fn of(rest: &'t [u8], byte: u8) -> Option<Self> {
        let (kind, view) = match byte {
            b'{' => (TokenKind::Object, RawValue::new(b"")),
            b'[' => (TokenKind::Array, RawValue::new(b"")),
            _ => {
                let view = RawValue::new(rest);
                (view.kind()?, view)
            }
        };
        let length = view.text().len().max(1);
        Some(Self { kind, view, length })
    }
}

fn scalar(writer: &mut Writer, kind: TokenKind, view: RawValue<'_>) -> Result<(), Unshown> {
    let broken = Unshown::NotText;
    match kind {
        TokenKind::Null => writer.number(1, 0),
        TokenKind::Number => writer.double(2, double(view)?),
        TokenKind::String => writer.bytes(3, view.string().ok_or(broken)?.as_bytes()),
        TokenKind::True => writer.number(4, 1),
        TokenKind::False => writer.number(4, 0),
        TokenKind::Object | TokenKind::Array => return Err(broken),
    }
    Ok(())
}

/// The number as a double.
///
/// SECURITY: whole numbers that have none would be others to the authorizer than to a
/// server that reads them as integers, and what is beyond all doubles is infinite to some.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // is looked at
fn double(view: RawValue<'_>) -> Result<f64, Unshown> {
    match view.number().ok_or(Unshown::NotText)? {
        RawNumber::Integer(integer) => match integer as f64 {
            double if double as i128 == i128::from(integer) => Ok(double),
            _ => Err(Unshown::Inexact),
        },
        RawNumber::Double(double) => {
            // Whole numbers of more than 64 bits are here too.
            let is_whole = !view.text().iter().any(|byte| b".eE".contains(byte));
            match double.is_finite() && !is_whole {
                true => Ok(double),
                false => Err(Unshown::Inexact),
            }
        }
    }
}
