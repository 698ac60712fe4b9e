//! Functions of strings.
//!
//! SPEC: cel-spec, "List of Standard Definitions"; cel-go, `ext/strings.go`. Places are
//! counted in code points.

use super::budget::Budget;
use super::value::{ListValue, Shared, Value};
use super::{EvalError, Function};

pub(super) fn call<'v>(
    function: Function,
    arguments: &[Value<'v>],
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    let (first, rest) = arguments.split_first().ok_or(EvalError::NoSuchOverload)?;
    let text = match first {
        Value::String(text) => text,
        Value::List(list) if function == Function::Join => return join(list, rest, budget),
        _ => return Err(EvalError::NoSuchOverload),
    };
    // Every function looks at all of the text, at most a few times.
    budget.scan(text.len().saturating_mul(2))?;
    for argument in rest {
        if let Value::String(argument) = argument {
            budget.scan(argument.len())?;
        }
    }
    match (function, rest) {
        (Function::Contains, [Value::String(part)]) => Ok(Value::Bool(text.contains(&**part))),
        (Function::StartsWith, [Value::String(part)]) => Ok(Value::Bool(text.starts_with(&**part))),
        (Function::EndsWith, [Value::String(part)]) => Ok(Value::Bool(text.ends_with(&**part))),
        (Function::CharAt, [Value::Int(place)]) => {
            let start = byte_of(text, *place)?;
            let char = text.get(start..).and_then(|rest| rest.chars().next());
            Value::made(char.map(String::from).unwrap_or_default(), budget)
        }
        (Function::IndexOf, [Value::String(part)]) => index_of(text, part, None),
        (Function::IndexOf, [Value::String(part), Value::Int(from)]) => {
            index_of(text, part, Some(*from))
        }
        (Function::LastIndexOf, [Value::String(part)]) => last_index_of(text, part, None),
        (Function::LastIndexOf, [Value::String(part), Value::Int(until)]) => {
            last_index_of(text, part, Some(*until))
        }
        (Function::LowerAscii, []) => Value::made(text.to_ascii_lowercase(), budget),
        (Function::UpperAscii, []) => Value::made(text.to_ascii_uppercase(), budget),
        (Function::Trim, []) => Value::made(text.trim().to_owned(), budget),
        (Function::Reverse, []) => Value::made(text.chars().rev().collect(), budget),
        (Function::Replace, [Value::String(old), Value::String(new)]) => {
            replace(text, old, new, -1, budget)
        }
        (Function::Replace, [Value::String(old), Value::String(new), Value::Int(most)]) => {
            replace(text, old, new, *most, budget)
        }
        (Function::Split, [Value::String(separator)]) => split(text, separator, -1, budget),
        (Function::Split, [Value::String(separator), Value::Int(most)]) => {
            split(text, separator, *most, budget)
        }
        (Function::Substring, [Value::Int(start)]) => {
            let start = byte_of(text, *start)?;
            part(text, start, text.len(), budget)
        }
        (Function::Substring, [Value::Int(start), Value::Int(end)]) => {
            let (start, end) = (byte_of(text, *start)?, byte_of(text, *end)?);
            part(text, start, end, budget)
        }
        _ => Err(EvalError::NoSuchOverload),
    }
}

/// The byte at which the character at a place starts; the end is a place too.
fn byte_of(text: &str, place: i64) -> Result<usize, EvalError> {
    let place = usize::try_from(place).map_err(|_| EvalError::OutOfRange)?;
    let starts = text.char_indices().map(|(start, _)| start);
    let mut starts = starts.chain(std::iter::once(text.len()));
    starts.nth(place).ok_or(EvalError::OutOfRange)
}

fn part<'v>(
    text: &Shared<'v, str>,
    start: usize,
    end: usize,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    match text {
        Shared::Borrowed(text) => {
            let part = text.get(start..end).ok_or(EvalError::OutOfRange)?;
            Ok(Value::String(Shared::Borrowed(part)))
        }
        Shared::Made(text) => {
            let part = text.get(start..end).ok_or(EvalError::OutOfRange)?;
            Value::made(part.to_owned(), budget)
        }
    }
}

/// A place as a value; -1 for none.
fn place<'v>(text: &str, byte: Option<usize>) -> Result<Value<'v>, EvalError> {
    let before = byte.and_then(|byte| text.get(..byte));
    let place = before.map_or(Ok(-1), |before| i64::try_from(before.chars().count()));
    place.map(Value::Int).map_err(|_| EvalError::Overflow)
}

fn index_of<'v>(text: &str, part: &str, from: Option<i64>) -> Result<Value<'v>, EvalError> {
    let Some(from) = from else {
        return place(text, text.find(part));
    };
    if part.is_empty() {
        return Ok(Value::Int(from));
    }
    let start = character(text, from)?;
    let rest = text.get(start..).unwrap_or_default();
    let found = rest.find(part);
    place(text, found.map(|found| start.saturating_add(found)))
}

fn last_index_of<'v>(text: &str, part: &str, until: Option<i64>) -> Result<Value<'v>, EvalError> {
    let Some(until) = until else {
        return place(text, text.rfind(part));
    };
    if part.is_empty() {
        return Ok(Value::Int(until));
    }
    // What is found may begin at `until`, and no later.
    let end = character(text, until)?.saturating_add(part.len());
    let mut end = end.min(text.len());
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    let before = text.get(..end).unwrap_or_default();
    place(text, before.rfind(part))
}

/// The byte at which the character at a place starts; the end is none.
fn character(text: &str, place: i64) -> Result<usize, EvalError> {
    let start = byte_of(text, place)?;
    if start < text.len() {
        Ok(start)
    } else {
        Err(EvalError::OutOfRange)
    }
}

fn replace<'v>(
    text: &str,
    old: &str,
    new: &str,
    most: i64,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let count = text.matches(old).take(most).count();
    // Before it is made, for it may be long.
    budget.keep(count.saturating_mul(new.len()))?;
    Value::made(text.replacen(old, new, most), budget)
}

fn split<'v>(
    text: &Shared<'v, str>,
    separator: &str,
    most: i64,
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut made = Vec::new();
    let mut start: usize = 0;
    while made.len() < most {
        budget.step()?;
        let rest = text.get(start..).unwrap_or_default();
        let is_last = made.len().saturating_add(1) == most;
        // An empty separator is between any two characters.
        let found = match separator {
            "" => rest.char_indices().nth(1).map(|(next, _)| next),
            separator => rest.find(separator),
        };
        let Some(found) = found.filter(|_| !is_last) else {
            if !(rest.is_empty() && separator.is_empty()) {
                made.push(part(text, start, text.len(), budget)?);
            }
            break;
        };
        let end = start.saturating_add(found);
        made.push(part(text, start, end, budget)?);
        start = end.saturating_add(separator.len());
    }
    Value::made_list(made, budget)
}

fn join<'v>(
    list: &ListValue<'v>,
    rest: &[Value<'v>],
    budget: &Budget,
) -> Result<Value<'v>, EvalError> {
    let separator = match rest {
        [] => "",
        [Value::String(separator)] => separator,
        _ => return Err(EvalError::NoSuchOverload),
    };
    let mut made = String::new();
    let mut items = list.items();
    let mut is_first = true;
    while let Some(item) = items.next(budget) {
        let Value::String(item) = item? else {
            return Err(EvalError::NoSuchOverload);
        };
        // As it grows, for it may be long.
        budget.keep(item.len().saturating_add(separator.len()))?;
        if !is_first {
            made.push_str(separator);
        }
        is_first = false;
        made.push_str(&item);
    }
    Value::made(made, budget)
}
