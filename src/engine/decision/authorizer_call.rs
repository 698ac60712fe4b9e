//! What authorizers have answered so far.
//!
//! Only a [`Pending`] question can be answered, only the engine makes one, and answering
//! uses it up.

use crate::engine::policy::{ExternalAuth, Policies, PolicyId, RuleRef};

use super::verdict::{Determining, LevelName};

/// How far a request has come: the policies whose authorizers let it go on.
///
/// INVARIANT: only an answered question makes it grow.
#[derive(Debug, Default)]
pub struct CompletedCalls(Vec<PolicyId>);

impl CompletedCalls {
    /// Whom the policies asked that let it go on.
    pub fn asked<'p>(&self, policies: &'p Policies) -> impl Iterator<Item = &'p ExternalAuth> {
        self.0
            .iter()
            .filter_map(|policy| policies.external_auth(*policy))
    }

    /// The same, for who judges again.
    pub(super) fn again(&self) -> Self {
        Self(self.0.clone())
    }

    pub(super) fn has_answer(&self, policy: PolicyId) -> bool {
        self.0.contains(&policy)
    }
}

/// A question that an authorizer has to answer before a request goes on.
#[derive(Debug)]
pub struct AuthorizerCall<'p> {
    /// The level of the policy that asks.
    pub level: LevelName,
    /// That policy, and the rule that matched.
    pub by: Determining<'p>,
    /// Whom it asks.
    pub auth: &'p ExternalAuth,
    rule: RuleRef,
}

impl<'p> AuthorizerCall<'p> {
    /// `None` where the rule's policy asks nobody.
    pub(super) fn new(policies: &'p Policies, level: LevelName, rule: RuleRef) -> Option<Self> {
        Some(Self {
            level,
            by: Determining::new(policies, rule)?,
            auth: policies.external_auth(rule.policy)?,
            rule,
        })
    }

    /// The policy that asks.
    pub const fn policy(&self) -> PolicyId {
        self.rule.policy
    }

    /// The question while it waits for its answer; it came up after `progress`.
    pub const fn wait(&self, progress: CompletedCalls) -> Pending {
        Pending {
            level: self.level,
            rule: self.rule,
            progress,
        }
    }
}

/// A question that waits for its answer.
#[derive(Debug)]
pub struct Pending {
    level: LevelName,
    rule: RuleRef,
    progress: CompletedCalls,
}

impl Pending {
    /// The question again; `None` when it is about other policies.
    pub fn ask<'p>(&self, policies: &'p Policies) -> Option<AuthorizerCall<'p>> {
        AuthorizerCall::new(policies, self.level, self.rule)
    }

    /// The authorizer lets the request go on, or is treated as if it did.
    pub fn allowed(self) -> CompletedCalls {
        let CompletedCalls(mut answered) = self.progress;
        answered.push(self.rule.policy);
        CompletedCalls(answered)
    }
}
