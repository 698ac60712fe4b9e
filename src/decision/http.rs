//! The HTTP part of a rule against a request.

use crate::policy::{HttpConditions, PathCondition, ValueCondition};
use crate::request::HttpTarget;

/// Whether every condition holds. One that cannot be decided does not.
pub(super) fn holds(conditions: &HttpConditions, request: &HttpTarget<'_>) -> bool {
    let HttpConditions {
        methods,
        paths,
        headers,
        hosts,
        ports,
    } = conditions;
    any(methods.as_deref(), |method| {
        request.method() == Some(method.as_bytes())
    }) && any(paths.as_deref(), |path| path_holds(path, request))
        && any(ports.as_deref(), |port| request.port() == Some(*port))
        && hosts.as_ref().is_none_or(|hosts| {
            let host = request.host().unwrap_or_default();
            hosts.iter().any(|pattern| host_holds(pattern, &host))
        })
        && headers.iter().flatten().all(|(name, value)| {
            let header = request.header(name);
            header.is_some_and(|header| value_holds(value, &header))
        })
}

/// An omitted list holds; of one that is given, an item must.
fn any<T>(list: Option<&[T]>, holds: impl FnMut(&T) -> bool) -> bool {
    list.is_none_or(|list| list.iter().any(holds))
}

fn path_holds(condition: &PathCondition, request: &HttpTarget<'_>) -> bool {
    match condition {
        PathCondition::Exact(path) => request.path() == Some(path.as_bytes()),
        // The empty prefix is every path, also `*`, which has no segments.
        PathCondition::Prefix(prefix) => prefix.is_empty() || request.is_under(prefix),
        PathCondition::Pattern(pattern) => {
            let path = request.path();
            path.is_some_and(|path| pattern.matches(path) == Some(true))
        }
    }
}

/// `*.x` holds for whatever lies below `x`, at any depth, and not for `x`.
fn host_holds(pattern: &str, host: &[u8]) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() > suffix.len() && host.ends_with(suffix.as_bytes()),
        None => host == pattern.as_bytes(),
    }
}

fn value_holds(condition: &ValueCondition, value: &[u8]) -> bool {
    match condition {
        ValueCondition::Exact(expected) => value == expected.as_bytes(),
        ValueCondition::Pattern(pattern) => pattern.matches(value) == Some(true),
    }
}
