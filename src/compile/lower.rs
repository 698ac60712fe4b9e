//! From valid policies to the compiled form, for one enforcement point.
//!
//! Names are resolved here: targets to this gateway and its backends, service
//! accounts to SPIFFE IDs.

use super::check::{Attachment, Caller, Checked, CheckedRule};
use super::enforcement_point::EnforcementPoint;
use crate::api::decode::{Located, Place, Problem};
use crate::policy::{Action, ObjectName, Policy, Rule, Target};

/// A compiled policy, and where its parts are written.
#[derive(Debug)]
pub(super) struct Lowered {
    pub(super) policy: Policy,
    /// Where the policy is named.
    pub(super) at: Place,
}

/// Compiles a policy. `None` when it is for other gateways, or when problems were
/// reported; notes say which of its targets are skipped.
pub(super) fn lower(
    checked: &Checked,
    point: &EnforcementPoint,
    notes: &mut Vec<Problem>,
    problems: &mut Vec<Problem>,
) -> Option<Lowered> {
    let mut targets = Vec::new();
    for Located { value, at } in &checked.targets {
        match resolve(value, point) {
            Ok(target) => targets.push(target),
            Err(message) => notes.push(Problem::new(at, message)),
        }
    }
    targets.sort_by(|a, b| order(a).cmp(&order(b)));
    targets.dedup();
    if targets.is_empty() {
        return None;
    }
    let rules = match &checked.rules {
        None => None,
        Some(rules) => {
            let rules: Vec<_> = rules
                .iter()
                .map(|rule| lower_rule(&rule.value, point, problems))
                .collect();
            Some(rules.into_iter().collect::<Option<Vec<Rule>>>()?)
        }
    };
    let Located { value: policy, at } = checked.name.clone();
    Some(Lowered {
        policy: Policy {
            policy,
            action: Action::Allow,
            targets,
            rules,
        },
        at,
    })
}

/// The Gateway first, then backends by name.
fn order(target: &Target) -> Option<&ObjectName> {
    match target {
        Target::Gateway => None,
        Target::Backend(backend) => Some(backend),
    }
}

fn resolve(attachment: &Attachment, point: &EnforcementPoint) -> Result<Target, String> {
    match attachment {
        Attachment::Gateway(gateway) if *gateway == point.gateway.value => Ok(Target::Gateway),
        Attachment::Gateway(gateway) => {
            let this = &point.gateway.value;
            Err(format!(
                "skipped the target Gateway `{gateway}`: this is `{this}`"
            ))
        }
        Attachment::Backend(backend) if point.backends.iter().any(|b| b.backend == *backend) => {
            Ok(Target::Backend(backend.clone()))
        }
        Attachment::Backend(backend) => Err(format!(
            "skipped the target XBackend `{backend}`: the enforcement point does not list it"
        )),
    }
}

fn lower_rule(
    rule: &CheckedRule,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) -> Option<Rule> {
    let CheckedRule {
        name,
        source,
        http,
        mcp,
        cel,
    } = rule;
    let source = match source {
        None => None,
        Some(source) => Some(spiffe_id(source, point, problems)?),
    };
    let mcp = mcp.as_ref().map(|mcp| mcp.value.clone());
    Some(Rule {
        name: name.clone(),
        source,
        http: http.clone(),
        mcp,
        cel: cel.as_ref().map(|cel| cel.value.clone()),
    })
}

/// SPEC: semantics of `source.serviceAccount`: the SPIFFE ID that Istio, among
/// others, gives to a service account.
fn spiffe_id(
    caller: &Located<Caller>,
    point: &EnforcementPoint,
    problems: &mut Vec<Problem>,
) -> Option<String> {
    match (&caller.value, &point.trust_domain) {
        (Caller::Spiffe(id), _) => Some(id.clone()),
        (Caller::ServiceAccount(ObjectName { namespace, name }), Some(domain)) => {
            Some(format!("spiffe://{domain}/ns/{namespace}/sa/{name}"))
        }
        (Caller::ServiceAccount(_), None) => {
            let message = "the enforcement point does not say whose service account this is";
            problems.push(
                Problem::new(&caller.at, message)
                    .help("add `trustDomain: ...` to the enforcement point file"),
            );
            None
        }
    }
}
