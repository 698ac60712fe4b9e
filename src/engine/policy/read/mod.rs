//! A compiled policy out of its text.
//!
//! Every member must be known and given once, and none may be `null`.
//!
//! Not by serde's derive, though the types have it for those who keep compiled policies
//! in documents of their own: its readers would be a sixth of the module. A test
//! compares the two.

mod schema;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use super::SafeInteger;
use crate::engine::json::{JsonError, Pull, RawNumber, TokenKind};

/// Where a text is no compiled policy, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormError {
    /// Keys and places in lists, from the outermost.
    path: String,
    what: String,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.trim_start_matches('.');
        if path.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "`{path}`: {}", self.what)
        }
    }
}

impl From<JsonError> for FormError {
    fn from(syntax: JsonError) -> Self {
        said(syntax.as_str())
    }
}

impl FormError {
    fn within(mut self, place: fmt::Arguments<'_>) -> Self {
        self.path = format!("{place}{}", self.path);
        self
    }
}

/// What is wrong, in a few words.
fn said(what: &str) -> FormError {
    FormError {
        path: String::new(),
        what: what.to_owned(),
    }
}

/// What is wrong with something that has a name.
fn named(what: &str, name: &str) -> FormError {
    said(&format!("{what} `{name}`"))
}

/// What has a form in the document.
pub(super) trait Read: Sized {
    /// The next value of the text.
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError>;
}

/// Reads a whole document.
pub(super) fn document<T: Read>(text: &[u8]) -> Result<T, FormError> {
    let mut text = Pull::new(text)?;
    let document = T::read(&mut text)?;
    text.finish()?;
    Ok(document)
}

impl Read for String {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        Ok(word(text)?.into_owned())
    }
}

impl Read for bool {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        match text.kind() {
            Some(TokenKind::True | TokenKind::False) => Ok(text.boolean()?),
            _ => Err(said("not `true` or `false`")),
        }
    }
}

/// A string that need not be kept.
fn word<'t>(text: &mut Pull<'t>) -> Result<Cow<'t, str>, FormError> {
    expect(text, TokenKind::String, "not a string")?;
    Ok(text.string()?)
}

impl Read for SafeInteger {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        expect(text, TokenKind::Number, WHOLE)?;
        let number = match text.number()? {
            RawNumber::Integer(integer) => u64::try_from(integer).ok().and_then(Self::new),
            RawNumber::Double(double) => Self::from_double(double),
        };
        number.ok_or_else(|| said(WHOLE))
    }
}

const WHOLE: &str = "not a whole number from 0 to 2^53";

impl<T: Read> Read for Vec<T> {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        let mut items = Self::new();
        list(text, &mut |text| {
            // Most lists have one item, and there are many.
            if items.is_empty() {
                items.reserve_exact(1);
            }
            items.push(T::read(text)?);
            Ok(())
        })?;
        Ok(items)
    }
}

/// Reads a list; `item` takes each.
pub(super) fn list(
    text: &mut Pull<'_>,
    item: &mut dyn FnMut(&mut Pull<'_>) -> Result<(), FormError>,
) -> Result<(), FormError> {
    expect(text, TokenKind::Array, "not a list")?;
    let mut place: usize = 0;
    text.array(&mut |text| {
        item(text).map_err(|malformed| malformed.within(format_args!("[{place}]")))?;
        place = place.saturating_add(1);
        Ok(())
    })
}

impl<T: Read> Read for Box<T> {
    fn read(text: &mut Pull<'_>) -> Result<Self, FormError> {
        T::read(text).map(Self::new)
    }
}

fn expect(text: &mut Pull<'_>, kind: TokenKind, otherwise: &str) -> Result<(), FormError> {
    match text.kind() {
        Some(found) if found == kind => Ok(()),
        Some(_) => Err(said(otherwise)),
        None => Err(said("no value")),
    }
}

/// Reads an object; `member` takes the value of each key, or says that it is unknown.
fn object(
    text: &mut Pull<'_>,
    member: &mut dyn FnMut(&mut Pull<'_>, &str) -> Result<(), FormError>,
) -> Result<(), FormError> {
    expect(text, TokenKind::Object, "not an object")?;
    text.object(&mut |text, key| {
        member(text, key).map_err(|malformed| malformed.within(format_args!(".{key}")))
    })
}

/// Reads a value into its place.
fn set<T: Read>(place: &mut Option<T>, text: &mut Pull<'_>) -> Result<(), FormError> {
    if place.is_some() {
        return Err(said("given twice"));
    }
    *place = Some(T::read(text)?);
    Ok(())
}

fn unknown() -> FormError {
    said("an unknown member")
}

fn required<T>(value: Option<T>, key: &str) -> Result<T, FormError> {
    value.ok_or_else(|| named("no member", key))
}
