//! The types of expressions.

use std::fmt;

/// A type.
///
/// SPEC: cel-spec, "Gradual Type Checking": `dyn` is what is only known at run time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Meta,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
}

impl Type {
    /// A list of anything.
    pub(super) fn list() -> Self {
        Self::List(Box::new(Self::Dyn))
    }

    /// A map of anything.
    pub(super) fn map() -> Self {
        Self::Map(Box::new(Self::Dyn), Box::new(Self::Dyn))
    }

    /// Whether one value may be of both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(a), Self::List(b)) => a.meets(b),
            (Self::Map(a, b), Self::Map(c, d)) => a.meets(c) && b.meets(d),
            (a, b) => a == b,
        }
    }

    /// The type of what is of one or of the other.
    pub(super) fn join(&self, other: &Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a.clone(),
            (Self::List(a), Self::List(b)) if a.meets(b) => Self::List(Box::new(a.join(b))),
            (Self::Map(a, b), Self::Map(c, d)) if a.meets(c) && b.meets(d) => {
                Self::Map(Box::new(a.join(c)), Box::new(b.join(d)))
            }
            _ => Self::Dyn,
        }
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double | Self::Dyn)
    }
}

/// With its article, as a sentence has it.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dyn => "a value of any type",
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Meta => "a type",
            Self::List(_) => "a list",
            Self::Map(..) => "a map",
        })
    }
}
