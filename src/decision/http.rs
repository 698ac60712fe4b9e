//! The HTTP part of a rule against a request.

use std::borrow::Cow;

use crate::policy::{HttpConditions, PathCondition, Pattern, ValueCondition};
use crate::request::{Host, HttpTarget, RequestPath, forms, is_under as is_under_prefix};

use super::Match;

/// Whether every condition holds.
pub(super) fn matches(conditions: &HttpConditions, request: &HttpTarget<'_>) -> Match {
    let HttpConditions {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = conditions;
    let headers = headers
        .iter()
        .flatten()
        .map(|(name, value)| of_header(name, value, request));
    let others = of_methods(methods.as_deref(), request)
        .and(of_paths(paths.as_deref(), request))
        .and(of_ports(ports.as_deref(), request))
        .and(of_hosts(hosts.as_deref(), request));
    headers.fold(others, Match::and)
}

pub(super) fn of_methods(methods: Option<&[String]>, request: &HttpTarget<'_>) -> Match {
    any(methods, |method| {
        Match::decided(request.method() == Some(method.as_bytes()))
    })
}

pub(super) fn of_paths(paths: Option<&[PathCondition]>, request: &HttpTarget<'_>) -> Match {
    any(paths, |path| match request.path() {
        Some(request) => of_path(path, request),
        None => Match::Undecided,
    })
}

pub(super) fn of_ports(ports: Option<&[u64]>, request: &HttpTarget<'_>) -> Match {
    any(ports, |port| match request.port() {
        Some(request) => Match::decided(request == *port),
        None => Match::Undecided,
    })
}

pub(super) fn of_hosts(hosts: Option<&[String]>, request: &HttpTarget<'_>) -> Match {
    hosts.map_or(Match::Yes, |patterns| {
        let host = request.host();
        any(Some(patterns), |pattern| of_host(pattern, host.as_ref()))
    })
}

pub(super) fn of_header(name: &str, value: &ValueCondition, request: &HttpTarget<'_>) -> Match {
    let header = request.header(name);
    let found = header.map_or(Match::No, |header| of_value(value, &header));
    // SECURITY: of several lines, or of lines whose names are alike, some servers take the
    // first and some the last.
    found.if_agreed(found != Match::No || !request.has_several(name))
}

/// An omitted list holds; of one that is given, an item must.
fn any<T>(list: Option<&[T]>, matches: impl FnMut(&T) -> Match) -> Match {
    list.map_or(Match::Yes, |list| {
        list.iter().map(matches).fold(Match::No, Match::or)
    })
}

/// SECURITY: a path that servers read in several ways is the path that it spells, and
/// what else it is cannot be said. Where only escapes differ, it can be said if all forms
/// of the path agree.
fn of_path(condition: &PathCondition, path: RequestPath<'_>) -> Match {
    let bytes = path.as_bytes();
    match condition {
        PathCondition::Exact(expected) if bytes == expected.as_bytes() => Match::Yes,
        // The empty prefix is every path, also `*`, which has no segments.
        PathCondition::Prefix(prefix) if prefix.is_empty() => Match::Yes,
        _ if path.is_ambiguous() => Match::Undecided,
        PathCondition::Exact(expected) => {
            Match::No.if_agreed(plain(bytes) != plain(expected.as_bytes()))
        }
        PathCondition::Prefix(prefix) => {
            let is_under = path.is_under(prefix);
            let (plain, prefix) = (plain(bytes), plain(prefix.as_bytes()));
            let of_plain = is_under_prefix(&plain, &prefix);
            Match::decided(is_under).if_agreed(of_plain == is_under)
        }
        PathCondition::Pattern(pattern) => {
            let found = of_pattern(pattern, bytes);
            let mut forms = forms(bytes).into_iter().flatten();
            found.if_agreed(forms.all(|form| of_pattern(pattern, &form) == found))
        }
    }
}

/// A path without escapes.
fn plain(path: &[u8]) -> Cow<'_, [u8]> {
    match forms(path) {
        Some([plain, _]) => Cow::Owned(plain),
        None => Cow::Borrowed(path),
    }
}

/// `*.x` holds for whatever lies below `x`, at any depth, and not for `x`.
fn of_host(pattern: &str, host: Option<&Host>) -> Match {
    let Some(host) = host else {
        return Match::Undecided;
    };
    Match::decided(match pattern.strip_prefix('*') {
        Some(suffix) => host.is_below(suffix),
        None => host.as_bytes() == pattern.as_bytes(),
    })
}

fn of_value(condition: &ValueCondition, value: &[u8]) -> Match {
    match condition {
        ValueCondition::Exact(expected) => Match::decided(value == expected.as_bytes()),
        ValueCondition::Pattern(pattern) => of_pattern(pattern, value),
    }
}

/// SECURITY: patterns match characters, and bytes that are none are dropped by some
/// servers.
fn of_pattern(pattern: &Pattern, value: &[u8]) -> Match {
    if std::str::from_utf8(value).is_err() {
        return Match::Undecided;
    }
    pattern
        .matches(value)
        .map_or(Match::Undecided, Match::decided)
}
