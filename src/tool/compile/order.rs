//! Several policies that ask authorizers about the same requests.

use std::collections::BTreeMap;

use super::lower::Lowered;
use crate::engine::policy::{Action, Mode, Target};
use crate::tool::api::decode::Problem;

/// Refuses policies that ask on one target and do not say in which order.
///
/// SPEC: upstream has one such policy on a target. Which one is asked first decides what
/// the other gets to see, so that it is not left to names.
pub(super) fn unordered(policies: &[Lowered]) -> Vec<Problem> {
    let asks = |lowered: &&Lowered| {
        lowered.policy.action == Action::ExternalAuth && lowered.policy.mode == Mode::Enforce
    };
    let asking: Vec<&Lowered> = policies.iter().filter(asks).collect();
    // Each is told of with the first of the others, and no two of them twice.
    let mut problems = BTreeMap::new();
    for lowered in asking.iter().filter(|lowered| !lowered.has_order) {
        let name = &lowered.policy.policy;
        let mut others = asking.iter().filter(|other| other.policy.policy != *name);
        if let Some(other) = others.find(|other| meet(lowered, other)) {
            let message = format!(
                "`{name}` and `{}` ask authorizers about the same target, and it is not said \
                 which one first",
                other.policy.policy
            );
            let help = "give each an annotation `accesspolicy/order`: a whole number, the least \
                        asks first";
            let problem = Problem::new(&lowered.at, message)
                .help(help)
                .related(other.at.span, "the other one");
            let other = &other.policy.policy;
            problems
                .entry((name.min(other), name.max(other)))
                .or_insert(problem);
        }
    }
    problems.into_values().collect()
}

/// Whether some request meets both.
fn meet(one: &Lowered, other: &Lowered) -> bool {
    let of_gateway = |target: &Target| matches!(target, Target::Gateway);
    let is_listener = |target: &Target| matches!(target, Target::Listener(_));
    let common = |one: &Target, other: &Target| {
        one == other
            || (of_gateway(one) && is_listener(other))
            || (is_listener(one) && of_gateway(other))
    };
    let targets = &other.policy.targets;
    let mut own = one.policy.targets.iter();
    own.any(|target| targets.iter().any(|other| common(target, other)))
}
