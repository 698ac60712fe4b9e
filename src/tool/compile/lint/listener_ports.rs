//! Warnings about rules for ports that no request of their policy arrives on.

use std::ops::RangeInclusive;

use crate::engine::expr::{Attribute, Constant, Function};
use crate::engine::policy::{Listener, ObjectName, Target};
use crate::tool::api::decode::{Located, Problem};
use crate::tool::compile::cel::{self, By, What};
use crate::tool::compile::check::CheckedRule;
use crate::tool::compile::enforcement_point::EnforcementPoint;
use crate::tool::compile::lower::Lowered;

/// What else is no port is told of whatever the listeners are.
const PORTS: RangeInclusive<i64> = 0..=65_535;

/// The warnings, each with the policy that it is about. Where the enforcement point lists no
/// listeners nobody knows the ports.
pub(in crate::tool::compile) fn unheard(
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
    let rules = lowered.written.iter().flat_map(|rule| {
        let listed = listed(rule, listeners);
        listed.into_iter().chain(compared(rule, listeners))
    });
    rules.collect()
}

fn listed(rule: &Located<CheckedRule>, listeners: &[&Listener]) -> Option<Problem> {
    let is_heard = |port: &u64| {
        let mut ports = listeners.iter().map(|listener| listener.port.get());
        ports.any(|known| known == *port)
    };
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
    Some(Problem::new(&rule.at, message).help(known(listeners)))
}

/// What an expression compares the port with.
fn compared(rule: &Located<CheckedRule>, listeners: &[&Listener]) -> Vec<Problem> {
    let Some(cel) = &rule.value.cel else {
        return Vec::new();
    };
    let text = &cel.value.text;
    let ports: Vec<i64> = listeners
        .iter()
        .filter_map(|listener| i64::try_from(listener.port.get()).ok())
        .collect();
    let unheard = cel::compared(text).into_iter().filter_map(|compared| {
        let is_port = compared.subject.what == What::Attribute(Attribute::DestinationPort);
        let Constant::Int(number) = compared.with else {
            return None;
        };
        let function = match compared.by {
            By::Order(function) => function,
            By::Text(_) => Function::Equal,
        };
        let is_met = |port: &i64| cel::decided(function, (*port, *port), number) == Some(true);
        if !is_port || !PORTS.contains(&number) || ports.iter().any(is_met) {
            return None;
        }
        let message = match compared.by {
            By::Order(_) => "no listener that the policy is for has such a port".to_owned(),
            By::Text(_) => {
                format!("no listener that the policy is for has the port `{number}`")
            }
        };
        let problem = Problem::new(&cel.at, message).within(text, compared.span);
        Some(problem.help(known(listeners)))
    });
    unheard.collect()
}

fn known(listeners: &[&Listener]) -> String {
    let known: Vec<String> = listeners
        .iter()
        .map(|listener| format!("`{}` ({})", listener.port.get(), listener.name))
        .collect();
    format!(
        "ports are those of the Gateway's listeners: {}",
        known.join(", ")
    )
}
