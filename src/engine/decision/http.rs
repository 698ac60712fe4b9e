//! The HTTP part of a rule against a request.

use crate::engine::expr::Allowance;
use crate::engine::policy::{HttpConditions, PathCondition, Pattern, ValueCondition};
use crate::engine::request::{Derived, DerivedPath, HostName, HttpRequest, is_script};

use super::Match;

/// Whether every condition holds. What patterns look at is taken off `allowance`.
pub(super) fn matches(
    conditions: &HttpConditions,
    request: &Derived<'_>,
    allowance: &Allowance,
) -> Match {
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
        .map(|(name, value)| of_header(name, value, request.target(), allowance));
    let others = of_methods(methods.as_deref(), request)
        .and(of_paths(paths.as_deref(), request, allowance))
        .and(of_ports(ports.as_deref(), request.target()))
        .and(of_hosts(hosts.as_deref(), request));
    headers.fold(others, Match::and)
}

pub(super) fn of_methods(methods: Option<&[String]>, request: &Derived<'_>) -> Match {
    let Some(methods) = methods else {
        return Match::Yes;
    };
    let target = request.target();
    let lists = |sent: &[u8]| methods.iter().any(|method| method.as_bytes() == sent);
    let is_listed = target.method().is_some_and(lists);
    // SECURITY: frameworks put another method in the place of POST where they are told to.
    let overriding = request.overriding_methods();
    let is_other = !is_listed && target.runs_get() && lists(b"GET");
    let agree = |all: &[Vec<u8>]| all.iter().all(|method| lists(method) == is_listed);
    Match::decided(is_listed).if_agreed(!is_other && overriding.is_some_and(agree))
}

pub(super) fn of_paths(
    paths: Option<&[PathCondition]>,
    request: &Derived<'_>,
    allowance: &Allowance,
) -> Match {
    any(paths, |path| match request.path() {
        Some(request) => of_path(path, request, allowance),
        None => Match::Undecided,
    })
}

pub(super) fn of_ports(ports: Option<&[u64]>, request: &HttpRequest<'_>) -> Match {
    any(ports, |port| match request.port() {
        Some(request) => Match::decided(request == *port),
        None => Match::Undecided,
    })
}

pub(super) fn of_hosts(hosts: Option<&[String]>, request: &Derived<'_>) -> Match {
    any(hosts, |pattern| of_host(pattern, request.host()))
}

pub(super) fn of_header(
    name: &str,
    value: &ValueCondition,
    request: &HttpRequest<'_>,
    allowance: &Allowance,
) -> Match {
    // SECURITY: of several lines, or of lines whose names are alike, some servers take the
    // first, some the last, and some all of them.
    if request.has_several(name) {
        return Match::Undecided;
    }
    request
        .only(name)
        .map_or(Match::No, |header| of_value(value, header, allowance))
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
fn of_path(condition: &PathCondition, path: &DerivedPath<'_>, allowance: &Allowance) -> Match {
    let bytes = path.path().as_bytes();
    match condition {
        PathCondition::Exact(expected) if bytes == expected.as_bytes() => {
            Match::Yes.if_agreed(!path.path().is_in_query())
        }
        // The empty prefix is every path, also `*`, which has no segments.
        PathCondition::Prefix(prefix) if prefix.is_empty() => Match::Yes,
        _ if path.is_ambiguous() => Match::Undecided,
        // Unless the rule is about the script.
        PathCondition::Exact(expected) | PathCondition::Prefix(expected)
            if path.is_behind_script() && !names_script(expected) =>
        {
            Match::Undecided
        }
        PathCondition::Pattern(_) if path.is_behind_script() => Match::Undecided,
        PathCondition::Exact(expected) => Match::No.if_agreed(!path.may_be(expected)),
        PathCondition::Prefix(prefix) if path.path().is_under(prefix) => {
            Match::Yes.if_agreed(path.is_plainly_under(prefix))
        }
        PathCondition::Prefix(prefix) => Match::No.if_agreed(!path.may_be_under(prefix)),
        PathCondition::Pattern(pattern) => {
            let of = |text: &[u8]| of_pattern(pattern, text, allowance);
            let found = of(bytes);
            let mut forms = path.forms().into_iter().flatten();
            let found = found.if_agreed(forms.all(|form| of(form) == found));
            // Another reading of a path that does not match as it is spelt may do so.
            let may_match = |texts: &[Vec<u8>]| texts.iter().any(|text| of(text) != Match::No);
            found.if_agreed(found != Match::No || !path.texts().is_none_or(may_match))
        }
    }
}

/// Whether the path of a rule has a script in it.
fn names_script(path: &str) -> bool {
    path.split('/').any(|segment| is_script(segment.as_bytes()))
}

/// `*.x` holds for whatever lies below `x`, at any depth, and not for `x`.
fn of_host(pattern: &str, host: Option<&HostName>) -> Match {
    let Some(host) = host else {
        return Match::Undecided;
    };
    Match::decided(match pattern.strip_prefix('*') {
        Some(suffix) => host.is_below(suffix),
        None => host.as_bytes() == pattern.as_bytes(),
    })
}

fn of_value(condition: &ValueCondition, value: &[u8], allowance: &Allowance) -> Match {
    match condition {
        ValueCondition::Exact(expected) => Match::decided(value == expected.as_bytes()),
        ValueCondition::Pattern(pattern) => of_pattern(pattern, value, allowance),
    }
}

/// SECURITY: patterns match characters, and bytes that are none are dropped by some
/// servers. A client chooses how long a value is, and a policy how many patterns look at it.
fn of_pattern(pattern: &Pattern, value: &[u8], allowance: &Allowance) -> Match {
    // A step of an automaton takes longer than a look at a byte.
    let bytes = value.len().saturating_mul(8);
    if allowance.look(bytes).is_err() || std::str::from_utf8(value).is_err() {
        return Match::Undecided;
    }
    pattern
        .matches(value)
        .map_or(Match::Undecided, Match::decided)
}
