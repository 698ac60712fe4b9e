//! Warnings about rules for ports that no request of their policy arrives on.

use super::enforcement_point::EnforcementPoint;
use super::lower::Lowered;
use crate::engine::policy::{Listener, ObjectName, Target};
use crate::tool::api::decode::Problem;

/// The warnings, each with the policy that it is about. Where the enforcement point lists no
/// listeners nobody knows the ports.
pub(super) fn unheard(
    policies: &[Lowered],
    point: &EnforcementPoint,
) -> Vec<(ObjectName, Problem)> {
    if point.listeners.is_empty() {
        return Vec::new();
    }
    let of_policy = policies.iter().flat_map(|lowered| {
        let listeners = listeners(&lowered.policy.targets, &point.listeners);
        let name = &lowered.policy.policy;
        about(lowered, &listeners)
            .into_iter()
            .map(|problem| (name.clone(), problem))
    });
    of_policy.collect()
}

/// The listeners whose requests a policy with some targets is for.
fn listeners<'l>(targets: &[Target], all: &'l [Listener]) -> Vec<&'l Listener> {
    let is_target = |listener: &&Listener| {
        targets.iter().any(|target| match target {
            Target::Listener(name) => *name == listener.name,
            Target::Gateway | Target::Backend(_) => true,
        })
    };
    all.iter().filter(is_target).collect()
}

fn about(lowered: &Lowered, listeners: &[&Listener]) -> Vec<Problem> {
    let is_heard = |port: &u64| {
        let mut ports = listeners.iter().map(|listener| listener.port.get());
        ports.any(|known| known == *port)
    };
    let rules = lowered.written.iter().filter_map(|rule| {
        let ports = rule.value.http.as_ref()?.ports.as_ref()?;
        let ports: Vec<u64> = ports.iter().map(|port| port.get()).collect();
        let unheard = ports.iter().filter(|port| !is_heard(port));
        let unheard: Vec<String> = unheard.map(|port| format!("`{port}`")).collect();
        if unheard.is_empty() {
            return None;
        }
        let consequence = match unheard.len() == ports.len() {
            true => ": the rule matches no request",
            false => "",
        };
        let message = format!(
            "no listener that the policy is for has the port {}{consequence}",
            unheard.join(", ")
        );
        let known: Vec<String> = listeners
            .iter()
            .map(|listener| format!("`{}` ({})", listener.port.get(), listener.name))
            .collect();
        let help = format!(
            "ports are those of the Gateway's listeners: {}",
            known.join(", ")
        );
        Some(Problem::new(&rule.at, message).help(help))
    });
    rules.collect()
}
