//! From nodes to typed objects, collecting every problem.
//!
//! A decoder is a function from a [`Undecoded`] to an `Option`: `None` says that a
//! problem was reported. [`MappingDecoder`] walks through the fields of an object and, at
//! the end, refuses the ones that nobody asked for. Decoders for lists, texts and
//! choices are made by [`list`], [`text`] and [`choice`].

mod object;
mod problem;
mod suggest;
mod value;

pub use object::{MappingDecoder, Optional, Required};
pub use problem::{FieldPlace, Located, Problem, TextPart};
pub use suggest::closest;
pub use value::{
    Choice, EmptyList, StringForm, Undecoded, boolean, choice, integer, list, millionths,
    refuse_duplicates, text,
};
