//! Warnings about all policies of an enforcement point together.

use std::collections::BTreeMap;

use super::enforcement_point::EnforcementPoint;
use super::lower::Lowered;
use crate::api::decode::{Place, Problem};
use crate::policy::{Action, ObjectName, Target, Unprotected};

/// More policies on one target than that are hard to keep in mind.
///
/// SPEC: GEP-3779 asks for no more than a handful of policies on a target.
const POLICIES_ON_A_TARGET: usize = 5;

/// The warnings about the policies of an enforcement point.
pub(super) fn survey(policies: &[Lowered], point: &EnforcementPoint) -> Vec<Problem> {
    let mut targets: BTreeMap<Option<&ObjectName>, Vec<&Lowered>> = BTreeMap::new();
    for lowered in policies {
        for target in &lowered.policy.targets {
            let key = match target {
                Target::Gateway => None,
                Target::Backend(backend) => Some(backend),
            };
            targets.entry(key).or_default().push(lowered);
        }
    }
    let mut warnings = Vec::new();
    for (target, policies) in &targets {
        let name = match target {
            None => format!("Gateway `{}`", point.gateway.value),
            Some(backend) => format!("XBackend `{backend}`"),
        };
        warnings.extend(several_allow(&name, policies, point));
        warnings.extend(many(&name, policies));
    }
    warnings.extend(unprotected(policies, point));
    warnings.extend(point.by_name.as_ref().map(by_name));
    let protected: Vec<_> = targets.keys().copied().flatten().collect();
    if targets.contains_key(&None) {
        warnings.extend(open_backends(&protected, point));
    } else if !policies.is_empty() {
        warnings.push(open_gateway(&protected, point));
    }
    warnings
}

fn several_allow(target: &str, policies: &[&Lowered], point: &EnforcementPoint) -> Option<Problem> {
    let is_allow = |lowered: &&&Lowered| match lowered.policy.action {
        Action::Allow => true,
    };
    let allow: Vec<&&Lowered> = policies.iter().filter(is_allow).collect();
    let (first, rest) = allow.split_first()?;
    if point.says_allow_policies || rest.is_empty() {
        return None;
    }
    let names: Vec<String> = allow
        .iter()
        .map(|l| format!("`{}`", l.policy.policy))
        .collect();
    let count = allow.len();
    let message = format!("{target} has {count} Allow policies: {}", names.join(", "));
    let mut problem = Problem::new(&first.at, message).help(
        "say in the enforcement point how they combine: `allowPolicies: All` (as now): a request \
         needs all of them; `allowPolicies: Any`: it needs one of them",
    );
    for lowered in rest {
        problem = problem.related(lowered.at.span, "and this one");
    }
    Some(problem)
}

fn many(target: &str, policies: &[&Lowered]) -> Option<Problem> {
    let first = policies.first()?;
    let count = policies.len();
    (count > POLICIES_ON_A_TARGET).then(|| {
        Problem::new(&first.at, format!("{target} has {count} policies")).help(format!(
            "more than {POLICIES_ON_A_TARGET} are hard to keep in mind; merge some"
        ))
    })
}

fn unprotected(policies: &[Lowered], point: &EnforcementPoint) -> Option<Problem> {
    let gateway = &point.gateway;
    match (point.settings.unprotected, &point.unprotected) {
        (Unprotected::Allow, at) => {
            let at = at.as_ref().unwrap_or(&gateway.at);
            let message = match policies {
                [] => "there is no policy, and `unprotected: Allow`: everything is allowed",
                _ => "with `unprotected: Allow` everything is allowed when the last policy goes",
            };
            Some(Problem::new(at, message).help("`unprotected: Deny` is the default"))
        }
        (Unprotected::Deny, _) if policies.is_empty() => {
            let message = format!(
                "no policy is for Gateway `{}` or a backend behind it: everything is refused",
                gateway.value
            );
            Some(Problem::new(&gateway.at, message).help(
                "check the `targetRefs` and namespaces of the policies, and this file's `gateway` \
                 and `backends`",
            ))
        }
        (Unprotected::Deny, _) => None,
    }
}

/// Servers act on the uri, and nobody makes sure that the name is its own.
fn by_name(at: &Place) -> Problem {
    let message = "resources are judged by `params.name`, which servers ignore: a caller can get \
                   any resource under a name that is listed";
    Problem::new(at, message).help("`resourceParam: Uri` is the default, and lists of uris hold")
}

/// A level without policies passes. A backend may be left to the Gateway's policies;
/// or the policy meant for it names it wrongly.
fn open_backends(protected: &[&ObjectName], point: &EnforcementPoint) -> Option<Problem> {
    let open = unprotected_backends(protected, point);
    if open.is_empty() {
        return None;
    }
    let message = format!(
        "no policy is for XBackend {}: what passes the Gateway may do everything there",
        open.join(", ")
    );
    Some(
        Problem::new(&point.gateway.at, message)
            .help("check the names in `targetRefs`, or add a policy for it"),
    )
}

/// The backends that no policy is for, quoted.
fn unprotected_backends(protected: &[&ObjectName], point: &EnforcementPoint) -> Vec<String> {
    point
        .backends
        .iter()
        .filter(|backend| !protected.contains(&&backend.backend))
        .map(|backend| format!("`{}`", backend.backend))
        .collect()
}

/// A level without policies passes: without one on the Gateway, only requests to
/// backends that have policies are judged at all.
fn open_gateway(protected: &[&ObjectName], point: &EnforcementPoint) -> Problem {
    let gateway = &point.gateway;
    let open = unprotected_backends(protected, point);
    let open = match open.as_slice() {
        [] => String::new(),
        open => format!("requests to {} are not judged, and ", open.join(", ")),
    };
    let message = format!(
        "no policy is for Gateway `{}` itself: {open}for clusters that are not listed \
         `unprotected` decides",
        gateway.value
    );
    Problem::new(&gateway.at, message)
        .help("add a policy for the Gateway that says what may pass it")
}
