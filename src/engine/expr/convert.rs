//! Conversions between types.
//!
//! SPEC: cel-spec, "List of Standard Definitions"; where that leaves the form of a text
//! open, as cel-go has it.

use super::budget::Budget;
use super::value::Value;
use super::{Duration, EvalError, Function, Timestamp};

/// 2^63 and 2^64.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
const UINT_END: f64 = 18_446_744_073_709_551_616.0;

/// The longest text that numbers and times are read from.
const LONGEST: usize = 1024;

pub(super) fn call<'v>(
    function: Function,
    value: &Value<'v>,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    match function {
        Function::Bool => bool(value),
        Function::Int => int(value),
        Function::Uint => uint(value),
        Function::Double => double(value),
        Function::String => string(value, budget),
        Function::Bytes => match value {
            Value::Bytes(_) => Ok(value.clone()),
            Value::String(text) => Value::made_bytes(text.as_bytes().to_vec(), budget),
            _ => Err(EvalError::NoSuchOverload),
        },
        Function::Timestamp => match value {
            Value::Timestamp(_) => Ok(value.clone()),
            Value::Int(seconds) => Timestamp::new(*seconds, 0)
                .map(Value::Timestamp)
                .ok_or(EvalError::Overflow),
            _ => read(value, Timestamp::parse).map(Value::Timestamp),
        },
        Function::Duration => match value {
            Value::Duration(_) => Ok(value.clone()),
            _ => read(value, Duration::parse).map(Value::Duration),
        },
        Function::Type => Ok(Value::Type(value.type_name())),
        _ => Err(EvalError::NoSuchOverload),
    }
}

/// Reads the text of a string.
fn read<T>(value: &Value<'_>, read: impl FnOnce(&str) -> Option<T>) -> Result<T, EvalError> {
    match value {
        Value::String(text) if text.len() <= LONGEST => read(text).ok_or(EvalError::Malformed),
        Value::String(_) => Err(EvalError::Malformed),
        _ => Err(EvalError::NoSuchOverload),
    }
}

fn bool<'v>(value: &Value<'v>) -> Result<Value<'v>, EvalError> {
    if let Value::Bool(_) = value {
        return Ok(value.clone());
    }
    let truth = read(value, |text| match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    });
    truth.map(Value::Bool)
}

fn int<'v>(value: &Value<'v>) -> Result<Value<'v>, EvalError> {
    let int = match value {
        Value::Int(value) => Some(*value),
        Value::Uint(value) => i64::try_from(*value).ok(),
        // Towards zero. SPEC: both ends are out of range, where a double is not exact.
        Value::Double(value) => (*value > -INT_END && *value < INT_END).then_some(*value as i64),
        Value::Timestamp(time) => Some(time.seconds()),
        _ => return read(value, |text| text.parse().ok()).map(Value::Int),
    };
    int.map(Value::Int).ok_or(EvalError::Overflow)
}

fn uint<'v>(value: &Value<'v>) -> Result<Value<'v>, EvalError> {
    let uint = match value {
        Value::Uint(value) => Some(*value),
        Value::Int(value) => u64::try_from(*value).ok(),
        Value::Double(value) => (*value >= 0.0 && *value < UINT_END).then_some(*value as u64),
        _ => return read(value, |text| text.parse().ok()).map(Value::Uint),
    };
    uint.map(Value::Uint).ok_or(EvalError::Overflow)
}

fn double<'v>(value: &Value<'v>) -> Result<Value<'v>, EvalError> {
    Ok(Value::Double(match value {
        Value::Double(value) => *value,
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        _ => read(value, |text| text.parse().ok())?,
    }))
}

fn string<'v>(value: &Value<'v>, budget: &Budget) -> Result<Value<'v>, EvalError> {
    let text = match value {
        Value::String(_) => return Ok(value.clone()),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) if value.is_infinite() => {
            let text = if *value > 0.0 { "+Inf" } else { "-Inf" };
            text.to_owned()
        }
        Value::Double(value) => value.to_string(),
        Value::Bytes(bytes) => {
            budget.scan(bytes.len())?;
            let text = std::str::from_utf8(bytes).map_err(|_| EvalError::NotText)?;
            text.to_owned()
        }
        Value::Timestamp(time) => time.to_string(),
        Value::Duration(duration) => duration.to_string(),
        _ => return Err(EvalError::NoSuchOverload),
    };
    Value::made(text, budget)
}
