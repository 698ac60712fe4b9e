//! Warnings about the paths that carry MCP: about the base protocol where nothing says which
//! they are, and other things than MCP are served too; and about rules for MCP on others.

use crate::engine::policy::{Action, BaseProtocol, Mode, ObjectName, PathMatch};
use crate::tool::api::decode::Problem;
use crate::tool::compile::check::CheckedRule;
use crate::tool::compile::enforcement_point::EnforcementPoint;
use crate::tool::compile::lower::Lowered;

/// The warning, with the policy that it is about.
///
/// SECURITY: a GET of any path, and a DELETE with a session, is then what a rule for the base
/// protocol allows, of a REST server too.
pub(in crate::tool::compile) fn unsaid(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Option<(ObjectName, Problem)> {
    if point.settings.mcp_paths.is_some() {
        return None;
    }
    let enforced = || {
        let policies = policies.iter();
        let policies = policies.filter(|lowered| lowered.policy.mode == Mode::Enforce);
        policies.flat_map(|lowered| lowered.written.iter().map(move |rule| (lowered, rule)))
    };
    let (_, other) = enforced().find(|(_, rule)| is_of_http(&rule.value))?;
    let (lowered, mcp) = enforced()
        .filter(|(lowered, _)| lowered.policy.action == Action::Allow)
        .filter(|(_, rule)| matches_every_path(&rule.value))
        .find_map(|(lowered, rule)| Some((lowered, rule.value.mcp.as_ref()?)))?;
    let message = "nothing says which paths carry MCP, so that this rule allows GET on every \
                   path, and DELETE with a session, as the base protocol";
    let problem = Problem::new(&mcp.at, message)
        .help("say it in the enforcement point: `mcp: {paths: [/mcp]}`")
        .related(other.at.span, "a rule for what is not MCP");
    Some((lowered.policy.policy.clone(), problem))
}

/// Whether a rule is for requests by path or method, MCP or not.
fn is_of_http(rule: &CheckedRule) -> bool {
    let http = rule.http.as_ref();
    rule.mcp.is_none() && http.is_some_and(|http| http.paths.is_some() || http.methods.is_some())
}

fn matches_every_path(rule: &CheckedRule) -> bool {
    let base = rule.mcp.as_ref();
    let reads = |method: &String| method == "GET" || method == "DELETE";
    base.is_some_and(|mcp| mcp.value.base_protocol != BaseProtocol::None)
        && rule.http.as_ref().is_none_or(|http| {
            let mut methods = http.methods.iter().flatten();
            http.paths.is_none() && (http.methods.is_none() || methods.any(reads))
        })
}

/// The warnings about rules whose `mcp` part meets no request on any of their `paths`, each
/// with the policy that it is about.
///
/// INVARIANT: sound, not complete: what regular expressions match is not looked at.
pub(in crate::tool::compile) fn elsewhere(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Vec<(ObjectName, Problem)> {
    let Some(prefixes) = &point.settings.mcp_paths else {
        return Vec::new();
    };
    let rules = policies
        .iter()
        .flat_map(|lowered| lowered.written.iter().map(move |rule| (lowered, rule)));
    rules
        .filter_map(|(lowered, rule)| {
            let mcp = rule.value.mcp.as_ref()?;
            let paths = rule.value.http.as_ref()?.paths.as_ref()?;
            let is_met = |path: &PathMatch| prefixes.iter().any(|prefix| may_meet(path, prefix));
            if paths.iter().any(is_met) {
                return None;
            }
            let paths: Vec<String> = paths.iter().map(quoted).collect();
            let message = format!(
                "the rule is for MCP, which none of its paths carries by `mcp.paths` ({}): it never \
                 matches",
                paths.join(", ")
            );
            let prefixes: Vec<String> = prefixes.iter().map(|path| format!("`{path}`")).collect();
            let help = format!(
                "list a path below {} here, or those of the rule in `mcp.paths` of the enforcement \
                 point",
                prefixes.join(", ")
            );
            let problem = Problem::new(&mcp.at, message).help(help);
            Some((lowered.policy.policy.clone(), problem))
        })
        .collect()
}

fn quoted(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(path) | PathMatch::PathPrefix(path) => format!("`{path}`"),
        PathMatch::RegularExpression(expression) => format!("`{}`", expression.text),
    }
}

/// Whether a request of a path may lie under a prefix, to whatever server.
///
/// SECURITY: `/MCP` and `/mcpx` do to some, and what has escapes or parameters may.
fn may_meet(path: &PathMatch, prefix: &str) -> bool {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let begins = |path: &str, front: &str| rest(path, front).is_some();
    let lies_below = |path: &str, front: &str| {
        let rest = rest(path, front);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '.']))
    };
    let is_odd = |text: &str| !text.is_ascii() || text.contains(['%', ';', '\\', ' ']);
    match path {
        PathMatch::Exact(path) | PathMatch::PathPrefix(path) if is_odd(path) || is_odd(prefix) => {
            true
        }
        PathMatch::Exact(path) => begins(path, prefix),
        PathMatch::PathPrefix(path) => begins(path, prefix) || lies_below(prefix, path),
        PathMatch::RegularExpression(_) => true,
    }
}

/// What follows a front that is there but for case.
fn rest<'p>(path: &'p str, front: &str) -> Option<&'p str> {
    let (begin, rest) = path.split_at_checked(front.len())?;
    begin.eq_ignore_ascii_case(front).then_some(rest)
}
