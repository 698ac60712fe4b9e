//! What a query may not say on a path that carries MCP.
//!
//! SECURITY: Rails lets the query win over a JSON body; Laravel, Grape and Phoenix take
//! from it what the body lacks. So it is part of the message for some servers, and of
//! the request's method for others, and nobody judges it as such: what it could say
//! there is refused, however it is spelt.

use std::borrow::Cow;

use crate::json::is_twin;

use super::HeadFault;
use super::keys::{DECODINGS, is_end, key_of, texts, units};
use super::path::decode;

/// The members of a message, but for `id`: it chooses nothing, and names much else.
const MEMBERS: &[&str] = &["jsonrpc", "method", "params", "result", "error"];

/// Where Rails and Plug keep a body that is no object.
const BODY: &str = "_json";

/// Where Hanami does; by itself, it is there to get past caches.
const SHORT_BODY: &str = "_";

/// The method of HTTP, to frameworks that let a form choose it.
const METHOD: &str = "_method";

/// The longest key that is compared, in bytes. One that is longer, and is a name to
/// somebody, is so by what cannot be seen in it.
const LONGEST: usize = 1024;

/// Whether the query of a target says nothing of the message, nor of another method.
///
/// # Errors
/// [`HeadFault::Query`] or [`HeadFault::Override`].
pub(super) fn check(target: &[u8], method: &[u8]) -> Result<(), HeadFault> {
    // An escape may be the `?`.
    if !target.iter().any(|byte| matches!(byte, b'?' | b'%')) {
        return Ok(());
    }
    check_decoded(target, method)
}

#[cold]
fn check_decoded(target: &[u8], method: &[u8]) -> Result<(), HeadFault> {
    let mut target = Cow::Borrowed(target);
    for _ in 0..DECODINGS {
        check_once(&target, method)?;
        let decoded = decode(&units(&target));
        if decoded.len() == target.len() {
            return Ok(());
        }
        target = Cow::Owned(decoded);
    }
    check_once(&target, method)
}

/// The same, of a target that is not decoded any more.
fn check_once(target: &[u8], method: &[u8]) -> Result<(), HeadFault> {
    let Some(start) = target.iter().position(|byte| *byte == b'?') else {
        return Ok(());
    };
    let query = target.get(start..).unwrap_or_default();
    for pair in query.split(|byte| *byte == b'&' || is_end(*byte)) {
        let key = key_of(pair);
        let value = pair.get(key.len().saturating_add(1)..).unwrap_or_default();
        match Key::of(key) {
            Key::Other => {}
            Key::Member => return Err(HeadFault::Query),
            Key::Method if is_method(value, method) => {}
            Key::Method => return Err(HeadFault::Override),
        }
    }
    Ok(())
}

/// Whether a value names this method and no other.
pub(super) fn is_method(value: &[u8], method: &[u8]) -> bool {
    let mut names = value.split(|byte| *byte == b',');
    names.all(|name| name.trim_ascii().eq_ignore_ascii_case(method))
}

/// What a key of a query stands for, to whoever reads it most obligingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Member,
    Method,
    Other,
}

impl Key {
    fn of(key: &[u8]) -> Self {
        let mut kinds = texts(key).map(|text| Self::of_text(&text));
        kinds
            .find(|kind| *kind != Self::Other)
            .unwrap_or(Self::Other)
    }

    fn of_text(key: &str) -> Self {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let word = key.trim_start_matches(|char| !is_word(char));
        let front = key.strip_suffix(word).unwrap_or_default();
        let mut parts = word.split(['[', ']', '.']);
        let word = parts.next().unwrap_or_default();
        let has_parts = parts.next().is_some();
        let word = word.trim_end_matches(|char| !is_word(char));
        if word.is_ascii() && word.len() > LONGEST {
            return Self::Other;
        }
        // PHP turns what a name does not have into `_`.
        let is_body = front.ends_with(['.', '[', ' ', '+']) && word.eq_ignore_ascii_case("json");
        let is_body = is_body || (has_parts && word == SHORT_BODY);
        if is_body || MEMBERS.contains(&word) || is_twin(word, MEMBERS, &[BODY]) {
            Self::Member
        } else if word == METHOD || is_twin(word, &[METHOD], &[]) {
            Self::Method
        } else {
            Self::Other
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(query: &str) -> Option<HeadFault> {
        check(format!("/mcp{query}").as_bytes(), b"POST").err()
    }

    #[test]
    fn what_names_a_member() {
        for query in [
            "?method=tools/call",
            "?params[name]=danger",
            "?params%5Bname%5D=danger",
            "?params%255Bname%255D=danger",
            "?params.name=danger",
            "?params%2Ename=danger",
            "?params",
            "?params=",
            "?params[]=",
            "?jsonrpc=2.0",
            "?result=1",
            "?error[code]=1",
            "?a=b&method=x",
            "?a=b;method=x",
            "?a=b&amp;method=x",
            "?a=b%26method=x",
            "?a=b%26method%3Dx",
            "?a=b%2526method%253Dx",
            "?&method=x",
            "?=&method=x",
            "??method=x",
            "?a?method=x",
            "%3fmethod=x",
            "%253Fmethod=x",
            "?a#method=x",
            "#?method=x",
            "/x?method=x",
            "?Method=x",
            "?METHOD[a]=x",
            "?m%65thod=x",
            "?m%2565thod=x",
            "?%u006dethod=x",
            "?%c1%adethod=x",
            "?me%ffthod=x",
            "?param%C5%BF=x",
            "?param\u{17f}[name]=x",
            "?method%E2%80%8B=x",
            "?+method=x",
            "?%20method=x",
            "?method+=x",
            "?method%2b%C2%A0=x",
            "?%FF+json=x",
            "?method%00=x",
            "?method%00x=x",
            "?%00method=x",
            "?me%00thod=x",
            "?.method=x",
            "?[params][name]=x",
            "?[[params=x",
            "?]params[name]=x",
            "?params[name=x",
            "?_json=x",
            "?_json[][method]=x",
            "?_JSON=x",
            "?.json=x",
            "?[json=x",
            "?__proto__[method]=x",
            "?_[0][method]=x",
        ] {
            assert_eq!(fault(query), Some(HeadFault::Query), "{query}");
        }
    }

    #[test]
    fn what_names_another_method() {
        for query in [
            "?_method=GET",
            "?_method=DELETE&a=b",
            "?a=b;_Method=delete",
            "?_method",
            "?_method=",
            "?_method=POST&_method=PUT",
            "?_method=POST,PUT",
            "?%5Fmethod=PUT",
            "?_method%00=PUT",
            "?_method[]=PUT",
        ] {
            assert_eq!(fault(query), Some(HeadFault::Override), "{query}");
        }
        assert_eq!(fault("?_method=POST"), None);
        assert_eq!(fault("?_method=post&a=b"), None);
    }

    #[test]
    fn what_says_nothing_of_the_message() {
        let long = format!("?{}", "x".repeat(LONGEST + 1));
        for query in [
            "",
            "?",
            "?id=1",
            "?sessionId=1&session_id=2",
            "?api_key=k&token=method&profile=params",
            "?methods=x&parameters=y&results=z&errors=0",
            "?x[method]=y",
            "?x.params=y",
            "?a=method=b",
            "?_=1764503018",
            "?error_description=x&method_id=y&json=z",
            "?config=eyJtZXRob2QiOiJ4In0%3D",
            "?a=%FF%00%26",
            "?%FF=1",
            "?caf%E9=1",
            "/method/params",
            "/%20method",
            &long,
        ] {
            assert_eq!(fault(query), None, "{query}");
        }
    }
}
