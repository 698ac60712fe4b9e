//! Values: as far as can be, they borrow from the request or from the program.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::attribute::AttributeValue;
use super::budget::Budget;
use super::map::MapValue;
use super::program::{Constant, Real};
use super::{Duration, EvalError, Timestamp};
use crate::engine::json::{RawNumber, RawValue, TokenKind, is_twin};

/// A value.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // each is the type it is spelt like
pub enum Value<'v> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Shared<'v, str>),
    Bytes(Shared<'v, [u8]>),
    Timestamp(Timestamp),
    Duration(Duration),
    List(ListValue<'v>),
    Map(MapValue<'v>),
    Type(TypeName),
}

/// The double from which on not every whole number is one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A type, as a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each is the type it is spelt like
pub enum TypeName {
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    List,
    Map,
    Type,
}

impl TypeName {
    /// Every type, by the name it has in programs.
    pub(super) const ALL: [(&'static str, Self); 12] = [
        ("null", Self::Null),
        ("bool", Self::Bool),
        ("int", Self::Int),
        ("uint", Self::Uint),
        ("double", Self::Double),
        ("string", Self::String),
        ("bytes", Self::Bytes),
        ("timestamp", Self::Timestamp),
        ("duration", Self::Duration),
        ("list", Self::List),
        ("map", Self::Map),
        ("type", Self::Type),
    ];
}

/// What is borrowed, or was made on the way.
pub enum Shared<'v, T: ?Sized> {
    /// Of the request or the program.
    Borrowed(&'v T),
    /// Made on the way.
    Made(Rc<T>),
}

impl<T: ?Sized> Clone for Shared<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Borrowed(borrowed) => Self::Borrowed(borrowed),
            Self::Made(made) => Self::Made(Rc::clone(made)),
        }
    }
}

impl<T: ?Sized> Deref for Shared<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Borrowed(borrowed) => borrowed,
            Self::Made(made) => made,
        }
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A list.
#[derive(Debug, Clone)]
pub enum ListValue<'v> {
    /// Made on the way.
    Made(Rc<[Value<'v>]>),
    /// An array of JSON.
    Json(RawValue<'v>),
}

impl<'v> Value<'v> {
    /// A new string, which is paid for here.
    pub(super) fn made(text: String, budget: &Budget) -> Result<Self, EvalError> {
        budget.keep(text.len())?;
        Ok(Self::String(Shared::Made(text.into())))
    }

    /// New bytes, which are paid for here.
    pub(super) fn made_bytes(bytes: Vec<u8>, budget: &Budget) -> Result<Self, EvalError> {
        budget.keep(bytes.len())?;
        Ok(Self::Bytes(Shared::Made(bytes.into())))
    }

    /// A new list, which is paid for here.
    pub(super) fn made_list(items: Vec<Self>, budget: &Budget) -> Result<Self, EvalError> {
        budget.keep(items.len().saturating_mul(size_of::<Self>()))?;
        Ok(Self::List(ListValue::Made(items.into())))
    }

    pub(super) fn of_constant(constant: &'v Constant) -> Self {
        match constant {
            Constant::Null => Self::Null,
            Constant::Bool(value) => Self::Bool(*value),
            Constant::Int(value) => Self::Int(*value),
            Constant::Uint(value) => Self::Uint(*value),
            Constant::Double(Real(value)) => Self::Double(*value),
            Constant::String(text) => Self::String(Shared::Borrowed(text)),
            Constant::Bytes(octets) => Self::Bytes(Shared::Borrowed(octets)),
            Constant::Type(name) => Self::Type(*name),
        }
    }

    pub(super) fn of_fact(given: AttributeValue<'v>, budget: &Budget) -> Result<Self, EvalError> {
        match given {
            AttributeValue::Text(text) => Self::of_text(text, budget),
            AttributeValue::Int(value) => Ok(Self::Int(value)),
            AttributeValue::Bool(value) => Ok(Self::Bool(value)),
            AttributeValue::Time(time) => Ok(Self::Timestamp(time)),
            AttributeValue::Json(text) => {
                // To find its end, and more than once.
                budget.scan(text.len())?;
                Self::of_json(RawValue::new(text), budget)
            }
        }
    }

    /// Text of the request, which may be any bytes.
    pub(super) fn of_text(text: Cow<'v, [u8]>, budget: &Budget) -> Result<Self, EvalError> {
        budget.scan(text.len())?;
        match text {
            Cow::Borrowed(text) => {
                let text = std::str::from_utf8(text).map_err(|_| EvalError::NotText)?;
                Ok(Self::String(Shared::Borrowed(text)))
            }
            Cow::Owned(text) => {
                let text = String::from_utf8(text).map_err(|_| EvalError::NotText)?;
                Self::made(text, budget)
            }
        }
    }

    /// DEVIATION: in the JSON mapping of protobuf every number is a double. Here a whole
    /// number that fits is an integer, as a server reads it: 2^53 + 1 is not 2^53.
    pub(super) fn of_json(view: RawValue<'v>, budget: &Budget) -> Result<Self, EvalError> {
        Ok(match view.kind().ok_or(EvalError::Malformed)? {
            TokenKind::Null => Self::Null,
            TokenKind::True => Self::Bool(true),
            TokenKind::False => Self::Bool(false),
            TokenKind::Object => Self::Map(MapValue::Json(view)),
            TokenKind::Array => Self::List(ListValue::Json(view)),
            TokenKind::Number => {
                budget.scan(view.text().len())?;
                match view.number().ok_or(EvalError::Malformed)? {
                    RawNumber::Integer(value) => Self::Int(value),
                    // SECURITY: beyond 2^53 a double is a whole number again, but not the
                    // one that is written: a server may read another.
                    RawNumber::Double(value) if value.abs() >= EXACT => {
                        return Err(EvalError::Overflow);
                    }
                    RawNumber::Double(value) => Self::Double(value),
                }
            }
            TokenKind::String => {
                budget.scan(view.text().len())?;
                match view.string().ok_or(EvalError::Malformed)? {
                    Cow::Borrowed(text) => Self::String(Shared::Borrowed(text)),
                    Cow::Owned(text) => Self::made(text, budget)?,
                }
            }
        })
    }

    /// Its type.
    pub const fn type_name(&self) -> TypeName {
        match self {
            Self::Null => TypeName::Null,
            Self::Bool(_) => TypeName::Bool,
            Self::Int(_) => TypeName::Int,
            Self::Uint(_) => TypeName::Uint,
            Self::Double(_) => TypeName::Double,
            Self::String(_) => TypeName::String,
            Self::Bytes(_) => TypeName::Bytes,
            Self::Timestamp(_) => TypeName::Timestamp,
            Self::Duration(_) => TypeName::Duration,
            Self::List(_) => TypeName::List,
            Self::Map(_) => TypeName::Map,
            Self::Type(_) => TypeName::Type,
        }
    }
}

impl<'v> ListValue<'v> {
    /// Its items, one by one.
    pub(super) fn items(&self) -> ValueItems<'v> {
        match self {
            Self::Made(items) => ValueItems::Made(Rc::clone(items), 0),
            Self::Json(view) => ValueItems::Json(view.items()),
        }
    }

    /// How many items it has.
    pub(super) fn len(&self, budget: &Budget) -> Result<usize, EvalError> {
        match self {
            Self::Made(items) => Ok(items.len()),
            Self::Json(view) => {
                budget.scan(view.text().len())?;
                let mut count: usize = 0;
                for item in view.items() {
                    not_null(item)?;
                    count = count.saturating_add(1);
                }
                Ok(count)
            }
        }
    }

    /// The item at a place.
    pub(super) fn get(&self, place: usize, budget: &Budget) -> Result<Value<'v>, EvalError> {
        match self {
            Self::Made(items) => items.get(place).cloned().ok_or(EvalError::OutOfRange),
            Self::Json(view) => {
                budget.scan(view.text().len())?;
                let mut found = None;
                for (at, item) in view.items().enumerate() {
                    not_null(item)?;
                    if at == place {
                        found = Some(item);
                    }
                }
                Value::of_json(found.ok_or(EvalError::OutOfRange)?, budget)
            }
        }
    }
}

