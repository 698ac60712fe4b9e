//! The bound on the automata of all regular expressions of a configuration together.
//!
//! SECURITY: every worker of Envoy holds them all, and a few lines of a pattern become
//! 64 KiB of automaton.

use super::lower::Lowered;
use crate::engine::expr::CompiledRegex;
use crate::engine::policy::{HeaderMatch, HttpMatch, PathMatch, Policy, ValueMatch};
use crate::tool::api::decode::Problem;

/// The most bytes of all automata together, as the filter holds them.
const TOTAL_BYTES: usize = 4 << 20;

/// Refuses policies whose regular expressions need more than that.
pub(super) fn too_large(policies: &[Lowered]) -> Option<Problem> {
    let size = |lowered: &Lowered| -> usize { expressions(&lowered.policy).map(bytes).sum() };
    let total: usize = policies.iter().map(size).sum();
    let largest = policies.iter().max_by_key(|lowered| size(lowered))?;
    (total > TOTAL_BYTES).then(|| {
        let most = TOTAL_BYTES >> 20;
        let message = format!(
            "the regular expressions of all policies need automata of {} MiB together, those of \
             `{}` {} MiB: one configuration has {most} MiB of them at most",
            tenths(total),
            largest.policy.policy,
            tenths(size(largest)),
        );
        Problem::new(&largest.at, message).help(
            "compare by `Exact` or `PathPrefix` where that will do, and use `*`, `+` or classes \
             of ASCII characters instead of counted repetitions and `.`",
        )
    })
}

/// In MiB, rounded up to one decimal.
fn tenths(bytes: usize) -> String {
    let tenths = (bytes * 10).div_ceil(1 << 20);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The bytes of an automaton that is written in base64.
fn bytes(expression: &CompiledRegex) -> usize {
    expression.automaton.trim_end_matches('=').len() * 3 / 4
}

fn expressions(policy: &Policy) -> impl Iterator<Item = &CompiledRegex> {
    let rules = policy.rules.iter().flatten();
    rules.flat_map(|rule| {
        let http = rule.http.iter().flat_map(|http| of_http(http));
        let cel = rule.cel.iter().flat_map(|program| &program.patterns);
        http.chain(cel)
    })
}

fn of_http(http: &HttpMatch) -> impl Iterator<Item = &CompiledRegex> {
    let paths = http.paths.iter().flatten();
    let paths = paths.filter_map(|path| match path {
        PathMatch::RegularExpression(expression) => Some(expression),
        PathMatch::Exact(_) | PathMatch::PathPrefix(_) => None,
    });
    let headers = http.headers.iter().flatten();
    let headers = headers.filter_map(|HeaderMatch { value, .. }| match value {
        ValueMatch::RegularExpression(expression) => Some(expression),
        ValueMatch::Exact(_) => None,
    });
    paths.chain(headers)
}
