//! The functions that expressions can call, and what they take.
//!
//! SPEC: cel-spec, "List of Standard Definitions"; the strings extension of cel-go,
//! without `format` and `quote`.

use super::types::Type;
use crate::engine::expr::Function;

/// A type of a parameter or a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CelType {
    Any,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Type,
    List,
    Strings,
    Map,
    /// A literal string: an offset from UTC.
    Zone,
}

use CelType::{
    Any, Bool, Bytes, Double, Duration, Int, List, Map, String, Strings, Timestamp, Uint, Zone,
};

/// One way to call a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Overload {
    pub(super) name: &'static str,
    pub(super) function: Function,
    /// What it is called on; `None` where it is called by its name alone.
    pub(super) target: Option<CelType>,
    pub(super) parameters: &'static [CelType],
    pub(super) result: CelType,
}

const fn global(
    name: &'static str,
    function: Function,
    parameters: &'static [CelType],
    result: CelType,
) -> Overload {
    Overload {
        name,
        function,
        target: None,
        parameters,
        result,
    }
}

const fn member(
    name: &'static str,
    function: Function,
    target: CelType,
    parameters: &'static [CelType],
    result: CelType,
) -> Overload {
    Overload {
        name,
        function,
        target: Some(target),
        parameters,
        result,
    }
}

