//! What expressions are once compiled, and how they are evaluated.
//!
//! An expression is parsed, checked and resolved by the compiler. What is left of it is
//! a [`CelProgram`]: a document that names what to do and what to read. A [`CelCondition`] is
//! a program that was found sound, ready to be evaluated against whatever answers for a
//! request ([`Attributes`]).
//!
//! Nothing here parses an expression or compiles a regular one. An evaluation is bounded
//! in steps and bytes whatever the request holds, and ends in a boolean or an [`EvalError`].
//!
//! SPEC: cel-spec, `doc/langdef.md`, and the strings extension of cel-go.

mod attribute;
mod budget;
mod compare;
mod condition;
mod convert;
mod error;
mod evaluate;
mod function;
mod map;
mod needs;
mod notation;
mod operators;
mod pattern;
mod program;
mod readings;
mod strings;
mod time;
mod value;

pub use attribute::{Attribute, AttributeValue, Attributes, Reading, ReadingKind};
pub use budget::{Allowance, STEPS};
pub use condition::{CelCondition, UnsoundError};
pub use error::EvalError;
pub use function::Function;
pub use needs::AttributeNeeds;
pub use pattern::{CompiledRegex, Pattern};
pub use program::{CelNode, CelProgram, Constant, Loop, MAX_DEPTH, MAX_NODES, NodeId, Real};
pub use time::{Duration, Timestamp};
pub use value::{TypeName, Value};
