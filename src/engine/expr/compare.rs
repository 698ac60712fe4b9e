//! Equality and order.
//!
//! SPEC: cel-spec, "Equality" and "Ordering": numbers compare across their types as
//! points of one line, values of different types are unequal.

use std::cmp::Ordering;

use super::EvalError;
use super::budget::Budget;
use super::map::MapValue;
use super::value::{ListValue, Value};

/// How deep values are compared.
const DEPTH: usize = 128;

/// Whether two values are equal.
pub(super) fn equal(a: &Value<'_>, b: &Value<'_>, budget: &Budget) -> Result<bool, EvalError> {
    equal_at(a, b, DEPTH, budget)
}

fn equal_at(
    a: &Value<'_>,
    b: &Value<'_>,
    depth: usize,
    budget: &Budget,
) -> Result<bool, EvalError> {
    budget.step()?;
    let Some(depth) = depth.checked_sub(1) else {
        return Err(EvalError::Exhausted);
    };
    Ok(match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::String(a), Value::String(b)) => {
            budget.scan(a.len().min(b.len()))?;
            **a == **b
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.scan(a.len().min(b.len()))?;
            **a == **b
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => a == b,
        (Value::Duration(a), Value::Duration(b)) => a == b,
        (Value::Type(a), Value::Type(b)) => a == b,
        (Value::List(a), Value::List(b)) => lists_equal(a, b, depth, budget)?,
        (Value::Map(a), Value::Map(b)) => maps_equal(a, b, depth, budget)?,
        (a, b) => numbers(a, b) == Some(Some(Ordering::Equal)),
    })
}

fn lists_equal(
    a: &ListValue<'_>,
    b: &ListValue<'_>,
    depth: usize,
    budget: &Budget,
) -> Result<bool, EvalError> {
    // What is none to some makes them another list.
    a.len(budget)?;
    b.len(budget)?;
    let (mut a, mut b) = (a.items(), b.items());
    loop {
        match (a.next(budget), b.next(budget)) {
            (None, None) => return Ok(true),
            (Some(a), Some(b)) => {
                if !equal_at(&a?, &b?, depth, budget)? {
                    return Ok(false);
                }
            }
            (Some(Err(error)), None) | (None, Some(Err(error))) => return Err(error),
            (Some(Ok(_)), None) | (None, Some(Ok(_))) => return Ok(false),
        }
    }
}

fn maps_equal(
    a: &MapValue<'_>,
    b: &MapValue<'_>,
    depth: usize,
    budget: &Budget,
) -> Result<bool, EvalError> {
    if a.len(budget)? != b.len(budget)? {
        return Ok(false);
    }
    let mut keys = a.keys(budget)?;
    while let Some(key) = keys.next(budget) {
        let key = key?;
        let (Some(a), Some(b)) = (a.get(&key, budget)?, b.get(&key, budget)?) else {
            return Ok(false);
        };
        if !equal_at(&a, &b, depth, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// How two values are ordered; `None` inside for those that are not, as NaN.
pub(super) fn order(
    a: &Value<'_>,
    b: &Value<'_>,
    budget: &Budget,
) -> Result<Option<Ordering>, EvalError> {
    Ok(Some(match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::String(a), Value::String(b)) => {
            budget.scan(a.len().min(b.len()))?;
            // Bytes of UTF-8 are ordered as code points are.
            a.cmp(b)
        }
        (Value::Bytes(a), Value::Bytes(b)) => {
            budget.scan(a.len().min(b.len()))?;
            a.cmp(b)
        }
        (Value::Timestamp(a), Value::Timestamp(b)) => a.cmp(b),
        (Value::Duration(a), Value::Duration(b)) => a.cmp(b),
        (a, b) => return numbers(a, b).ok_or(EvalError::NoSuchOverload),
    }))
}

/// How two numbers are ordered; `None` where one of them is none.
fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Option<Ordering>> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Uint(a), Value::Uint(b)) => Some(a.cmp(b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Uint(b)) => Some(int_to_uint(*a, *b)),
        (Value::Uint(a), Value::Int(b)) => Some(int_to_uint(*b, *a).reverse()),
        // SPEC: as the nearest double, which the conformance tests ask for.
        (Value::Int(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        (Value::Uint(a), Value::Double(b)) => (*a as f64).partial_cmp(b),
        (Value::Double(a), Value::Uint(b)) => a.partial_cmp(&(*b as f64)),
        _ => return None,
    })
}

fn int_to_uint(a: i64, b: u64) -> Ordering {
    u64::try_from(a).map_or(Ordering::Less, |a| a.cmp(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_points_of_one_line() {
        use Ordering::{Equal, Greater, Less};
        use Value::{Double, Int, Uint};
        for (a, b, order) in [
            (Int(1), Uint(1), Some(Equal)),
            (Int(-1), Uint(u64::MAX), Some(Less)),
            (Int(1), Double(1.5), Some(Less)),
            (Int(-1), Double(-1.5), Some(Greater)),
            (
                Int(i64::MAX),
                Double(9_223_372_036_854_775_808.0),
                Some(Equal),
            ),
            (
                Int(i64::MIN),
                Double(-9_223_372_036_854_775_808.0),
                Some(Equal),
            ),
            (Uint(u64::MAX), Double(f64::INFINITY), Some(Less)),
            (Int(0), Double(f64::NEG_INFINITY), Some(Greater)),
            (Int(0), Double(-0.0), Some(Equal)),
            (
                Int(9_007_199_254_740_994),
                Double(9_007_199_254_740_992.0),
                Some(Greater),
            ),
            (Int(0), Double(f64::NAN), None),
            (Double(f64::NAN), Double(f64::NAN), None),
        ] {
            assert_eq!(numbers(&a, &b), Some(order), "{a:?} {b:?}");
            assert_eq!(numbers(&b, &a), Some(order.map(Ordering::reverse)));
        }
    }
}