/// Refuses to count an item that is none to some.
///
/// SECURITY: Rails leaves `null` out of lists, so that all behind it are somewhere else.
fn not_null(item: RawValue<'_>) -> Result<(), EvalError> {
    match item.kind() {
        Some(TokenKind::Null) => Err(EvalError::Ambiguous),
        _ => Ok(()),
    }
}

/// The items of a list, or the keys of a map. Each costs a step, and its text.
pub(super) enum ValueItems<'v> {
    Made(Rc<[Value<'v>]>, usize),
    Json(crate::engine::json::RawItems<'v>),
    Keys(crate::engine::json::RawMembers<'v>),
    KeysMade(Rc<[(Value<'v>, Value<'v>)]>, usize),
    Names(std::vec::IntoIter<Cow<'v, [u8]>>),
}

impl<'v> ValueItems<'v> {
    pub(super) fn next(&mut self, budget: &Budget) -> Option<Result<Value<'v>, EvalError>> {
        if let Err(error) = budget.step() {
            return Some(Err(error));
        }
        match self {
            Self::Made(items, place) => {
                let item = items.get(*place).cloned();
                *place = place.saturating_add(1);
                item.map(Ok)
            }
            Self::KeysMade(entries, place) => {
                let entry = entries.get(*place);
                *place = place.saturating_add(1);
                entry.map(|(key, _)| Ok(key.clone()))
            }
            Self::Json(items) => {
                let view = items.next()?;
                let paid = budget.scan(view.text().len());
                Some(paid.and_then(|()| Value::of_json(view, budget)))
            }
            Self::Keys(members) => {
                let (key, value) = members.next()?;
                let length = key.text().len().saturating_add(value.text().len());
                let paid = budget.scan(length);
                Some(paid.and_then(|()| {
                    // SECURITY: what merges objects in JavaScript takes its members for
                    // those of the object.
                    match key.string() {
                        Some(name) if is_twin(&name, &[], &[]) => Err(EvalError::BadKey),
                        _ => Value::of_json(key, budget),
                    }
                }))
            }
            Self::Names(names) => Some(Value::of_text(names.next()?, budget)),
        }
    }
}
