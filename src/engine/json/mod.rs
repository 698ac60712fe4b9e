//! A strict JSON reader for hostile input.
//!
//! Reads one RFC 8259 document in a single pass, as its pieces arrive: any
//! splitting gives the same result. Refuses everything that two readers could
//! take differently: a byte order mark, invalid UTF-8 (in skipped values too),
//! lone surrogates, raw control characters, keys that are equal after unescaping,
//! anything after the document but white space.
//!
//! Keeps nothing but what it is told to keep, never recurses and never panics.
//! What the document means is the [`Visitor`]'s business; a [`RawValue`] looks into what
//! it kept.

mod confusable;
mod hidden;
mod keys;
mod number;
mod pull;
mod raw;
mod reader;
mod scan;
mod skip;
mod string;

pub use confusable::{are_words_of_one, folded, has_letters_of, is_other_case, is_twin, trimmed};
pub use hidden::{is_hidden, shown, shown_json};
pub use pull::Pull;
pub use raw::{RawItems, RawMembers, RawNumber, RawValue};
pub use reader::{JsonError, ReadError, Reader, TokenKind, Visitor, Want, Why};
