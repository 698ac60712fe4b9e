//! Which rules tests come to.

use std::collections::BTreeSet;

use super::super::explain::Explanation;
use crate::engine::decision::PolicyTrace;
use crate::engine::policy::{NumberedPolicy, RuleRef};

/// The rules of a policy, and those that determined something.
pub(super) struct Coverage {
    rules: BTreeSet<String>,
    determining: BTreeSet<String>,
}

impl Coverage {
    pub(super) fn new(document: &NumberedPolicy) -> Self {
        let rules = document
            .policies()
            .flat_map(|policy| document.rules(policy));
        Self {
            rules: rules.filter_map(|rule| name(document, rule)).collect(),
            determining: BTreeSet::new(),
        }
    }

    /// Adds what determined a request: of every policy that it came to, the rule by
    /// which that policy matched.
    pub(super) fn add(&mut self, explanation: &Explanation<'_>) {
        let Some(trace) = &explanation.explained.trace else {
            return;
        };
        let document = &explanation.loaded.document;
        let mut goes_on = true;
        for level in &trace.levels {
            // What comes after a question that is left open determines nothing.
            let last = level.asks.map(|by| by.policy);
            let acts = level.acts.iter();
            let policies = acts.flat_map(|act| {
                let is_before = |policy: &&PolicyTrace<'_>| Some(policy.name) != last;
                act.policies.iter().take_while(is_before)
            });
            let matched = policies.filter_map(|policy| policy.matched());
            if goes_on {
                let names = matched.filter_map(|rule| name(document, rule));
                let asking = level.asks.map(|by| by.to_string());
                self.determining.extend(names.chain(asking));
            }
            goes_on &= level.passes();
        }
    }

    /// The rules that determined nothing.
    pub(super) fn idle(&self) -> Vec<String> {
        self.rules.difference(&self.determining).cloned().collect()
    }
}

/// `namespace/policy#rule`
fn name(document: &NumberedPolicy, rule: RuleRef) -> Option<String> {
    let policy = &document.policy(rule.policy)?.policy;
    Some(match document.rule(rule) {
        Some(rule) => format!("{policy}#{}", rule.name),
        None => policy.to_string(),
    })
}
