//! Regular expressions that are found in no value of what they search.

use super::check::literal;
use super::subject::{Case, Subject, What};
use super::syntax::{Expr, SyntaxError};
use crate::engine::expr::Attribute;
use crate::tool::compile::regex;

/// What is wrong with a pattern that something is searched for.
pub(super) fn unlikely(subject: Option<&Subject>, pattern: &Expr) -> Option<SyntaxError> {
    let text = literal(pattern)?;
    let (message, help) = subject
        .and_then(|subject| never(subject, text))
        .or_else(|| glob(text))?;
    Some(SyntaxError::new(&pattern.span, message).help(help))
}

fn never(Subject { what, case }: &Subject, text: &str) -> Option<(String, String)> {
    let is_upper: fn(char) -> bool = |c| c.is_ascii_uppercase();
    let is_lower: fn(char) -> bool = |c| c.is_ascii_lowercase();
    let by_case = match case {
        Some(Case::Lower) => Some((is_upper, "`lowerAscii()` leaves no letters in upper case")),
        Some(Case::Upper) => Some((is_lower, "`upperAscii()` leaves no letters in lower case")),
        None => None,
    };
    let fact = match (what, case) {
        (What::Attribute(fact), None | Some(Case::Lower)) => Some(*fact),
        _ => None,
    };
    let needed = [by_case, fact.and_then(|fact| strange(fact, *case))];
    let why = needed
        .into_iter()
        .flatten()
        .find(|(is_strange, _)| regex::needs(text, *is_strange))
        .map(|(_, help)| help);
    let why = why.or_else(|| fact.and_then(|fact| front(fact, text)))?;
    Some((format!("nothing matches `{text}` here"), why.to_owned()))
}

/// Some characters, and what is said where a pattern needs one.
type Strange = (fn(char) -> bool, &'static str);

/// Characters that no value of a fact has.
fn strange(fact: Attribute, case: Option<Case>) -> Option<Strange> {
    Some(match fact {
        Attribute::Method if case.is_none() => {
            (|c| c.is_ascii_lowercase(), "methods are in upper case")
        }
        Attribute::Host | Attribute::Hostname => (
            |c| c.is_ascii_uppercase() || c == '/',
            "it is the host alone, in lower case",
        ),
        Attribute::UrlPath => (
            |c| matches!(c, '?' | '#'),
            "it is the path without query: ask `request.query` for what follows `?`",
        ),
        Attribute::Namespace | Attribute::ServiceAccount | Attribute::TrustDomain => (
            |c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')),
            "it is one name of letters, digits, `.`, `_` and `-`",
        ),
        Attribute::SpiffeId => (
            |c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':')),
            "a SPIFFE ID is of letters, digits, `.`, `_`, `-` and `/`",
        ),
        _ => return None,
    })
}

/// Why nothing begins as a pattern does that begins where the value does.
fn front(fact: Attribute, text: &str) -> Option<&'static str> {
    let (first, help) = match fact {
        Attribute::Path | Attribute::UrlPath => (b'/', "paths begin with `/`"),
        Attribute::SpiffeId => (
            b's',
            "the whole ID begins with `spiffe://` and a trust domain",
        ),
        _ => return None,
    };
    (regex::is_of_front(text) && !regex::may_begin_with(text, first)).then_some(help)
}

/// What is a pattern to shells, and repeats one letter here.
fn glob(text: &str) -> Option<(String, String)> {
    let front = regex::glob(text).filter(|_| text.ends_with('$'))?;
    let message = format!("`{text}` does not match all that begins with `{front}`");
    let help = format!("`*` repeats the letter before it: for anything write `{front}.*`");
    Some((message, help))
}
