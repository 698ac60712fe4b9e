//! JSON as `google.protobuf.Value`.
//!
//! One pass over text that the reader has taken, without recursion and without a look
//! back, so that time grows with the text alone, however it is nested. Text that the
//! reader did not take gives nothing, or some value.
//!
//! SPEC: Protocol Buffers, `google/protobuf/struct.proto`.

use crate::json::{Kind, View};

use super::writer::Writer;

/// A container that has not ended.
#[derive(Debug, Clone, Copy)]
struct Frame {
    is_object: bool,
    /// How many messages were open when its value began.
    outside: usize,
}

/// Writes the JSON value `text` into `field`.
///
/// `None` when it is nested more than `depth` containers deep, or no JSON; what has
/// been written is then of no use.
pub(super) fn json(writer: &mut Writer, field: u32, text: &[u8], depth: usize) -> Option<()> {
    let mut frames: Vec<Frame> = Vec::new();
    // How many messages were open before the member whose key has come.
    let mut keyed = None;
    let mut rest = text.trim_ascii();
    while let Some((&byte, after)) = rest.split_first() {
        match byte {
            b'}' | b']' => {
                let frame = frames.pop()?;
                if keyed.is_some() || frame.is_object != (byte == b'}') {
                    return None;
                }
                writer.close_to(frame.outside);
                rest = after;
            }
            b',' | b':' if !frames.is_empty() => rest = after,
            _ => {
                let outside = keyed.take().unwrap_or(writer.depth());
                let is_member = outside < writer.depth();
                let frame = frames.last();
                let token = Token::of(rest, byte)?;
                rest = rest.get(token.length..)?;
                match frame {
                    Some(frame) if frame.is_object && !is_member => {
                        keyed = Some(outside);
                        writer.open(1); // fields
                        writer.bytes(1, token.view.string()?.as_bytes());
                        writer.open(2); // value
                        rest = rest.trim_ascii_start();
                        continue;
                    }
                    Some(frame) if !frame.is_object => writer.open(1), // values
                    Some(_) => {}
                    None => writer.open(field),
                }
                match token.kind {
                    Kind::Object | Kind::Array if frames.len() >= depth => return None,
                    Kind::Object | Kind::Array => {
                        let is_object = token.kind == Kind::Object;
                        writer.open(if is_object { 5 } else { 6 });
                        frames.push(Frame { is_object, outside });
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
            return rest.is_empty().then_some(());
        }
    }
    None
}

/// A bracket that opens, a string, a number or a literal.
#[derive(Debug, Clone, Copy)]
struct Token<'t> {
    kind: Kind,
    /// Of a bracket, nothing: a look at a container walks through all of it.
    view: View<'t>,
    length: usize,
}

impl<'t> Token<'t> {
    /// The token at the front of `rest`, which begins with `byte`.
    fn of(rest: &'t [u8], byte: u8) -> Option<Self> {
        let (kind, view) = match byte {
            b'{' => (Kind::Object, View::new(b"")),
            b'[' => (Kind::Array, View::new(b"")),
            _ => {
                let view = View::new(rest);
                (view.kind()?, view)
            }
        };
        let length = view.text().len().max(1);
        Some(Self { kind, view, length })
    }
}

fn scalar(writer: &mut Writer, kind: Kind, view: View<'_>) -> Option<()> {
    match kind {
        Kind::Null => writer.number(1, 0),
        Kind::Number => writer.double(2, double(view.text())?),
        Kind::String => writer.bytes(3, view.string()?.as_bytes()),
        Kind::True => writer.number(4, 1),
        Kind::False => writer.number(4, 0),
        Kind::Object | Kind::Array => return None,
    }
    Some(())
}

/// The nearest double there is: a number beyond all of them is the largest, since an
/// authorizer's library need not take an infinite one.
fn double(text: &[u8]) -> Option<f64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    Some(value.clamp(f64::MIN, f64::MAX))
}
