//! Paths that no request has, or that mean something else than they seem to.

use crate::tool::api::decode::{Located, Problem};
use crate::tool::api::v1alpha1::{PathMatch, PathMatchType};
use crate::tool::compile::lint::invisible;
use crate::tool::compile::regex;

/// The warnings about a path.
pub(super) fn path(path: &Located<PathMatch>) -> Vec<Problem> {
    let PathMatch { kind, value } = &path.value;
    let kind = kind.given().map(|kind| kind.value);
    let Some(value) = value.given() else {
        return Vec::new();
    };
    let warning = match kind {
        Some(PathMatchType::RegularExpression) => no_slash(value)
            .or_else(|| no_query(value))
            .or_else(|| glob(value))
            .or_else(|| no_end(value))
            .or_else(|| unseen(value)),
        Some(PathMatchType::Exact) => query(value).or_else(|| literal(value, true)),
        Some(PathMatchType::PathPrefix) | None => query(value).or_else(|| literal(value, false)),
    };
    warning.into_iter().collect()
}

fn query(path: &Located<String>) -> Option<Problem> {
    path.value.contains('?').then(|| {
        let message = format!(
            "no path is `{}`: a path ends where its query begins",
            path.value
        );
        Problem::new(&path.at, message).help("leave out the `?` and what follows it")
    })
}

/// What other matchers take for more than it says.
fn literal(path: &Located<String>, is_exact: bool) -> Option<Problem> {
    let Located { value, at } = path;
    let ends_blank = value.ends_with(char::is_whitespace);
    let what = if value.contains('*') {
        "`*` is no wildcard"
    } else if let Some(what) = template(value) {
        what
    } else if ends_blank {
        let message = format!("the path `{value}` ends in a blank, which is taken as a part of it");
        return Some(Problem::new(at, message).help("write the path without the blank"));
    } else {
        return unseen(path);
    };
    let help = match is_exact {
        true => {
            "for what lies below a path say `type: PathPrefix`; for a pattern, \
                 `type: RegularExpression`"
        }
        false => {
            "a prefix is for all that lies below it, without `*`; for a pattern say \
                  `type: RegularExpression`"
        }
    };
    let message = format!("the path `{value}` is taken as it stands: {what}");
    Some(Problem::new(at, message).help(help))
}

/// What in a path other matchers fill in.
pub(in crate::tool::compile) fn template(path: &str) -> Option<&'static str> {
    let is_variable = |segment: &str| {
        let name = segment.strip_prefix(':');
        name.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
    };
    if path.contains(['{', '}']) {
        Some("`{` and `}` are no pattern")
    } else if path.split('/').any(is_variable) {
        Some("a segment with `:` is no variable")
    } else {
        None
    }
}

fn unseen(path: &Located<String>) -> Option<Problem> {
    let letter = invisible::named(&path.value)?;
    let message = format!(
        "the path `{}` has an invisible letter, {letter}",
        invisible::shown(&path.value)
    );
    Some(Problem::new(&path.at, message).help("write it without"))
}

/// Every path begins with a slash.
fn no_slash(expression: &Located<String>) -> Option<Problem> {
    let Located { value, at } = expression;
    (!regex::may_begin_with(value, b'/')).then(|| {
        let message = format!("no path matches `{value}`: the whole path is matched, from its `/`");
        Problem::new(at, message).help("begin with `/`, or with `.*` for any path before it")
    })
}

/// A path is matched without its query.
fn no_query(expression: &Located<String>) -> Option<Problem> {
    let Located { value, at } = expression;
    regex::needs(value, |c| matches!(c, '?' | '#')).then(|| {
        let message = format!("no path matches `{value}`: a path ends where its query begins");
        Problem::new(at, message).help("leave out the `\\?` and what follows it")
    })
}

/// What is a pattern to shells, and repeats one letter here.
fn glob(expression: &Located<String>) -> Option<Problem> {
    let Located { value, at } = expression;
    let front = regex::glob(value)?;
    let message = format!("`{value}` does not match all that begins with `{front}`");
    let help = format!("`*` repeats the letter before it: for anything write `{front}.*`");
    Some(Problem::new(at, message).help(help))
}

/// Who writes `^` may believe that without `$` the path may go on.
fn no_end(expression: &Located<String>) -> Option<Problem> {
    let Located { value, at } = expression;
    (value.starts_with('^') && !regex::says_its_end(value)).then(|| {
        let message =
            format!("the whole path is matched: `{value}` does not match what goes on after it");
        Problem::new(at, message)
            .help("add `(/.*)?` for all below it, or `$` if it is the whole path")
    })
}