pub(super) const OVERLOADS: &[Overload] = &[
    global("size", Function::Size, &[String], Int),
    global("size", Function::Size, &[Bytes], Int),
    global("size", Function::Size, &[List], Int),
    global("size", Function::Size, &[Map], Int),
    member("size", Function::Size, String, &[], Int),
    member("size", Function::Size, Bytes, &[], Int),
    member("size", Function::Size, List, &[], Int),
    member("size", Function::Size, Map, &[], Int),
    global("bool", Function::Bool, &[Bool], Bool),
    global("bool", Function::Bool, &[String], Bool),
    global("int", Function::Int, &[Int], Int),
    global("int", Function::Int, &[Uint], Int),
    global("int", Function::Int, &[Double], Int),
    global("int", Function::Int, &[String], Int),
    global("int", Function::Int, &[Timestamp], Int),
    global("uint", Function::Uint, &[Int], Uint),
    global("uint", Function::Uint, &[Uint], Uint),
    global("uint", Function::Uint, &[Double], Uint),
    global("uint", Function::Uint, &[String], Uint),
    global("double", Function::Double, &[Int], Double),
    global("double", Function::Double, &[Uint], Double),
    global("double", Function::Double, &[Double], Double),
    global("double", Function::Double, &[String], Double),
    global("string", Function::String, &[Bool], String),
    global("string", Function::String, &[Int], String),
    global("string", Function::String, &[Uint], String),
    global("string", Function::String, &[Double], String),
    global("string", Function::String, &[String], String),
    global("string", Function::String, &[Bytes], String),
    global("string", Function::String, &[Timestamp], String),
    global("string", Function::String, &[Duration], String),
    global("bytes", Function::Bytes, &[Bytes], Bytes),
    global("bytes", Function::Bytes, &[String], Bytes),
    global("timestamp", Function::Timestamp, &[String], Timestamp),
    global("timestamp", Function::Timestamp, &[Int], Timestamp),
    global("timestamp", Function::Timestamp, &[Timestamp], Timestamp),
    global("duration", Function::Duration, &[String], Duration),
    global("duration", Function::Duration, &[Duration], Duration),
    global("type", Function::Type, &[Any], CelType::Type),
    member("contains", Function::Contains, String, &[String], Bool),
    member("startsWith", Function::StartsWith, String, &[String], Bool),
    member("endsWith", Function::EndsWith, String, &[String], Bool),
    member("getFullYear", Function::GetFullYear, Timestamp, &[], Int),
    member(
        "getFullYear",
        Function::GetFullYear,
        Timestamp,
        &[Zone],
        Int,
    ),
    member("getMonth", Function::GetMonth, Timestamp, &[], Int),
    member("getMonth", Function::GetMonth, Timestamp, &[Zone], Int),
    member("getDate", Function::GetDate, Timestamp, &[], Int),
    member("getDate", Function::GetDate, Timestamp, &[Zone], Int),
    member(
        "getDayOfMonth",
        Function::GetDayOfMonth,
        Timestamp,
        &[],
        Int,
    ),
    member(
        "getDayOfMonth",
        Function::GetDayOfMonth,
        Timestamp,
        &[Zone],
        Int,
    ),
    member("getDayOfWeek", Function::GetDayOfWeek, Timestamp, &[], Int),
    member(
        "getDayOfWeek",
        Function::GetDayOfWeek,
        Timestamp,
        &[Zone],
        Int,
    ),
    member("getDayOfYear", Function::GetDayOfYear, Timestamp, &[], Int),
    member(
        "getDayOfYear",
        Function::GetDayOfYear,
        Timestamp,
        &[Zone],
        Int,
    ),
    member("getHours", Function::GetHours, Timestamp, &[], Int),
    member("getHours", Function::GetHours, Timestamp, &[Zone], Int),
    member("getHours", Function::GetHours, Duration, &[], Int),
    member("getMinutes", Function::GetMinutes, Timestamp, &[], Int),
    member("getMinutes", Function::GetMinutes, Timestamp, &[Zone], Int),
    member("getMinutes", Function::GetMinutes, Duration, &[], Int),
    member("getSeconds", Function::GetSeconds, Timestamp, &[], Int),
    member("getSeconds", Function::GetSeconds, Timestamp, &[Zone], Int),
    member("getSeconds", Function::GetSeconds, Duration, &[], Int),
    member(
        "getMilliseconds",
        Function::GetMilliseconds,
        Timestamp,
        &[],
        Int,
    ),
    member(
        "getMilliseconds",
        Function::GetMilliseconds,
        Timestamp,
        &[Zone],
        Int,
    ),
    member(
        "getMilliseconds",
        Function::GetMilliseconds,
        Duration,
        &[],
        Int,
    ),
    member("charAt", Function::CharAt, String, &[Int], String),
    member("indexOf", Function::IndexOf, String, &[String], Int),
    member("indexOf", Function::IndexOf, String, &[String, Int], Int),
    member("lastIndexOf", Function::LastIndexOf, String, &[String], Int),
    member(
        "lastIndexOf",
        Function::LastIndexOf,
        String,
        &[String, Int],
        Int,
    ),
    member("lowerAscii", Function::LowerAscii, String, &[], String),
    member("upperAscii", Function::UpperAscii, String, &[], String),
    member(
        "replace",
        Function::Replace,
        String,
        &[String, String],
        String,
    ),
    member(
        "replace",
        Function::Replace,
        String,
        &[String, String, Int],
        String,
    ),
    member("split", Function::Split, String, &[String], Strings),
    member("split", Function::Split, String, &[String, Int], Strings),
    member("substring", Function::Substring, String, &[Int], String),
    member(
        "substring",
        Function::Substring,
        String,
        &[Int, Int],
        String,
    ),
    member("trim", Function::Trim, String, &[], String),
    member("join", Function::Join, Strings, &[], String),
    member("join", Function::Join, Strings, &[String], String),
    member("reverse", Function::Reverse, String, &[], String),
];

/// Names that are called like functions, and are not in the table above.
pub(super) const SPECIAL: [&str; 9] = [
    "all",
    "dyn",
    "exists",
    "exists_one",
    "existsOne",
    "filter",
    "has",
    "map",
    "matches",
];

impl CelType {
    pub(super) fn as_type(self) -> Type {
        match self {
            Any => Type::Dyn,
            Bool => Type::Bool,
            Int => Type::Int,
            Uint => Type::Uint,
            Double => Type::Double,
            String | Zone => Type::String,
            Bytes => Type::Bytes,
            Timestamp => Type::Timestamp,
            Duration => Type::Duration,
            CelType::Type => Type::Meta,
            List => Type::list(),
            Strings => Type::List(Box::new(Type::String)),
            Map => Type::map(),
        }
    }
}

/// The names of all functions, macros included.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = OVERLOADS.iter().map(|overload| overload.name).collect();
    names.extend(SPECIAL);
    names.dedup();
    names
}
