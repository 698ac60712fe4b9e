//! Strict YAML, JSON included, with the position of every node.
//!
//! Built on a parser of events rather than on a ready-made tree, because the
//! tree has to keep what a security policy's reader must know: whether a scalar
//! was quoted, where each key stands, and every duplicate, not just the first.

mod json;
mod load;
mod locate;
mod node;
mod scalar;
mod size;
mod text;

pub use load::{YamlDocument, YamlText, load};
pub use locate::locate;
pub use node::{Entry, NodeKind, Scalar, Style, YamlNode};
pub use scalar::{PlainScalar, plain};
pub(crate) use size::{RUN, too_much_of_a_run};
pub(crate) use text::Offsets;
pub use text::{FileId, Span};
