//! A note on Deny policies that list tools, where no Allow policy does.
//!
//! SECURITY: which names a server has for a tool, only the server knows.

use crate::engine::policy::{
    Action, AllowPolicies, BaseProtocol, Mcp, MethodName, Mode, ObjectName, Policy, Target,
};
use crate::tool::api::decode::Problem;
use crate::tool::compile::lower::Lowered;

/// The notes, each with the policy that it is about.
pub(in crate::tool::compile) fn further(
    policies: &[Lowered],
    combine: AllowPolicies,
) -> Vec<(ObjectName, Problem)> {
    let enforced = policies.iter().map(|lowered| &lowered.policy);
    let enforced: Vec<&Policy> = enforced
        .filter(|policy| policy.mode == Mode::Enforce)
        .collect();
    let denying = policies
        .iter()
        .filter(|lowered| lowered.policy.action == Action::Deny);
    denying
        .filter_map(|lowered| {
            let mut rules = lowered.written.iter();
            let mcp = rules.find_map(|rule| {
                let mcp = rule.value.mcp.as_ref();
                mcp.filter(|mcp| lists_tools(&mcp.value))
            })?;
            let mut targets = lowered.policy.targets.iter();
            let is_open = targets.any(|target| !only_listed(&enforced, target, combine));
            is_open.then(|| {
                let message = "tools are refused by the names that are listed, and a server may \
                               have further names for the same tool: an Allow policy that lists \
                               what may be called refuses those as well";
                let name = lowered.policy.policy.clone();
                (name, Problem::new(&mcp.at, message))
            })
        })
        .collect()
}

fn lists_tools(mcp: &Mcp) -> bool {
    let mut methods = mcp.methods.iter().flatten();
    methods.any(|method| method.name == MethodName::ToolsCall && method.params.is_some())
}

/// Whether of what comes to a target only tools can be called that an Allow policy lists.
fn only_listed(enforced: &[&Policy], target: &Target, combine: AllowPolicies) -> bool {
    [&Target::Gateway, target].into_iter().any(|site| {
        let mut allowing = enforced
            .iter()
            .filter(|policy| policy.action == Action::Allow && policy.targets.contains(site))
            .peekable();
        match combine {
            AllowPolicies::All => allowing.any(|policy| calls_only_listed(policy)),
            AllowPolicies::Any => {
                allowing.peek().is_some() && allowing.all(|policy| calls_only_listed(policy))
            }
        }
    })
}

fn calls_only_listed(policy: &Policy) -> bool {
    let mut rules = policy.rules.iter().flatten();
    policy.rules.is_some()
        && rules.all(|rule| {
            let mcp = rule.mcp.as_ref();
            mcp.is_some_and(|mcp| match &mcp.methods {
                None => mcp.base_protocol != BaseProtocol::None,
                Some(methods) => methods.iter().all(|method| match method.name {
                    MethodName::Tools => false,
                    MethodName::ToolsCall => method.params.is_some(),
                    _ => true,
                }),
            })
        })
}
