//! Warnings about what v0alpha0 implies, where it may surprise.

use crate::engine::policy::Action;
use crate::tool::api::decode::{Located, Problem};
use crate::tool::api::v0alpha0::{AccessRule, Spec};

/// The warnings about the rules of a valid policy.
pub(in crate::tool::compile) fn implied(spec: &Spec, action: Action) -> Vec<Problem> {
    let Spec {
        target_refs: _,
        rules,
    } = spec;
    let rules = rules.iter().flat_map(|rules| &rules.value);
    match action {
        Action::Allow => rules.filter_map(of_allow).collect(),
        Action::Deny | Action::ExternalAuth => Vec::new(),
    }
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
