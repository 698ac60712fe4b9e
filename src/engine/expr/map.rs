//! Maps.

use std::fmt;
use std::rc::Rc;

use super::budget::Budget;
use super::compare;
use super::value::{Value, ValueItems};
use super::{Attributes, EvalError};
use crate::engine::json::{RawValue, are_words_of_one, is_twin};

/// A map.
#[derive(Clone)]
pub enum MapValue<'v> {
    /// Made on the way; no key twice.
    Made(Rc<[(Value<'v>, Value<'v>)]>),
    /// An object of JSON.
    Json(RawValue<'v>),
    /// The headers of the request.
    Headers(&'v dyn Attributes),
}

impl fmt::Debug for MapValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(entries) => entries.fmt(f),
            Self::Json(view) => view.fmt(f),
            Self::Headers(_) => f.write_str("headers"),
        }
    }
}

impl<'v> MapValue<'v> {
    /// A new map, which is paid for here.
    pub(super) fn made(
        entries: Vec<(Value<'v>, Value<'v>)>,
        budget: &Budget,
    ) -> Result<Self, EvalError> {
        budget.keep(
            entries
                .len()
                .saturating_mul(size_of::<(Value<'v>, Value<'v>)>()),
        )?;
        for (place, (key, _)) in entries.iter().enumerate() {
            if !is_key(key) {
                return Err(EvalError::BadKey);
            }
            for (other, _) in entries.iter().take(place) {
                if compare::equal(key, other, budget)? {
                    return Err(EvalError::BadKey);
                }
            }
        }
        Ok(Self::Made(entries.into()))
    }

    /// The value under a key.
    pub(super) fn get(
        &self,
        key: &Value<'_>,
        budget: &Budget,
    ) -> Result<Option<Value<'v>>, EvalError> {
        match self {
            Self::Made(entries) => {
                for (other, value) in entries.iter() {
                    if compare::equal(key, other, budget)? {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            Self::Json(_) | Self::Headers(_) => match key {
                Value::String(name) => self.field(name, budget),
                // Their keys are strings; no other is among them.
                key if is_key(key) || matches!(key, Value::Double(_)) => Ok(None),
                _ => Err(EvalError::NoSuchOverload),
            },
        }
    }

    /// The value under a string.
    pub(super) fn field(
        &self,
        name: &str,
        budget: &Budget,
    ) -> Result<Option<Value<'v>>, EvalError> {
        match self {
            Self::Made(entries) => {
                for (key, value) in entries.iter() {
                    budget.scan(name.len())?;
                    if matches!(key, Value::String(key) if **key == *name) {
                        return Ok(Some(value.clone()));
                    }
                }
                Ok(None)
            }
            Self::Json(view) => {
                let found = member(*view, name, budget)?;
                found.map(|view| Value::of_json(view, budget)).transpose()
            }
            Self::Headers(variables) => {
                budget.scan(name.len())?;
                budget.search(variables.header_lines(), name.len())?;
                let value = variables.header(name)?;
                value.map(|text| Value::of_text(text, budget)).transpose()
            }
        }
    }

    /// Whether there is a string among the keys.
    pub(super) fn has_field(&self, name: &str, budget: &Budget) -> Result<bool, EvalError> {
        match self {
            Self::Made(_) => Ok(self.field(name, budget)?.is_some()),
            Self::Json(view) => Ok(member(*view, name, budget)?.is_some()),
            Self::Headers(variables) => {
                budget.scan(name.len())?;
                budget.search(variables.header_lines(), name.len())?;
                Ok(variables.header(name)?.is_some())
            }
        }
    }

    /// Whether a key is there.
    pub(super) fn has(&self, key: &Value<'_>, budget: &Budget) -> Result<bool, EvalError> {
        match (self, key) {
            (Self::Json(_) | Self::Headers(_), Value::String(name)) => self.has_field(name, budget),
            _ => Ok(self.get(key, budget)?.is_some()),
        }
    }

    /// Its keys, one by one.
    pub(super) fn keys(&self, budget: &Budget) -> Result<ValueItems<'v>, EvalError> {
        Ok(match self {
            Self::Made(entries) => ValueItems::KeysMade(Rc::clone(entries), 0),
            Self::Json(view) => ValueItems::Keys(view.members()),
            Self::Headers(variables) => {
                budget.search(variables.header_lines(), 0)?;
                ValueItems::Names(variables.header_names()?.into_iter())
            }
        })
    }

    /// How many keys it has.
    pub(super) fn len(&self, budget: &Budget) -> Result<usize, EvalError> {
        match self {
            Self::Made(entries) => Ok(entries.len()),
            Self::Json(view) => {
                budget.scan(view.text().len())?;
                Ok(view.members().count())
            }
            Self::Headers(variables) => {
                let names = variables.header_names()?;
                budget.scan(names.iter().map(|name| name.len()).sum())?;
                Ok(names.len())
            }
        }
    }
}

/// SPEC: cel-spec, "Values": what can be a key.
fn is_key(value: &Value<'_>) -> bool {
    matches!(
        value,
        Value::Bool(_) | Value::Int(_) | Value::Uint(_) | Value::String(_)
    )
}

/// The member of an object; the reader has refused a second one of the same name.
///
/// SECURITY: where a server might take another member for it (see [`is_twin`] and
/// [`are_words_of_one`]), nobody can say which is meant.
fn member<'v>(
    view: RawValue<'v>,
    name: &str,
    budget: &Budget,
) -> Result<Option<RawValue<'v>>, EvalError> {
    let mut found = None;
    for (key, value) in view.members() {
        let length = key.text().len().saturating_add(value.text().len());
        budget.scan(length)?;
        let key = key.string().ok_or(EvalError::Malformed)?;
        if key == name {
            found = Some(value);
        } else if is_twin(&key, &[name], &[]) || are_words_of_one(&key, name) {
            return Err(EvalError::BadKey);
        }
    }
    Ok(found)
}
