//! The engine: a policy and a request in, a decision with its reasons out.
//!
//! Pure: no I/O, no clock, no randomness. Nothing here fails; what cannot be
//! decided in a request's favour is decided against it.

#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unreachable
)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod act;
mod group;
mod http;
mod verdict;

pub use verdict::{Basis, Decision, Denial, DenialReason, Determining, LevelName, Permit};

use crate::policy::{AllowPolicies, CallerKey, Level, Policies, RuleRef, Unprotected};
use crate::request::{HttpTarget, Request};

use act::Acts;
use group::{Needed, Outcome};

/// Judges a request: the Gateway level first, then the Backend level of the
/// cluster that the route chose.
pub fn decide<'p>(policies: &'p Policies, request: &Request<'_>) -> Decision<'p> {
    if policies.is_empty() {
        return unprotected(policies);
    }
    let backend = match request.cluster {
        Some(cluster) => {
            let backend = policies.backend(cluster);
            // SECURITY: a cluster that was renamed, or misspelt in the enforcement
            // point, is not to be open because some other cluster is protected.
            if backend.is_none() && policies.gateway().allow().policies().is_empty() {
                return unprotected(policies);
            }
            backend
        }
        // SECURITY: a cluster that is not known yet may turn out to be a protected
        // one once it is.
        None if policies.protects_backends() => return Decision::deny(DenialReason::NoCluster),
        None => None,
    };
    let judge = Judge::new(policies, request);
    let gateway = match judge.level(LevelName::Gateway, policies.gateway()) {
        Ok(determining) => determining,
        Err(reason) => return Decision::deny(reason),
    };
    let backend = match backend.map(|level| judge.level(LevelName::Backend, level)) {
        None => None,
        Some(Ok(determining)) => determining,
        Some(Err(reason)) => return Decision::deny(reason),
    };
    Decision::Allow(Permit::new(Basis::Policies { gateway, backend }))
}

/// The decision on a request that no policy could judge.
fn unprotected<'p>(policies: &'p Policies) -> Decision<'p> {
    match policies.settings().unprotected {
        Unprotected::Allow => Decision::Allow(Permit::new(Basis::Unprotected)),
        Unprotected::Deny => Decision::deny(DenialReason::Unprotected),
    }
}

/// A request as the index knows it.
struct Judge<'p, 'r> {
    policies: &'p Policies,
    callers: Vec<CallerKey>,
    http: HttpTarget<'r>,
    acts: Acts,
}

impl<'p, 'r> Judge<'p, 'r> {
    fn new(policies: &'p Policies, request: &Request<'r>) -> Self {
        let known = request
            .caller
            .spiffe_id()
            .and_then(|id| policies.caller(id));
        let callers = std::iter::once(CallerKey::Anyone)
            .chain(known.map(CallerKey::Caller))
            .collect();
        Self {
            policies,
            callers,
            http: request.http,
            acts: Acts::new(policies, request.operation),
        }
    }

    /// Whether a rule's expression is true of the request.
    ///
    /// SECURITY: expressions are not asked yet, so a rule that has one never matches.
    fn expression_holds(&self, rule: RuleRef) -> bool {
        self.policies.cel(rule).is_none()
    }

    /// What allows the request at a level; `None` where no Allow policy is attached.
    fn level(
        &self,
        name: LevelName,
        level: &'p Level,
    ) -> Result<Option<Determining<'p>>, DenialReason<'p>> {
        let group = level.allow();
        if group.policies().is_empty() {
            return Ok(None);
        }
        let needed = match self.policies.allow_policies() {
            AllowPolicies::All => Needed::All,
            AllowPolicies::Any => Needed::Any,
        };
        let holds = |rule| {
            let http = self.policies.http(rule);
            http.is_none_or(|conditions| http::holds(conditions, &self.http))
                && self.expression_holds(rule)
        };
        let mut determining = None;
        for act in self.acts.iter() {
            match group::judge(group, &self.callers, act, needed, &holds) {
                Outcome::Allowed(rule) => {
                    determining.get_or_insert(rule);
                }
                Outcome::NotAllowed(policy) => {
                    let policy = policy.and_then(|policy| self.policies.policy_name(policy));
                    return Err(DenialReason::NotAllowed {
                        level: name,
                        policy,
                    });
                }
            }
        }
        Ok(determining.and_then(|rule| Determining::new(self.policies, rule)))
    }
}

#[cfg(test)]
mod tests;
