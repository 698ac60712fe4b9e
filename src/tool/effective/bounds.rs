//! The same policies with every condition on more than caller, method and thing met, or
//! not met: whichever is better for the caller, whichever is worse.

use crate::engine::policy::{
    Action, CompiledPolicy, HttpMatch, LoadError, NumberedPolicy, Policies, Rule,
};

/// The policies as they are, and what they can come to.
pub(super) struct Bounds {
    /// As they are.
    pub(super) document: NumberedPolicy,
    pub(super) policies: Policies,
    /// All conditions are met.
    pub(super) met: (NumberedPolicy, Policies),
    /// Conditions are as the caller wants them.
    pub(super) best: Policies,
    /// Conditions are as the caller does not want them.
    pub(super) worst: Policies,
}

impl Bounds {
    pub(super) fn new(compiled: &CompiledPolicy) -> Result<Self, LoadError> {
        let (document, policies) = NumberedPolicy::load(compiled.clone())?;
        let with = |is_met: &dyn Fn(Action) -> bool| {
            let mut compiled = compiled.clone();
            for policy in &mut compiled.policies {
                let is_met = is_met(policy.action);
                for rule in policy.rules.iter_mut().flatten() {
                    settle(rule, is_met);
                }
            }
            compiled
        };
        Ok(Self {
            document,
            policies,
            met: NumberedPolicy::load(with(&|_| true))?,
            best: Policies::new(with(&|action| action != Action::Deny))?,
            worst: Policies::new(with(&|action| action != Action::Allow))?,
        })
    }
}

/// Whether a rule depends on more than caller, method and thing.
pub(super) const fn is_conditional(rule: &Rule) -> bool {
    rule.http.is_some() || rule.cel.is_some()
}

/// Makes a rule's conditions always or never met. Where it is filed stays the same, so
/// that lists which restrict what may be completed go on doing so.
fn settle(rule: &mut Rule, is_met: bool) {
    if !is_conditional(rule) {
        return;
    }
    rule.cel = None;
    rule.message = None;
    rule.http = (!is_met).then(|| {
        Box::new(HttpMatch {
            methods: Some(vec![NEVER.to_owned()]),
            ..HttpMatch::default()
        })
    });
}

/// A method that no request has.
const NEVER: &str = "\0";
