//! The operations of programs.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

/// An operation on values.
///
/// SPEC: cel-spec, "List of Standard Definitions"; from [`Self::CharAt`] on, the strings
/// extension of cel-go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)] // each is the function or operator it is spelt like
pub enum Function {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Not,
    Negate,
    Index,
    Size,
    Contains,
    StartsWith,
    EndsWith,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Type,
    GetFullYear,
    GetMonth,
    GetDate,
    GetDayOfMonth,
    GetDayOfWeek,
    GetDayOfYear,
    GetHours,
    GetMinutes,
    GetSeconds,
    GetMilliseconds,
    CharAt,
    IndexOf,
    LastIndexOf,
    LowerAscii,
    UpperAscii,
    Replace,
    Split,
    Substring,
    Trim,
    Join,
    Reverse,
}

impl Function {
    /// How many arguments it takes. The second of a getter of time is an offset from
    /// UTC in minutes.
    pub const fn arity(self) -> RangeInclusive<usize> {
        match self {
            Self::Not
            | Self::Negate
            | Self::Size
            | Self::Bool
            | Self::Int
            | Self::Uint
            | Self::Double
            | Self::String
            | Self::Bytes
            | Self::Timestamp
            | Self::Duration
            | Self::Type
            | Self::LowerAscii
            | Self::UpperAscii
            | Self::Trim
            | Self::Reverse => 1..=1,
            Self::GetFullYear
            | Self::GetMonth
            | Self::GetDate
            | Self::GetDayOfMonth
            | Self::GetDayOfWeek
            | Self::GetDayOfYear
            | Self::GetHours
            | Self::GetMinutes
            | Self::GetSeconds
            | Self::GetMilliseconds
            | Self::Join => 1..=2,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::In
            | Self::Add
            | Self::Subtract
            | Self::Multiply
            | Self::Divide
            | Self::Modulo
            | Self::Index
            | Self::Contains
            | Self::StartsWith
            | Self::EndsWith
            | Self::CharAt => 2..=2,
            Self::IndexOf | Self::LastIndexOf | Self::Split | Self::Substring => 2..=3,
            Self::Replace => 3..=4,
        }
    }
}
