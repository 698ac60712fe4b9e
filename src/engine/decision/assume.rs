//! Decisions that rest on assumptions, for whoever compares policies.

use super::Match;
use crate::engine::policy::RuleRef;

/// What is assumed of a request instead of being looked at.
#[derive(Clone, Copy)]
pub struct Assumed<'a> {
    /// Of the HTTP part and the expression of a rule, whether they match.
    pub conditions: &'a dyn Fn(RuleRef) -> Holds,
    /// The uri that the request's is another spelling of: one that some rule lists.
    pub spelling_of: Option<&'a str>,
}

/// Whether the HTTP part and the expression of a rule match a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// In an Allow policy.
    pub allows: bool,
    /// In a policy that refuses, or asks: also where it cannot be decided.
    pub refuses: bool,
}

impl Holds {
    pub(super) const fn as_match(self) -> Match {
        match (self.allows, self.refuses) {
            (true, true) => Match::Yes,
            (false, true) => Match::Undecided,
            (_, false) => Match::No,
        }
    }
}

/// As [`decide`](super::decide), where some things are assumed.
#[cfg(not(target_os = "wasi"))]
pub fn decide_assuming<'p>(
    policies: &'p crate::engine::policy::Policies,
    request: &crate::engine::request::Request<'_>,
    progress: &super::CompletedCalls,
    assumed: Assumed<'_>,
) -> super::Decision<'p> {
    use super::{Decision, Denial, Interruption, Permit};
    use crate::engine::policy::Evaluation;

    let allowance = super::Allowance::default();
    let mut judge = super::Judge::new(policies, request, progress, &allowance);
    if let Some(uri) = assumed.spelling_of {
        judge.acts.respell(policies, request, uri);
    }
    judge.assumed = Some(assumed);
    // What policies in Audit mode would make of it counts for nothing.
    match judge.judge(Evaluation::Enforced) {
        Ok(basis) => Decision::Allow(Permit::new(basis, None)),
        Err(Interruption::Denied(reason)) => Decision::Deny(Denial {
            reason,
            audit: None,
        }),
        Err(Interruption::Ask(ask)) => Decision::Ask(ask),
    }
}
