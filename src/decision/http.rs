//! The HTTP part of a rule against a request.

use crate::policy::{HttpConditions, PathCondition, Pattern, ValueCondition};
use crate::request::{Host, HttpTarget, RequestPath};

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
    header.map_or(Match::No, |header| of_value(value, &header))
}

/// An omitted list holds; of one that is given, an item must.
fn any<T>(list: Option<&[T]>, matches: impl FnMut(&T) -> Match) -> Match {
    list.map_or(Match::Yes, |list| {
        list.iter().map(matches).fold(Match::No, Match::or)
    })
}

/// SECURITY: a path that servers read in several ways is the path that it spells, and
/// what else it is cannot be said.
fn of_path(condition: &PathCondition, path: RequestPath<'_>) -> Match {
    let bytes = path.as_bytes();
    let found = match condition {
        PathCondition::Exact(expected) => Match::decided(bytes == expected.as_bytes()),
        // The empty prefix is every path, also `*`, which has no segments.
        PathCondition::Prefix(prefix) if prefix.is_empty() => return Match::Yes,
        PathCondition::Prefix(prefix) => Match::decided(path.is_under(prefix)),
        PathCondition::Pattern(pattern) => of_pattern(pattern, bytes),
    };
    let spells_it = found == Match::Yes && matches!(condition, PathCondition::Exact(_));
    if path.is_ambiguous() && !spells_it {
        Match::Undecided
    } else {
        found
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

fn of_pattern(pattern: &Pattern, value: &[u8]) -> Match {
    pattern
        .matches(value)
        .map_or(Match::Undecided, Match::decided)
}
