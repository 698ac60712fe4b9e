//! The HTTP part of a rule against a request.

use crate::policy::{HttpConditions, PathCondition, Pattern, ValueCondition};
use crate::request::{Host, HttpTarget, RequestPath, forms, is_under as is_under_prefix, plain};

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
    let Some(methods) = methods else {
        return Match::Yes;
    };
    let lists = |sent: &[u8]| methods.iter().any(|method| method.as_bytes() == sent);
    let is_listed = request.method().is_some_and(lists);
    // SECURITY: frameworks put another method in the place of POST where they are told to.
    let mut overriding = request.overriding_methods();
    let is_other = !is_listed && request.runs_get() && lists(b"GET");
    let all_agree = !is_other && overriding.all(|method| lists(&method) == is_listed);
    Match::decided(is_listed).if_agreed(all_agree)
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
    // SECURITY: of several lines, or of lines whose names are alike, some servers take the
    // first, some the last, and some all of them.
    if request.has_several(name) {
        return Match::Undecided;
    }
    request
        .only(name)
        .map_or(Match::No, |header| of_value(value, header))
}

/// An omitted list holds; of one that is given, an item must.
fn any<T>(list: Option<&[T]>, matches: impl FnMut(&T) -> Match) -> Match {
    list.map_or(Match::Yes, |list| {
        list.iter().map(matches).fold(Match::No, Match::or)
    })
}

/// SECURITY: a path that servers read in several ways is the path that it spells, and
/// what else it is cannot be said. Where only escapes differ, it can be said if all forms
/// of the path agree. And what does not match as it is spelt may still do so to servers
/// that route without case, without a slash at the end, or without an extension.
fn of_path(condition: &PathCondition, path: RequestPath<'_>) -> Match {
    let bytes = path.as_bytes();
    match condition {
        PathCondition::Exact(expected) if bytes == expected.as_bytes() => Match::Yes,
        // The empty prefix is every path, also `*`, which has no segments.
        PathCondition::Prefix(prefix) if prefix.is_empty() => Match::Yes,
        _ if path.is_ambiguous() => Match::Undecided,
        PathCondition::Exact(expected) => Match::No.if_agreed(!path.may_be(expected)),
        PathCondition::Prefix(prefix) if path.is_under(prefix) => {
            let of_plain = is_under_prefix(&plain(bytes), &plain(prefix.as_bytes()));
            Match::Yes.if_agreed(of_plain)
        }
        PathCondition::Prefix(prefix) => Match::No.if_agreed(!path.may_be_under(prefix)),
        PathCondition::Pattern(pattern) => {
            let found = of_pattern(pattern, bytes);
            let mut forms = forms(bytes).into_iter().flatten();
            let found = found.if_agreed(forms.all(|form| of_pattern(pattern, &form) == found));
            found.if_agreed(found != Match::No || !may_match(pattern, path))
        }
    }
}

/// Whether another reading of a path that does not match as it is spelt does.
fn may_match(pattern: &Pattern, path: RequestPath<'_>) -> bool {
    let matches = |path: &[u8]| of_pattern(pattern, path) != Match::No;
    path.readings().is_none_or(|readings| {
        let mut readings = readings.iter();
        readings.any(|reading| matches(reading) || matches(&plain(reading)))
    })
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
