//! The operations of programs.

use std::ops::RangeInclusive;

/// An operation on values.
///
/// SPEC: cel-spec, "List of Standard Definitions"; from [`Self::CharAt`] on, the strings
/// extension of cel-go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Every function, by the name it has in programs: conversions are not named as the
    /// constants of their type are.
    pub(super) const ALL: [(&'static str, Self); 49] = [
        ("equal", Self::Equal),
        ("notEqual", Self::NotEqual),
        ("less", Self::Less),
        ("lessOrEqual", Self::LessOrEqual),
        ("greater", Self::Greater),
        ("greaterOrEqual", Self::GreaterOrEqual),
        ("in", Self::In),
        ("add", Self::Add),
        ("subtract", Self::Subtract),
        ("multiply", Self::Multiply),
        ("divide", Self::Divide),
        ("modulo", Self::Modulo),
        ("not", Self::Not),
        ("negate", Self::Negate),
        ("index", Self::Index),
        ("size", Self::Size),
        ("contains", Self::Contains),
        ("startsWith", Self::StartsWith),
        ("endsWith", Self::EndsWith),
        ("toBool", Self::Bool),
        ("toInt", Self::Int),
        ("toUint", Self::Uint),
        ("toDouble", Self::Double),
        ("toString", Self::String),
        ("toBytes", Self::Bytes),
        ("toTimestamp", Self::Timestamp),
        ("toDuration", Self::Duration),
        ("typeOf", Self::Type),
        ("getFullYear", Self::GetFullYear),
        ("getMonth", Self::GetMonth),
        ("getDate", Self::GetDate),
        ("getDayOfMonth", Self::GetDayOfMonth),
        ("getDayOfWeek", Self::GetDayOfWeek),
        ("getDayOfYear", Self::GetDayOfYear),
        ("getHours", Self::GetHours),
        ("getMinutes", Self::GetMinutes),
        ("getSeconds", Self::GetSeconds),
        ("getMilliseconds", Self::GetMilliseconds),
        ("charAt", Self::CharAt),
        ("indexOf", Self::IndexOf),
        ("lastIndexOf", Self::LastIndexOf),
        ("lowerAscii", Self::LowerAscii),
        ("upperAscii", Self::UpperAscii),
        ("replace", Self::Replace),
        ("split", Self::Split),
        ("substring", Self::Substring),
        ("trim", Self::Trim),
        ("join", Self::Join),
        ("reverse", Self::Reverse),
    ];

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
