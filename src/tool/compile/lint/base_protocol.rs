//! Warnings about the base protocol: rules that allow nothing else, and callers who may
//! call things but may not open a session.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::policy::{
    Action, AllowPolicies, BaseProtocol, Mcp, Mode, ObjectName, Policy, Rule, Target,
};
use crate::tool::api::decode::{Located, Problem};
use crate::tool::compile::check::{Attachment, Checked, CheckedRule, SourceCaller};
use crate::tool::compile::lower::Lowered;
use crate::tool::compile::policies::ReadPolicy;

/// Warns of rules that match the base protocol only, where no other rule lets their callers
/// call anything.
///
/// How policies `combine` is not known without an enforcement point. With `All`, a second
/// policy on the target gives nothing that this one does not.
pub(in crate::tool::compile) fn nothing_else(
    policies: &mut [ReadPolicy],
    combine: Option<AllowPolicies>,
) {
    let found: Vec<Vec<Problem>> = policies
        .iter()
        .map(|policy| {
            let others = policies.iter().map(|other| &other.checked);
            lone_rules(&policy.checked, others, combine)
        })
        .collect();
    for (policy, found) in policies.iter_mut().zip(found) {
        policy.warnings.extend(found);
    }
}

fn lone_rules<'p>(
    policy: &'p Checked,
    all: impl Iterator<Item = &'p Checked>,
    combine: Option<AllowPolicies>,
) -> Vec<Problem> {
    let lone = rules(policy).filter_map(|rule| Some((rule, rule.mcp.as_ref()?)));
    let lone: Vec<_> = lone
        .filter(|(_, mcp)| matches_nothing_else(&mcp.value))
        .collect();
    if policy.action != Action::Allow || lone.is_empty() {
        return Vec::new();
    }
    let counts = |other: &&Checked| {
        let is_same = other.name.value == policy.name.value;
        let may_add = combine != Some(AllowPolicies::All) && other.action == Action::Allow;
        is_same || (may_add && share_a_target(policy, other))
    };
    let beside: Vec<&CheckedRule> = all.filter(counts).flat_map(rules).collect();
    let is_alone = |rule: &CheckedRule| {
        let mut beside = beside.iter();
        !beside.any(|other| may_share_a_caller(rule, other) && allows_more(other))
    };
    lone.into_iter()
        .filter(|(rule, _)| is_alone(rule))
        .map(|(_, mcp)| {
            let message = "only the base protocol matches: this rule lets no tool be called";
            Problem::new(&mcp.at, message).help(
                "list the `methods` here or in another rule for the same caller, or leave the \
                 rule as it is",
            )
        })
        .collect()
}

fn rules(policy: &Checked) -> impl Iterator<Item = &CheckedRule> {
    let rules = policy.rules.iter().flatten();
    rules.map(|rule| &rule.value)
}

fn matches_nothing_else(mcp: &Mcp) -> bool {
    mcp.base_protocol == BaseProtocol::Full && mcp.methods.is_none()
}

fn allows_more(rule: &CheckedRule) -> bool {
    let mcp = rule.mcp.as_ref();
    mcp.is_none_or(|mcp| {
        mcp.value.methods.is_some() || mcp.value.base_protocol == BaseProtocol::None
    })
}

fn may_share_a_caller(rule: &CheckedRule, other: &CheckedRule) -> bool {
    let caller = |rule: &CheckedRule| -> Option<SourceCaller> {
        rule.source.as_ref().map(|source| source.value.clone())
    };
    match (caller(rule), caller(other)) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

fn share_a_target(policy: &Checked, other: &Checked) -> bool {
    let mut targets = policy.targets.iter();
    targets.any(|target| {
        let mut others = other.targets.iter();
        others.any(|other| match (&target.value, &other.value) {
            (Attachment::Gateway { gateway, .. }, Attachment::Gateway { gateway: other, .. }) => {
                gateway == other
            }
            (Attachment::Backend(backend), Attachment::Backend(other)) => backend == other,
            _ => false,
        })
    })
}

/// Where a policy is judged: listeners are a part of the Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PolicyScope<'p> {
    Gateway,
    Backend(&'p ObjectName),
}

impl<'p> From<&'p Target> for PolicyScope<'p> {
    fn from(target: &'p Target) -> Self {
        match target {
            Target::Gateway | Target::Listener(_) => Self::Gateway,
            Target::Backend(backend) => Self::Backend(backend),
        }
    }
}

