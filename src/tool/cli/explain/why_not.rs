//! Why a caller may not call a tool: at each level that refuses, the rules that come
//! nearest, and what they miss.

use std::collections::BTreeSet;

use super::super::terminal::hang;
use super::Explanation;
use super::page::{check_text, head};
use crate::engine::decision::{
    Check, DenialReason, LevelTrace, Match, PolicyTrace, RulePart, RuleTrace,
};
use crate::engine::policy::{Action, AllowPolicies, Evaluation, MethodName};
use crate::tool::api::decode::closest;
use crate::tool::decision_tests::Expect;

/// The page.
pub(super) fn page(explanation: &Explanation<'_>, tool: &str, width: usize) -> String {
    let mut page = head(explanation, width);
    let Some(trace) = &explanation.explained.trace else {
        return page;
    };
    if explanation.outcome.expect == Some(Expect::Allow) || explanation.ask().is_some() {
        return page;
    }
    for level in &trace.levels {
        if let Err(reason) = level.enforced {
            page.push('\n');
            page.push_str(&hang("", &format!("{}:", level.target), width));
            page.push_str(&level_text(explanation, level, &reason, width));
        }
    }
    if let Some(hint) = hint(explanation, tool) {
        page.push('\n');
        page.push_str(&hang("", &hint, width));
    }
    page
}

fn level_text(
    explanation: &Explanation<'_>,
    level: &LevelTrace<'_>,
    reason: &DenialReason<'_>,
    width: usize,
) -> String {
    if let DenialReason::DenyRule { by, .. } = reason {
        let what = format!("{by} must not match, and no other Deny policy either");
        return hang("  ", &what, width);
    }
    let allowing = level
        .acts
        .iter()
        .flat_map(|act| &act.policies)
        .filter(|policy| {
            policy.is_in(Evaluation::Enforced)
                && policy.action == Action::Allow
                && policy.matched().is_none()
        });
    let nearest: Vec<_> = allowing
        .filter_map(|policy| nearest(policy).map(|rule| (policy, rule)))
        .collect();
    match explanation.loaded.policies.allow_policies() {
        AllowPolicies::All => nearest
            .iter()
            .map(|(policy, rule)| missing(policy, rule, width))
            .collect(),
        AllowPolicies::Any => nearest
            .iter()
            .min_by_key(|(_, rule)| distance(rule))
            .map_or_else(String::new, |(policy, rule)| missing(policy, rule, width)),
    }
}

/// The rule of a policy of which least is missing, the first of several.
fn nearest<'t, 'p>(policy: &'t PolicyTrace<'p>) -> Option<&'t RuleTrace<'p>> {
    policy.rules.iter().min_by_key(|rule| distance(rule))
}

/// How far a rule is from matching. One for this caller that lists the tool is nearest, and
/// of the others the one of which least is missing. A rule for another caller is further
/// away than one for this caller, which lists other things: the second is what one mends
/// first.
fn distance(rule: &RuleTrace<'_>) -> (bool, usize, bool) {
    let missing = || {
        let checks = rule.checks.iter().filter(|check| is_missing(check));
        checks.map(|check| &check.part)
    };
    let is_others = missing().any(|part| *part == RulePart::Source);
    let is_meant = !missing().any(|part| matches!(part, RulePart::Source | RulePart::Mcp));
    (!is_meant, missing().count(), is_others)
}

fn is_missing(check: &Check) -> bool {
    check.matches != Match::Yes
}

fn missing(policy: &PolicyTrace<'_>, rule: &RuleTrace<'_>, width: usize) -> String {
    let name = rule.name.unwrap_or("(all)");
    let what = format!("nearest rule: {}#{name}, which misses", policy.name);
    let mut text = hang("  ", &what, width);
    let missing: Vec<&Check> = rule
        .checks
        .iter()
        .filter(|check| is_missing(check))
        .collect();
    let names = missing.iter().map(|check| check.part.to_string().len());
    let column = names.max().unwrap_or(0);
    for check in missing {
        text.push_str(&check_text(check, "    ", column, width));
    }
    let others = policy.rules.iter().filter(|rule| is_for_others(rule));
    let others: BTreeSet<&str> = others.filter_map(|rule| rule.name).collect();
    if !others.is_empty() {
        let others: Vec<&str> = others.into_iter().take(OTHERS).collect();
        let what = format!("other callers may, by {}", others.join(", "));
        text.push_str(&hang("  ", &what, width));
    }
    text
}

/// So many rules for other callers are named.
const OTHERS: usize = 5;

/// Whether nothing but another caller is missing.
fn is_for_others(rule: &RuleTrace<'_>) -> bool {
    let mut missing = rule.checks.iter().filter(|check| is_missing(check));
    let first = missing.next().map(|check| &check.part);
    first == Some(&RulePart::Source) && missing.next().is_none()
}

/// A name that the policies have, where the one asked for is nearly it.
fn hint(explanation: &Explanation<'_>, tool: &str) -> Option<String> {
    let policies = explanation.loaded.document.compiled().policies.iter();
    let rules = policies.flat_map(|policy| policy.rules.iter().flatten());
    let methods =
        rules.flat_map(|rule| rule.mcp.iter().flat_map(|mcp| mcp.methods.iter().flatten()));
    let calls = methods.filter(|method| method.name == MethodName::ToolsCall);
    let tools: BTreeSet<&str> = calls
        .flat_map(|method| method.params.iter().flatten())
        .map(String::as_str)
        .collect();
    if tools.contains(tool) {
        return None;
    }
    Some(match closest(tool, tools) {
        Some(near) => format!("No rule lists the tool `{tool}`. Did you mean `{near}`?"),
        None => format!("No rule lists the tool `{tool}`."),
    })
}
