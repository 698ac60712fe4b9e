//! Operators, and the way to the other functions.
//!
//! SPEC: cel-spec, "List of Standard Definitions": integers never wrap around.

use std::cmp::Ordering;

use super::budget::Budget;
use super::value::{ListValue, Value};
use super::{EvalError, Function, compare, convert, strings, time};

/// Calls a function.
#[inline(never)]
pub(super) fn call<'v>(
    function: Function,
    arguments: &[Value<'v>],
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    match arguments {
        [operand] => unary(function, operand, budget),
        [left, right] => binary(function, left, right, budget),
        _ => strings::call(function, arguments, budget),
    }
}

fn unary<'v>(
    function: Function,
    operand: &Value<'v>,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    match (function, operand) {
        (Function::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (Function::Negate, Value::Int(value)) => value
            .checked_neg()
            .map(Value::Int)
            .ok_or(EvalError::Overflow),
        (Function::Negate, Value::Double(value)) => Ok(Value::Double(-value)),
        (Function::Size, operand) => size(operand, budget),
        (
            Function::Bool
            | Function::Int
            | Function::Uint
            | Function::Double
            | Function::String
            | Function::Bytes
            | Function::Timestamp
            | Function::Duration
            | Function::Type,
            operand,
        ) => convert::call(function, operand, budget),
        (_, Value::Timestamp(_) | Value::Duration(_)) => time::get(function, operand, 0),
        _ => strings::call(function, std::slice::from_ref(operand), budget),
    }
}

fn size<'v>(operand: &Value<'v>, budget: &Budget) -> Result<Value<'v>, EvalError> {
    let size = match operand {
        Value::String(text) => {
            budget.scan(text.len())?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(budget)?,
        Value::Map(map) => map.len(budget)?,
        _ => return Err(EvalError::NoSuchOverload),
    };
    i64::try_from(size)
        .map(Value::Int)
        .map_err(|_| EvalError::Overflow)
}

fn binary<'v>(
    function: Function,
    left: &Value<'v>,
    right: &Value<'v>,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    let ordered = |holds: fn(Ordering) -> bool| {
        let order = compare::order(left, right, budget)?;
        Ok(Value::Bool(order.is_some_and(holds)))
    };
    match function {
        Function::Equal => compare::equal(left, right, budget).map(Value::Bool),
        Function::NotEqual => compare::equal(left, right, budget).map(|equal| Value::Bool(!equal)),
        Function::Less => ordered(Ordering::is_lt),
        Function::LessOrEqual => ordered(Ordering::is_le),
        Function::Greater => ordered(Ordering::is_gt),
        Function::GreaterOrEqual => ordered(Ordering::is_ge),
        Function::In => match right {
            Value::List(list) => list.has(left, budget).map(Value::Bool),
            Value::Map(map) => map.has(left, budget).map(Value::Bool),
            _ => Err(EvalError::NoSuchOverload),
        },
        Function::Index => index(left, right, budget),
        Function::Add => add(left, right, budget),
        Function::Subtract | Function::Multiply | Function::Divide | Function::Modulo => {
            arithmetic(function, left, right)
        }
        _ => match (left, right) {
            (Value::Timestamp(_) | Value::Duration(_), Value::Int(minutes)) => {
                time::get(function, left, *minutes)
            }
            _ => strings::call(function, &[left.clone(), right.clone()], budget),
        },
    }
}

fn index<'v>(left: &Value<'v>, right: &Value<'v>, budget: &Budget) -> Result<Value<'v>, EvalError> {
    match left {
        Value::Map(map) => map.get(right, budget)?.ok_or(EvalError::NoSuchKey),
        Value::List(list) => list.get(place(right)?, budget),
        _ => Err(EvalError::NoSuchOverload),
    }
}

/// A place in a list, which may be any number that is whole.
fn place(value: &Value<'_>) -> Result<usize, EvalError> {
    let place = match value {
        Value::Int(value) => usize::try_from(*value).ok(),
        Value::Uint(value) => usize::try_from(*value).ok(),
        // The cast saturates; what is beyond is beyond every list.
        Value::Double(value) if value.fract() == 0.0 && *value >= 0.0 => Some(*value as usize),
        Value::Double(_) => None,
        _ => return Err(EvalError::NoSuchOverload),
    };
    place.ok_or(EvalError::OutOfRange)
}

fn add<'v>(left: &Value<'v>, right: &Value<'v>, budget: &Budget) -> Result<Value<'v>, EvalError> {
    match (left, right) {
        (Value::String(a), Value::String(b)) => {
            budget.scan(a.len().saturating_add(b.len()))?;
            Value::made([&**a, &**b].concat(), budget)
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.scan(a.len().saturating_add(b.len()))?;
            Value::made_bytes([&**a, &**b].concat(), budget)
        }
        (Value::List(a), Value::List(b)) => {
            let mut made = Vec::new();
            extend(&mut made, a, budget)?;
            extend(&mut made, b, budget)?;
            Value::made_list(made, budget)
        }
        _ => arithmetic(Function::Add, left, right),
    }
}

fn extend<'v>(
    made: &mut Vec<Value<'v>>,
    list: &ListValue<'v>,
    budget: &Budget,
) -> Result<(), EvalError> {
    list.len(budget)?;
    let mut items = list.items();
    while let Some(item) = items.next(budget) {
        made.push(item?);
    }
    Ok(())
}

fn arithmetic<'v>(
    function: Function,
    left: &Value<'v>,
    right: &Value<'v>,
) -> Result<Value<'v>, EvalError> {
    let is_division = matches!(function, Function::Divide | Function::Modulo);
    match (left, right) {
        (Value::Int(_), Value::Int(0)) | (Value::Uint(_), Value::Uint(0)) if is_division => {
            Err(EvalError::DivisionByZero)
        }
        (Value::Int(a), Value::Int(b)) => {
            let result = match function {
                Function::Add => a.checked_add(*b),
                Function::Subtract => a.checked_sub(*b),
                Function::Multiply => a.checked_mul(*b),
                Function::Divide => a.checked_div(*b),
                Function::Modulo => a.checked_rem(*b),
                _ => return Err(EvalError::NoSuchOverload),
            };
            result.map(Value::Int).ok_or(EvalError::Overflow)
        }
        (Value::Uint(a), Value::Uint(b)) => {
            let result = match function {
                Function::Add => a.checked_add(*b),
                Function::Subtract => a.checked_sub(*b),
                Function::Multiply => a.checked_mul(*b),
                Function::Divide => a.checked_div(*b),
                Function::Modulo => a.checked_rem(*b),
                _ => return Err(EvalError::NoSuchOverload),
            };
            result.map(Value::Uint).ok_or(EvalError::Overflow)
        }
        (Value::Double(a), Value::Double(b)) => match function {
            Function::Add => Ok(Value::Double(a + b)),
            Function::Subtract => Ok(Value::Double(a - b)),
            Function::Multiply => Ok(Value::Double(a * b)),
            Function::Divide => Ok(Value::Double(a / b)),
            _ => Err(EvalError::NoSuchOverload),
        },
        _ => time::arithmetic(function, left, right),
    }
}
