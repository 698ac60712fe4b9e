//! Why an expression has no value.

/// Why an expression has no value.
///
/// SPEC: cel-spec, "Evaluation" and "Runtime errors". Which error it is changes nothing
/// of what becomes of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{}", self.as_str())]
pub enum EvalError {
    /// The request does not have a field, or a map no such key.
    NoSuchKey,
    /// An operation is given what it does not take.
    NoSuchOverload,
    /// An index is no place in the list or string.
    OutOfRange,
    /// The result does not fit its type.
    Overflow,
    /// A division by zero.
    DivisionByZero,
    /// The text cannot be read as what it is to become.
    Malformed,
    /// A map has the same key twice, one that is no key, or one that is nearly what is asked
    /// for.
    BadKey,
    /// The request has bytes that are not UTF-8 where a string is asked for.
    NotText,
    /// Servers read what is asked about in several ways, and the answer is not the same for
    /// all of them.
    Ambiguous,
    /// The steps or bytes that an evaluation may take are used up.
    Exhausted,
}

impl EvalError {
    /// The error in a few words, without anything of the request.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoSuchKey => "no such key",
            Self::NoSuchOverload => "no such overload",
            Self::OutOfRange => "index out of range",
            Self::Overflow => "out of the type's range",
            Self::DivisionByZero => "division by zero",
            Self::Malformed => "malformed value",
            Self::BadKey => "repeated, unsupported or ambiguous key",
            Self::NotText => "not UTF-8",
            Self::Ambiguous => "servers read it in several ways",
            Self::Exhausted => "too much to evaluate",
        }
    }
}