/// Who may open a session by some rule; `None` is everybody.
type Openers<'p> = BTreeSet<Option<&'p str>>;

/// Warns of rules that list methods for a caller whom nothing lets open a session; each
/// warning with the policy that it is about.
///
/// SPEC: before 2026-07-28 a client may call nothing before it has sent `initialize`.
pub(in crate::tool::compile) fn no_session(
    policies: &[Lowered],
    combine: AllowPolicies,
) -> Vec<(ObjectName, Problem)> {
    let is_allow = |lowered: &&Lowered| {
        let Lowered { policy, .. } = lowered;
        policy.action == Action::Allow && policy.mode == Mode::Enforce
    };
    let allowing: Vec<&Lowered> = policies.iter().filter(is_allow).collect();
    let mut of_levels: BTreeMap<PolicyScope<'_>, Openers<'_>> = BTreeMap::new();
    for lowered in &allowing {
        for target in &lowered.policy.targets {
            let level = of_levels.entry(target.into()).or_default();
            level.extend(openers(&lowered.policy));
        }
    }
    let mut warnings = Vec::new();
    for lowered in &allowing {
        let levels: Vec<Openers<'_>> = match combine {
            // The policy itself has to allow it.
            AllowPolicies::All => vec![openers(&lowered.policy)],
            AllowPolicies::Any => {
                let levels = lowered.policy.targets.iter().map(PolicyScope::from);
                levels
                    .filter_map(|level| of_levels.get(&level).cloned())
                    .collect()
            }
        };
        warnings.extend(closed(lowered, &levels));
    }
    warnings
}

/// The warnings about a policy, one for each caller. `levels` are who may open a session
/// where it is judged.
fn closed(lowered: &Lowered, levels: &[Openers<'_>]) -> Vec<(ObjectName, Problem)> {
    let mut told: BTreeSet<Option<&str>> = BTreeSet::new();
    let mut warnings = Vec::new();
    let rules = lowered.policy.rules.iter().flatten();
    for (rule, written) in rules.zip(&lowered.written) {
        let caller = rule.source.as_deref();
        let mcp = written.value.mcp.as_ref().filter(|mcp| lists(&mcp.value));
        let is_closed =
            |openers: &&Openers<'_>| !openers.contains(&None) && !openers.contains(&caller);
        if let Some(mcp) = mcp
            && let Some(openers) = levels.iter().find(is_closed)
            && told.insert(caller)
        {
            let problem = closed_to(caller, !openers.is_empty(), mcp);
            warnings.push((lowered.policy.policy.clone(), problem));
        }
    }
    warnings
}

/// Whether it lists methods, and none of the base protocol.
fn lists(mcp: &Mcp) -> bool {
    let methods = mcp.methods.as_ref();
    mcp.base_protocol == BaseProtocol::None && methods.is_some_and(|list| !list.is_empty())
}

/// Who may open a session by the rules of a policy: those that may match `initialize`.
fn openers(policy: &Policy) -> Openers<'_> {
    let Some(rules) = &policy.rules else {
        return BTreeSet::from([None]);
    };
    let may_open = |rule: &&Rule| rule.mcp.as_ref().is_none_or(|mcp| !lists(mcp));
    let rules = rules.iter().filter(may_open);
    rules.map(|rule| rule.source.as_deref()).collect()
}

fn closed_to(caller: Option<&str>, others_may: bool, mcp: &Located<Mcp>) -> Problem {
    let who = match (caller, others_may) {
        (Some(caller), _) => format!("no rule lets `{caller}` open a session"),
        (None, false) => "no rule lets anybody open a session".to_owned(),
        (None, true) => {
            "the rule is for everybody, and only callers with a name may open a session".to_owned()
        }
    };
    let message = format!(
        "{who} (`initialize`), without which no client before MCP 2026-07-28 calls anything"
    );
    Problem::new(&mcp.at, message).help(
        "add `mcpBaseProtocolMethodsOption: MATCH_BASE_PROTOCOL_METHODS` here, or a rule with it \
         for the same caller",
    )
}
