//! Warnings about what v0alpha0 implies, where it may surprise.

use crate::api::decode::{Located, Problem};
use crate::api::v0alpha0::{AccessRule, Authorization, Spec};
use crate::policy::Action;

/// The warnings about the rules of a valid policy.
pub(super) fn implied(spec: &Spec, action: Action) -> Vec<Problem> {
    let Spec {
        target_refs: _,
        rules,
    } = spec;
    let rules = rules.iter().flat_map(|rules| &rules.value);
    rules
        .filter_map(|rule| match action {
            Action::Allow => of_allow(rule),
            Action::Deny => Some(of_deny(rule)),
        })
        .collect()
}

/// In v1alpha1 what is left out allows everything.
fn of_allow(rule: &Located<AccessRule>) -> Option<Problem> {
    (!rule.value.authorization.is_written()).then(|| {
        let message = "the rule lists no tools: its source may list tools, and call none";
        Problem::new(&rule.at, message).help(
            "list them in `authorization: {type: InlineTools, tools: [...]}`; an empty list says \
             that none is meant",
        )
    })
}

/// What is implied is matched like what is listed, and refused with it.
fn of_deny(rule: &Located<AccessRule>) -> Problem {
    let lists_tools = rule.value.authorization.given().is_some_and(|given| {
        let Authorization {
            kind: _,
            tools,
            external_auth: _,
            cel: _,
        } = &given.value;
        tools.given().is_some_and(|tools| !tools.value.is_empty())
    });
    let (message, help) = if lists_tools {
        (
            "the rule refuses more than these tools: also to begin and end sessions, and to list \
             tools",
            "in version `v1alpha1` a rule refuses only what it lists",
        )
    } else {
        (
            "the rule refuses only to begin and end sessions, and to list tools: it refuses no \
             tool",
            "list tools, or use version `v1alpha1`, where a rule without `authorization` refuses \
             everything",
        )
    };
    Problem::new(&rule.at, message).help(help)
}
